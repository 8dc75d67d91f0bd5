// SPDX-License-Identifier: EUPL-1.2
// The whole system under load and faults: handhelds, an office that asks and confirms, offices that listen (healthy, slow, dead), a gateway that loses answers. Services
// are killed and frozen beyond their leases, PostgreSQL crashes, backends die. Then all heals, everything drains, and the checker looks at what everybody wrote down.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVICES, startApp } from '../harness/app.mjs';
import { chance } from '../harness/chance.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device } from '../harness/device.mjs';
import { History, check, line, snapshot, summarise } from '../harness/history.mjs';
import { keptFolder } from '../harness/history_files.mjs';
import { journeys, play } from '../harness/load.mjs';
import { startOffice } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until } from '../harness/wait.mjs';

const UNITS = ['H48.16', 'H48.17', 'H48.18', 'H48.19']; // the last two: slow, dead
const DOSSIERS = 96;
const QUIET = 12; // dossiers of each phase without faults
const DEVICES = 5;
const LEASED = ['correlate', 'webhook', 'sms'];
const LEASE_MS = 15_000;
const SLOW_MS = 400;
const DRAIN_MS = 120_000;
// A healthy office beside a slow and a dead one: at most so much later than alone. Generous: the machine is shared.
const DELAY_FACTOR = 5;
const DELAY_MS = 1_000;

const history = new History({ folder: keptFolder('spine') }); // `node tests/harness/check_files.mjs build/runs/spine` looks at it again
const offices = {};
let cluster;
let app;
let gateway;
let devices;
let key; // of the office API

before(async () => {
    cluster = await startCluster();
    gateway = history.setGateway(await startSmsGateway());
    app = await startApp({ cluster, config: {
        webhook: { speed: 1_000, timeout: '2s' }, // retries after 5 ms, 300 ms, 1.8 s, …
        sms: { gateway: 'http-json', url: gateway.url('/'), allow: '127.0.0.1/32', quiet_from: '00:00', quiet_to: '00:00' },
        portal: { api_minute: 100_000 },
    } });
    history.consumers = ['correlate', 'sms'];
    for (const service of LEASED)
        await app.twin(service);
    devices = await Promise.all(Array.from({ length: DEVICES }, () => Device.enrolled(app)));
    key = (await app.run(['apikey', 'create', '--unit', 'H48'])).stdout.trim();
    for (const [name, unit] of [['near', UNITS[0]], ['far', UNITS[1]], ['province', 'H48']])
        offices[name] = await startOffice(app, { units: [unit] });
    Object.values(offices).forEach((office) => history.addSink(office));
});
after(async () => {
    await app?.stop();
    await Promise.all([gateway, ...Object.values(offices)].map((peer) => peer?.stop()));
    await cluster?.destroy();
});

// Registered by file, as an office does it in its trial: contacts with consent, some without.
async function registered(luck) {
    const codes = Array.from({ length: DOSSIERS }, (_, i) => `${UNITS[i % UNITS.length]}-261121-${String(i + 1).padStart(4, '0')}`);
    const rows = codes.map((code, i) => {
        const phone = `+8490000${String(i).padStart(4, '0')}`; // of nobody: no operator gives out this range
        const consents = !luck.onceIn(6);
        if (!consents)
            history.silent.set(phone, 0);
        return `${code},${phone},${consents ? 'yes' : 'no'}\n`;
    });
    const path = join(app.folder, 'dossiers.csv');
    writeFileSync(path, `code,phone,consent\n${rows.join('')}`);
    await app.run(['dossier', 'import', path]);
    return codes;
}

// ---- the office that asks and confirms

async function api(method, path, body) {
    const response = await fetch(app.url('portal', `/api/v1/dossiers/${path}`), {
        method, body: body && JSON.stringify(body),
        headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}) },
    });
    if (!response.ok)
        throw new Error(`${response.status}`);
    return response.json();
}

// Reads journeys until it is told to stop; an answer that does not come is no news.
async function reader(luck, codes, load) {
    while (!load.over) {
        const code = luck.pick(codes);
        await history.read(code, async () => (await api('GET', `${code}/journey`)).rows.map(({ seq, type }) => ({ seq, kind: type }))).catch(() => {});
        await pause(20);
    }
}

// ---- how fast a healthy office hears

