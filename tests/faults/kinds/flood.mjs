// SPDX-License-Identifier: EUPL-1.2
// A province comes back on line after a day: hundreds of handhelds upload all they have at once, a tenth of it twice. At full scale in `make soak`.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestsOf } from '../../harness/device.mjs';
import { until } from '../../harness/wait.mjs';

export const name = 'flood';
export const where = 'outside';
export const seconds = 12;
export const needs = () => null;
export const dose = (luck) => ({ share: luck.between(8, 12) }); // of a hundred batches are sent twice
export const hits = () => ['ingest'];

const SMALL = { handhelds: 30, scans: 200, batch: 50 };
const FULL = { handhelds: 300, scans: 2_000, batch: 100 };
const PATIENCE_MS = 600_000; // in 503 and Retry-After, for the last one

export async function strike(world, { share }) {
    const { handhelds, scans, batch } = world.scale === 'full' ? FULL : SMALL;
    const devices = [];
    for (let i = 0; i < handhelds; i++)
        devices.push(await world.handheld());
    const since = Date.now();
    let twice = 0;
    let put = 0;
    let batches = 0;
    await Promise.all(devices.map(async (device) => {
        for (let sent = 0; sent < scans; sent += batch) {
            const bodies = world.strays(batch).map((fields) => device.scan(fields));
            const send = () => world.history.upload(device, device.batch(bodies), digestsOf(bodies), { form: 'application/x-protobuf', gzip: true });
            let tries = 0;
            await until(async () => (++tries && (await send()).outcome === 'ok') || sleep(200), { limit: PATIENCE_MS, what: 'a batch of the flood is answered' });
            put += tries > 1 ? 1 : 0;
            if (++batches % 100 < share || twice === 0) {
                const { results } = await send();
                twice += results.filter(({ status }) => status === 'duplicate').length;
            }
        }
    }));
    assert.ok(twice > 0, 'no scan was answered as a duplicate');
    const ms = Date.now() - since;
    return `${handhelds * scans} scans in ${ms} ms, ${twice} of them twice, ${put} batches put off`;
}
