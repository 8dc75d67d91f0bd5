// SPDX-License-Identifier: EUPL-1.2
// A history on disk says what it said in memory: actors write as they act, and check_files.mjs comes to the same verdict from the files alone.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';
import { History, check, line, summarise } from '../harness/history.mjs';
import { readHistory } from '../harness/history_files.mjs';
import { officeRules, startSink } from '../harness/sink.mjs';

const DOSSIER = 'H48.16-261121-0001';
const SECRET = Buffer.from('a secret of this test').toString('base64');
const digest = (text) => createHash('sha256').update(text).digest('hex');

// A handheld whose answers are given.
const device = (answers) => ({ id: 'd', number: 7, async send() {
    const answer = answers.shift();
    if (answer instanceof Error)
        throw answer;
    return answer;
} });

const event = (row) => JSON.stringify({ type: `vn.duongthu.${row.kind}`, subject: row.code, sequence: String(row.seq), time: new Date(row.at).toISOString(),
    data: { item: row.item } });

async function post(sink, id, body) {
    const at = String(Math.round(Date.now() / 1000));
    const signature = createHmac('sha256', Buffer.from(SECRET, 'base64')).update(`${id}.${at}.${body}`).digest('base64');
    await fetch(sink.url('/hook'), { method: 'POST', body, headers: { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': `v1,${signature}` } })
        .then((response) => response.text(), () => {});
}

// One scan: sent twice, since the first answer was lost; the office heard of it twice, since its answer was lost; a reader saw it late.
async function run(t) {
    const folder = newFolder('history');
    const history = new History({ folder });
    const now = Date.now();
    const row = { lane: 0, pos: 1, dossier: 1, seq: 1, kind: 'item.collected', code: DOSSIER, unit: 'H48.16', item: 'EA123456785VN', leg: 'N', sms: null, at: now,
        recorded: now - 40, cause_lane: 0, cause_pos: 1, cause_part: 0, fact: null };
    const sink = Object.assign(await startSink(), { endpoint: 'office', healthy: true, units: ['H48'], secret: SECRET }, officeRules({ units: ['H48'], secret: SECRET }));
    t.after(() => sink.stop());
    await post(sink, 'msg-1', event(row)).then(() => (sink.requests[0].mode = 'ok')); // before the history knows of the sink
    history.addSink(sink);
    sink.setMode('lost');
    await history.during('reset', ['webhook'], () => post(sink, 'msg-1', event(row)));
    sink.setMode('ok');
    const given = device([new Error('reset'), { status: 200, body: { results: [{ seq: 1, status: 'duplicate', first: 'accepted' }] } }]);
    const batch = { batch: 'b', scans: [{ seq: 1 }] };
    await history.upload(given, batch, [digest('one')], undefined, [[DOSSIER]]);
    await history.upload(given, batch, [digest('one')], undefined, [[DOSSIER]]);
    await history.read(DOSSIER, async () => []);
    history.truth.set('EA123456785VN', 7);
    history.silent.set('+84900000001', 0);
    history.healed = now;
    const db = {
        facts: [{ lane: 0, pos: 1, stream: 7, seq: 1, source: 1, digest: digest('one'), recorded: now - 50 }],
        quarantine: [], answered: [{ stream: 7, first: 1, last: 1 }],
        receipts: [{ lane: 0, stream: 7, first_seq: 1, last_seq: 1, first_pos: 1, outcomes: Buffer.from([1]), digests: Buffer.from(digest('one'), 'hex') }],
        journey: [row], items: [{ code: 'EA123456785VN', state: 7 }], cursor: [{ lane: 0, consumer: 'correlate', pos: 1 }], stuck: [], sms: [],
    };
    history.save(db);
    return { folder, history, db };
}

const checkFiles = (...args) => spawnSync(process.execPath, [join(root, 'tests/harness/check_files.mjs'), ...args], { encoding: 'utf8' });

test('the files say what the actors said', async (t) => {
    const { folder, history, db } = await run(t);
    const read = readHistory(folder, new History());
    assert.deepEqual(check(history, db), []);
    assert.deepEqual(check(read.history, read.db), []);
    assert.deepEqual(read.db, db);
    const summary = summarise(history, db, []);
    assert.deepEqual(summarise(read.history, read.db, []), summary);
    assert.deepEqual([summary.acked, summary.lost, summary.unknown, summary.violations, summary.faults], [1, 0, 1, 0, 1]);
    assert.ok(summary.stale.behind === 1 && summary.stale.max_ms >= 40, 'the read that did not show the row was behind');
    const { status, stdout } = checkFiles(folder);
    assert.equal(status, 0, stdout);
    assert.equal(stdout.trimEnd().split('\n').at(-1), line(summary));
});

test('a promise that was broken is seen in the files', async (t) => {
    const { folder } = await run(t);
    appendFileSync(join(folder, 'device-7.jsonl'), `${JSON.stringify({ invoke: 3, stream: 7, batch: 'c', at: 1, scans: [{ seq: 2, digest: digest('two') }] })}\n`
        + `${JSON.stringify({ complete: 3, until: 2, outcome: 'ok', results: [{ seq: 2, status: 'accepted' }] })}\n`);
    const { status, stdout } = checkFiles(folder);
    assert.equal(status, 1, stdout);
    assert.match(stdout, /^lost: scan 7:2:/m);
    assert.match(stdout, /acked 2, lost 1;.* 1 violations$/m);
});

test('an upload whose answer was not written down is unknown, and a line that was cut off was never said', async (t) => {
    const { folder } = await run(t);
    const path = join(folder, 'device-7.jsonl');
    truncateSync(path, readFileSync(path).length - 20);
    const read = readHistory(folder, new History());
    assert.deepEqual(read.history.uploads.map(({ outcome }) => outcome), ['unknown', 'unknown']);
    assert.equal(checkFiles(folder).status, 0);
});

test('a run that died before its end is said to have', async (t) => {
    const { folder } = await run(t);
    rmSync(join(folder, 'db.jsonl'));
    const { status, stderr } = checkFiles(folder);
    assert.equal(status, 2);
    assert.match(stderr, /2 uploads, 1 faults were written down/);
    assert.equal(checkFiles(join(folder, 'nowhere')).status, 2);
});
