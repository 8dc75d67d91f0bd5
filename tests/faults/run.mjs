// SPDX-License-Identifier: EUPL-1.2
// `make faults` and `make soak`: the real system under load, and faults drawn from one seed until time is over; then everything heals, drains, and the checker decides.
//
//   SEED=N      the same faults, doses, order and load (not the same timing); printed at the start
//   MINUTES=N   how long faults last, without start and drain
//   SCALE=full  the flood of a whole province, and room for it
//   KINDS=a,b   only these; without it a random half of all kinds is switched off (swarm testing: what never strikes lets the rest go further); KINDS=all: all
//
// The last line is the sum; build/faults/SEED.svg is the picture.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../harness/build.mjs';
import { Chance } from '../harness/chance.mjs';
import { whyNoDisk } from '../harness/disk.mjs';
import { keptFolder } from '../harness/history_files.mjs';
import { play } from '../harness/load.mjs';
import { whyNoNetwork } from '../harness/network.mjs';
import { draw, kinds, rage, words } from './nemesis.mjs';
import { picture } from './picture.mjs';
import { UNITS, startWorld } from './world.mjs';

const DOSSIERS_SECOND = 3; // of load
const DEVICES = 12;
const LOAD_SHARE = 0.7; // of the time of the faults: what they hold up comes behind
const WARM = 24; // dossiers before the first fault
const WEBHOOK = { speed: 1_000, timeout: '4s' }; // retries after 5 ms, 300 ms, 1.8 s, …
const OVERTIME = 1.3; // what is left of the plan after so much of its time is left out
const SPARE = 200; // dossiers that faults may set on their way
const SCALES = { // disks in MiB; rows of a segment; in how many orders all facts are folded again at the end
    small: { segmentRows: 1_000, disks: { data: 768, wal: 512 }, orders: 10 },
    full: { segmentRows: 20_000, disks: { data: 12_288, wal: 2_048 }, orders: 1 },
};

const minutes = Number(process.env.MINUTES || 4);
const seed = Number(process.env.SEED || randomInt(2 ** 31));
const scale = process.env.SCALE || 'small';
assert.ok(minutes > 0 && seed >= 0 && SCALES[scale], 'MINUTES and SEED are numbers, SCALE is small or full');

const started = Date.now();
const say = (text) => console.log(`${String(Math.round((Date.now() - started) / 1_000)).padStart(5)} s  ${text}`);

function choose(luck) {
    const wanted = process.env.KINDS || '';
    if (wanted === '') {
        const drawn = [...kinds.keys()].filter((name) => !kinds.get(name).byName);
        return luck.shuffle(drawn).slice(0, Math.ceil(drawn.length / 2)).sort();
    }
    const names = wanted === 'all' ? [...kinds.keys()] : wanted.split(/[, ]+/);
    const unknown = names.filter((name) => !kinds.has(name));
    assert.equal(unknown.join(), '', `no such kind; there are ${[...kinds.keys()].join(', ')}`);
    return names;
}

function print(plan) {
    for (const [place, strikes] of Object.entries(plan))
        strikes.forEach((one, i) => console.log(`  ${place} ${i + 1}: ${words(one)} after ${one.wait} ms`));
}

function told(entry, one) {
    if (entry === undefined)
        say(`${words(one)}: left out, the time is over`);
    else if (entry === null)
        say(words(one));
    else
        say(entry instanceof Error ? `FAILED ${entry.message}` : `${words(one)}: healed, ${entry.proof}`);
}

async function main() {
    const luck = new Chance(seed);
    const names = choose(luck.fork());
    const plan = draw(luck.fork(), names, minutes * 60);
    console.log(`SEED=${seed} MINUTES=${minutes} KINDS=${names.join(',')}`);
    print(plan);

    const world = await startWorld({ folder: keptFolder('faults'), devices: DEVICES, config: { webhook: WEBHOOK }, ...SCALES[scale], ...(whyNoDisk() ? { disks: null } : {}), pair: names.includes('promotion'),
        network: names.some((name) => kinds.get(name).where === 'network') && !whyNoNetwork() ? { seed } : null });
    world.scale = scale;
    const stopWatching = world.history.watchOurselves();
    let sum;
    try {
        for (const name of names) {
            const why = await kinds.get(name).needs(world);
            assert.equal(why, null, `${name} can't strike here: ${why}`);
        }
        sum = await runThrough(world, luck, plan);
    } finally {
        stopWatching();
        await world.stop();
    }
    console.log(sum.text);
    process.exitCode = sum.failed ? 1 : 0;
}

