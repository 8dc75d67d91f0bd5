// SPDX-License-Identifier: EUPL-1.2
// The rules of the history checker: what every actor wrote down (history.mjs) against the database that survived. It trusts nobody: not the services' answers, only what
// a handheld was told, what a sink and a gateway got, and what is stored. A request without an answer is *unknown* for ever, never "failed".

// What must hold, by the name with which a violation begins. tests/integration/history.test.mjs shows each of them firing.
export const RULES = {
    // handhelds
    unanswered: 'an acknowledged batch has a result for each of its scans',
    'bad-receipt': 'an acknowledgement carries our signature',
    lost: 'what was acknowledged is stored',
    'other-content': 'what is stored under an acknowledged number is what was sent under it',
    'accepted-twice': 'a scan is accepted once in an epoch; from then on it is a duplicate',
    'changed-answer': 'a scan that is sent again gets its first answer again',
    'wrong-reason': 'a scan is in quarantine for the reason that its device was told',
    'stored-twice': 'each number of a stream has one fact',
    invented: 'what is stored was sent',
    'refused-but-stored': 'what was refused, and never sent in another batch, is not stored',
    // the logs
    gap: 'positions and sequence numbers rise by one',
    'no-receipt': 'answered numbers = numbers with a receipt',
    'wrong-receipt': 'a receipt leads to the facts it was given for',
    'no-cause': 'a journey row has a fact behind it',
    'counted-twice': 'a cause is told once',
    unread: 'each consumer has read to the end',
    stuck: 'no fact is stuck',
    unfolded: 'an acknowledged scan of a dossier is in the journey of that dossier',
    'wrong-state': 'an item is in the state in which it truly is',
    unstable: 'what was once shown is shown ever after',
    rebuild: 'all facts replayed into an empty projection give what is stored',
    // offices
    unsigned: 'a webhook carries our signature',
    skewed: 'a webhook is dated when it is sent, to 300 s',
    phantom: 'an office is told what is in the journey',
    unreset: 'what an office was told and a restore took back is taken back there, by stream.reset or by what is told anew from that number on',
    'wrong-news': 'a webhook says what its journey row says',
    changed: 'one id has one body',
    order: 'the events of a dossier are taken in order, without gaps',
    overlap: 'an event leaves when the one before it in its dossier was taken, not earlier',
    untold: 'each event reaches each living endpoint that wants it',
    unexplained: 'a second copy has a reason: its answer was lost, or a fault hit its sender before it was recorded',
    // citizens
    'sms-phantom': 'a message that the gateway got is in the ledger',
    'sms-bound': 'a message is sent at most twice',
    'sms-unmarked': 'a message that was sent twice is marked, also when a restore took the first one from the ledger',
    'sms-unreasoned': 'a mark has a reason, and one that can be true',
    'sms-unexplained': 'a message is sent again only when the answer was lost, with the gateway or with a restore',
    'sms-uncounted': 'the ledger counts every copy',
    'sms-changed': 'a copy says the same to the same number',
    'sms-twice': 'one piece of news is one message to a number',
    'sms-long': 'a message is one unaccented segment',
    'sms-unasked': 'who asked for silence, or never consented, gets nothing',
    'sms-invented': 'a message has news behind it',
    'sms-untold': 'news that calls for a message is in the ledger',
    'sms-lost': 'a message that counts as sent reached the gateway',
    'sms-silent': 'where none was sent the ledger says why',
    'sms-waiting': 'nothing that is due waits',
    'receipt-lost': 'a delivery receipt that was taken is in the ledger',
    // the machine
    tardy: 'when the last fault is healed, what is owed is folded, shown, told and sent within 60 s',
    dishonest: 'a service that cannot keep the promise says so within 5 s, and within 10 s that it can again',
    leak: 'memory, files and connections are back where they were before the faults',
    'unexplained-error': 'an error in a log has a fault that struck its service',
};

