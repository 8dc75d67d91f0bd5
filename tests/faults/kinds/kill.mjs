// SPDX-License-Identifier: EUPL-1.2
// A process dies by kill -9 and is started again, as a supervisor does it. Its stand-by takes over when the lease has ended.
import assert from 'node:assert/strict';
import { SERVICES } from '../../harness/app.mjs';
import { LEASED } from '../world.mjs';

export const name = 'kill';
export const where = 'house';
export const seconds = 3;
export const needs = () => null;

export function dose(luck) {
    const service = luck.pick(SERVICES);
    return { service, ...(LEASED.includes(service) ? { role: luck.onceIn(4) ? 'standby' : 'owner' } : {}) };
}

export const hits = ({ service }) => [service];

// It lasts until the process is gone: what it had sent is in our sockets until then, and dated by us when we come to read it.
export async function strike(world, { service, role }) {
    const { name: process, child } = await world.processOf(service, role);
    const { signal } = await child.end('SIGKILL');
    assert.equal(signal, 'SIGKILL');
    await world.revive(process);
    return `process ${child.pid} died`;
}
