// SPDX-License-Identifier: EUPL-1.2
// What the benches stand on: a durable cluster with room, our programs, and uploads of signed batches.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Driver } from '../harness/driver.mjs';
import { until } from '../harness/wait.mjs';

export const program = (name) => join(build, 'bench', name);
export const noSignatures = join(build, 'bench/no-signatures/duongthu');
export const now = () => Number(process.hrtime.bigint() / 1000n); // microseconds of the monotonic clock, as uv_hrtime()
export const QUIET = { log: { level: 'warn' } };

// Durable, with room enough that nobody waits for a checkpoint in the middle of a round.
export const benchCluster = (settings = {}) =>
    startCluster({ settings: { shared_buffers: '512MB', max_wal_size: '8GB', checkpoint_timeout: '30min', ...settings } });

// Runs a program of ours to its end → the seconds that it prints.
export async function seconds(name, args) {
    const driver = new Driver(program(name), args.map(String));
    const { code } = await driver.end();
    if (code !== 0)
        throw new Error(`${name} ${args.join(' ')}: ${code}\n${driver.errors}`);
    return Number(driver.lines.at(-1));
}

let nextItem = 0; // lives are never told twice, whatever the database

// Devices as enrolment would leave them.
export async function enrol(cluster, devices) {
    const [ids, keys, tokens] = [0, 1, 2].map((i) => devices.map((device) => device[i]));
    await cluster.psql(`INSERT INTO dt.device (device, office, public_key) SELECT d::uuid, '100000', decode(k, 'hex') FROM unnest($1::text[], $2::text[]) AS x (d, k)`,
        [ids, keys]);
    await cluster.psql(`INSERT INTO dt.stream (lane, stream, token, device) SELECT 0, nextval('dt.stream_id'), t::uuid, d::uuid
        FROM unnest($1::text[], $2::text[]) AS x (t, d)`, [tokens, ids]);
    return tokens;
}

// connections devices send `batches` batches of `scans` scans each → what load_scans says, with rate. lives: for dossiers. before: awaited between enrolment and start.
export async function upload({ cluster, port, connections, batches, scans, lives = false, rate, times, register = enrol, before = async () => {} }) {
    const args = [port, connections, batches, scans];
    if (lives) {
        args.unshift('-l', nextItem);
        nextItem += connections * Math.ceil((batches * scans) / 5);
    }
    if (rate)
        args.unshift('-r', rate);
    if (times)
        args.unshift('-t', times);
    const load = new Driver(program('load_scans'), args.map(String));
    await load.says(() => load.lines.length === connections, { limit: 120_000 });
    await register(cluster, load.lines.map((line) => line.split(' ').slice(1)));
    await cluster.psql('CHECKPOINT');
    await before();
    load.send('go');
    const { code } = await load.end();
    if (code !== 0)
        throw new Error(`load_scans: ${load.errors}`);
    const result = JSON.parse(load.lines.at(-1));
    if (result.accepted !== result.scans)
        throw new Error(`${result.scans} scans were sent, ${result.accepted} accepted`);
    return { ...result, rate: result.scans / result.seconds };
}

// Waits until correlate has taken every fact → microseconds of the monotonic clock when it had.
export async function correlated(cluster, { limit = 120_000 } = {}) {
    const session = await cluster.connect();
    try {
        const [{ pos: end }] = await session.query("select dt.log_last('fact') as pos"); // opens one segment: its CPU counts too
        await until(async () => {
            const [row] = await session.query(`select pos from dt.cursor where lane = 0 and consumer = 'correlate' order by pos desc, part desc limit 1`);
            return (row?.pos ?? 0) >= end;
        }, { limit, what: 'correlate is at the end of the log' });
        return now();
    } finally {
        await session.drop();
    }
}

export const journeyRows = async (cluster) => (await cluster.psql('select coalesce(max(pos), 0) as pos from dt.journey where lane = 0'))[0].pos;

// A session that holds a snapshot, as a forgotten report does. → its close()
export async function holdSnapshot(cluster) {
    const session = await cluster.connect();
    await session.query('set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read; select count(*) from dt.stream');
    return () => session.drop();
}

// CPU seconds that processes used so far. Rates depend on what else the machine does, these hardly.
export function cpu(pids) {
    return pids.reduce((sum, pid) => {
        try {
            const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).map(Number);
            return sum + (user + system) / 100; // USER_HZ
        } catch {
            return sum; // ended meanwhile
        }
    }, 0);
}

export function serverPids(cluster) {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
        try {
            return readlinkSync(`/proc/${pid}/cwd`) === cluster.data;
        } catch {
            return false;
        }
    });
}

// All offices in one process: office_sink.c.
export async function startSink(args = []) {
    const driver = new Driver(program('office_sink'), args);
    const port = Number((await driver.says(/^port /)).split(' ')[1]);
    return {
        port,
        // → a promise of { first, last }, microseconds: the first request from now on, the n-th answer
        expect(n, limit = 120_000) {
            const from = driver.lines.length;
            driver.send(`expect ${n}`);
            return driver.says(/^reached /, { from, limit }).then((line) => {
                const [, , first, last] = line.split(' ').map(Number);
                return { first, last };
            });
        },
        async count() {
            const from = driver.lines.length;
            driver.send('count');
            return Number((await driver.says(/^count /, { from })).split(' ')[1]);
        },
        async write() {
            const from = driver.lines.length;
            driver.send('write');
            await driver.says('written', { from });
        },
        async end() {
            const { code } = await driver.end();
            if (code !== 0)
                throw new Error(`office_sink: ${driver.errors}`);
        },
    };
}

// Endpoints for the dossiers' units H56.10, H56.11 …, each its own path at the sink. path(i) may name another.
export async function subscribe(app, sink, count, path = (i) => `/hook/${i}`) {
    for (let i = 0; i < count; i++) {
        await app.run(['endpoint', 'add', '--url', `http://127.0.0.1:${sink.port}${path(i)}`, '--allow', '127.0.0.1/32', '--unit', `H56.${10 + i}`,
            '--label', `bench ${i}`]);
    }
}

// Services that are still running go without a word: what they did is measured.
export function kill(app) {
    for (const child of app?.running.values() ?? [])
        child.result ?? child.kill('SIGKILL');
    return Promise.all([...(app?.running.values() ?? [])].map((child) => child.ended));
}
