// SPDX-License-Identifier: EUPL-1.2
// Webhooks from Node: sender.mjs SOCKET-FOLDER PORT CONCURRENCY AFTER COUNT. Reads the journey log behind position AFTER, makes the same CloudEvents and Standard Webhooks
// signatures, keeps the order of each dossier, and writes each attempt into a ledger and its position into a cursor, both in batches. Node's own http client with
// keep-alive connections.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import http from 'node:http';
import pg from 'pg';

const [host, port, concurrency, after, count] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const PAGE = 1000; // rows read at once
const LEDGER = 256; // attempts written at once, or fewer when nobody is sending
const KINDS = { 10: 'item.collected', 11: 'item.accepted', 14: 'item.arrived', 30: 'delivery.started', 34: 'item.delivered' };

const pool = new pg.Pool({ host, port: 5432, database: 'duongthu', user: 'duongthu', max: 2 });
const agent = new http.Agent({ keepAlive: true, maxSockets: concurrency, scheduling: 'lifo' });
const endpoints = new Map(Array.from({ length: 16 }, (_, i) => [`H56.${10 + i}`, { id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`, path: `/hook/${i}`, key: randomBytes(32) }]));
const SOURCE = 'urn:duongthu:00000000-0000-4000-8000-000000000000:1';

const ready = []; // dossiers that have something to send and nothing under way
const queues = new Map(); // dossier → rows, in order; the first may be under way
let underWay = 0;
let position = after;
let read = 0;
let reading = false;
let results = [];
let writing = false;
let written = 0;

async function fetchPage() {
    reading = true;
    const { rows } = await pool.query({ name: 'page', text: `select pos, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, leg, state, details
        from dt.journey where lane = 0 and pos > $1 order by pos limit $2`, values: [position, PAGE] });
    for (const row of rows) {
        const queue = queues.get(row.dossier);
        if (queue) {
            queue.push(row);
        } else {
            queues.set(row.dossier, [row]);
            ready.push(row.dossier);
        }
    }
    read += rows.length;
    position = rows.at(-1)?.pos ?? position;
    reading = false;
    step();
}

function letter(row, endpoint) {
    const id = `msg_${createHash('sha256').update(`${SOURCE} ${row.pos} ${endpoint.id}`).digest('base64url')}`;
    const time = row.occurred_at.toISOString();
    const event = KINDS[row.kind];
    const body = JSON.stringify({ specversion: '1.0', id, source: SOURCE, type: `vn.duongthu.${event}`, subject: row.code, time, datacontenttype: 'application/json',
        sequence: row.seq, sequencetype: 'Integer', data: { dossier: row.code, sequence: Number(row.seq), event, unit: row.unit, occurred_at: time,
            recorded_at: row.recorded_at.toISOString(), item: row.item, leg: row.leg, state: 'delivered', state_code: 'S19', details: JSON.parse(row.details) } });
    return { id, body };
}

function send(dossier) {
    const row = queues.get(dossier)[0];
    const endpoint = endpoints.get(row.unit);
    const { id, body } = letter(row, endpoint);
    const began = Date.now();
    const timestamp = Math.floor(began / 1000);
    const signature = createHmac('sha256', endpoint.key).update(`${id}.${timestamp}.${body}`).digest('base64');
    underWay++;
    const request = http.request({ host: '127.0.0.1', port, path: endpoint.path, method: 'POST', agent, headers: { 'content-type': 'application/cloudevents+json; charset=UTF-8',
        'content-length': Buffer.byteLength(body), 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` } }, (response) => {
        response.resume().on('end', () => ended(dossier, row, endpoint, began, response.statusCode));
    });
    request.on('error', (error) => {
        throw error;
    });
    request.end(body);
}

function ended(dossier, row, endpoint, began, status) {
    if (status !== 204)
        throw new Error(`answered ${status}`);
    underWay--;
    results.push([endpoint.id, row.pos, new Date(began).toISOString(), status, Date.now() - began]);
    const queue = queues.get(dossier);
    queue.shift();
    if (queue.length)
        ready.push(dossier);
    else
        queues.delete(dossier);
    step();
}

async function writeLedger() {
    writing = true;
    const batch = results;
    results = [];
    const column = (i) => batch.map((result) => result[i]);
    await pool.query({ name: 'ledger', text: `with a as (insert into rival.attempt (lane, endpoint, pos, at, outcome, status, took_ms)
        select 0, e, p, t, 1, s, ms from unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::smallint[], $5::integer[]) as x (e, p, t, s, ms))
        insert into rival.cursor (pos) values ($6)`, values: [column(0), column(1), column(2), column(3), column(4), position] });
    written += batch.length;
    writing = false;
    step();
}

function step() {
    while (underWay < concurrency && ready.length)
        send(ready.shift());
    if (!reading && read < count && ready.length < concurrency)
        fetchPage();
    if (!writing && (results.length >= LEDGER || (results.length && underWay === 0)))
        writeLedger();
    if (written === count) {
        agent.destroy();
        pool.end();
    }
}
step();
