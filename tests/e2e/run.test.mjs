// SPDX-License-Identifier: EUPL-1.2
// `make run` as a newcomer meets it, in a checkout of its own: the first journey comes soon, Ctrl-C and kill -9 leave nothing running,
// the next run goes on with the data, a taken port is no obstacle. (.ci/run plays a whole day.)
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';
import { until } from '../harness/wait.mjs';

const FIRST_JOURNEY_MS = 10_000; // of the start of the services: the promise of the README
const STOP_MS = 60_000; // the services' drain (25 s) and PostgreSQL's

const home = newFolder('checkout');
const cluster = (...args) => execFileSync(join(home, 'deploy/cluster.sh'), args, { encoding: 'utf8' }).trim();
const runs = [];

before(() => {
    for (const name of ['Makefile', 'build', 'deploy', 'migrations', 'proto', 'services', 'tests'])
        symlinkSync(join(root, name), join(home, name));
    mkdirSync(join(home, 'var'));
    symlinkSync(join(root, 'var/node'), join(home, 'var/node'));
});
after(async () => {
    runs.forEach((run) => run.child.kill('SIGKILL'));
    cluster('wipe', '--yes');
});

function start(command = join(home, 'deploy/run.sh'), args = []) {
    const run = { child: spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }), output: '' };
    for (const stream of [run.child.stdout, run.child.stderr]) {
        stream.setEncoding('utf8').on('data', (text) => {
            run.output += text;
            if (text.includes('starting the services'))
                run.started = Date.now();
            if (!run.journey && /journey #1:/.test(run.output))
                run.journey = Date.now();
        });
    }
    run.ended = new Promise((resolve) => run.child.on('exit', (code, signal) => resolve({ code, signal })));
    runs.push(run);
    return run;
}

async function journey(run) {
    let ended = false;
    run.ended.then(() => (ended = true));
    await until(() => run.journey || ended, { limit: 180_000, what: `the first journey\n${run.output}` });
    assert.ok(run.journey, run.output);
}

// Programs that work in, or were started from, this checkout.
function programs() {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).flatMap((pid) => {
        try {
            const folder = readlinkSync(`/proc/${pid}/cwd`);
            return folder.startsWith(home) && Number(pid) !== process.pid ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`] : [];
        } catch {
            return []; // gone meanwhile
        }
    });
}

function count() {
    cluster('start');
    try {
        return Number(cluster('psql', '-Atqc', 'SELECT count(*) FROM dt.journey'));
    } finally {
        cluster('stop');
    }
}

test('the first journey comes within 10 s, Ctrl-C ends all, and the next run goes on', async (t) => {
    const first = start();
    await journey(first);
    t.diagnostic(`first journey after ${first.journey - first.started} ms`);
    assert.ok(first.journey - first.started < FIRST_JOURNEY_MS);
    first.child.kill('SIGINT');
    assert.deepEqual(await first.ended, { code: 0, signal: null }, first.output);
    assert.deepEqual(programs(), []);
    const rows = count();
    assert.ok(rows > 0);

    const second = start();
    await journey(second);
    assert.match(second.output, /nothing to apply/);
    second.child.kill('SIGTERM');
    assert.deepEqual(await second.ended, { code: 0, signal: null }, second.output);
    assert.deepEqual(programs(), []);
    assert.ok(count() > rows);
});

test('a second run beside it is refused; after kill -9 of the script its services end by themselves, and a run works again', async () => {
    const killed = start();
    await journey(killed);
    const refused = start();
    assert.deepEqual(await refused.ended, { code: 1, signal: null });
    assert.match(refused.output, /running already/);

    killed.child.kill('SIGKILL');
    await until(() => !programs().some((program) => program.includes('build/duongthu')), { limit: STOP_MS, what: 'the services end' });
    const next = start();
    await journey(next);
    next.child.kill('SIGINT');
    assert.deepEqual(await next.ended, { code: 0, signal: null }, next.output);
    assert.deepEqual(programs(), []);
});

test('the window that it runs in is closed: all ends, PostgreSQL too', async () => {
    const window = start('script', ['-qfec', join(home, 'deploy/run.sh'), '/dev/null']);
    await journey(window);
    window.child.kill('SIGKILL'); // the terminal is gone; the script gets SIGHUP, and has nowhere to write
    await until(() => programs().length === 0, { limit: STOP_MS, what: 'all programs end' });
});

test('a taken port: another is chosen, and said', async () => {
    const squatter = createServer();
    await new Promise((resolve) => squatter.once('error', resolve).listen(8081, '127.0.0.1', resolve)); // taken by anyone is as good
    try {
        const run = start();
        await journey(run);
        const [, port] = run.output.match(/port 8081 is taken: portal takes (\d+)/);
        assert.equal((await fetch(`http://127.0.0.1:${port}/tra-cuu`)).status, 200);
        run.child.kill('SIGINT');
        assert.deepEqual(await run.ended, { code: 0, signal: null }, run.output);
    } finally {
        squatter.close();
    }
});
