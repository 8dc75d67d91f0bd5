// SPDX-License-Identifier: EUPL-1.2
// The one who strikes. A kind of fault is a module of kinds/, one noun each:
//
//   name             as printed, and as KINDS= takes it
//   where            faults of one place never overlap, those of different places do: 'ground' (PostgreSQL and the machine), 'house' (our processes), 'outside' (peers,
//                    handhelds), 'network'
//   byName           true: chance does not draw it, KINDS=its name or KINDS=all does
//   seconds          about how long a strike lasts: the plan is made with it
//   needs(world)     why it can't strike here, or null
//   dose(luck)       draws everything that varies, a plain object: it is printed before anything starts, and replayed by the seed
//   hits(dose)       services whose second copies it explains; none: everybody
//   strike(world, dose)  strikes, proves that it was felt, heals. → what proves it, in a few words. Throws when it was not felt.
//
// What was not recorded when everybody was struck is said again until its sender is at work again, so such a fault lasts until then.
// What was sent while the network was struck may arrive as long again after it is healed, at peers whose senders have given up: TCP doubles its waits.
// After a strike the services must be at work again within READY_MS, or, where a lease was lost with its owner, when that lease has ended.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { SERVICES } from '../harness/app.mjs';
import { LEASED, LEASE_MS, MACHINE_MS } from './world.mjs';

const READY_MS = 10_000; // quality H1
const PAUSE_MS = [500, 4_000]; // between two faults of one place

const folder = join(dirname(fileURLToPath(import.meta.url)), 'kinds');
export const kinds = new Map(await Promise.all(readdirSync(folder).filter((file) => file.endsWith('.mjs')).sort().map(async (file) => {
    const kind = await import(join(folder, file));
    return [kind.name, kind];
})));

// What will happen, from luck alone. names: which kinds may strike. → { place: [{ kind, dose, wait }] }
export function draw(luck, names, seconds) {
    const plan = {};
    for (const name of names)
        (plan[kinds.get(name).where] ??= []).push(name);
    return Object.fromEntries(Object.entries(plan).map(([place, list]) => [place, drawPlace(luck.fork(), list, seconds)]));
}

// Each kind once before any comes again, while there is time.
function drawPlace(luck, names, seconds) {
    const strikes = [];
    let round = [];
    for (let used = 0; ;) {
        if (round.length === 0)
            round = luck.shuffle(names);
        const kind = kinds.get(round.shift());
        const wait = luck.between(...PAUSE_MS);
        used += kind.seconds + wait / 1_000;
        if (used > seconds && strikes.length > 0)
            return strikes;
        strikes.push({ kind, dose: kind.dose(luck), wait });
        if (used > seconds)
            return strikes;
    }
}

export const words = ({ kind, dose }) => [kind.name, ...Object.entries(dose).map(([key, value]) => `${key}=${value}`)].join(' ');

// Strikes once; the nemesis log gets it → the entry, with `proof`.
export async function strike(world, one) {
    const { kind, dose } = one;
    const hits = kind.hits(dose);
    let struck;
    try {
        await world.history.during(kind.name, hits, async (entry) => {
            struck = Object.assign(entry, { dose });
            entry.proof = await kind.strike(world, dose);
            entry.healed = Date.now();
            if (kind.where === 'network')
                entry.until = entry.healed + (entry.healed - entry.at);
            else if (hits.length > 0)
                entry.until = entry.healed;
            await atWork(world, hits.length > 0 ? hits : SERVICES);
        });
    } catch (error) {
        throw new Error(`${words(one)}: ${error.message}`, { cause: error });
    }
    return struck;
}

// Ready again in time. While another fault lasts, or a lease that was lost with its owner, the time does not run.
async function atWork(world, services) {
    const { nemesis } = world.history;
    const since = Date.now();
    const allowed = (service) => Math.max(since, ...nemesis.filter(({ hits }) => hits.length === 0 || hits.includes(service))
        .map(({ hits, healed, until = Date.now() }) => (healed ?? until) + (LEASED.includes(service) && hits.length > 0 ? LEASE_MS : 0))) + READY_MS + MACHINE_MS;
    await Promise.all(services.map(async (service) => {
        while (!(await world.works(service).catch(() => false))) {
            if (Date.now() > allowed(service))
                throw new Error(`${service} is not at work again ${Date.now() - since} ms after the fault`);
            await pause(100);
        }
    }));
}

// Everything that was drawn, each place for itself, as long as there are seconds left: a machine may be slower than the plan. told(entry | null, strike): as they begin
// and end. → the errors
export async function rage(world, plan, seconds, told = () => {}) {
    const errors = [];
    const end = Date.now() + seconds * 1_000;
    await Promise.all(Object.values(plan).map(async (strikes) => {
        for (const one of strikes) {
            await pause(one.wait);
            if (Date.now() > end) {
                told(undefined, one);
                continue;
            }
            told(null, one);
            try {
                told(await strike(world, one), one);
            } catch (error) {
                errors.push(error);
                told(error, one);
                return; // what it left behind is not for the next one to stumble over
            }
        }
    }));
    return errors;
}
