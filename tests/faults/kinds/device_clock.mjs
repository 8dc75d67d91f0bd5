// SPDX-License-Identifier: EUPL-1.2
// Handhelds whose clocks are wrong, by days or from 1970 on: the first upload is refused with our time, from then on they say by how much they are off, and what they
// scanned is stored at the time it truly had.
import assert from 'node:assert/strict';
import { digestsOf } from '../../harness/device.mjs';
import { until } from '../../harness/wait.mjs';

export const name = 'device-clock';
export const where = 'outside';
export const seconds = 3;
export const needs = () => null;
export const dose = (luck) => ({ off: luck.pick(['+3d', '-3d', '+20m', '-20m', '1970']), items: luck.between(1, 4) });
export const hits = () => [];

const MINUTES = { '+3d': 4_320, '-3d': -4_320, '+20m': 20, '-20m': -20 };
const DAY_MS = 86_400_000;
const TRUE_MS = 60_000; // the offset is measured over a network, by a machine that is busy

export async function strike(world, { off, items }) {
    const device = await world.handheld();
    const error = off === '1970' ? DAY_MS - Date.now() : MINUTES[off] * 60_000; // it was switched on a day ago
    device.clock = () => Date.now() + error;
    let skewed = 0;
    let checked = 0;
    for (const { dossier, scans } of world.lives(items)) {
        const bodies = scans.map((fields) => device.scan({ ...fields, at_ms: fields.at_ms + error }));
        await until(async () => {
            const entry = await world.history.upload(device, device.batch(bodies), digestsOf(bodies), undefined, bodies.map(() => [dossier]));
            if (entry.code === 'clock-skew') {
                skewed++;
                device.offset = entry.server_at_ms - device.clock();
            }
            return entry.outcome === 'ok';
        }, { limit: 120_000, what: 'the handheld learns the time and is answered' });
        for (const { at_ms: at, seq } of bodies) {
            const [fact] = await until(() => world.rows(`select (extract(epoch from occurred_at) * 1000)::bigint as at from dt.fact where stream = $1 and seq = $2`, [device.number, seq]),
                { limit: 60_000, what: 'the fact is read' });
            assert.ok(Math.abs(Number(fact.at) - (at - error)) < TRUE_MS, `a scan of ${new Date(at - error).toISOString()} is dated ${new Date(Number(fact.at)).toISOString()}`);
            checked++;
        }
    }
    assert.ok(skewed > 0, 'the handheld was never told that its clock is wrong');
    return `told of its clock ${skewed} times, ${checked} scans are dated right`;
}
