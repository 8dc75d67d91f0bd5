// SPDX-License-Identifier: EUPL-1.2
// Packets get lost by chance, as on a radio link: all arrives, late and in bursts.
import { WIRES, meet } from '../wires.mjs';

export { hits, needs } from '../wires.mjs';
export const name = 'loss';
export const where = 'network';
export const seconds = 12;

export function dose(luck) {
    const wire = luck.pick(Object.keys(WIRES));
    return { wire, percent: wire === 'db' ? luck.between(2, 10) : luck.between(5, 30), ms: luck.between(5_000, 15_000) };
}

export async function strike(world, { wire, percent, ms }) {
    const heal = world.network.lose(...WIRES[wire].ends, percent);
    const packets = await meet(world, wire, { ms, heal, felt: heal.packets });
    return `${packets} packets were lost`;
}
