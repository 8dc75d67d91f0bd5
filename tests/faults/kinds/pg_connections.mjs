// SPDX-License-Identifier: EUPL-1.2
// Somebody else takes every connection that PostgreSQL gives, just when all services have lost theirs.
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../../harness/app.mjs';
import { until } from '../../harness/wait.mjs';

export const name = 'pg-connections';
export const where = 'ground';
export const seconds = 12;
export const needs = () => null;
export const dose = (luck) => ({ ms: luck.between(2_000, 8_000) });
export const hits = () => [];

const OURS = "usename like 'dt\\_%' and usename <> 'dt_cli'";

export async function strike(world, { ms }) {
    const { cluster } = world;
    const sessions = [];
    const take = async () => {
        try {
            for (;;)
                sessions.push(await cluster.connect({ user: 'dt_cli' }));
        } catch (error) {
            if (error.sqlstate !== '53300')
                throw error;
        }
    };
    try {
        // They come back at once, some before us; sooner or later all places are ours.
        await until(async () => {
            await take();
            await world.rows(`select pg_terminate_backend(pid) from pg_stat_activity where ${OURS}`);
            await take();
            return (await world.rows(`select count(*)::int as n from pg_stat_activity where ${OURS}`))[0].n === 0;
        }, { limit: 30_000, what: 'all connections are taken' });
        await world.blind(SERVICES);
        await sleep(ms);
    } finally {
        await Promise.all(sessions.map((session) => session.drop()));
    }
    return `${sessions.length} connections were taken, nobody was ready`;
}
