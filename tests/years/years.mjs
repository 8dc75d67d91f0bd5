// SPDX-License-Identifier: EUPL-1.2
// `make ten-years`: what ten years cost. Two systems beside each other: one holds SCALE of the ten years of an average province (10 M dossiers, some 110 M scans), the other
// a first day. Both then do the same work in turns, in one run: scans over HTTP, correlation, delivery, look-ups; the medians of the rounds are set against each other.
//   make ten-years SCALE=0.01
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startApp } from '../harness/app.mjs';
import { build } from '../harness/build.mjs';
import { chance } from '../harness/chance.mjs';
import { checkDatabase } from '../harness/checker.mjs';
import { Driver } from '../harness/driver.mjs';
import { snapshot } from '../harness/history.mjs';
import { openContact } from '../harness/seal.mjs';
import { median } from '../bench/frame.mjs';
import { QUIET, benchCluster, correlated, cpu, kill, program, serverPids, startSink, subscribe, upload } from '../bench/stage.mjs';
import { DOSSIERS, fill, fillScaled, gb, roomFor } from './fill.mjs';

const FIRST_DAY = 1_000; // dossiers of the empty system: what is looked up must be there
const CONNECTIONS = 64;
const SCANS = 50; // of a batch
const PEOPLE = 8; // who look up at once
const ENDPOINTS = 50; // that hear of the dossiers of the rounds (bench/workload.h)
const GOALS = [ // CPU: of the service and PostgreSQL; it tells more than rates on a machine that does something else too
    { name: 'ingest', what: 'acked scans/s, 64 connections', atLeast: 0.9 },
    { name: 'correlate', what: 'journey rows/s' },
    { name: 'delivery', what: 'delivered/s', atLeast: 0.9 },
    { name: 'citizen_p50', what: "citizen's page, p50 ms" },
    { name: 'citizen_p99', what: "citizen's page, p99 ms", atMost: 1.5 },
    { name: 'office_p50', what: "office's journey, p50 ms" },
    { name: 'office_p99', what: "office's journey, p99 ms", atMost: 1.5 },
    { name: 'ingest_cpu', what: 'CPU µs a scan' },
    { name: 'correlate_cpu', what: 'CPU µs a journey row' },
    { name: 'delivery_cpu', what: 'CPU µs a delivery' },
    { name: 'look_cpu', what: 'CPU µs a look-up' },
];
const HELP = `tests/years/years.mjs [--scale 0.002] [--rounds 5] [--scans 40000] [--look-ups 4000] [--seed N] [--check] [--json FILE]
  --scale     of ten years: 1 is 10 million dossiers. What it takes on the disk is said first
  --rounds    how often each is measured, on each system
  --scans     of a round
  --look-ups  of a round, of each kind
  --seed      of the lives; printed, so that a run can be repeated
  --check     whether the filled system is what the product would have made: rebuild --check, and the log rules of the history checker (scale 0.01 at most)
  --json      where the numbers go as JSON; build/ten-years.json by default`;

const { values } = parseArgs({
    options: {
        scale: { type: 'string', default: '0.002' }, rounds: { type: 'string', default: '5' }, scans: { type: 'string', default: '40000' },
        'look-ups': { type: 'string', default: '4000' }, seed: { type: 'string', default: '' },
        check: { type: 'boolean', default: false }, json: { type: 'string', default: join(build, 'ten-years.json') }, help: { type: 'boolean', default: false },
    },
});
const scale = Number(values.scale);
const [rounds, scans, lookUps] = ['rounds', 'scans', 'look-ups'].map((name) => Number(values[name]));
if (values.help || !(scale > 0 && scale <= 1) || ![rounds, scans, lookUps].every((n) => Number.isInteger(n) && n > 0)) {
    console.log(HELP);
    process.exit(values.help ? 0 : 2);
}
if (values.seed)
    process.env.TEST_SEED = values.seed;

// ---- one system

class System {
    // scale: of ten years; undefined: a first day
    constructor(name, scale) {
        this.name = name;
        this.scale = scale;
    }

