// SPDX-License-Identifier: EUPL-1.2
// Our services and PostgreSQL on machines of their own, without a proxy between them, and what only a network can do to them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, results } from '../harness/device.mjs';
import { startNetwork } from '../harness/network.mjs';
import { until } from '../harness/wait.mjs';

let network;
let cluster;
let app;
before(async () => {
    network = await startNetwork();
    cluster = await startCluster({ machine: network.machine('db') });
    app = await startApp({ cluster, services: ['ingest'], machine: network.machine('app'), database: { host: network.machine('db').address } });
});
after(async () => {
    network?.healAll();
    await app?.stop();
    await cluster?.destroy();
    await network?.destroy();
});

const sessions = () => cluster.psql("select pid, host(client_addr) as address from pg_stat_activity where usename = 'dt_ingest'");

test('a machine that vanishes leaves no session behind: PostgreSQL asks whether it is there', async () => {
    const device = await Device.enrolled(app);
    assert.equal(results(await device.upload([device.scan()])), '1:accepted');
    const before = await sessions();
    assert.ok(before.length > 0 && before.every(({ address }) => address === network.machine('app').address));
    const heal = network.cut('app', 'db');
    await app.process('ingest').end('SIGKILL'); // its goodbye does not come through, and nobody will ever speak for it
    await until(async () => (await sessions()).length === 0, { limit: 40_000, what: 'the sessions end' });
    heal();
    app.start('ingest');
    await app.ready('ingest');
    assert.equal(results(await device.upload([device.scan()])), '2:accepted');
});
