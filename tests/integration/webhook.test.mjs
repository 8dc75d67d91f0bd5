// SPDX-License-Identifier: EUPL-1.2
// The webhook service against offices of every kind: what they get, in which order, and what becomes of those that fail. Waits are the published ones divided by
// [webhook] speed.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { HTTP } from 'cloudevents';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, checkOrder, codeOf, numbers, turns } from '../harness/journey.mjs';
import { startSink } from '../harness/sink.mjs';
import { until } from '../harness/wait.mjs';

const TOTAL_MS = (75 * 3600 + 35 * 60 + 5) * 1000;
const CLOCK_MS = 50; // between the sender's clock and ours

let cluster;
let sink;
before(async () => {
    cluster = await startCluster();
    sink = await startSink();
});
after(async () => {
    await sink.stop();
    await cluster.destroy();
});

const AT_ONCE = 8; // requests to one endpoint, [webhook] per_endpoint
let next = 1; // dossiers are never used twice
const dossiers = (count) => numbers(next, (next += count) - 1);
let paths = 0;

// The service alone. Everything the test made ends with it.
async function webhook(t, config = {}) {
    const app = await startApp({ cluster, services: ['webhook'], config: { webhook: config } });
    t.after(async () => {
        await Promise.all([...app.running.values()].map((child) => child.result ?? child.end('SIGKILL')));
        await cluster.psql(`delete from dt.endpoint; delete from dt.hold; delete from dt.gap; delete from dt.endpoint_cursor;
            delete from dt.replay; update dt.lease set until = now();
            insert into dt.published (lane, pos) select lane, max(pos) from dt.journey group by lane on conflict do nothing`);
    });
    return app;
}

// An endpoint at the sink → { id, secret, path, requests(), ok() }
async function endpoint(app, options = [], peer = sink) {
    const path = `/${++paths}`;
    const { stdout } = await app.run(['endpoint', 'add', '--url', peer.url(path), '--unit', 'H48', '--allow', '127.0.0.1/32', '--label', path, ...options]);
    const [, id] = stdout.match(/^endpoint (.*)$/m);
    const [, secret] = stdout.match(/^(?:secret|public-key) (.*)$/m);
    const requests = () => peer.at(path);
    return { id, secret, path, requests, ok: () => requests().filter(({ answer }) => answer >= 200 && answer < 300), url: peer.url(path) };
}

// Lets a function decide about each request, and notes on the request what it was answered.
function answers(path, decide = () => 204, peer = sink) {
    peer.setMode((request) => {
        const answer = decide(request);
        request.answer = answer.status ?? answer;
        return typeof answer === 'number' ? { status: answer } : answer;
    }, path);
}

// Takes its allow list away: the guard must refuse from now on what was allowed at registration.
async function forbid(app, endpoint) {
    await app.run(['endpoint', 'pause', endpoint.path]);
    await cluster.psql(`update dt.endpoint set allow = '' where endpoint = $1`, [endpoint.id]);
    await app.run(['endpoint', 'resume', endpoint.path]);
}

const data = (request) => JSON.parse(request.body).data;
const one = async (sql, params) => Object.values((await cluster.psql(sql, params))[0] ?? {})[0];
const isDown = async (endpoint) => await one('select down_since from dt.endpoint where endpoint = $1', [endpoint.id]) !== null;
const ledger = (endpoint) => cluster.psql('select pos, outcome, status, error from dt.attempt where endpoint = $1 order by at, pos', [endpoint.id]);
const settled = (endpoint) => until(async () => await one(`select bool_and(c.done = (select max(pos) from dt.journey j where j.lane = c.lane)) from
    (select distinct on (lane) lane, done from dt.endpoint_cursor where endpoint = $1 order by lane, n desc) c`, [endpoint.id]) === true
    && await one('select count(*) from dt.hold where endpoint = $1', [endpoint.id]) === 0, { limit: 300_000, what: 'nothing is left for the endpoint' });

// ---------------------------------------------------------------- what an office gets

