// SPDX-License-Identifier: EUPL-1.2
// Scans in: every verdict, protobuf and JSON with one meaning, repeats, conflicts, streams, clocks, personal parts.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { bodyOf, Device, headerOf, JSON_TYPE, PROTOBUF, results, sha256, uuid7 } from '../harness/device.mjs';

let cluster;
let app;
let db;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest'] });
    db = await cluster.connect();
});
after(async () => {
    try {
        await db?.close();
        await app?.stop();
    } finally {
        await cluster?.destroy();
    }
});

const facts = (device) => db.query('select seq, type, code, flags, occurred_at, body from dt.fact f join dt.stream s using (lane, stream)'
    + ' where s.token = $1::uuid order by pos', [device.stream]);
const quarantined = (device) => db.query('select seq, reason, code from dt.quarantine q join dt.stream s using (lane, stream)'
    + ' where s.token = $1::uuid order by seq', [device.stream]);

test('a batch is stored, in order, with the evidence, and answered with a receipt', async () => {
    const device = await Device.enrolled(app);
    const scans = [device.scan(), device.scan({ type: 'item.accepted' }), device.scan({ type: 'item.delivered', dossiers: ['H34.16-190102-0007'] })];
    const batch = device.batch(scans);
    const answer = await device.send(batch);
    assert.equal(results(answer), '1:accepted 2:accepted 3:accepted');
    const rows = await facts(device);
    assert.deepEqual(rows.map(({ seq, code, body }) => ({ seq, code, body })),
        scans.map((scan) => ({ seq: scan.seq, code: 'EA123456785VN', body: bodyOf(scan) })));
    const [receipt] = await db.query('select r.* from dt.receipt r join dt.stream s using (lane, stream) where s.token = $1::uuid', [device.stream]);
    assert.equal(receipt.header, headerOf(batch));
    assert.equal(receipt.signature.toString('base64'), batch.signature);
    assert.deepEqual(receipt.digests, Buffer.concat(scans.map((scan) => sha256(bodyOf(scan)))));
});

test('protobuf and JSON have one meaning, plain or gzipped', async () => {
    const answers = [];
    for (const options of [{ form: JSON_TYPE }, { form: PROTOBUF }, { form: JSON_TYPE, gzip: true }, { form: PROTOBUF, gzip: true }]) {
        const device = await Device.enrolled(app);
        const full = device.scan({
            type: 'delivery.failed', boot: 'b00t', uptime_ms: 123456, dossiers: ['000.00.16.H34-190102-0007', 'H34.16-190102-0008'], leg: 'K', reason: '13',
            solution: 'redeliver', charge: 30000, fee: 0, remit: 50000, order: 'ORD-1', photos: [sha256('a').toString('hex'), sha256('b').toString('hex')],
            note: 'Nhà không có ai, gọi không bắt máy — hẹn lại',
        });
        const scans = [full, device.scan({ type: 'bag.closed', code: 'BAG-00012345', members: ['EA123456785VN', 'CP123456785VN'] }),
            device.scan({ type: 'item.put_in', into: 'BAG-00012345' }), device.scan({ type: 'correction', retracts: `${device.number}:1` })];
        const answer = await device.send(device.batch(scans), options);
        answers.push(results(answer));
        assert.equal(answer.headers.get('content-type'), options.form);
        assert.deepEqual((await facts(device)).map(({ body }) => body), scans.map(bodyOf));
    }
    assert.deepEqual(answers, Array(4).fill('1:accepted 2:accepted 3:accepted 4:accepted'));
});

test('what was answered is answered again, whatever the form and the order', async () => {
    const device = await Device.enrolled(app);
    const scans = [device.scan(), device.scan({ code: 'EA123456784VN' }), device.scan()];
    const batch = device.batch(scans);
    const first = await device.send(batch);
    assert.equal(results(first), '1:accepted 2:quarantined:check-digit 3:accepted');
    const again = '1:duplicate:accepted 2:duplicate:check-digit:quarantined 3:duplicate:accepted';
    assert.equal(results(await device.send(batch)), again);
    assert.equal(results(await device.send(batch, { form: PROTOBUF })), again);
    assert.equal(results(await device.upload([scans[2], scans[0]])), '3:duplicate:accepted 1:duplicate:accepted');
    assert.equal(results(await device.upload([scans[1], device.scan()])), '2:duplicate:check-digit:quarantined 4:accepted');
    assert.deepEqual((await facts(device)).map(({ seq }) => seq), [1, 3, 4]);
    assert.equal((await quarantined(device)).length, 1);
});

