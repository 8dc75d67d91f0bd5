// SPDX-License-Identifier: EUPL-1.2
// What the faults of replication share: a standby for the length of a strike, and a scan that nobody may acknowledge before the standby has it.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../harness/wait.mjs';

// Runs `work` while each commit waits for a standby; afterwards there is none again.
export async function withStandby(world, work) {
    const { cluster } = world;
    const standby = await cluster.standby();
    try {
        await cluster.synchronous('standby');
        return await work(standby);
    } finally {
        await cluster.synchronous('');
        await standby.destroy();
    }
}

// The backends of ingest whose commit waits for a standby now.
export const waiting = (world) => world.rows("select pid from pg_stat_activity where usename = 'dt_ingest' and wait_event = 'SyncRep'");

// For ms, and until a commit was seen to wait, no scan may be acknowledged: the standby takes nothing. send() → the entry of an upload in the history; it is sent again and again.
// → last: ends when the request ends that is under way.
export async function holds(world, send, ms) {
    const end = Date.now() + ms;
    let over = false;
    const sending = (async () => {
        while (!over) {
            const entry = await send();
            if (!over)
                assert.notEqual(entry.outcome, 'ok', 'a commit that the standby does not have was acknowledged');
            await pause(100);
        }
    })();
    sending.catch(() => {}); // awaited below
    try {
        await Promise.race([sending, until(async () => (await waiting(world)).length > 0, { limit: 60_000, what: 'a commit waits for the standby' })]);
        await Promise.race([sending, pause(Math.max(0, end - Date.now()))]);
    } finally {
        over = true; // from here on an answer may come
    }
    return { last: sending };
}

// The standby is there again: a scan is acknowledged, and then the standby has it.
export async function flows(world, standby) {
    await until(async () => (await world.probe()).outcome === 'ok', { limit: 60_000, what: 'scans are acknowledged again' });
    await standby.caughtUp(world.cluster);
}
