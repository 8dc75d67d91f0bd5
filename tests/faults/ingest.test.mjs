// SPDX-License-Identifier: EUPL-1.2
// Handhelds upload while ingest is killed and PostgreSQL crashes: what was acknowledged is stored, once. Duplicates, permuted batches and re-uploads of unknown ones are
// part of the load.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { chance } from '../harness/chance.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, JSON_TYPE, PROTOBUF, digestsOf } from '../harness/device.mjs';
import { History, check, snapshot } from '../harness/history.mjs';
import { until } from '../harness/wait.mjs';

const DEVICES = 6;
const BATCHES = 40; // of each device
const SCANS = 10; // in each batch

const history = new History(); // of all tests: they share a database
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

// One handheld: batches in a slightly wrong order, some again, until every one was answered.
async function handheld(device, luck) {
    const batches = Array.from({ length: BATCHES }, () => Array.from({ length: SCANS }, () => device.scan({ note: `n${luck.int(1e6)}` })));
    for (let i = 1; i < batches.length; i += 3) // neighbours swapped: the later one arrives first
        [batches[i - 1], batches[i]] = [batches[i], batches[i - 1]];
    for (const scans of batches) {
        const options = { form: luck.pick([JSON_TYPE, PROTOBUF]), gzip: luck.onceIn(3) };
        const send = () => history.upload(device, device.batch(scans), digestsOf(scans), options);
        await until(async () => (await send()).outcome === 'ok', { limit: 60_000, what: 'the batch is answered' });
        if (luck.onceIn(5))
            await send();
    }
}

test('kill -9 of ingest and crashes of PostgreSQL lose and double nothing', { timeout: 600_000 }, async (t) => {
    const luck = chance(t);
    const devices = await Promise.all(Array.from({ length: DEVICES }, () => Device.enrolled(app)));
    let left = DEVICES;
    const load = devices.map((device) => handheld(device, luck.fork()).finally(() => left--));
    const progress = (share) => until(() => left === 0 || history.uploads.filter(({ outcome }) => outcome === 'ok').length > share * DEVICES * BATCHES,
        { limit: 120_000, what: `${share * 100} % of the load is acknowledged` });
    for (const [share, fault] of [[0.1, 'kill'], [0.25, 'crash'], [0.4, 'kill'], [0.55, 'crash'], [0.7, 'kill']]) {
        await progress(share);
        await history.during(fault, fault === 'kill' ? ['ingest'] : [], async () => {
            if (fault === 'crash')
                await cluster.restart('immediate');
            else
                await app.process('ingest').end('SIGKILL') && app.start('ingest');
            await app.ready('ingest');
        });
    }
    await Promise.all(load);
    const db = await snapshot(cluster);
    assert.deepEqual(check(history, db), []);
    assert.equal(db.facts.filter(({ source }) => source === 1).length, DEVICES * BATCHES * SCANS);
    assert.ok(history.uploads.some(({ outcome }) => outcome === 'unknown'), 'no request was hit by a fault: the test proves nothing');
});

test('the same number with other content is held, not swallowed', async () => {
    const device = await Device.enrolled(app);
    const scan = device.scan();
    const other = { ...scan, note: 'other content' };
    await history.upload(device, device.batch([scan]), digestsOf([scan]));
    const { results } = await history.upload(device, device.batch([other]), digestsOf([other]));
    assert.deepEqual(results, [{ seq: 1, status: 'quarantined', reason: 'conflict' }]);
    assert.deepEqual(check(history, await snapshot(cluster)), []);
});