    async open(seed) {
        this.cluster = await benchCluster();
        this.sink = await startSink();
        this.app = await startApp({ cluster: this.cluster, services: [], config: { ...QUIET, portal: { api_minute: 1_000_000, lookups_minute: 1_000_000 } } });
        const { stdout } = await this.app.run(['endpoint', 'add', '--url', `http://127.0.0.1:${this.sink.port}/hook/all`, '--allow', '127.0.0.1/32', '--unit', 'H48']);
        const [, endpoint] = stdout.match(/^endpoint (\S+)/m);
        this.filled = this.scale ? await fillScaled(this.app, endpoint, this.scale, seed) : await fill(this.app, endpoint, FIRST_DAY, seed);
        this.key = (await this.app.run(['apikey', 'create', '--unit', 'H48'])).stdout.trim();
        await subscribe(this.app, this.sink, ENDPOINTS); // from now on
        await this.cluster.psql('vacuum (freeze, analyze)'); // what autovacuum would have done over the years
        const [{ bytes }] = await this.cluster.psql('select pg_database_size(current_database()) as bytes');
        this.bytes = bytes;
    }

    // What was made is what the product would have made of these facts.
    async check() {
        const { code, stdout, stderr } = await this.app.run(['rebuild', '--check', '--orders', '1'], { mayFail: true });
        const wrong = checkDatabase(await snapshot(this.cluster));
        const { phone } = await openContact(this.cluster, this.app.config.keys.dir, this.filled.samples[0].code);
        if (!/^\+8495\d{7}$/.test(phone))
            wrong.push(`a contact holds ${phone}`);
        if (code !== 0 || wrong.length > 0)
            throw new Error(`the generator is wrong: ${[stdout, stderr, ...wrong.slice(0, 20)].join('\n')}`);
        console.log(stdout.trim());
    }

    async close() {
        await kill(this.app);
        await this.sink?.end();
        await this.cluster?.destroy();
    }

