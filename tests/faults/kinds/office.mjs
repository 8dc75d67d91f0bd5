// SPDX-License-Identifier: EUPL-1.2
// An office's system is slow, dead, broken or hostile: heads and bodies without end, compressed nothing, advice for ever, a way to our own machine. The sender keeps its
// memory small, follows nobody, holds what the office must hear, and tells it when it is well again.
import assert from 'node:assert/strict';
import { startSink } from '../../harness/sink.mjs';
import { until } from '../../harness/wait.mjs';
import { watchMemory } from '../memory.mjs';

export const name = 'office';
export const where = 'outside';
export const seconds = 12;
export const needs = () => null;
export const dose = (luck) => ({
    mode: luck.pick(['slow', 'dead', 'lost', 'garbage', 'truncated', 'endless', 'headers', 'bomb', 'hints', 'redirect', 500, 429]),
    delay: luck.pick([300, 1_500, 4_000]), ms: luck.between(4_000, 12_000),
});
export const hits = () => ['webhook'];

export async function strike(world, { mode, delay, ms }) {
    const office = world.offices.hostile;
    const witness = await startSink(); // on our own machine; nobody has any business there
    const inside = await world.network?.machine('app').hostInside(witness.port);
    const from = office.requests.length;
    const struck = () => office.requests.slice(from).filter((request) => String(request.mode) === String(mode)).length;
    const watching = watchMemory(world, 'webhook');
    Object.assign(office, { delay, location: witness.url('/inside') });
    office.setMode(mode);
    try {
        await world.incite(1, office);
        await until(() => struck() > 0, { limit: 120_000, what: 'the office is told something' });
        await watching.last(ms);
    } finally {
        office.setMode('ok');
        await inside?.close();
        await witness.stop();
    }
    assert.equal(witness.requests.length, 0, 'the sender followed the office to our own machine');
    return `${struck()} webhooks met an office that was ${mode}, ${watching.proof()}`;
}
