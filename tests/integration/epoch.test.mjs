// SPDX-License-Identifier: EUPL-1.2
// `duongthu epoch new` by itself: what it refuses, what jumps, who is told, and that services go on behind the jump. The whole way through a restore is tests/faults/drill.test.mjs.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, JSON_TYPE, PROTOBUF } from '../harness/device.mjs';
import { item } from '../harness/facts.mjs';
import { startOffice } from '../harness/sink.mjs';
import { until } from '../harness/wait.mjs';

const JUMP = 4_294_967_296;
const SERVICES = ['ingest', 'correlate', 'webhook', 'sms'];
const [OURS, OLD, THEIRS] = ['H48.16-261121-0001', 'H48.16-261121-0002', 'H49.16-261121-0001'];
let cluster;
let app;
let device;
let office;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: SERVICES, config: { webhook: { speed: 1_000 }, sms: { quiet_from: '00:00', quiet_to: '00:00' } } });
    device = await Device.enrolled(app);
    office = await startOffice(app, { units: ['H48'] });
    // It asks for little; a reset is told all the same.
    await cluster.psql(`update dt.endpoint set kinds = '{item.collected}'`);
});
after(async () => {
    try {
        await app?.stop();
    } finally {
        await office?.stop();
        await cluster?.destroy();
    }
});

const collect = (n, dossier, options) => device.upload([device.scan({ code: item(n), dossiers: [dossier], leg: 'N' })], options);
const epochNew = (args = ['--no-tombstones'], options) => app.run(['epoch', 'new', '--why', 'trial', ...args], options);
const told = (subject) => office.events().filter((event) => event.subject === subject)
    .map(({ type, source, sequence, data }) => `${source.split(':').at(-1)} ${sequence} ${type.slice('vn.duongthu.'.length)}${data.last_sequence === undefined ? '' : ` last ${data.last_sequence}`}`);
const begin = (services) => Promise.all(services.map((service) => (app.start(service), app.ready(service))));

test('every answer names the epoch; the first has nothing to send again', async () => {
    assert.equal(device.epoch, 1);
    for (const [n, dossier, form] of [[1, OLD, JSON_TYPE], [2, OURS, PROTOBUF], [3, THEIRS, JSON_TYPE]]) {
        const { body } = await collect(n, dossier, { form });
        assert.equal(body.epoch, 1);
        assert.equal(body.resend_from_ms, undefined);
    }
    await until(() => told(OURS).length === 1 && told(OLD).length === 1, { what: 'the office has heard' });
});

test('it wants to know why and what became of the tombstones, and refuses while a service is connected', async () => {
    for (const args of [['epoch'], ['epoch', 'new', '--why', 'x'], ['epoch', 'new', '--no-tombstones'], ['epoch', 'new', '--why', 'x', '--no-tombstones', '--tombstones', 'f'],
        ['epoch', 'new', '--why', 'x', '--no-tombstones', '--days', '0']])
        assert.equal((await app.run(args, { mayFail: true })).code, 2, args.join(' '));
    const { code, stderr } = await epochNew(undefined, { mayFail: true });
    assert.equal(code, 1);
    assert.match(stderr, /services are connected: correlate, ingest, sms, webhook; stop them first/);
    const wrong = join(app.folder, 'wrong');
    writeFileSync(wrong, 'dossier:H48.16-261121-0001\n');
    await app.stop();
    assert.match((await epochNew(['--tombstones', wrong], { mayFail: true })).stderr, /wrong:1: not a tombstone/);
    assert.match((await epochNew(['--tombstones', join(app.folder, 'none')], { mayFail: true })).stderr, /No such file/);
    assert.match((await app.run(['epoch', 'show'])).stdout, /^1 {2}since \S+ {2}positions from 1 {2}first start\n$/);
});

// Messages in every state, due or not: what becomes of them shows in the next test.
const MESSAGES = [
    { is: 'waiting', then: 'unknown restored 1' },
    { is: 'waiting', copies: 1, then: 'unknown restored 2' }, // its second copy was refused for the moment
    { is: 'waiting', due: '1 day', then: 'waiting' }, // for the morning: it cannot have left
    { is: 'submitting', copies: 1, then: 'unknown restored 1' },
    { is: 'unknown', copies: 1, then: 'unknown restored 2' }, // its second copy was due
    { is: 'unknown', copies: 1, due: '14 min', then: 'unknown 1' },
    { is: 'unknown', copies: 2, then: 'unknown 2' },
    ...['accepted', 'delivered', 'undelivered', 'failed', 'cancelled'].map((is) => ({ is, copies: 1, then: `${is} 1` })),
];
const seedMessages = () => cluster.psql(`insert into dt.sms (lane, cause_lane, cause_pos, item, phone_hmac, template, id, dossier, contact, text, segments, state, copies, not_before, expires_at)
    select 0, 0, m.n, '', 'x', 3, gen_random_uuid(), 1, 'x', 'seeded', 1, m.state, m.copies, now() + m.due::interval, now() + interval '2 days'
    from unnest($1::text[], $2::int2[], $3::text[]) with ordinality as m (state, copies, due, n)`,
    [MESSAGES.map(({ is }) => is), MESSAGES.map(({ copies = 0 }) => copies), MESSAGES.map(({ due = '-1 min' }) => due)]);
