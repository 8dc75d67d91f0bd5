// SPDX-License-Identifier: EUPL-1.2
// No reading of old log rows on the hot path (DESIGN §3): the plans that correlate's statements really ran with, with empty and with
// grown tables, before and after ANALYZE.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, chaos, appendChaos, item } from '../harness/facts.mjs';
import { EXPLAIN, longReads, plansOf } from '../harness/plans.mjs';
import { until } from '../harness/wait.mjs';

let cluster, app;
before(async () => {
    cluster = await startCluster({ settings: EXPLAIN });
    app = await startApp({ cluster, services: ['correlate'] });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

async function folded() {
    await until(async () => (await cluster.psql(`select (select coalesce(max(pos), 0) from dt.fact) =
        (select coalesce(max(pos), 0) from dt.cursor where consumer = 'correlate') as done`))[0].done, { what: 'all is folded', limit: 300_000 });
}

// State tables are probed by key as well: none of them is read from end to end, nor all of a lane, to be compared with the keys of the batch.
const STATE = /^(item|dossier|dossier_code|link|container|content)$/;
function wholeReads(plans) {
    const found = new Set();
    const walk = (query, node, limited) => {
        const condition = node['Index Cond'] ?? node['Recheck Cond'] ?? '';
        const laneOnly = /^(Index|Bitmap Heap)/.test(node['Node Type']) && !/\b(code|item|dossier|container|unit|member)\b/.test(condition) && !limited;
        if (STATE.test(node['Relation Name'] ?? '') && (node['Node Type'] === 'Seq Scan' || laneOnly))
            found.add(`${node['Node Type']} [${condition}] on ${node['Relation Name']} in: ${query.replaceAll(/\s+/g, ' ').slice(0, 160)}`);
        node.Plans?.forEach((child) => walk(query, child, limited || node['Node Type'] === 'Limit'));
    };
    plans.forEach(({ query, plan }) => walk(query, plan, false));
    return [...found];
}

test('every statement probes by key, whatever the tables hold', async () => {
    await appendChaos(cluster, chaos(40, 1), 1);
    await folded();
    // Grown as the years would: many items and dossiers of others, and logs with a past.
    await cluster.psql(`insert into dt.item (lane, item, code, state, facts, last_at)
            select 0, 1000000 + n, 'RA' || lpad(n::text, 9, '0') || 'VN', 19, '', now() from generate_series(1, 20000) n;
        insert into dt.dossier (lane, dossier, unit, opened_at) select 0, 1000000 + n, 'H48', now() from generate_series(1, 20000) n;
        insert into dt.dossier_code (lane, code, dossier, from_at) select 0, 'H48-250101-' || n, 1000000 + n, now() from generate_series(1, 20000) n;
        insert into dt.link (lane, item, dossier_lane, dossier, from_at, source, cause_pos)
            select 0, 1000000 + n, 0, 1000000 + n, now(), 1, 1 from generate_series(1, 20000) n;
        insert into dt.container (lane, container, code, facts) select 0, 1000000 + n, 'TUI-' || (1000000 + n), '' from generate_series(1, 20000) n;
        analyze`);
    await app.restart('correlate', 'SIGTERM');
    await appendChaos(cluster, chaos(40, 2), 2);
    await append(cluster, 2, [{ at: '08:00', type: 'dossier.merged', dossier: 'H48-250101-7', into: 'H48-250101-8' }]);
    await append(cluster, 3, [{ at: '08:00', type: 'unit.merged', unit: 'H56.11', into: 'H56.12' }]);
    await append(cluster, 1, [{ at: '08:00', type: 'item.collected', code: item(77), dossier: 'H48-250101-9' }]);
    await folded();
    const plans = plansOf(cluster.log(), 'correlate');
    assert.ok(plans.length > 100, `${plans.length} plans were logged`);
    assert.ok(plans.some(({ query }) => /insert into dt\.journey/.test(query)), 'those of functions too');
    assert.deepEqual(longReads(plans), []);
    assert.deepEqual(wholeReads(plans), []);
});
