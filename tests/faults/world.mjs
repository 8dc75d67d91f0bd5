// SPDX-License-Identifier: EUPL-1.2
// What faults are let loose on: the whole system with stand-bys, handhelds, offices that listen, one that asks and confirms, a gateway. Everybody writes into one history;
// the checker decides from it. spine.test.mjs plays a fixed story in it, run.mjs what chance draws.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVICES, startApp } from '../harness/app.mjs';
import { Authority } from '../harness/certificates.mjs';
import { emptyCluster, startCluster } from '../harness/cluster.mjs';
import { Device, digestsOf } from '../harness/device.mjs';
import { item } from '../harness/facts.mjs';
import { History, check, snapshot, summarise } from '../harness/history.mjs';
import { journeys } from '../harness/load.mjs';
import { startNetwork } from '../harness/network.mjs';
import { resegment } from '../harness/segments.mjs';
import { startOffice } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until } from '../harness/wait.mjs';

export const UNITS = ['H48.16', 'H48.17', 'H48.18', 'H48.19'];
export const LEASED = ['correlate', 'webhook', 'sms']; // each with a stand-by
export const LEASE_MS = 15_000;
export const HONEST_MS = 5_000; // a service that can't work says so (quality H1)
export const MACHINE_MS = 3_000; // what a busy machine may add to our asking
const PATIENCE_MS = 60_000; // of each wait inside a fault: faults overlap
const ANSWER_MS = 30_000; // of the office API: a link may swallow it
const DRAIN_MS = 120_000;
const DATABASE_PORTS = [6_432, 6_433]; // of PostgreSQL and of its stand-in on their machine, through the proxy
const DELIVERED = 18; // domain.md 7.1

// → World. folder: where the history is kept. devices: how many handhelds. segmentRows: rows of a log's segment (the default would never fill up). config, settings: over the app's, the cluster's. network: { seed } to let
// everybody live on machines of a network of our own. pair: who connects to PostgreSQL knows two servers; the second is where a standby may be.
export async function startWorld(options = {}) {
    const world = new World(options);
    try {
        return await world.start(options);
    } catch (error) {
        await world.stop().catch(() => {});
        throw error;
    }
}

export class World {
    offices = {}; // name → sink of harness/sink.mjs
    network = null; // of harness/network.mjs, where there is one
    cluster; // the primary
    second = null; // where its standby may be, if world is a pair
    devices = [];
    dawn = Date.now() - 8 * 3_600_000; // when the journeys begin
    codes = []; // dossiers that an office has registered
    spare = []; // of these: kept for faults
    #serial = 0;
    #probing; // a scan on its way

    constructor({ folder }) {
        this.history = new History({ folder });
    }

    async start({ devices = 5, segmentRows, config = {}, settings = {}, disks = null, network = null, pair = false }) {
        if (network)
            this.network = await startNetwork(network);
        const machine = (name) => this.network?.machine(name);
        this.cluster = await startCluster({ settings: { ...(pair && { wal_keep_size: '128MB' }), ...settings }, disks, machine: machine('db') });
        if (pair)
            this.second = emptyCluster();
        const servers = [this.cluster, this.second].filter(Boolean);
        const ways = await Promise.all(servers.map(async (server, i) => (await machine('db')?.host(server.socket, { port: DATABASE_PORTS[i], name: i === 0 ? 'db' : 'db-second' })
            ?? { address: server.folder, port: 5432 })));
        const database = { host: ways.map(({ address }) => address).join(), port: ways.map(({ port }) => port).join() };
        if (segmentRows)
            await resegment(this.cluster, segmentRows);
        this.segmentRows = segmentRows;
        this.authority = new Authority(); // of the certificates of offices
        this.gateway = this.history.setGateway(await startSmsGateway());
        if (this.network)
            await this.gateway.moveTo(machine('sms'), 'sms');
        this.app = await startApp({ cluster: this.cluster, machine: machine('app'), database, config: {
            sms: { gateway: 'http-json', url: this.gateway.url('/'), allow: `${this.gateway.host}/32`, quiet_from: '00:00', quiet_to: '00:00' },
            portal: { api_minute: 100_000 },
            ...config,
            webhook: { speed: 1_000, timeout: '2s', ...config.webhook, ca_file: this.authority.file }, // retries after 5 ms, 300 ms, 1.8 s, …
        } });
        if (pair) {
            const both = (user) => this.cluster.conninfo({ user, host: servers.map(({ folder }) => folder).join(), port: servers.map(() => 5432).join() });
            this.app.config.database = { url: both('dt_cli'), owner_url: both('duongthu') };
            this.app.configure();
        }
        this.history.consumers = ['correlate', 'sms'];
        for (const service of LEASED)
            await this.app.twin(service);
        this.devices = await Promise.all(Array.from({ length: devices }, () => Device.enrolled(this.app)));
        this.prober = await Device.enrolled(this.app);
        this.key = (await this.app.run(['apikey', 'create', '--unit', 'H48'])).stdout.trim();
        return this;
    }