// An answer is recorded at once; so long after it (ms, for a slow machine) a fault explains no second copy any more.
const SETTLE_MS = 5_000;
const SKEW_MS = 300_000;
const LIVE_MS = 60_000; // retries are sped up in tests, so that this bounds them too
const HONEST_MS = 5_000;
const BACK_MS = 10_000;
// What may be more than before the faults: memory by its allocator's grain, files by connections that clients and peers keep alive.
const MORE = { rss_kb: (kb) => Math.max(0.05 * kb, 4_096), files: () => 16, connections: () => 1 };
export const SENT = new Set(['ok', 'slow', 'lost', 'truncated', 'garbage', 'dead', 'endless', 'redirect', '500']); // modes in which a citizen may have the message
const REASONS = { 10: 'check-digit', 11: 'device-revoked', 12: 'time-absurd', 13: 'conflict', 14: 'code-unknown', 15: 'event-invalid' };
const keyOf = (a, b) => `${a}:${b}`;
export const isGood = ({ mode }) => mode === 'ok' || mode === 'slow' || (mode >= 200 && mode < 300);

// → violations as sentences, each beginning with a name of RULES; empty: the promise held.
export function check(history, db) {
    const wrong = [];
    const say = (rule, text) => {
        if (!(rule in RULES))
            throw new Error(`no rule ${rule}`);
        wrong.push(`${rule}: ${text}`);
    };
    checkScans(history, db, say);
    checkLogs(history, db, say);
    checkReads(history, db, say);
    history.sinks.forEach((sink) => checkSink(sink, history, db, say));
    checkSms(history, db, say);
    checkLive(history, db, say);
    checkMachine(history, say);
    return wrong;
}

// The rules that the database alone can break.
export function checkDatabase(db) {
    const wrong = [];
    checkLogs({ consumers: [], truth: new Map(), rebuild: null }, db, (rule, text) => wrong.push(`${rule}: ${text}`));
    return wrong;
}

export function groupBy(rows, key) {
    const groups = new Map();
    for (const row of rows) {
        const name = key(row);
        if (!groups.has(name))
            groups.set(name, []);
        groups.get(name).push(row);
    }
    return groups;
}

// Did something strike `actor` between the two moments?
function struck(history, actor, from, to) {
    return history.nemesis.some(({ hits, at, until = Infinity }) => (hits.length === 0 || hits.includes(actor)) && at <= to && until >= from);
}

// Was the clock of `actor` wrong at that moment? Nothing but what it dates may be wrong with it.
function bent(history, actor, at) {
    return history.nemesis.some(({ fault, hits, at: from, until = Infinity }) => fault === 'clock' && hits.includes(actor) && from <= at && until + SETTLE_MS >= at);
}

// ---- acked = stored exactly once

function checkScans(history, db, say) {
    const facts = new Map();
    for (const fact of db.facts) {
        const key = keyOf(fact.stream, fact.seq);
        if (facts.has(key))
            say('stored-twice', `number ${key} has two facts`);
        facts.set(key, fact);
    }
    const held = new Map(db.quarantine.map((row) => [`${keyOf(row.stream, row.seq)}:${row.digest}`, row]));
    const tries = new Map(); // number and digest → [{ upload, result, scan }]
    for (const upload of history.uploads) {
        if (upload.forged)
            say('bad-receipt', `batch ${upload.batch}: ${upload.error}`);
        if (upload.outcome === 'ok' && upload.results.length !== upload.scans.length)
            say('unanswered', `batch ${upload.batch} has ${upload.results.length} results for ${upload.scans.length} scans`);
        upload.scans.forEach((scan, i) => {
            const entry = `${keyOf(upload.stream, scan.seq)}:${scan.digest}`;
            tries.set(entry, [...(tries.get(entry) ?? []), { upload, scan, result: upload.results[i] }]);
        });
    }
    const told = new Set(); // dossier and fact
    for (const { code, cause_lane: lane, cause_pos: pos, fact } of db.journey) {
        told.add(`${code} ${keyOf(lane, pos)}`);
        told.add(`${code} ${fact}`);
    }
    for (const [entry, list] of tries)
        checkScan(entry, list, { facts, held, told, moved: history.moved }, say);
    for (const [key, { source, digest }] of facts) {
        if (source === 1 && !tries.has(`${key}:${digest}`))
            say('invented', `fact ${key} was never sent with that content`);
    }
    for (const entry of held.keys()) {
        if (!tries.has(entry))
            say('invented', `quarantined scan ${entry} was never sent`);
    }
}

