// SPDX-License-Identifier: EUPL-1.2
// A network of our own: machines as network namespaces on one bridge, addresses that exist only inside, and the faults that the kernel knows (loss, cuts, resets, thin
// pipes). What it does not know (delay, slices, truncation) the fault proxy does: peers and people of the test stay outside, and a link of the proxy stands for each of
// them inside, so that every socket of our services crosses the bridge itself. Needs root, ip, tc and nft.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { FaultProxy } from './fault_proxy.mjs';

const MACHINES = ['scan', 'app', 'db', 'office', 'sms'];
const SUBNET = '10.77.0'; // collides with nobody: the bridge is in a namespace, too
const PREFIX = 'dt'; // of the namespaces' names: dt-<pid>-<its start>-<n>-<machine>
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

function run(command, args, input) {
    try {
        return execFileSync(command, args, { env, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });
    } catch (error) {
        throw new Error(`${command} ${args.join(' ')}: ${error.stderr || error.message}`, { cause: error });
    }
}

// When a process began, in ticks since the boot: with its number it names it for good. undefined: there is none.
function startOf(pid) {
    try {
        return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')[19];
    } catch {
        return undefined;
    }
}

// Why this machine can have no such network, or null. Tries it.
export function whyNoNetwork() {
    if (process.getuid() !== 0)
        return 'network namespaces need root: run this as root';
    const name = `${PREFIX}-${process.pid}-${startOf(process.pid)}-trial`;
    try {
        run('ip', ['netns', 'add', name]);
        try {
            run('nsenter', [`--net=/run/netns/${name}`, 'nft', 'list', 'ruleset']);
            run('ip', ['-n', name, 'link', 'add', 'bridge', 'type', 'bridge']);
        } finally {
            run('ip', ['netns', 'del', name]);
        }
    } catch (error) {
        return `this machine gives no network namespaces (deploy/setup.sh test installs ip and nft): ${error.message}`;
    }
    return null;
}

// ---- what may not remain

const ours = () => run('ip', ['netns', 'list']).split('\n').map((line) => line.split(' ')[0]).filter((name) => name.startsWith(`${PREFIX}-`));

function remove(name) {
    for (const pid of run('ip', ['netns', 'pids', name]).split('\n').filter(Boolean)) {
        try {
            process.kill(Number(pid), 'SIGKILL');
        } catch (error) {
            if (error.code !== 'ESRCH')
                throw error;
        }
    }
    run('ip', ['netns', 'del', name]);
}

// Namespaces of processes that are gone: a test that was killed could not remove its own. Ends what still runs in them. → their names
export function sweep() {
    const dead = ours().filter((name) => {
        const [, pid, start] = name.split('-');
        return startOf(pid) !== start;
    });
    dead.forEach(remove);
    return dead;
}

// ---- the network

const networks = new Set();
process.on('exit', () => networks.forEach((network) => network.names().forEach(remove)));
let count = 0;

// → a Network; end it with destroy(). seed: of the proxy's jitter. Throws where there can be none, and says why.
export async function startNetwork({ machines = MACHINES, seed } = {}) {
    const why = whyNoNetwork();
    if (why)
        throw new Error(why);
    sweep();
    return new Network(machines, seed);
}

export class Network {
    machines = new Map(); // name → Machine
    #faults = new Set();

    constructor(names, seed) {
        this.prefix = `${PREFIX}-${process.pid}-${startOf(process.pid)}-${++count}`;
        this.wire = `${this.prefix}-wire`;
        networks.add(this);
        run('ip', ['netns', 'add', this.wire]);
        run('ip', ['-n', this.wire, 'link', 'add', 'bridge', 'type', 'bridge']);
        run('ip', ['-n', this.wire, 'link', 'set', 'bridge', 'up']);
        names.forEach((name, i) => this.#plug(new Machine(this, name, `${SUBNET}.${i + 1}`)));
        this.proxy = new FaultProxy({ seed });
    }

    #plug(machine) {
        const { name, space } = machine;
        run('ip', ['netns', 'add', space]);
        run('ip', ['-n', this.wire, '-batch', '-'], `link add ${name} type veth peer name eth0 netns ${space}\nlink set ${name} master bridge up\n`);
        run('ip', ['-n', space, '-batch', '-'], `link set lo up\nlink set eth0 up\naddress add ${machine.address}/24 dev eth0\n`);
        this.machines.set(name, machine);
    }

    machine(name) {
        const machine = this.machines.get(name);
        if (!machine)
            throw new Error(`the network has no machine ${name}`);
        return machine;
    }

    names() {
        return [...this.machines.values()].map(({ space }) => space).concat(this.wire);
    }

    // The numbers of all that run on it.
    processes() {
        return this.names().flatMap((name) => run('ip', ['netns', 'pids', name]).split('\n').filter(Boolean).map(Number));
    }

