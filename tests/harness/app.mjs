// SPDX-License-Identifier: EUPL-1.2
// Our program under test: the real binary, an ini file of its own, free ports, a key ring, one PostgreSQL role per service. Services
// run as processes that a test may stop, freeze or kill; none outlives its test.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary } from './build.mjs';
import { newFolder } from './folder.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

export const SERVICES = ['ingest', 'correlate', 'webhook', 'sms', 'portal', 'watch'];
const STOP_LIMIT_MS = 25_000; // the drain's bound, DESIGN §9

// → App. services: which to start and wait for, all by default, [] for none. config: { section: { key: value } } over the harness's. program: another build of it.
// machine: of harness/network.mjs, to run it there. database: { host, port } through which services reach PostgreSQL; commands use its socket.
export async function startApp({ cluster, services = SERVICES, config = {}, program = binary, machine, database }) {
    const app = await new App(cluster, program, { machine, database }).prepare(config);
    services.forEach((service) => app.start(service));
    await Promise.all(services.map((service) => app.ready(service)));
    return app;
}

const iniOf = (config) => Object.entries(config).filter(([name]) => !name.startsWith('twin '))
    .map(([name, keys]) => `[${name}]\n${Object.entries(keys).map(([key, value]) => `${key} = ${value}\n`).join('')}`).join('\n');

export class App {
    running = new Map(); // service → Process
    children = []; // { service, child } of all that were ever started

    constructor(cluster, program = binary, { machine, database } = {}) {
        Object.assign(this, { machine, database });
        this.cluster = cluster;
        this.program = program;
        this.folder = newFolder('app');
    }

    async prepare(config) {
        this.config = {
            database: { url: this.cluster.conninfo({ user: 'dt_cli' }), owner_url: this.cluster.conninfo() },
            keys: { dir: join(this.folder, 'keys') },
            log: { level: 'debug' },
        };
        for (const service of SERVICES) {
            this.config[service] = {
                database_url: this.cluster.conninfo({ user: `dt_${service}`, ...this.database }),
                ops_listen: await this.#listen(),
            };
        }
        this.config.supervise = { ops_listen: await this.#listen() };
        this.config.ingest.listen = await this.#listen({ name: 'ingest', from: 'scan' });
        this.config.portal.listen = await this.#listen({ name: 'portal', from: 'office' });
        this.config.portal.public_url = this.url('portal');
        this.config.sms.file = join(this.folder, 'sms.jsonl');
        for (const [section, keys] of Object.entries(config))
            this.config[section] = { ...this.config[section], ...keys };
        this.configure();
        await this.run(['keys', 'init', this.config.keys.dir]);
        return this;
    }

    // Writes the ini file again, after changes to `config`. A running service reads it at SIGHUP.
    configure() {
        this.ini = join(this.folder, 'duongthu.ini');
        writeFileSync(this.ini, iniOf(this.config), { mode: 0o600 });
    }

    // Another cluster has taken the place of the first: a restore, a standby. conninfo(user) → libpq's words for it, when one host is not all.
    moveTo(cluster, conninfo = (user) => cluster.conninfo({ user })) {
        this.cluster = cluster;
        Object.assign(this.config.database, { url: conninfo('dt_cli'), owner_url: conninfo('duongthu') });
        for (const service of SERVICES)
            this.config[service].database_url = conninfo(`dt_${service}`);
        this.configure();
    }

    // ---- addresses

    // A new port where a service listens. On a network: on its machine, reached from another by a link of that name; for the test at the same port of 127.0.0.1.
    async #listen(way = {}) {
        const port = await freePort();
        return this.machine ? this.machine.listen(port, way) : `127.0.0.1:${port}`;
    }

    // Where a service (ingest, portal) serves people and devices; `ops` is where each tells how it is.
    url(service, path = '') {
        return `http://${this.machine ? `127.0.0.1:${this.port(service)}` : this.config[service].listen}${path}`;
    }

    ops(service, path = '') {
        return `http://${this.config[service].ops_listen}${path}`;
    }

    port(service) {
        return Number(this.config[service].listen.split(':')[1]);
    }

    // ---- processes