// Everything that was ever said about one scan.
function checkScan(entry, list, { facts, held, told, moved }, say) {
    const [{ scan }] = list;
    const at = moved.get(entry) ?? entry;
    const [stream, seq, digest] = at.split(':');
    const fact = facts.get(keyOf(stream, seq));
    const stored = fact?.digest === digest;
    const firsts = new Set();
    for (const { result } of list.filter((one) => one.result)) {
        const status = result.status === 'duplicate' ? result.first : result.status;
        firsts.add(`${status} ${result.reason ?? ''}`);
        if (status === 'accepted' && !fact)
            say('lost', `scan ${entry} was acknowledged and is not stored`);
        else if (status === 'accepted' && !stored)
            say('other-content', `scan ${entry} was acknowledged, but other content is stored under its number`);
        else if (status === 'quarantined' && !held.has(at))
            say('lost', `scan ${entry} was answered quarantined and is not in quarantine`);
        else if (status === 'quarantined' && REASONS[held.get(at).reason] !== result.reason)
            say('wrong-reason', `scan ${entry} is in quarantine for ${REASONS[held.get(at).reason]}, its device was told ${result.reason}`);
        if (status === 'accepted' && stored)
            checkTold(scan, fact, told, say);
    }
    // A conflict is answered anew each time: the number belongs to another scan.
    if (firsts.size > 1)
        say('changed-answer', `scan ${entry} was answered ${[...firsts].join(', then ')}`);
    // After a restore it is accepted anew when the restore had taken it.
    for (const [epoch, times] of groupBy(list.filter(({ result }) => result?.status === 'accepted'), ({ upload }) => upload.epoch ?? 1)) {
        if (times.length > 1)
            say('accepted-twice', `scan ${entry} was accepted ${times.length} times in epoch ${epoch}`);
    }
    if ((stored || held.has(at)) && list.every(({ upload, result }) => upload.outcome === 'no' || result?.status === 'refused'))
        say('refused-but-stored', `scan ${entry} was only ever refused, and is stored`);
}

// scan.tells: the dossiers whose journey must know of it.
function checkTold(scan, fact, told, say) {
    for (const code of scan.tells ?? []) {
        if (!told.has(`${code} ${keyOf(fact.lane, fact.pos)}`))
            say('unfolded', `fact ${fact.lane}/${fact.pos} is not in the journey of ${code}`);
    }
}

// ---- the logs themselves

// floors: behind which an epoch's positions begin.
function gapless(rows, what, say, floors = new Set()) {
    const next = new Map();
    for (const { group, n } of rows) {
        const expected = next.get(group) ?? 1;
        if (n !== expected && !(n > expected && floors.has(n - 1)))
            say('gap', `${what} ${group}: ${n} follows ${expected - 1}`);
        next.set(group, n + 1);
    }
}

