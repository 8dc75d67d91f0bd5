// SPDX-License-Identifier: EUPL-1.2
// Four lanes: sources write in lanes of their own, dossiers and items are spread over lanes, and one correlate reads them all. The order in
// which it took turns is kept, so a rebuild finds the same.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, chaos, dice } from '../harness/facts.mjs';
import { until } from '../harness/wait.mjs';

const LANES = [0, 1, 2, 3];
let cluster, app;
before(async () => {
    cluster = await startCluster();
    for (const lane of LANES.slice(1)) {
        await cluster.psql(`insert into dt.fact_head (lane) values (${lane}); insert into dt.journey_head (lane) values (${lane})`);
        for (const source of [1, 2, 3])
            await cluster.psql(`insert into dt.stream (lane, stream, token, name) values (${lane}, nextval('dt.stream_id'), gen_random_uuid(), 'lane${lane}-${source}')`);
    }
    app = await startApp({ cluster, services: ['correlate'] });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

async function folded() {
    await until(async () => {
        const rows = await cluster.psql(`select h.lane from dt.fact_head h where
            (select coalesce(max(pos), 0) from dt.fact f where f.lane = h.lane) <>
            (select coalesce(max(pos), 0) from dt.cursor c where c.lane = h.lane and consumer = 'correlate')`);
        return rows.length === 0;
    }, { what: 'all lanes are folded', limit: 300_000 });
}

test('facts of one item in four lanes become one journey, and rebuild follows the turns', async () => {
    const roll = dice(5);
    const facts = chaos(60, 5);
    for (let i = 0; i < facts.length; i += 5) {
        const lane = roll(4);
        await Promise.all([1, 2, 3].map(async (source) => {
            const mine = facts.slice(i, i + 5).filter(([from]) => from === source).map(([, fact]) => fact);
            if (mine.length > 0)
                await append(cluster, source, mine, lane === 0 ? `test${source}` : `lane${lane}-${source}`);
        }));
    }
    await folded();
    const lanes = async (table) => (await cluster.psql(`select distinct lane from dt.${table} order by lane`)).map((row) => row.lane);
    for (const table of ['fact', 'item', 'dossier', 'journey'])
        assert.deepEqual(await lanes(table), LANES, table);
    assert.ok((await cluster.psql('select count(*)::int as n from dt.turn'))[0].n > 4, 'it took turns');
    const gaps = await cluster.psql(`select lane, dossier from dt.journey group by lane, dossier having count(*) <> max(seq) or min(seq) <> 1`);
    assert.deepEqual(gaps, [], 'seq counts without gaps');
    const holes = await cluster.psql(`select lane from dt.journey group by lane having count(*) <> max(pos) or min(pos) <> 1`);
    assert.deepEqual(holes, [], 'positions count without gaps');
    const { code, stdout } = await app.run(['rebuild', '--check', '--orders', '20'], { mayFail: true });
    assert.equal(code, 0, stdout);
});
