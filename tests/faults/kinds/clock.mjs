// SPDX-License-Identifier: EUPL-1.2
// The wall clock of one process jumps, and jumps back: an hour, minutes, a year. Leases, waits and order hang on no wall clock; what is dated says the wrong time, and
// ingest says that it can't work.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../../harness/app.mjs';
import { until } from '../../harness/wait.mjs';
import { LEASED } from '../world.mjs';

export const name = 'clock';
export const where = 'house';
export const seconds = 14;
export const dose = (luck) => ({ service: luck.pick(SERVICES), by: luck.pick(['+1h', '-1h', '+400d', '-5m']), ms: luck.between(4_000, 9_000) });
export const hits = ({ service }) => [service];

const LIBRARY = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;
const MINUTES = { '+1h': 60, '-1h': -60, '+400d': 400 * 24 * 60, '-5m': -5 };

export const needs = () => (existsSync(LIBRARY) ? null : `${LIBRARY} is missing: deploy/setup.sh test installs it`);

export async function strike(world, { service, by, ms }) {
    const { app } = world;
    const file = join(app.folder, `clock-${service}`);
    const { name: process } = await world.processOf(service, 'owner');
    const again = async (extra) => {
        await app.process(process).end('SIGTERM');
        await world.revive(process, extra);
    };
    writeFileSync(file, '+0');
    await again({ env: { LD_PRELOAD: LIBRARY, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' } });
    try {
        await (LEASED.includes(service) ? app.lives(process) : app.ready(process, { limit: 60_000 })); // the other one may have taken over: a stand-by need not be ready
        const child = app.process(process);
        // Its newest log line tells what its clock shows; at SIGHUP it logs that it reads its configuration again.
        const shows = (minutes) => until(() => {
            child.kill('SIGHUP');
            const { t } = child.logs.at(-1) ?? {};
            return Math.abs((Date.parse(t) - Date.now()) / 60_000 - minutes) <= 1;
        }, { limit: 20_000, what: `the clock of ${process} is ${minutes} minutes off` });
        writeFileSync(file, by);
        await shows(MINUTES[by]);
        if (service === 'ingest')
            await world.blind(['ingest']);
        await sleep(ms); // how long it lives with it
        writeFileSync(file, '+0');
        await shows(0);
    } finally {
        await again();
    }
    return `${process} lived ${MINUTES[by]} minutes off`;
}