    async stop() {
        try {
            await this.app?.stop();
        } finally {
            await Promise.all([this.gateway, ...Object.values(this.offices)].map((peer) => peer?.stop()));
            await this.cluster?.destroy();
            await this.second?.destroy();
            await this.network?.destroy();
        }
    }

    rows(sql, params) {
        return this.cluster.psql(sql, params);
    }

    // ---- offices and dossiers

    // An office that hears of units, under a name. healthy: it should hear of everything in the end.
    async office(name, units, over) {
        const place = this.network && ((sink) => sink.moveTo(this.network.machine('office'), `office-${name}`));
        const sink = this.offices[name] = await startOffice(this.app, { units, place, ...over });
        this.history.addSink(sink);
        return sink;
    }

    // Registers n dossiers by file, as an office does it in its trial: contacts with consent, some without.
    async register(luck, n) {
        const codes = Array.from({ length: n }, (_, i) => `${UNITS[i % UNITS.length]}-261121-${String(i + 1).padStart(4, '0')}`);
        const rows = codes.map((code, i) => {
            const phone = `+84900${String(i).padStart(6, '0')}`; // of nobody: no operator gives out this range
            const consents = !luck.onceIn(6);
            if (!consents)
                this.history.silent.set(phone, 0);
            return `${code},${phone},${consents ? 'yes' : 'no'}\n`;
        });
        const path = join(this.app.folder, 'dossiers.csv');
        writeFileSync(path, `code,phone,consent\n${rows.join('')}`);
        await this.app.run(['dossier', 'import', path]);
        this.codes.push(...codes);
        return codes;
    }

    // Scans of the journeys of some dossiers; first: number of the first item.
    journeys(luck, codes, first) {
        return journeys(luck, codes, this.history, { first, dawn: this.dawn });
    }

    // A request of the office API; throws what is no good answer.
    async api(method, path, body) {
        const response = await fetch(this.app.url('portal', `/api/v1/dossiers/${path}`), {
            method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(ANSWER_MS),
            headers: { authorization: `Bearer ${this.key}`, ...(body ? { 'content-type': 'application/json', 'idempotency-key': randomUUID() } : {}) },
        });
        if (!response.ok)
            throw new Error(`${response.status}`);
        return response.json();
    }

    // Reads journeys until it is told to stop (load.over); an answer that does not come is no news.
    async read(luck, load, every = 20) {
        while (!load.over) {
            const code = luck.pick(this.codes);
            await this.history.read(code, async () => (await this.api('GET', `${code}/journey`)).rows.map(({ seq, type }) => ({ seq, kind: type }))).catch(() => {});
            await pause(every);
        }
    }

    // The office confirms the hand-over of a dossier.
    confirm(code) {
        return until(() => this.api('POST', `${code}/handover`, { outcome: 'confirmed' }), { limit: PATIENCE_MS, what: 'the office confirms' });
    }

    // ---- more load, at the wish of a fault

    // A handheld more.
    handheld() {
        return until(() => Device.enrolled(this.app), { limit: PATIENCE_MS, what: 'a handheld is enrolled' });
    }

    // n items on their way to delivery, each of a dossier of its own: one that is registered and that the office hears of, as long as there are such.
    // → [{ code, dossier, scans: what Device.scan() takes }]
    lives(n, office) {
        return Array.from({ length: n }, () => {
            const serial = ++this.#serial;
            const at = this.spare.findIndex((code) => !office || office.wants({ unit: code.split('-')[0] }));
            const [dossier] = at >= 0 ? this.spare.splice(at, 1) : [`${UNITS[office ? 3 : serial % UNITS.length]}-261120-${String(serial).padStart(6, '0')}`];
            const code = item(40_000_000 + serial);
            this.history.truth.set(code, DELIVERED);
            const scans = ['item.collected', 'delivery.started', 'item.delivered'].map((type, i) =>
                ({ type, code, leg: 'N', dossiers: [dossier], at_ms: this.dawn + i * 600_000 }));
            return { code, dossier, scans };
        });
    }

