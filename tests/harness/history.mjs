// SPDX-License-Identifier: EUPL-1.2
// What every actor of a test wrote down, and the final database; checker.mjs decides from both whether the promise held.
//
//   uploads    { device, stream, batch, at, outcome: 'ok' | 'unknown' | 'no', scans: [{ seq, digest, tells }], results: [{ seq, status, reason, first }] }
//   sinks      { endpoint, wants(row), healthy, thin, verify(headers, body) → bool, requests of harness/peer.mjs }
//   gateway    a peer of harness/sms_gateway.mjs
//   receipts   { reference, state } that the sms service took
//   reads      { code, from, to, rows: [{ seq, kind }] }: what the office API showed
//   nemesis    { at, until, fault, hits: [service] (empty: all) }: they explain duplicates
//   truth      item code → the state it is in, as the one who scripted its journey knows
//   silent     phone → since when it must get nothing
//   consumers  ['correlate', 'sms'] of those that run: they must have read everything, even when they never moved
//   rebuild    { code, stdout, stderr } of `rebuild --check`
import { kindName } from './vocabulary.mjs';

export { RULES, check } from './checker.mjs';

export class History {
    uploads = [];
    sinks = [];
    gateway = null;
    receipts = [];
    reads = [];
    nemesis = [];
    truth = new Map();
    silent = new Map();
    consumers = [];
    rebuild = null;

    // Something that strikes the services named (none: all), now and until the answer is called. A blow without length needs no call.
    fault(fault, ...hits) {
        const entry = { at: Date.now(), until: Date.now(), fault, hits };
        this.nemesis.push(entry);
        return entry;
    }

    // Runs `strike` and notes how long the fault lasted.
    async during(fault, hits, strike) {
        const entry = this.fault(fault, ...hits);
        entry.until = undefined;
        try {
            return await strike();
        } finally {
            entry.until = Date.now();
        }
    }

    // Sends one batch and writes down what came of it; never throws. tells: per scan, the dossiers whose journey must know of it.
    async upload(device, batch, digests, options, tells = []) {
        const entry = { device: device.id, stream: device.number, batch: batch.batch, at: Date.now(), outcome: 'unknown', results: [],
            scans: batch.scans.map(({ seq }, i) => ({ seq, digest: digests[i], tells: tells[i] })) };
        this.uploads.push(entry);
        try {
            const answer = await device.send(batch, options);
            entry.status = answer.status;
            // 5xx may hide a commit, our own 503 too: it also stands for a commit whose answer was lost. 4xx says that nothing was taken.
            entry.outcome = answer.status === 200 ? 'ok' : answer.status < 500 ? 'no' : 'unknown';
            if (answer.status === 200)
                entry.results = answer.body.results;
        } catch (error) {
            entry.forged = error.code === 'BAD_RECEIPT';
            entry.error = String(error.cause?.code ?? error.message);
        }
        return entry;
    }

    // The journey of a dossier as the office API shows it. show() → [{ seq, kind }]
    async read(code, show) {
        const from = Date.now();
        const rows = await show();
        this.reads.push({ code, from, to: Date.now(), rows });
        return rows;
    }
}

// The final state, from the database that survived.
export async function snapshot(cluster) {
    const rows = (sql) => cluster.psql(sql);
    return {
        facts: await rows("select lane, pos, stream, seq, source, encode(sha256(convert_to(body, 'UTF8')), 'hex') as digest from dt.fact order by lane, pos"),
        quarantine: await rows("select stream, seq, encode(digest, 'hex') as digest, reason from dt.quarantine"),
        answered: await rows('select s.stream, lower(r) as first, upper(r) - 1 as last from dt.stream s, unnest(s.answered) r where s.device is not null'),
        receipts: await rows('select lane, stream, first_seq, last_seq, first_pos, outcomes, digests from dt.receipt'),
        journey: (await rows(`select lane, pos, dossier, seq, kind, code, unit, item, leg, sms, (extract(epoch from occurred_at) * 1000)::bigint as at, cause_lane, cause_pos, cause_part, details::jsonb ->> 'fact' as fact
                              from dt.journey order by lane, pos`)).map((row) => ({ ...row, kind: kindName(row.kind) })),
        items: await rows('select code, state from dt.item'),
        cursor: await rows('select lane, consumer, max(pos) as pos from dt.cursor group by lane, consumer'),
        stuck: await rows('select lane, pos, error from dt.stuck where solved_at is null'),
        sms: await rows(`select id, state, why, copies, possible_duplicate, template, cause_lane, cause_pos, item,
                                not_before <= clock_timestamp() as due from dt.sms`),
    };
}
