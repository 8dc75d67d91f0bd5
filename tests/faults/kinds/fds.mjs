// SPDX-License-Identifier: EUPL-1.2
// A process may open no more files: connections wait or are refused, and are taken again as soon as it may.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'fds';
export const where = 'house';
export const seconds = 6;
export const needs = () => null;
export const dose = (luck) => ({ service: luck.pick(['ingest', 'portal']), spare: luck.between(0, 8), ms: luck.between(1_000, 5_000) });
export const hits = ({ service }) => [service];

const CLIENTS = 100;

export async function strike(world, { service, spare, ms }) {
    const { app } = world;
    const { pid } = app.process(service);
    const limit = (n) => execFileSync('prlimit', ['--pid', String(pid), `--nofile=${n}:`]);
    const [soft] = execFileSync('prlimit', ['--pid', String(pid), '--nofile', '--noheadings', '--raw', '--output=SOFT'], { encoding: 'utf8' }).trim().split(/\s+/);
    const sockets = [];
    let felt;
    let closed = 0; // by the service, which could not take them
    limit(readdirSync(`/proc/${pid}/fd`).length + spare);
    try {
        for (let i = 0; i < CLIENTS; i++)
            sockets.push(connect(app.port(service), '127.0.0.1').on('error', () => {}).on('close', () => closed++).resume());
        await until(() => closed > 0, { what: `${service} sends clients away` });
        await sleep(ms); // how long it lasts
        felt = closed;
    } finally {
        limit(soft);
        sockets.forEach((socket) => socket.destroy());
    }
    await until(async () => (await fetch(app.url(service, '/'))).status > 0, { limit: 10_000, what: `${service} takes connections again` });
    return `${service} sent ${felt} of ${CLIENTS} clients away`;
}
