// SPDX-License-Identifier: EUPL-1.2
// A commit waits for a standby that never comes, and the wait is cancelled: PostgreSQL answers "INSERT" with a warning, the row is on one disk only. Such a commit must
// not be acknowledged, nor may the scan that is sent again, until it truly is durable.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'pg-cancel';
export const where = 'ground';
export const seconds = 8;
export const needs = () => null;
export const dose = (luck) => ({ ms: luck.between(3_000, 8_000), every: luck.between(100, 700) });
export const hits = () => [];

const WARNING = 'canceling wait for synchronous replication';
const COMMITS = "from pg_stat_activity where wait_event = 'SyncRep' and usename like 'dt\\_%'";

export async function strike(world, { ms, every }) {
    const { cluster } = world;
    const set = async (setting) => {
        await world.rows(`alter system ${setting}`);
        await world.rows('select pg_reload_conf()');
    };
    const before = cluster.log().length;
    let probe;
    let cancelled = 0;
    await set("set synchronous_standby_names = 'ghost'");
    try {
        await until(async () => (await world.rows("select current_setting('synchronous_standby_names') as names"))[0].names === 'ghost', { what: 'commits wait' });
        probe = world.probe();
        const end = Date.now() + ms;
        while (Date.now() < end || cancelled === 0) {
            cancelled += (await world.rows(`select pg_cancel_backend(pid) ${COMMITS}`)).length;
            await sleep(every);
        }
        await world.blind(['ingest']);
    } finally {
        await set('reset synchronous_standby_names');
    }
    assert.notEqual((await probe).outcome, 'ok', 'a commit whose wait was cancelled was acknowledged');
    await until(() => cluster.log().slice(before).includes(WARNING), { what: 'PostgreSQL warns' });
    return `${cancelled} waits for the standby were cancelled`;
}