test('an acknowledgement of nothing but duplicates has written something, so that it waits for its durability', async () => {
    const device = await Device.enrolled(app);
    const batch = device.batch([device.scan()]);
    await device.send(batch);
    const touched = async () => (await db.query('select touched_at, xmin::text from dt.stream where token = $1::uuid', [device.stream]))[0];
    const before = await touched();
    await device.send(batch);
    assert.notDeepEqual(await touched(), before);
});

test('the same number with other content is a conflict, kept apart', async () => {
    const device = await Device.enrolled(app);
    const scan = device.scan();
    await device.upload([scan]);
    const other = { ...scan, type: 'item.delivered' };
    assert.equal(results(await device.upload([other])), '1:quarantined:conflict');
    assert.equal(results(await device.upload([other])), '1:quarantined:conflict');
    assert.deepEqual(await quarantined(device), [{ seq: 1, reason: 13, code: 'EA123456785VN' }]);
    assert.deepEqual((await facts(device)).map(({ body }) => body), [bodyOf(scan)]);
});

test('repeats and conflicts inside one batch', async () => {
    const device = await Device.enrolled(app);
    const a = device.scan();
    const b = device.scan();
    const other = { ...a, type: 'item.accepted' };
    const answer = await device.upload([b, a, a, other, other, b]);
    assert.equal(results(answer), '2:accepted 1:accepted 1:duplicate:accepted 1:quarantined:conflict 1:duplicate:conflict:quarantined 2:duplicate:accepted');
    assert.deepEqual((await facts(device)).map(({ seq }) => seq), [1, 2]);
    assert.deepEqual((await quarantined(device)).map(({ seq, reason }) => [seq, reason]), [[1, 13]]);
});

test('what a person must look at is quarantined with its reason, and its number is answered', async () => {
    const device = await Device.enrolled(app);
    const now = Date.now();
    const day = 86_400_000;
    const cases = [
        [{ code: 'EA123456784VN' }, 'quarantined:check-digit'],
        [{ code: 'http://vnpost.vn/?c=EA123456784VN' }, 'quarantined:check-digit'],
        [{ code: 'HELLO-WORLD' }, 'quarantined:code-unknown'],
        [{ code: 'EA12345678VN' }, 'quarantined:code-unknown'],
        [{ type: 'bag.opened', code: 'EA123456785VN' }, 'quarantined:code-unknown'],
        [{ type: 'item.teleported' }, 'quarantined:event-invalid'],
        [{ type: 'item.compensated' }, 'quarantined:event-invalid'], // not a handheld's to say
        [{ code: undefined }, 'quarantined:event-invalid'],
        [{ type: 'delivery.decided' }, 'quarantined:event-invalid'],
        [{ type: 'correction', retracts: `${device.number + 1}:1` }, 'quarantined:event-invalid'], // another stream's
        [{ type: 'correction', retracts: 'x:1' }, 'quarantined:event-invalid'],
        [{ at_ms: now + 6 * 60_000 }, 'quarantined:time-absurd'],
        [{ at_ms: 0 }, 'quarantined:time-absurd'],
        [{ at_ms: undefined }, 'quarantined:time-absurd'],
        [{ at_ms: 253402300799999 }, 'quarantined:time-absurd'],
        [{ at_ms: now - 31 * day }, 'accepted'],
        [{ at_ms: now + 4 * 60_000 }, 'accepted'],
        [{ code: 'ea 123 456 785 vn' }, 'accepted'],
        [{ code: 'https://vnpost.vn/track?c=EA123456785VN' }, 'accepted'],
        [{ type: 'bag.opened', code: '000000000000000000' }, 'accepted'],
        [{ type: 'correction', retracts: `${device.number}:16` }, 'accepted'],
        [{ type: 'correction', retracts: `${device.stream}:16` }, 'accepted'],
    ];
    const answer = await device.upload(cases.map(([fields]) => device.scan(fields)));
    assert.deepEqual(results(answer).split(' '), cases.map(([, result], i) => `${i + 1}:${result}`));
    const stored = await facts(device);
    assert.deepEqual(stored.map(({ seq, flags }) => [seq, flags]), [[16, 2], [17, 0], [18, 0], [19, 0], [20, 0], [21, 0], [22, 0]]);
    assert.ok(stored.slice(0, 4).every(({ code }) => code === 'EA123456785VN'));
    const kept = await quarantined(device);
    assert.deepEqual(kept.map(({ seq }) => seq), Array.from({ length: 15 }, (_, i) => i + 1));
    assert.deepEqual((await db.query('select answered::text from dt.stream where token = $1::uuid', [device.stream])), [{ answered: '{[1,23)}' }]);
});

