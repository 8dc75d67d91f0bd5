// SPDX-License-Identifier: EUPL-1.2
// A process stops between a statement that takes the head of the log and the Sync behind it: PostgreSQL waits for the rest, no timeout of its own sees it, and the lane
// is held. `watch` ends such a backend after 5 s. (Ours send both in one write; this is a client that does not.)
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'unsynced';
export const where = 'ground';
export const seconds = 8;
export const needs = () => null;
export const dose = () => ({ });
export const hits = () => ['ingest'];

const PATIENCE_MS = 120_000; // watch itself may be struck meanwhile
const STALLED_MS = 5_000;
const SQL = "select * from dt.append_facts('stopped', 3::int2, '{}'::int2[], '{}'::timestamptz[], '{}'::text[], '{}'::text[])"; // as an append does, about nothing

export async function strike(world) {
    const session = await world.cluster.connect({ user: 'dt_cli' });
    const since = Date.now();
    const word = (n) => Buffer.from([0, n]);
    const none = Buffer.from([0]);
    session.send('P', none, Buffer.from(`${SQL}\0`), word(0));
    session.send('B', none, none, word(0), word(0), word(0));
    session.send('E', none, Buffer.alloc(4));
    session.send('H');
    await until(() => stands(world, session.pid), { what: 'the backend waits for the rest' });
    const probe = world.probe();
    await until(async () => (await world.rows('select 1 from pg_stat_activity where $1 = any(pg_blocking_pids(pid))', [session.pid])).length > 0,
        { what: 'ingest waits for the head of the log' });
    let ended = false;
    session.closed.then(() => (ended = true));
    await until(() => ended || sleep(50), { limit: PATIENCE_MS, what: 'watch ends the backend' });
    const ms = Date.now() - since;
    assert.ok(ms >= STALLED_MS - 100, `the backend ended after ${ms} ms already`);
    await probe;
    return `watch ended the backend after ${ms} ms`;
}

async function stands({ cluster }, pid) {
    const [row] = await cluster.psql("select state = 'active' and wait_event = 'ClientRead' and xact_start is not null as stands from pg_stat_activity where pid = $1", [pid]);
    return row?.stands;
}
