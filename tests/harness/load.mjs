// SPDX-License-Identifier: EUPL-1.2
// Load as a province makes it: items of dossiers on their way through hands, bags and offices, scanned by whoever holds them; handhelds that upload late, twice and in the
// wrong order. Everything is drawn from a Chance; timing is the machine's.
import { setTimeout as pause } from 'node:timers/promises';
import { JSON_TYPE, PROTOBUF, digestsOf } from './device.mjs';
import { item } from './facts.mjs';
import { until } from './wait.mjs';

const MINUTE = 60_000;
const BATCH_MAX = 8; // scans of one upload
const BAG_MAX = 150; // items of one bag; a scan names at most 200
const DELIVERED = { N: 18, K: 19 }; // states of domain.md 7.1
const RETURNED = 23;

// Ways an item may go, from its collection on. BAG: with others, in a bag.
const WAYS = [
    { steps: ['item.accepted', 'BAG', 'item.arrived', 'delivery.started', 'item.delivered'] },
    { steps: ['delivery.started', 'item.delivered'] },
    { steps: ['item.accepted', 'BAG', 'item.arrived', 'delivery.started', 'FAILED redeliver', 'delivery.started', 'item.delivered'] },
    { steps: ['item.accepted', 'item.arrived', 'delivery.started', 'FAILED return', 'return.started', 'return.completed'], end: RETURNED },
];

// Journeys of the dossiers' items, in order of time: [{ at, type, code, …, tells }]. first: number of the first item. The states in which they end go to history.truth.
export function journeys(luck, dossiers, history, { first, dawn }) {
    const scans = [];
    const bags = new Map();
    dossiers.forEach((dossier, i) => {
        const code = item(first + i);
        const leg = luck.pick(['N', 'K']);
        const { steps, end = DELIVERED[leg] } = luck.pick(WAYS);
        let at = dawn + luck.int(30) * MINUTE;
        const scan = (type, more) => scans.push({ at_ms: at, type, code, tells: [dossier], ...more });
        scan('item.collected', { leg, dossiers: [dossier], charge: 26_000 });
        for (const step of steps) {
            at += luck.between(5, 15) * MINUTE;
            const [word, solution] = step.split(' ');
            if (word === 'BAG') {
                const hour = Math.ceil((at - dawn) / (60 * MINUTE)); // bags close on the hour
                bags.set(hour, [...(bags.get(hour) ?? []), code]);
                at = dawn + (hour * 60 + 45) * MINUTE;
            } else {
                scan(word === 'FAILED' ? 'delivery.failed' : step, solution && { reason: '13', solution });
            }
        }
        history.truth.set(code, end);
    });
    for (const [hour, all] of bags) {
        for (let from = 0; from < all.length; from += BAG_MAX) {
            const members = all.slice(from, from + BAG_MAX);
            const bag = `TUI-580010-${first + 100 * hour + from / BAG_MAX}`;
            ['bag.closed', 'dispatch.departed', 'bag.received', 'bag.opened'].forEach((type, i) =>
                scans.push({ at_ms: dawn + (hour * 60 + 10 * i) * MINUTE, type, code: bag, ...(i % 3 === 0 ? { members } : {}) }));
        }
    }
    return scans.sort((a, b) => a.at_ms - b.at_ms);
}

// Scans go to handhelds by chance, each numbers its own in order of time; uploads leave late, some twice, neighbours in the wrong order, until all are answered.
// spread: ms over which one handheld spreads its uploads.
export async function play(luck, devices, scans, history, { spread }) {
    const shares = devices.map(() => []);
    for (const scan of scans)
        shares[luck.int(devices.length)].push(scan);
    await Promise.all(devices.map((device, i) => handheld(luck.fork(), device, shares[i], history, spread)));
}

async function handheld(luck, device, scans, history, spread) {
    const batches = [];
    for (let i = 0; i < scans.length;) {
        const size = luck.between(1, BATCH_MAX);
        batches.push(scans.slice(i, i + size).map(({ tells, ...fields }) => ({ tells, scan: device.scan(fields) })));
        i += size;
    }
    for (let i = 1; i < batches.length; i += luck.between(2, 4))
        [batches[i - 1], batches[i]] = [batches[i], batches[i - 1]];
    for (const batch of batches) {
        const bodies = batch.map(({ scan }) => scan);
        const options = { form: luck.pick([JSON_TYPE, PROTOBUF]), gzip: luck.onceIn(3) };
        const send = () => history.upload(device, device.batch(bodies), digestsOf(bodies), options, batch.map(({ tells }) => tells));
        await pause(luck.int(2 * spread / batches.length)); // the load's own pace; nothing waits for it
        await until(async () => (await send()).outcome === 'ok' || pause(200), { limit: 120_000, what: 'an upload is answered' });
        if (luck.onceIn(6))
            await send();
    }
}
