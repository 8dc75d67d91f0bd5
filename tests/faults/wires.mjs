// SPDX-License-Identifier: EUPL-1.2
// The ways between our services and everybody else, on which faults of the network strike.
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../harness/app.mjs';
import { whyNoNetwork } from '../harness/network.mjs';
import { until } from '../harness/wait.mjs';
import { HONEST_MS, MACHINE_MS } from './world.mjs';

// ends: machines. links: names of the proxy's links. hits: whose second copies it explains, none: everybody's. stir: makes somebody go that way.
export const WIRES = {
    scan: { ends: ['scan', 'app'], links: /^ingest$/, hits: ['ingest'], stir: (world) => world.probe() },
    db: { ends: ['app', 'db'], links: /^db$/, hits: [], stir: async () => {} },
    office: { ends: ['app', 'office'], links: /^office-/, hits: ['webhook'], stir: (world) => world.incite(1, world.offices.near) },
    sms: { ends: ['app', 'sms'], links: /^sms$/, hits: ['sms'], stir: (world) => world.incite(1) },
};

export const needs = (world) => (world.network ? null : whyNoNetwork() ?? 'this world has no network');
export const hits = ({ wire }) => WIRES[wire].hits;

const FELT_MS = 120_000; // until somebody has met the fault: others strike meanwhile

// Lets somebody go that way while a fault is there, for ms at least and until felt() says how often somebody met it; then heals. silent: nothing comes through, so whoever
// needs the database says that it can't work. → what felt() said
export async function meet(world, wire, { ms, heal, felt, silent }) {
    const stirring = WIRES[wire].stir(world).then(() => null, (error) => error); // what is under way may arrive only when all is healed
    try {
        await Promise.all([sleep(ms), until(felt, { limit: FELT_MS, what: `somebody goes the way of ${wire}` }),
            wire === 'db' && silent && ms > HONEST_MS + MACHINE_MS ? world.blind(SERVICES) : null]);
    } finally {
        await heal();
    }
    const error = await stirring;
    if (error)
        throw error;
    return felt();
}
