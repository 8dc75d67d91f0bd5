// SPDX-License-Identifier: EUPL-1.2
// A statement whose caller has given it up may still run: it lay in a socket, or behind a lock. Then it must change nothing that its caller has done since.
import { after, afterEach, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, results } from '../harness/device.mjs';
import { append, codeOf } from '../harness/journey.mjs';
import { startLateWay } from '../harness/late.mjs';
import { giveContact } from '../harness/seal.mjs';
import { startSink } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
let way;
let sink;
let gateway;
let app;
before(async () => {
    [cluster, sink, gateway] = await Promise.all([startCluster(), startSink(), startSmsGateway()]);
    way = await startLateWay(cluster);
    app = await startApp({
        cluster, services: [], database: { host: way.host },
        config: { webhook: { speed: 20 }, sms: { gateway: 'http-json', url: gateway.url('/send'), allow: '127.0.0.1/32', quiet_from: '00:00', quiet_to: '00:00' } },
    });
});
after(async () => {
    await app?.stop();
    await Promise.all([sink?.stop(), gateway?.stop()]);
    await way?.stop();
    await cluster?.destroy();
});
afterEach(() => Promise.all([...app.running.values()].map((child) => child.result ?? child.end('SIGKILL'))));

const one = async (sql, params) => Object.values((await cluster.psql(sql, params))[0] ?? {})[0];

async function start(service) {
    await cluster.psql("update dt.lease set until = '-infinity'"); // who held one is dead
    app.start(service);
    await app.ready(service);
}

test('webhook: a late record does not end a hold that is younger than it', async () => {
    let well = false;
    sink.setMode(() => ({ status: well ? 204 : 500 }));
    await start('webhook');
    await app.run(['endpoint', 'add', '--url', sink.url('/hook'), '--unit', 'H48', '--allow', '127.0.0.1/32']);
    const holds = () => cluster.psql('select from_seq from dt.hold');
    const isHeld = (seq) => until(async () => (await holds())[0]?.from_seq === seq
        && await one('select max(done) from dt.endpoint_cursor') === await one('select max(pos) from dt.journey'), { what: `${seq} is held` });

    await append(cluster, [1]);
    await isHeld(1);
    const answered = () => sink.requests.some(({ mode }) => mode === 204);
    const caught = way.hold('record', answered); // the one that says that 1 was delivered, and that nothing is held
    well = true;
    const late = await caught;
    await until(async () => (await holds()).length === 0, { limit: 30_000, what: 'it is said again' });
    well = false;
    await append(cluster, [1]);
    await isHeld(2);
    await app.process('webhook').end('SIGKILL'); // nobody is left who would know of it
    assert.equal(await late.release(), 'DT001');
    assert.deepEqual(await holds(), [{ from_seq: 2 }]);
    well = true;
    await start('webhook');
    await until(() => sink.requests.some(({ mode, body }) => mode === 204 && JSON.parse(body).data.sequence === 2), { limit: 120_000, what: 'the second event arrives' }); // its third try is due after 105 s
});

test('sms: a late answer of an earlier submission is not taken for the answer of this one', async () => {
    const code = codeOf(7);
    await cluster.psql("insert into dt.dossier (lane, dossier, unit, opened_at) values (0, 7, 'H48.16', now())");
    await cluster.psql('insert into dt.dossier_code (lane, code, dossier, from_at) values (0, $1, 7, now())', [code]);
    await giveContact(cluster, app.config.keys.dir, code, { phone: '+84900000001' }, { consent: true }); // of nobody
    const message = async () => (await cluster.psql('select state, copies, tries, possible_duplicate from dt.sms where dossier = 7'))[0];
    const is = (state, limit = 30_000) => until(async () => (await message())?.state === state, { limit, what: `the message is ${state}` });

    gateway.setMode('503');
    await start('sms');
    const caught = way.hold('settle');
    await cluster.psql(`insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, sms)
        select 0, max(pos) + 1, 0, max(pos) + 1, 0, 7, 1, 10, now(), now(), 'H48.16', $1, 'EC521602781VN', 3 from dt.journey`, [code]);
    const late = await caught; // "not now": it waits again, and was never sent
    await until(async () => (await message())?.tries === 1, { limit: 30_000, what: 'it is said again' });
    gateway.setMode('slow');
    gateway.delay = 1_000;
    await cluster.psql("update dt.sms set not_before = now() where state = 'waiting'");
    await until(() => gateway.messages().length === 1, { limit: 30_000, what: 'it is submitted again' });
    assert.equal(await late.release(), 'DT001');
    await is('accepted');
    assert.deepEqual(await message(), { state: 'accepted', copies: 1, tries: 0, possible_duplicate: false });
    assert.equal(gateway.messages().length, 1);
});

test('correlate: a late batch finds that the cursor has moved', async () => {
    await Promise.all(['ingest', 'correlate'].map(start));
    const device = await Device.enrolled(app);
    const caught = way.hold('write');
    assert.equal((await device.upload([device.scan({ dossiers: [codeOf(9)], leg: 'K', code: 'EA123456785VN' })])).status, 200);
    const late = await caught;
    const told = () => one('select count(*) from dt.journey where code = $1', [codeOf(9)]);
    const rows = await until(told, { limit: 30_000, what: 'the journey is told' });
    assert.equal(await late.release(), 'DT002');
    assert.equal(await told(), rows);
});

test('correlate: a batch looks at the cursor when the one before it is over, not while it runs', async () => {
    await cluster.psql("insert into dt.lease values ('correlate', 1, 'test', '-infinity') on conflict do nothing");
    const [{ epoch, pos, part }] = await cluster.psql(`select l.epoch, coalesce(c.pos, 0) as pos, coalesce(c.part, 0) as part from dt.lease l
        left join (select pos, part from dt.cursor where consumer = 'correlate' order by pos desc, part desc limit 1) c on true where l.name = 'correlate'`);
    const begin = (n) => `select dt.correlate_begin(${epoch}, 0::smallint, ${pos}, ${part}, ${pos + n}, 0, false)`;
    const [first, second] = [await cluster.connect(), await cluster.connect()];
    try {
        await first.query(`begin; ${begin(1)}`);
        await second.query("set lock_timeout = '50ms'");
        await assert.rejects(second.query(begin(2)), { sqlstate: '55P03' });
        await first.query('commit');
        await assert.rejects(second.query(begin(2)), { sqlstate: 'DT002' });
    } finally {
        await first.query('rollback').catch(() => {});
        await cluster.psql('delete from dt.cursor where consumer = $1 and pos = $2', ['correlate', pos + 1]);
        await Promise.all([first.close(), second.close()]);
    }
});

test('ingest: an upload that was answered 503 and comes late is a duplicate', async () => {
    await start('ingest');
    const device = await Device.enrolled(app);
    const caught = way.hold('append');
    const batch = device.batch([device.scan(), device.scan()]);
    const refused = device.send(batch);
    const late = await caught;
    assert.equal((await refused).status, 503);
    const again = await until(async () => {
        const answer = await device.send(batch);
        return answer.status === 200 && answer;
    }, { limit: 30_000, what: 'it is taken' });
    assert.match(results(again), /accepted.*accepted/);
    const facts = () => one('select count(*) from dt.fact f join dt.stream s using (lane, stream) where s.token = $1', [device.stream]);
    assert.equal(await facts(), 2);
    assert.equal(await late.release(), '');
    assert.equal(await facts(), 2);
    assert.equal(await one('select answered::text from dt.stream where token = $1', [device.stream]), '{[1,3)}');
});
