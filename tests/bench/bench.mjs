// SPDX-License-Identifier: EUPL-1.2
// `make bench`: how much of the machine's own limit the way in uses. In one run, in turns: a binary COPY of rows equal to those of the
// fact log into an equal table (logged, durable, with its primary key) by one and by two clients; the append function alone; and
// the whole way in: signed batches of 50 over HTTP on 64 connections, each verified, stored and answered with a signed
// receipt. Medians of the rounds; the goal is the ratio of the last to the best COPY.
//   make bench ARGS='--rounds 1 --rows 200000'
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startApp } from '../harness/app.mjs';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Driver } from '../harness/driver.mjs';

const GOAL = 0.2; // acked scans/s ÷ best COPY
const CONNECTIONS = 64;
const SCANS = 50; // of a batch
const APPEND_UPLOADS = 10; // of a call of the append function: 500 scans
const HELP = `tests/bench/bench.mjs [--rounds 5] [--rows 1000000] [--json FILE]
  --rounds   how often each is measured
  --rows     of each COPY; the others take what they do in about the same time
  --json     where the numbers go as JSON; build/bench.json by default`;

const { values: options } = parseArgs({
    options: {
        rounds: { type: 'string', default: '5' },
        rows: { type: 'string', default: '1000000' },
        json: { type: 'string', default: join(build, 'bench.json') },
        help: { type: 'boolean', default: false },
    },
});
const rounds = Number(options.rounds);
const rows = Number(options.rows);
if (options.help || !Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(rows) || rows < 1000) {
    console.log(HELP);
    process.exit(options.help ? 0 : 2);
}
// A third of the rows, so that a round of each takes about as long.
const batches = Math.max(1, Math.round(rows / 3 / CONNECTIONS / SCANS));
const appended = Math.round(rows / 2);

const program = (name) => join(build, 'bench', name);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

// CPU seconds that each process used so far. Rates depend on what else the machine does, these hardly.
function cpu(pids) {
    return new Map(pids.flatMap((pid) => {
        try {
            const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number);
            return [[pid, (user + system) / 100]]; // USER_HZ
        } catch {
            return []; // ended meanwhile
        }
    }));
}

function serverPids(cluster) {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
        try {
            return readlinkSync(`/proc/${pid}/cwd`) === cluster.data;
        } catch {
            return false;
        }
    });
}

// Seconds that a program of ours prints.
function seconds(name, args) {
    const { status, stdout, stderr } = spawnSync(program(name), args.map(String), { encoding: 'utf8' });
    if (status !== 0)
        throw new Error(`${name}: ${stderr}`);
    return Number(stdout);
}

async function copy(cluster, clients) {
    await cluster.psql('TRUNCATE bench.copy_target; CHECKPOINT');
    return rows / seconds('copy_rows', [cluster.conninfo(), 'bench.copy_target', rows, clients]);
}

async function append(cluster) {
    await cluster.psql('CHECKPOINT');
    return appended / seconds('append_speed', [cluster.conninfo({ user: 'dt_ingest' }), 2, APPEND_UPLOADS, appended]);
}

// → what load_scans says, with `rate`
async function upload(cluster, app) {
    const devices = [];
    const load = new Driver(program('load_scans'), [app.port('ingest'), CONNECTIONS, batches, SCANS].map(String));
    await load.says(() => load.lines.length === CONNECTIONS, { limit: 120_000 });
    for (const line of load.lines)
        devices.push(line.split(' ').slice(1));
    const [ids, keys, tokens] = [0, 1, 2].map((i) => devices.map((device) => device[i]));
    await cluster.psql(`INSERT INTO dt.device (device, office, public_key) SELECT d::uuid, '100000', decode(k, 'hex') FROM unnest($1::text[], $2::text[]) AS x (d, k)`,
        [ids, keys]);
    await cluster.psql(`INSERT INTO dt.stream (lane, stream, token, device) SELECT 0, nextval('dt.stream_id'), t::uuid, d::uuid
        FROM unnest($1::text[], $2::text[]) AS x (t, d)`, [tokens, ids]);
    await cluster.psql('CHECKPOINT');
    const sides = { ingest: [app.process('ingest').child.pid], postgres: serverPids(cluster) };
    const before = { ingest: cpu(sides.ingest), postgres: cpu(sides.postgres) };
    load.send('go');
    const { code } = await load.end();
    const used = (side) => [...cpu(sides[side])].reduce((sum, [pid, now]) => sum + now - (before[side].get(pid) ?? now), 0)
        * 1e6 / (CONNECTIONS * batches * SCANS);
    const cpu_us = { ingest: used('ingest'), postgres: used('postgres') };
    if (code !== 0)
        throw new Error(`load_scans: ${load.errors}`);
    const result = JSON.parse(load.lines.at(-1));
    const [{ stored }] = await cluster.psql('SELECT count(*) AS stored FROM dt.fact f JOIN dt.stream s USING (lane, stream) WHERE s.token = ANY ($1::uuid[])',
        [tokens]);
    if (result.accepted !== result.scans || stored !== result.scans)
        throw new Error(`${result.scans} sent, ${result.accepted} accepted, ${stored} stored`);
    return { ...result, rate: result.accepted / result.seconds, cpu_us };
}

