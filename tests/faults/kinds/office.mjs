// SPDX-License-Identifier: EUPL-1.2
// An office's system is slow, dead, broken or hostile: heads and bodies without end, compressed nothing, advice for ever, a way to our own machine. The sender keeps its
// memory small, follows nobody, holds what the office must hear, and tells it when it is well again.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSink } from '../../harness/sink.mjs';
import { until } from '../../harness/wait.mjs';

export const name = 'office';
export const where = 'outside';
export const seconds = 12;
export const needs = () => null;
export const dose = (luck) => ({
    mode: luck.pick(['slow', 'dead', 'lost', 'garbage', 'truncated', 'endless', 'headers', 'bomb', 'hints', 'redirect', 500, 429]),
    delay: luck.pick([300, 1_500, 4_000]), ms: luck.between(4_000, 12_000),
});
export const hits = () => ['webhook'];

const GROWTH_KB = 64 << 10; // of the sender's memory while it is talked to

// A process that another fault has just killed holds none.
const rss = (child) => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)?.[1] ?? 0);

export async function strike(world, { mode, delay, ms }) {
    const office = world.offices.hostile;
    const witness = await startSink(); // on our own machine; nobody has any business there
    const inside = await world.network?.machine('app').hostInside(witness.port);
    const from = office.requests.length;
    const struck = () => office.requests.slice(from).filter((request) => String(request.mode) === String(mode)).length;
    const before = new Map(world.processes('webhook').map(({ child }) => [child.pid, rss(child)]));
    let growth = 0;
    Object.assign(office, { delay, location: witness.url('/inside') });
    office.setMode(mode);
    try {
        await world.incite(1, office);
        await until(() => struck() > 0, { limit: 120_000, what: 'the office is told something' });
        for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
            for (const { child } of world.processes('webhook').filter(({ child: one }) => before.has(one.pid) && !one.result))
                growth = Math.max(growth, rss(child) - before.get(child.pid));
        }
    } finally {
        office.setMode('ok');
        await inside?.close();
        await witness.stop();
    }
    assert.equal(witness.requests.length, 0, 'the sender followed the office to our own machine');
    assert.ok(growth < GROWTH_KB, `the sender grew by ${growth} kB`);
    return `${struck()} webhooks met an office that was ${mode}, the sender grew by ${growth} kB`;
}
