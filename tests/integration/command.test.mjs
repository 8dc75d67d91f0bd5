// SPDX-License-Identifier: EUPL-1.2
// The command line itself: help lists, an unknown command is a usage error.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { binary } from '../harness/build.mjs';

test('help lists the subcommands on stdout', () => {
    assert.match(execFileSync(binary, ['help'], { encoding: 'utf8' }), /^ {2}version +\S/m);
});

test('no command and an unknown command are usage errors, told on stderr', () => {
    for (const args of [[], ['nonsense']]) {
        const { status, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' });
        assert.equal(status, 2);
        assert.equal(stdout, '');
        assert.match(stderr, /help|usage/);
    }
});
