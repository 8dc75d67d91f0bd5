// SPDX-License-Identifier: EUPL-1.2
// The checker itself: a small history in which the promise holds, and for each rule a copy of it in which exactly that rule is broken. A rule that cannot fire proves nothing.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { History, RULES, check } from '../harness/history.mjs';

const digest = (text) => createHash('sha256').update(text).digest('hex');
const bytes = (...texts) => Buffer.concat(texts.map((text) => Buffer.from(digest(text), 'hex')));
const DOSSIER = 'H48.16-261121-0001';
const ITEM = 'EA123456785VN';
const PHONE = '+84900000001';

const upload = (batch, scans, results, over) => ({ device: 'd', stream: 7, batch, at: 1_000, outcome: 'ok', scans, results, ...over });
const scan = (seq, text, tells) => ({ seq, digest: digest(text), tells });
const accepted = (seq) => ({ seq, status: 'accepted' });

function webhook(n, row, { at, answered = at + 10, mode = 'ok', gap, id = `msg-${row.pos}`, type = `vn.duongthu.${row.kind}`, epoch = 1 } = {}) {
    const event = { source: `urn:duongthu:here:${epoch}`, type, subject: row.code, sequence: String(row.seq), time: new Date(row.at).toISOString(), data: { item: row.item, ...(gap ? { gap_before: true } : {}) } };
    return { n, at, answered, mode, headers: { 'webhook-id': id, 'webhook-timestamp': String(Math.round(at / 1000)) }, body: Buffer.from(JSON.stringify(event)) };
}

// A restore took back the second scan: the numbers go on behind a reset, which the office took, and behind another floor.
function restored({ history, db, sink }) {
    const [, lost] = db.journey;
    const reset = { ...lost, pos: 101, kind: 'stream.reset', item: null, at: 700, cause_pos: 101 };
    const again = { ...lost, pos: 102, seq: 3, cause_pos: 102 };
    db.epochs = [{ epoch: 1, floor: 0 }, { epoch: 2, floor: 100 }];
    db.journey.splice(1, 1, reset, again);
    db.facts[2].pos = 102;
    db.facts.splice(2, 0, { lane: 0, pos: 101, stream: 3, seq: 1, source: 3, digest: digest('reset') });
    db.receipts = [{ ...db.receipts[0], last_seq: 1, outcomes: Buffer.from([1]), digests: bytes('one') },
        { ...db.receipts[0], first_seq: 2, first_pos: 102, outcomes: Buffer.from([1, 10]), digests: bytes('two', 'three') }];
    db.cursor = [{ lane: 0, consumer: 'correlate', pos: 102 }, { lane: 0, consumer: 'sms', pos: 102 }];
    history.reads = [];
    history.uploads.push(upload('b9', [scan(2, 'two', [DOSSIER])], [accepted(2)], { epoch: 2 }));
    sink.requests = [webhook(1, db.journey[0], { at: 1_000, epoch: 1 }), webhook(2, lost, { at: 2_000, epoch: 1 }), webhook(3, reset, { at: 3_000, epoch: 2 }),
        webhook(4, again, { at: 4_000, epoch: 2 })];
    return lost;
}

const LOST = { possible_duplicate: true, duplicate_why: 'answer lost' };
const RESTORED = { possible_duplicate: true, duplicate_why: 'restored' };
const post = (reference, at, { mode = 'ok', answered = at + 10, to = PHONE, text = 'Buu dien da nhan ho so' } = {}) =>
    ({ at, answered, mode, body: Buffer.from(JSON.stringify({ reference, to, text })) });

// What was sent is lost with a restore; the news are told again and sent under another reference.
function sentAgain({ history, db, gateway, message }) {
    history.lost = [{ facts: db.facts, sms: [{ ...message }] }];
    db.epochs = [{ epoch: 1, floor: 0, started: 0 }, { epoch: 2, floor: 0, started: 4_500 }];
    Object.assign(message, { id: 'm2', copies: 2, ...RESTORED });
    gateway.requests.push(post('m2', 5_000));
    history.receipts = [];
    return message;
}

// It survives, and nobody knows whether it was sent: it was.
function sentInLostTime({ db, gateway, message }) {
    db.epochs = [{ epoch: 1, floor: 0, started: 0 }, { epoch: 2, floor: 0, started: 4_500 }];
    gateway.requests.push(post('m1', 100_000));
    return Object.assign(message, { copies: 2, ...RESTORED });
}