function checkLogs(history, db, say) {
    const floors = new Set((db.epochs ?? []).map(({ floor }) => floor));
    gapless(db.facts.map(({ lane, pos }) => ({ group: lane, n: pos })), 'fact log, lane', say, floors);
    gapless(db.journey.map(({ lane, pos }) => ({ group: lane, n: pos })), 'journey log, lane', say, floors);
    gapless(db.journey.map(({ lane, dossier, seq }) => ({ group: `${lane}/${dossier}`, n: seq })), 'dossier', say);
    const causes = new Set(db.facts.map(({ lane, pos }) => keyOf(lane, pos)));
    const told = new Set();
    for (const row of db.journey) {
        if (!causes.has(keyOf(row.cause_lane, row.cause_pos)))
            say('no-cause', `journey row ${row.lane}/${row.pos} has no fact behind it`);
        const cause = `${row.cause_lane}/${row.cause_pos}/${row.cause_part}`;
        if (told.has(cause))
            say('counted-twice', `cause ${cause} has two journey rows`);
        told.add(cause);
    }
    checkCursors(history, db, say);
    db.stuck.forEach(({ lane, pos, error }) => say('stuck', `fact ${lane}/${pos}: ${error}`));
    checkAnswered(db, say);
    for (const { code, state } of db.items) {
        const truth = history.truth.get(code);
        if (truth !== undefined && truth !== state)
            say('wrong-state', `item ${code} is in state ${state}, in truth in ${truth}`);
    }
    for (const code of history.truth.keys()) {
        if (!db.items.some((item) => item.code === code))
            say('wrong-state', `item ${code} is not known`);
    }
    if (history.rebuild && history.rebuild.code !== 0)
        say('rebuild', `exit code ${history.rebuild.code}: ${history.rebuild.stdout}${history.rebuild.stderr}`);
}

// A consumer that has never moved does not run in this test.
function checkCursors(history, db, say) {
    const logs = { correlate: db.facts, sms: db.journey };
    for (const [consumer, log] of Object.entries(logs)) {
        const cursors = new Map(db.cursor.filter((row) => row.consumer === consumer).map(({ lane, pos }) => [lane, pos]));
        if (cursors.size === 0 && !history.consumers.includes(consumer))
            continue;
        const last = new Map(log.map(({ lane, pos }) => [lane, pos])); // in order of pos
        for (const [lane, pos] of last) {
            if ((cursors.get(lane) ?? 0) < pos)
                say('unread', `${consumer} stands at ${lane}/${cursors.get(lane) ?? 0}, the log ends at ${pos}`);
        }
    }
}

// answered = receipts, number by number; accepted numbers lie where their receipt says.
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
    const facts = new Map(db.facts.map((fact) => [keyOf(fact.lane, fact.pos), fact]));
    for (const { lane, stream, first_seq: first, first_pos: at, outcomes, digests } of db.receipts) {
        let pos = at;
        [...outcomes].forEach((outcome, i) => {
            if (outcome !== 1)
                return;
            const fact = facts.get(keyOf(lane, pos));
            if (fact?.stream !== stream || fact.seq !== first + i || fact.digest !== digests.subarray(32 * i, 32 * i + 32).toString('hex'))
                say('wrong-receipt', `number ${keyOf(stream, first + i)} should be the fact at ${lane}/${pos}`);
            pos++;
        });
    }
}

// ---- what was shown

// reads: { code, from, to, rows: [{ seq, kind, … }] } of the office API or a page. A read that began after another had ended shows all that the other showed.
function checkReads(history, db, say) {
    const dossiers = groupBy(db.journey, ({ lane, dossier }) => keyOf(lane, dossier));
    const last = db.journey.map(({ code, lane, dossier }) => ({ code, from: Infinity, to: Infinity, rows: dossiers.get(keyOf(lane, dossier)) }));
    for (const [code, reads] of groupBy([...history.reads, ...last], ({ code: name }) => name)) {
        for (const before of reads.filter(({ to }) => to < Infinity)) {
            const shown = before.rows.map(({ seq, kind }) => keyOf(seq, kind));
            const after = reads.find((read) => {
                const now = new Set(read.rows.map(({ seq, kind }) => keyOf(seq, kind)));
                return read.from > before.to && shown.some((row) => !now.has(row));
            });
            if (after ?? (shown.length > 0 && !reads.some(({ to }) => to === Infinity)))
                say('unstable', `${code}: what was shown at ${before.to} was not shown later`);
        }
    }
}