const seededMessages = async () => (await cluster.psql(`select state, copies, possible_duplicate as marked, duplicate_why as why from dt.sms where text = 'seeded' order by cause_pos`))
    .map(({ state, copies, marked, why }) => [state, ...(marked ? [why] : []), ...(copies > 0 ? [copies] : [])].join(' '));

test('heads jump, recent dossiers are told which number stands, and the logs go on behind', async () => {
    await seedMessages();
    // The first dossier was heard of long ago.
    await cluster.psql(`update dt.journey set recorded_at = recorded_at - interval '91 days' where code = '${OLD}'`);
    assert.match((await epochNew()).stdout, /^epoch 2 begins: positions from 4294967297; the newest fact is of \S+; stream\.reset for 2 dossiers; 4 waiting messages may have been sent\n$/);
    assert.deepEqual(await seededMessages(), MESSAGES.map(({ then }) => then));
    await begin(SERVICES);
    await until(() => told(OURS).length === 2, { what: 'the reset is told' });
    const { body } = await collect(4, OURS);
    assert.equal(body.epoch, 2);
    const [{ newest }] = await cluster.psql(`select (extract(epoch from max(recorded_at) filter (where pos <= ${JUMP})) * 1000)::bigint as newest from dt.fact`);
    assert.equal(body.resend_from_ms, newest - 600_000);
    assert.equal(device.owed.length, 3, 'all that was answered since then');
    for (const { scans } of device.owed)
        assert.deepEqual((await device.send(device.batch(scans))).body.results.map(({ status, first }) => `${status} ${first}`), ['duplicate accepted']);
    await until(() => told(OURS).length === 3, { what: 'the next event is told' });
    assert.deepEqual(told(OURS), ['1 1 item.collected', '2 2 stream.reset last 1', '2 3 item.collected']);
    assert.deepEqual(told(OLD), ['1 1 item.collected']);
    assert.deepEqual((await cluster.psql('select pos from dt.fact order by pos')).map(({ pos }) => pos), [1, 2, 3, JUMP + 1, JUMP + 2, JUMP + 3]);
    assert.equal((await cluster.psql('select min(pos) as pos from dt.journey where pos > 3'))[0].pos, JUMP + 1);
    // The consumers pass the gap in one step.
    await until(async () => (await cluster.psql(`select max(pos) > ${JUMP} as there from dt.cursor where consumer = 'sms'`))[0].there, { what: 'sms has read on' });
    const segments = await cluster.psql(`select log, count(*) as n, max(last_pos) as last from dt.segment group by log order by log`);
    assert.ok(segments.every(({ n, last }) => n <= 12 && last > JUMP + 8_000_000), JSON.stringify(segments));
});

test('what may have been told in the lost time is marked; what happened since is not', async () => {
    await app.stop();
    await cluster.psql("update dt.installation set started_at = now() - interval '1 hour' where epoch = 2"); // it was then
    const [before, since] = ['H48.16-261121-0011', 'H48.16-261121-0012'];
    const path = join(app.folder, 'dossiers.csv');
    writeFileSync(path, `code,phone,consent\n${before},+84900000011,yes\n${since},+84900000012,yes\n`);
    await app.run(['dossier', 'import', path]);
    await begin(SERVICES);
    const hour = 3_600_000;
    await device.upload([device.scan({ code: item(11), dossiers: [before], leg: 'N', at_ms: Date.now() - 2 * hour }), device.scan({ code: item(12), dossiers: [since], leg: 'N' })]);
    const messages = () => cluster.psql(`select contact, state, copies, possible_duplicate, duplicate_why from dt.sms where contact = any ($1) order by contact`, [[before, since]]);
    await until(async () => (await messages()).filter(({ state }) => state === 'accepted').length === 2, { what: 'both are sent' });
    assert.deepEqual(await messages(), [
        { contact: before, state: 'accepted', copies: 2, possible_duplicate: true, duplicate_why: 'restored' },
        { contact: since, state: 'accepted', copies: 1, possible_duplicate: false, duplicate_why: '' },
    ]);
});

test('and once more: an epoch on an epoch', async () => {
    await app.stop();
    await epochNew();
    await begin(['ingest', 'correlate', 'webhook']);
    await until(() => told(OURS).length === 4, { what: 'the second reset is told' });
    assert.equal(told(OURS).at(-1), '3 4 stream.reset last 3');
    assert.match((await app.run(['epoch', 'show'])).stdout, /\n3 {2}since \S+ {2}positions from 8589934593 {2}trial\n$/);
    assert.equal((await app.run(['rebuild', '--check'], { mayFail: true })).stderr.includes('differs'), false);
});
