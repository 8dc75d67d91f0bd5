// SPDX-License-Identifier: EUPL-1.2
// The line of a commune, an office or the gateway is as thin as 2G: 64 kbit/s and little more, for all that goes over it.
import { meet } from '../wires.mjs';

export { hits, needs } from '../wires.mjs';
export const name = 'thin-pipe';
export const where = 'network';
export const seconds = 14;
export const dose = (luck) => ({ wire: luck.pick(['scan', 'office', 'sms']), kbit: luck.pick([64, 128, 256]), ms: luck.between(5_000, 18_000) });

export async function strike(world, { wire, kbit, ms }) {
    const heal = world.network.thin(wire, kbit);
    const packets = await meet(world, wire, { ms, heal, felt: heal.packets });
    return `packets had to wait ${packets} times`;
}