test('a CloudEvent under Standard Webhooks headers, as the libraries of offices read it', async (t) => {
    const app = await webhook(t);
    const office = await endpoint(app);
    const thin = await endpoint(app, ['--thin']);
    const signed = await endpoint(app, ['--ed25519']);
    const [dossier] = dossiers(1);
    await append(cluster, [dossier, dossier], { details: { reason: 'giao tận tay', attempt: 1 } });
    const [first, second] = await sink.received(2, { path: office.path });
    for (const { body, headers } of [first, second]) {
        assert.deepEqual(new StandardWebhook(office.secret).verify(body.toString(), headers), JSON.parse(body));
        assert.doesNotThrow(() => new SvixWebhook(office.secret).verify(body.toString(), headers));
        const event = HTTP.toEvent({ headers, body: body.toString() });
        assert.ok(event.validate());
        assert.equal(event.type, 'vn.duongthu.item.delivered');
        assert.equal(event.subject, codeOf(dossier));
        assert.equal(event.id, headers['webhook-id']);
        assert.match(event.source, /^urn:duongthu:[0-9a-f-]{36}:1$/);
        assert.equal(event.sequencetype, 'Integer');
    }
    assert.notEqual(first.headers['webhook-id'], second.headers['webhook-id']);
    const full = data(first);
    assert.deepEqual({ ...full, occurred_at: 0, recorded_at: 0 }, {
        dossier: codeOf(dossier), sequence: 1, event: 'item.delivered', unit: 'H48.16', occurred_at: 0, recorded_at: 0, item: 'EB125966897VN',
        leg: 'K', state: 'delivered', state_code: 'S19', details: { reason: 'giao tận tay', attempt: 1 },
    });
    const [short] = await sink.received(2, { path: thin.path });
    assert.deepEqual(Object.keys(data(short)), ['dossier', 'sequence', 'event', 'unit', 'occurred_at', 'recorded_at']);
    assert.notEqual(short.headers['webhook-id'], first.headers['webhook-id'], 'ids are an endpoint\'s own');
    const [asymmetric] = await sink.received(2, { path: signed.path });
    assert.match(signed.secret, /^whpk_/);
    assert.match(asymmetric.headers['webhook-signature'], /^v1a,/);
    await app.run(['webhook', 'verify', '--secret', signed.secret, '--id', asymmetric.headers['webhook-id'],
        '--timestamp', asymmetric.headers['webhook-timestamp'], '--signature', asymmetric.headers['webhook-signature']],
    { input: asymmetric.body });
    await app.stop();
});

test('only what it subscribed to, from the day it subscribed, or from the start', async (t) => {
    const app = await webhook(t);
    const [a, b, c] = dossiers(3);
    await append(cluster, [a]);
    const everything = await endpoint(app); // publishes what is there
    const [d] = dossiers(1);
    await append(cluster, [d]);
    // What comes after the published position is new to `fresh`: d must be behind it. a may come first, and then proves nothing.
    await until(() => everything.requests().some((request) => data(request).dossier === codeOf(d)), { what: 'd is published' });
    const fresh = await endpoint(app, ['--kind', 'item']);
    const old = await endpoint(app, ['--from-start', '--kind', 'item.delivered']);
    const letters = await endpoint(app, ['--legs', 'NB']);
    await append(cluster, [b], { unit: 'H49.1' });
    await append(cluster, [b], { unit: 'H481' });
    await append(cluster, [c], { kind: 31 });
    await append(cluster, [c], { leg: 'N' });
    await sink.received(1, { path: fresh.path });
    await settled(fresh);
    await settled(letters);
    await settled(old);
    const seen = (endpoint) => endpoint.requests().map((request) => `${data(request).dossier} ${data(request).event}`);
    assert.deepEqual(seen(fresh), [`${codeOf(c)} item.delivered`]);
    assert.deepEqual(seen(letters), [`${codeOf(c)} item.delivered`]);
    assert.equal(seen(old).filter((text) => text.startsWith(codeOf(a))).length, 1);
    assert.ok(!seen(old).some((text) => text.startsWith(codeOf(b)) || text.includes('failed')));
    await app.stop();
});

