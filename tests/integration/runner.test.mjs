// SPDX-License-Identifier: EUPL-1.2
// tests/run.mjs counts honestly: in a small tree where everything that can go wrong does, each wrong thing is one failure.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';
import { parseTap } from '../harness/tap.mjs';

// unit: { name: shell script that stands for the program }, integration: { name: source }
function run({ unit = {}, integration = {}, makefile = 'all units:\n\t@true\n' }) {
    const tree = newFolder('tree');
    for (const folder of ['tests/unit', 'tests/integration', 'build/unit'])
        mkdirSync(join(tree, folder), { recursive: true });
    for (const script of ['tests/run.mjs', 'tests/alloc/alloc.mjs', 'tests/fuzz/fuzz.mjs'])
        cpSync(join(root, script), join(tree, script));
    cpSync(join(root, 'tests/harness'), join(tree, 'tests/harness'), { recursive: true });
    writeFileSync(join(tree, 'Makefile'), makefile);
    for (const [name, script] of Object.entries(unit)) {
        writeFileSync(join(tree, 'tests/unit', `test_${name}.c`), '');
        writeFileSync(join(tree, 'build/unit', `test_${name}`), `#!/bin/sh\n${script}\n`);
        chmodSync(join(tree, 'build/unit', `test_${name}`), 0o755);
    }
    for (const [name, source] of Object.entries(integration))
        writeFileSync(join(tree, 'tests/integration', `${name}.test.mjs`), `import test from 'node:test';\n${source}\n`);
    const { NODE_TEST_CONTEXT, ...env } = process.env; // else Node takes the inner run for a part of this one
    const { status, stdout, stderr } = spawnSync(process.execPath, ['tests/run.mjs', '--flavour', 'gcc'], { cwd: tree, env, encoding: 'utf8' });
    return { status, sum: stdout.trimEnd().split('\n').at(-1), output: stdout + stderr };
}

const cases = [
    ['all is well', { unit: { a: 'echo 1..2; echo "ok 1 - x"; echo "ok 2 - y"' }, integration: { b: 'test("z", () => {});' } }, 0, '4 passed, 0 failed'],
    ['a build that breaks', { makefile: 'all units:\n\t@false\n', unit: { a: 'echo 1..1; echo "ok 1 - x"' } }, 1, '0 passed, 1 failed'],
    ['a unit test that fails', { unit: { a: 'echo 1..2; echo "ok 1 - x"; echo "not ok 2 - y"; exit 1' } }, 1, '2 passed, 1 failed'],
    ['a unit test that is skipped', { unit: { a: 'echo 1..1; echo "not ok 1 # SKIP x"' } }, 1, '1 passed, 1 failed'],
    ['a program that ends before its last test', { unit: { a: 'echo 1..2; echo "ok 1 - x"' } }, 1, '2 passed, 1 failed'],
    ['a program that crashes after its last test', { unit: { a: 'echo 1..1; echo "ok 1 - x"; kill -SEGV $$' } }, 1, '2 passed, 1 failed'],
    ['a program without tests', { unit: { a: 'true' } }, 1, '1 passed, 1 failed'],
    ['an integration test that fails', { integration: { a: 'test("x", () => { throw new Error("no"); }); test("y", () => {});' } }, 1, '2 passed, 1 failed'],
    ['a failing test of a suite', { integration: { a: 'test.describe("s", () => { test("x", () => { throw new Error("no"); }); });' } }, 1, '1 passed, 1 failed'],
    ['an integration test that is skipped', { integration: { a: 'test.skip("x", () => {});' } }, 1, '1 passed, 1 failed'],
    ['a file without tests', { integration: { a: '' } }, 1, '1 passed, 1 failed'],
    ['a file that does not load', { integration: { a: 'syntax error' } }, 1, '1 passed, 1 failed'],
    ['a process that outlives its test', { integration: { a: `import { spawn } from 'node:child_process';
        test("x", () => spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).unref());` } }, 1, '2 passed, 1 failed'],
];

for (const [name, tree, status, sum] of cases) {
    test(name, () => {
        const result = run(tree);
        assert.equal(result.sum, sum, result.output);
        assert.equal(result.status, status);
    });
}

test('TAP of two groups is one program', () => {
    const { tests, complete } = parseTap('1..1\nok 1 - a\n# ok - first\n1..1\nnot ok 1 - b\n# 1 != 2\n');
    assert.deepEqual(tests.map(({ name, state }) => [name, state]), [['a', 'passed'], ['b', 'failed']]);
    assert.equal(complete, true);
});
