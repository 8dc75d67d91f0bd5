// SPDX-License-Identifier: EUPL-1.2
// The disk of the data or of the log ahead of them (pg_wal) is full to the last block. Nothing is acknowledged that isn't stored, ingest says that it can't work, and all
// goes on without hands when there is room again. A server that has ended over it is started again, as a service manager does.
import { setTimeout as sleep } from 'node:timers/promises';
import { whyNoDisk } from '../../harness/disk.mjs';
import { until } from '../../harness/wait.mjs';

export const name = 'disk-full';
export const where = 'ground';
export const seconds = 15;
export const needs = () => whyNoDisk();
export const dose = (luck) => ({ disk: luck.pick(['data', 'wal']), ms: luck.between(4_000, 10_000) });
export const hits = () => [];

export async function strike(world, { disk: which, ms }) {
    const { cluster } = world;
    const disk = cluster.disks[which];
    const before = cluster.log().length;
    const felt = () => /No space left on device/.test(cluster.log().slice(before));
    disk.fill();
    try {
        await until(() => wants(world, which).then(felt, felt), { limit: 60_000, what: `PostgreSQL finds the disk of ${which} full` });
        await Promise.all([world.blind(['ingest']), world.probe()]);
        const end = Date.now() + ms;
        while (Date.now() < end) {
            await world.probe();
            await sleep(200);
        }
    } finally {
        disk.relieve();
        await until(() => lives(world), { limit: 60_000, what: 'PostgreSQL is back' });
    }
    return `PostgreSQL had no space for its ${which}`;
}

// Makes PostgreSQL ask for more room: it keeps some files of its log in store, and some of its pages have room.
async function wants(world, which) {
    if (which === 'wal')
        await world.rows("select pg_logical_emit_message(false, 'test', repeat('x', 2000))").then(() => world.rows('select pg_switch_wal()'));
    else
        await world.rows('create unlogged table if not exists filler (t text); insert into filler select repeat(n::text, 100) from generate_series(1, 20000) n');
}

async function lives({ cluster }) {
    if (!cluster.process)
        await cluster.start();
    await cluster.psql('drop table if exists filler');
    return true;
}
