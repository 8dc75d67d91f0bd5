// SPDX-License-Identifier: EUPL-1.2
// PostgreSQL ends at once, without a checkpoint, and comes back through recovery: an immediate stop, or every process by kill -9 as when the power goes.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../../harness/app.mjs';

export const name = 'pg-crash';
export const where = 'ground';
export const seconds = 8;
export const needs = () => null;
export const dose = (luck) => ({ how: luck.pick(['immediate', 'kill']), away: luck.onceIn(3) ? luck.between(6_000, 9_000) : 0 });
export const hits = () => [];

export async function strike(world, { how, away }) {
    const { cluster } = world;
    const before = cluster.log().length;
    await (how === 'kill' ? cluster.crash() : cluster.stop('immediate'));
    try {
        if (away > 0) {
            await world.blind(SERVICES);
            assert.notEqual((await world.probe()).outcome, 'ok', 'an upload was acknowledged without a database');
            await sleep(away - 5_000);
        }
    } finally {
        await cluster.start();
    }
    const said = cluster.log().slice(before);
    assert.match(said, /database system was not properly shut down/);
    return 'PostgreSQL went through recovery';
}
