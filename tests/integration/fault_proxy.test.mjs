// SPDX-License-Identifier: EUPL-1.2
// Each toxic of the fault proxy does what it says, in its direction, and nothing else; what arrives is always a prefix of what was sent. Times are lower bounds: a busy
// machine may be later, never earlier.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { FaultProxy } from '../harness/fault_proxy.mjs';
import { newFolder } from '../harness/folder.mjs';
import { freePort } from '../harness/ports.mjs';
import { until } from '../harness/wait.mjs';

const EARLY_MS = 2; // two clocks, each rounded
const FLOW_BYTES = 65_536; // flow.h

// One end of a connection, and all that came of it.
class End {
    pieces = []; // as they came
    length = 0; // bytes
    over = null; // 'end' or an error's code

    constructor(socket) {
        this.socket = socket.setNoDelay();
        socket.on('data', (chunk) => {
            this.pieces.push(chunk);
            this.length += chunk.length;
        });
        socket.on('end', () => (this.over ??= 'end')).on('error', ({ code }) => (this.over ??= code)).on('close', () => (this.over ??= 'close'));
    }

    get data() {
        return Buffer.concat(this.pieces);
    }

    async has(bytes) {
        await until(() => this.length >= bytes.length, { limit: 60_000, what: `${bytes.length} bytes arrive` });
        assert.ok(this.data.equals(bytes), `${bytes.length} bytes arrived, and not as they were sent`);
    }

    ends(how) {
        return until(() => this.over, { what: `the connection ends with ${how}` }).then((over) => assert.equal(over, how));
    }
}

const accepted = [];
const target = createServer({ allowHalfOpen: true }, (socket) => accepted.push(new End(socket)));
const path = join(newFolder('proxy'), 'socket');
const unix = createServer((socket) => accepted.push(new End(socket)));
let proxy;
let link;
before(async () => {
    await new Promise((resolve) => target.listen(0, '127.0.0.1', resolve));
    await new Promise((resolve) => unix.listen(path, resolve));
    proxy = new FaultProxy({ seed: 42 });
    link = await proxy.link('l', `127.0.0.1:${target.address().port}`);
});
afterEach(async () => {
    await link.heal();
    await link.reset();
});
after(async () => {
    await proxy?.stop();
    target.close();
    unix.close();
});

// → the two ends of a new connection through a link
async function pair(through = link, options = {}) {
    const known = accepted.length;
    const client = new End(connect({ port: through.port, host: '127.0.0.1', allowHalfOpen: true, ...options }));
    const server = await until(() => accepted[known], { what: 'the server is reached' });
    return { client, server };
}

const since = () => {
    const start = performance.now();
    return () => performance.now() - start + EARLY_MS;
};

// Bytes have a way around every obstacle: they must have had the time to take it.
const roundTrip = async (other) => {
    const { client, server } = await pair(other);
    client.socket.write('x');
    await server.has(Buffer.from('x'));
    client.socket.destroy();
};

test('without toxics everything passes as it is, both ways, and each end by itself', async () => {
    const { client, server } = await pair();
    const [up, down] = [randomBytes(1 << 20), randomBytes(1 << 20)];
    client.socket.end(up);
    server.socket.write(down);
    await Promise.all([server.has(up), client.has(down)]);
    await server.ends('end');
    server.socket.end('more');
    await client.has(Buffer.concat([down, Buffer.from('more')]));
    await client.ends('end');
    const stats = await until(async () => (await link.stats()).open === 0 && link.stats(), { what: 'the connection is forgotten' });
    assert.deepEqual([stats.up, stats.down], [1 << 20, (1 << 20) + 4]);
});

test('a Unix socket may be at the other end', async () => {
    const other = await proxy.link('unix', path);
    const { client, server } = await pair(other);
    client.socket.write('hello');
    await server.has(Buffer.from('hello'));
    server.socket.end('bye');
    await client.has(Buffer.from('bye'));
    await client.ends('end');
    const gone = await pair(other);
    gone.server.socket.destroy();
    const talking = setInterval(() => gone.client.socket.write('is nobody there?'), 1);
    await until(() => gone.client.socket.destroyed, { what: 'who talks to somebody gone hears of it' });
    clearInterval(talking);
    await other.close();
});

