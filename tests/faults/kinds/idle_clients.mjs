// SPDX-License-Identifier: EUPL-1.2
// A flood of TCP clients at ingest that say nothing, or only half a head: they cost themselves their connection, and handhelds nothing.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'idle-clients';
export const where = 'outside';
export const seconds = 8;
export const needs = () => null;
export const dose = (luck) => ({ clients: luck.between(500, 3_000), halfHeads: luck.onceIn(2), ms: luck.between(2_000, 8_000) });
export const hits = () => ['ingest'];

export async function strike(world, { clients, halfHeads, ms }) {
    const sockets = [];
    let open = 0;
    const dial = () => {
        const socket = connect(world.app.port('ingest'), '127.0.0.1', () => {
            open++;
            if (halfHeads)
                socket.write('POST /v1/scans HTTP/1.1\r\nHost: x\r\nContent-Le');
        });
        sockets.push(socket.on('error', () => {}));
    };
    try {
        while (sockets.length < clients) {
            for (let i = 0; i < 50 && sockets.length < clients; i++)
                dial();
            await sleep(10);
        }
        await until(() => open >= clients / 2, { limit: 60_000, what: 'half of the clients are connected' });
        await until(async () => (await world.probe()).outcome === 'ok' || sleep(200), { limit: 60_000, what: 'an honest upload is acknowledged beside them' });
        await sleep(ms);
    } finally {
        sockets.forEach((socket) => socket.destroy());
    }
    assert.ok(open > 0);
    return `${open} idle clients, and an upload was acknowledged beside them`;
}