    // CPU seconds of all its processes, of those too that have ended: their parent has counted them.
    postgresCpu() {
        const ended = readFileSync(`/proc/${this.cluster.process.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(13, 15).map(Number);
        return cpu(serverPids(this.cluster)) + (ended[0] + ended[1]) / 100; // USER_HZ
    }

    // this.cpu_us: what the service and PostgreSQL used meanwhile
    async during(service, work) {
        const before = this.postgresCpu();
        this.app.start(service);
        try {
            const result = await work();
            this.cpu_us = (this.postgresCpu() - before + cpu([this.app.process(service).pid])) * 1e6;
            return result;
        } finally {
            await this.app.process(service).end('SIGTERM', { limit: 60_000 });
        }
    }

    async end(log) {
        return (await this.cluster.psql(`select coalesce(max(pos), 0) as pos from dt.${log}`))[0].pos;
    }

    async ingest() {
        const batches = Math.max(1, Math.round(scans / CONNECTIONS / SCANS));
        this.sent = CONNECTIONS * batches * SCANS;
        const { rate } = await this.during('ingest', async () => {
            await this.app.ready('ingest', { limit: 60_000 });
            return upload({ cluster: this.cluster, port: this.app.port('ingest'), connections: CONNECTIONS, batches, scans: SCANS, lives: true });
        });
        return rate;
    }

    // From the first row to the last, by the database's clock: the start of the process does not count.
    async correlate() {
        const before = await this.end('journey');
        await this.during('correlate', () => correlated(this.cluster, { limit: 300_000 }));
        const [{ rows, s }] = await this.cluster.psql(`select count(*) as rows, extract(epoch from max(recorded_at) - min(recorded_at))::float8 as s
            from dt.journey where lane = 0 and pos > $1`, [before]);
        this.fresh = rows;
        return rows / s;
    }

    async deliver() {
        const reached = this.sink.expect(this.fresh, 300_000);
        const { first, last } = await this.during('webhook', () => reached);
        return this.fresh / (last - first) * 1e6;
    }

    async lookUp(paths, key) {
        const file = join(this.app.folder, 'paths');
        writeFileSync(file, paths.map((path) => `${path}\n`).join(''));
        const driver = new Driver(program('look_up'), [String(this.app.port('portal')), String(PEOPLE), file, ...(key ? [key] : [])]);
        const { code } = await driver.end();
        if (code !== 0)
            throw new Error(`look_up: ${driver.errors}`);
        return JSON.parse(driver.lines.at(-1));
    }

    async look(luck) {
        const pick = () => Array.from({ length: lookUps }, () => luck.pick(this.filled.samples));
        return this.during('portal', async () => {
            await this.app.ready('portal', { limit: 60_000 });
            const citizen = await this.lookUp(pick().map(({ token }) => `/t/${token}`));
            const office = await this.lookUp(pick().map(({ code }) => `/api/v1/dossiers/${code}/journey`), this.key);
            return { citizen_p50: citizen.p50_ms, citizen_p99: citizen.p99_ms, office_p50: office.p50_ms, office_p99: office.p99_ms };
        });
    }

    async round(luck) {
        const result = {};
        await this.cluster.psql('checkpoint');
        result.ingest = await this.ingest();
        result.ingest_cpu = this.cpu_us / this.sent;
        result.correlate = await this.correlate();
        result.correlate_cpu = this.cpu_us / this.fresh;
        result.delivery = await this.deliver();
        result.delivery_cpu = this.cpu_us / this.fresh;
        Object.assign(result, await this.look(luck));
        result.look_cpu = this.cpu_us / (2 * lookUps);
        return result;
    }
}

// ---- the run

const short = (n) => (n >= 1_000 ? Math.round(n).toString() : n.toFixed(2));

function report(systems, results) {
    const lines = GOALS.map(({ name, what, atLeast, atMost }) => {
        const [empty, full] = systems.map((system) => median(results.get(system).map((result) => result[name])));
        const ratios = results.get(systems[0]).map((result, i) => results.get(systems[1])[i][name] / result[name]);
        const value = median(ratios);
        const met = atLeast !== undefined ? value >= atLeast : atMost !== undefined ? value <= atMost : null;
        return { name, what, empty, full, value, min: Math.min(...ratios), max: Math.max(...ratios), goal: { atLeast, atMost }, met };
    });
    console.log(`\nmedians of ${rounds} rounds                  empty    filled   filled ÷ empty`);
    for (const { what, empty, full, value, min, max, goal, met } of lines) {
        const wish = goal.atLeast !== undefined ? `at least ${goal.atLeast}` : goal.atMost !== undefined ? `at most ${goal.atMost}` : '';
        console.log(`  ${what.padEnd(34)} ${short(empty).padStart(8)} ${short(full).padStart(9)}   ${value.toFixed(2)} (${min.toFixed(2)} to ${max.toFixed(2)})`
            + `${met === null ? '' : `   ${wish}: ${met ? 'reached' : 'missed'}`}`);
    }
    return lines;
}

const luck = chance({ diagnostic: (text) => console.log(text) });
const dossiers = Math.round(DOSSIERS * scale);
const systems = [new System('empty'), new System('filled', scale)];
try {
    console.log(`${dossiers} dossiers over ten years need about ${gb(roomFor(dossiers, tmpdir()))} on ${tmpdir()}`);
    for (const system of systems)
        await system.open(luck.int(2 ** 31));
    const { seconds, samples, segments, ...rows } = systems[1].filled;
    const total = Object.values(rows).reduce((sum, n) => sum + n, 0);
    console.log(`filled with ${total} rows in ${seconds} s, ${Math.round(total / seconds)} rows/s, ${gb(systems[1].bytes)}, ${Math.round(systems[1].bytes / dossiers)} bytes a dossier, ${segments} segments: `
        + Object.entries(rows).map(([table, n]) => `${n} ${table}`).join(', '));
    if (values.check)
        await systems[1].check();
    const results = new Map(systems.map((system) => [system, []]));
    for (let round = 0; round < rounds; round++) {
        for (const system of round % 2 ? [...systems].reverse() : systems) {
            const result = await system.round(luck);
            results.get(system).push(result);
            console.log(`round ${round + 1}, ${system.name}: ${GOALS.map(({ name }) => `${name} ${short(result[name])}`).join(', ')}`);
        }
    }
    const lines = report(systems, results);
    writeFileSync(values.json, `${JSON.stringify({ scale, rounds, scans, rows, segments, seconds, bytes: systems[1].bytes, lines, each: Object.fromEntries(
        systems.map((system) => [system.name, results.get(system)])) }, null, 2)}\n`);
} finally {
    for (const system of systems)
        await system.close();
}