test('a revoked device is answered, its scans are quarantined from that moment on', async () => {
    const device = await Device.enrolled(app);
    const first = device.scan();
    await device.upload([first]);
    await app.run(['device', 'revoke', device.id]);
    assert.equal(results(await device.upload([first, device.scan(), device.scan({ code: 'EA123456784VN' })])),
        '1:duplicate:accepted 2:quarantined:device-revoked 3:quarantined:check-digit');
    const refused = await device.openStream();
    assert.deepEqual([refused.status, refused.body.code], [403, 'device-revoked']);
    const { stdout } = await app.run(['device', 'list', '--json']);
    const listed = stdout.trim().split('\n').map((line) => JSON.parse(line)).find((entry) => entry.device === device.id);
    assert.ok(listed.revoked_at);
});

test('gaps are remembered, and too many of them are refused', async () => {
    const device = await Device.enrolled(app);
    const take = (seq) => device.scan({ seq });
    assert.equal(results(await device.upload([take(5), take(3), take(9)])), '5:accepted 3:accepted 9:accepted');
    assert.equal(results(await device.upload([take(4), take(1)])), '4:accepted 1:accepted');
    const sparse = await device.upload([take(100_011)]);
    assert.deepEqual([sparse.status, sparse.body.code], [409, 'stream-sparse']);
    const holes = await device.upload(Array.from({ length: 260 }, (_, i) => take(20 + 2 * i)));
    assert.deepEqual([holes.status, holes.body.code], [409, 'stream-sparse']);
    assert.deepEqual((await facts(device)).map(({ seq }) => seq), [3, 5, 9, 1, 4]);
    // A new stream counts from 1 again, and the old one is not harmed.
    const old = device.stream;
    assert.equal((await device.openStream()).status, 200);
    assert.notEqual(device.stream, old);
    assert.equal(results(await device.upload([device.scan()])), '1:accepted');
});

test('a device whose clock is days off is told, signs again, and its times are corrected once', async () => {
    for (const error of [3 * 86_400_000, -3 * 86_400_000, -50 * 365 * 86_400_000]) {
        const device = await Device.enrolled(app);
        const drift = Math.max(error, -Date.now()); // 1970
        device.clock = () => Date.now() + drift;
        const scan = device.scan();
        const made = Date.now();
        const refused = await device.send(device.batch([scan]));
        assert.deepEqual([refused.status, refused.body.code], [409, 'clock-skew']);
        assert.ok(refused.body.server_at_ms >= made && refused.body.server_at_ms <= Date.now());
        assert.equal(results(await device.upload([scan])), '1:accepted');
        const [{ occurred_at: occurred }] = await facts(device);
        // The offset is as wrong as an answer is late.
        assert.ok(Math.abs(Date.parse(occurred) - made) <= Date.now() - made, `${occurred} is not ${new Date(made).toISOString()}`);
        // Sent again with another offset: the first correction stays.
        device.offset += 200_000;
        assert.equal(results(await device.send(device.batch([scan]))), '1:duplicate:accepted');
        assert.deepEqual((await facts(device)).map((fact) => fact.occurred_at), [occurred]);
    }
});

