// SPDX-License-Identifier: EUPL-1.2
// No reading of old log rows on the hot path (DESIGN §3), and no plan that grows with the number of segments: what the services really ran,
// against logs with a history; and what the two busiest ran against tables that ANALYZE saw empty (a plan made then must not scan them as they grow; the others' plans are
// made anew when autovacuum comes by).
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, results } from '../harness/device.mjs';
import { append, item } from '../harness/facts.mjs';
import { giveToken } from '../harness/folded.mjs';
import { EXPLAIN, longReads, manySegments, partialIndexes, plansOf } from '../harness/plans.mjs';
import { resegment } from '../harness/segments.mjs';
import { startSink } from '../harness/sink.mjs';
import { until } from '../harness/wait.mjs';

const SERVICES = ['ingest', 'correlate', 'sms', 'portal', 'webhook'];
const DOSSIERS = 20; // four events each
const HISTORY = 100_000; // rows of each log
const SEGMENT = 5_000;

async function fill(cluster) {
    await resegment(cluster, SEGMENT, HISTORY / SEGMENT);
    await cluster.psql(`
        INSERT INTO dt.fact SELECT 0, n, 100000 + n % 1000, n, 1, 1, 0, now(), now(), 'EA123456785VN', '{"n":' || n || '}'
            FROM generate_series(1, ${HISTORY}) n;
        INSERT INTO dt.dossier (lane, dossier, unit, seq, opened_at) SELECT 0, n, 'H56.14', 10, now() FROM generate_series(1, ${HISTORY / 10}) n;
        INSERT INTO dt.dossier_code (lane, code, dossier, from_at) SELECT 0, 'H56.14-250101-' || to_char(n, 'FM000000'), n, now() - interval '1 year'
            FROM generate_series(1, ${HISTORY / 10}) n;
        INSERT INTO dt.item (lane, item, code, state, facts, last_at) SELECT 0, n, 'XX' || to_char(n, 'FM000000000') || 'VN', 18, '', now()
            FROM generate_series(1, ${HISTORY / 10}) n;
        INSERT INTO dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, state)
            SELECT 0, n, 0, n, 1, 1 + n % ${HISTORY / 10}, 1 + n / ${HISTORY / 10}, 1, now(), now(), 'H56.14', 'x', 'y', 18 FROM generate_series(1, ${HISTORY}) n;
        INSERT INTO dt.cursor (lane, consumer, pos) VALUES (0, 'correlate', ${HISTORY}), (0, 'sms', ${HISTORY});
        INSERT INTO dt.published (lane, pos) VALUES (0, ${HISTORY});
        INSERT INTO dt.contact SELECT 0, 'H56.14-250101-' || to_char(n, 'FM000000'), gen_random_uuid(), n % 1000, true FROM generate_series(1, ${HISTORY / 10}) n;
        INSERT INTO dt.sealed (lane, blob, kind, sealed) SELECT 0, blob, 1, '\\x00' FROM dt.contact;
        INSERT INTO dt.wrap SELECT 0, blob, 'dossier:' || dossier, '\\x00' FROM dt.contact;
        INSERT INTO dt.sms (lane, cause_lane, cause_pos, item, phone_hmac, template, id, dossier, contact, text, segments, state, not_before, expires_at)
            SELECT 0, 0, n, 'y', decode(to_char(n, 'FM00000000'), 'hex'), 4, gen_random_uuid(), 1 + n % ${HISTORY / 10}, 'x', 'x', 1, 'delivered', now(), now()
            FROM generate_series(1, ${HISTORY / 2}) n;
        INSERT INTO dt.attempt (lane, endpoint, pos, outcome) SELECT 0, '00000000-0000-0000-0000-000000000001', n, 1 FROM generate_series(1, ${HISTORY}) n;
        DO $$ DECLARE filled regclass; BEGIN -- as autovacuum does: what is empty stays unknown
            FOR filled IN SELECT oid FROM pg_class WHERE relnamespace = 'dt'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0 LOOP
                EXECUTE 'ANALYZE ' || filled;
            END LOOP;
        END $$;
        SELECT dt.make_segments('fact', 4), dt.make_segments('journey', 4)`); // as watch does all the time
}