// ---- offices

function checkSink(sink, history, db, say) {
    const wanted = db.journey.filter((row) => sink.wants(row));
    const rows = new Map(wanted.map((row) => [keyOf(row.code, row.seq), row]));
    const copies = new Map(); // webhook-id → its requests
    const byDossier = new Map([...groupBy(wanted, ({ lane, dossier }) => keyOf(lane, dossier))].map(([key, list]) => [key, { list, taken: new Map(), base: 0, next: 0 }]));
    for (const request of standing(sink, db, say)) {
        const text = request.body.toString();
        if (!sink.verify(request.headers, text))
            say('unsigned', `${sink.endpoint}: request ${request.n} has no valid signature`);
        if (!(Math.abs(Number(request.headers['webhook-timestamp']) * 1000 - request.at) <= SKEW_MS) && !bent(history, 'webhook', request.at))
            say('skewed', `${sink.endpoint}: request ${request.n} of ${request.at} is dated ${request.headers['webhook-timestamp']}`);
        const event = JSON.parse(text);
        const row = rows.get(keyOf(event.subject, Number(event.sequence)));
        if (!row) {
            say('phantom', `${sink.endpoint} was told ${event.subject} number ${event.sequence}, which is not in the journey or not for it`);
            continue;
        }
        const id = request.headers['webhook-id'];
        if (!copies.has(id))
            copies.set(id, []);
        copies.get(id).push(request);
        checkNews(sink, event, row, say);
        checkOrder(sink, request, event, row, byDossier.get(keyOf(row.lane, row.dossier)), say);
    }
    for (const { list, taken } of byDossier.values()) {
        const missing = sink.healthy ? list.filter((row) => !taken.has(row)) : [];
        missing.forEach(({ code, seq }) => say('untold', `${sink.endpoint} never took ${code} number ${seq}`));
    }
    copies.forEach((requests, id) => checkCopies(sink, id, requests, history, say));
}

// What the sink was told less what a restore took back; that must have been taken back there too.
function standing(sink, db, say) {
    const floor = db.epochs?.at(-1)?.floor ?? 0;
    if (floor === 0)
        return sink.requests;
    const told = sink.requests.map((request) => {
        const { source, subject, sequence } = JSON.parse(request.body);
        return { request, epoch: Number(source.split(':').at(-1)), subject, seq: Number(sequence) };
    });
    const last = db.epochs.at(-1).epoch;
    const sure = new Map(); // subject → the number up to which the old epoch stands
    for (const { code, pos, seq, kind } of db.journey) {
        if (pos <= floor)
            sure.set(code, seq);
        else if (kind === 'stream.reset')
            sure.set(code, seq - 1);
    }
    const anew = new Map(); // subject → the lowest number told in the new epoch
    for (const { request, epoch, subject, seq } of told) {
        if (epoch === last && isGood(request))
            anew.set(subject, Math.min(seq, anew.get(subject) ?? Infinity));
    }
    return told.filter(({ request, epoch, subject, seq }) => {
        const stands = epoch === last || seq <= (sure.get(subject) ?? 0);
        if (!stands && isGood(request) && !(anew.get(subject) <= seq))
            say('unreset', `${sink.endpoint} still believes ${subject} number ${seq} of epoch ${epoch}`);
        return stands;
    }).map(({ request }) => request);
}

function checkNews(sink, event, row, say) {
    const told = { type: event.type, time: Date.parse(event.time), item: event.data.item ?? null };
    const truth = { type: `vn.duongthu.${row.kind}`, time: row.at, item: sink.thin ? null : row.item };
    if (JSON.stringify(told) !== JSON.stringify(truth))
        say('wrong-news', `${sink.endpoint}: ${event.subject} number ${event.sequence} told ${JSON.stringify(told)}, the journey says ${JSON.stringify(truth)}`);
}