test('a personal part is sealed beside the log, bound by its digest, and never logged', async () => {
    const device = await Device.enrolled(app);
    const delivered = device.scan({ type: 'item.delivered' });
    const part = device.personal(delivered, { receiver: 'Nguyen Van Thu Nghiem', phone: '0912345678', relation: 'self' });
    const forged = device.scan();
    const wrong = device.personal(forged, { receiver: 'A' });
    wrong.part = Buffer.from('{"receiver":"B"}').toString('base64');
    const absent = device.scan();
    device.personal(absent, { receiver: 'C' }); // digest only: the part was lost
    for (const form of [JSON_TYPE, PROTOBUF]) {
        const answer = await device.send(device.batch([delivered, forged, absent], { personal: [part, wrong] }), { form });
        assert.equal(results(answer), form === JSON_TYPE ? '1:accepted 2:refused:personal-mismatch 3:accepted'
            : '1:duplicate:accepted 2:refused:personal-mismatch 3:duplicate:accepted');
    }
    const rows = await db.query('select b.blob, b.kind, b.sealed, w.subject, w.wrapped from dt.sealed b join dt.wrap w using (lane, blob)'
        + ' where w.subject = $1 and length(b.sealed) = $2', ['item:EA123456785VN', 32 + Buffer.from(part.part, 'base64').length + 28]);
    assert.equal(rows.length, 1);
    assert.equal(rows[0].kind, 2);
    assert.equal(rows[0].blob.replaceAll('-', '').slice(0, 12), delivered.personal.slice(0, 12));
    assert.ok(!rows[0].sealed.includes('Nguyen'));
    assert.equal((await db.query("select count(*) as n from dt.fact where body like '%Nguyen%' or body like '%0912345678%'"))[0].n, 0);
    assert.ok(!app.process('ingest').output.match(/Nguyen|0912345678/));
    // The refused number is still free.
    const right = device.personal(forged, { receiver: 'A' });
    assert.equal(results(await device.upload([forged], { over: { personal: [right] } })), '2:accepted');
});

test('ingest can neither read a phone number nor the log', async () => {
    const session = await cluster.connect({ user: 'dt_ingest' });
    for (const table of ['contact', 'sealed', 'wrap', 'fact', 'journey', 'dossier', 'item', 'quarantine', 'receipt'])
        await assert.rejects(session.query(`select * from dt.${table} limit 1`), { sqlstate: '42501' }, table);
    await assert.rejects(session.query("insert into dt.device (device, office, public_key) values (gen_random_uuid(), '1', '')"), { sqlstate: '42501' });
    await session.close();
});

test('enrolment: a code works once, for ten minutes, five tries; a lost answer costs nothing', async () => {
    const invite = async () => (await app.run(['device', 'invite', '--office', '590000'])).stdout.trim();
    const code = await invite();
    assert.match(code, /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    const device = new Device(app.url('ingest'));
    const typed = ` ${code.toLowerCase().replace('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    const first = await device.enrol(typed);
    assert.equal(first.status, 200);
    const again = await device.enrol(code);
    assert.deepEqual([again.status, again.body.device, again.body.stream], [200, first.body.device, first.body.stream]);
    const other = new Device(app.url('ingest'));
    assert.deepEqual(await other.enrol(code).then(({ status, body }) => [status, body.code]), [403, 'bad-code']);

    const worn = await invite();
    other.publicKey = 'AAAA';
    for (let i = 0; i < 5; i++)
        assert.equal((await other.enrol(worn)).status, 400);
    assert.deepEqual(await new Device(app.url('ingest')).enrol(worn).then(({ status, body }) => [status, body.code]), [403, 'bad-code']);

    const late = await invite();
    await db.query("update dt.invite set expires_at = now() - interval '1 second' where used_at is null");
    assert.equal((await new Device(app.url('ingest')).enrol(late)).status, 403);
    assert.equal((await app.run(['device', 'invite', '--office', '12'], { mayFail: true })).code, 2);
    assert.equal((await app.run(['device', 'revoke', uuid7()], { mayFail: true })).code, 1);
});

test('a new stream needs the device\'s own signature and a fresh time, and there are 20 a day', async () => {
    const device = await Device.enrolled(app);
    const code = async (request) => request.then(({ status, body }) => [status, body.code]);
    assert.deepEqual(await code(device.openStream({ sent_at_ms: Date.now() - 301_000 })), [409, 'clock-skew']);
    const stranger = await Device.enrolled(app);
    stranger.id = device.id;
    assert.deepEqual(await code(stranger.openStream()), [401, 'bad-signature']);
    stranger.id = uuid7();
    assert.deepEqual(await code(stranger.openStream()), [401, 'unknown-device']);
    for (let i = 0; i < 19; i++)
        assert.equal((await device.openStream()).status, 200);
    assert.deepEqual(await code(device.openStream()), [429, 'too-many-attempts']);
});

test('metrics tell what was answered', async () => {
    const metrics = await app.metrics('ingest');
    for (const result of ['accepted', 'duplicate', 'quarantined', 'refused'])
        assert.ok(metrics.get(`duongthu_ingest_scans_total{result="${result}"}`) > 0, result);
    assert.ok(metrics.get('duongthu_ingest_ack_seconds_count') > 0);
    assert.ok(metrics.get('duongthu_ingest_segments_ahead') >= 2);
    assert.equal(metrics.get('duongthu_ingest_uploads_in_flight'), 0);
});
