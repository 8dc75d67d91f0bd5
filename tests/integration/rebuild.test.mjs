// SPDX-License-Identifier: EUPL-1.2
// What correlate stored is what the facts alone say: in log order, whatever the size of its batches, and for states and histories in any
// order. And a rebuild that finds a difference says so.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, appendChaos, chaos, item } from '../harness/facts.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
before(async () => (cluster = await startCluster()));
after(() => cluster?.destroy());

const DONE = `select (select coalesce(max(pos), 0) from dt.fact) = (select coalesce(max(pos), 0) from dt.cursor
    where consumer = 'correlate') as done`;
// What must not depend on the size of batches: everything but positions of the cursor and times of recording.
const PROJECTION = {
    item: 'select * from dt.item order by lane, item',
    container: 'select * from dt.container order by lane, container',
    content: 'select * from dt.content order by lane, container, kind, member',
    dossier: 'select * from dt.dossier order by lane, dossier',
    dossier_code: 'select * from dt.dossier_code order by lane, code',
    link: 'select * from dt.link order by lane, item, dossier, from_at',
    stuck: 'select lane, pos, code, sqlstate, error from dt.stuck order by lane, pos',
    journey: `select lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, occurred_at, unit, code, item, leg, state, sms,
        retracts, details from dt.journey order by lane, pos`,
};

async function fold(config) {
    const app = await startApp({ cluster, services: ['correlate'], config: { correlate: config } });
    try {
        await until(async () => (await cluster.psql(DONE))[0].done, { what: 'all facts are folded', limit: 300_000 });
    } finally {
        await app.stop();
    }
    return app;
}

async function projection() {
    const all = {};
    for (const [name, sql] of Object.entries(PROJECTION))
        all[name] = await cluster.psql(sql);
    return all;
}

const empty = () => cluster.psql(`truncate dt.item, dt.container, dt.content, dt.dossier, dt.dossier_code, dt.link, dt.stuck, dt.journey,
    dt.cursor, dt.turn`);

test('batches of 1, 7 and 1,000 facts, and of few rows, store the same; rebuild proves each of them', async () => {
    await appendChaos(cluster, chaos(70, 1), 1);
    let first;
    for (const config of [{ facts: 1000 }, { facts: 7 }, { facts: 1 }, { facts: 1000, rows: 3 }]) {
        await empty();
        const app = await fold(config);
        const stored = await projection();
        assert.ok(stored.journey.length > 200 && stored.item.length >= 60, 'the day was a day');
        first ??= stored;
        for (const name of Object.keys(PROJECTION))
            assert.deepEqual(stored[name], first[name], `${name} with ${JSON.stringify(config)}`);
        const { code, stdout } = await app.run(['rebuild', '--check', '--orders', config.facts === 500 && !config.rows ? '100' : '2'],
            { mayFail: true });
        assert.equal(code, 0, stdout);
        assert.match(stdout, /equal but for recorded_at/);
    }
});

test('facts that come while it runs, a few at a time, give the same as all at once', async () => {
    await empty();
    const app = await startApp({ cluster, services: ['correlate'] });
    for (const seed of [2, 3, 4])
        await appendChaos(cluster, chaos(15, seed), seed);
    await until(async () => (await cluster.psql(DONE))[0].done, { what: 'all facts are folded', limit: 300_000 });
    const { stdout } = await app.run(['rebuild', '--check', '--orders', '3', '--rows', '7']);
    assert.match(stdout, /3 random orders: states and histories of items: equal/);
    await app.stop();
});

test('rebuild finds what was changed behind its back', async () => {
    const app = await startApp({ cluster, services: [] });
    const damage = [
        [`update dt.item set state = 24 where item = 1`, /^item$/m],
        [`update dt.journey set details = '{}' where pos = 5`, /^journey row$/m],
        [`delete from dt.journey where pos = (select max(pos) from dt.journey)`, /rebuilt: .*/],
        [`update dt.dossier set seq = seq + 1 where dossier = 1`, /^dossier$/m],
        [`delete from dt.link where item = (select min(item) from dt.link)`, /^link$/m],
        [`delete from dt.content where member = (select min(member) from dt.content)`, /^content$/m],
    ];
    for (const [sql, says] of damage) {
        const session = await cluster.connect();
        await session.query(`create schema if not exists kept; create table kept.item as table dt.item; create table kept.journey as table dt.journey;
            create table kept.dossier as table dt.dossier; create table kept.link as table dt.link; create table kept.content as table dt.content`);
        await session.query(sql);
        const { code, stdout } = await app.run(['rebuild', '--check', '--orders', '0'], { mayFail: true });
        assert.equal(code, 1, sql);
        assert.match(stdout, says);
        assert.match(stdout, /DIFFERENT/);
        for (const table of ['item', 'journey', 'dossier', 'link', 'content'])
            await session.query(`truncate dt.${table}; insert into dt.${table} select * from kept.${table}; drop table kept.${table}`);
        await session.close();
    }
    assert.equal((await app.run(['rebuild', '--check', '--orders', '0'])).code, 0);
});

test('a fact that came after the snapshot is no difference; a bad option is an error', async () => {
    const app = await startApp({ cluster, services: [] });
    await append(cluster, 1, [{ at: '08:00', type: 'item.collected', code: item(999) }]); // nobody folds it
    assert.equal((await app.run(['rebuild', '--check', '--orders', '0'])).code, 0);
    assert.equal((await app.run(['rebuild'], { mayFail: true })).code, 2);
    assert.equal((await app.run(['rebuild', '--check', '--orders', '-1'], { mayFail: true })).code, 2);
    assert.equal((await app.run(['rebuild', '--check', '--rows', '0'], { mayFail: true })).code, 2);
});