// Two scans were taken, one was held, one was refused; the office heard of both, the citizen of one.
function world() {
    const fact = (pos, seq, text, source = 1, stream = 7) => ({ lane: 0, pos, stream, seq, source, digest: digest(text), recorded: 400 + pos });
    const row = (pos, seq, kind, sms) => ({ lane: 0, pos, dossier: 1, seq, kind, code: DOSSIER, unit: 'H48.16', item: ITEM, leg: 'N', sms, at: 500 + pos, recorded: 600 + pos, cause_lane: 0,
        cause_pos: pos + 1, cause_part: 0, fact: null });
    const journey = [row(1, 1, 'item.collected', 3), row(2, 2, 'item.delivered', null)];
    const db = {
        facts: [fact(1, 1, 'registered', 3, 2), fact(2, 1, 'one'), fact(3, 2, 'two')],
        quarantine: [{ stream: 7, seq: 3, digest: digest('three'), reason: 10 }],
        answered: [{ stream: 7, first: 1, last: 3 }],
        receipts: [{ lane: 0, stream: 7, first_seq: 1, last_seq: 3, first_pos: 2, outcomes: Buffer.from([1, 1, 10]), digests: bytes('one', 'two', 'three') }],
        journey,
        items: [{ code: ITEM, state: 18 }],
        cursor: [{ lane: 0, consumer: 'correlate', pos: 3 }, { lane: 0, consumer: 'sms', pos: 2 }],
        stuck: [],
        sms: [{ id: 'm1', state: 'delivered', why: '', copies: 1, possible_duplicate: false, duplicate_why: '', template: 3, cause_lane: 0, cause_pos: 2, item: ITEM, due: true }],
    };
    const history = new History();
    history.consumers = ['correlate', 'sms'];
    history.uploads = [
        upload('b1', [scan(1, 'one', [DOSSIER]), scan(2, 'two', [DOSSIER])], [], { outcome: 'unknown' }),
        upload('b2', [scan(1, 'one', [DOSSIER]), scan(2, 'two', [DOSSIER]), scan(3, 'three')],
            [{ seq: 1, status: 'duplicate', first: 'accepted' }, accepted(2), { seq: 3, status: 'quarantined', reason: 'check-digit' }]),
        upload('b3', [scan(4, 'four')], [], { outcome: 'no' }),
    ];
    history.truth.set(ITEM, 18);
    history.reads = [{ code: DOSSIER, from: 2_000, to: 2_010, rows: [journey[0]] }, { code: DOSSIER, from: 3_000, to: 3_010, rows: journey }];
    history.rebuild = { code: 0, stdout: '', stderr: '' };
    history.healed = 2_500;
    history.nemesis = [{ at: 200, until: 300, fault: 'kill', hits: ['portal'] }];
    history.outages = [{ services: ['ingest'], at: 20_000, until: 30_000 }];
    history.health = [[19_000, true], [24_000, true], [26_000, false], [39_000, false], [41_000, true]].map(([at, ready]) => ({ service: 'ingest', at, ready }));
    history.resources = [100, 101].map((n) => ({ service: 'ingest', rss_kb: 100 * n, files: n, connections: n }));
    history.errors = [{ service: 'portal', at: 310, event: 'portal.statement_failed' }];
    history.sinks = [{ endpoint: 'office', wants: () => true, healthy: true, verify: () => true,
        requests: [webhook(1, journey[0], { at: 1_000, mode: 500 }), webhook(2, journey[0], { at: 2_000 }), webhook(3, journey[1], { at: 3_000 })] }];
    history.gateway = { requests: [post('m1', 4_000)] };
    history.receipts = [{ reference: 'm1', state: 'delivered' }];
    const [sink] = history.sinks;
    return { history, db, journey, sink, message: db.sms[0], gateway: history.gateway };
}

// The names of the rules that complain, each once.
const fired = ({ history, db }) => [...new Set(check(history, db).map((line) => line.split(':')[0]))].sort();

