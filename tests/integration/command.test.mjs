// SPDX-License-Identifier: EUPL-1.2
// The command line itself: help lists, an unknown command is a usage error.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { binary } from '../harness/build.mjs';

test('help lists the subcommands on stdout', () => {
    assert.match(execFileSync(binary, ['help'], { encoding: 'utf8' }), /^ {2}version +\S/m);
});

test('every line of help stands in the same two columns', () => {
    const lines = execFileSync(binary, ['help'], { encoding: 'utf8' }).split('\n').filter((line) => line.startsWith('  '));
    const columns = new Set(lines.map((line) => line.search(/(?<= {2})\S(?!.* {2})/)));
    assert.equal(columns.size, 1, lines.join('\n'));
    assert.equal(execFileSync(binary, ['-h'], { encoding: 'utf8' }), execFileSync(binary, ['help'], { encoding: 'utf8' }));
    assert.match(execFileSync(binary, ['--version'], { encoding: 'utf8' }), /^duongthu \S+\n$/);
});

test('the usage of a service is that of the command that was typed, and names what is too much', () => {
    for (const [args, pattern] of [
        [['serve', '--nope'], /usage: duongthu serve /], [['sms', 'previw'], /sms: 'previw' is not expected here[\s\S]*usage: duongthu sms /],
        [['version', 'x'], /version takes nothing more/],
    ]) {
        const { status, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
        assert.equal(status, 2);
        assert.match(stderr, pattern);
    }
});

test('no command and an unknown command are usage errors, told on stderr', () => {
    for (const args of [[], ['nonsense']]) {
        const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
        assert.equal(status, 2);
        assert.equal(stdout, '');
        assert.match(stderr, /help|usage/);
    }
});