test('during a rotation both secrets sign; afterwards the new one', async (t) => {
    const app = await webhook(t);
    const office = await endpoint(app);
    const [, fresh] = (await app.run(['endpoint', 'rotate', office.path])).stdout.match(/^secret (.*)$/m);
    const [dossier] = dossiers(1);
    await until(async () => { // the service follows within a second
        const before = office.requests().length;
        await append(cluster, [dossier]);
        await sink.received(before + 1, { path: office.path });
        return office.requests().at(-1).headers['webhook-signature'].split(' ').length === 2;
    }, { what: 'two signatures' });
    const { body, headers } = office.requests().at(-1);
    for (const secret of [office.secret, fresh])
        new StandardWebhook(secret).verify(body.toString(), headers);
    await cluster.psql(`update dt.endpoint set secret_until = now() - interval '1 s'`);
    await until(async () => {
        const before = office.requests().length;
        await append(cluster, [dossier]);
        await sink.received(before + 1, { path: office.path });
        return office.requests().at(-1).headers['webhook-signature'].split(' ').length === 1;
    }, { what: 'one signature' });
    const last = office.requests().at(-1);
    new StandardWebhook(fresh).verify(last.body.toString(), last.headers);
    assert.throws(() => new StandardWebhook(office.secret).verify(last.body.toString(), last.headers));
    await app.stop();
});

// ---------------------------------------------------------------- order

test('in order per dossier, one at a time, whatever fails in between; others never wait', async (t) => {
    const app = await webhook(t, { speed: 20_000 });
    const office = await endpoint(app);
    const mine = dossiers(25);
    const flying = new Set();
    let seed = 7;
    const chance = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
    answers(office.path, (request) => {
        const { dossier } = data(request);
        assert.ok(!flying.has(dossier), 'one in flight per dossier');
        flying.add(dossier);
        setImmediate(() => flying.delete(dossier));
        return chance() < 0.25 ? 500 : 204;
    });
    for (let i = 0; i < 4; i++)
        await append(cluster, turns(mine, 4));
    await settled(office);
    const last = checkOrder(office.ok());
    assert.deepEqual(mine.map((dossier) => last.get(codeOf(dossier))), mine.map(() => 16));
    assert.ok(office.requests().length > office.ok().length, 'some did fail');
    assert.equal((await ledger(office)).length, office.requests().length, 'every attempt is in the ledger');
    await app.stop();
});

test('a dossier that fails is held; the others of a living endpoint go on, and it catches up', async (t) => {
    const app = await webhook(t, { speed: 1000 });
    const office = await endpoint(app);
    const [bad, ...good] = dossiers(4);
    let heal = false;
    answers(office.path, (request) => (data(request).dossier === codeOf(bad) && !heal ? 400 : 204));
    await append(cluster, turns([bad, ...good], 3));
    await until(() => office.ok().length === 9, { what: 'the others' });
    await until(async () => await one('select from_seq from dt.hold where endpoint = $1', [office.id]) === 1, { what: 'the hold' });
    const { stdout } = await app.run(['endpoint', 'held', office.path]);
    assert.match(stdout.split('\n')[1], /\t1\t\d+\t.*http-400$/);
    await append(cluster, [bad, good[0]]);
    await until(() => office.ok().length === 10, { what: 'one more of another' });
    heal = true;
    await settled(office);
    assert.equal(checkOrder(office.ok()).get(codeOf(bad)), 4);
    assert.equal(await one('select status from dt.endpoint where endpoint = $1', [office.id]), 'active');
    await app.stop();
});

test('lanes are independent of each other', async (t) => {
    await cluster.psql('insert into dt.journey_head (lane) values (1)');
    t.after(() => cluster.psql('delete from dt.journey_head where lane = 1'));
    const app = await webhook(t);
    const office = await endpoint(app);
    answers(office.path);
    const [a, b] = dossiers(2);
    await append(cluster, turns([a], 5));
    await append(cluster, turns([b], 5), { lane: 1 });
    await settled(office);
    assert.deepEqual([...checkOrder(office.ok())].sort(), [[codeOf(a), 5], [codeOf(b), 5]]);
    await app.stop();
});

// ---------------------------------------------------------------- the schedule's end

