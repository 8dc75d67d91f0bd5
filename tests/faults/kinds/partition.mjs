// SPDX-License-Identifier: EUPL-1.2
// Nothing passes between two machines any more, in both directions or in one: what was sent may have been done, and nobody says so.
import { WIRES, meet } from '../wires.mjs';

export { hits, needs } from '../wires.mjs';
export const name = 'partition';
export const where = 'network';
export const seconds = 16;
export const dose = (luck) => ({ wire: luck.pick(Object.keys(WIRES)), way: luck.pick(['both', 'there', 'back']), ms: luck.between(3_000, 20_000) });

export async function strike(world, { wire, way, ms }) {
    const [from, to] = way === 'back' ? [...WIRES[wire].ends].reverse() : WIRES[wire].ends;
    const heal = world.network.cut(from, to, { back: way === 'both' });
    const packets = await meet(world, wire, { ms, heal, felt: heal.packets, silent: true });
    return `${packets} packets did not come through`;
}
