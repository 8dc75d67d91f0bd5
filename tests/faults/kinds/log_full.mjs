// SPDX-License-Identifier: EUPL-1.2
// The disk that takes a service's log is full: no line can be written, and the service goes on.
import assert from 'node:assert/strict';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '../../harness/app.mjs';

export const name = 'log-full';
export const where = 'house';
export const seconds = 10;
export const needs = () => null;
export const dose = (luck) => ({ service: luck.pick(SERVICES), ms: luck.between(2_000, 6_000) });
export const hits = ({ service }) => [service];

export async function strike(world, { service, ms }) {
    const { app } = world;
    const { name: process } = await world.processOf(service, 'owner');
    const again = async (extra) => {
        await app.process(process).end('SIGTERM');
        await world.revive(process, extra);
    };
    const full = openSync('/dev/full', 'w'); // each write ends with ENOSPC
    let lost;
    try {
        await again({ stderr: full });
        const child = app.process(process);
        assert.equal(readlinkSync(`/proc/${child.pid}/fd/2`), '/dev/full');
        await sleep(ms);
        await world.recovered([service]);
        lost = [...await app.metrics(process)].find(([name]) => name.startsWith('duongthu_log_lost_total'))?.[1];
        assert.ok(lost > 0, `${process} does not count the lines it could not write`);
        assert.equal(child.result, null, `${process} ended because its log is full`);
    } finally {
        closeSync(full);
        await again();
    }
    return `${process} went on, ${lost} lines were lost`;
}
