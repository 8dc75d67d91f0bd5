// SPDX-License-Identifier: EUPL-1.2
// Our own network: who reaches whom, what each fault does, and that nothing of it remains, however the test ends. It needs root; a machine that can't have one fails here
// and says why.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { startCluster } from '../harness/cluster.mjs';
import { startNetwork, sweep, whyNoNetwork } from '../harness/network.mjs';
import { freePort } from '../harness/ports.mjs';
import { until } from '../harness/wait.mjs';

const accepted = [];
const target = createServer((socket) => accepted.push(heard(socket)));
let network;
let port; // of the target, as the machine `scan` reaches it on the machine `app`
before(async () => {
    assert.equal(whyNoNetwork(), null);
    await new Promise((resolve) => target.listen(0, '127.0.0.1', resolve));
    network = await startNetwork({ seed: 7 });
    port = await freePort();
    await network.machine('app').host(`127.0.0.1:${target.address().port}`, { port, name: 'target' });
    await network.machine('app').listen(port, { from: 'scan', name: 'way' });
});
afterEach(() => network.healAll());
after(async () => {
    await network?.destroy();
    target.close();
});

// A socket that keeps what it hears, and how it ended.
function heard(socket) {
    const end = { socket: socket.setNoDelay(), data: Buffer.alloc(0), over: null };
    socket.on('data', (chunk) => (end.data = Buffer.concat([end.data, chunk])));
    socket.on('end', () => (end.over ??= 'end')).on('error', ({ code }) => (end.over ??= code));
    end.has = (text, limit) => until(() => end.data.equals(Buffer.from(text)), { limit, what: `${text.length} bytes arrive` });
    return end;
}

async function pair() {
    const known = accepted.length;
    const client = heard(connect(port, '127.0.0.1'));
    return { client, server: await until(() => accepted[known], { what: 'the target is reached over the bridge' }) };
}

test('a cut lets nothing pass in either direction, and healed all of it comes', async () => {
    const { client, server } = await pair();
    const heal = network.cut('scan', 'app');
    client.socket.write('up');
    server.socket.write('down');
    await until(() => heal.packets() >= 4, { what: 'packets of both were dropped' });
    assert.deepEqual([client.data.length, server.data.length], [0, 0]);
    heal();
    await Promise.all([server.has('up', 30_000), client.has('down', 30_000)]);
});

test('a cut in one direction leaves the other', async () => {
    const { client, server } = await pair();
    const heal = network.cut('scan', 'app', { back: false });
    client.socket.write('up');
    server.socket.write('down');
    await client.has('down');
    await until(() => heal.packets() >= 2, { what: 'packets were dropped' });
    assert.equal(server.data.length, 0);
    heal();
    await server.has('up', 30_000);
});

test('a cut concerns the two alone', async () => {
    network.cut('office', 'app');
    network.cut('scan', 'db');
    const { client, server } = await pair();
    client.socket.write('up');
    await server.has('up');
});

test('whoever talks is answered with a reset', async () => {
    const { client } = await pair();
    const heal = network.reject('scan', 'app');
    client.socket.write('up');
    await until(() => client.over === 'ECONNRESET', { what: 'the client hears a reset' });
    const refused = heard(connect(port, '127.0.0.1'));
    await until(() => refused.over === 'ECONNRESET', { what: 'a new connection is not possible' });
    assert.ok(heal.packets() > 0);
    heal();
    await pair();
});

test('lost packets cost time, not bytes', async () => {
    const { client, server } = await pair();
    const heal = network.lose('scan', 'app', 10);
    const sent = [];
    while (heal.packets() === 0) {
        sent.push(randomBytes(1_000));
        client.socket.write(sent.at(-1));
        await server.has(Buffer.concat(sent), 60_000);
    }
});

test('a thin pipe: 64 kbit/s, and nothing is lost', async () => {
    const { client, server } = await pair();
    const heal = network.thin('scan', 64);
    const bytes = randomBytes(16_000);
    const since = performance.now();
    client.socket.write(bytes);
    await server.has(bytes, 30_000);
    assert.ok(performance.now() - since > 1_000, `${performance.now() - since} ms`); // less the burst
    assert.ok(heal.packets() > 0, 'none had to wait');
    heal();
    heal(); // twice is harmless
});

test('PostgreSQL runs on its machine and is reached from another', async () => {
    const cluster = await startCluster({ machine: network.machine('db') });
    try {
        const [program, args] = network.machine('app').command('psql', [cluster.conninfo({ host: network.machine('db').address }), '-Atc', 'select inet_client_addr()']);
        const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
        let said = '';
        child.stdout.on('data', (text) => (said += text));
        await once(child, 'close');
        assert.equal(said.trim(), network.machine('app').address);
        assert.equal((await cluster.psql('select 1 as one'))[0].one, 1);
    } finally {
        await cluster.destroy();
    }
});

// ---- nothing remains

const spaces = (pid) => readdirSync('/run/netns').filter((name) => name.startsWith(`dt-${pid}-`));

// A test of its own, in a process of its own, with a process on its network; then it does `last`.
async function other(last) {
    const script = `import { startNetwork } from '${new URL('../harness/network.mjs', import.meta.url)}';
        import { until } from '${new URL('../harness/wait.mjs', import.meta.url)}';
        import { spawn } from 'node:child_process';
        const network = await startNetwork({ machines: ['scan', 'app'] });
        const child = spawn(...network.machine('app').command('sleep', ['1000']), { stdio: 'ignore' });
        await until(() => network.processes().includes(child.pid));
        console.log(child.pid);
        ${last}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = await once(child.stdout, 'data');
    return { child, sleeper: Number(line) };
}

test('a test that ends badly takes its network with it', async () => {
    const { child, sleeper } = await other("throw new Error('out of luck')");
    const [code] = await once(child, 'exit');
    assert.equal(code, 1);
    assert.deepEqual(spaces(child.pid), []);
    await until(() => !existsSync(`/proc/${sleeper}/root`), { what: 'its process is gone' });
});

test('what a killed test left is found and removed; what a living one has is left alone', async () => {
    const { child, sleeper } = await other('setInterval(() => {}, 1000)');
    const closed = once(child, 'exit');
    assert.equal(spaces(child.pid).length, 3);
    sweep();
    assert.equal(spaces(child.pid).length, 3);
    child.kill('SIGKILL');
    await closed;
    const gone = await until(() => sweep().filter((name) => name.startsWith(`dt-${child.pid}-`)), { what: 'the remains are removed' });
    assert.ok(gone.length === 3 || spaces(child.pid).length === 0); // a neighbour's sweep may have come first
    assert.deepEqual(spaces(child.pid), []);
    await until(() => !existsSync(`/proc/${sleeper}/root`), { what: 'its process is gone' });
});

test('who still runs on a network at its end is ended, and told', async () => {
    const own = await startNetwork({ machines: ['app'] });
    const child = spawn(...own.machine('app').command('sleep', ['1000']), { stdio: 'ignore' });
    const closed = once(child, 'exit');
    await until(() => own.processes().includes(child.pid), { what: 'it runs' });
    await assert.rejects(own.destroy(), new RegExp(`processes ${child.pid} were still on the network`));
    await closed;
});