// dossier: { list: its rows in order, taken: row → when its first good answer had left, base: index of the first row behind the last gap, next: of the row that is due }
function checkOrder(sink, request, event, row, dossier, say) {
    const where = `${sink.endpoint}: ${event.subject} number ${event.sequence}`;
    const index = dossier.list.indexOf(row);
    const before = dossier.list.slice(dossier.base, index);
    const fits = event.data.gap_before ? index >= dossier.next : before.every((earlier) => dossier.taken.get(earlier) <= request.at);
    const { answered = Infinity } = request; // the sender may not have heard it: then it comes again
    if (dossier.taken.has(row)) {
        if (isGood(request))
            dossier.taken.set(row, Math.min(dossier.taken.get(row), answered));
        return;
    }
    if (isGood(request) && index !== dossier.next && !(event.data.gap_before && index > dossier.next))
        say('order', `${where} was taken, ${dossier.list[dossier.next]?.seq ?? 'nothing'} was due`);
    else if (!fits)
        say('overlap', `${where} left before the earlier ones were taken`);
    if (!isGood(request))
        return;
    dossier.taken.set(row, answered);
    dossier.base = event.data.gap_before ? index : dossier.base;
    dossier.next = index + 1;
}

function checkCopies(sink, id, requests, history, say) {
    if (new Set(requests.map(({ body }) => body.toString())).size > 1)
        say('changed', `${sink.endpoint}: two bodies under id ${id}`);
    const good = requests.filter(isGood);
    good.slice(1).forEach((next, i) => {
        const before = good[i];
        if (before.answered !== undefined && !struck(history, 'webhook', before.at, Math.min(next.at, before.answered + SETTLE_MS)))
            say('unexplained', `${sink.endpoint}: ${id} came again at ${next.at}, ${next.at - before.answered} ms after it was answered well`);
    });
}

// ---- citizens

function checkSms(history, db, say) {
    const rows = new Map([...history.lost, db].flatMap(({ sms }) => sms).map((row) => [row.id, row])); // as it was last known
    const posts = groupBy((history.gateway?.requests ?? []).map((request) => ({ ...request, ...JSON.parse(request.body) })), ({ reference }) => reference);
    posts.forEach((list, reference) => checkMessage(rows.get(reference), list, history, db, say));
    checkAgain(history, db, posts, say);
    const told = new Set();
    for (const row of db.sms) {
        const sent = posts.get(row.id);
        const news = `${row.cause_lane}/${row.cause_pos} ${row.item} template ${row.template}`;
        if (sent && told.has(`${news} ${sent[0].to}`))
            say('sms-twice', `${news} is two messages to one number`);
        if (sent)
            told.add(`${news} ${sent[0].to}`);
        if (['accepted', 'delivered'].includes(row.state) && history.gateway && !sent?.some(({ mode }) => SENT.has(String(mode))))
            say('sms-lost', `message ${row.id} counts as sent and never reached the gateway`);
        if (['cancelled', 'failed', 'unknown'].includes(row.state) && row.why === '')
            say('sms-silent', `message ${row.id} is ${row.state} without a reason`);
        const wrong = { '': row.possible_duplicate, 'answer lost': !row.possible_duplicate, restored: !row.possible_duplicate || !((db.epochs?.length ?? 1) > 1) };
        if (wrong[row.duplicate_why] ?? true)
            say('sms-unreasoned', `message ${row.id} is ${row.possible_duplicate ? '' : 'not '}marked, because: ${row.duplicate_why}`);
        if (row.state === 'submitting' || (row.state === 'waiting' && row.due))
            say('sms-waiting', `message ${row.id} is still ${row.state}`);
    }
    for (const { reference, state } of history.receipts) {
        if (rows.get(reference)?.state !== state)
            say('receipt-lost', `message ${reference} was reported ${state} and is ${rows.get(reference)?.state}`);
    }
    if (history.consumers.includes('sms'))
        checkLedger(db, say);
}