test('latency and jitter: later, in order, and only in their direction', async () => {
    await link.toxic('up', 'latency', 200, 50);
    const { client, server } = await pair();
    const first = since();
    const lines = Array.from({ length: 100 }, (_, i) => `${i}\n`);
    for (const line of lines)
        client.socket.write(line);
    await until(() => server.length > 0, { what: 'the first byte arrives' });
    assert.ok(first() >= 150, `${first()} ms`);
    await server.has(Buffer.from(lines.join('')));
    const last = since();
    client.socket.end();
    await server.ends('end');
    assert.ok(last() >= 150, 'the end is as late');
});

test('bandwidth: no more bytes a second', async () => {
    await link.toxic('down', 'bandwidth', 40_000);
    const { client, server } = await pair();
    const bytes = randomBytes(20_000);
    const took = since();
    server.socket.write(bytes);
    await client.has(bytes);
    assert.ok(took() >= 450, `${took()} ms`);
});

test('slicer: byte by byte, with pauses', async () => {
    await link.toxic('up', 'slicer', 1, 5);
    const { client, server } = await pair();
    const took = since();
    client.socket.write('twenty bytes, one by');
    await server.has(Buffer.from('twenty bytes, one by'));
    assert.ok(took() >= 95, `${took()} ms`);
    assert.ok(server.pieces.length > 5, `${server.pieces.length} pieces`);
});

test('slow_close: the data now, the end later', async () => {
    await link.toxic('down', 'slow_close', 300);
    const { client, server } = await pair();
    const took = since();
    server.socket.end('answer');
    await client.has(Buffer.from('answer'));
    assert.equal(client.over, null);
    await client.ends('end');
    assert.ok(took() >= 300, `${took()} ms`);
});

test('timeout: the question never arrives, and after a while the connection is closed', async () => {
    await link.toxic('up', 'timeout', 200);
    const { client, server } = await pair();
    const took = since();
    client.socket.write('question');
    await Promise.all([client.ends('end'), server.ends('end')]);
    assert.ok(took() >= 200, `${took()} ms`);
    assert.equal(server.length, 0);
});

test('reset_peer: both ends hear a reset; upwards before the work, downwards behind it', async () => {
    await link.toxic('up', 'reset_peer', 0);
    let { client, server } = await pair();
    client.socket.write('question');
    await Promise.all([client.ends('ECONNRESET'), server.ends('ECONNRESET')]);
    assert.equal(server.length, 0);
    await link.heal();
    await link.toxic('down', 'reset_peer', 100);
    ({ client, server } = await pair());
    client.socket.write('question');
    await server.has(Buffer.from('question'));
    const took = since();
    server.socket.write('answer');
    await Promise.all([client.ends('ECONNRESET'), server.ends('ECONNRESET')]);
    assert.ok(took() >= 100, `${took()} ms`);
    assert.equal(client.length, 0);
});

test('limit_data: so many bytes, then the end', async () => {
    await link.toxic('down', 'limit_data', 100_000);
    const { client, server } = await pair();
    const bytes = randomBytes(300_000);
    client.socket.write('question');
    server.socket.write(bytes);
    await client.ends('end');
    assert.ok(client.data.equals(bytes.subarray(0, 100_000)));
    assert.equal(server.data.toString(), 'question');
});

test('blackhole: one way is deaf, the other is not; healed, a connection that lost bytes is reset, not continued', async () => {
    const quiet = await pair();
    const { client, server } = await pair();
    await link.toxic('up', 'blackhole');
    client.socket.write('lost');
    await until(async () => (await link.stats()).up >= 4, { what: 'the bytes are taken' });
    server.socket.write('heard');
    await client.has(Buffer.from('heard'));
    client.socket.write('lost, too');
    await link.heal();
    await Promise.all([client.ends('ECONNRESET'), server.ends('ECONNRESET')]);
    assert.equal(server.length, 0);
    quiet.client.socket.write('nothing of mine was lost');
    await quiet.server.has(Buffer.from('nothing of mine was lost'));
    await roundTrip();
});

