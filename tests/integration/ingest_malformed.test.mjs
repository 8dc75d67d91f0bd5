// SPDX-License-Identifier: EUPL-1.2
// Every kind of malformed upload gets its specific code, stores nothing, and harms nobody: after each one a good device is served as before.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, headerOf, JSON_TYPE, PROTOBUF, results, toProtobuf, uuid7 } from '../harness/device.mjs';

let cluster;
let app;
let db;
let device;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest'] });
    db = await cluster.connect();
    device = await Device.enrolled(app);
});
after(async () => {
    try {
        await db?.close();
        await app?.stop();
    } finally {
        await cluster?.destroy();
    }
});

const count = async () => (await db.query('select (select count(*) from dt.fact) + (select count(*) from dt.quarantine) as n'))[0].n;

// The answer is `status` with `code`, nothing was stored, and the next good batch is.
async function refused(bytes, status, code, headers = { 'content-type': JSON_TYPE }) {
    const before = await count();
    const answer = await device.post('/v1/scans', bytes, headers);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body));
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    assert.equal(await count(), before);
    assert.match(results(await device.upload([device.scan()])), /^\d+:accepted$/);
    return answer.body;
}
const refusedJson = (batch, status, code) => refused(typeof batch === 'string' ? batch : JSON.stringify(batch), status, code);
const refusedProto = (bytes, status, code) => refused(bytes, status, code, { 'content-type': PROTOBUF });
const good = () => {
    const batch = device.batch([{ ...device.scan(), seq: device.seq }]);
    device.seq -= 1; // it will not be stored
    return batch;
};

test('truncated and foreign protobuf', async () => {
    const bytes = toProtobuf(good());
    for (const cut of [1, 2, 10, 100, bytes.length - 1])
        await refusedProto(bytes.subarray(0, cut), 400, 'malformed-batch');
    await refusedProto(Buffer.alloc(0), 400, 'malformed-batch');
    await refusedProto(Buffer.from('{"batch":1}'), 400, 'malformed-batch');
    await refusedProto(Buffer.alloc(100, 0xff), 400, 'malformed-batch');
    await refusedProto(Buffer.from([0x08, 0x01]), 400, 'malformed-batch'); // field 1 as a number
    await refusedProto(Buffer.concat([bytes, Buffer.from([0x98, 0x06, 0x01])]), 400, 'malformed-batch'); // field 99
    await refusedProto(Buffer.from([0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f]), 400, 'malformed-batch'); // a scan of 4 GiB
});

test('a text of protobuf that goes on behind a NUL is not cut there', async () => {
    const batch = device.batch([device.scan(), device.scan()]);
    device.seq -= 2;
    batch.scans[1].code += '\0XX'; // signed without it
    assert.match((await refusedProto(toProtobuf(batch), 400, 'malformed-scan')).detail, /^Scan 2 /);
});

