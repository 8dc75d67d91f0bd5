// SPDX-License-Identifier: EUPL-1.2
// The carrier's gateway takes messages and does not say so: it is silent, cuts the line, answers nonsense, is full. A message may be with the citizen or not; it is sent
// again at most once, and then marked.
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'gateway';
export const where = 'outside';
export const seconds = 10;
export const needs = () => null;
export const dose = (luck) => ({ mode: luck.pick(['dead', 'lost', 'garbage', 'truncated', 'endless', 'redirect', 503, 500]), oneIn: luck.pick([1, 2, 5]), ms: luck.between(2_000, 12_000) });
export const hits = () => ['sms'];

export async function strike(world, { mode, oneIn, ms }) {
    const { gateway } = world;
    const from = gateway.requests.length;
    const struck = () => gateway.requests.slice(from).filter((request) => String(request.mode) === String(mode)).length;
    let n = 0;
    gateway.setMode(() => (n++ % oneIn === 0 ? mode : 'ok'));
    try {
        await world.incite(1);
        await Promise.all([sleep(ms), until(() => struck() > 0, { limit: 120_000, what: 'the gateway gets a message' })]);
    } finally {
        gateway.setMode('ok');
    }
    return `${struck()} messages met a gateway that was ${mode}`;
}
