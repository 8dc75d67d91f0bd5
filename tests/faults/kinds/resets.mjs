// SPDX-License-Identifier: EUPL-1.2
// Between two machines every TCP segment is answered with a reset: connections break in the middle of whatever they did, new ones are refused.
import { WIRES, meet } from '../wires.mjs';

export { hits, needs } from '../wires.mjs';
export const name = 'resets';
export const where = 'network';
export const seconds = 8;
export const dose = (luck) => ({ wire: luck.pick(Object.keys(WIRES)), ms: luck.between(200, 9_000) });

export async function strike(world, { wire, ms }) {
    const heal = world.network.reject(...WIRES[wire].ends);
    const packets = await meet(world, wire, { ms, heal, felt: heal.packets, silent: true });
    return `${packets} packets were answered with a reset`;
}