async function medianDelay(office, from) {
    const recorded = new Map((await cluster.psql('select code, seq, (extract(epoch from recorded_at) * 1000)::bigint as at from dt.journey'))
        .map(({ code, seq, at }) => [`${code} ${seq}`, at]));
    const delays = office.requests.slice(from).map(({ at, body }) => {
        const { subject, sequence } = JSON.parse(body);
        return at - recorded.get(`${subject} ${sequence}`);
    }).sort((a, b) => a - b);
    assert.ok(delays.length >= QUIET / 4, `only ${delays.length} events to measure`);
    return delays[delays.length >> 1];
}

// ---- draining

async function drained() {
    const [state] = await cluster.psql(`select
        coalesce((select max(pos) from dt.fact), 0) as facts, coalesce((select max(pos) from dt.cursor where consumer = 'correlate'), 0) as folded,
        coalesce((select max(pos) from dt.journey), 0) as rows, coalesce((select max(pos) from dt.cursor where consumer = 'sms'), 0) as planned`);
    // The quarter of an hour in which a receipt could come is over.
    await cluster.psql("update dt.sms set not_before = clock_timestamp() where state in ('unknown', 'waiting') and copies < 2 and not_before > clock_timestamp()");
    const [{ open }] = await cluster.psql("select count(*) as open from dt.sms where state in ('waiting', 'submitting') or state = 'unknown' and copies < 2");
    const journey = await cluster.psql('select code, unit, seq from dt.journey');
    const owed = Object.values(offices).map((office) => {
        const taken = new Set(office.events().map(({ subject, sequence }) => `${subject} ${sequence}`));
        return journey.filter((row) => office.wants(row) && !taken.has(`${row.code} ${row.seq}`)).length;
    });
    return { ...state, open, owed, done: state.facts === state.folded && state.rows === state.planned && open === 0 && owed.every((n) => n === 0) };
}

async function drain(limit = DRAIN_MS) {
    let last;
    await until(async () => (last = await drained()).done, { limit, what: 'everything is drained' })
        .catch((error) => assert.fail(`${error.message}: ${JSON.stringify(last)}`));
}

// ---- the nemesis

// → { name, child } of the process that holds the lease
async function owner(service) {
    const [row] = await cluster.psql('select holder from dt.lease where name = $1 and until > clock_timestamp()', [service]);
    return [service, `twin ${service}`].map((name) => ({ name, child: app.process(name) })).find(({ child }) => row?.holder.endsWith(`:${child.pid}`));
}

const anOwner = (service) => until(() => owner(service), { limit: 60_000, what: `${service} has an owner` });

// A kill lasts until the process is gone: what it had sent is in our sockets until then, and dated by us when we come to read it.
async function kill(name) {
    await history.during(`kill ${name}`, [name.replace('twin ', '')], () => app.process(name).end('SIGKILL'));
    if (name.startsWith('twin '))
        await app.twin(name.slice(5));
    else
        app.start(name);
}

async function killOwner(service) {
    await kill((await anOwner(service)).name);
}

// Frozen for longer than its lease lasts: the stand-by takes over, and what wakes must not write.
async function freezeOwner(service) {
    const { child } = await anOwner(service);
    await history.during(`freeze ${service}`, [service], async () => {
        child.kill('SIGSTOP');
        await pause(LEASE_MS + 3_000);
        child.kill('SIGCONT');
    });
}

// A fault of PostgreSQL lasts until ingest and whoever owns a lease at that moment are at work again: what was not recorded until then is said again. Other faults strike
// meanwhile, so each look asks anew who that is.
async function recovered() {
    await until(() => app.isReady('ingest'), { limit: 60_000, what: 'ingest is at work again' });
    for (const service of LEASED) {
        await until(async () => {
            const found = await owner(service);
            return found && app.isReady(found.name);
        }, { limit: 60_000, what: `an owner of ${service} is at work again` });
    }
}

async function crashDatabase() {
    await history.during('crash', [], async () => {
        await cluster.restart('immediate');
        await recovered();
    });
}

// One backend dies by kill -9: PostgreSQL ends all others, and recovers by itself.
async function killBackend() {
    await history.during('kill a backend', [], async () => {
        const [{ pid }] = await until(() => cluster.psql("select pid from pg_stat_activity where usename like 'dt\\_%' limit 1").then((rows) => rows.length && rows),
            { limit: 60_000, what: 'a backend' });
        process.kill(pid, 'SIGKILL');
        await until(async () => (await cluster.psql('select 1')).length === 1, { limit: 60_000, what: 'PostgreSQL is back' });
        await recovered();
    });
}

