// SPDX-License-Identifier: EUPL-1.2
// The postal day against real services: a small day comes out as it was played, a second run goes on with what is there, and the checks
// can fail: a webhook that never comes, or that nobody of ours sent, is named.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { History, check, snapshot } from '../harness/history.mjs';

const SERVICES = ['ingest', 'correlate', 'webhook', 'sms', 'portal'];
const DAY = ['--once', '--dossiers', '8', '--devices', '7', '--speed', '6000', '--offline', '0.6', '--duplicates', '0.3', '--seed', '7',
    '--settle', '240'];

let cluster;
let app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: SERVICES, config: { sms: { quiet_from: '00:00', quiet_to: '00:00' } } });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

const state = (name) => join(app.folder, name);
const lines = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const mismatches = (stdout) => Number(/^ {2}mismatches +(\d+)/m.exec(stdout)?.[1]);

test('a day comes out as it was played; what each side saw satisfies the history checker', async () => {
    const dir = state('history');
    const { stdout } = await app.run(['simulate', ...DAY, '--state', state('sim'), '--history', dir]);
    assert.equal(mismatches(stdout), 0, stdout);
    assert.match(stdout, /seed 7/);
    assert.match(stdout, /scan accepted in \d+ ms/);
    assert.match(stdout, /webhook: the province answered 204/);
    assert.match(stdout, /SMS T\d+: “/);
    assert.equal(statSync(state('sim')).mode & 0o777, 0o700);
    assert.equal(statSync(join(state('sim'), 'state.json')).mode & 0o777, 0o600);

    const history = new History();
    const ends = new Map();
    const uploads = lines(join(dir, 'handhelds.jsonl'));
    uploads.filter(({ type }) => type === 'invoke').forEach((entry) => ends.set(entry, { ...entry, outcome: 'unknown' }));
    history.uploads = uploads.filter(({ type }) => type !== 'invoke').map((entry) => ({ ...entry, outcome: entry.type }));
    assert.equal(history.uploads.length, ends.size, 'every upload has its end');
    assert.ok(history.uploads.some(({ results }) => results.some(({ status }) => status === 'duplicate')), 'something was sent twice');
    assert.deepEqual(check(history, await snapshot(cluster)), []);

    const events = lines(join(dir, 'sink-0.jsonl'));
    assert.ok(events.some(({ mode }) => mode === 'ok'));
    assert.ok(events.every(({ body }) => JSON.parse(body).specversion === '1.0'));
    assert.ok(lines(join(dir, 'sms.jsonl')).every(({ body }) => body.to.startsWith('+8495')), 'no number that somebody could have');
});

test('a second run goes on with its handhelds, keys and endpoints', async () => {
    const devices = async () => (await app.run(['device', 'list'])).stdout;
    const known = await devices();
    const { stdout } = await app.run(['simulate', ...DAY, '--seed', '8', '--failures', '0', '--state', state('sim'), '--quiet']);
    assert.equal(mismatches(stdout), 0, stdout);
    assert.equal(await devices(), known);
    assert.equal((await app.run(['endpoint', 'list'])).stdout.trim().split('\n').length, 1 + 3);
});

test('the same seed plays the same day', async () => {
    const stories = (text) => text.split('\n').filter((line) => /^ +[①②③④] H/.test(line)).map((line) => line.replace(/\d{6}-\d+/, 'CODE'));
    const sums = (text) => /scans +(\d+)/.exec(text)[1];
    const first = await app.run(['simulate', ...DAY, '--failures', '0', '--state', state('sim')]);
    const second = await app.run(['simulate', ...DAY, '--failures', '0', '--state', state('sim')]);
    assert.deepEqual(stories(first.stdout), stories(second.stdout));
    assert.equal(sums(first.stdout), sums(second.stdout));
    assert.equal(mismatches(second.stdout), 0, second.stdout);
});

