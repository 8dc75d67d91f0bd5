// SPDX-License-Identifier: EUPL-1.2
// The HTTP server of a real service against clients with bad manners: the holes of libh2o 2.2.5 (services/io/http.h) stay closed, and
// good clients are served all the while. The unit tests of io/http* look at the same from inside.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, results } from '../harness/device.mjs';
import { exchange, head, open } from '../harness/http.mjs';
import { stopwatch, until } from '../harness/wait.mjs';

let cluster;
let app;
let device;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest'], config: { ingest: { max_connections: 1500, requests: 50 } } });
    device = await Device.enrolled(app);
});
after(async () => {
    try {
        await app?.stop();
    } finally {
        await cluster?.destroy();
    }
});

const port = () => app.port('ingest');
const metric = async (name) => (await app.metrics('ingest')).get(name) ?? 0;
const descriptors = () => readdirSync(`/proc/${app.process('ingest').pid}/fd`).length;

afterEach(async () => {
    assert.match(results(await device.upload([device.scan()])), /accepted$/);
    assert.equal(app.process('ingest').result, null);
});

test('requests that a proxy could frame otherwise are refused, and what follows them is not read', async () => {
    const post = (headers, body) => head('POST', '/v1/scans', headers) + body;
    const cases = [
        [post({ 'content-length': 5, 'transfer-encoding': 'chunked' }, '0\r\n\r\n'), 'ambiguous-length'],
        [post({ 'transfer-encoding': 'chunked', 'content-length': 5 }, '0\r\n\r\n'), 'ambiguous-length'],
        [post({ 'content-length': '3\r\ncontent-length: 3' }, 'abc'), 'ambiguous-length'],
        [post({ 'transfer-encoding': 'chunked\r\ntransfer-encoding: chunked' }, '0\r\n\r\n'), 'ambiguous-length'],
        ['GET / HTTP/1.1\r\n\r\n', 'missing-host'],
        [head('GET', '/', { x: '1\r\n folded' }), 'malformed-request'],
        ['GET / HTTP/1.1\nhost: a\n\n', 'malformed-request'],
        [post({ 'transfer-encoding': 'gzip, chunked' }, '0\r\n\r\n'), 'malformed-request'],
    ];
    for (const [bytes, code] of cases) {
        const connection = await open(port());
        connection.write(bytes + head('GET', '/smuggled'));
        const answer = await connection.response();
        assert.deepEqual([answer.status, JSON.parse(answer.body).code, answer.headers.connection], [400, code, 'close'], bytes);
        assert.equal((await connection.untilClosed()).length, 0, 'no second answer');
    }
});

test('a head that is no HTTP/1.1 is refused as a problem, first on its connection or later', async () => {
    const many = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`x-${i}`, 'a']));
    const cases = [
        ['GET / HTTP/3.0\r\nhost: a\r\n\r\n', 400, 'malformed-request'],
        ['GET /\r\n\r\n', 400, 'malformed-request'],
        ['GET /a\tb HTTP/1.1\r\nhost: a\r\n\r\n', 400, 'malformed-request'],
        [head('GET', '/', { 'x ': '1' }), 400, 'malformed-request'],
        [head('GET', '/', { x: 'a\0b' }), 400, 'malformed-request'],
        [head('GET', '/', many), 431, 'headers-too-large'],
        ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed-request'],
        ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400, 'malformed-request'], // TLS
    ];
    for (const [bytes, status, code] of cases) {
        for (const first of [true, false]) {
            const connection = await open(port());
            if (!first) {
                connection.write(head('GET', '/nothing'));
                assert.equal((await connection.response()).status, 404);
            }
            for (const piece of [bytes.slice(0, 9), bytes.slice(9)])
                connection.write(piece);
            const answer = await connection.response();
            assert.equal(answer.headers['content-type'], 'application/problem+json', bytes);
            assert.deepEqual([answer.status, JSON.parse(answer.body).code, answer.headers.connection], [status, code, 'close'], bytes);
            assert.equal((await connection.untilClosed()).length, 0, 'no second answer');
        }
    }
});