// rule → what breaks it. A second name: the same harm shows in a second place.
const HARMS = {
    unanswered: (w) => w.history.uploads[1].results.pop(),
    'bad-receipt': (w) => Object.assign(w.history.uploads[0], { forged: true, error: 'the receipt does not verify' }),
    lost: [
        (w) => w.history.uploads.push(upload('b4', [scan(5, 'five')], [accepted(5)])),
        (w) => w.history.uploads.push(upload('b4', [scan(5, 'five')], [{ seq: 5, status: 'quarantined', reason: 'conflict' }])),
    ],
    'other-content': (w) => w.history.uploads.push(upload('b4', [scan(1, 'other')], [{ seq: 1, status: 'duplicate', first: 'accepted' }])),
    'accepted-twice': (w) => (w.history.uploads[1].results[0] = accepted(1)) && (w.history.uploads[0].results = [accepted(1), { seq: 2, status: 'duplicate', first: 'accepted' }]),
    'changed-answer': (w) => w.history.uploads.push(upload('b4', [scan(3, 'three')], [{ seq: 3, status: 'refused', reason: 'check-digit' }])),
    'wrong-reason': (w) => (w.db.quarantine[0].reason = 12),
    'stored-twice': (w) => w.db.facts.push({ ...w.db.facts[0], pos: 4 }) && (w.db.cursor[0].pos = 4),
    invented: [
        (w) => w.db.facts.push({ ...w.db.facts[2], pos: 4, seq: 9 }) && (w.db.cursor[0].pos = 4),
        (w) => w.db.quarantine.push({ ...w.db.quarantine[0], seq: 9 }),
    ],
    'refused-but-stored': (w) => w.db.quarantine.push({ ...w.db.quarantine[0], seq: 4, digest: digest('four') }),
    gap: [
        (w) => (w.db.facts.push({ ...w.db.facts[0], pos: 5, seq: 2 }), w.db.cursor[0].pos = 5),
        (w) => (w.db.journey[1].seq = 3, w.history.reads.pop(), w.sink.requests[2] = webhook(3, w.db.journey[1], { at: 3_000 })),
    ],
    'no-receipt': [(w) => (w.db.answered[0].last = 4), (w) => (w.db.answered[0].last = 2)],
    'wrong-receipt': [(w) => (w.db.receipts[0].first_pos = 1), (w) => (w.db.receipts[0].digests = bytes('one', 'other', 'three'))],
    'no-cause': (w) => (w.db.journey[0].cause_pos = w.message.cause_pos = 9, w.history.uploads.forEach(({ scans }) => scans.forEach((one) => delete one.tells))),
    'counted-twice': (w) => (w.db.journey[1].cause_pos = 2, w.db.journey[1].fact = '0:3'),
    unread: [
        (w) => (w.db.cursor[0].pos = 2),
        (w) => (w.db.cursor = w.db.cursor.filter(({ consumer }) => consumer !== 'sms')),
    ],
    stuck: (w) => w.db.stuck.push({ lane: 0, pos: 3, error: 'body' }),
    unfolded: (w) => (w.db.journey[1].cause_pos = 1),
    'wrong-state': [(w) => (w.db.items[0].state = 12), (w) => w.history.truth.set('EA123456799VN', 6)],
    unstable: [
        (w) => (w.history.reads[1].rows = [w.db.journey[1]]),
        (w) => w.history.reads.push({ code: DOSSIER, from: 4_000, to: 4_010, rows: [...w.db.journey, { seq: 3, kind: 'item.lost' }] }),
        (w) => w.history.reads.push({ code: 'H48.16-261121-0002', from: 4_000, to: 4_010, rows: [{ seq: 1, kind: 'item.lost' }] }),
    ],
    rebuild: (w) => (w.history.rebuild.code = 1),
    unsigned: (w) => (w.sink.verify = ({ 'webhook-id': id }) => id !== 'msg-2'),
    skewed: (w) => (w.sink.requests[0].headers['webhook-timestamp'] = '302'),
    phantom: [
        (w) => w.sink.requests.push(webhook(4, { ...w.db.journey[1], seq: 3 }, { at: 4_000 })),
        (w) => (w.sink.wants = ({ seq }) => seq === 1),
    ],
    unreset: [
        (w) => restored(w) && w.sink.requests.splice(1, 0, webhook(9, { ...w.db.journey[0], code: 'H48.16-261121-0002', kind: 'item.lost' }, { at: 1_500 })),
    ],
    'wrong-news': (w) => (w.sink.requests[2] = webhook(3, w.db.journey[1], { at: 3_000, type: 'vn.duongthu.item.lost' })),
    changed: (w) => (w.sink.requests[0].body = Buffer.from(w.sink.requests[0].body.toString().replace('{', '{"more":1,'))),
    order: (w) => (w.sink.requests = [webhook(1, w.db.journey[1], { at: 1_000 }), webhook(2, w.db.journey[0], { at: 2_000 })]),
    overlap: [
        (w) => (w.sink.requests[1].answered = 3_500),
        (w) => w.sink.requests.splice(1, 0, webhook(4, w.db.journey[1], { at: 1_500, mode: 500 })),
    ],
    untold: (w) => w.sink.requests.pop(),
    unexplained: [
        (w) => w.sink.requests.push(webhook(4, w.db.journey[1], { at: 4_000 })),
        (w) => w.sink.requests.push(webhook(4, w.db.journey[1], { at: 40_000 })) && w.history.nemesis.push({ at: 20_000, until: 20_000, hits: [] }), // long after it was recorded
        (w) => w.sink.requests.push(webhook(4, w.db.journey[1], { at: 4_000 })) && w.history.nemesis.push({ at: 3_500, until: 3_500, hits: ['sms'] }), // not its sender
    ],
    'sms-phantom': (w) => w.gateway.requests.push(post('m9', 5_000)),
    'sms-bound': [
        (w) => (w.gateway.requests.unshift(post('m1', 1_000, { mode: 'lost' }), post('m1', 2_000, { mode: 'lost' })),
            Object.assign(w.message, { copies: 3, ...LOST })),
        (w) => sentAgain(w) && w.gateway.requests.splice(1, 0, post('m2', 4_600, { mode: 'lost' })),
    ],
    'sms-unmarked': [
        (w) => w.gateway.requests.unshift(post('m1', 1_000, { mode: 'lost' })) && (w.message.copies = 2),
        (w) => Object.assign(sentAgain(w), { possible_duplicate: false, duplicate_why: '' }),
    ],
    'sms-unreasoned': [
        (w) => (w.message.possible_duplicate = true),
        (w) => (w.message.duplicate_why = 'answer lost'),
        (w) => Object.assign(w.message, RESTORED),
        (w) => Object.assign(w.message, { possible_duplicate: true, duplicate_why: 'who knows' }),
    ],
    'sms-unexplained': [
        (w) => w.gateway.requests.push(post('m1', 5_000)) && Object.assign(w.message, { copies: 2, ...LOST }),
        (w) => sentInLostTime(w) && (w.db.epochs[1].started = 3_900), // before the first copy already
    ],
    'sms-uncounted': (w) => w.gateway.requests.unshift(post('m1', 1_000, { mode: 'lost' })) && Object.assign(w.message, LOST),
    'sms-changed': (w) => w.gateway.requests.push(post('m1', 5_000, { mode: 503, to: '+84900000002' })),
    'sms-twice': (w) => (w.db.sms.push({ ...w.message, id: 'm2' }), w.gateway.requests.push(post('m2', 5_000))),
    'sms-long': [
        (w) => (w.gateway.requests = [post('m1', 4_000, { text: 'x'.repeat(161) })]),
        (w) => (w.gateway.requests = [post('m1', 4_000, { text: 'Bưu điện' })]),
    ],
    'sms-unasked': (w) => w.history.silent.set(PHONE, 3_000),
    'sms-invented': (w) => w.db.sms.push({ ...w.message, id: 'm2', template: 4, state: 'cancelled', why: 'superseded' }),
    'sms-untold': (w) => (w.db.journey[1].sms = 4),
    'sms-lost': (w) => (w.gateway.requests = [post('m1', 4_000, { mode: 503 })]),
    'sms-silent': (w) => w.history.receipts.pop() && Object.assign(w.message, { state: 'cancelled' }),
    'sms-waiting': [
        (w) => w.history.receipts.pop() && (w.message.state = 'submitting'),
        (w) => w.history.receipts.pop() && (w.message.state = 'waiting'),
    ],
    'receipt-lost': (w) => (w.message.state = 'accepted'),
    tardy: [
        (w) => (w.db.journey[1].recorded = 62_600, w.sink.requests[2].at = 62_700, w.sink.requests[2].answered = 62_710, w.sink.requests[2].headers['webhook-timestamp'] = '62'),
        (w) => Object.assign(w.sink.requests[2], webhook(3, w.db.journey[1], { at: 62_600 })),
        (w) => (w.gateway.requests = [post('m1', 62_600)]),
        (w) => w.history.reads.push({ code: DOSSIER, from: 62_600, to: 62_610, rows: [] }) && (w.history.reads = w.history.reads.slice(2)),
    ],
    dishonest: [
        (w) => (w.history.health[2].ready = true),
        (w) => (w.history.health[4].ready = false),
        (w) => delete w.history.outages[0].until && (w.history.health[4].ready = true),
    ],
    leak: [
        (w) => (w.history.resources[1].rss_kb += 5_000),
        (w) => (w.history.resources[1].files += 17),
        (w) => (w.history.resources[1].connections += 2),
    ],
    'unexplained-error': [
        (w) => (w.history.errors[0].service = 'ingest'),
        (w) => (w.history.errors[0].at = 10_000),
    ],
};

