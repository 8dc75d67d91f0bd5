// SPDX-License-Identifier: EUPL-1.2
// Where the time of a hot path goes: profile.mjs ingest|single|correlate|webhook prints what perf saw of the service and of the PostgreSQL backends that work for it, by
// processor time. perf is Debian's linux-perf; the counters need no hardware. The texts in profiles/ are made with this.
// profile.mjs correlate statements prints instead how long each SQL statement ran, those inside functions too; that slows the whole a little.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startApp } from '../harness/app.mjs';
import { newFolder } from '../harness/folder.mjs';
import { benchCluster, correlated, cpu, kill, QUIET, serverPids, startSink, subscribe, upload } from './stage.mjs';
import { events } from './benches/delivery.mjs';

const [path, statements] = process.argv.slice(2);
const folder = newFolder('profile');
const SYMBOLS = 45; // lines of a report

function record(pids, name) {
    const file = join(folder, name);
    const perf = spawn('perf', ['record', '-q', '-e', 'cpu-clock', '-F', '997', '-o', file, '-p', pids.join(',')], { stdio: ['ignore', 'ignore', 'inherit'] });
    return async () => {
        perf.kill('SIGINT');
        await once(perf, 'close');
        return file;
    };
}

const report = (file, ...args) => execFileSync('perf', ['report', '--stdio', '-i', file, '--percent-limit', '0.6', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .split('\n').filter((line) => line.trim() && !line.startsWith('#')).slice(0, SYMBOLS).map((line) => line.trimEnd()).join('\n');

// Runs `work` under perf and prints who used how much.
async function profile(cluster, app, service, work) {
    const mine = [app.process(service).pid];
    const theirs = serverPids(cluster);
    const before = [cpu(mine), cpu(theirs)];
    const stops = [record(mine, service), record(theirs, 'postgres')];
    const count = await work();
    const used = [cpu(mine) - before[0], cpu(theirs) - before[1]];
    const [own, server] = await Promise.all(stops.map((stop) => stop()));
    for (const [name, file, seconds] of [[service, own, used[0]], ['PostgreSQL', server, used[1]]]) {
        console.log(`\n== ${name}: ${(seconds * 1e6 / count).toFixed(1)} µs of processor time for each of ${count}\n`);
        console.log(report(file, '--sort', 'dso'));
        console.log(`\n${report(file, '--sort', 'symbol,dso')}`);
    }
}

// What PostgreSQL says of each statement, microseconds for each of count.
async function byStatement(count) {
    const rows = await cluster.psql(`select toplevel, calls, (total_exec_time + total_plan_time) * 1000 / $1 as us, wal_bytes::float8 / $1 as wal,
            left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as query
        from pg_stat_statements where query !~ 'pg_stat_statements' order by us desc limit 16`, [count]);
    for (const { toplevel, calls, us, wal, query } of rows)
        console.log(`${us.toFixed(2).padStart(6)} µs ${wal.toFixed(0).padStart(5)} B of WAL ${String(calls).padStart(6)} calls  ${toplevel ? '' : '  '}${query}`);
}

const STATEMENTS = { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': 'all', 'pg_stat_statements.track_planning': 'on' };
const cluster = await benchCluster(statements ? STATEMENTS : {});
let app;
let sink;
const load = (batches, scans, connections, lives) => upload({ cluster, port: app.port('ingest'), connections, batches, scans, lives });
try {
    if (path === 'ingest' || path === 'single') {
        app = await startApp({ cluster, services: ['ingest'], config: QUIET });
        const [batches, scans, connections] = path === 'single' ? [40, 1, 512] : [60, 50, 64];
        await load(2, scans, connections, false);
        await profile(cluster, app, 'ingest', async () => (await load(batches, scans, connections, false)).scans);
    } else if (path === 'correlate') {
        app = await startApp({ cluster, services: ['ingest', 'correlate'], config: QUIET });
        await load(2, 50, 64, true);
        await correlated(cluster);
        app.process('correlate').kill('SIGSTOP');
        const { scans } = await load(20, 50, 64, true);
        const fold = async () => {
            app.process('correlate').kill('SIGCONT');
            await correlated(cluster);
            return scans;
        };
        if (statements) {
            await cluster.psql('create extension pg_stat_statements; select pg_stat_statements_reset()');
            await byStatement(await fold());
        } else {
            await profile(cluster, app, 'correlate', fold);
        }
    } else if (path === 'webhook') {
        sink = await startSink();
        app = await startApp({ cluster, services: ['webhook'], config: QUIET });
        await subscribe(app, sink, 16);
        await profile(cluster, app, 'webhook', async () => {
            const count = 60_000;
            const reached = sink.expect(count);
            await events(cluster, count, 0);
            await cluster.psql('notify dt_journey');
            await reached;
            return count;
        });
    } else {
        throw new Error('profile.mjs ingest|single|correlate|webhook');
    }
} finally {
    if (app)
        await kill(app);
    await sink?.end();
    await cluster.destroy();
}
