// SPDX-License-Identifier: EUPL-1.2
// duongthu config check|print as an operator meets it; the tables of bad input are in tests/unit/test_conf.c.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';

const folder = newFolder('config');
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DUONGTHU_')));

function config(args, { text, env = {} } = {}) {
    const ini = join(newFolder('config'), 'duongthu.ini');
    if (text !== undefined)
        writeFileSync(ini, text);
    const { status, stdout, stderr } = spawnSync(binary, ['config', ...args.map((arg) => (arg === 'INI' ? ini : arg))],
        { cwd: folder, encoding: 'utf8', env: { ...clean, ...env } });
    return { status, stdout, stderr, ini };
}

test('what is right is said to be right', () => {
    const { status, stdout, stderr } = config(['check', '--config', 'INI'], { text: '[ingest]\nbatch = 100\n' });
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: 'the configuration is valid\n', stderr: '' });
});

test('every error is told with file, line, key and what is allowed', () => {
    const { status, stdout, stderr, ini } = config(['check', '--config', 'INI'], { text: '[ingest]\nbatch = many\nlistn = x\n' });
    assert.equal(status, 78);
    assert.equal(stdout, '');
    const [first, second, ...rest] = stderr.trimEnd().split('\n');
    assert.equal(first, `${ini}:2: [ingest] batch = many: expected a whole number from 1 to 2000`);
    assert.match(second, /:3: unknown key 'listn' in \[ingest\]; did you mean 'listen'\? There are: listen /);
    assert.deepEqual(rest, []);
});

test('what shares no more than a letter with a name is not taken for a slip of the pen', () => {
    const { stderr } = config(['check', '--config', 'INI'], { text: '[nope]\n' });
    assert.match(stderr, /:1: unknown section \[nope\]\. There are: /);
});

test('a file that is not there is an error, one that nobody named is not', () => {
    assert.equal(config(['check', '--config', '/nonexistent/duongthu.ini']).status, 78);
    assert.equal(config(['check'], { env: { DUONGTHU_CONFIG: '/nonexistent/duongthu.ini' } }).status, 78);
    assert.equal(config(['check']).status, 0);
});

test('the environment wins, and a variable that is no setting is an error', () => {
    const { stdout } = config(['print', '--config', 'INI'], { text: '[ingest]\nbatch = 100\n', env: { DUONGTHU_INGEST_BATCH: '200' } });
    assert.match(stdout, /# from the environment\nbatch = 200\n/);
    const { status, stderr } = config(['check'], { env: { DUONGTHU_INGEST_BATHC: '200' } });
    assert.equal(status, 78);
    assert.match(stderr, /^environment: unknown variable DUONGTHU_INGEST_BATHC; did you mean DUONGTHU_INGEST_BATCH\?/);
});

test('print can be read back, and hides what is secret', () => {
    const { stdout } = config(['print', '--config', 'INI'], { text: '[database]\nurl = host=/x password=open-sesame\n[log]\nlevel = warn\n' });
    assert.doesNotMatch(stdout, /open-sesame/);
    const again = config(['print', '--config', 'INI'], { text: stdout });
    assert.equal(again.status, 0);
    assert.match(again.stdout, /\nlevel = warn\n/);
});

test('usage errors end with 2', () => {
    for (const args of [[], ['chek'], ['check', 'print'], ['check', '--confg', 'x']])
        assert.equal(config(args).status, 2, args.join(' '));
    assert.equal(config(['--help']).status, 0);
});
