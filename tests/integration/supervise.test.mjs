// SPDX-License-Identifier: EUPL-1.2
// duongthu serve: children are started, restarted, signalled and never left behind.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { startCluster } from '../harness/cluster.mjs';
import { startApp } from '../harness/app.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
before(async () => {
    cluster = await startCluster();
});
after(() => cluster.destroy());

// → { app, serve, pid }: `duongthu serve` with `services`; pid(name) is the process that now runs it.
async function serving(t, { services = 'watch', config = {} } = {}) {
    const app = await startApp({ cluster, services: [], config: { supervise: { services }, ...config } });
    const serve = app.serve();
    t.after(() => serve.end('SIGKILL'));
    const pid = (name) => events(serve, 'child.started').findLast(({ child }) => child === name)?.child_pid;
    await until(() => services.split(' ').every(pid), { what: 'all children are started' });
    return { app, serve, pid };
}

const events = (process, name) => process.logs.filter(({ event, service }) => event === name && service === 'supervise');
// Zombies have no command line.
const alive = (pid) => existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';

test('a child that dies is started again', async (t) => {
    const { app, serve, pid } = await serving(t);
    await app.ready('watch');
    const first = pid('watch');
    process.kill(first, 'SIGKILL');
    await until(() => pid('watch') !== first, { what: 'a new child' });
    await app.ready('watch');
    const [exited] = events(serve, 'child.exited');
    assert.equal(exited.child, 'watch');
    assert.equal(exited.child_pid, first);
    assert.equal(exited.signal, 'KILL');
    assert.ok(exited.uptime_ms >= 0);
    const metrics = await app.metrics('supervise');
    assert.equal(metrics.get('duongthu_child_restarts_total{child="watch"}'), 1);
    assert.equal(metrics.get('duongthu_child_up{child="watch"}'), 1);
    assert.deepEqual(await serve.end('SIGTERM'), { code: 0, signal: null });
});

test('a child that cannot live is tried ever more seldom, and the supervisor is not ready', async (t) => {
    const { app, serve } = await serving(t, { config: { watch: { ops_listen: '192.0.2.1:1' } } }); // nobody's address here
    await until(() => events(serve, 'child.exited').length >= 4, { what: 'four deaths' });
    const starts = events(serve, 'child.started').map(({ t: at }) => Date.parse(at));
    // Back-off from 200 ms with jitter down to its half: 100, 200, 400 ms at least.
    assert.ok(starts[3] - starts[0] >= 700, `${starts.map((at) => at - starts[0])}`);
    assert.equal(events(serve, 'child.exited')[0].code, 1);
    const answer = await until(async () => {
        const response = await fetch(app.ops('supervise', '/readyz'));
        return response.status === 503 && response.json();
    }, { what: 'not ready' });
    assert.deepEqual(answer.reasons, [{ condition: 'children', reason: 'not running: watch' }]);
    assert.deepEqual(await serve.end('SIGTERM'), { code: 0, signal: null });
});

test('SIGTERM ends all children, and only then the supervisor', async (t) => {
    const { serve, pid, app } = await serving(t);
    await app.ready('watch');
    const child = pid('watch');
    assert.deepEqual(await serve.end('SIGTERM'), { code: 0, signal: null });
    assert.equal(alive(child), false);
    assert.equal(serve.logs.at(-1).event, 'service.stopped');
    assert.equal(events(serve, 'child.exited').at(-1).code, 0);
});

test('SIGINT at the terminal reaches the supervisor alone: its children are in groups of their own', async (t) => {
    const { serve, pid } = await serving(t);
    const group = (of) => readFileSync(`/proc/${of}/stat`, 'utf8').split(') ')[1].split(' ')[2];
    assert.equal(group(pid('watch')), String(pid('watch')));
    assert.deepEqual(await serve.end('SIGINT'), { code: 0, signal: null });
});

test('a child that does not stop is killed, and that is told', async (t) => {
    const { serve, pid, app } = await serving(t, { config: { service: { drain: '500ms' } } });
    await app.ready('watch');
    const child = pid('watch');
    process.kill(child, 'SIGSTOP');
    assert.deepEqual(await serve.end('SIGTERM', { limit: 15_000 }), { code: 1, signal: null }); // the default would be 25 s
    assert.equal(events(serve, 'child.killed')[0].child_pid, child);
    assert.equal(alive(child), false);
});

test('no orphan survives a kill -9 of the supervisor', async (t) => {
    const { serve, pid, app } = await serving(t);
    await app.ready('watch');
    const child = pid('watch');
    await serve.end('SIGKILL');
    await until(() => !alive(child), { what: 'the child is gone' });
});

test('SIGHUP reaches the children', async (t) => {
    const { app, serve } = await serving(t);
    await app.ready('watch');
    app.config.log.level = 'warn';
    app.config.watch.stalled_after = '7s'; // needs a restart
    app.configure();
    serve.kill('SIGHUP');
    const notice = await until(() => serve.logs.find(({ event, service }) => event === 'config.needs_restart' && service === 'watch'));
    assert.equal(notice.says, '[watch] stalled_after changed; it takes effect at a restart');
    // info is not written any more
    assert.deepEqual(await serve.end('SIGTERM'), { code: 0, signal: null });
    assert.equal(serve.logs.some(({ event }) => event === 'service.stopped'), false);
});

test('a file with an error is not taken over, and every error is told', async (t) => {
    const { app, serve } = await serving(t);
    await app.ready('watch');
    app.config.log.level = 'loud';
    app.configure();
    serve.kill('SIGHUP');
    const line = await until(() => events(serve, 'config.not_reloaded')[0], { what: 'the refusal' });
    assert.match(line.says, /duongthu\.ini:\d+: \[log\] level = loud: expected one of: debug, info, warn, error$/);
    assert.deepEqual(await serve.end('SIGTERM'), { code: 0, signal: null });
});

test('a wrong configuration ends it at once with 78', async () => {
    const app = await startApp({ cluster, services: [] });
    app.config.supervise = { services: 'watch nonsense' };
    app.configure();
    const serve = app.serve();
    assert.deepEqual(await serve.ended, { code: 78, signal: null });
    assert.match(serve.stderr, /\[supervise\] services = watch nonsense: expected each at most once, separated by blanks: ingest, /);
});

test('an address in use ends a service with the reason', async (t) => {
    const { app } = await serving(t);
    await app.ready('watch');
    const second = await startApp({ cluster, services: [], config: { watch: { ops_listen: app.config.watch.ops_listen } } });
    const child = second.start('watch');
    assert.deepEqual(await child.ended, { code: 1, signal: null });
    const line = child.logs.find(({ event }) => event === 'service.ops_failed');
    assert.equal(line.listen, app.config.watch.ops_listen);
    assert.equal(line.error, 'EADDRINUSE');
});