test('after the schedule the event is given up, visibly; the next says gap_before; a replay sends it again', async (t) => {
    const app = await webhook(t, { speed: 100_000 }); // 75 h 35 m in 2.7 s
    const office = await endpoint(app);
    const [bad, good] = dossiers(2);
    let refuse = true;
    answers(office.path, (request) => (data(request).dossier === codeOf(bad) && data(request).sequence === 2 && refuse ? 422 : 204));
    await append(cluster, [bad, bad, bad, good]);
    await until(() => office.ok().some((request) => data(request).sequence === 3), { what: 'the event behind it' });
    const failed = office.requests().filter(({ answer }) => answer === 422);
    assert.equal(new Set(failed.map(({ headers }) => headers['webhook-id'])).size, 1, 'one id over all retries');
    assert.ok(new Set(failed.map(({ headers }) => headers['webhook-timestamp'])).size > 1, 'each attempt has its own time');
    const third = office.ok().find((request) => data(request).sequence === 3);
    assert.equal(data(third).gap_before, true);
    // The last attempt may leave before the end and fail behind it; the event behind this one shows when it was given up.
    assert.ok(third.at - failed[0].at >= TOTAL_MS / 100_000 - CLOCK_MS, 'not before 75 h 35 m');
    assert.deepEqual(office.ok().filter((request) => data(request).gap_before), [third], 'and no other says so');
    await settled(office);
    assert.equal(await one('select count(*) from dt.gap where endpoint = $1', [office.id]), 0);
    assert.equal((await ledger(office)).filter(({ outcome }) => outcome === 3).length, 1);
    assert.match((await app.run(['endpoint', 'given-up', office.path])).stdout, new RegExp(`${codeOf(bad)}\t2\titem.delivered\thttp-422`));
    refuse = false;
    await app.run(['endpoint', 'replay', office.path, '--given-up']);
    await until(() => office.ok().some((request) => data(request).sequence === 2), { what: 'the replay' });
    await settled(office);
    const again = office.ok().filter((request) => data(request).dossier === codeOf(bad)).map((request) => data(request).sequence);
    assert.deepEqual(again, [1, 3, 2, 3], 'from the given-up one on, in order');
    assert.equal(office.ok().find((request) => data(request).sequence === 2).headers['webhook-id'], failed[0].headers['webhook-id']);
    await app.stop();
});

test('an endpoint that stays away for the whole schedule: its events are given up, and what comes later arrives', async (t) => {
    const app = await webhook(t, { speed: 100_000 });
    const office = await endpoint(app);
    answers(office.path, () => 500);
    const mine = dossiers(30);
    await append(cluster, turns(mine, 2));
    await until(async () => await one('select count(*) from dt.attempt where endpoint = $1 and outcome = 3', [office.id]) === 60,
        { limit: 60_000, what: 'all are given up' });
    await until(() => isDown(office), { what: 'it is known to be down' });
    answers(office.path);
    await append(cluster, mine);
    await settled(office);
    const sequences = office.ok().map(data);
    assert.deepEqual([...new Set(sequences.map(({ sequence }) => sequence))], [3]);
    assert.ok(sequences.every((event) => event.gap_before));
    await until(async () => !(await isDown(office)), { what: 'it is known to be up' });
    await app.stop();
});

test('an answer starts the clock of an endpoint that is down again, and a replay has a schedule of its own', async (t) => {
    const speed = 100_000;
    const app = await webhook(t, { speed });
    const office = await endpoint(app);
    answers(office.path, () => 500);
    const mine = dossiers(20);
    const [probe] = dossiers(1);
    await append(cluster, mine);
    const givenUp = async () => (await ledger(office)).filter(({ outcome }) => outcome === 3);
    await until(async () => (await givenUp()).length === 20, { limit: 60_000, what: 'all are given up' });
    const since = await one('select down_since::text from dt.endpoint where endpoint = $1', [office.id]);
    assert.ok(since);
    let taken = false;
    answers(office.path, () => {
        const first = !taken;
        taken = true;
        return first ? 204 : 500;
    });
    await until(async () => {
        await append(cluster, [probe]); // what came before it may be given up before the next probe
        return await one('select down_since > $2::timestamptz from dt.endpoint where endpoint = $1', [office.id, since]);
    }, { limit: 60_000, what: 'one answer, and it is still down' });
    await app.run(['endpoint', 'replay', office.path, '--since', '2020-01-01']);
    const again = () => one(`select count(*) from (select from dt.attempt a join dt.journey j using (lane, pos) where a.endpoint = $1 and a.outcome = 3
        and j.dossier <> $2 group by pos having count(*) = 2) x`, [office.id, probe]);
    await until(async () => await again() === 20, { limit: 60_000, what: 'all are given up again' });
    const early = await one(`select count(*) from dt.attempt a join (select lane, max(since) as since from dt.endpoint_cursor where endpoint = $1 group by lane) c
        using (lane) where a.endpoint = $1 and a.outcome = 3 and a.at >= c.since and a.at < c.since + $2::float8 * interval '1 ms'`,
    [office.id, TOTAL_MS / speed - 5]);
    assert.equal(early, 0, 'none before a whole schedule has passed since the replay');
    await app.stop();
});

