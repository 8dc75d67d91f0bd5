// SPDX-License-Identifier: EUPL-1.2
// Seeds of the simulation that every change must survive, and faults that it must find.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = resolve(HERE, '../..');
const BUILD = process.env.TEST_BUILD ?? join(ROOT, 'build');
const SANITIZED = (process.env.TEST_FLAVOUR ?? 'gcc') === 'asan';
const BROKEN_SEEDS = 600;

function run(program, args) {
    const { status, signal, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', timeout: 800_000 }); // against what hangs
    return { code: status ?? signal, text: `${stdout}${stderr}` };
}

// All from 1 on; half a minute of one core.
const COUNTS = SANITIZED ? { webhook: 40, sms: 40, fold: 20 } : { webhook: 1500, sms: 1000, fold: 650 };
for (const [core, seeds] of Object.entries(COUNTS)) {
    test(`${core}: ${seeds} seeds hold`, (t) => {
        const { code, text } = run(join(BUILD, 'sim'), ['--seeds', String(seeds), '--core', core]);
        assert.equal(code, 0, text);
        assert.match(text, new RegExp(`^${core} +${seeds} seeds from 1: all hold`, 'm'));
        t.diagnostic(text);
    });
}

// What each of them breaks, and the core that finds it.
const BROKEN = {
    'breaker-stuck-shut': 'webhook', 'given-up-early': 'webhook', 'lease-for-ever': 'webhook', 'pause-ignored': 'webhook',
    'unfenced-record': 'webhook',
    'lost-is-later': 'sms', 'recover-nothing': 'sms', 'unfenced-settle': 'sms', 'told-twice': 'fold',
    // of tests/faults/broken
    'done-when-read': 'webhook', 'drop-on-500': 'webhook', 'gap-untold': 'webhook', 'unordered-delivery': 'webhook', 'fold-by-arrival': 'fold',
};

if (!SANITIZED) {
    test('every fault on the list has its test', () => {
        const own = readdirSync(join(HERE, 'broken')).map((file) => basename(file, '.patch'));
        assert.deepEqual(own.filter((name) => !BROKEN[name]), []);
    });

    for (const [name, core] of Object.entries(BROKEN)) {
        test(`${name} is found, and the seed that is named finds it again`, () => {
            const program = join(BUILD, 'broken-sim', name, 'sim');
            const made = run('make', ['--no-print-directory', '-s', relative(ROOT, program)]);
            assert.equal(made.code, 0, made.text);
            const found = run(program, ['--seeds', String(BROKEN_SEEDS), '--core', core]);
            assert.equal(found.code, 1, found.text);
            const [, seed] = found.text.match(/^again: make sim SEED=(\d+) CORE=/m) ?? assert.fail(found.text);
            const verdict = (text) => text.match(/^FAILED core .*$/m)[0];
            assert.equal(verdict(run(program, ['--seed', seed, '--core', core]).text), verdict(found.text));
            assert.doesNotMatch(found.text, /went another way/);
        });
    }
}
