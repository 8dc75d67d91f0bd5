// SPDX-License-Identifier: EUPL-1.2
// The memory of a service while a stranger does his worst.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const GROWTH_KB = 64 << 10; // while a stranger is talked to

// A process that another fault has just killed holds none.
const rss = (child) => Number(readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB$/m)?.[1] ?? 0);

// From now on → { last(ms): looks for so long, proof(): throws when a process has grown too much, else says by how much }
export function watchMemory(world, service) {
    const before = new Map(world.processes(service).map(({ child }) => [child.pid, rss(child)]));
    let growth = 0;
    return {
        async last(ms) {
            for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) {
                for (const { child } of world.processes(service).filter(({ child: one }) => before.has(one.pid) && !one.result))
                    growth = Math.max(growth, rss(child) - before.get(child.pid));
            }
        },
        proof() {
            assert.ok(growth < GROWTH_KB, `${service} grew by ${growth} kB`);
            return `${service} grew by ${growth} kB`;
        },
    };
}
