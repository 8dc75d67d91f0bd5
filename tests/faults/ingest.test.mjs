// SPDX-License-Identifier: EUPL-1.2
// Handhelds upload while ingest is killed and PostgreSQL crashes: what was acknowledged is stored, once. Duplicates, permuted batches and re-uploads of unknown ones are
// part of the load.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, JSON_TYPE, PROTOBUF, bodyOf, sha256 } from '../harness/device.mjs';
import { History, check, snapshot } from '../harness/history.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
let app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest', 'watch'] });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

const DEVICES = 6;
const BATCHES = 40; // of each device
const SCANS = 10; // in each batch

// One handheld: batches in a slightly wrong order, some again, until every one was answered.
async function handheld(device, history) {
    const batches = Array.from({ length: BATCHES }, () => Array.from({ length: SCANS }, () => device.scan({ note: `n${randomInt(1e6)}` })));
    for (let i = 1; i < batches.length; i += 3) // neighbours swapped: the later one arrives first
        [batches[i - 1], batches[i]] = [batches[i], batches[i - 1]];
    for (const scans of batches) {
        const digests = scans.map((scan) => sha256(bodyOf(scan)).toString('hex'));
        const options = { form: randomInt(2) ? JSON_TYPE : PROTOBUF, gzip: randomInt(3) === 0 };
        await until(async () => (await history.upload(device, device.batch(scans), digests, options)).outcome === 'ok', { limit: 60_000, what: 'the batch is answered' });
        if (randomInt(5) === 0)
            await history.upload(device, device.batch(scans), digests, options);
    }
}

test('kill -9 of ingest and crashes of PostgreSQL lose and double nothing', { timeout: 240_000 }, async () => {
    const history = new History();
    const devices = await Promise.all(Array.from({ length: DEVICES }, () => Device.enrolled(app)));
    let left = DEVICES;
    const load = devices.map((device) => handheld(device, history).finally(() => left--));
    const progress = (share) => until(() => left === 0 || history.uploads.filter(({ outcome }) => outcome === 'ok').length > share * DEVICES * BATCHES,
        { limit: 120_000, what: `${share * 100} % of the load is acknowledged` });
    for (const [share, fault] of [[0.1, 'kill'], [0.25, 'crash'], [0.4, 'kill'], [0.55, 'crash'], [0.7, 'kill']]) {
        await progress(share);
        history.fault(fault);
        if (fault === 'kill') {
            await app.restart('ingest');
        } else {
            await cluster.restart('immediate');
            await app.ready('ingest');
        }
    }
    await Promise.all(load);
    const db = await snapshot(cluster);
    assert.deepEqual(check(history, db), []);
    assert.equal(db.facts.filter(({ source }) => source === 1).length, DEVICES * BATCHES * SCANS);
    assert.ok(history.uploads.some(({ outcome }) => outcome === 'unknown'), 'no request was hit by a fault: the test proves nothing');
});

test('the same number with other content is held, not swallowed', async () => {
    const history = new History();
    const device = await Device.enrolled(app);
    const scan = device.scan();
    const digest = (body) => [sha256(bodyOf(body)).toString('hex')];
    await history.upload(device, device.batch([scan]), digest(scan));
    const other = { ...scan, note: 'other content' };
    const { results } = await history.upload(device, device.batch([other]), digest(other));
    assert.equal(results[0].status, 'quarantined');
    assert.deepEqual(check(history, { ...await snapshot(cluster), facts: (await snapshot(cluster)).facts.filter(({ stream }) => stream === device.number) })
        .filter((line) => !line.startsWith('gap') && !line.startsWith('invented')), []);
});
