// SPDX-License-Identifier: EUPL-1.2
// The whole system under load and faults: handhelds, an office that asks and confirms, offices that listen (healthy, slow, dead), a gateway that loses answers. Services
// are killed and frozen beyond their leases, PostgreSQL crashes, backends die. Then all heals, everything drains, and the checker looks at what everybody wrote down.
// A fixed list of faults; what chance draws is run.mjs (`make faults`).
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { chance } from '../harness/chance.mjs';
import { line } from '../harness/history.mjs';
import { keptFolder } from '../harness/history_files.mjs';
import { play } from '../harness/load.mjs';
import { until } from '../harness/wait.mjs';
import { kinds, strike } from './nemesis.mjs';
import { LEASED, LEASE_MS, UNITS, startWorld } from './world.mjs';

const DOSSIERS = 96;
const QUIET = 12; // dossiers of each phase without faults
const SLOW_MS = 400;
// A healthy office beside a slow and a dead one: at most so much later than alone. Generous: the machine is shared.
const DELAY_FACTOR = 5;
const DELAY_MS = 1_000;

let world;
before(async () => {
    world = await startWorld({ folder: keptFolder('spine') }); // `node tests/harness/check_files.mjs build/runs/spine` looks at it again
    world.history.watchOurselves();
    for (const [name, unit] of [['near', UNITS[0]], ['far', UNITS[1]], ['province', 'H48']])
        await world.office(name, [unit]);
});
after(() => world?.stop());

// ---- how fast a healthy office hears

async function medianDelay(office, from) {
    const recorded = new Map((await world.rows('select code, seq, (extract(epoch from recorded_at) * 1000)::bigint as at from dt.journey'))
        .map(({ code, seq, at }) => [`${code} ${seq}`, at]));
    const delays = office.requests.slice(from).map(({ at, body }) => {
        const { subject, sequence } = JSON.parse(body);
        return at - recorded.get(`${subject} ${sequence}`);
    }).sort((a, b) => a - b);
    assert.ok(delays.length >= QUIET / 4, `only ${delays.length} events to measure`);
    return delays[delays.length >> 1];
}

// ---- the nemesis

const kill = (service) => strike(world, { kind: kinds.get('kill'), dose: { service, ...(LEASED.includes(service) ? { role: 'owner' } : {}) } });
const freeze = (service) => strike(world, { kind: kinds.get('pause'), dose: { service, role: 'owner', ms: LEASE_MS + 3_000 } });
const crashDatabase = () => strike(world, { kind: kinds.get('pg-crash'), dose: { how: 'immediate', away: 0 } });
const killBackend = (luck) => strike(world, { kind: kinds.get('pg-backend'), dose: kinds.get('pg-backend').dose(luck) });

// ---- the test

test('nothing acknowledged is lost, nothing is told twice without a reason, and healthy offices do not wait for others', { timeout: 600_000 }, async (t) => {
    const luck = chance(t);
    const { history, offices, gateway, devices } = world;
    const codes = await world.register(luck, DOSSIERS);
    const share = (from, to, first) => world.journeys(luck, codes.slice(from, to), first);

    await play(luck, devices, share(0, QUIET, 1_000), history, { spread: 1_500 });
    await world.drain();
    const alone = await medianDelay(offices.near, 0);

    const slow = await world.office('slow', [UNITS[2]]);
    const dead = await world.office('dead', [UNITS[3]]);
    slow.delay = SLOW_MS;
    slow.setMode('slow');
    dead.setMode('dead');
    await until(() => slow.requests.length > 0 && dead.requests.length > 0, { limit: 30_000, what: 'the new offices are told' });
    const heard = offices.near.requests.length;
    await play(luck, devices, share(QUIET, 2 * QUIET, 2_000), history, { spread: 1_500 });
    await until(async () => (await world.drained()).owed.slice(0, 3).every((n) => n === 0), { limit: 60_000, what: 'the healthy offices have heard' });
    const beside = await medianDelay(offices.near, heard);
    t.diagnostic(`a healthy office hears after ${alone} ms alone, after ${beside} ms beside a slow and a dead one`);
    assert.ok(beside <= alone * DELAY_FACTOR + DELAY_MS, `${beside} ms, alone ${alone} ms`);

    await world.sampleResources();

    // Faults, in an order and at moments that chance decides; what they strike overlaps.
    gateway.setMode(() => (luck.onceIn(8) ? luck.pick(['lost', 503]) : 'ok'));
    const load = { over: false };
    const playing = play(luck, devices, share(2 * QUIET, DOSSIERS, 3_000), history, { spread: 25_000 });
    const reading = world.read(luck.fork(), load);
    const strikes = luck.shuffle([() => Promise.all(LEASED.map(freeze)), ...['correlate', 'webhook', 'sms', 'ingest', 'portal', 'watch', 'ingest'].map((service) => () => kill(service))]);
    const wounds = strikes.map(async (wound, i) => {
        await pause(1_000 + i * 2_500 + luck.int(1_500));
        await wound();
    });
    const database = async () => {
        await pause(luck.between(4_000, 8_000));
        await crashDatabase();
        await pause(luck.between(2_000, 5_000));
        await killBackend(luck);
    };
    // All must have ended before any of them may fail the test: what strikes on would start processes that nobody stops.
    const ends = await Promise.allSettled([database(), ...wounds, playing]);
    load.over = true;
    await reading;
    assert.deepEqual(ends.filter(({ status }) => status === 'rejected').map(({ reason }) => reason), []);

    // Everything heals, the dead office too.
    gateway.setMode('ok');
    dead.setMode('ok');
    history.healed = Date.now();
    for (const code of codes.slice(0, 4))
        await world.confirm(code);
    await world.drain();
    const { wrong, db, summary } = await world.verdict(20);
    if (wrong.length > 0)
        t.diagnostic(JSON.stringify(history.nemesis));
    t.diagnostic(line(summary));
    assert.deepEqual(wrong, [], `${wrong.length} violations`);
    assert.ok(history.uploads.some(({ outcome }) => outcome === 'unknown'), 'no upload was hit by a fault');
    assert.ok(db.sms.some(({ copies }) => copies === 2), 'no answer of the gateway was lost');
    assert.ok(summary.stale.reads > 0, 'nobody read');
});
