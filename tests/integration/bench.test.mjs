// SPDX-License-Identifier: EUPL-1.2
// `make bench` in small: it runs, its sides store what they say, and the numbers are there. How good they are is for a quiet machine.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';

test('a round of every measurement', { timeout: 240_000 }, () => {
    const json = join(newFolder('bench'), 'bench.json');
    const output = execFileSync(process.execPath, [join(root, 'tests/bench/bench.mjs'), '--rounds', '1', '--rows', '20000', '--json', json],
        { encoding: 'utf8' });
    assert.match(output, /goal 0\.20: (reached|missed)/);
    const result = JSON.parse(readFileSync(json, 'utf8'));
    for (const key of ['copy_1_client', 'copy_2_clients', 'append_function', 'acked_over_http', 'ratio', 'http_p99_ms', 'postgres_cpu_us_per_scan'])
        assert.ok(result[key] > 0, key);
    assert.equal(result.each[0].http.accepted, result.each[0].http.scans);
    assert.equal(result.ratio, result.each[0].http.rate / Math.max(result.each[0].copy1, result.each[0].copy2));
});
