// SPDX-License-Identifier: EUPL-1.2
// The fact log under random writers while backends and the whole server die: positions without gap, each (stream, number) once,
// `answered` = receipts = what the writers were told. And its plans: no statement may read the log to append to it.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { startCluster } from '../harness/cluster.mjs';
import { Driver } from '../harness/driver.mjs';
import { flavour } from '../harness/build.mjs';
import { EXPLAIN, longReads, manySegments, plansOf } from '../harness/plans.mjs';
import { resegment } from '../harness/segments.mjs';
import { until } from '../harness/wait.mjs';

const STREAMS = 8;
const UPLOADS = flavour === 'asan' ? 1000 : 2500;

// A database with lanes, devices and streams. → its cluster
async function ground(t, lanes, settings = {}) {
    const cluster = await startCluster({ settings });
    t.after(() => cluster.destroy());
    await cluster.psql(`
        INSERT INTO dt.fact_head (lane) SELECT generate_series(1, ${lanes - 1});
        INSERT INTO dt.device (device, office, public_key) SELECT gen_random_uuid(), '100000', '\\x04' FROM generate_series(1, ${STREAMS});
        SELECT dt.open_stream(device) FROM dt.device`);
    return cluster;
}

// History: facts in segments of `segment` rows, receipts of 50 numbers, of devices that the writers do not use.
async function fill(cluster, { segment, facts, receipts }) {
    await resegment(cluster, segment, Math.ceil(facts / segment) + 4, ['fact']);
    await cluster.psql(`
        INSERT INTO dt.fact SELECT 0, n, 100000 + n % 1000, n, 1, 1, 0, now(), now(), 'EA123456785VN', '{"n":' || n || '}'
            FROM generate_series(1, ${facts}) n;
        INSERT INTO dt.stream (lane, stream, token, name) SELECT 0, 100000 + n, gen_random_uuid(), 'history ' || n FROM generate_series(1, 1000) n;
        INSERT INTO dt.receipt SELECT 0, 100000 + n % 1000, (n / 1000 + 1) * 50, n / 1000 * 50 + 1, n * 50, '\\x01', '\\x00', '', ''
            FROM generate_series(1, ${receipts}) n;
        ANALYZE`);
}

// What must hold in the tables whatever happened; → { numbers, conflicts } as sorted lines in the words of append_writers.
async function inspect(cluster) {
    const broken = await cluster.psql(`
        WITH number AS (
            SELECT r.lane, r.stream, r.first_pos, r.header, n AS seq, n - r.first_seq AS at,
                   get_byte(r.outcomes, (n - r.first_seq)::int) AS outcome,
                   substr(r.digests, (n - r.first_seq)::int * 32 + 1, 32) AS digest,
                   r.first_pos + count(*) FILTER (WHERE get_byte(r.outcomes, (n - r.first_seq)::int) = 1)
                       OVER (PARTITION BY r.lane, r.stream, r.last_seq ORDER BY n) - 1 AS pos
            FROM dt.receipt r, generate_series(r.first_seq, r.last_seq) n
        )
        SELECT 'a gap or a double position in lane ' || lane AS what FROM dt.fact GROUP BY lane
            HAVING count(*) <> max(pos) OR min(pos) <> 1 OR count(DISTINCT pos) <> count(*)
        UNION ALL SELECT 'number twice in the log: ' || stream || ' ' || seq FROM dt.fact GROUP BY stream, seq HAVING count(*) > 1
        UNION ALL SELECT 'number in two receipts: ' || stream || ' ' || seq FROM number GROUP BY stream, seq HAVING count(*) > 1
        UNION ALL SELECT 'receipt of the wrong length' FROM dt.receipt
            WHERE length(outcomes) <> last_seq - first_seq + 1 OR length(digests) <> 32 * length(outcomes)
        UNION ALL SELECT 'answered is not what the receipts hold: ' || s.stream FROM dt.stream s
            WHERE s.answered <> coalesce((SELECT range_agg(int8range(r.first_seq, r.last_seq, '[]')) FROM dt.receipt r
                WHERE r.lane = s.lane AND r.stream = s.stream), '{}')
        UNION ALL SELECT 'an accepted number is not where its receipt says: ' || n.stream || ' ' || n.seq FROM number n
            LEFT JOIN dt.fact f ON f.lane = n.lane AND f.pos = n.pos AND f.stream = n.stream AND f.seq = n.seq
                AND sha256(convert_to(f.body, 'UTF8')) = n.digest
            WHERE n.outcome = 1 AND f.pos IS NULL
        UNION ALL SELECT 'facts without a receipt' WHERE (SELECT count(*) FROM dt.fact) <> (SELECT count(*) FROM number WHERE outcome = 1)
        UNION ALL SELECT 'a quarantined number without its scan: ' || n.stream || ' ' || n.seq FROM number n
            LEFT JOIN dt.quarantine q USING (lane, stream, seq, digest) WHERE n.outcome >= 10 AND q.reason IS DISTINCT FROM n.outcome
        LIMIT 20`);
    assert.deepEqual(broken.map(({ what }) => what), []);
    const rows = await cluster.psql(`
        SELECT 'number ' || r.stream || ' ' || n || ' ' || v || ' ' || get_byte(r.outcomes, (n - r.first_seq)::int) AS line
        FROM dt.receipt r, generate_series(r.first_seq, r.last_seq) n, generate_series(1, 3) v
        WHERE substr(r.digests, (n - r.first_seq)::int * 32 + 1, 32) = sha256(convert_to(
            '{"stream":' || r.stream || ',"seq":' || n || ',"variant":' || v || '}', 'UTF8'))
        UNION ALL
        SELECT 'conflict ' || stream || ' ' || seq || ' ' || (body::json ->> 'variant') FROM dt.quarantine WHERE reason = 13`);
    return rows.map(({ line }) => line).sort();
}

