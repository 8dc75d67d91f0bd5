// SPDX-License-Identifier: EUPL-1.2
// How much of the machine's own limit our parts use. The yardstick: binary COPY of rows equal to those of the fact log into an equal table (logged, durable, with its
// primary key), by one and by two clients, the better of both; and the append function alone.
import { startApp } from '../../harness/app.mjs';
import { benchCluster, correlated, cpu, journeyRows, kill, noSignatures, QUIET, seconds, serverPids, upload } from '../stage.mjs';

const CONNECTIONS = 64;
const SINGLES = 512; // connections that send single scans
const SCANS = 50; // of a batch
const CALL = 500; // scans of a call of the append function

async function open({ rows, sides }) {
    const cluster = await benchCluster();
    const stage = { cluster, apps: [] };
    const start = async (name, options) => {
        const app = await startApp({ config: QUIET, ...options });
        stage.apps.push(app);
        return (stage[name] = app);
    };
    try {
        await cluster.psql(`CREATE SCHEMA bench; CREATE TABLE bench.copy_target (LIKE dt.fact INCLUDING DEFAULTS, PRIMARY KEY (lane, pos));
            INSERT INTO dt.device (device, office, public_key) SELECT gen_random_uuid(), '100000', '\\x04' FROM generate_series(1, ${2 * CALL});
            SELECT dt.open_stream(device) FROM dt.device`);
        await start('ingest', { cluster, services: ['ingest'] });
        if (sides.has('bare'))
            await start('bare', { cluster, services: ['ingest'], program: noSignatures });
        if (sides.has('correlate')) {
            stage.journeys = await benchCluster();
            await start('correlate', { cluster: stage.journeys, services: ['ingest'] });
        }
    } catch (error) {
        await close(stage);
        throw error;
    }
    return { sides: sidesOf(stage, rows), close: () => close(stage) };
}

async function close({ cluster, journeys, apps }) {
    await Promise.all(apps.map(kill));
    await journeys?.destroy();
    await cluster.destroy();
}

function sidesOf(stage, rows) {
    const { cluster } = stage;
    // Sizes that take about as long as each other.
    const batches = Math.max(1, Math.round(rows / 3 / CONNECTIONS / SCANS));
    const singles = Math.max(2, Math.round(rows / 40 / SINGLES));
    const appended = Math.ceil(rows / 2 / 500) * 500;
    const lives = Math.max(1, Math.round(rows / 10 / CONNECTIONS / SCANS));
    const copy = async (clients) => {
        await cluster.psql('TRUNCATE bench.copy_target; CHECKPOINT');
        return rows / await seconds('copy_rows', [cluster.conninfo(), 'bench.copy_target', rows, clients]);
    };
    const append = async (scans, total) => {
        await cluster.psql('CHECKPOINT');
        return { rate: total / await seconds('append_speed', [cluster.conninfo({ user: 'dt_ingest' }), 2, CALL / scans, scans, total]) };
    };
    return {
        copy: async () => ({ rate: Math.max(await copy(1), await copy(2)) }),
        append: () => append(SCANS, appended),
        append1: () => append(1, Math.ceil(rows / 10 / CALL) * CALL),
        http: () => measuredUpload(stage.ingest, cluster, CONNECTIONS, batches, SCANS),
        single: () => measuredUpload(stage.ingest, cluster, SINGLES, singles, 1),
        bare: () => measuredUpload(stage.bare, cluster, SINGLES, 3 * singles, 1),
        correlate: () => correlate(stage, lives),
    };
}

async function measuredUpload(app, cluster, connections, batches, scans) {
    const { child: { pid } } = app.process('ingest');
    const before = {};
    const facts = async () => (await cluster.psql('select coalesce(max(pos), 0) as pos from dt.fact where lane = 0'))[0].pos;
    const result = await upload({ cluster, port: app.port('ingest'), connections, batches, scans,
        before: async () => Object.assign(before, { facts: await facts(), ingest: cpu([pid]), postgres: cpu(serverPids(cluster)) }) });
    const used = (pids, since) => (cpu(pids) - since) * 1e6 / result.scans;
    const stored = await facts() - before.facts;
    if (stored !== result.scans)
        throw new Error(`${result.scans} scans were accepted, ${stored} are stored`);
    return { ...result, ingest_us: used([pid], before.ingest), postgres_us: used(serverPids(cluster), before.postgres) };
}

// Facts wait in the log, then correlate starts. Its first batch is the start of the clock, so that neither its start-up nor ours counts.
async function correlate(stage, lives) {
    const { journeys: cluster, correlate: app } = stage;
    const from = await journeyRows(cluster);
    const { scans } = await upload({ cluster, port: app.port('ingest'), connections: CONNECTIONS, batches: lives, scans: SCANS, lives: true });
    app.start('correlate');
    await app.ready('correlate');
    await correlated(cluster);
    await app.process('correlate').end('SIGTERM');
    const [row] = await cluster.psql(`select count(*) as rows, count(*) filter (where recorded_at > first) as later, extract(epoch from max(recorded_at) - min(first))::float8 as seconds
        from (select recorded_at, min(recorded_at) over () as first from dt.journey where pos > $1) x`, [from]);
    if (row.rows < scans)
        throw new Error(`${scans} facts of dossiers made only ${row.rows} journey rows`);
    return { rate: row.later / row.seconds, rows_per_fact: row.rows / scans };
}

const ratio = (subject, yardstick, more = {}) => ({ sides: [subject, yardstick], value: (m) => m[subject].rate / m[yardstick].rate,
    rates: { [subject]: (m) => m[subject].rate, [yardstick]: (m) => m[yardstick].rate, ...more } });

export default {
    name: 'machine',
    open,
    lines: [
        { name: 'http-copy', what: 'acked over HTTP, signed batches of 50 on 64 connections ÷ best COPY', goal: { atLeast: 0.23 }, ...ratio('http', 'copy', {
            'ingest µs/scan': (m) => m.http.ingest_us, 'PostgreSQL µs/scan': (m) => m.http.postgres_us, 'p99 ms': (m) => m.http.p99_ms }) },
        { name: 'append-copy', what: 'append function, 500 a call on 2 connections ÷ best COPY', goal: { atLeast: 0.30 }, ...ratio('append', 'copy') },
        { name: 'http-append', what: 'acked over HTTP, batches of 50 ÷ append function', goal: { atLeast: 0.75 }, ...ratio('http', 'append') },
        { name: 'single-append', what: 'single signed scans on 512 connections ÷ append function', goal: { atLeast: 0.10 }, ...ratio('single', 'append', {
            'ingest µs/scan': (m) => m.single.ingest_us, 'PostgreSQL µs/scan': (m) => m.single.postgres_us }) },
        { name: 'bare-append', what: 'the same without any signature (bench build) ÷ append function', goal: { atLeast: 0.6 }, ...ratio('bare', 'append', {
            'ingest µs/scan': (m) => m.bare.ingest_us, 'PostgreSQL µs/scan': (m) => m.bare.postgres_us }) },
        { name: 'bare-append1', what: 'without signatures, single scans on 512 connections ÷ append function with uploads of one scan, which is the same work', goal: { atLeast: 0.6 },
            ...ratio('bare', 'append1') },
        { name: 'correlate-copy', what: 'journey rows/s of correlate ÷ best COPY', goal: { atLeast: 0.10 }, ...ratio('correlate', 'copy') },
    ],
};
