// SPDX-License-Identifier: EUPL-1.2
// The harness's peers: each mode does to a client what its name says, and what arrived is on record.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { exchange, head, open } from '../harness/http.mjs';
import { startSink } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';

let sink;
before(async () => (sink = await startSink()));
after(() => sink.stop());

const post = (path, body = '{"k":1}') => `${head('POST', path, { 'content-length': Buffer.byteLength(body) })}${body}`;

test('a healthy sink answers 204 and keeps the request', async () => {
    const { status } = await exchange(sink.port, post('/a', '{"dossier":"đ"}'));
    assert.equal(status, 204);
    const [request] = await sink.received(1, { path: '/a' });
    assert.equal(request.method, 'POST');
    assert.deepEqual(sink.events('/a'), [{ dossier: 'đ' }]);
    assert.equal(JSON.parse(readFileSync(sink.log, 'utf8').split('\n')[0]).body, '{"dossier":"đ"}');
});

for (const [mode, status, header] of [['500', 500], ['503', 503, 'retry-after'], ['429', 429, 'retry-after'], ['410', 410], ['redirect', 302, 'location']]) {
    test(`mode ${mode} answers ${status}${header ? ` with ${header}` : ''}`, async () => {
        sink.setMode(mode, `/${mode}`);
        const response = await exchange(sink.port, post(`/${mode}`));
        assert.equal(response.status, status);
        if (header)
            assert.ok(response.headers[header]);
        assert.deepEqual(sink.events(`/${mode}`), []);
    });
}

for (const mode of ['lost', 'garbage', 'truncated']) {
    test(`mode ${mode} takes the request and gives no answer that can be read`, async () => {
        sink.setMode(mode, `/${mode}`);
        await assert.rejects(exchange(sink.port, post(`/${mode}`)), /the peer closed|not HTTP|not within/);
        assert.equal(sink.at(`/${mode}`).length, 1);
    });
}

test('mode dead stays silent and the connection open', async () => {
    sink.setMode('dead', '/dead');
    const connection = await open(sink.port);
    connection.write(post('/dead'));
    await sink.received(1, { path: '/dead' });
    await assert.rejects(connection.response({ limit: 50 }), /not within/);
    assert.equal(connection.closed, false);
    connection.drop();
});

test('mode endless sends more than anyone should read', async () => {
    sink.setMode('endless', '/endless');
    const connection = await open(sink.port);
    let bytes = 0;
    const much = new Promise((resolve) => connection.socket.on('data', (chunk) => (bytes += chunk.length) > 4 << 20 && resolve()));
    connection.write(post('/endless'));
    await much;
    connection.drop();
});

test('a function chooses: fail twice, then accept', async () => {
    sink.setMode(() => (sink.at('/flaky').length < 2 ? '500' : 'ok'), '/flaky');
    const statuses = [];
    for (let i = 0; i < 3; i++)
        statuses.push((await exchange(sink.port, post('/flaky'))).status);
    assert.deepEqual(statuses, [500, 500, 204]);
});

test('a stopped sink refuses, and comes back at the same address', async () => {
    const { port } = sink;
    await sink.stop();
    await assert.rejects(open(port), { code: 'ECONNREFUSED' });
    await sink.start();
    assert.equal(sink.port, port);
    assert.equal((await exchange(port, post('/b'))).status, 204);
});

test('the SMS gateway gives each message a number', async () => {
    const gateway = await startSmsGateway();
    try {
        const message = { reference: 'r1', to: '0900000001', text: 'Ho so da nhan' };
        const response = await exchange(gateway.port, post('/send', JSON.stringify(message)));
        assert.deepEqual(JSON.parse(response.body), { id: 'gw-1' });
        assert.deepEqual(gateway.messages(), [message]);
    } finally {
        await gateway.stop();
    }
});
