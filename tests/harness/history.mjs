// SPDX-License-Identifier: EUPL-1.2
// The history checker: decides from what every actor wrote down, and from the final database, whether the promise held. It trusts nobody: not the services' answers, only
// what a handheld was told, what a sink got, what a gateway got, and what is stored. A request without an answer is *unknown* for ever, never "failed".
//
//   handhelds  { device, stream, batch, at, outcome: 'ok' | 'unknown' | 'no', scans: [{ seq, digest }], results: [{ seq, status, reason, first }] }
//   sinks      { endpoint, wants(row), healthy, verify(headers, body) → bool, requests: [{ n, headers, body, mode }] }
//   gateway    requests of harness/sms_gateway.mjs
//   nemesis    { at, fault }: kills, crashes: they explain duplicates
import { createHash } from 'node:crypto';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const SENT = new Set(['ok', 'slow', 'lost', 'truncated', 'garbage', 'dead', 500]); // modes in which a citizen may have the message
const keyOf = (stream, seq) => `${stream}:${seq}`;

export class History {
    uploads = [];
    sinks = [];
    gateway = null;
    nemesis = [];

    fault(fault) {
        this.nemesis.push({ at: Date.now(), fault });
    }

    // Sends one batch and writes down what came of it; never throws.
    async upload(device, batch, digests, options) {
        const entry = { device: device.id, stream: device.number, batch: batch.batch, at: Date.now(), outcome: 'unknown', results: [],
            scans: batch.scans.map(({ seq }, i) => ({ seq, digest: digests[i] })) };
        this.uploads.push(entry);
        try {
            const answer = await device.send(batch, options);
            entry.status = answer.status;
            // 5xx other than our own 503 may hide a commit; 4xx and 503 say that nothing was taken.
            entry.outcome = answer.status === 200 ? 'ok' : answer.status < 500 || answer.status === 503 ? 'no' : 'unknown';
            if (answer.status === 200)
                entry.results = answer.body.results;
        } catch (error) {
            entry.error = String(error.cause?.code ?? error.message);
        }
        return entry;
    }
}

// The final state, from the database that survived.
export async function snapshot(cluster) {
    const rows = (sql) => cluster.psql(sql);
    return {
        facts: await rows("select lane, pos, stream, seq, source, encode(sha256(convert_to(body, 'UTF8')), 'hex') as digest from dt.fact order by lane, pos"),
        quarantine: await rows("select stream, seq, encode(digest, 'hex') as digest, reason from dt.quarantine"),
        answered: await rows('select s.stream, lower(r) as first, upper(r) - 1 as last from dt.stream s, unnest(s.answered) r where s.device is not null'),
        receipts: await rows('select stream, first_seq, last_seq from dt.receipt'),
        journey: await rows('select lane, pos, dossier, seq, kind, code, unit, leg, sms, cause_lane, cause_pos, cause_part from dt.journey order by lane, pos'),
        cursor: await rows("select lane, max(pos) as pos from dt.cursor where consumer = 'correlate' group by lane"),
        stuck: await rows('select lane, pos, error from dt.stuck'),
        sms: await rows('select id, state, why, copies, possible_duplicate, template, cause_lane, cause_pos, item from dt.sms'),
    };
}

// → violations as sentences, each beginning with the rule's name; empty: the promise held.
export function check(history, db) {
    const wrong = [];
    const say = (rule, text) => wrong.push(`${rule}: ${text}`);
    checkScans(history, db, say);
    checkLogs(db, say);
    history.sinks.forEach((sink) => checkSink(sink, history, db, say));
    checkSms(history, db, say);
    return wrong;
}

// ---- acked = stored exactly once

function checkScans(history, db, say) {
    const facts = new Map();
    for (const fact of db.facts.filter(({ source }) => source === 1)) {
        const key = keyOf(fact.stream, fact.seq);
        if (facts.has(key))
            say('stored-twice', `scan ${key} has two facts`);
        facts.set(key, fact.digest);
    }
    const held = new Set(db.quarantine.map(({ stream, seq, digest }) => `${keyOf(stream, seq)}:${digest}`));
    const invoked = new Set();
    for (const upload of history.uploads) {
        upload.scans.forEach(({ seq, digest }) => invoked.add(`${keyOf(upload.stream, seq)}:${digest}`));
        if (upload.outcome === 'ok' && upload.results.length !== upload.scans.length)
            say('unanswered', `batch ${upload.batch} has ${upload.results.length} results for ${upload.scans.length} scans`);
        upload.results.forEach((result, i) => checkResult(upload, result, upload.scans[i], facts, held, say));
    }
    for (const [key, digest] of facts) {
        if (!invoked.has(`${key}:${digest}`))
            say('invented', `fact ${key} was never sent with that content`);
    }
    for (const entry of held) {
        if (!invoked.has(entry))
            say('invented', `quarantined scan ${entry} was never sent`);
    }
}

function checkResult(upload, result, scan, facts, held, say) {
    const key = keyOf(upload.stream, scan.seq);
    const entry = `${key}:${scan.digest}`;
    const status = result.status === 'duplicate' ? result.first : result.status;
    if (status === 'accepted' && facts.get(key) === undefined)
        say('lost', `scan ${key} was acknowledged and is not stored`);
    else if (status === 'accepted' && facts.get(key) !== scan.digest)
        say('other-content', `scan ${key} was acknowledged, but other content is stored under its number`);
    else if (status === 'quarantined' && !held.has(entry))
        say('lost', `scan ${key} was answered quarantined and is not in quarantine`);
}

// ---- the logs themselves

