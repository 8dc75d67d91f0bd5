// SPDX-License-Identifier: EUPL-1.2
// A commit waits for a standby that hangs, and its backend dies by kill -9: PostgreSQL recovers, and the row is there, on one disk. The scan that is sent again is a
// duplicate by then, and its acknowledgement must wait for the standby all the same (quality A2 T5, R1).
import assert from 'node:assert/strict';
import { digestsOf } from '../../harness/device.mjs';
import { until } from '../../harness/wait.mjs';
import { flows, holds, waiting, withStandby } from '../standby.mjs';

export const name = 'syncrep-kill';
export const where = 'ground';
export const seconds = 16;
export const needs = () => null;
export const dose = (luck) => ({ ms: luck.between(2_000, 5_000) });
export const hits = () => [];

export async function strike(world, { ms }) {
    const { cluster, history } = world;
    const device = await world.handheld();
    const scans = [device.scan()];
    const send = () => history.upload(device, device.batch(scans), digestsOf(scans));
    const stored = async (at) => (await at.psql('select from dt.fact where stream = $1 and seq = 1', [device.number])).length === 1;
    const kill = async () => { // → is the scan stored, when PostgreSQL is back?
        const first = send();
        const [{ pid }] = await until(() => waiting(world).then((rows) => rows.length && rows), { limit: 30_000, what: 'a commit waits for the standby' });
        const before = cluster.log().length;
        process.kill(pid, 'SIGKILL');
        assert.notEqual((await first).outcome, 'ok', 'a commit whose backend died was acknowledged');
        const [isStored] = await until(async () => /all server processes terminated; reinitializing/.test(cluster.log().slice(before)) && [await stored(cluster)],
            { limit: 60_000, what: 'PostgreSQL is back' });
        return isStored;
    };
    return withStandby(world, async (standby) => {
        let held;
        const hung = await standby.walReceiver('SIGSTOP');
        try {
            // Whose commit waits nobody can see: another's may die before ours has come so far.
            for (let tries = 1; !await kill(); tries++)
                assert.ok(tries < 5, 'the commit that died was never that of the scan');
            held = await holds(world, send, ms);
        } finally {
            process.kill(hung, 'SIGCONT');
        }
        await held.last;
        let entry;
        await until(async () => (entry = await send()).outcome === 'ok', { limit: 60_000, what: 'the scan is acknowledged' });
        assert.deepEqual(entry.results.map(({ status, first }) => [status, first]), [['duplicate', 'accepted']]);
        await flows(world, standby);
        assert.ok(await stored(standby), 'what was acknowledged is on the standby');
        return `the duplicate waited ${ms} ms for the standby`;
    });
}
