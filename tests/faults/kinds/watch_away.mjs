// SPDX-License-Identifier: EUPL-1.2
// A supporting service is down for long: without `watch` nobody makes segments ahead, until the fact log runs low. Then ingest says so and has them made itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'watch-away';
export const where = 'house';
export const seconds = 15;
export const needs = (world) => (world.segmentRows ? null : 'segments are too large to fill');
export const dose = () => ({});
export const hits = () => ['watch'];

const PATIENCE_MS = 120_000; // ingest itself may be struck meanwhile
const BATCH = 500;

export async function strike(world) {
    const { app } = world;
    const child = app.process('watch');
    await child.end('SIGKILL');
    let low = false; // ingest has said that segments run low
    let flooding = true;
    try {
        const device = await world.handheld();
        const before = app.logs('segments.made').length;
        const made = () => app.logs('segments.made').length > before;
        const ahead = async () => (await world.rows("select dt.segments_ahead('fact') as n"))[0].n;
        const looking = look(app, () => flooding, () => (low = true));
        // Not faster than ingest looks: what it has not seen running low it finds missing, and that is another story. And on and on: what the watch that was killed had begun
        // may still be done, so that nothing runs low after all.
        await until(async () => {
            if (!made() && (await ahead()) >= 2)
                await world.deliver(device, world.strays(BATCH));
            return made();
        }, { limit: PATIENCE_MS, what: 'ingest has segments made' });
        await until(() => low, { limit: PATIENCE_MS, what: 'ingest has said that segments run low' });
        await until(async () => (await ahead()) >= 2, { limit: PATIENCE_MS, what: 'segments lie ahead again' });
        flooding = false;
        await looking;
    } finally {
        flooding = false;
        await world.revive('watch');
    }
    return 'ingest said that segments run low, and had them made';
}

async function look(app, goesOn, found) {
    while (goesOn()) {
        const text = await fetch(app.ops('ingest', '/readyz')).then((response) => response.text(), () => '');
        if (/segments ahead of the fact log/.test(text))
            found();
        await sleep(10);
    }
}