// ---------------------------------------------------------------- answers

test('Retry-After is honoured', async (t) => {
    const app = await webhook(t, { speed: 1_000_000 });
    const office = await endpoint(app);
    const [dossier] = dossiers(1);
    answers(office.path, () => (office.requests().length === 0 ? { status: 429, headers: { 'retry-after': '1' } } : 204));
    // The whole schedule would be over in 0.3 s: what is asked for beyond it is cut, so this waits for the pause of the endpoint.
    await append(cluster, [dossier]);
    const [first, second] = await sink.received(2, { path: office.path });
    assert.ok(second.at - first.at >= 990, `${second.at - first.at} ms`);
    await settled(office);
    await app.stop();
});

test('410 disables; nothing more is sent until somebody resumes it, and then nothing is missing', async (t) => {
    const app = await webhook(t);
    const office = await endpoint(app);
    const neighbour = await endpoint(app);
    const [dossier] = dossiers(1);
    answers(office.path, () => 410);
    answers(neighbour.path);
    await append(cluster, [dossier]);
    await until(async () => await one('select status from dt.endpoint where endpoint = $1', [office.id]) === 'disabled', { what: 'it is disabled' });
    await until(() => app.logs('endpoint.disabled').length === 1, { what: 'it is told' });
    await append(cluster, [dossier, dossier]);
    await until(() => neighbour.ok().length === 3, { what: 'the neighbour has all' });
    assert.equal(office.requests().length, 1);
    assert.match((await app.run(['endpoint', 'list'])).stdout, new RegExp(`${office.id}\tdisabled\t`));
    answers(office.path);
    await app.run(['endpoint', 'resume', office.path]);
    await settled(office);
    assert.equal(checkOrder(office.ok()).get(codeOf(dossier)), 3);
    await app.stop();
});

test('webhook-delivery: abort-message ends the retries of that event alone', async (t) => {
    const app = await webhook(t, { speed: 1000 });
    const office = await endpoint(app);
    const [dossier] = dossiers(1);
    answers(office.path, (request) => (data(request).sequence === 1 ? { status: 400, headers: { 'webhook-delivery': 'abort-message' } } : 204));
    await append(cluster, [dossier, dossier]);
    await settled(office);
    assert.deepEqual(office.requests().map((request) => data(request).sequence), [1, 2]);
    assert.deepEqual((await ledger(office)).map(({ outcome }) => outcome).sort(), [1, 4]);
    await app.stop();
});

test('bad company: a healthy office notices nothing of slow, dead, failing, redirecting and babbling neighbours', async (t) => {
    const app = await webhook(t, { in_flight: 60, timeout: '4s' });
    const healthy = await endpoint(app);
    answers(healthy.path);
    const modes = ['slow', 'dead', 'lost', '500', 'redirect', 'garbage', 'truncated', 'endless', '429', 'refused'];
    const bad = [];
    sink.delay = 2_000; // eight at once: the 400 events take it 100 s, longer than we wait for the healthy one
    sink.location = healthy.url;
    for (const mode of modes) {
        const neighbour = await endpoint(app);
        if (mode === 'refused')
            await forbid(app, neighbour);
        else
            sink.setMode(mode, neighbour.path);
        bad.push(neighbour);
    }
    const mine = dossiers(40);
    await append(cluster, turns(mine, 10));
    await until(() => healthy.ok().length === 400, { what: 'the healthy one has all' });
    assert.equal(checkOrder(healthy.ok()).size, 40);
    const slow = bad[0].requests().length;
    assert.ok(slow < 400, `the slow one has ${slow} of 400 when the healthy one is done`);
    const outcome = async (i) => (await ledger(bad[i])).filter(({ outcome }) => outcome === 1).length;
    for (const i of [1, 2, 3, 4, 5, 6, 8])
        assert.equal(await outcome(i), 0, modes[i]);
    await until(async () => (await one('select count(*) from dt.endpoint where down_since is not null')) >= 7,
        { limit: 60_000, what: 'the dead ones are known to be down' });
    await until(async () => (await ledger(bad[7])).some(({ outcome, status }) => outcome === 1 && status === 200), { what: 'an endless body is an answer' });
    await until(async () => (await ledger(bad[9])).length > 0, { what: 'the forbidden one was tried' });
    assert.match((await ledger(bad[9]))[0].error, /not on the allow list|must be on the allow list/);
    assert.ok(!healthy.requests().some(({ method }) => method !== 'POST'), 'no redirect was followed');
    await app.stop();
});