test('HTTP/2 is not offered: neither by its preface nor by an upgrade', async () => {
    const preface = await exchange(port(), 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    assert.equal(preface.status, 400);
    const upgrade = await exchange(port(), head('GET', '/', { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' }));
    assert.equal(upgrade.status, 404);
});

test('a refusal in the middle of an upload reaches the client', async () => {
    for (let i = 0; i < 10; i++) {
        const connection = await open(port());
        connection.write(head('POST', '/v1/scans', { 'content-length': 20_000_000, 'content-type': 'application/json' }));
        connection.write(Buffer.alloc(3_000_000));
        const answer = await connection.response();
        assert.deepEqual([answer.status, JSON.parse(answer.body).code], [413, 'body-too-large']);
        connection.drop();
    }
});

// While the database hangs, what was sent waits. Not for long, then ingest gives up on it, and takes no more: what can be made before is made before.
async function whileFrozen(work) {
    cluster.freeze();
    try {
        await work();
    } finally {
        cluster.thaw();
    }
}

test('clients that vanish while their upload waits are counted until it ends, and cost no descriptor', async () => {
    const devices = await Promise.all(Array.from({ length: 20 }, () => Device.enrolled(app)));
    await Promise.all(devices.map((each) => each.upload([each.scan()]))); // now ingest knows their streams
    const batches = devices.map((each) => each.batch([each.scan()]));
    const requests = batches.map((batch) => {
        const body = JSON.stringify(batch);
        return head('POST', '/v1/scans', { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }) + body;
    });
    const before = descriptors();
    await whileFrozen(async () => {
        const sockets = requests.map((request) => {
            const socket = connect(port(), '127.0.0.1').on('error', () => {});
            socket.write(request);
            return socket;
        });
        await until(async () => await metric('duongthu_ingest_uploads_in_flight') === 20, { what: 'all wait' });
        sockets.forEach((socket, i) => (i % 2 ? socket.resetAndDestroy() : socket.destroy()));
        await until(async () => await metric('duongthu_http_gone_total') >= 20, { what: 'all were seen to be gone' });
        await until(() => descriptors() <= before + 10, { what: 'their descriptors are closed' });
        assert.equal(await metric('duongthu_ingest_uploads_in_flight'), 20, 'their work goes on');
    });
    await until(async () => await metric('duongthu_ingest_uploads_in_flight') === 0, { what: 'the work ended' });
    for (const [i, batch] of batches.entries()) // it was stored, though nobody heard so
        assert.equal(results(await devices[i].send(batch)), '2:duplicate:accepted');
});

test('more requests than may be worked on: 503 at once, and room again afterwards', async () => {
    const devices = [];
    for (let i = 0; i < 50; i += 10)
        devices.push(...await Promise.all(Array.from({ length: 10 }, () => Device.enrolled(app))));
    for (const each of devices)
        await each.upload([each.scan()]);
    const batches = devices.map((each) => each.batch([each.scan()]));
    const late = device.batch([{ ...device.scan(), seq: device.seq-- }]);
    let waiting;
    await whileFrozen(async () => {
        waiting = devices.map((each, i) => each.send(batches[i]));
        await until(async () => await metric('duongthu_ingest_uploads_in_flight') === 50, { what: 'fifty wait' });
        const refused = await device.send(late);
        assert.deepEqual([refused.status, refused.body.code, refused.headers.get('retry-after')], [503, 'overloaded', '1']);
    });
    for (const answer of await Promise.all(waiting))
        assert.equal(answer.status, 200);
});

test('a thousand idle connections, and five hundred too many', async () => {
    const sockets = [];
    const connectOne = () => new Promise((resolve) => {
        const socket = connect(port(), '127.0.0.1', () => resolve(socket)).on('error', resolve);
        sockets.push(socket);
    });
    try {
        for (let i = 0; i < 1000; i += 100)
            await Promise.all(Array.from({ length: 100 }, connectOne));
        await until(async () => await metric('duongthu_http_connections') >= 1000, { what: 'all are open' });
        assert.match(results(await device.upload([device.scan()])), /accepted$/);
        for (let i = 0; i < 600; i += 100)
            await Promise.all(Array.from({ length: 100 }, connectOne));
        await until(async () => await metric('duongthu_http_refused_total{reason="connections"}') > 0, { what: 'some are refused' });
        const answer = await until(() => exchange(port(), head('GET', '/')), { what: 'an answer while there are too many' });
        assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
    } finally {
        sockets.forEach((socket) => socket.destroy());
    }
    await until(async () => await metric('duongthu_http_connections') < 20, { what: 'all are closed' });
});

test('no descriptor is left: clients are closed instead of left hanging, and it heals', async () => {
    const { pid } = app.process('ingest');
    const limit = (n) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${n}:`]);
    const before = Number(execFileSync('prlimit', ['--pid', String(pid), '--nofile', '--output=SOFT', '--noheadings', '--raw']).toString());
    const tight = Math.max(...readdirSync(`/proc/${pid}/fd`).map(Number)) + 1;
    const clients = [];
    limit(tight);
    try {
        while (!clients.some((client) => client.closed)) {
            clients.push(await open(port()));
            assert.ok(clients.length < tight + 10, 'somebody is closed');
            await until(() => clients.at(-1).closed || descriptors() <= tight, { what: 'the server saw it' });
        }
        await clients.find((client) => client.closed).untilClosed();
    } finally {
        limit(before);
        clients.forEach((client) => client.drop());
    }
    await until(async () => (await fetch(app.url('ingest', '/'))).status === 404, { what: 'new clients are served again' });
});

test('slow heads, slow bodies and stalled bodies end with 408; a keep-alive client does not', async () => {
    const kept = await open(port());
    kept.write(head('GET', '/'));
    assert.equal((await kept.response()).status, 404);
    const slowHead = await open(port());
    slowHead.write('GET / HTTP/1.1\r\nhost: a\r\n');
    const stalled = await open(port());
    stalled.write(`${head('POST', '/v1/scans', { 'content-length': 1000 })}abc`);
    const slow = await open(port());
    slow.write(head('POST', '/v1/scans', { 'content-length': 100_000 }));
    const drip = setInterval(() => {
        slowHead.write('x: y\r\n');
        slow.write('x');
    }, 500);
    try {
        for (const connection of [slowHead, stalled, slow]) {
            const answer = await connection.response({ limit: 30_000 });
            assert.deepEqual([answer.status, JSON.parse(answer.body).code], [408, 'request-timeout']);
            await connection.untilClosed();
        }
    } finally {
        clearInterval(drip);
    }
    kept.write(head('GET', '/'));
    assert.equal((await kept.response()).status, 404);
    kept.drop();
});

test('SIGTERM closes idle keep-alive connections at once', async () => {
    const other = await startApp({ cluster, services: ['ingest'] });
    const idle = await Promise.all(Array.from({ length: 100 }, () => open(other.port('ingest'))));
    idle[0].write(head('GET', '/'));
    assert.equal((await idle[0].response()).status, 404);
    const elapsed = stopwatch();
    const ended = other.process('ingest').end('SIGTERM');
    await Promise.all(idle.map((connection) => connection.untilClosed()));
    assert.deepEqual(await ended, { code: 0, signal: null });
    assert.ok(elapsed() < 10_000);
});