    // extra: { env, stderr } of this one process: variables over ours, a file descriptor instead of a pipe that we read.
    start(service, extra) {
        const child = new Process(this.#spawn([service, '--config', this.ini], extra));
        this.running.set(service, child);
        this.children.push({ service, child });
        return child;
    }

    // `duongthu serve`, which starts the others itself.
    serve() {
        const child = new Process(this.#spawn(['serve', '--config', this.ini]));
        this.running.set('serve', child);
        return child;
    }

    // A second process of a service, on ports of its own: a stand-by, which need not be ready. → Process, which stop() ends too.
    async twin(service, extra) {
        const config = { ...this.config, [service]: { ...this.config[service], ops_listen: await this.#listen() } };
        const ini = join(this.folder, `twin-${service}.ini`);
        writeFileSync(ini, iniOf(config), { mode: 0o600 });
        const child = new Process(this.#spawn([service, '--config', ini], extra));
        this.running.set(`twin ${service}`, child);
        this.children.push({ service, child });
        this.config[`twin ${service}`] = config[service];
        await this.lives(`twin ${service}`);
        return child;
    }

    // Its loop turns, whether it can work or not.
    lives(service, { limit = 60_000 } = {}) {
        return until(async () => (await fetch(this.ops(service, '/livez'))).ok, { limit, what: `${service} lives` });
    }

    process(service) {
        return this.running.get(service);
    }

    // kill -9, and the same service again.
    async restart(service, signal = 'SIGKILL') {
        await this.running.get(service).end(signal);
        const child = this.start(service);
        await this.ready(service);
        return child;
    }

    // Waits until /readyz says 200; fails at once when the process is gone.
    async ready(service, { limit = 60_000 } = {}) {
        let answer = 'no answer';
        try {
            await until(async () => {
                const child = this.running.get(service);
                if (child?.result)
                    return true;
                const response = await fetch(this.ops(service, '/readyz'));
                answer = `${response.status} ${await response.text()}`;
                return response.status === 200;
            }, { limit, what: `${service} is ready` });
        } catch (error) {
            throw new Error(`${error.message}; its last answer: ${answer}\n${this.running.get(service)?.output ?? ''}`, { cause: error.cause });
        }
        const child = this.running.get(service);
        if (child?.result)
            throw new Error(`${service} ended with ${JSON.stringify(child.result)}:\n${child.output}`);
    }

    // Is it at work at this moment? A frozen process is not.
    async isReady(service) {
        try {
            return (await fetch(this.ops(service, '/readyz'), { signal: AbortSignal.timeout(1_000) })).status === 200;
        } catch {
            return false;
        }
    }

    // One command to its end → { code, stdout, stderr }. Throws when it fails, unless mayFail.
    async run(args, { input = '', mayFail = false, env = {} } = {}) {
        const child = new Process(this.#spawn(args, { env: { DUONGTHU_CONFIG: this.ini, ...env } }));
        child.child.stdin.on('error', () => {}); // a command that reads no input may be gone
        child.child.stdin.end(input);
        const { code, signal } = await child.ended;
        if (code !== 0 && !mayFail)
            throw new Error(`duongthu ${args.join(' ')}: ${code ?? signal}\n${child.output}`);
        return { code: code ?? signal, stdout: child.stdout, stderr: child.stderr };
    }

    // /metrics of a service: name with labels → number
    async metrics(service) {
        const text = await (await fetch(this.ops(service, '/metrics'))).text();
        return new Map(text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => {
            const space = line.lastIndexOf(' ');
            return [line.slice(0, space), Number(line.slice(space + 1))];
        }));
    }

    // Log lines of all services that ran, in no promised order between services.
    logs(event) {
        return [...this.running.values()].flatMap((child) => child.logs).filter((line) => event === undefined || line.event === event);
    }

    // Ends everything as an operator would, and is strict about it: a service that was not killed by the test must leave with 0 in time.
    async stop() {
        const left = [...this.running].filter(([, child]) => !child.result);
        const results = await Promise.all(left.map(async ([service, child]) => [service, child, await child.end('SIGTERM')]));
        for (const [service, child, { code, signal }] of results) {
            if (code !== 0)
                throw new Error(`${service} ended with ${code ?? signal} on SIGTERM:\n${child.output.slice(-10_000)}`);
        }
    }

    #spawn(args, { env = {}, stderr = 'pipe' } = {}) {
        const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('DUONGTHU_'));
        const command = this.machine ? this.machine.command(this.program, args) : [this.program, args];
        return spawn(...command, { cwd: this.folder, env: { ...Object.fromEntries(inherited), ...env }, stdio: ['pipe', 'pipe', stderr] });
    }
}

// ---- one running program

// What each thread of a process that does not end is at: its state and where it waits in the kernel. It may be gone, and only its pipes be held by another.
function threadsOf(pid) {
    const read = (path) => {
        try {
            return readFileSync(path, 'utf8').trim();
        } catch {
            return '?';
        }
    };
    try {
        return readdirSync(`/proc/${pid}/task`).map((id) => {
            const at = `/proc/${pid}/task/${id}`;
            return `thread ${id}: ${read(`${at}/status`).match(/^State:.*$/m)?.[0]}, ${read(`${at}/wchan`)}, system call ${read(`${at}/syscall`)}`;
        }).join('\n');
    } catch {
        return `process ${pid} has ended; somebody else holds its output open`;
    }
}

const alive = new Set();
process.on('exit', () => alive.forEach(({ child }) => child.kill('SIGKILL')));

export class Process {
    stdout = '';
    stderr = '';
    output = ''; // both, in order of arrival
    result = null; // { code, signal } once it has ended

    constructor(child) {
        this.child = child;
        this.pid = child.pid;
        alive.add(this);
        for (const name of ['stdout', 'stderr']) {
            child[name]?.setEncoding('utf8').on('data', (text) => {
                this[name] += text;
                this.output += text;
            });
        }
        this.ended = new Promise((resolve) => {
            child.on('error', (error) => (this.output += `${error}\n`));
            child.on('close', (code, signal) => {
                alive.delete(this);
                this.result = { code, signal };
                resolve(this.result);
            });
        });
    }

    // JSON log lines so far; what is no JSON (a sanitizer's report, say) stays in `stderr`.
    get logs() {
        return this.stderr.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}')).map((line) => JSON.parse(line));
    }

    kill(signal) {
        this.child.kill(signal);
    }

    // Sends the signal and waits → { code, signal }. After the limit it is killed, and that is an error.
    async end(signal = 'SIGTERM', { limit = STOP_LIMIT_MS } = {}) {
        this.kill(signal);
        this.kill('SIGCONT'); // a frozen process hears nothing
        try {
            await until(() => this.result, { limit, what: `process ${this.pid} ends on ${signal}` });
        } catch (error) {
            const threads = threadsOf(this.pid);
            this.kill('SIGKILL');
            await this.ended;
            throw new Error(`${error.message}\n${threads}\n${this.output.slice(-10_000)}`);
        }
        return this.result;
    }
}
