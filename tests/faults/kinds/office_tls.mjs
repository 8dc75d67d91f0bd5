// SPDX-License-Identifier: EUPL-1.2
// An office's TLS is bad: its certificate has expired, names somebody else, is signed by nobody we trust; it shakes no hand, or speaks no TLS at all. The sender says nothing
// to whoever it is, waits no longer than it must, and tells all when the office is itself again.
import assert from 'node:assert/strict';
import { until } from '../../harness/wait.mjs';
import { watchMemory } from '../memory.mjs';

export const name = 'office-tls';
export const where = 'outside';
export const seconds = 12;
export const needs = () => null;
export const dose = (luck) => ({ way: luck.pick(['expired', 'wrong-name', 'self-signed', 'hangs', 'garbage']), ms: luck.between(4_000, 12_000) });
export const hits = () => ['webhook'];

export async function strike(world, { way, ms }) {
    const office = world.offices.sealed;
    const watching = watchMemory(world, 'webhook');
    let met;
    office.speak(way);
    const from = office.requests.length;
    try {
        await world.incite(1, office);
        await until(() => office.met > 0, { limit: 120_000, what: 'somebody knocks' });
        await watching.last(ms);
        assert.equal(office.requests.length, from, 'the sender told a stranger');
        ({ met } = office);
    } finally {
        office.speak('good');
    }
    return `${met} times somebody knocked at an office with bad TLS: ${way}; ${watching.proof()}`;
}