async function measure(cluster, app) {
    const results = [];
    for (let round = 1; round <= rounds; round++) {
        const result = { copy1: await copy(cluster, 1), copy2: await copy(cluster, 2), append: await append(cluster), http: await upload(cluster, app) };
        results.push(result);
        const k = (rate) => `${(rate / 1000).toFixed(1)} k`;
        console.log(`round ${round}: COPY ${k(result.copy1)}, ${k(result.copy2)}; append ${k(result.append)}; HTTP ${k(result.http.rate)}`
            + ` (p50 ${result.http.p50_ms} ms, p99 ${result.http.p99_ms} ms${result.http.again ? `, ${result.http.again} times 503` : ''})`);
    }
    return results;
}

function summary(results) {
    const of = (pick) => median(results.map(pick));
    const copy1 = of((r) => r.copy1);
    const copy2 = of((r) => r.copy2);
    const best = Math.max(copy1, copy2);
    return {
        rounds, rows, connections: CONNECTIONS, scans_per_batch: SCANS, cores: cpus().length, goal: GOAL,
        copy_1_client: Math.round(copy1), copy_2_clients: Math.round(copy2),
        append_function: Math.round(of((r) => r.append)), acked_over_http: Math.round(of((r) => r.http.rate)),
        ingest_cpu_us_per_scan: of((r) => r.http.cpu_us.ingest), postgres_cpu_us_per_scan: of((r) => r.http.cpu_us.postgres),
        http_p50_ms: of((r) => r.http.p50_ms), http_p99_ms: of((r) => r.http.p99_ms),
        append_ratio: of((r) => r.append) / best, ratio: of((r) => r.http.rate) / best,
        each: results,
    };
}

function print(s) {
    const line = (what, rate, ratio) => console.log(`  ${what.padEnd(52)} ${String(rate).padStart(9)}   ${ratio.toFixed(2)}`);
    const best = Math.max(s.copy_1_client, s.copy_2_clients);
    console.log(`\nrows or scans per second, median of ${s.rounds} (${s.cores} cores)               ÷ best COPY`);
    line('COPY, 1 client', s.copy_1_client, s.copy_1_client / best);
    line('COPY, 2 clients', s.copy_2_clients, s.copy_2_clients / best);
    line('append function, 2 connections, 500 a call', s.append_function, s.append_ratio);
    line(`acked over HTTP, signed batches of ${SCANS}, ${CONNECTIONS} connections`, s.acked_over_http, s.ratio);
    console.log(`CPU per acked scan: ingest ${s.ingest_cpu_us_per_scan.toFixed(1)} µs, PostgreSQL ${s.postgres_cpu_us_per_scan.toFixed(1)} µs`);
    console.log(`goal ${s.goal.toFixed(2)}: ${s.ratio >= s.goal ? 'reached' : 'missed'}; a batch is answered in ${s.http_p50_ms} ms (p50), ${s.http_p99_ms} ms (p99)`);
}

// Room enough that neither side waits for a checkpoint in the middle of a round.
const cluster = await startCluster({ settings: { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min' } });
let app;
try {
    await cluster.psql(`CREATE SCHEMA bench; CREATE TABLE bench.copy_target (LIKE dt.fact INCLUDING DEFAULTS, PRIMARY KEY (lane, pos));
        INSERT INTO dt.device (device, office, public_key) SELECT gen_random_uuid(), '100000', '\\x04' FROM generate_series(1, ${CONNECTIONS});
        SELECT dt.open_stream(device) FROM dt.device`);
    app = await startApp({ cluster, services: ['ingest'], config: { log: { level: 'warn' } } });
    const result = summary(await measure(cluster, app));
    writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`);
    print(result);
    await app.stop();
} finally {
    app?.process('ingest')?.child.kill('SIGKILL');
    await cluster.destroy();
}
