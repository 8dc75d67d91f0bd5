// SPDX-License-Identifier: EUPL-1.2
// deploy/cluster.sh in a checkout of its own: starting twice, dying badly, odd places.
import { after, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';
import { until } from '../harness/wait.mjs';

const checkouts = [];
after(() => checkouts.forEach((checkout) => checkout.script('wipe', '--yes')));

function checkout(...folders) {
    const folder = join(newFolder('checkout'), ...folders);
    mkdirSync(folder, { recursive: true });
    cpSync(join(root, 'deploy'), join(folder, 'deploy'), { recursive: true });
    const made = {
        folder,
        script: (...args) => spawnSync(join(folder, 'deploy/cluster.sh'), args, { encoding: 'utf8' }),
        // Output of a verb that must succeed.
        run(...args) {
            const { status, stdout, stderr } = this.script(...args);
            assert.equal(status, 0, stderr);
            return stdout.trim();
        },
        sql(statement) {
            return this.run('psql', '-Atqc', statement);
        },
        data: () => made.run('status').match(/data (\S+?),/)[1],
        pid: () => Number(readFileSync(join(made.data(), 'postmaster.pid'), 'utf8').split('\n')[0]),
    };
    checkouts.push(made);
    return made;
}

test('start, start again, stop, start: the data stay; only its owner reaches it', () => {
    const here = checkout();
    here.run('start');
    const pid = here.pid();
    here.run('start');
    assert.equal(here.pid(), pid);
    here.sql('CREATE TABLE kept AS SELECT 1 AS x');
    here.run('stop');
    here.run('stop');
    assert.equal(here.script('status').status, 3);
    here.run('start');
    assert.equal(here.sql('SELECT x FROM kept'), '1');
    assert.equal(here.sql('SHOW listen_addresses'), '');
    assert.equal(here.sql('SHOW data_checksums'), 'on');
    const socket = here.run('url', 'dt_sms').match(/^host=(\S+) port=5432 dbname=duongthu user=dt_sms$/)[1];
    assert.equal(statSync(socket).mode & 0o777, 0o700);
});

test('after kill -9 the next start recovers what was committed', async () => {
    const here = checkout();
    here.run('start');
    here.sql('CREATE TABLE kept AS SELECT 1 AS x');
    const pid = here.pid();
    process.kill(pid, 'SIGKILL');
    await until(() => here.script('status').status === 3, { what: 'the server is dead' });
    here.run('start');
    assert.notEqual(here.pid(), pid);
    assert.equal(here.sql('SELECT x FROM kept'), '1');
});

test('a pid file that names somebody else by now does not stop the start', () => {
    const here = checkout();
    here.run('start');
    const file = join(here.data(), 'postmaster.pid');
    const text = readFileSync(file, 'utf8');
    here.run('stop');
    writeFileSync(file, text.replace(/^\d+/, String(process.pid)));
    here.run('start');
    assert.notEqual(here.pid(), process.pid);
});

test('a path too long for a socket moves the socket, not the data', () => {
    const here = checkout('a'.repeat(60), 'b'.repeat(60));
    here.run('start');
    assert.match(here.run('url'), /^host=\/tmp\/duongthu-\w+ /);
    assert.equal(here.data(), join(here.folder, 'var/pg'));
    assert.equal(here.sql('SELECT 1'), '1');
});

test('wipe asks for --yes', () => {
    const here = checkout();
    here.run('start');
    assert.equal(here.script('wipe').status, 1);
    assert.equal(here.sql('SELECT 1'), '1');
    here.run('wipe', '--yes');
    assert.equal(here.script('status').status, 3);
});

test('started as root in a place that postgres cannot reach, the data go where it can', () => {
    if (process.getuid() !== 0)
        return; // a user's cluster is the user's: nothing to move
    const here = checkout('closed', 'x');
    spawnSync('chmod', ['0700', join(here.folder, '..')]);
    here.run('start');
    assert.match(here.data(), /^\/var\/lib\/duongthu\/\w+\/pg$/);
    assert.equal(readlinkSync(join(here.folder, 'var/pg')), here.data());
    assert.equal(here.sql('SELECT 1'), '1');
});
