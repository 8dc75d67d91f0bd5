// SPDX-License-Identifier: EUPL-1.2
// `code check` and `sms preview` as a person or a script meets them: lines, keys, exit codes.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { binary } from '../harness/build.mjs';

const run = (...args) => spawnSync(binary, args, { encoding: 'utf8' });
const check = (...texts) => {
    const { status, stdout, stderr } = run('code', 'check', ...texts);
    assert.equal(stderr, '');
    assert.ok(stdout.endsWith('\n'));
    return { status, lines: stdout.split('\n').slice(0, -1) };
};

test('one JSON line an argument, four keys in this order, 0 when all are codes', () => {
    const { status, lines } = check('h56.14 -240823-0001', 'EC521602781VN', '000.00.16.H34', '2.002492', '01689123456',
        'H56.14-240823-0001__0.48213');
    assert.equal(status, 0);
    assert.deepEqual(lines, [
        '{"input":"h56.14 -240823-0001","kind":"dossier","code":"H56.14-240823-0001","reason":""}',
        '{"input":"EC521602781VN","kind":"item","code":"EC521602781VN","reason":""}',
        '{"input":"000.00.16.H34","kind":"unit","code":"000.00.16.H34","reason":""}',
        '{"input":"2.002492","kind":"tthc","code":"2.002492","reason":""}',
        '{"input":"01689123456","kind":"phone","code":"+84389123456","reason":""}',
        '{"input":"H56.14-240823-0001__0.48213","kind":"order","code":"H56.14-240823-0001","reason":""}',
    ]);
});

test('1 when any is none, each with its reason', () => {
    const { status, lines } = check('EC521602782VN', 'EC521602781VN', 'H56.14-240231-0001', '02603862345', 'hello', '');
    assert.equal(status, 1);
    const parsed = lines.map((line) => JSON.parse(line));
    assert.deepEqual(parsed.map((line) => line.kind), ['none', 'item', 'none', 'none', 'none', 'none']);
    const reasons = [/check digit is 2, expected 1/, /^$/, /no day 31\/02\/2024/, /landline/, /no dossier, item/, /empty/];
    parsed.forEach((line, i) => {
        assert.match(line.reason, reasons[i]);
        assert.equal(line.code === '', line.kind === 'none');
    });
});

test('input of any bytes comes back as valid JSON', () => {
    // Arguments that are not UTF-8 have to go through a shell: Node passes strings.
    const script = `exec "$0" code check "$(printf 'EC\\377')" "$(printf 'a\\001\\t"\\\\')" "$(printf 'H\\341\\273\\223')"`;
    const { status, stdout } = spawnSync('sh', ['-c', script, binary]);
    assert.equal(status, 1);
    const lines = new TextDecoder('utf-8', { fatal: true }).decode(stdout).trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((line) => line.input), ['EC\ufffd', 'a\u0001\t"\\', 'Hồ']);
    assert.match(lines[0].reason, /not valid UTF-8 at byte 3/);
});

test('usage errors are 2 and print nothing to stdout', () => {
    for (const args of [['code'], ['code', 'check'], ['code', 'nonsense', 'x'], ['sms', 'preview'], ['sms', 'preview', 'a', 'b']]) {
        const { status, stdout, stderr } = run(...args);
        assert.equal(status, 2, args.join(' '));
        assert.equal(stdout, '');
        assert.match(stderr, /usage: duongthu/);
    }
    assert.equal(run('code', '--help').status, 0);
    assert.equal(run('sms', 'preview', '--help').status, 0);
});

test('a result that cannot be written is a failure', () => {
    const { status, stderr } = spawnSync('sh', ['-c', 'exec "$0" code check EC521602781VN >/dev/full', binary], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /can't print/);
});

test('sms preview shows encoding, length and segments of the text and of its unaccented form', () => {
    const { status, stdout } = run('sms', 'preview', `Hồ sơ ${'a'.repeat(70)} [1]`);
    assert.equal(status, 0);
    const [text, unaccented] = stdout.split('unaccented:');
    assert.match(text, /encoding: UCS-2\n {2}code units: 80 .*\n {2}segments: 2\n/);
    assert.match(unaccented, /^ Ho so a+ \[1\]\n {2}encoding: GSM-7\n {2}septets: 82 .*\n {2}segments: 1\n$/);
    const { status: bad, stderr } = spawnSync('sh', ['-c', `exec "$0" sms preview "$(printf 'a\\377')"`, binary], { encoding: 'utf8' });
    assert.equal(bad, 1);
    assert.match(stderr, /not valid UTF-8/);
});
