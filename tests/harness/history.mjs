// SPDX-License-Identifier: EUPL-1.2
// What every actor of a test wrote down, and the final database; checker.mjs decides from both whether the promise held.
//
//   uploads    { device, stream, batch, at, until, outcome: 'ok' | 'unknown' | 'no', scans: [{ seq, digest, tells }], results: [{ seq, status, reason, first }] }
//   sinks      { endpoint, wants(row), healthy, thin, verify(headers, body) → bool, requests of harness/peer.mjs }
//   gateway    a peer of harness/sms_gateway.mjs
//   receipts   { reference, state } that the sms service took
//   reads      { code, from, to, rows: [{ seq, kind }] }: what the office API showed
//   nemesis    { at, until, fault, hits: [service] (empty: all) }: they explain duplicates; healed: when the cause was gone, dose, proof: tests/faults/nemesis.mjs
//   truth      item code → the state it is in, as the one who scripted its journey knows
//   silent     phone → since when it must get nothing
//   consumers  ['correlate', 'sms'] of those that run: they must have read everything, even when they never moved
//   moved      scans that a device sent again under another number, because a restore had taken their stream: "stream:seq:digest" → the same of the new one
//   lost       { facts, sms } of databases that a restore took: what they had sent was sent
//   rebuild    { code, stdout, stderr } of `rebuild --check`
//   healed     when the last fault had ended: from then on what is owed has a deadline
//   outages    { services, at, until }: they cannot keep the promise and must say so; health { service, at, ready }: what /readyz said
//   resources  { service, rss_kb, files, connections }: the first of a service against its last
//   errors     { service, at, event }: log lines of level error
//
// With a folder, everything is written there as JSON lines while it happens, one file per actor (history_files.mjs), so that what was seen survives the run:
// `node tests/harness/check_files.mjs FOLDER` looks at it again.
import { readFileSync, readdirSync } from 'node:fs';
import { HistoryFiles } from './history_files.mjs';
import { kindName } from './vocabulary.mjs';

export { RULES, check } from './checker.mjs';
export { line, summarise } from './summary.mjs';

