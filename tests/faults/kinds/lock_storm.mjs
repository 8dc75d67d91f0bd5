// SPDX-License-Identifier: EUPL-1.2
// A table is locked against everybody for 20 s, as an ill-considered ALTER TABLE does it. Statements give up after 2 s and are tried again.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../harness/wait.mjs';

export const name = 'lock-storm';
export const where = 'ground';
export const seconds = 21;
export const needs = () => null;
export const dose = (luck) => ({ table: luck.pick(['fact_head', 'stream', 'item', 'dossier', 'journey_head', 'endpoint_cursor', 'sms', 'lease']), ms: 20_000 });
export const hits = () => [];

const INGEST = ['fact_head', 'stream']; // without them nothing can be acknowledged

export async function strike(world, { table, ms }) {
    const session = await world.cluster.connect();
    let waited = 0;
    try {
        await session.query("set lock_timeout = '30s'; set idle_in_transaction_session_timeout = 0");
        await until(async () => {
            await session.query(`begin; lock table dt.${table} in access exclusive mode`).catch((error) => session.query('rollback').then(() => Promise.reject(error)));
            return true;
        }, { limit: 60_000, what: `${table} is locked` });
        const since = Date.now();
        if (INGEST.includes(table)) {
            assert.notEqual((await world.probe()).outcome, 'ok', `an upload was acknowledged while ${table} was locked`);
            await world.blind(['ingest']);
        }
        while (Date.now() < since + ms) {
            waited = Math.max(waited, (await world.rows("select count(*)::int as n from pg_locks where not granted"))[0].n);
            await sleep(100);
        }
    } finally {
        await session.drop();
    }
    assert.ok(waited > 0, `nobody waited for ${table}`);
    return `${waited} waited for ${table} at once`;
}