// Between the webhook service and the office: a server that takes the office's address, and forwards as it likes.
async function meddle(change) {
    const [{ url }] = await cluster.psql("select url from dt.endpoint where units = '{H48}'");
    const server = createServer((incoming, response) => {
        const chunks = [];
        incoming.on('data', (chunk) => chunks.push(chunk)).on('end', () => {
            const body = change(Buffer.concat(chunks).toString());
            if (body === null) {
                response.writeHead(204).end();
                return;
            }
            const { 'content-length': _, host: __, ...headers } = incoming.headers;
            request(url, { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (answer) => {
                response.writeHead(answer.statusCode);
                answer.pipe(response);
            }).on('error', () => response.destroy()).end(body);
        });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    await cluster.psql(`update dt.endpoint set url = 'http://127.0.0.1:${server.address().port}/' where url = '${url}'`);
    await app.restart('webhook', 'SIGTERM');
    return async () => {
        await cluster.psql(`update dt.endpoint set url = '${url}' where units = '{H48}'`);
        await app.restart('webhook', 'SIGTERM');
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    };
}

const quiet = [...DAY, '--failures', '0', '--settle', '4', '--quiet'];

test('a webhook that is lost on the way is named, and the exit code says so', async () => {
    let dropped = null;
    const restore = await meddle((body) => {
        if (dropped === null && body.includes('item.delivered'))
            dropped = JSON.parse(body);
        return dropped && JSON.parse(body).id === dropped.id ? null : body;
    });
    try {
        const { code, stdout } = await app.run(['simulate', ...quiet, '--state', state('sim')], { mayFail: true });
        assert.equal(code, 1, stdout);
        assert.match(stdout, new RegExp(`endpoint 0 was not told #${dropped.sequence} \\(item\\.delivered\\) of `));
    } finally {
        await restore();
    }
});

test('a webhook that was tampered with is not believed', async () => {
    const restore = await meddle((body) => body.replace('"event":"item.delivered"', '"event":"item.lost"'));
    try {
        const { code, stdout } = await app.run(['simulate', ...quiet, '--state', state('sim')], { mayFail: true });
        assert.equal(code, 1, stdout);
        assert.match(stdout, /endpoint 0 got a webhook that must not be believed: its v1 signature does not hold/);
    } finally {
        await restore();
    }
});

test('services that are killed and come back spoil nothing', async () => {
    const running = app.run(['simulate', ...DAY, '--speed', '3000', '--failures', '0', '--state', state('sim')], { mayFail: true });
    await app.restart('ingest', 'SIGKILL');
    await app.restart('portal', 'SIGKILL');
    await app.restart('correlate', 'SIGKILL');
    const { code, stdout, stderr } = await running;
    assert.equal(code, 0, stdout + stderr);
});

test('a state that was lost does not spoil the days after it: endpoints that nobody holds the secret of are taken away', async () => {
    const { stdout } = await app.run(['simulate', ...DAY, '--dossiers', '2', '--failures', '0', '--state', state('sim2'), '--quiet'], { mayFail: true });
    assert.equal(mismatches(stdout), 0, stdout);
    assert.equal((await app.run(['endpoint', 'list'])).stdout.trim().split('\n').length, 1 + 3);
});

test('options out of bounds are refused in words; a state that is not ours is not touched', async () => {
    for (const [args, words] of [[['--dossiers', '0'], '1 to 5000'], [['--devices', '4'], '5 to 300'], [['--offline', '1.5'], 'share'],
        [['--speed', 'fast'], '1 to 100000'], [['--ingest', ''], 'http'], [['--portal', 'ftp://127.0.0.1'], 'http'], [['--portal', 'http:///x'], 'http']]) {
        const { code, stderr } = await app.run(['simulate', ...args], { mayFail: true });
        assert.equal(code, 2);
        assert.match(stderr, new RegExp(words));
    }
    assert.match((await app.run(['simulate', '--help'])).stdout, /--history DIR/);
});
