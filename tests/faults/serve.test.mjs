// SPDX-License-Identifier: EUPL-1.2
// `duongthu serve` with all six services: children are killed, PostgreSQL is away, read-only, lost, silent, and the whole is told to stop under load. Every service says
// within 5 s that it is not ready, and why, and carries on by itself.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { SERVICES, startApp } from '../harness/app.mjs';
import { chance } from '../harness/chance.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device } from '../harness/device.mjs';
import { History, check, snapshot } from '../harness/history.mjs';
import { journeys, play } from '../harness/load.mjs';
import { until } from '../harness/wait.mjs';

const HONEST_MS = 5_000; // the promise (quality H1)
const MACHINE_MS = 3_000; // and what a busy machine may add to our asking
const RECOVERY_MS = 60_000; // a lease of 15 s that must end first, reconnecting, a recovery of PostgreSQL
const STOP_MS = 25_000;

let cluster;
let app;
let serve;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: [] });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

const pid = (service) => serve.logs.findLast(({ event, child }) => event === 'child.started' && child === service)?.child_pid;
// Zombies have no command line.
const lives = (number) => existsSync(`/proc/${number}/cmdline`) && readFileSync(`/proc/${number}/cmdline`, 'utf8') !== '';

async function readiness(service) {
    const response = await fetch(app.ops(service, '/readyz'));
    return response.json();
}

const allReady = () => Promise.all(SERVICES.map((service) => app.ready(service, { limit: RECOVERY_MS })));

// Each service lives, is not ready, and says why.
async function allHonest() {
    await Promise.all(SERVICES.map(async (service) => {
        const { reasons } = await until(async () => {
            const answer = await readiness(service);
            return !answer.ready && answer;
        }, { limit: HONEST_MS + MACHINE_MS, what: `${service} says that it is not ready` });
        assert.ok(reasons.length > 0 && reasons.every(({ condition, reason }) => condition && reason), `${service} gives a reason`);
        assert.equal((await fetch(app.ops(service, '/livez'))).status, 200);
    }));
}

test('PostgreSQL is away at the start: all wait, and begin by themselves', async () => {
    await cluster.stop();
    serve = app.serve();
    await until(() => SERVICES.every(pid), { what: 'all children are started' });
    await allHonest();
    await cluster.start();
    await allReady();
    await until(async () => (await readiness('supervise')).ready, { what: 'the supervisor is ready' });
});

test('each child is killed, started again, and all are ready again', async () => {
    for (const service of SERVICES) {
        const killed = pid(service);
        process.kill(killed, 'SIGKILL');
        await until(() => pid(service) !== killed, { limit: RECOVERY_MS, what: `a new ${service}` });
    }
    await allReady();
});

test('PostgreSQL turns read-only, and back', async () => {
    const reload = (setting) => cluster.psql(`alter system ${setting}`).then(() => cluster.psql('select pg_reload_conf()'));
    await reload("set default_transaction_read_only = 'on'");
    await allHonest();
    await reload('reset default_transaction_read_only');
    await allReady();
});

test('PostgreSQL is lost in mid-flight', async () => {
    await cluster.stop('immediate');
    await allHonest();
    await cluster.start();
    await allReady();
});

test('PostgreSQL hangs: connections stay open and nothing is answered', async () => {
    cluster.freeze();
    try {
        await allHonest();
    } finally {
        cluster.thaw();
    }
    await allReady();
});

test('SIGTERM under load: all are gone in time, and nothing acknowledged is lost', { timeout: 600_000 }, async (t) => {
    const luck = chance(t);
    const history = new History();
    history.consumers = ['correlate', 'sms'];
    const devices = await Promise.all(Array.from({ length: 4 }, () => Device.enrolled(app)));
    const dossiers = Array.from({ length: 40 }, (_, i) => `H48.16-261121-${String(i + 1).padStart(4, '0')}`);
    const scans = journeys(luck, dossiers, history, { first: 1, dawn: Date.now() - 8 * 3_600_000 });
    const playing = play(luck, devices, scans, history, { spread: 2_000 });
    await until(() => history.uploads.length > 10, { what: 'the load runs' });
    const children = SERVICES.map(pid);
    const since = Date.now();
    assert.deepEqual(await serve.end('SIGTERM', { limit: STOP_MS }), { code: 0, signal: null });
    t.diagnostic(`gone after ${Date.now() - since} ms, ${history.uploads.filter(({ outcome }) => outcome === 'ok').length} batches acknowledged until then`);
    assert.deepEqual(children.filter(lives), []);
    serve = app.serve();
    await playing;
    await until(async () => {
        const [row] = await cluster.psql(`select (select max(pos) from dt.fact) = (select max(pos) from dt.cursor where consumer = 'correlate')
            and (select max(pos) from dt.journey) = (select max(pos) from dt.cursor where consumer = 'sms') as done`);
        return row.done;
    }, { limit: RECOVERY_MS, what: 'everything is folded and planned' });
    history.rebuild = await app.run(['rebuild', '--check', '--orders', '10'], { mayFail: true });
    assert.deepEqual(check(history, await snapshot(cluster)), []);
});
