// SPDX-License-Identifier: EUPL-1.2
// The whole pipeline, from the upload to the journey row, against what a team would build in Node. Everybody gets the same signed uploads about lives of items, on a
// durable cluster of its own. The obvious app writes the journey row in the transaction that it acknowledges; for the strong one and for us the clock stops when
// correlate has written the last row.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../../harness/app.mjs';
import { root } from '../../harness/build.mjs';
import { Driver } from '../../harness/driver.mjs';
import { benchCluster, correlated, journeyRows, kill, QUIET, upload } from '../stage.mjs';

const CONNECTIONS = 64;
const SCANS = 50; // of a batch
const BATCHES = { ours: 24, strong: 16, obvious: 3 }; // of a device, so that each takes some seconds
const SINGLES = { ours: 200, strong: 100, obvious: 50 };

async function startRival(kind, cluster) {
    const driver = new Driver(process.execPath, [join(root, 'tests/bench/rivals/app.mjs'), kind, cluster.folder]);
    driver.port = Number((await driver.says(/^port /)).split(' ')[1]);
    return driver;
}

const startOurs = async (cluster, services) => startApp({ cluster, services, config: QUIET });

async function open({ scale, sides }) {
    const stage = { clusters: [], apps: [], rivals: [] };
    const wants = (kind) => [...sides].some((side) => side.startsWith(kind));
    const cluster = async () => {
        stage.clusters.push(await benchCluster());
        return stage.clusters.at(-1);
    };
    const front = {}; // kind → { cluster, port(), register, rows() }
    try {
        if (wants('ours')) {
            const at = await cluster();
            const app = await startOurs(at, ['ingest', 'correlate']);
            stage.apps.push(app);
            front.ours = { cluster: at, port: app.port('ingest'), folds: true };
        }
        if (wants('strong')) {
            const at = await cluster();
            stage.apps.push(await startOurs(at, ['correlate']));
            const rival = await startRival('strong', at);
            stage.rivals.push(rival);
            front.strong = { cluster: at, port: rival.port, folds: true };
        }
        if (wants('obvious')) {
            const at = await cluster();
            await at.psql(readFileSync(join(root, 'tests/bench/rivals/obvious.sql'), 'utf8'));
            const rival = await startRival('obvious', at);
            stage.rivals.push(rival);
            front.obvious = { cluster: at, port: rival.port, folds: false };
        }
    } catch (error) {
        await close(stage);
        throw error;
    }
    const all = {};
    for (const [kind, at] of Object.entries(front)) {
        all[`${kind}-batched`] = () => pipeline(at, Math.max(1, Math.round(BATCHES[kind] * scale)), SCANS);
        all[`${kind}-single`] = () => pipeline(at, Math.max(5, Math.round(SINGLES[kind] * scale)), 1);
    }
    return { sides: all, close: () => close(stage) };
}

async function close({ clusters, apps, rivals }) {
    await Promise.all([...apps.map(kill), ...rivals.map((rival) => rival.end())]);
    for (const cluster of clusters)
        await cluster.destroy();
}

const enrolWithRival = (cluster, devices) => cluster.psql(
    `insert into rival.device (device, public_key, stream) select d::uuid, decode(k, 'hex'), s::uuid from unnest($1::text[], $2::text[], $3::text[]) as x (d, k, s)`,
    [0, 1, 2].map((i) => devices.map((device) => device[i])));

async function pipeline({ cluster, port, folds }, batches, scans) {
    const rows = async () => (folds ? journeyRows(cluster) : (await cluster.psql('select count(*) as n from rival.journey'))[0].n);
    const before = await rows();
    const load = await upload({ cluster, port, connections: CONNECTIONS, batches, scans, lives: true, ...(folds ? {} : { register: enrolWithRival }) });
    const seconds = folds ? (await correlated(cluster) - load.began_us) / 1e6 : load.seconds;
    const written = await rows() - before;
    if (written < load.scans)
        throw new Error(`${load.scans} scans of dossiers made only ${written} journey rows`);
    return { rate: load.scans / seconds, p99: load.p99_ms, acked: load.rate };
}

const ratio = (subject, yardstick) => ({ sides: [subject, yardstick], value: (m) => m[subject].rate / m[yardstick].rate,
    rates: { ours: (m) => m[subject].rate, [yardstick.split('-')[0]]: (m) => m[yardstick].rate } });

export default {
    name: 'apps',
    open,
    lines: [
        { name: 'obvious-batched', what: 'pipeline, batches of 50 ÷ the obvious app', goal: { atLeast: 8 }, ...ratio('ours-batched', 'obvious-batched') },
        { name: 'obvious-single', what: 'pipeline, single scans on 64 connections ÷ the obvious app', goal: { atLeast: 4 }, ...ratio('ours-single', 'obvious-single') },
        { name: 'obvious-p99', what: 'p99 of the answer, single scans on 64 connections, ms ÷ the obvious app', goal: { atMost: 0.2 }, sides: ['ours-single', 'obvious-single'],
            value: (m) => m['ours-single'].p99 / m['obvious-single'].p99,
            rates: { ours: (m) => m['ours-single'].p99, obvious: (m) => m['obvious-single'].p99 } },
        { name: 'strong-batched', what: 'pipeline, batches of 50 ÷ the strongest Node app', goal: { atLeast: 2 }, ...ratio('ours-batched', 'strong-batched') },
        { name: 'strong-single', what: 'pipeline, single scans on 64 connections ÷ the strongest Node app', goal: { atLeast: 2 }, ...ratio('ours-single', 'strong-single') },
    ],
};