function gapless(rows, what, say) {
    const next = new Map();
    for (const { group, n } of rows) {
        const expected = next.get(group) ?? 1;
        if (n !== expected)
            say('gap', `${what} ${group}: ${n} follows ${expected - 1}`);
        next.set(group, n + 1);
    }
}

function checkLogs(db, say) {
    gapless(db.facts.map(({ lane, pos }) => ({ group: lane, n: pos })), 'fact log, lane', say);
    gapless(db.journey.map(({ lane, pos }) => ({ group: lane, n: pos })), 'journey log, lane', say);
    gapless(db.journey.map(({ lane, dossier, seq }) => ({ group: `${lane}/${dossier}`, n: seq })), 'dossier', say);
    const causes = new Set(db.facts.map(({ lane, pos }) => keyOf(lane, pos)));
    const told = new Set();
    for (const row of db.journey) {
        if (!causes.has(keyOf(row.cause_lane, row.cause_pos)))
            say('no-cause', `journey row ${row.lane}/${row.pos} has no fact behind it`);
        const cause = `${row.cause_lane}/${row.cause_pos}/${row.cause_part}/${row.dossier}`;
        if (told.has(cause))
            say('counted-twice', `cause ${cause} has two journey rows`);
        told.add(cause);
    }
    const last = db.facts.at(-1)?.pos ?? 0;
    if (db.cursor.length > 0 && Math.max(...db.cursor.map(({ pos }) => pos)) < last)
        say('unread', `correlate stands before the last fact ${last}`);
    db.stuck.forEach(({ lane, pos, error }) => say('stuck', `fact ${lane}/${pos}: ${error}`));
    checkAnswered(db, say);
}

// answered = receipts, number by number.
function checkAnswered(db, say) {
    const spread = (ranges) => new Set(ranges.flatMap(({ stream, first, last }) =>
        Array.from({ length: last - first + 1 }, (_, i) => keyOf(stream, first + i))));
    const answered = spread(db.answered);
    const receipts = spread(db.receipts.map(({ stream, first_seq: first, last_seq: last }) => ({ stream, first, last })));
    for (const key of answered) {
        if (!receipts.has(key))
            say('no-receipt', `number ${key} counts as answered and has no receipt`);
    }
    for (const key of receipts) {
        if (!answered.has(key))
            say('no-receipt', `number ${key} has a receipt and does not count as answered`);
    }
}

// ---- offices

function checkSink(sink, history, db, say) {
    const rows = new Map(db.journey.filter((row) => sink.wants(row)).map((row) => [keyOf(row.code, row.seq), row]));
    const bodies = new Map(); // webhook-id → bytes
    const copies = new Map(); // webhook-id → { good, bad }
    const reached = new Map(); // dossier → last seq answered well for the first time
    for (const request of sink.requests) {
        const id = request.headers['webhook-id'];
        const text = request.body.toString();
        if (!sink.verify(request.headers, text))
            say('unsigned', `${sink.endpoint}: request ${request.n} has no valid signature`);
        const event = JSON.parse(text);
        const key = keyOf(event.subject, Number(event.sequence));
        if (!rows.has(key)) {
            say('phantom', `${sink.endpoint} was told ${key}, which is not in the journey`);
            continue;
        }
        if ((bodies.get(id) ?? text) !== text)
            say('changed', `${sink.endpoint}: two bodies under id ${id}`);
        bodies.set(id, text);
        const good = request.mode === 'ok' || request.mode === 'slow';
        const count = copies.get(id) ?? { good: 0, bad: 0 };
        count[good ? 'good' : 'bad']++;
        copies.set(id, count);
        if (good && count.good === 1)
            checkOrder(sink, event, reached, say);
        if (good)
            rows.get(key).delivered = sink.endpoint;
    }
    if (sink.healthy) {
        for (const [key, row] of rows) {
            if (row.delivered !== sink.endpoint)
                say('untold', `${sink.endpoint} never got ${key}`);
        }
    }
    const explained = history.nemesis.length;
    for (const [id, { good }] of copies) {
        if (good - 1 > explained)
            say('unexplained', `${sink.endpoint}: ${good} good copies of ${id}, and only ${explained} faults`);
    }
}

function checkOrder(sink, event, reached, say) {
    const seq = Number(event.sequence);
    const before = reached.get(event.subject) ?? 0;
    if (seq !== before + 1 && !event.data?.gap_before && sink.complete)
        say('order', `${sink.endpoint}: ${event.subject} number ${seq} was taken after ${before}`);
    else if (seq <= before)
        say('order', `${sink.endpoint}: ${event.subject} number ${seq} was taken after ${before}`);
    reached.set(event.subject, Math.max(before, seq));
}

// ---- citizens

function checkSms(history, db, say) {
    const rows = new Map(db.sms.map((row) => [row.id, row]));
    const copies = new Map();
    for (const request of history.gateway?.requests ?? []) {
        const { reference } = JSON.parse(request.body);
        if (SENT.has(request.mode))
            copies.set(reference, [...(copies.get(reference) ?? []), request.mode]);
    }
    for (const [reference, modes] of copies) {
        const row = rows.get(reference);
        if (!row)
            say('phantom', `the gateway got message ${reference}, which is not in the ledger`);
        else if (modes.length > 2)
            say('sms-bound', `message ${reference} was sent ${modes.length} times`);
        else if (modes.length === 2 && !row.possible_duplicate)
            say('sms-bound', `message ${reference} was sent twice and is not marked`);
    }
    for (const row of db.sms) {
        if (['accepted', 'delivered'].includes(row.state) && history.gateway && !copies.has(row.id))
            say('sms-lost', `message ${row.id} counts as sent and never reached the gateway`);
        if (row.state === 'cancelled' && row.why === '')
            say('sms-silent', `message ${row.id} was cancelled without a reason`);
    }
}
