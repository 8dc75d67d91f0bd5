// SPDX-License-Identifier: EUPL-1.2
// The worst links at once: scans arrive byte by byte, the way of every owner of a lease to PostgreSQL stalls for longer than the lease, so that what an owner had sent
// arrives when another has long taken over, an office's answers are cut short, the gateway's are lost by a reset. Nothing acknowledged is lost, nothing said twice without a
// reason, and what comes late from a past owner changes nothing. tests/faults/kinds/ plays the rest of the network's bad days.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startApp } from '../harness/app.mjs';
import { chance } from '../harness/chance.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device } from '../harness/device.mjs';
import { FaultProxy } from '../harness/fault_proxy.mjs';
import { History, check, snapshot } from '../harness/history.mjs';
import { journeys, play } from '../harness/load.mjs';
import { startOffice } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until } from '../harness/wait.mjs';

const LEASED = ['correlate', 'webhook', 'sms'];
const LEASE_MS = 15_000;
const DEVICES = 4;
const DOSSIERS = 24;
const ANSWER_BYTES = 20; // of an office's answer that come through: not even its head

const history = new History();
const links = {};
let cluster;
let proxy;
let app;
let gateway;
let office;
before(async () => {
    history.watchOurselves();
    cluster = await startCluster();
    proxy = new FaultProxy();
    gateway = history.setGateway(await startSmsGateway());
    links.gateway = await proxy.link('gateway', `127.0.0.1:${gateway.port}`);
    app = await startApp({ cluster, services: [], config: {
        webhook: { speed: 1_000, timeout: '2s' },
        sms: { gateway: 'http-json', url: `http://127.0.0.1:${links.gateway.port}/`, allow: '127.0.0.1/32', quiet_from: '00:00', quiet_to: '00:00' },
    } });
    history.consumers = ['correlate', 'sms'];
    links.ingest = await proxy.link('ingest', `127.0.0.1:${app.port('ingest')}`);
    for (const name of ['owners', 'appender'])
        links[name] = await proxy.link(name, cluster.socket);
    await startServices();
    office = await startOffice(app, { units: ['H48'], place: async (sink) => {
        links.office = await proxy.link('office', `127.0.0.1:${sink.port}`);
        sink.url = (path) => `http://127.0.0.1:${links.office.port}${path}`;
    } });
    history.addSink(office);
});
after(async () => {
    const ends = await Promise.allSettled([app?.stop(), proxy?.stop(), gateway?.stop(), office?.stop()]);
    await cluster?.destroy();
    assert.deepEqual(ends.filter(({ status }) => status === 'rejected').map(({ reason }) => reason), []);
});

// The first of each service goes through a link to PostgreSQL, and owns the lease; its stand-by goes straight.
async function startServices() {
    const straight = Object.fromEntries(LEASED.map((service) => [service, app.config[service].database_url]));
    const through = (service, { port }) => (app.config[service].database_url = cluster.conninfo({ user: `dt_${service}`, host: '127.0.0.1', port }));
    through('ingest', links.appender);
    LEASED.forEach((service) => through(service, links.owners));
    app.configure();
    for (const service of ['ingest', 'watch', ...LEASED])
        app.start(service);
    await Promise.all(['ingest', 'watch', ...LEASED].map((service) => app.ready(service)));
    for (const service of LEASED) {
        app.config[service].database_url = straight[service];
        await app.twin(service);
    }
}

// The name of the process that holds the lease.
async function owner(service) {
    const [row] = await cluster.psql('select holder from dt.lease where name = $1 and until > clock_timestamp()', [service]);
    return [service, `twin ${service}`].find((name) => row?.holder.endsWith(`:${app.process(name).pid}`));
}

async function registered() {
    const codes = Array.from({ length: DOSSIERS }, (_, i) => `H48.16-261121-${String(i + 1).padStart(4, '0')}`);
    const path = join(app.folder, 'dossiers.csv');
    writeFileSync(path, `code,phone,consent\n${codes.map((code, i) => `${code},+84900${String(i).padStart(6, '0')},yes\n`).join('')}`); // numbers of nobody
    await app.run(['dossier', 'import', path]);
    return codes;
}