    // Scans of n items that belong to no dossier yet.
    strays(n) {
        return Array.from({ length: n }, () => ({ type: 'item.collected', code: item(60_000_000 + ++this.#serial) }));
    }

    // Uploads scans until they are answered. tells: of each scan.
    async deliver(device, scans, tells) {
        const bodies = scans.map((fields) => device.scan(fields));
        const send = () => this.history.upload(device, device.batch(bodies), digestsOf(bodies), undefined, bodies.map(() => tells));
        await until(async () => (await send()).outcome === 'ok' || pause(200), { limit: 2 * PATIENCE_MS, what: 'an upload is answered' });
    }

    // News that offices and citizens must hear of now.
    async incite(n, office) {
        const device = await this.handheld();
        for (const { dossier, scans } of this.lives(n, office))
            await this.deliver(device, scans, [dossier]);
    }

    // ---- who does what

    // → { name, child } of the process that holds the lease, or undefined
    async owner(service) {
        const [row] = await this.rows('select holder from dt.lease where name = $1 and until > clock_timestamp()', [service]);
        return this.processes(service).find(({ child }) => row?.holder.endsWith(`:${child.pid}`));
    }

    anOwner(service) {
        return until(() => this.owner(service), { limit: PATIENCE_MS, what: `${service} has an owner` });
    }

    // The processes of a service: [{ name, child }], the stand-by is named `twin …`.
    processes(service) {
        return [service, `twin ${service}`].map((name) => ({ name, child: this.app.process(name) })).filter(({ child }) => child);
    }

    // role: 'owner' or 'standby' of a leased service; the others have one process.
    async processOf(service, role) {
        if (!LEASED.includes(service))
            return this.processes(service)[0];
        const owner = await this.anOwner(service);
        return role === 'owner' ? owner : this.processes(service).find(({ name }) => name !== owner.name);
    }

    // Starts a process that was ended, under its name. extra: environment and output, as App.start() takes them.
    async revive(name, extra) {
        await (name.startsWith('twin ') ? this.app.twin(name.slice(5), extra) : this.app.start(name, extra));
    }

    // ---- what a fault does to them

    // Whoever is to do the work of these services is at it: of a leased one its owner. Other faults strike meanwhile, so each look asks anew who that is.
    async recovered(services = SERVICES, limit = PATIENCE_MS) {
        await Promise.all(services.map((service) => until(() => this.works(service), { limit, what: `${service} is at work again` })));
    }

    async works(service) {
        const found = LEASED.includes(service) ? await this.owner(service) : { name: service };
        return found && this.app.isReady(found.name);
    }

    // Each process of the services says that it is not ready, within the limit of H1. One that says nothing at all is hit by another fault.
    async blind(services) {
        await Promise.all(services.flatMap((service) => this.processes(service)).map(({ name }) => until(async () => !(await this.app.isReady(name)),
            { limit: HONEST_MS + MACHINE_MS, what: `${name} says that it is not ready` })));
    }

    // A scan that counts like any other, from a handheld of its own: the one that was not acknowledged yet, or a new one. → the history's entry: what became of it.
    async probe() {
        const scan = this.#probing ??= this.prober.scan();
        const entry = await this.history.upload(this.prober, this.prober.batch([scan]), digestsOf([scan]));
        if (entry.outcome === 'ok' && this.#probing === scan)
            this.#probing = undefined;
        return entry;
    }

    // ---- draining

    async drained() {
        const [state] = await this.rows(`select
            coalesce((select max(pos) from dt.fact), 0) as facts, coalesce((select max(pos) from dt.cursor where consumer = 'correlate'), 0) as folded,
            coalesce((select max(pos) from dt.journey), 0) as rows, coalesce((select max(pos) from dt.cursor where consumer = 'sms'), 0) as planned`);
        // The quarter of an hour in which a receipt could come is over.
        await this.rows("update dt.sms set not_before = clock_timestamp() where state in ('unknown', 'waiting') and copies < 2 and not_before > clock_timestamp()");
        const [{ open }] = await this.rows("select count(*) as open from dt.sms where state in ('waiting', 'submitting') or state = 'unknown' and copies < 2");
        const journey = await this.rows('select code, unit, seq from dt.journey');
        const owed = Object.values(this.offices).map((office) => {
            const taken = new Set(office.events().map(({ subject, sequence }) => `${subject} ${sequence}`));
            return journey.filter((row) => office.wants(row) && !taken.has(`${row.code} ${row.seq}`)).length;
        });
        return { ...state, open, owed, done: state.facts === state.folded && state.rows === state.planned && open === 0 && owed.every((n) => n === 0) };
    }

    async drain(limit = DRAIN_MS) {
        let last;
        await until(async () => (last = await this.drained()).done || pause(200), { limit, what: 'everything is drained' })
            .catch((error) => assert.fail(`${error.message}: ${JSON.stringify(last)}`));
    }

    // What the services hold; the first time counts as before the faults, the last as after.
    sampleResources() {
        return this.history.sampleResources(this.app, this.cluster, SERVICES);
    }

    // What the checker says when all is over → { wrong, db, summary }
    async verdict(orders) {
        const { history } = this;
        history.rebuild = await this.app.run(['rebuild', '--check', '--orders', String(orders)], { mayFail: true });
        await this.sampleResources();
        history.takeErrors(this.app);
        const db = await snapshot(this.cluster);
        history.save(db);
        const wrong = check(history, db);
        return { wrong, db, summary: summarise(history, db, wrong) };
    }
}
