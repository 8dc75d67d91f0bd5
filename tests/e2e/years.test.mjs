// SPDX-License-Identifier: EUPL-1.2
// `make ten-years` in small: a thousandth of ten years is what the product would have made of it, both systems do their work, and the numbers are there. How good
// they are is for a quiet machine.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';
import { roomFor } from '../years/fill.mjs';

const program = join(root, 'tests/years/years.mjs');

test('a thousandth of ten years', { timeout: 600_000 }, () => {
    const json = join(newFolder('years'), 'years.json');
    const output = execFileSync(process.execPath, [program, '--scale', '0.001', '--rounds', '1', '--scans', '6400', '--look-ups', '300', '--check', '--json', json],
        { encoding: 'utf8' });
    assert.match(output, /^log order: \d+ facts, \d+ journey rows: equal but for recorded_at$/m);
    const { rows, lines } = JSON.parse(readFileSync(json, 'utf8'));
    assert.equal(rows.dossier_code, rows.dossier);
    assert.ok(rows.dossier > 9_900 && rows.fact > 10 * rows.dossier && rows.item > rows.dossier && rows.link > rows.item, JSON.stringify(rows));
    for (const table of ['receipt', 'container', 'content', 'journey', 'contact', 'sms', 'attempt', 'link_token'])
        assert.ok(rows[table] > 0, table);
    assert.deepEqual(lines.filter(({ goal }) => goal.atLeast ?? goal.atMost).map(({ name }) => name), ['ingest', 'delivery', 'citizen_p99', 'office_p99']);
    for (const { name, empty, full, value } of lines)
        assert.ok(empty > 0 && full > 0 && value > 0, name);
});

test('what the disk has no room for is not begun', () => {
    assert.throws(() => roomFor(1e12, tmpdir()), /dossiers take about .* GB on .*, .* GB are free: a smaller SCALE/);
    assert.ok(roomFor(10_000, tmpdir()) < 3e9);
});
