// SPDX-License-Identifier: EUPL-1.2
// Webhook delivery: events wait in the journey log of dossiers of 16 units, an endpoint each; then a sender starts. Rate: from the first request at the sink to the
// last row of the ledger. The yardstick is libcurl in a bare loop with the very same requests; the rival a Node sender with an equal ledger. All have 128 requests
// under way at most (ours: 8 an endpoint), and the sink is the same.
import { join } from 'node:path';
import { startApp } from '../../harness/app.mjs';
import { root } from '../../harness/build.mjs';
import { Driver } from '../../harness/driver.mjs';
import { newFolder } from '../../harness/folder.mjs';
import { until } from '../../harness/wait.mjs';
import { benchCluster, kill, now, QUIET, seconds, startSink, subscribe } from '../stage.mjs';

const ENDPOINTS = 16;
const CONCURRENCY = 128;
const STEPS = 5; // events of a dossier
const RECORDED = 2000; // requests that the bare loop repeats (office_sink)

async function open({ scale, sides }) {
    const stage = { events: Math.max(600, Math.round(8000 * scale)) * STEPS, dossiers: 0 };
    try {
        stage.cluster = await benchCluster({ shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track': 'top' });
        await stage.cluster.psql('create extension pg_stat_statements');
        if (sides.has('node')) {
            stage.rival = await benchCluster();
            await stage.rival.psql(`create schema rival; create table rival.attempt (like dt.attempt including defaults, primary key (lane, endpoint, pos, at));
                create table rival.cursor (n bigserial primary key, pos bigint not null, at timestamptz not null default clock_timestamp())`);
        }
        stage.record = join(newFolder('bench'), 'requests');
        stage.sink = await startSink(['-r', stage.record]);
        stage.app = await startApp({ cluster: stage.cluster, services: [], config: QUIET });
        await subscribe(stage.app, stage.sink, ENDPOINTS);
        if (sides.has('curl'))
            await ours(stage, Math.max(RECORDED, 2000)); // what the bare loop will send
    } catch (error) {
        await close(stage);
        throw error;
    }
    return {
        sides: { ours: () => ours(stage, stage.events), curl: () => curl(stage), node: () => node(stage) },
        close: () => close(stage),
    };
}

async function close({ app, sink, cluster, rival }) {
    await kill(app);
    await sink?.end();
    await rival?.destroy();
    await cluster?.destroy();
}

// Appends `count` rows as correlate writes them: five events of each dossier, dealt so that neighbours are of different dossiers. dossiers: so many exist already.
// → the last position before
export async function events(cluster, count, dossiers) {
    const [{ pos }] = await cluster.psql('select coalesce(max(pos), 0) as pos from dt.journey where lane = 0');
    await cluster.psql(`insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, leg, state, details)
        select 0, x.pos, 0, x.pos, 0, $3::bigint + x.d, x.step, (array[10, 11, 14, 30, 34])[x.step], now() - interval '1 h', now(), 'H56.' || 10 + x.d % ${ENDPOINTS},
            'H56.' || 10 + x.d % ${ENDPOINTS} || '-261121-' || lpad((($3::bigint + x.d) % 1000000)::text, 6, '0'), 'EB125966897VN', 'K', 19, '{"reason":"giao tận tay","attempt":1}'
        from (select $1::bigint + row_number() over (order by d / 400, step, d) as pos, d::integer, step::integer
              from generate_series(0, $2::bigint - 1) d cross join generate_series(1, ${STEPS}) step) x order by x.pos`, [pos, count / STEPS, dossiers]);
    return pos;
}

async function fill(stage, cluster, count) {
    const pos = await events(cluster, count, stage.dossiers);
    stage.dossiers += count / STEPS;
    await cluster.psql('vacuum analyze dt.journey');
    await cluster.psql('checkpoint');
    return pos;
}

const ledger = (cluster, table, count) => until(async () => (await cluster.psql(`select count(*) as n from ${table}`))[0].n >= count,
    { limit: 60_000, what: `${count} rows in ${table}` });

async function ours(stage, events) {
    const { cluster, app, sink } = stage;
    const [{ n: before }] = await cluster.psql('select count(*) as n from dt.attempt');
    await fill(stage, cluster, events);
    await cluster.psql('select pg_stat_statements_reset()');
    const reached = sink.expect(events);
    app.start('webhook');
    const { first } = await reached;
    await ledger(cluster, 'dt.attempt', before + events);
    const done = now();
    const [{ calls }] = await cluster.psql(`select sum(calls)::int8 as calls from pg_stat_statements s join pg_roles r on r.oid = s.userid where r.rolname = 'dt_webhook'`);
    const [{ bad }] = await cluster.psql('select count(*) as bad from dt.attempt where outcome <> 1');
    if (bad)
        throw new Error(`${bad} attempts failed`);
    await app.process('webhook').end('SIGTERM');
    return { rate: events / (done - first) * 1e6, statements: calls / events };
}

async function curl({ sink, record, events }) {
    return { rate: events / await seconds('curl_loop', [sink.port, record, CONCURRENCY, events]) };
}

async function node(stage) {
    const { rival: cluster, sink } = stage;
    const events = Math.round(stage.events / 2 / STEPS) * STEPS; // about as long
    const [{ n: before }] = await cluster.psql('select count(*) as n from rival.attempt');
    const from = await fill(stage, cluster, events);
    const reached = sink.expect(events);
    const sender = new Driver(process.execPath, [join(root, 'tests/bench/rivals/sender.mjs'), cluster.folder, String(sink.port), String(CONCURRENCY), String(from), String(events)]);
    const { first } = await reached;
    await ledger(cluster, 'rival.attempt', before + events);
    const done = now();
    const { code } = await sender.end();
    if (code !== 0)
        throw new Error(`sender.mjs: ${sender.errors}`);
    return { rate: events / (done - first) * 1e6 };
}

const ratio = (subject, yardstick) => ({ sides: [subject, yardstick], value: (m) => m[subject].rate / m[yardstick].rate,
    rates: { [subject]: (m) => m[subject].rate, [yardstick]: (m) => m[yardstick].rate } });

export default {
    name: 'delivery',
    open,
    lines: [
        { name: 'delivery-curl', what: 'delivered/s, signed and in the ledger ÷ bare libcurl with the same requests', goal: { atLeast: 0.8 }, ...ratio('ours', 'curl') },
        { name: 'delivery-node', what: 'delivered/s ÷ Node http keep-alive sender with an equal ledger', goal: { atLeast: 3 }, ...ratio('ours', 'node') },
        { name: 'delivery-sql', what: 'SQL statements per delivered event', goal: { atMost: 0.05 }, sides: ['ours'], value: (m) => m.ours.statements },
    ],
};
