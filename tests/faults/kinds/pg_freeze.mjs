// SPDX-License-Identifier: EUPL-1.2
// The machine of PostgreSQL hangs: connections stay open, nothing is answered. Each service says within 5 s that it can't work.
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../../harness/app.mjs';

export const name = 'pg-freeze';
export const where = 'ground';
export const seconds = 14;
export const needs = () => null;
export const dose = (luck) => ({ ms: luck.between(7_000, 13_000) });
export const hits = () => [];

export async function strike(world, { ms }) {
    const { cluster } = world;
    const since = Date.now();
    cluster.freeze();
    try {
        await world.blind(SERVICES);
        await sleep(ms - (Date.now() - since));
    } finally {
        cluster.thaw();
    }
    return `nobody was ready while PostgreSQL was frozen for ${ms} ms`;
}
