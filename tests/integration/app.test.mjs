// SPDX-License-Identifier: EUPL-1.2
// The harness's hold on our program: its ini is accepted, a failing command is told, what it starts ends.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';

let cluster;
let app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: [] });
});
after(() => cluster?.destroy());

test('the harness writes an ini that our program accepts', async () => {
    await app.run(['config', 'check']);
});

test('a setting that is none is refused, and named', async () => {
    const { code, stderr } = await app.run(['config', 'check'], { mayFail: true, env: { DUONGTHU_INGEST_NONSENSE: '1' } });
    assert.equal(code, 78);
    assert.match(stderr, /DUONGTHU_INGEST_NONSENSE/);
    await assert.rejects(app.run(['config', 'check'], { env: { DUONGTHU_INGEST_NONSENSE: '1' } }), /NONSENSE/);
});
