// SPDX-License-Identifier: EUPL-1.2
// A history on disk, JSON lines, one file per actor; each line is written when it happens, so a run that dies leaves what was seen until then:
//
//   device-STREAM.jsonl   { invoke: n, stream, batch, at, scans } when an upload leaves, { complete: n, until, outcome, results, … } when it is answered.
//                         Without the second line it is unknown for ever.
//   nemesis.jsonl         { n, at, fault, hits, until }, and { n, until } at the end of a fault that lasts
//   reader.jsonl          what the office API showed
//   sink-ENDPOINT.jsonl, gateway.jsonl    requests as they come, { n, answered } when their answer had left
//   test.jsonl            { name, value }: what only the test knows; a line of name `sink` per office
//   db.jsonl              { table, row } of the database that survived
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { officeRules } from './sink.mjs';

const PLAIN = ['receipts', 'consumers', 'rebuild', 'healed', 'outages', 'health', 'resources', 'errors'];
const MAPS = ['truth', 'silent'];
const BYTES = ['outcomes', 'digests']; // columns that are bytes: hexadecimal here

// A folder that survives the run, emptied of what an earlier run left.
export function keptFolder(name) {
    const folder = join(build, 'runs', name);
    rmSync(folder, { recursive: true, force: true });
    return folder;
}

export class HistoryFiles {
    constructor(folder) {
        this.folder = folder;
        mkdirSync(folder, { recursive: true });
    }

    path(actor) {
        return join(this.folder, `${actor}.jsonl`);
    }

    write(actor, entry) {
        appendFileSync(this.path(actor), `${JSON.stringify(entry)}\n`);
    }

    keep(actor, peer) {
        peer.keepLog(this.path(actor));
    }

    finish(history, db) {
        for (const name of PLAIN)
            this.write('test', { name, value: history[name] });
        for (const name of MAPS)
            this.write('test', { name, value: [...history[name]] });
        for (const { endpoint, units, secret, healthy, thin } of history.sinks)
            this.write('test', { name: 'sink', value: { endpoint, units, secret, healthy, thin } });
        const hex = (row) => Object.fromEntries(Object.entries(row).map(([column, value]) => [column, BYTES.includes(column) ? value.toString('hex') : value]));
        writeFileSync(this.path('db'), Object.entries(db).flatMap(([table, rows]) => [{ table }, ...rows.map((row) => ({ table, row: hex(row) }))])
            .map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    }
}

// ---- and back

// A last line that was cut off is what the actor was about to say: it said nothing.
function linesOf(path) {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [''];
    lines.pop();
    return lines.map((text) => JSON.parse(text));
}

// A later line with the same number completes the earlier one.
function merged(lines, key = ({ n }) => n) {
    const entries = new Map();
    for (const entry of lines)
        entries.set(key(entry), Object.assign(entries.get(key(entry)) ?? {}, entry));
    return [...entries.values()];
}

function uploadsOf(folder) {
    const lines = readdirSync(folder).filter((name) => name.startsWith('device-')).flatMap((name) => linesOf(join(folder, name)));
    return merged(lines, ({ invoke, complete }) => invoke ?? complete).map((entry) => ({ outcome: 'unknown', results: [], ...entry }))
        .sort((a, b) => a.invoke - b.invoke);
}

const requestsOf = (path) => merged(linesOf(path)).map((entry) => ({ ...entry, body: Buffer.from(entry.body) }));

// Fills an empty history → { history, db }. db is undefined when the run died before its end.
export function readHistory(folder, history) {
    history.uploads = uploadsOf(folder);
    history.nemesis = merged(linesOf(join(folder, 'nemesis.jsonl')));
    history.reads = linesOf(join(folder, 'reader.jsonl'));
    if (existsSync(join(folder, 'gateway.jsonl')))
        history.gateway = { requests: requestsOf(join(folder, 'gateway.jsonl')) };
    for (const { name, value } of linesOf(join(folder, 'test.jsonl'))) {
        if (name === 'sink')
            history.sinks.push({ ...value, ...officeRules(value), requests: requestsOf(join(folder, `sink-${value.endpoint}.jsonl`)) });
        else if (MAPS.includes(name))
            history[name] = new Map(value);
        else
            history[name] = value;
    }
    return { history, db: databaseOf(linesOf(join(folder, 'db.jsonl'))) };
}

function databaseOf(lines) {
    if (lines.length === 0)
        return undefined;
    const db = {};
    for (const { table, row } of lines) {
        db[table] ??= [];
        if (row)
            db[table].push(Object.fromEntries(Object.entries(row).map(([column, value]) => [column, BYTES.includes(column) ? Buffer.from(value, 'hex') : value])));
    }
    return db;
}