// Everything the gateway got under one reference.
function checkMessage(row, list, history, db, say) {
    const [{ reference, to, text }] = list;
    const sent = list.filter(({ mode }) => SENT.has(String(mode)));
    if (!row)
        say('sms-phantom', `the gateway got message ${reference}, which is not in the ledger`);
    if (sent.length > 2)
        say('sms-bound', `message ${reference} was sent ${sent.length} times`);
    if (sent.length === 2 && row && !row.possible_duplicate)
        say('sms-unmarked', `message ${reference} was sent twice and is not marked`);
    if (row && row.copies < sent.length)
        say('sms-uncounted', `message ${reference} was sent ${sent.length} times, the ledger says ${row.copies}`);
    sent.slice(1).forEach((next, i) => {
        const { at, answered } = sent[i];
        const restored = row?.duplicate_why === 'restored' && db.epochs.some(({ started }) => started >= at && started <= next.at);
        if (!restored && isGood(sent[i]) && answered !== undefined && !struck(history, 'sms', at, Math.min(next.at, answered + SETTLE_MS)))
            say('sms-unexplained', `message ${reference} was sent again although it had been accepted`);
    });
    if (list.some((one) => one.to !== to || one.text !== text))
        say('sms-changed', `message ${reference} has two texts or two numbers`);
    if (!/^[\x20-\x7e]{1,160}$/.test(text) || /[[\]\\^{|}~`]/.test(text)) // the rest of ASCII is one septet each
        say('sms-long', `message ${reference} is no single unaccented segment`);
    if (sent.some(({ at }) => at > (history.silent.get(to) ?? Infinity)))
        say('sms-unasked', `message ${reference} went to a number that asked for silence`);
}

// What was sent about one piece of news to one number, whatever epoch it was in: a restore takes messages from the ledger, not from a phone. history.lost: { facts, sms } of
// databases that a restore has taken.
function checkAgain(history, db, posts, say) {
    const news = new Map(); // what and to whom → reference → its row
    if (history.lost.length === 0)
        return;
    for (const { facts, sms } of [...history.lost, db]) {
        const events = new Map(facts.map(({ lane, pos, stream, seq, digest }) => [keyOf(lane, pos), `${keyOf(stream, seq)}:${digest}`]));
        for (const row of sms.filter(({ id }) => posts.has(id))) {
            const event = events.get(keyOf(row.cause_lane, row.cause_pos));
            const what = `scan ${history.moved.get(event) ?? event} of ${row.item} template ${row.template} to ${posts.get(row.id)[0].to}`;
            news.set(what, (news.get(what) ?? new Map()).set(row.id, row));
        }
    }
    for (const [what, rows] of news) {
        const sent = [...rows.values()].map((row) => ({ row, copies: posts.get(row.id).filter(({ mode }) => SENT.has(String(mode))) })).filter(({ copies }) => copies.length > 0);
        for (const { row, copies } of sent.sort((a, b) => a.copies[0].at - b.copies[0].at).slice(1)) {
            if (!row.possible_duplicate)
                say('sms-unmarked', `${what}: message ${row.id} is the second and is not marked`);
            if (copies.length > 1)
                say('sms-bound', `${what}: message ${row.id} is the second and was sent ${copies.length} times`);
        }
    }
}

// News and ledger name each other.
function checkLedger(db, say) {
    const newsOf = (lane, pos, item, template) => `${lane}/${pos} ${item ?? ''} template ${template}`;
    const news = new Set(db.journey.filter(({ sms }) => sms !== null).map((row) => newsOf(row.cause_lane, row.cause_pos, row.item, row.sms)));
    const ledger = new Set(db.sms.map((row) => newsOf(row.cause_lane, row.cause_pos, row.item, row.template)));
    for (const one of news) {
        if (!ledger.has(one))
            say('sms-untold', `${one} is not in the ledger`);
    }
    for (const one of ledger) {
        if (!news.has(one))
            say('sms-invented', `${one} is in the ledger without news`);
    }
}

// ---- liveness

// history.healed: when the last fault had ended. What was owed then is due LIVE_MS later, what came later LIVE_MS after it came.
function checkLive(history, db, say) {
    if (history.healed === undefined)
        return;
    const due = (since) => Math.max(since, history.healed) + LIVE_MS;
    const late = (what, since, at) => at > due(since) && say('tardy', `${what}, ${at - Math.max(since, history.healed)} ms after it was owed`);
    const facts = new Map(db.facts.map((fact) => [keyOf(fact.lane, fact.pos), fact]));
    const rows = new Map(); // what a webhook names → its journey row
    const news = new Map();
    for (const row of db.journey) {
        late(`${row.code} number ${row.seq} was folded`, facts.get(keyOf(row.cause_lane, row.cause_pos))?.recorded ?? Infinity, row.recorded);
        rows.set(keyOf(row.code, row.seq), row);
        news.set(`${row.cause_lane}/${row.cause_pos} ${row.item ?? ''}`, row);
    }
    for (const sink of history.sinks.filter(({ healthy }) => healthy)) {
        const taken = new Set();
        for (const request of sink.requests.filter(isGood)) {
            const { subject, sequence } = JSON.parse(request.body.toString());
            const key = keyOf(subject, Number(sequence));
            if (!taken.has(key) && rows.has(key))
                late(`${sink.endpoint} took ${subject} number ${sequence}`, rows.get(key).recorded, request.at);
            taken.add(key);
        }
    }
    const first = new Map((history.gateway?.requests ?? []).map(({ at, body }) => [JSON.parse(body).reference, at]).reverse()); // reversed: the first one stays
    for (const row of db.sms.filter(({ id }) => first.has(id)))
        late(`message ${row.id} was sent`, news.get(`${row.cause_lane}/${row.cause_pos} ${row.item}`)?.recorded ?? Infinity, first.get(row.id));
    const dossiers = groupBy(db.journey, ({ code }) => code);
    for (const { code, from, rows: shown } of history.reads) {
        const seen = new Set(shown.map(({ seq }) => seq));
        (dossiers.get(code) ?? []).filter(({ seq }) => !seen.has(seq)).forEach(({ seq, recorded }) => late(`${code} was read without number ${seq}`, recorded, from));
    }
}

// ---- the machine

function checkMachine(history, say) {
    for (const { services, at, until: end = Infinity } of history.outages) {
        for (const service of services) {
            const samples = history.health.filter((one) => one.service === service);
            const lie = samples.find((one) => one.ready && one.at > at + HONEST_MS && one.at < end);
            if (lie)
                say('dishonest', `${service} was ready ${lie.at - at} ms after it could not keep the promise any more`);
            const next = Math.min(...history.outages.filter((other) => other.at > end).map((other) => other.at), ...history.nemesis.filter((other) => other.at > end).map((other) => other.at));
            const gloom = samples.find((one) => !one.ready && one.at > end + BACK_MS && one.at < next);
            if (gloom)
                say('dishonest', `${service} was not ready ${gloom.at - end} ms after it could keep the promise again`);
        }
    }
    for (const [service, samples] of groupBy(history.resources, ({ service: name }) => name)) {
        const [before, after] = [samples[0], samples.at(-1)];
        for (const [what, more] of Object.entries(MORE)) {
            if (after[what] > before[what] + more(before[what]))
                say('leak', `${service}: ${what} ${before[what]} before the faults, ${after[what]} after`);
        }
    }
    for (const { service, at, event } of history.errors) {
        if (!struck(history, service, at - SETTLE_MS, at))
            say('unexplained-error', `${service} logged ${event} at ${at}`);
    }
}
