// SPDX-License-Identifier: EUPL-1.2
// correlate against a real PostgreSQL: facts in, items, links, dossiers and journey rows out.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, item, kindName } from '../harness/facts.mjs';
import { until } from '../harness/wait.mjs';

let cluster, app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['correlate'] });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

// Waits until correlate has folded everything.
async function folded() {
    await until(async () => {
        const [row] = await cluster.psql(`select (select coalesce(max(pos), 0) from dt.fact) =
            (select coalesce(max(pos), 0) from dt.cursor where consumer = 'correlate') as done`);
        return row.done;
    }, { what: 'all facts are folded', limit: 30_000 });
}

async function journey(code) {
    const rows = await cluster.psql(`select j.* from dt.journey j join dt.dossier_code c on c.lane = j.lane and c.dossier = j.dossier
        where c.code = $1 order by j.seq`, [code]);
    return rows.map((row) => ({ ...row, kind: kindName(row.kind), details: JSON.parse(row.details) }));
}

test('a dossier travels: the thin thread', async () => {
    const code = 'H56.14-261120-0001', parcel = item(1);
    await append(cluster, 2, [{ at: '08:00', type: 'dossier.registered', dossier: code, unit: 'H56.14', tthc: '1.001612' }]);
    await append(cluster, 1, [
        { at: '09:00', type: 'item.collected', code: parcel, dossier: code, leg: 'N', office: '440000', charge: 26000 },
        { at: '10:00', type: 'delivery.started', code: parcel },
        { at: '11:00', type: 'item.delivered', code: parcel },
    ]);
    await append(cluster, 2, [{ at: '11:05', type: 'handover.confirmed', code: parcel, dossier: code }]);
    await folded();
    const rows = await journey(code);
    assert.deepEqual(rows.map((r) => [Number(r.seq), r.kind, r.state, r.sms]), [
        [1, 'dossier.registered', null, null],
        [2, 'item.collected', 6, 3],
        [3, 'delivery.started', 12, null],
        [4, 'item.delivered', 18, 4],
        [5, 'handover.confirmed', 18, null],
    ]);
    assert.deepEqual(rows[1].details, { office: '440000', charge: 26000, source: 'device', before: 'S00', fee_state: 'collected' });
    assert.equal(rows[3].details.proposes, 2);
    assert.equal(rows[1].unit, 'H56.14');
    const [stored] = await cluster.psql(`select * from dt.item where code = $1`, [parcel]);
    assert.equal(stored.state, 18);
    assert.equal(stored.leg, 'N');
});
