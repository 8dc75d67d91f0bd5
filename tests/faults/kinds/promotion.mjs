// SPDX-License-Identifier: EUPL-1.2
// The primary dies or hangs, its synchronous standby takes over, and the old primary comes back: by itself, as it was, when it acknowledges nothing, since its standby is
// gone; then rewound, as the standby of its successor, and in the end as the primary again. Nobody who connects is told: they know both servers.
import assert from 'node:assert/strict';
import { until } from '../../harness/wait.mjs';

export const name = 'promotion';
export const where = 'ground';
export const seconds = 30;
export const byName = true; // all connections of a run with it know two servers
export const needs = (world) => (world.second ? null : 'this world has no second server');
export const dose = (luck) => ({ how: luck.pick(['dies', 'hangs']), back: luck.pick(['as-it-was', 'rewound']) });
export const hits = () => [];

const PATIENCE_MS = 60_000;

const acknowledged = (world, what) => until(async () => (await world.probe()).outcome === 'ok', { limit: PATIENCE_MS, what });

// Nobody has told the old primary. → ends when it is stopped again: what was written there was acknowledged to nobody.
async function splitBrain(old) {
    await old.start();
    const written = old.psql('create table public.split_brain ()').then(() => 'acknowledged', () => 'not acknowledged');
    await until(async () => (await old.psql("select from pg_stat_activity where wait_event = 'SyncRep' and query like 'create table%'")).length === 1,
        { limit: PATIENCE_MS, what: 'the old primary waits for its standby' });
    await old.stop('fast');
    assert.equal(await written, 'not acknowledged');
}

export async function strike(world, { how, back }) {
    const { cluster: first, second } = world;
    await first.standby(second);
    await first.synchronous('standby');
    await acknowledged(world, 'scans are acknowledged by both');

    if (how === 'dies')
        await first.crash();
    else
        first.freeze();
    const since = Date.now();
    await second.promote();
    world.cluster = second;
    await acknowledged(world, 'scans are acknowledged by the standby');
    const gap = Date.now() - since;
    if (how === 'hangs')
        await first.crash(); // whoever was fenced must not come back to life with open connections

    if (back === 'as-it-was')
        await splitBrain(first);
    await first.rejoin(second);
    await second.synchronous('standby');
    await acknowledged(world, 'scans are acknowledged by both again');
    await first.caughtUp(second);
    assert.deepEqual(await first.psql("select to_regclass('public.split_brain') as there"), [{ there: null }]);

    await second.stop('fast'); // its standby has all when it ends
    await first.promote();
    world.cluster = first;
    await first.synchronous('');
    await acknowledged(world, 'scans are acknowledged by the old primary');
    await second.clear();
    return `the standby acknowledged after ${gap} ms, the old primary came back ${back}`;
}