// The writers, until they have said all; `disturb` is called over and over meanwhile.
async function write(t, cluster, seed, disturb) {
    const driver = new Driver('append_writers', [cluster.conninfo({ user: 'dt_ingest' }), String(seed), String(UPLOADS)]);
    t.after(() => driver.process.kill('SIGKILL'));
    await driver.says('started', { limit: 60_000 });
    let ended = false;
    driver.ended.then(() => (ended = true));
    let disturbances = 0;
    while (!ended && disturb) {
        await disturb(disturbances++);
        await Promise.race([driver.ended, cluster.psql('SELECT pg_sleep(0.1)').catch(() => {})]);
    }
    const { code } = await driver.ended;
    const wrong = driver.lines.filter((line) => line.startsWith('wrong:'));
    assert.deepEqual([code, wrong], [0, []], `seed ${seed}\n${driver.errors}`);
    const summary = driver.lines.at(-1).match(/^uploads (\d+) again (\d+) wrong 0$/);
    assert.ok(Number(summary[1]) >= UPLOADS, `seed ${seed}`);
    return { driver, again: Number(summary[2]), disturbances };
}

for (const lanes of [1, 4]) {
    test(`random writers, ${lanes} lane${lanes > 1 ? 's' : ''}: what was answered is what is stored`, async (t) => {
        const cluster = await ground(t, lanes);
        const seed = randomInt(2 ** 31);
        t.diagnostic(`seed ${seed}`);
        const { driver, again } = await write(t, cluster, seed);
        assert.equal(again, 0);
        const stored = await inspect(cluster);
        assert.deepEqual(driver.lines.filter((line) => /^(number|conflict) /.test(line)).sort(), stored);
        assert.ok(stored.some((line) => line.startsWith('conflict')) && stored.some((line) => / 1[024]$/.test(line)),
            'the writers sent conflicts and bad scans');
        assert.equal((await cluster.psql('SELECT count(DISTINCT lane) AS n FROM dt.fact'))[0].n, lanes);
    });

    test(`random writers, ${lanes} lane${lanes > 1 ? 's' : ''}, backends and servers killed under them`, async (t) => {
        const cluster = await ground(t, lanes);
        const seed = randomInt(2 ** 31);
        t.diagnostic(`seed ${seed}`);
        // The server may be on its way down from the last kill: then this one is spared.
        const victim = async (how) => {
            try {
                const rows = await cluster.psql(`SELECT pid FROM pg_stat_activity WHERE application_name = 'append_writers' ORDER BY random() LIMIT 1`);
                if (rows.length)
                    await how(rows[0].pid);
            } catch (error) {
                t.diagnostic(error.message);
            }
        };
        const { driver, again, disturbances } = await write(t, cluster, seed, async (n) => {
            if (n % 12 === 5) {
                await cluster.restart('immediate');
            } else if (n % 12 === 11) {
                await victim((pid) => process.kill(pid, 'SIGKILL'));
                await until(() => cluster.psql('SELECT 1'), { limit: 60_000 }); // the server has restarted itself
            } else {
                await victim((pid) => cluster.psql('SELECT pg_terminate_backend($1)', [pid]));
            }
        });
        t.diagnostic(`${disturbances} disturbances, ${again} calls sent again`);
        assert.ok(again > 0, 'the kills were felt');
        await until(() => cluster.psql('SELECT 1'), { limit: 60_000, what: 'the server has come back from the last kill' });
        const stored = await inspect(cluster);
        assert.deepEqual(driver.lines.filter((line) => /^(number|conflict) /.test(line)).sort(), stored, `seed ${seed}`);
    });
}

