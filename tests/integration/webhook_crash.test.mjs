// SPDX-License-Identifier: EUPL-1.2
// The webhook service when it, its twin or its database dies in the middle: every event arrives at least once, in order, and a copy too many has a reason.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { App, startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, checkOrder, codeOf, numbers, turns } from '../harness/journey.mjs';
import { startSink } from '../harness/sink.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
let sink;
let app;
let office;
before(async () => {
    cluster = await startCluster();
    sink = await startSink();
    app = await startApp({ cluster, services: ['webhook'] });
    const { stdout } = await app.run(['endpoint', 'add', '--url', sink.url('/office'), '--unit', 'H48', '--allow', '127.0.0.1/32']);
    [, office] = stdout.match(/^endpoint (.*)$/m);
});
after(async () => {
    await app.stop();
    await sink.stop();
    await cluster.destroy();
});

let next = 1;
const dossiers = (count) => numbers(next, (next += count) - 1);
const one = async (sql, params) => Object.values((await cluster.psql(sql, params))[0] ?? {})[0];
const highest = () => one('select max(pos) from dt.journey');
const done = () => one('select done from dt.endpoint_cursor where endpoint = $1 order by n desc limit 1', [office]);
const settled = (limit = 120_000) => until(async () => await done() === await highest()
    && await one('select count(*) from dt.hold') === 0, { limit, what: 'nothing is left' });
const answered = () => sink.requests.filter(({ mode }) => mode === 'ok' || mode === 'slow' || mode === 204);

// dossier code → copies of its most copied event
function copies(requests) {
    const count = new Map();
    requests.forEach(({ headers }) => count.set(headers['webhook-id'], (count.get(headers['webhook-id']) ?? 0) + 1));
    return count;
}

// What left the house was published before (DESIGN §3 Epoch).
async function checkPublished() {
    const published = await one('select max(pos) from dt.published');
    assert.ok(await one('select coalesce(max(pos), 0) from dt.attempt') <= published);
}

test('kill -9 in mid-flight, again and again', async () => {
    const mine = dossiers(40);
    sink.delay = 5;
    sink.setMode('slow', '/office');
    const recorded = () => one('select count(*) from dt.attempt');
    let kills = 0;
    let before = { sent: 0, recorded: 0 }; // at the last kill
    for (let round = 0; round < 5; round++) {
        await append(cluster, turns(mine, 6));
        const goal = sink.requests.length + 60;
        // Not while the ledger is far behind, as on a slow disk: what it does not know comes again, rightly.
        await until(async () => {
            const written = await recorded() - before.recorded;
            return sink.requests.length >= goal && sink.requests.length - before.sent - written < 40;
        }, { what: 'requests under way' });
        await app.process('webhook').end('SIGKILL');
        kills++;
        before = { sent: sink.requests.length, recorded: await recorded() };
        await cluster.psql(`update dt.lease set until = now()`); // the test need not wait for it
        app.start('webhook');
        await app.ready('webhook');
    }
    await settled();
    const last = checkOrder(answered());
    assert.deepEqual(mine.map((dossier) => last.get(codeOf(dossier))), mine.map(() => 30));
    const most = Math.max(...copies(sink.requests).values());
    assert.ok(most <= 1 + kills, `${most} copies after ${kills} kills`);
    assert.ok(sink.requests.length > 1200, 'something was in flight when it was killed');
    const twice = [...copies(sink.requests).values()].filter((n) => n > 1).length;
    // At a kill at most 8 requests are under way, and the answers of one record are not yet written.
    assert.ok(twice < 300, `${twice} events came twice`);
    await checkPublished();
});

test('a planned stop in mid-flight repeats nothing', async () => {
    const mine = dossiers(30);
    const before = sink.requests.length;
    sink.delay = 50;
    sink.setMode('slow', '/office');
    await append(cluster, turns(mine, 5));
    for (let i = 1; i <= 3; i++) {
        await until(() => sink.requests.length >= before + 20 * i, { what: 'requests under way' });
        const { code } = await app.process('webhook').end('SIGTERM');
        assert.equal(code, 0);
        app.start('webhook');
        await app.ready('webhook');
    }
    await settled();
    const mineOnly = sink.requests.slice(before);
    assert.equal(mineOnly.length, 150);
    assert.ok([...copies(mineOnly).values()].every((n) => n === 1));
    checkOrder(answered());
});

test('PostgreSQL crashes under load and comes back', async () => {
    const mine = dossiers(40);
    const before = sink.requests.length;
    sink.setMode('ok', '/office');
    for (let round = 0; round < 3; round++) {
        await append(cluster, turns(mine, 10));
        await until(() => sink.requests.length >= before + 100 * (round + 1), { what: 'requests under way' });
        await cluster.restart('immediate');
    }
    await until(async () => await done() === await highest(), { limit: 60_000, what: 'nothing is left' });
    const last = checkOrder(answered());
    assert.deepEqual(mine.map((dossier) => last.get(codeOf(dossier))), mine.map(() => 30));
    const most = Math.max(...copies(sink.requests.slice(before)).values());
    assert.ok(most <= 4, `${most} copies after 3 crashes`);
    await checkPublished();
    await app.ready('webhook');
});

test('a frozen owner is replaced; when it wakes it sends and writes nothing', async (t) => {
    const mine = dossiers(20);
    const twin = new App(cluster);
    await twin.prepare({ keys: app.config.keys });
    t.after(() => twin.stop());
    twin.start('webhook');
    await twin.ready('webhook');
    sink.delay = 100;
    sink.setMode('slow', '/office');
    const before = sink.requests.length;
    await append(cluster, turns(mine, 10));
    await until(() => sink.requests.length >= before + 20, { what: 'requests under way' });
    app.process('webhook').kill('SIGSTOP');
    await until(() => twin.logs('webhook.lease-taken').length === 1, { limit: 60_000, what: 'the twin takes over' });
    sink.setMode('ok', '/office');
    await settled();
    const attempts = await one('select count(*) from dt.attempt');
    const requests = sink.requests.length;
    app.process('webhook').kill('SIGCONT');
    await until(() => app.logs('webhook.lease-lost').length === 1, { what: 'it notices' });
    await append(cluster, mine);
    await settled();
    assert.equal(sink.requests.length, requests + mine.length, 'only the new ones came, once');
    assert.equal(await one('select count(*) from dt.attempt'), attempts + mine.length, 'the woken one wrote nothing');
    const last = checkOrder(answered());
    assert.deepEqual(mine.map((dossier) => last.get(codeOf(dossier))), mine.map(() => 11));
    assert.ok([...copies(sink.requests.slice(before)).values()].every((n) => n <= 2));
});