test('a clean history gives no complaint', () => {
    assert.deepEqual(check(world().history, world().db), []);
    assert.deepEqual(check(new History(), { ...world().db, ...Object.fromEntries(Object.keys(world().db).map((key) => [key, []])) }), []);
});

test('what faults and lost answers explain is no violation', () => {
    const explained = {
        'a kill before the answer was recorded': (w) => w.sink.requests.push(webhook(4, w.db.journey[1], { at: 4_000 }))
            && w.history.nemesis.push({ at: 3_500, until: 3_500, hits: ['webhook'] }),
        'a crash of the database that went on until then': (w) => w.sink.requests.push(webhook(4, w.db.journey[1], { at: 30_000 }))
            && w.history.nemesis.push({ at: 2_000, until: 20_000, hits: [] }),
        'an answer that nobody waited for': (w) => (w.sink.requests[2].answered = undefined, w.sink.requests.push(webhook(4, w.db.journey[1], { at: 4_000 }))),
        'an event that was given up, and is told': (w) => (w.sink.requests.splice(1, 2, webhook(3, w.db.journey[1], { at: 3_000, gap: true })), w.sink.healthy = false),
        'events behind a gap': (w) => {
            w.db.journey.push({ ...w.db.journey[1], pos: 3, seq: 3, cause_part: 1 });
            w.sink.requests.splice(1, 2, webhook(3, w.db.journey[1], { at: 3_000, gap: true }), webhook(4, w.db.journey[2], { at: 4_000 }));
            w.sink.healthy = false;
            w.db.cursor[1].pos = 3;
        },
        'an endpoint that has others told': (w) => (w.sink.wants = ({ seq }) => seq === 2, w.sink.requests.splice(0, 2)),
        'a lost answer of the gateway': (w) => w.gateway.requests.unshift(post('m1', 1_000, { mode: 'lost' }))
            && Object.assign(w.message, { copies: 2, ...LOST }),
        'news that a restore took back, sent again and marked': (w) => sentAgain(w),
        'a message that was perhaps sent in the lost time': (w) => sentInLostTime(w),
        'a message that waits for the morning': (w) => w.history.receipts.pop() && (w.gateway.requests = [])
            && Object.assign(w.message, { state: 'waiting', why: 'quiet-hours', due: false, copies: 0 }),
        'a restore that was told by a reset, and a scan that came again': (w) => restored(w),
        'news of a link that came late': (w) => (w.db.journey[1].cause_pos = 1, w.db.journey[1].fact = '0:3'),
    };
    for (const [what, change] of Object.entries(explained)) {
        const w = world();
        change(w);
        assert.deepEqual(check(w.history, w.db), [], what);
    }
});

test('every rule has a harm here', () => {
    assert.deepEqual(Object.keys(HARMS).sort(), Object.keys(RULES).sort());
});

for (const [rule, harms] of Object.entries(HARMS)) {
    test(`${rule}: ${RULES[rule]}`, () => {
        for (const harm of [harms].flat()) {
            const w = world();
            harm(w);
            assert.deepEqual(fired(w), [rule], harm.toString());
        }
    });
}
