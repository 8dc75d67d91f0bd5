// SPDX-License-Identifier: EUPL-1.2
// `make bench` in small: it runs, its sides store and deliver what they say, and the frame judges as it should. How good the numbers are is for a quiet machine.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judge, measure, table } from '../bench/frame.mjs';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';

const bench = (...args) => spawnSync(process.execPath, [join(root, 'tests/bench/bench.mjs'), ...args], { encoding: 'utf8' });

test('a round of lines that need nothing but the build', { timeout: 600_000 }, () => {
    const json = join(newFolder('bench'), 'bench.json');
    const lines = ['http-append', 'correlate-copy', 'delivery-curl', 'delivery-sql'];
    const { status, stdout, stderr } = bench('--rounds', '1', '--scale', '0.02', '--json', json, ...lines);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /of 4 goals met, 0 regressions/);
    const result = JSON.parse(readFileSync(json, 'utf8'));
    assert.deepEqual(result.lines.map(({ name }) => name), lines);
    for (const line of result.lines) {
        assert.equal(line.value, line.rounds[0]);
        assert.equal(line.met, line.goal.atLeast === undefined ? line.value <= line.goal.atMost : line.value >= line.goal.atLeast, line.name);
    }
    const { rates, value } = result.lines[0];
    assert.equal(value, rates.http / rates.append);
});

test('an unknown line is an error', () => {
    const { status, stderr } = bench('http-copy', 'nothing');
    assert.equal(status, 2);
    assert.match(stderr, /there is no nothing; there are: .*http-copy/);
});

// A bench whose sides return what they are told, in turns.
function fake(rates, goal) {
    const calls = [];
    const side = (name) => async () => {
        calls.push(name);
        return { rate: rates[name][calls.filter((call) => call === name).length - 1] };
    };
    const lines = [{ name: 'line', what: 'a ÷ b', goal, sides: ['a', 'b'], value: (m) => m.a.rate / m.b.rate, rates: { a: (m) => m.a.rate } }];
    return { calls, lines, name: 'fake', open: async () => ({ sides: { a: side('a'), b: side('b'), c: side('c') }, close: async () => calls.push('closed') }) };
}

test('sides take turns, and a line is the median of its rounds', async () => {
    const one = fake({ a: [1, 9, 4], b: [2, 3, 2] }, { atLeast: 1.9 });
    const [line] = await measure(one, one.lines, { rounds: 3 }, () => {});
    assert.deepEqual(one.calls, ['a', 'b', 'b', 'a', 'a', 'b', 'closed']);
    assert.deepEqual([line.value, line.min, line.max, line.met, line.rates.a], [2, 0.5, 3, true, 4]);
    const none = fake({ a: [1], b: [0] }, { atLeast: 1 });
    await assert.rejects(measure(none, none.lines, { rounds: 1 }, () => {}), /no numbers to compare/);
    assert.equal(none.calls.at(-1), 'closed');
});

test('the gate is 60 % of what was recorded, in the right direction', () => {
    const line = (value, goal) => ({ name: 'line', what: '', unit: '', value, min: value, max: value, rates: {}, goal, met: true });
    const regressed = (value, goal, was) => judge([line(value, goal)], { lines: { line: was } })[0].regressed;
    assert.deepEqual([0.61, 0.59].map((value) => regressed(value, { atLeast: 2 }, 1)), [false, true]);
    assert.deepEqual([1.66, 1.67].map((value) => regressed(value, { atMost: 0.5 }, 1)), [false, true]);
    const [fresh] = judge([line(0.1, { atLeast: 2 })], { lines: {} });
    assert.deepEqual([fresh.gate, fresh.regressed], [null, false]);
    assert.match(table(judge([line(0.5, { atLeast: 2 })], { lines: { line: 1 } })), /REGRESSION \(0\.600\)/);
});