test('bombs: many empty scans, many fields, deep nesting, gzip', async () => {
    const empty = Buffer.alloc(1_000_000);
    for (let i = 0; i < empty.length; i += 2)
        empty[i] = 0x2a;
    await refusedProto(empty, 400, 'malformed-batch');
    const numbers = Buffer.alloc(1_000_000);
    for (let i = 0; i < numbers.length; i += 2)
        numbers.set([0x20, 0x01], i); // sent_at_ms half a million times
    await refusedProto(numbers, 400, 'malformed-batch');
    await refusedJson('['.repeat(500_000), 400, 'malformed-batch');
    await refusedJson(`{"scans":${'['.repeat(17)}${']'.repeat(17)}}`, 400, 'malformed-batch');
    await refusedJson(`[${'{},'.repeat(300_000)}{}]`, 400, 'malformed-batch');
    const bomb = gzipSync(Buffer.alloc(100_000_000));
    assert.ok(bomb.length < 200_000);
    await refused(bomb, 413, 'body-too-large', { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' });
    await refused(Buffer.alloc(1_048_577), 413, 'body-too-large');
    await refused(gzipSync('{}').subarray(0, 10), 400, 'malformed-body', { 'content-type': JSON_TYPE, 'content-encoding': 'gzip' });
    await refused('{}', 415, 'unsupported-encoding', { 'content-type': JSON_TYPE, 'content-encoding': 'br' });
});

test('JSON that is none, or of another shape', async () => {
    const batch = good();
    const text = JSON.stringify(batch);
    for (const bad of ['', '{', text.slice(0, -1), `${text}x`, 'null', '[]', '"x"', '1', '\u0000', '{"batch":NaN}', '{"a":1,"a":1}'])
        await refusedJson(bad, 400, 'malformed-batch');
    await refused(Buffer.from(text.replace('item.collected', 'item\xff'), 'latin1'), 400, 'malformed-batch'); // not UTF-8
    await refused(Buffer.from(text, 'utf16le'), 400, 'malformed-batch');
    for (const [member, value] of [['batch', 7], ['batch', 'x'], ['device', null], ['stream', batch.stream.slice(1)], ['sent_at_ms', '1'], ['sent_at_ms', 1.5],
        ['sent_at_ms', undefined], ['offset_ms', 'x'], ['signature', '***'], ['signature', ''], ['signature', 'A'.repeat(400)], ['scans', {}],
        ['scans', undefined], ['scans', []], ['personal', {}], ['personal', [{}]], ['personal', [1]], ['extra', 1]])
        await refusedJson({ ...batch, [member]: value }, 400, 'malformed-batch');
    await refusedJson(text.replace(/"sent_at_ms":\d+/, '"sent_at_ms":99999999999999999999'), 400, 'malformed-batch');
    await refusedJson({ ...batch, scans: Array(501).fill(batch.scans[0]) }, 400, 'too-many-scans');
});

test('one scan of wrong form names itself', async () => {
    const cases = [['seq', 0], ['seq', -1], ['seq', 4294967296], ['seq', '1'], ['seq', 1.5], ['seq', undefined], ['id', 'x'], ['id', undefined], ['at_ms', -1],
        ['at_ms', '1'], ['at_ms', 253402300800000], ['uptime_ms', -1], ['boot', 'b'.repeat(37)], ['boot', ''], ['type', ''], ['type', 'Item'], ['type', undefined],
        ['type', 7], ['code', 'x'.repeat(65)], ['code', 'a\nb'], ['code', ''], ['code', {}], ['dossiers', 'H1'], ['dossiers', Array(17).fill('H34.16-190102-0007')],
        ['dossiers', ['']], ['members', Array(201).fill('EA123456785VN')], ['office', '12345'], ['office', '12345x'], ['office', 100000], ['leg', 'X'], ['leg', 'NB'],
        ['reason', 'a b'], ['reason', 'x'.repeat(17)], ['charge', -1], ['charge', 1_000_000_000_001], ['fee', 1.5], ['remit', '1'], ['retracts', '1'], ['retracts', '1:0'],
        ['retracts', ':1'], ['retracts', '1:99999999999'], ['photos', ['ab']], ['photos', Array(17).fill('0'.repeat(64))], ['note', 'x'.repeat(201)],
        ['note', 'a\u0007'], ['note', '\u0085'], ['personal', 'ab'], ['extra', 1], ['note', null]];
    for (const [member, value] of cases) {
        const batch = good();
        batch.scans[0][member] = value;
        const body = await refusedJson(batch, 400, 'malformed-scan');
        assert.match(body.detail, /\d/, member);
        assert.ok(!body.detail.includes('\n'));
    }
    await refusedJson({ ...good(), scans: [1] }, 400, 'malformed-scan');
    const two = good();
    await refusedProto(toProtobuf({ ...two, scans: [{ ...two.scans[0], note: 'a\u0001' }] }), 400, 'malformed-scan');
    await refusedProto(toProtobuf({ ...two, scans: [{ ...two.scans[0], at_ms: -5 }] }), 400, 'malformed-scan');
    await refusedProto(toProtobuf({ ...two, scans: [{ ...two.scans[0], photos: ['abcd'] }] }), 400, 'malformed-scan');
    await refusedProto(toProtobuf({ ...two, scans: [{ ...two.scans[0], seq: 4294967296 }] }), 400, 'malformed-scan');
    const broken = toProtobuf({ ...two, scans: [{ ...two.scans[0], note: 'XYZZY' }] });
    broken.set([0xff, 0xfe], broken.indexOf('XYZZY'));
    await refusedProto(broken, 400, 'malformed-scan');
});

test('personal parts of wrong form', async () => {
    const scan = device.scan();
    const part = device.personal(scan, { receiver: 'A' });
    const with_ = (personal) => device.batch([scan], { personal });
    for (const bad of [{ ...part, seq: 0 }, { ...part, seq: scan.seq + 1 }, { ...part, salt: 'AAAA' }, { ...part, part: '' }, { ...part, extra: 1 },
        { ...part, part: Buffer.alloc(16_385).toString('base64') }, { ...part, salt: '???' }, { seq: part.seq, salt: part.salt }])
        await refusedJson(with_([bad]), 400, 'malformed-batch');
    await refusedJson(with_([part, part]), 400, 'malformed-batch');
    device.seq = scan.seq - 1;
    assert.match(results(await device.send(with_([part]))), /accepted$/);
    device.seq = scan.seq + 100;
});

test('signatures: wrong key, wrong bytes, wrong header, replayed over other scans', async () => {
    const other = await Device.enrolled(app);
    await refusedJson({ ...good(), signature: other.sign('x') }, 401, 'bad-signature');
    await refusedJson({ ...good(), signature: Buffer.alloc(64).toString('base64') }, 401, 'bad-signature');
    await refusedJson({ ...good(), signature: Buffer.alloc(64, 0xff).toString('base64') }, 401, 'bad-signature');
    await refusedJson({ ...good(), signature: 'AA==' }, 401, 'bad-signature');
    const batch = good();
    for (const change of [{ batch: uuid7() }, { sent_at_ms: batch.sent_at_ms + 1 }, { offset_ms: 0 }, { scans: [{ ...batch.scans[0], fee: 1 }] },
        { scans: [...batch.scans, ...batch.scans] }])
        await refusedJson({ ...batch, ...change }, 401, 'bad-signature');
    // DER, as openssl makes it, is as good as r‖s.
    const der = device.batch([device.scan()]);
    der.signature = device.sign(headerOf(der), 'der');
    assert.match(results(await device.send(der)), /accepted$/);
    // A replay is answered, and stores nothing twice.
    const before = await count();
    assert.match(results(await device.send(der)), /duplicate:accepted$/);
    assert.equal(await count(), before);
});

test('strangers: unknown stream, unknown device, another device\'s stream', async () => {
    await refusedJson(device.batch(good().scans, { stream: uuid7() }), 401, 'unknown-device');
    await refusedJson(device.batch(good().scans, { device: uuid7() }), 401, 'unknown-device');
    const other = await Device.enrolled(app);
    await other.upload([other.scan()]);
    await refusedJson(device.batch(good().scans, { stream: other.stream }), 401, 'unknown-device');
    await refusedJson(other.batch(good().scans, { stream: device.stream }), 401, 'unknown-device');
    await refusedJson(other.batch(good().scans, { stream: device.stream, device: device.id }), 401, 'bad-signature');
});

test('clocks: the batch from the future, from the past, at the ends of time', async () => {
    const skewed = async (sent_at_ms) => {
        const before = Date.now();
        const { server_at_ms: at } = await refusedJson(device.batch(good().scans, { sent_at_ms }), 409, 'clock-skew');
        assert.ok(at >= before && at <= Date.now());
    };
    for (let refusal = false; !refusal;) {
        const began = performance.now();
        refusal = await skewed(Date.now() + 301_000).then(() => true, (error) => {
            if (performance.now() - began < 1_000)
                throw error;
            device.seq++; // it took more than a second, and was rightly taken: again
        });
    }
    for (const sent_at_ms of [Date.now() - 301_000, 0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
        await skewed(sent_at_ms);
    const text = JSON.stringify(good());
    for (const extreme of ['9223372036854775807', '-9223372036854775808'])
        await refusedJson(text.replace(/"sent_at_ms":\d+/, `"sent_at_ms":${extreme}`), 409, 'clock-skew');
    // An offset that leaves no sane time quarantines; it does not overflow.
    for (const offset_ms of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])
        assert.match(results(await device.send(device.batch([device.scan()], { offset_ms }))), /quarantined:time-absurd$/);
});

test('what is not an upload at all', async () => {
    await refused('x', 415, 'unsupported-media-type', { 'content-type': 'text/plain' });
    await refused('x', 415, 'unsupported-media-type', {});
    const get = await fetch(app.url('ingest', '/v1/scans'));
    assert.deepEqual([get.status, get.headers.get('allow'), (await get.json()).code], [405, 'POST', 'method-not-allowed']);
    assert.equal((await fetch(app.url('ingest', '/v1/nothing'))).status, 404);
    for (const body of ['', '{', '[]', '{"code":7}', '{"code":"!!!!!!!!","public_key":""}']) {
        const answer = await device.post('/v1/enrol', body);
        assert.ok([400, 403, 429].includes(answer.status), `${body} → ${answer.status}`);
        assert.equal((await device.post('/v1/streams', body)).status, 400);
    }
});

test('guessing enrolment codes is slowed down', async () => {
    const guess = () => new Device(app.url('ingest')).enrol('00000000');
    let answer;
    for (let i = 0; i < 20 && answer?.status !== 429; i++)
        answer = await guess();
    assert.equal(answer.status, 429);
    assert.equal(answer.body.code, 'too-many-attempts');
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
});
