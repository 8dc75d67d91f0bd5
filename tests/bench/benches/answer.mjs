// SPDX-License-Identifier: EUPL-1.2
// How long after its acknowledgement an office has a scan and has answered: 1,000 single scans a second are offered on 64 connections, whether or not anybody keeps up,
// for dossiers of 50 units with an endpoint each. Two installations take turns: in one of them an endpoint takes requests and never answers; the times of the
// other 49 count.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../../harness/app.mjs';
import { newFolder } from '../../harness/folder.mjs';
import { until } from '../../harness/wait.mjs';
import { benchCluster, kill, QUIET, startSink, subscribe, upload } from '../stage.mjs';

const ENDPOINTS = 50;
const CONNECTIONS = 64;
const RATE = 1000; // scans a second
const SECONDS = 5;
const DEAD = 7; // which of the endpoints
const LATE_MS = 1000; // a handheld that leaves later than this behind the plan makes the offer untrue

async function install(dead) {
    const place = { dead };
    try {
        place.cluster = await benchCluster();
        place.times = join(newFolder('bench'), 'answered');
        place.sink = await startSink(['-t', place.times]);
        place.app = await startApp({ cluster: place.cluster, services: ['ingest', 'correlate', 'webhook'], config: QUIET });
        await subscribe(place.app, place.sink, ENDPOINTS, (i) => (dead && i === DEAD ? '/dead' : `/hook/${i}`));
        return place;
    } catch (error) {
        await remove(place);
        throw error;
    }
}

async function remove({ app, sink, cluster }) {
    await kill(app);
    await sink?.end();
    await cluster?.destroy();
}

async function open({ scale, sides }) {
    const places = {};
    const close = async () => {
        for (const place of Object.values(places))
            await remove(place);
    };
    try {
        for (const name of ['alive', 'dead'].filter((side) => sides.has(side)))
            places[name] = await install(name === 'dead');
    } catch (error) {
        await close();
        throw error;
    }
    return { sides: Object.fromEntries(Object.entries(places).map(([name, place]) => [name, () => answered(place, scale)])), close };
}

const table = (path) => new Map(readFileSync(path, 'utf8').trim().split('\n').map((line) => {
    const space = line.lastIndexOf(' ');
    return [line.slice(0, space), Number(line.slice(space + 1))];
}));

async function answered({ cluster, app, sink, times, dead }, scale) {
    const before = await sink.count();
    const acked = join(newFolder('bench'), 'acked');
    const batches = Math.max(5, Math.round(RATE * SECONDS * scale / CONNECTIONS / 5) * 5); // whole lives
    const load = await upload({ cluster, port: app.port('ingest'), connections: CONNECTIONS, batches, scans: 1, lives: true, rate: RATE, times: acked });
    if (load.late_ms > LATE_MS)
        throw new Error(`the scans could not be offered at ${RATE} a second: one left ${load.late_ms} ms late`);
    const wanted = [...table(acked)].filter(([scan]) => !dead || unitOf(scan) !== DEAD);
    let heard;
    await until(async () => {
        if (await sink.count() - before < wanted.length)
            return false;
        await sink.write();
        heard = table(times);
        return wanted.every(([scan]) => heard.has(scan));
    }, { limit: 60_000, what: 'every living office has answered' });
    const took = wanted.map(([scan, at]) => (heard.get(scan) - at) / 1000).sort((a, b) => a - b);
    return { p50: took[Math.floor(took.length / 2)], p99: took[Math.floor(took.length * 0.99)] };
}

const unitOf = (scan) => Number(scan.slice(2, 10)) % ENDPOINTS; // workload.c

export default {
    name: 'answer',
    open,
    lines: [
        { name: 'answer-p99', what: 'acknowledged → office answered, 1,000 scans/s offered', unit: 'ms', goal: { atMost: 1000 }, sides: ['alive'], value: (m) => m.alive.p99,
            rates: { 'p50 ms': (m) => m.alive.p50 } },
        { name: 'answer-dead', what: 'that p99 with 1 of 50 endpoints dead ÷ all alive', goal: { atMost: 1.5 }, sides: ['alive', 'dead'], value: (m) => m.dead.p99 / m.alive.p99,
            rates: { 'dead ms': (m) => m.dead.p99, 'alive ms': (m) => m.alive.p99 } },
    ],
};