async function runThrough(world, luck, plan) {
    const { history } = world;
    const seconds = Math.max(...Object.values(plan).map((strikes) => strikes.reduce((all, { kind, wait }) => all + kind.seconds + wait / 1_000, 0)));
    const codes = await world.register(luck.fork(), WARM + Math.ceil(seconds * DOSSIERS_SECOND) + SPARE);
    world.spare = codes.splice(-SPARE);
    for (const [name, unit] of [['near', UNITS[0]], ['far', UNITS[1]], ['slow', UNITS[2]], ['hostile', UNITS[3]], ['province', 'H48']])
        await world.office(name, [unit]);
    await world.office('sealed', [UNITS[3]], { authority: world.authority });
    say('the load begins, without faults');
    await play(luck.fork(), world.devices, world.journeys(luck.fork(), codes.slice(0, WARM), 1_000), history, { spread: 4_000 });
    // The peaks come once before the count: what malloc keeps after them is no leak.
    await kinds.get('idle-clients').strike(world, { clients: 3_000, halfHeads: true, ms: 0 });
    await kinds.get('flood').strike(world, { share: 10 });
    await world.drain();
    await world.sampleResources();

    say(`faults, for about ${Math.round(seconds)} s`);
    world.luck = luck.fork(); // for what a kind draws while it strikes
    const load = { over: false };
    const playing = play(luck.fork(), world.devices, world.journeys(luck.fork(), codes.slice(WARM), 10_000), history, { spread: seconds * LOAD_SHARE * 1_000 })
        .then(() => [], (error) => [error]);
    const reading = world.read(luck.fork(), load, 100);
    const errors = await rage(world, plan, seconds * OVERTIME, told);
    errors.push(...await playing);
    load.over = true;
    await reading;

    history.healed = Date.now();
    say('all is healed, draining');
    for (const code of codes.slice(0, 4))
        await world.confirm(code);
    const from = Date.now();
    await world.drain().catch((error) => errors.push(error));
    say(`drained after ${Date.now() - from} ms`);
    const { wrong, db, summary } = await world.verdict(SCALES[scale].orders);
    return judge(world, errors.map(({ message }) => message).concat(wrong), db, summary);
}

function judge({ history }, wrong, db, summary) {
    wrong.slice(0, 50).forEach((text) => console.log(`WRONG ${text}`));
    const folder = join(build, 'faults');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${seed}.svg`);
    writeFileSync(path, picture(history, `seed ${seed}: ${summary.acked} scans acknowledged, ${history.nemesis.length} faults, ${wrong.length === 0 ? 'nothing' : wrong.length} wrong`,
        (fault) => kinds.get(fault)?.where));
    console.log(`${db.facts.length} facts, ${db.journey.length} journey rows, ${history.sinks.reduce((all, { requests }) => all + requests.length, 0)} webhooks, `
        + `${history.gateway.requests.length} messages, ${history.nemesis.length} faults, ${history.reads.length} reads; the picture: ${path}`);
    if (wrong.length > 0)
        console.log(`${wrong.length} violations; again: make ${scale === 'full' ? 'soak' : 'faults'} SEED=${seed} MINUTES=${minutes}${process.env.KINDS ? ` KINDS=${process.env.KINDS}` : ''}`);
    const copies = summary.webhook_copies + summary.sms_copies;
    return {
        failed: wrong.length > 0,
        text: `acked ${summary.acked}, lost ${summary.lost}, duplicated ${copies} and explained ${summary.explained}, longest gap ${(summary.longest_gap_ms / 1_000).toFixed(1)} s`,
    };
}

// Told to stop: the handlers of `exit` end what we started and take the disks away.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'])
    process.on(signal, () => process.exit(1));
await main();
