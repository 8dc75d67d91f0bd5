// SPDX-License-Identifier: EUPL-1.2
// A process is frozen, shorter or longer than its lease lasts, and wakes: what wakes must not write what another has taken over.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../../harness/app.mjs';
import { LEASED, LEASE_MS } from '../world.mjs';

export const name = 'pause';
export const where = 'house';
export const seconds = 12;
export const needs = () => null;

export function dose(luck) {
    const service = luck.pick(SERVICES);
    const role = LEASED.includes(service) ? { role: luck.onceIn(4) ? 'standby' : 'owner' } : {};
    const long = role.role === 'owner' && luck.onceIn(2);
    return { service, ...role, ms: long ? LEASE_MS + luck.between(1_000, 5_000) : luck.between(1_000, 10_000) };
}

export const hits = ({ service }) => [service];

export async function strike(world, { service, role, ms }) {
    const { name: process, child } = await world.processOf(service, role);
    child.kill('SIGSTOP');
    try {
        assert.equal(await world.app.isReady(process), false, 'a frozen process says that it is ready');
        await sleep(ms);
        if (ms > LEASE_MS + 2_000 && role === 'owner')
            assert.notEqual((await world.anOwner(service)).child.pid, child.pid, 'a frozen process keeps its lease');
    } finally {
        child.kill('SIGCONT');
    }
    return `process ${child.pid} said nothing for ${ms} ms`;
}
