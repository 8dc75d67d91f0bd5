// SPDX-License-Identifier: EUPL-1.2
// A run in one line: what was acknowledged and lost, what came twice and why, the longest time in which handhelds waited and none was answered, and how far behind readers
// were.
import { SENT, groupBy, isGood } from './checker.mjs';

// wrong: what check() found.
export function summarise(history, db, wrong) {
    const count = (...rules) => wrong.filter((line) => rules.includes(line.split(':')[0])).length;
    const acked = new Set(history.uploads.filter(({ outcome }) => outcome === 'ok')
        .flatMap(({ stream, scans, results }) => scans.filter((_, i) => results[i] && results[i].status !== 'refused').map(({ seq, digest }) => `${stream}:${seq}:${digest}`)));
    const webhooks = history.sinks.reduce((sum, { requests }) => sum + copies(requests.filter(isGood), ({ headers }) => headers['webhook-id']), 0);
    const messages = copies((history.gateway?.requests ?? []).filter(({ mode }) => SENT.has(String(mode))), ({ body }) => JSON.parse(body).reference);
    const unexplained = count('unexplained', 'sms-unexplained');
    return {
        acked: acked.size, lost: count('lost', 'other-content'), unknown: history.uploads.filter(({ outcome }) => outcome === 'unknown').length,
        webhook_copies: webhooks, sms_copies: messages, explained: webhooks + messages - unexplained, unexplained,
        longest_gap_ms: longestGap(history.uploads), faults: history.nemesis.length, violations: wrong.length, stale: staleness(history.reads, db),
    };
}

export function line(s) {
    const { reads, behind, p50_ms, p99_ms, max_ms } = s.stale;
    return `acked ${s.acked}, lost ${s.lost}; came twice: ${s.webhook_copies} webhooks, ${s.sms_copies} SMS, explained ${s.explained}, unexplained ${s.unexplained}; `
        + `longest gap ${(s.longest_gap_ms / 1000).toFixed(1)} s; ${reads} reads, ${behind} of them behind (p50 ${p50_ms}, p99 ${p99_ms}, max ${max_ms} ms); `
        + `${s.faults} faults, ${s.unknown} uploads without an answer, ${s.violations} violations`;
}

const copies = (requests, id) => requests.length - new Set(requests.map(id)).size;

// The longest time (ms) in which an upload waited and none was acknowledged, up to the last word of all.
function longestGap(uploads) {
    const ended = uploads.filter(({ until }) => until !== undefined);
    const acks = ended.filter(({ outcome }) => outcome === 'ok').map(({ until }) => until).sort((a, b) => a - b);
    const last = Math.max(...ended.map(({ until }) => until));
    let longest = 0;
    [...acks, last].forEach((end, i, ends) => {
        const begin = ends[i - 1] ?? -Infinity;
        const waiting = ended.filter(({ at, until }) => until > begin && at < end).map(({ at }) => Math.max(at, begin));
        if (waiting.length > 0)
            longest = Math.max(longest, end - Math.min(...waiting));
    });
    return longest;
}

// How old the oldest journey row was that a read should have shown and did not.
export function staleness(reads, db) {
    const journeys = groupBy(db.journey, ({ code }) => code);
    const ages = reads.map(({ code, from, rows }) => {
        const seen = new Set(rows.map(({ seq }) => seq));
        const missing = (journeys.get(code) ?? []).filter(({ seq, recorded }) => recorded < from && !seen.has(seq));
        return missing.reduce((age, { recorded }) => Math.max(age, from - recorded), 0);
    }).sort((a, b) => a - b);
    const at = (share) => ages[Math.min(ages.length - 1, Math.floor(share * ages.length))] ?? 0;
    const histogram = Object.fromEntries([0, 10, 100, 1_000, 10_000, Infinity].map((bound, i, bounds) =>
        [`<= ${bound} ms`, ages.filter((age) => age <= bound && (i === 0 || age > bounds[i - 1])).length]));
    return { reads: ages.length, behind: ages.filter((age) => age > 0).length, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: ages.at(-1) ?? 0, histogram };
}
