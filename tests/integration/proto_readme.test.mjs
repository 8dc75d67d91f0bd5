// SPDX-License-Identifier: EUPL-1.2
// proto/README.md is all that a handheld vendor has: its shell example is run as it stands, and every code it lists is one that the
// server can say, and the other way round.
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { root } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { newFolder } from '../harness/folder.mjs';

const readme = readFileSync(join(root, 'proto/README.md'), 'utf8');
let cluster;
let app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest'] });
});
after(async () => {
    try {
        await app?.stop();
    } finally {
        await cluster?.destroy();
    }
});

test('the example of the README works as it stands', async () => {
    const example = readme.match(/```sh\n([\s\S]*?)```/)[1];
    const folder = newFolder('vendor');
    const { stdout: code } = await app.run(['device', 'invite', '--office', '100000']);
    const { stdout } = await promisify(execFile)('bash', ['-eu', '-o', 'pipefail', '-c', example],
        { cwd: folder, env: { PATH: process.env.PATH, URL: app.url('ingest'), CODE: code.trim() } });
    assert.match(stdout, /"results":\[\{"seq":1,"status":"accepted"\}\]/);
    assert.match(stdout, /Signature Verified Successfully/);
    assert.deepEqual(await cluster.psql('select seq, code, body from dt.fact'),
        [{ seq: 1, code: 'EA123456785VN', body: readFileSync(join(folder, 'body'), 'utf8') }]);
});

test('every problem code that ingest can answer is in the README, and no other', () => {
    const sources = readdirSync(join(root, 'services/ingest')).map((name) => join('services/ingest', name))
        .concat(readdirSync(join(root, 'services/io')).filter((name) => /^(http|problem)/.test(name)).map((name) => join('services/io', name)))
        .map((name) => readFileSync(join(root, name), 'utf8')).join('\n');
    const said = new Set();
    for (const pattern of [/\b(4\d\d|5\d\d),\s*"([a-z-]+)",\s*"/g, /status == (\d{3})\s*\? "([a-z-]+)"/g])
        for (const [, status, code] of sources.matchAll(pattern))
            said.add(`${status} ${code}`);
    for (const code of [...sources.matchAll(/http_unavailable\(\w+, "([a-z-]+)"/g)].map(([, word]) => word))
        said.add(`503 ${code}`);
    assert.ok(said.size > 15, 'the search finds codes');
    const listed = new Set();
    for (const [, status, codes] of readme.matchAll(/^\| (\d{3}) \| ([^|]+) \|/gm))
        for (const [, code] of codes.matchAll(/`([a-z-]+)`/g))
            listed.add(`${status} ${code}`);
    assert.deepEqual([...said].sort(), [...listed].sort());
});

test('the reasons of results are those of the README', () => {
    const wire = readFileSync(join(root, 'services/domain/wire.c'), 'utf8');
    const reasons = [...wire.matchAll(/case OUTCOME_\w+:\s*return "([a-z-]+)"/g)].map(([, reason]) => reason);
    assert.ok(reasons.length >= 7);
    const rows = readme.split('\n').filter((line) => /^\| `(quarantined|refused)`/.test(line)).join('\n');
    for (const reason of reasons)
        assert.ok(rows.includes(`\`${reason}\``), reason);
});