async function drained() {
    await cluster.psql("update dt.sms set not_before = clock_timestamp() where state in ('unknown', 'waiting') and copies < 2 and not_before > clock_timestamp()");
    const [state] = await cluster.psql(`select
        coalesce((select max(pos) from dt.fact), 0) - coalesce((select max(pos) from dt.cursor where consumer = 'correlate'), 0) as unfolded,
        coalesce((select max(pos) from dt.journey), 0) - coalesce((select max(pos) from dt.cursor where consumer = 'sms'), 0) as unplanned,
        (select count(*) from dt.sms where state in ('waiting', 'submitting') or state = 'unknown' and copies < 2) as open`);
    const taken = new Set(office.events().map(({ subject, sequence }) => `${subject} ${sequence}`));
    const owed = (await cluster.psql('select code, seq from dt.journey')).filter(({ code, seq }) => !taken.has(`${code} ${seq}`)).length;
    return { ...state, owed };
}

async function drain() {
    let last;
    await until(async () => Object.values(last = await drained()).every((n) => n === 0) || pause(200).then(() => false), { limit: 90_000, what: 'everything is drained' })
        .catch((error) => assert.fail(`${error.message}: ${JSON.stringify(last)}`));
}

// What every owner had sent is on its way until the lease is another's, and arrives then.
async function stallOwners() {
    assert.deepEqual(await Promise.all(LEASED.map(owner)), LEASED);
    await history.during('stall', LEASED, async () => {
        await links.owners.toxic('both', 'stall');
        const since = performance.now();
        const { up } = await links.owners.stats();
        await Promise.all(LEASED.map((service) => until(async () => await owner(service) === `twin ${service}`,
            { limit: 2 * LEASE_MS, what: `the stand-by of ${service} takes over` })));
        await pause(LEASE_MS + 1_000 - (performance.now() - since));
        assert.ok((await links.owners.stats()).up > up, 'nothing that a past owner sent is under way');
        await links.owners.heal();
        await Promise.all(LEASED.map((service) => until(async () => (await fetch(app.ops(service, '/livez'))).ok, { what: `${service} lives on` })));
    });
}

// An upload whose commit arrives after its answer was given up: the device sends it again, over a way that is open, and is not counted twice.
async function stallAppender() {
    await links.appender.toxic('up', 'stall');
    await until(() => history.uploads.some(({ status }) => status === 503), { limit: 30_000, what: 'an upload is refused' });
    await links.appender.heal();
}

test('bytes one by one, a database that answers after the lease, answers cut short and lost', { timeout: 600_000 }, async (t) => {
    const luck = chance(t);
    const devices = await Promise.all(Array.from({ length: DEVICES }, () => Device.enrolled(app)));
    devices.forEach((device) => (device.url = `http://127.0.0.1:${links.ingest.port}`));
    const codes = await registered();
    const scans = journeys(luck, codes, history, { first: 1_000, dawn: Date.now() - 8 * 3_600_000 });

    await links.ingest.toxic('both', 'slicer', 1);
    await links.office.toxic('down', 'limit_data', ANSWER_BYTES);
    await links.gateway.toxic('down', 'reset_peer', 20);
    const cut = [history.fault('answers cut short', 'webhook'), history.fault('answers lost', 'sms')];
    cut.forEach((entry) => (entry.until = undefined));
    const playing = play(luck, devices, scans, history, { spread: 8_000 });
    const ends = await Promise.allSettled([playing, pause(2_000).then(stallOwners), pause(1_000).then(stallAppender)]);
    assert.deepEqual(ends.filter(({ status }) => status === 'rejected').map(({ reason }) => reason), []);
    await until(() => office.requests.length > 0 && gateway.requests.length > 0, { limit: 30_000, what: 'office and gateway are asked' });

    for (const link of Object.values(links))
        await link.heal();
    cut.forEach((entry) => (entry.until = Date.now()));
    await drain();
    history.rebuild = await app.run(['rebuild', '--check', '--orders', '10'], { mayFail: true });
    const db = await snapshot(cluster);
    assert.deepEqual(check(history, db), []);
    const copies = office.requests.length - new Set(office.requests.map(({ headers }) => headers['webhook-id'])).size;
    t.diagnostic(`${history.uploads.length} uploads of ${scans.length} scans, ${copies} second copies of webhooks, ${db.sms.filter((sms) => sms.copies > 1).length} of messages`);
    assert.ok(copies > 0, 'no answer of the office was cut');
    assert.ok(db.sms.some((sms) => sms.copies > 1), 'no answer of the gateway was lost');
});
