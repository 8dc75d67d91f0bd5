// SPDX-License-Identifier: EUPL-1.2
// Each commit waits for a standby that is slow, hangs, or is gone. What it does not have is not acknowledged.
import { setTimeout as pause } from 'node:timers/promises';
import { flows, holds, withStandby } from '../standby.mjs';

export const name = 'standby';
export const where = 'ground';
export const seconds = 18;
export const needs = () => null;
export const dose = (luck) => ({ how: luck.pick(['slow', 'hangs', 'gone']), ms: luck.between(3_000, 9_000), stop: luck.between(200, 600) });
export const hits = () => [];

const HOW = {
    // It takes the stream in bursts: commits are slow, and come.
    async slow(world, standby, { ms, stop }) {
        const end = Date.now() + ms;
        let acked = 0;
        const probing = (async () => {
            while (Date.now() < end)
                acked += (await world.probe()).outcome === 'ok';
        })();
        while (Date.now() < end) {
            const pid = await standby.walReceiver('SIGSTOP');
            await pause(stop);
            process.kill(pid, 'SIGCONT');
            await pause(100);
        }
        await probing;
        if (acked === 0)
            throw new Error('nothing was acknowledged beside a slow standby');
        return `${acked} scans acknowledged, each when the standby had it`;
    },
    async hangs(world, standby, { ms }) {
        const pid = await standby.walReceiver('SIGSTOP');
        let held;
        try {
            held = await holds(world, () => world.probe(), ms);
        } finally {
            process.kill(pid, 'SIGCONT');
        }
        await held.last;
        return `nothing acknowledged for ${ms} ms`;
    },
    async gone(world, standby, { ms }) {
        await standby.crash();
        const held = await holds(world, () => world.probe(), ms);
        await standby.start();
        await held.last;
        return `nothing acknowledged for ${ms} ms`;
    },
};

export function strike(world, one) {
    return withStandby(world, async (standby) => {
        const proof = await HOW[one.how](world, standby, one);
        await flows(world, standby);
        return proof;
    });
}
