// SPDX-License-Identifier: EUPL-1.2
// `duongthu migrate`: order, checksums, one at a time, each in one transaction.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync, appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, root } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { newFolder } from '../harness/folder.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
before(async () => (cluster = await startCluster({ migrate: false })));
after(() => cluster.destroy());

let databases = 0;
// → an empty database of its own and a way to migrate it: { code, out, err } of the program
async function database() {
    const name = `m${++databases}`;
    await cluster.psql(`CREATE DATABASE ${name}`);
    const url = cluster.conninfo({ database: name });
    const start = (...args) => {
        const child = spawn(binary, ['migrate', '--url', url, ...args], { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
        child.out = child.err = '';
        child.stdout.setEncoding('utf8').on('data', (text) => (child.out += text));
        child.stderr.setEncoding('utf8').on('data', (text) => (child.err += text));
        child.done = new Promise((resolve) => child.on('close', (code) => resolve({ code, out: child.out, err: child.err })));
        return child;
    };
    return {
        start,
        migrate: (...args) => start(...args).done,
        sql: (text, params) => cluster.psql(text, params, { database: name }),
        session: () => cluster.connect({ database: name }),
    };
}

// A folder with migrations of our own: { name: sql }
function folder(files) {
    const path = newFolder('sql');
    for (const [name, sql] of Object.entries(files))
        writeFileSync(join(path, name), sql);
    return path;
}

const THREE = { '0001_one.sql': 'CREATE TABLE dt.one (x int)', '0002_two.sql': '-- nothing\n', '0003_three.sql': 'CREATE TABLE dt.three (x int)' };

test('a bare binary brings an empty database up to date, once', async () => {
    const { migrate, sql } = await database();
    const files = readdirSync(join(root, 'migrations')).filter((name) => name.endsWith('.sql')).sort();
    const dry = await migrate('--dry-run');
    assert.deepEqual(dry, { code: 0, out: files.map((name) => `would apply ${name}\n`).join(''), err: '' });
    assert.deepEqual(await sql(`SELECT to_regnamespace('dt') AS dt`), [{ dt: null }], 'a dry run leaves nothing');
    const first = await migrate();
    assert.equal(first.code, 0, first.err);
    assert.deepEqual(first.out.replaceAll(/ \(\d+ ms\)/g, ''), files.map((name) => `applied ${name}\n`).join(''));
    assert.deepEqual(await migrate(), { code: 0, out: `nothing to apply: all ${files.length} migrations are in the database\n`, err: '' });
    assert.deepEqual((await migrate('--dir', join(root, 'migrations'))).code, 0, 'the files are what was compiled in');
    const rows = await sql('SELECT number, file, length(sha256) AS digest FROM dt.migration ORDER BY number');
    assert.deepEqual(rows, files.map((file, i) => ({ number: i + 1, file, digest: 32 })));
});

test('new migrations are applied behind the old ones, each in its own transaction', async () => {
    const { migrate, sql } = await database();
    const path = folder(THREE);
    assert.equal((await migrate('--dir', path)).code, 0);
    writeFileSync(join(path, '0004_four.sql'), 'CREATE TABLE dt.four (x int)');
    writeFileSync(join(path, '0005_five.sql'), 'CREATE TABLE dt.five (x int);\n-- đường thư\nSELECT * FROM dt.nowhere;');
    const result = await migrate('--dir', path);
    assert.equal(result.code, 1);
    assert.match(result.out, /^applied 0004_four.sql/);
    assert.equal(result.err, 'migrate: 0005_five.sql: line 3: relation "dt.nowhere" does not exist (42P01)\n');
    assert.deepEqual(await sql(`SELECT to_regclass('dt.four')::text AS four, to_regclass('dt.five')::text AS five, max(number) AS last FROM dt.migration`),
        [{ four: 'dt.four', five: null, last: 4 }]);
    writeFileSync(join(path, '0005_five.sql'), 'CREATE TABLE dt.five (x int)');
    assert.equal((await migrate('--dir', path)).code, 0, 'what was never applied may be repaired');
});

for (const [what, harm, said] of [
    ['changed', (path) => appendFileSync(join(path, '0002_two.sql'), '--\n'),
        /^migrate: 0002_two.sql has changed since it was applied: bring the old text back/],
    ['removed at the end', (path) => rmSync(join(path, '0003_three.sql')),
        /^migrate: the database has 0003_three.sql, which this program does not know: a newer program/],
    ['removed in the middle', (path) => rmSync(join(path, '0002_two.sql')), /^migrate: 0003_three.sql: number 0002 is missing before it/],
    ['renamed', (path) => renameSync(join(path, '0002_two.sql'), join(path, '0002_zwei.sql')),
        /^migrate: number 0002 was applied as 0002_two.sql, but is 0002_zwei.sql here: bring the old file back/],
]) {
    test(`an applied migration that is ${what} is refused, and nothing else is applied`, async () => {
        const { migrate, sql } = await database();
        const path = folder(THREE);
        assert.equal((await migrate('--dir', path)).code, 0);
        if (!what.includes('removed at the end'))
            writeFileSync(join(path, '0004_four.sql'), 'CREATE TABLE dt.four (x int)');
        harm(path);
        const result = await migrate('--dir', path);
        assert.deepEqual([result.code, result.out], [1, '']);
        assert.match(result.err, said);
        assert.deepEqual(await sql(`SELECT to_regclass('dt.four') AS four`), [{ four: null }]);
    });
}

test('a number that was skipped in the database is not squeezed in', async () => {
    const { migrate, sql } = await database();
    const path = folder(THREE);
    assert.equal((await migrate('--dir', path)).code, 0);
    await sql('DELETE FROM dt.migration WHERE number = 2');
    const result = await migrate('--dir', path);
    assert.equal(result.code, 1);
    assert.match(result.err, /^migrate: 0002_two.sql was never applied, but 0003_three.sql was: .* next free number/);
});

for (const [what, files, said] of [
    ['a gap', { '0001_one.sql': '', '0003_three.sql': '' }, /0003_three.sql: number 0002 is missing before it/],
    ['a double', { '0001_a.sql': '--', '0001_b.sql': '--' }, /0001_b.sql: number 0001 is used twice/],
    ['a wrong name', { '1_one.sql': '--' }, /1_one.sql: the name must be NNNN_name.sql/],
    ['a name with capitals', { '0001_One.sql': '--' }, /0001_One.sql: the name must be/],
    ['not beginning at 1', { '0002_two.sql': '--' }, /number 0001 is missing/],
    ['a NUL byte', { '0001_one.sql': 'SELECT 1;\0' }, /0001_one.sql: cannot be read, is empty, or is not text/],
    ['a folder that is not there', null, /No such file or directory/],
]) {
    test(`files out of order are told before anything is done: ${what}`, async () => {
        const { migrate, sql } = await database();
        const filled = files && Object.fromEntries(Object.entries(files).map(([name, sql]) => [name, sql || '--']));
        const result = await migrate('--dir', files ? folder(filled) : '/nowhere');
        assert.deepEqual([result.code, result.out], [1, '']);
        assert.match(result.err, said);
        assert.deepEqual(await sql(`SELECT to_regnamespace('dt') AS dt`), [{ dt: null }]);
    });
}

test('a migration that ends its own transaction is refused', async () => {
    const { migrate, sql } = await database();
    const result = await migrate('--dir', folder({ '0001_one.sql': 'CREATE TABLE dt.one (x int); COMMIT; BEGIN' }));
    assert.equal(result.code, 1);
    assert.match(result.err, /0001_one.sql: it ends its own transaction/);
    assert.deepEqual(await sql('SELECT count(*) AS n FROM dt.migration'), [{ n: 0 }]);
});

test('one at a time: the second waits, says for whom, and gives up or finds the work done', async () => {
    const { start, migrate, session } = await database();
    const path = folder(THREE);
    const holder = await session();
    const [{ key }] = await holder.query(`SELECT ('x' || encode('duongthu', 'hex'))::bit(64)::int8::text AS key`);
    await holder.query(`SELECT pg_advisory_lock(${key})`);
    const gaveUp = await migrate('--dir', path, '--wait', '1');
    assert.deepEqual([gaveUp.code, gaveUp.out], [1, '']);
    assert.match(gaveUp.err, new RegExp(`waiting for it: process ${holder.pid} \\(test\\), since .*\\n.*still running: process ${holder.pid}.*\\n.*gave up after 1 s`));
    const both = [start('--dir', path), start('--dir', path)];
    await until(() => both.every((child) => child.err.includes('waiting for it')));
    await holder.close();
    const results = await Promise.all(both.map((child) => child.done));
    assert.deepEqual(results.map(({ code }) => code), [0, 0]);
    const [winner, loser] = results.map(({ out }) => out).sort((a, b) => b.length - a.length);
    assert.equal(winner.match(/^applied /gm).length, 3);
    assert.match(loser, /^nothing to apply: all 3 migrations/);
});

test('no database: says so, with the exit code of a missing service', async () => {
    const child = spawn(binary, ['migrate', '--url', 'host=/nowhere dbname=x password=geheim'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    child.stderr.on('data', (text) => (err += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 69);
    assert.match(err, /^migrate: connection to server .* failed/);
    assert.ok(!err.includes('geheim'));
});

test('usage', async () => {
    const { migrate } = await database();
    for (const args of [['--wait', '0'], ['--wait', '1x'], ['extra'], ['--nothing'], ['--config', 'x']])
        assert.equal((await migrate(...args)).code, 2, args.join(' '));
    const help = await migrate('--help');
    assert.equal(help.code, 0);
    assert.match(help.out, /--dry-run/);
});

// A copy, so that this file may spoil it.
test('the migrations of this checkout are forward only: what the binary holds is what is in the folder', async () => {
    const copy = join(newFolder('copy'), 'migrations');
    mkdirSync(copy);
    cpSync(join(root, 'migrations'), copy, { recursive: true });
    const { migrate } = await database();
    assert.equal((await migrate()).code, 0);
    const last = readdirSync(copy).filter((name) => name.endsWith('.sql')).sort().at(-1);
    appendFileSync(join(copy, last), '\n');
    const result = await migrate('--dir', copy);
    assert.equal(result.code, 1);
    assert.ok(result.err.includes(`${last} has changed`));
});
