// SPDX-License-Identifier: EUPL-1.2
// What a forgotten session costs: two installations, in one of which a snapshot is held from before the first scan to the end of the run. Each round uploads batches and
// waits until every office has answered; everything runs at once, so these are rates of the whole, to be compared with each other only.
import { startApp } from '../../harness/app.mjs';
import { benchCluster, correlated, holdSnapshot, kill, QUIET, startSink, subscribe, upload } from '../stage.mjs';

const ENDPOINTS = 50;
const CONNECTIONS = 64;
const SCANS = 50; // of a batch
const BATCHES = 10; // of a device

async function install(held) {
    const place = {};
    try {
        place.cluster = await benchCluster();
        place.sink = await startSink();
        place.app = await startApp({ cluster: place.cluster, services: ['ingest', 'correlate', 'webhook'], config: QUIET });
        await subscribe(place.app, place.sink, ENDPOINTS);
        place.release = held ? await holdSnapshot(place.cluster) : async () => {};
        return place;
    } catch (error) {
        await remove(place);
        throw error;
    }
}

async function remove({ app, sink, cluster, release }) {
    await release?.();
    await kill(app);
    await sink?.end();
    await cluster?.destroy();
}

async function open({ scale }) {
    const places = {};
    const close = async () => {
        for (const place of Object.values(places))
            await remove(place);
    };
    try {
        places.free = await install(false);
        places.held = await install(true);
    } catch (error) {
        await close();
        throw error;
    }
    return { sides: { free: () => everything(places.free, scale), held: () => everything(places.held, scale) }, close };
}

async function everything({ cluster, app, sink }, scale) {
    const batches = Math.max(1, Math.round(BATCHES * scale));
    const reached = sink.expect(CONNECTIONS * SCANS * batches);
    const load = await upload({ cluster, port: app.port('ingest'), connections: CONNECTIONS, batches, scans: SCANS, lives: true });
    const folded = await correlated(cluster);
    const { last } = await reached;
    const rate = (end) => load.scans / (end - load.began_us) * 1e6;
    return { ingest: load.rate, correlate: rate(folded), webhook: rate(last) };
}

const line = (name, what, key) => ({ name, what: `${what}, snapshot held ÷ none held`, goal: { atLeast: 0.9 }, sides: ['free', 'held'], value: (m) => m.held[key] / m.free[key],
    rates: { held: (m) => m.held[key], free: (m) => m.free[key] } });

export default {
    name: 'snapshot',
    open,
    lines: [
        line('snapshot-ingest', 'acknowledged/s', 'ingest'),
        line('snapshot-correlate', 'scans/s until the last journey row', 'correlate'),
        line('snapshot-webhook', 'scans/s until the last office answered', 'webhook'),
    ],
};