    // Heals and removes everything. Whoever still runs on it is ended, and that is an error.
    async destroy() {
        const left = this.processes();
        await this.proxy.stop();
        this.names().forEach(remove);
        networks.delete(this);
        if (left.length > 0)
            throw new Error(`processes ${left.join(' ')} were still on the network`);
    }

    // ---- faults. Each returns what heals it; doing that twice is harmless. Names are of machines.

    // Nothing passes from one to the other; back: nor the other way.
    cut(from, to, { back = true } = {}) {
        return this.#between(from, to, back, 'counter drop');
    }

    // Whoever of the two talks to the other over TCP is answered with a reset.
    reject(from, to, { back = true } = {}) {
        return this.#between(from, to, back, 'tcp flags & rst == 0 counter reject with tcp reset');
    }

    // So many of a hundred packets get lost, in both directions.
    lose(from, to, percent) {
        return this.#between(from, to, true, `numgen random mod 100 < ${percent} counter drop`);
    }

    // A pipe of so many kbit/s in each direction, as of a commune with 2G; what waits longer than 400 ms is lost.
    thin(name, kbit = 64) {
        const ends = [[this.machine(name).space, 'eth0'], [this.wire, name]];
        const tc = (...words) => ends.forEach(([space, device]) => run('tc', ['-n', space, 'qdisc', words[0], 'dev', device, 'root', ...words.slice(1)]));
        tc('add', 'tbf', 'rate', `${kbit}kbit`, 'burst', '4k', 'latency', '400ms');
        const delayed = ([space, device]) => Number(run('tc', ['-s', '-n', space, 'qdisc', 'show', 'dev', device]).match(/overlimits (\d+)/)[1]);
        return this.#fault(() => tc('del'), () => ends.map(delayed).reduce((sum, n) => sum + n));
    }

    healAll() {
        [...this.#faults].forEach((heal) => heal());
    }

    // A table of its own for each fault, on whoever receives.
    #between(from, to, back, verdict) {
        const table = `fault_${++count}`;
        const ends = [[from, to], ...(back ? [[to, from]] : [])].map((pair) => pair.map((name) => this.machine(name)));
        for (const [sender, receiver] of ends) {
            receiver.nft(`table inet ${table} {
                chain arriving {
                    type filter hook input priority 0;
                    ip saddr ${sender.address} ${verdict}
                }
            }`);
        }
        const told = ([, receiver]) => Number(receiver.nft(`list table inet ${table}`).match(/counter packets (\d+)/)[1]);
        return this.#fault(() => ends.forEach(([, receiver]) => receiver.nft(`delete table inet ${table}`)), () => ends.map(told).reduce((sum, n) => sum + n));
    }

    // → heal; heal.packets() tells how often it struck a packet so far.
    #fault(undo, packets) {
        let last = 0;
        const heal = () => {
            if (!this.#faults.delete(heal))
                return;
            last = packets();
            undo();
        };
        heal.packets = () => (this.#faults.has(heal) ? packets() : last);
        this.#faults.add(heal);
        return heal;
    }
}

// One namespace: what runs on it, and how it is reached from the test.
class Machine {
    constructor(network, name, address) {
        Object.assign(this, { network, name, address, space: `${network.prefix}-${name}` });
    }

    // [program, arguments] that run something on it, as another user if need be. The process keeps its number.
    command(program, args, { uid, gid } = {}) {
        const who = uid === undefined ? [] : [`--setgid=${gid}`, `--setuid=${uid}`];
        return ['nsenter', [`--net=/run/netns/${this.space}`, ...who, '--', program, ...args]];
    }

    // Somebody here will listen on a port: the test reaches it at 127.0.0.1 with the same number. from: the machine whose way it takes, as link `name`; none: this
    // one itself, over its loopback, which no fault concerns. → where to listen: ADDRESS:PORT
    async listen(port, { from, name = `${this.name}-${port}` } = {}) {
        const address = from ? this.address : '127.0.0.1';
        const space = from ? this.network.machine(from).space : this.space;
        await this.network.proxy.link(name, `${address}:${port}@${space}`, { from: `127.0.0.1:${port}` });
        return `${address}:${port}`;
    }

    // A peer of the test, at 127.0.0.1:port or a Unix socket, appears on this machine as link `name` → the Link, with `address` and `port`.
    host(to, { port, name = `${this.name}-${port}` }) {
        return this.network.proxy.link(name, to, { from: `${this.address}:${port}@${this.space}` });
    }

    // A peer of the test, at 127.0.0.1:port, appears at the same port of this machine's own loopback.
    hostInside(port) {
        return this.network.proxy.link(`inside-${this.name}-${port}`, `127.0.0.1:${port}`, { from: `127.0.0.1:${port}@${this.space}` });
    }

    nft(commands) {
        return run('nsenter', [`--net=/run/netns/${this.space}`, 'nft', '-f', '-'], commands);
    }
}
