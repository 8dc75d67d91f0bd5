// SPDX-License-Identifier: EUPL-1.2
// A link does what no packet filter can: everything comes late, byte by byte, cut short, or not at all while the other side believes that it was heard.
import { WIRES, meet } from '../wires.mjs';

export { hits, needs } from '../wires.mjs';
export const name = 'bad-link';
export const where = 'network';
export const seconds = 13;

// toxic → [ways, its numbers]. down: towards whoever has connected.
const TOXICS = {
    latency: [['both'], (luck) => [luck.between(20, 300), luck.between(0, 100)]],
    bandwidth: [['both'], (luck) => [luck.between(4_000, 40_000)]],
    slicer: [['up', 'down', 'both'], () => [1]],
    slow_close: [['down'], (luck) => [luck.between(200, 3_000)]],
    timeout: [['up', 'down'], (luck) => [luck.between(100, 4_000)]],
    reset_peer: [['up', 'down'], (luck) => [luck.between(0, 200)]],
    limit_data: [['up', 'down'], (luck) => [luck.between(1, 3_000)]],
    blackhole: [['up', 'down'], () => []],
    stall: [['up', 'down', 'both'], () => []],
};

export function dose(luck) {
    const toxic = luck.pick(Object.keys(TOXICS));
    const [ways, numbers] = TOXICS[toxic];
    return { wire: luck.pick(Object.keys(WIRES)), toxic, way: luck.pick(ways), numbers: numbers(luck), ms: luck.between(3_000, 18_000) };
}

export async function strike(world, { wire, toxic, way, numbers, ms }) {
    const links = [...world.network.proxy.links.values()].filter((link) => WIRES[wire].links.test(link.name));
    const bytes = async () => (await Promise.all(links.map((link) => link.stats()))).reduce((sum, { up, down }) => sum + (way === 'down' ? down : up), 0);
    const before = await bytes();
    for (const link of links)
        await link.toxic(way, toxic, ...numbers);
    const heal = () => Promise.all(links.map((link) => link.heal()));
    const met = await meet(world, wire, { ms, heal, felt: async () => await bytes() - before, silent: toxic === 'stall' || toxic === 'blackhole' });
    return `${met} bytes met a link with ${toxic}`;
}