test('a dead endpoint is probed, not hammered, and drained in order when it is back', async (t) => {
    const app = await webhook(t, { speed: 100 }); // a probe each 0.3 s, then 0.6 s, …
    const office = await endpoint(app);
    const mine = dossiers(60);
    answers(office.path, () => 503);
    await append(cluster, turns(mine, 10));
    await until(() => isDown(office), { what: 'it is down' });
    const down = Date.parse(await one('select down_since from dt.endpoint where endpoint = $1', [office.id]));
    const before = office.requests().filter(({ at }) => at < down).length;
    assert.ok(before < 30, `${before} requests before it was known to be down`);
    // What was under way then may still arrive; behind that there are only probes.
    await until(() => {
        const probes = office.requests().slice(before).slice(-3);
        return probes.length === 3 && probes[2].at - probes[0].at > 500;
    }, { what: 'three probes with waits between them' });
    const more = office.requests().length - before;
    assert.ok(more <= AT_ONCE + 3 + 8, `${more} requests until then`);
    assert.equal(await one('select count(*) < 30 from dt.hold where endpoint = $1', [office.id]), true, 'probes make no holds');
    answers(office.path);
    await settled(office);
    const last = checkOrder(office.ok());
    assert.equal(last.size, 60);
    assert.ok([...last.values()].every((sequence) => sequence === 10));
    await until(() => app.logs('endpoint.up').length > 0, { what: 'it is told' });
    assert.equal(app.logs('endpoint.up').length, 1);
    await app.stop();
});

test('one that lags far behind reads by itself and reaches the others', async (t) => {
    const app = await webhook(t);
    const quick = await endpoint(app);
    const paused = await endpoint(app);
    answers(quick.path);
    answers(paused.path);
    const mine = dossiers(50);
    await app.run(['endpoint', 'pause', paused.path]);
    await append(cluster, [mine[0]]);
    await until(() => quick.ok().length === 1, { what: 'the first' });
    await append(cluster, turns(mine, 40));
    await until(() => quick.ok().length === 2001, { limit: 300_000, what: 'the quick one has all' });
    assert.equal(paused.requests().length, 0);
    await app.run(['endpoint', 'resume', paused.path]);
    await append(cluster, mine);
    await settled(paused);
    await settled(quick);
    for (const office of [quick, paused]) {
        assert.equal(office.ok().length, 2051, 'each once');
        assert.equal(checkOrder(office.ok()).get(codeOf(mine[0])), 42);
    }
    await app.stop();
});

// ---------------------------------------------------------------- replays

test('replay of one dossier, and of everything since a time', async (t) => {
    const app = await webhook(t);
    const office = await endpoint(app);
    answers(office.path);
    const [a, b] = dossiers(2);
    await cluster.psql(`insert into dt.dossier_code (lane, code, dossier, from_at) values (0, $1, $2, now())`, [codeOf(a), a]);
    await append(cluster, turns([a, b], 3));
    await settled(office);
    const since = await one('select clock_timestamp()');
    await append(cluster, [a]);
    await settled(office);
    const first = office.ok().map(({ headers }) => headers['webhook-id']);
    assert.equal(first.length, 7);
    await app.run(['endpoint', 'replay', office.path, '--dossier', codeOf(a), '--from', '2']);
    await until(() => office.ok().length === 10, { what: 'three events of one dossier' });
    await settled(office);
    assert.deepEqual(office.ok().slice(7).map((request) => [data(request).dossier, data(request).sequence]), [[codeOf(a), 2], [codeOf(a), 3], [codeOf(a), 4]]);
    await app.run(['endpoint', 'replay', office.path, '--since', since]);
    await until(() => office.ok().length === 11, { what: 'what was recorded since' });
    await app.run(['endpoint', 'replay', office.path, '--since', '2020-01-01']);
    await until(() => office.ok().length >= 18, { what: 'all of it' });
    await settled(office);
    assert.deepEqual(new Set(office.ok().slice(11).map(({ headers }) => headers['webhook-id']).filter((id) => first.includes(id))), new Set(first));
    await app.stop();
});