test('stall: nothing passes, whoever sends waits in bounded memory, and healed all of it arrives', async () => {
    const { client, server } = await pair();
    await link.toxic('up', 'stall');
    const before = (await link.stats()).up;
    const bytes = randomBytes(16 << 20);
    client.socket.write(bytes);
    await until(async () => (await link.stats()).up - before === FLOW_BYTES, { what: 'the proxy keeps what it may' });
    server.socket.write('heard');
    await client.has(Buffer.from('heard'));
    assert.equal((await link.stats()).up - before, FLOW_BYTES);
    assert.equal(server.length, 0);
    await link.heal();
    await server.has(bytes);
});

test('whoever vanishes behind a stalled link is not missed before it heals', async () => {
    const { client, server } = await pair();
    await link.toxic('up', 'stall');
    client.socket.resetAndDestroy();
    await client.ends('close');
    server.socket.write('are you there?');
    const other = await proxy.link('other', `127.0.0.1:${target.address().port}`);
    await roundTrip(other);
    await other.close();
    assert.equal(server.over, null);
    await link.heal();
    await server.ends('ECONNRESET');
});

test('a reset of one end reaches the other, a refusal the client', async () => {
    let { client, server } = await pair();
    client.socket.resetAndDestroy();
    await server.ends('ECONNRESET');
    ({ client, server } = await pair());
    server.socket.resetAndDestroy();
    await client.ends('ECONNRESET');
    const nowhere = await proxy.link('nowhere', `127.0.0.1:${await freePort()}`);
    await new End(connect(nowhere.port, '127.0.0.1')).ends('ECONNRESET');
    await nowhere.close();
    await new End(connect(nowhere.port, '127.0.0.1')).ends('ECONNREFUSED');
});

test('reset: what is open is reset and counted; toxics together', async () => {
    const { client, server } = await pair();
    assert.equal(await link.reset(), 1);
    await Promise.all([client.ends('ECONNRESET'), server.ends('ECONNRESET')]);
    await link.toxic('down', 'latency', 100);
    await link.toxic('down', 'limit_data', 3);
    const next = await pair();
    const took = since();
    next.server.socket.write('answer');
    await next.client.ends('end');
    assert.ok(took() >= 100, `${took()} ms`);
    assert.equal(next.client.data.toString(), 'ans');
});

test('connections are bounded: one more is reset', async () => {
    const small = new FaultProxy({ connections: 8 });
    const many = await small.link('many', path);
    const ends = Array.from({ length: 8 }, () => new End(connect(many.port, '127.0.0.1')));
    await until(async () => (await many.stats()).open === 8, { what: 'all are open' });
    await new End(connect(many.port, '127.0.0.1')).ends('ECONNRESET');
    assert.ok(ends.every(({ over }) => over === null));
    await small.stop();
    await Promise.all(ends.map((end) => end.ends('ECONNRESET')));
});

test('what makes no sense is refused, and changes nothing', async () => {
    const wrong = ['link l 127.0.0.1:0 127.0.0.1:1', 'link m 127.0.0.1:0', 'link m nowhere:0 127.0.0.1:1', 'link m 127.0.0.1:0 127.0.0.1:70000',
        'link m 127.0.0.1:0@no-such-net 127.0.0.1:1', 'toxic x up stall', 'toxic l sideways stall', 'toxic l up unheard', 'toxic l up latency',
        'toxic l up latency -1', 'toxic l up latency 1 2 3', 'toxic l up latency 1x', 'toxic l up stall 1', 'heal', 'heal x', 'stats', 'conquer l'];
    for (const command of wrong)
        await assert.rejects(proxy.command(command), /error E/, command);
    await roundTrip();
});
