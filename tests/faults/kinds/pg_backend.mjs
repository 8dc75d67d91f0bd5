// SPDX-License-Identifier: EUPL-1.2
// One backend dies by kill -9: PostgreSQL ends all others, and recovers by itself.
import assert from 'node:assert/strict';
import { until } from '../../harness/wait.mjs';

export const name = 'pg-backend';
export const where = 'ground';
export const seconds = 5;
export const needs = () => null;
export const dose = (luck) => ({ of: luck.pick(['dt_ingest', 'dt_correlate', 'dt_webhook', 'dt_sms', 'dt_portal', 'dt_watch']) });
export const hits = () => [];

export async function strike(world, { of }) {
    const [{ pid }] = await until(() => world.rows('select pid from pg_stat_activity where usename = $1 limit 1', [of]).then((rows) => rows.length && rows),
        { limit: 60_000, what: `a backend of ${of}` });
    const before = world.cluster.log().length;
    process.kill(pid, 'SIGKILL');
    await until(async () => /all server processes terminated; reinitializing/.test(world.cluster.log().slice(before)) && (await world.rows('select 1')).length === 1,
        { limit: 60_000, what: 'PostgreSQL is back' });
    assert.match(world.cluster.log().slice(before), new RegExp(`\\(PID ${pid}\\) was terminated by signal 9`));
    return `backend ${pid} died, PostgreSQL recovered`;
}