test('a replay from where the endpoint has not come yet skips nothing', async (t) => {
    const app = await webhook(t);
    const office = await endpoint(app);
    answers(office.path);
    const [a, b] = dossiers(2);
    await cluster.psql(`insert into dt.dossier_code (lane, code, dossier, from_at) values (0, $1, $2, now())`, [codeOf(a), a]);
    await app.run(['endpoint', 'pause', office.path]);
    await append(cluster, turns([a, b], 3));
    const since = await one('select clock_timestamp()');
    await append(cluster, [a]);
    const taken = () => until(async () => await one('select count(*) from dt.replay') === 0, { what: 'the replay is taken' });
    await app.run(['endpoint', 'replay', office.path, '--dossier', codeOf(a), '--from', '4']);
    await taken();
    await app.run(['endpoint', 'replay', office.path, '--since', since]);
    await taken();
    await app.run(['endpoint', 'resume', office.path]);
    await settled(office);
    assert.deepEqual(new Set(office.ok().map((request) => `${data(request).dossier} ${data(request).sequence}`)),
        new Set([...[1, 2, 3, 4].map((n) => `${codeOf(a)} ${n}`), ...[1, 2, 3].map((n) => `${codeOf(b)} ${n}`)]));
    await app.stop();
});

test('the command line refuses what would not work', async (t) => {
    const app = await webhook(t);
    const add = (...args) => app.run(['endpoint', 'add', ...args], { mayFail: true });
    for (const [args, why] of [
        [['--url', 'http://127.0.0.1:1/', '--unit', 'H48'], /allow list/],
        [['--url', 'https://127.0.0.1:1/', '--unit', 'H48'], /allow list/],
        [['--url', 'http://office.example/', '--unit', 'H48'], /https/],
        [['--url', 'https://user:x@office.example/', '--unit', 'H48'], /password/],
        [['--url', 'ftp://office.example/', '--unit', 'H48'], /http/],
        [['--url', 'https://office.example:8443/', '--unit', 'H48'], /port must be 443 or listed in \[webhook\] ports, or its network allowed/],
        [['--url', 'https://office.example:80/', '--unit', 'H48'], /port/],
        [['--url', 'https://office.example/', '--unit', 'nonsense'], /not a unit code/],
        [['--url', 'https://office.example/', '--unit', 'H48', '--kind', 'item.delivere'], /no event/],
        [['--url', 'https://office.example/', '--unit', 'H48', '--legs', 'X'], /legs/],
        [['--url', 'https://office.example/', '--unit', 'H48', '--allow', '0.0.0.0/0'], /allow/],
    ]) {
        const { code, stdout, stderr } = await add(...args);
        assert.equal(code, 1, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, why);
    }
    assert.equal((await add('--url', 'https://office.example/')).code, 2);
    Object.assign(app.config.webhook, { ports: '8443 9443' });
    app.configure();
    const listed = (await add('--url', 'https://office.example:8443/', '--unit', 'H48')).stdout.match(/^endpoint (\S+)$/m)[1];
    await app.run(['endpoint', 'delete', listed, '--yes']);
    assert.equal((await app.run(['endpoint', 'show', 'nobody'], { mayFail: true })).code, 1);
    const office = await endpoint(app);
    assert.equal((await app.run(['endpoint', 'delete', office.path], { mayFail: true })).code, 1);
    assert.equal((await app.run(['endpoint', 'replay', office.path], { mayFail: true })).code, 2);
    assert.match((await app.run(['endpoint', 'show', office.path])).stdout, new RegExp(`status +active[^]*behind +\\d+`));
    await app.run(['endpoint', 'delete', office.path, '--yes']);
    assert.equal(await one('select count(*) from dt.endpoint'), 0);
    assert.ok(!(await one(`select coalesce(string_agg(secrets::text, ''), '') from dt.endpoint`)).includes('whsec'));
    await app.stop();
});