async function work(cluster, app, sink) {
    await app.run(['endpoint', 'add', '--url', sink.url('/hook'), '--unit', 'H56', '--allow', '127.0.0.0/8', '--label', 'office']);
    const device = await Device.enrolled(app);
    for (let n = 0; n < DOSSIERS; n++) {
        const code = `H56.14-261120-${String(n).padStart(4, '0')}`;
        await append(cluster, 2, [{ at: '08:00', type: 'dossier.registered', dossier: code, unit: 'H56.14' }]);
        const scans = [['item.collected', item(n + 1)], ['delivery.started', item(n + 1)], ['item.delivered', item(n + 1)]]
            .map(([type, parcel]) => device.scan({ type, code: parcel, ...(type === 'item.collected' ? { dossiers: [code] } : {}) }));
        assert.equal(results(await device.send(device.batch(scans))), scans.map(({ seq }) => `${seq}:accepted`).join(' '));
    }
    await until(async () => {
        const [row] = await cluster.psql(`SELECT (SELECT max(pos) FROM dt.fact) = (SELECT max(pos) FROM dt.cursor WHERE consumer = 'correlate')
            AND (SELECT max(pos) FROM dt.journey) = (SELECT max(pos) FROM dt.cursor WHERE consumer = 'sms') AS done`);
        return row.done;
    }, { what: 'all is folded and planned', limit: 300_000 });
    await sink.received(4 * DOSSIERS, { limit: 300_000 });
    await ask(cluster, app);
}

// Each statement of the portal, more than once.
async function ask(cluster, app) {
    const code = 'H56.14-261120-0001';
    const key = (await app.run(['apikey', 'create', '--unit', 'H56'])).stdout.trim();
    await giveToken(cluster, '0123456789abcdef', (await cluster.psql('SELECT dossier FROM dt.dossier_code WHERE code = $1', [code]))[0].dossier);
    for (let n = 0; n < 3; n++) {
        for (const [method, path, body] of [
            ['GET', `/tra-cuu?ma=${code}`], ['GET', '/t/0123456789abcdef'], ['GET', `/api/v1/dossiers/${code}`], ['GET', `/api/v1/dossiers/${code}/journey`],
            ['PUT', `/api/v1/dossiers/${code}`, { unit: 'H56.14', contact: { phone: '0905123456' }, sms_consent: true }],
            ['POST', `/api/v1/dossiers/${code}/handover`, { item: item(2), outcome: 'confirmed' }],
        ]) {
            const response = await fetch(app.url('portal', path), { method, body: body && JSON.stringify(body),
                headers: { authorization: `Bearer ${key}`, 'idempotency-key': `${method}-${n}-${path.length}`, 'content-type': 'application/json' } });
            assert.ok([200, 202].includes(response.status), `${method} ${path}: ${response.status} ${await response.text()}`);
        }
    }
}

for (const [what, prepare, busiest] of [
    ['with a long history', fill, SERVICES],
    ['from nothing, just analyzed', (cluster) => cluster.psql('ANALYZE'), ['ingest', 'correlate']],
]) {
    test(`every service looks up what it needs by key, ${what}`, async (t) => {
        const cluster = await startCluster({ settings: EXPLAIN });
        t.after(() => cluster.destroy());
        await prepare(cluster);
        const sink = await startSink();
        t.after(() => sink.stop());
        const app = await startApp({ cluster, services: SERVICES });
        await work(cluster, app, sink);
        await app.stop();
        const log = cluster.log();
        const partial = await partialIndexes(cluster);
        for (const service of busiest) {
            const plans = plansOf(log, service);
            assert.ok(plans.length > 0, `${service} was heard`);
            assert.deepEqual(longReads(plans, partial), [], service);
            assert.deepEqual(manySegments(plans), [], service);
        }
    });
}
