// SPDX-License-Identifier: EUPL-1.2
// A fact that no transaction can digest: correlate finds it among its neighbours, lists it as stuck, freezes its item and goes on. When the reason is gone an operator
// has it tried again, and nothing is missing.
import assert from 'node:assert/strict';
import { until } from '../../harness/wait.mjs';

export const name = 'poison';
export const where = 'ground';
export const seconds = 6;
export const needs = () => null;
export const dose = () => ({});
export const hits = () => ['correlate'];

const PATIENCE_MS = 120_000; // correlate itself may be struck meanwhile

export async function strike(world) {
    const [{ code, dossier, scans }] = world.lives(1);
    const constrain = (sql) => until(() => world.rows(`alter table dt.item ${sql}`).then(() => true), { limit: PATIENCE_MS, what: sql });
    const stuck = () => world.rows('select pos from dt.stuck where code = $1 and solved_at is null', [code]);
    const device = await world.handheld();
    // States from "being delivered" on can't be stored for this item.
    await constrain(`add constraint poison check (code <> '${code}' or state < 12) not valid`);
    try {
        await world.deliver(device, scans, [dossier]);
        await until(async () => (await stuck()).length > 0, { limit: PATIENCE_MS, what: 'the fact is stuck' });
        const [{ pos }] = await stuck();
        await until(async () => (await world.rows("select max(pos) as pos from dt.cursor where consumer = 'correlate'"))[0].pos >= pos,
            { limit: PATIENCE_MS, what: 'the cursor goes on' });
        const [{ frozen }] = await world.rows('select frozen from dt.item where code = $1', [code]);
        assert.ok(frozen, 'the item is not frozen');
    } finally {
        await constrain('drop constraint poison');
    }
    await until(() => world.app.run(['stuck', 'retry', code]), { limit: PATIENCE_MS, what: 'the operator has it tried again' });
    await until(async () => (await stuck()).length === 0, { limit: PATIENCE_MS, what: 'the fact is digested' });
    return `a fact about ${code} was stuck, the cursor went on`;
}