const STALL_MS = 1_000;

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
    moved = new Map();
    lost = [];
    rebuild = null;
    healed = undefined;
    outages = [];
    health = [];
    resources = [];
    errors = [];

    constructor({ folder } = {}) {
        this.files = folder && new HistoryFiles(folder);
    }

    // Something that strikes the services named (none: all), now and until the answer is called. A blow without length needs no call.
    fault(fault, ...hits) {
        const entry = { at: Date.now(), until: Date.now(), fault, hits };
        this.nemesis.push(entry);
        this.files?.write('nemesis', { ...entry, n: this.nemesis.length });
        return entry;
    }

    // Runs `strike` and notes how long the fault lasted: until it is over, or until the moment that it sets itself.
    async during(fault, hits, strike) {
        const entry = { at: Date.now(), until: undefined, fault, hits };
        const n = this.nemesis.push(entry);
        this.files?.write('nemesis', { ...entry, n });
        try {
            return await strike(entry);
        } finally {
            entry.until ??= Date.now();
            this.files?.write('nemesis', { ...entry, n });
        }
    }

    // A sender gives up on a peer that does not answer in time, and our peers all live in this one process: when it stands still, that explains second copies.
    // Until the answer is called.
    watchOurselves() {
        let last = Date.now();
        const timer = setInterval(() => {
            const now = Date.now();
            if (now - last > STALL_MS)
                Object.assign(this.fault('test-stalled'), { at: last });
            last = now;
        }, 50).unref();
        return () => clearInterval(timer);
    }

    // While `strike` lasts these services cannot keep the promise.
    async outage(services, strike) {
        const entry = { services, at: Date.now(), until: undefined };
        this.outages.push(entry);
        try {
            return await strike();
        } finally {
            entry.until = Date.now();
        }
    }

    // Asks /readyz of these services until the answer is called.
    sampleHealth(app, services, every = 200) {
        let over = false;
        const asking = services.map(async (service) => {
            while (!over) {
                this.health.push({ service, at: Date.now(), ready: await app.isReady(service) });
                await new Promise((resolve) => setTimeout(resolve, every));
            }
        });
        return async () => {
            over = true;
            await Promise.all(asking);
        };
    }

    // What the processes of these services hold at this moment.
    async sampleResources(app, cluster, services) {
        const rows = await cluster.psql("select usename, count(*) as n from pg_stat_activity where usename like 'dt\\_%' group by 1");
        for (const service of services) {
            const { pid } = app.process(service);
            this.resources.push({ service, rss_kb: Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)[1]),
                files: readdirSync(`/proc/${pid}/fd`).length, connections: rows.find(({ usename }) => usename === `dt_${service}`)?.n ?? 0 });
        }
    }

    // What the services that ran have logged as errors.
    takeErrors(app) {
        this.errors = app.children.flatMap(({ service, child }) => child.logs.filter(({ level }) => level === 'error')
            .map(({ t, event }) => ({ service, at: Date.parse(t), event })));
    }

    // A sink of harness/sink.mjs, or the gateway.
    addSink(sink) {
        this.sinks.push(sink);
        this.files?.keep(`sink-${sink.endpoint}`, sink);
    }

    setGateway(gateway) {
        this.gateway = gateway;
        this.files?.keep('gateway', gateway);
        return gateway;
    }

    // What is known only at the end, the database included: with it the files are complete.
    save(db) {
        this.files?.finish(this, db);
    }

    // Sends one batch and writes down what came of it; never throws. tells: per scan, the dossiers whose journey must know of it.
    async upload(device, batch, digests, options, tells = []) {
        const entry = { device: device.id, stream: device.number, batch: batch.batch, at: Date.now(), outcome: 'unknown', results: [],
            scans: batch.scans.map(({ seq }, i) => ({ seq, digest: digests[i], tells: tells[i] })) };
        const n = this.uploads.push(entry);
        this.files?.write(`device-${device.number}`, { invoke: n, ...entry, outcome: undefined, results: undefined });
        try {
            const answer = await device.send(batch, options);
            entry.status = answer.status;
            // 5xx may hide a commit, our own 503 too: it also stands for a commit whose answer was lost. 4xx says that nothing was taken.
            entry.outcome = answer.status === 200 ? 'ok' : answer.status < 500 ? 'no' : 'unknown';
            if (answer.status === 200)
                ({ results: entry.results, epoch: entry.epoch } = answer.body);
            else
                Object.assign(entry, { code: answer.body?.code, server_at_ms: answer.body?.server_at_ms });
        } catch (error) {
            entry.forged = error.code === 'BAD_RECEIPT';
            entry.error = String(error.cause?.code ?? error.message);
        }
        entry.until = Date.now();
        const { until, status, outcome, results, forged, error } = entry;
        this.files?.write(`device-${device.number}`, { complete: n, until, status, outcome, results, forged, error });
        return entry;
    }

    // The journey of a dossier as the office API shows it. show() → [{ seq, kind }]
    async read(code, show) {
        const from = Date.now();
        const rows = await show();
        const entry = { code, from, to: Date.now(), rows };
        this.reads.push(entry);
        this.files?.write('reader', entry);
        return rows;
    }
}

// The final state, from the database that survived.
export async function snapshot(cluster) {
    const rows = (sql) => cluster.psql(sql);
    return {
        facts: await rows("select lane, pos, stream, seq, source, encode(sha256(convert_to(body, 'UTF8')), 'hex') as digest, (extract(epoch from recorded_at) * 1000)::bigint as recorded from dt.fact order by lane, pos"),
        quarantine: await rows("select stream, seq, encode(digest, 'hex') as digest, reason from dt.quarantine"),
        answered: await rows('select s.stream, lower(r) as first, upper(r) - 1 as last from dt.stream s, unnest(s.answered) r where s.device is not null'),
        receipts: await rows('select lane, stream, first_seq, last_seq, first_pos, outcomes, digests from dt.receipt'),
        journey: (await rows(`select lane, pos, dossier, seq, kind, code, unit, item, leg, sms, (extract(epoch from occurred_at) * 1000)::bigint as at,
                              (extract(epoch from recorded_at) * 1000)::bigint as recorded, cause_lane, cause_pos, cause_part, details::jsonb ->> 'fact' as fact
                              from dt.journey order by lane, pos`)).map((row) => ({ ...row, kind: kindName(row.kind) })),
        epochs: await rows('select epoch, floor, (extract(epoch from started_at) * 1000)::bigint as started from dt.installation order by epoch'),
        items: await rows('select code, state from dt.item'),
        cursor: await rows('select lane, consumer, max(pos) as pos from dt.cursor group by lane, consumer'),
        stuck: await rows('select lane, pos, error from dt.stuck where solved_at is null'),
        sms: await rows(`select id, state, why, copies, possible_duplicate, duplicate_why, template, cause_lane, cause_pos, item,
                                not_before <= clock_timestamp() as due from dt.sms`),
    };
}
