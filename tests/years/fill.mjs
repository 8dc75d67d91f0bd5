// SPDX-License-Identifier: EUPL-1.2
// Fills the database of an app with the years of a province (generate.c), and says before how much room that takes.
import { spawn } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../harness/build.mjs';
import { resegment } from '../harness/segments.mjs';

export const DOSSIERS = 10_000_000; // of the average province in ten years; they make some 110 million scans
export const YEARS = 10;
const LEDGER_DAYS = 90; // attempts and messages are trimmed after that, [watch] retention
const BYTES_PER_DOSSIER = 16_000; // measured: tables and indexes
const WAL_BYTES = 16e9; // at most, of two systems with max_wal_size = 8GB; a small filling writes about twice what it keeps
const BYTES_FIXED = 1e9; // two systems before anything is in them, and room to breathe

// Throws when the file system of that folder has no room for `dossiers`. → bytes that they take, about
export function roomFor(dossiers, folder) {
    const { bavail, bsize } = statfsSync(folder);
    const kept = dossiers * BYTES_PER_DOSSIER;
    const needed = kept + Math.min(WAL_BYTES, 2 * kept) + BYTES_FIXED;
    if (bavail * bsize < needed)
        throw new Error(`${dossiers} dossiers take about ${gb(needed)} on ${folder}, ${gb(bavail * bsize)} are free: a smaller SCALE, or TMPDIR on another disk`);
    return needed;
}

export const gb = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

const SEGMENT_ROWS = 2_000_000; // dt.log_setting, as migrated
const SEGMENTS = 100; // more than ten years fill: their journeys take about 80

// Fills in as many segments as all ten years have, however small `scale` is: what a log costs may hang on their number. What comes later finds segments of the usual size.
export async function fillScaled(app, endpoint, scale, seed) {
    await resegment(app.cluster, Math.max(1_000, Math.round(SEGMENT_ROWS * scale)), SEGMENTS);
    const filled = await fill(app, endpoint, Math.round(DOSSIERS * scale), seed);
    await resegment(app.cluster, SEGMENT_ROWS);
    const [{ segments }] = await app.cluster.psql('select count(*) as segments from dt.segment');
    return { ...filled, segments };
}

// → { rows of each table, seconds, samples: [{ token, code }] of dossiers that people look up }. endpoint: uuid of an endpoint that has taken everything.
export async function fill(app, endpoint, dossiers, seed) {
    const samples = join(app.folder, 'samples');
    const args = [app.cluster.conninfo(), app.config.keys.dir, endpoint, dossiers, YEARS, seed, LEDGER_DAYS, samples].map(String);
    const child = spawn(join(build, 'years/generate'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', (status, signal) => resolve(status ?? signal)));
    if (code !== 0)
        throw new Error(`generate ended with ${code}`);
    const words = readFileSync(samples, 'utf8').split('\n').filter((line) => line).map((line) => line.split(' '));
    return { ...JSON.parse(output), samples: words.map(([token, dossier]) => ({ token, code: dossier })) };
}
