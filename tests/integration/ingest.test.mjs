// SPDX-License-Identifier: EUPL-1.2
// Scans in: every verdict, protobuf and JSON with one meaning, repeats, conflicts, streams, clocks, personal parts.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { bodyOf, Device, headerOf, JSON_TYPE, PROTOBUF, results, sha256, uuid7 } from '../harness/device.mjs';

let cluster;
let app;
let db;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest'] });
    db = await cluster.connect();
});
after(async () => {
    await db?.close();
    await app?.stop();
    await cluster?.destroy();
});

const facts = (device) => db.query('select seq, type, code, flags, occurred_at, body from dt.fact f join dt.stream s using (lane, stream)'
    + ' where s.token = $1::uuid order by pos', [device.stream]);
const quarantined = (device) => db.query('select seq, reason, code from dt.quarantine q join dt.stream s using (lane, stream)'
    + ' where s.token = $1::uuid order by seq', [device.stream]);

test('a batch is stored, in order, with the evidence, and answered with a receipt', async () => {
    const device = await Device.enrolled(app);
    const scans = [device.scan(), device.scan({ type: 'item.accepted' }), device.scan({ type: 'item.delivered', dossiers: ['H34.16-190102-0007'] })];
    const batch = device.batch(scans);
    const answer = await device.send(batch);
    assert.equal(results(answer), '1:accepted 2:accepted 3:accepted');
    const rows = await facts(device);
    assert.deepEqual(rows.map(({ seq, code, body }) => ({ seq, code, body })),
        scans.map((scan) => ({ seq: scan.seq, code: 'EA123456785VN', body: bodyOf(scan) })));
    const [receipt] = await db.query('select r.* from dt.receipt r join dt.stream s using (lane, stream) where s.token = $1::uuid', [device.stream]);
    assert.equal(receipt.header, headerOf(batch));
    assert.equal(receipt.signature.toString('base64'), batch.signature);
    assert.deepEqual(receipt.digests, Buffer.concat(scans.map((scan) => sha256(bodyOf(scan)))));
});