// ---- the test

test('nothing acknowledged is lost, nothing is told twice without a reason, and healthy offices do not wait for others', { timeout: 280_000 }, async (t) => {
    const luck = chance(t);
    const dawn = Date.now() - 8 * 3_600_000;
    const codes = await registered(luck);
    const share = (from, to, first) => journeys(luck, codes.slice(from, to), history, { first, dawn });

    await play(luck, devices, share(0, QUIET, 1_000), history, { spread: 1_500 });
    await drain();
    const alone = await medianDelay(offices.near, 0);

    offices.slow = await startOffice(app, { units: [UNITS[2]] });
    offices.dead = await startOffice(app, { units: [UNITS[3]] });
    [offices.slow, offices.dead].forEach((office) => history.addSink(office));
    offices.slow.delay = SLOW_MS;
    offices.slow.setMode('slow');
    offices.dead.setMode('dead');
    await until(() => offices.slow.requests.length > 0 && offices.dead.requests.length > 0, { limit: 30_000, what: 'the new offices are told' });
    const heard = offices.near.requests.length;
    await play(luck, devices, share(QUIET, 2 * QUIET, 2_000), history, { spread: 1_500 });
    await until(async () => (await drained()).owed.slice(0, 3).every((n) => n === 0), { limit: 60_000, what: 'the healthy offices have heard' });
    const beside = await medianDelay(offices.near, heard);
    t.diagnostic(`a healthy office hears after ${alone} ms alone, after ${beside} ms beside a slow and a dead one`);
    assert.ok(beside <= alone * DELAY_FACTOR + DELAY_MS, `${beside} ms, alone ${alone} ms`);

    await history.sampleResources(app, cluster, SERVICES);

    // Faults, in an order and at moments that chance decides; what they strike overlaps.
    gateway.setMode(() => (luck.onceIn(8) ? luck.pick(['lost', 503]) : 'ok'));
    const load = { over: false };
    const playing = play(luck, devices, share(2 * QUIET, DOSSIERS, 3_000), history, { spread: 25_000 });
    const reading = reader(luck.fork(), codes, load);
    const strikes = luck.shuffle([
        () => Promise.all(LEASED.map((service) => freezeOwner(service))),
        () => killOwner('correlate'), () => killOwner('webhook'), () => killOwner('sms'),
        () => kill('ingest'), () => kill('portal'), () => kill('watch'), () => kill('ingest'),
    ]);
    const wounds = strikes.map(async (strike, i) => {
        await pause(1_000 + i * 2_500 + luck.int(1_500));
        await strike();
    });
    const database = async () => {
        await pause(luck.between(4_000, 8_000));
        await crashDatabase();
        await pause(luck.between(2_000, 5_000));
        await killBackend();
    };
    // All must have ended before any of them may fail the test: what strikes on would start processes that nobody stops.
    const ends = await Promise.allSettled([database(), ...wounds, playing]);
    load.over = true;
    await reading;
    assert.deepEqual(ends.filter(({ status }) => status === 'rejected').map(({ reason }) => reason), []);

    // Everything heals, the dead office too.
    gateway.setMode('ok');
    offices.dead.setMode('ok');
    history.healed = Date.now();
    for (const code of codes.slice(0, 4))
        await until(() => api('POST', `${code}/handover`, { outcome: 'confirmed' }), { limit: 60_000, what: 'the office confirms' });
    await drain();
    history.rebuild = await app.run(['rebuild', '--check', '--orders', '20'], { mayFail: true });
    await history.sampleResources(app, cluster, SERVICES);
    history.takeErrors(app);
    const db = await snapshot(cluster);
    history.save(db);
    const wrong = check(history, db);
    const summary = summarise(history, db, wrong);
    if (wrong.length > 0)
        t.diagnostic(JSON.stringify(history.nemesis));
    t.diagnostic(line(summary));
    assert.deepEqual(wrong, [], `${wrong.length} violations`);
    assert.ok(history.uploads.some(({ outcome }) => outcome === 'unknown'), 'no upload was hit by a fault');
    assert.ok(db.sms.some(({ copies }) => copies === 2), 'no answer of the gateway was lost');
    assert.ok(summary.stale.reads > 0, 'nobody read');
});
