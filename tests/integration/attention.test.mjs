// SPDX-License-Identifier: EUPL-1.2
// What waits for a person is listed, and a person can settle it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device } from '../harness/device.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
let app;
let device;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest', 'correlate'] });
    device = await Device.enrolled(app);
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});
const rows = async (noun) => (await app.run([noun, 'list'])).stdout.trim().split('\n').slice(1).map((line) => line.split('\t'));

test('a quarantined scan is listed; released, it moves its item; dropped, it stays as evidence', async () => {
    const misread = { code: 'EC521602782VN', dossiers: ['H48.16-261121-0001'] };
    await device.upload([device.scan(misread), device.scan(misread)]);
    const [first, second] = await rows('quarantine');
    assert.deepEqual(first.slice(1, 4), ['check-digit', 'item.collected', 'EC521602782VN']);
    assert.match((await app.run(['quarantine', 'release', first[0]])).stdout, /released/);
    assert.match((await app.run(['quarantine', 'drop', second[0]])).stdout, /dropped/);
    assert.deepEqual(await rows('quarantine'), []);
    await until(async () => (await cluster.psql("select from dt.item where code = 'EC521602782VN' and state = 6")).length === 1);
    assert.equal((await cluster.psql('select from dt.fact where source = 3')).length, 1);
    for (const args of [['release', first[0]], ['drop', second[0]], ['drop', '1:99:0123456789ab']])
        assert.equal((await app.run(['quarantine', ...args], { mayFail: true })).code, 1, args.join(' '));
    assert.equal((await app.run(['quarantine', 'drop', 'nonsense'], { mayFail: true })).code, 2);
});

test('an item without a dossier is listed until it is linked', async () => {
    await device.upload([device.scan({ code: 'EA123456785VN' })]);
    await until(async () => (await rows('unmatched')).some(([code]) => code === 'EA123456785VN'));
    await app.run(['link', 'add', '--item', 'EA123456785VN', '--dossier', 'H48.16-261121-0002']);
    await until(async () => !(await rows('unmatched')).some(([code]) => code === 'EA123456785VN'));
});

test('nothing stuck, nothing frozen: empty lists; unknown verbs are usage errors', async () => {
    assert.deepEqual(await rows('stuck'), []);
    assert.deepEqual(await rows('frozen'), []);
    assert.equal((await app.run(['stuck', 'release', '0:1'], { mayFail: true })).code, 2);
});