test('the checks above are able to fail', async (t) => {
    const cluster = await ground(t, 1);
    await write(t, cluster, 1);
    await inspect(cluster);
    for (const harm of [
        'DELETE FROM dt.fact WHERE pos = 77',
        'UPDATE dt.fact SET seq = seq + 1 WHERE pos = 77',
        `UPDATE dt.fact SET body = body || ' ' WHERE pos = 77`,
        `UPDATE dt.stream SET answered = answered - '{[3,4)}'::int8multirange WHERE device IS NOT NULL`,
        'DELETE FROM dt.receipt WHERE ctid = (SELECT min(ctid) FROM dt.receipt)',
        'DELETE FROM dt.quarantine WHERE reason <> 13',
        `INSERT INTO dt.fact SELECT lane, pos + (SELECT max(pos) FROM dt.fact), stream, seq, type, source, flags, occurred_at, recorded_at, code, body
            FROM dt.fact WHERE pos = 1`,
    ]) {
        const session = await cluster.connect();
        await session.query(`BEGIN; ${harm}`);
        await assert.rejects(inspect({ psql: (sql) => session.query(sql) }), assert.AssertionError, harm);
        await session.query('ROLLBACK');
        await session.close();
    }
});

for (const [what, prepare] of [
    ['with a long history', (cluster) => fill(cluster, { segment: 20_000, facts: 300_000, receipts: 5_000 })],
    // A plan made for tables that ANALYZE has seen empty must not scan them as they grow.
    ['from nothing, just analyzed', (cluster) => cluster.psql('ANALYZE')],
]) {
    test(`appending reads no log, ${what}: every look-up is by position or number`, async (t) => {
        const cluster = await ground(t, 1, EXPLAIN);
        await prepare(cluster);
        await write(t, cluster, 3);
        const plans = plansOf(cluster.log(), 'append_writers');
        for (const statement of ['dt.append_scans(', 'dt.judge_scans(', 'insert into dt.fact', 'insert into dt.receipt', 'from dt.receipt r'])
            assert.ok(plans.some(({ query }) => query.includes(statement)), `${statement} was seen`);
        assert.deepEqual(longReads(plans), []);
        assert.deepEqual(manySegments(plans), []);
    });
}

test('the judge of plans knows a bad one', async (t) => {
    const cluster = await ground(t, 1, EXPLAIN);
    const session = await cluster.connect();
    await session.query(`SET application_name = 'bad'`);
    for (const bad of ['SELECT count(*) FROM dt.fact WHERE lane = 0', 'SELECT max(seq) FROM dt.fact', 'SELECT body FROM dt.fact ORDER BY lane, pos',
        'SELECT f.pos FROM dt.fact f JOIN dt.stream s USING (lane, stream) WHERE s.touched_at > now() LIMIT 1'])
        await session.query(bad);
    await session.close();
    const caught = plansOf(cluster.log(), 'bad').map((plan) => longReads([plan]).length > 0);
    assert.deepEqual(caught, [true, true, true, true]);
});
