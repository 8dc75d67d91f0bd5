// SPDX-License-Identifier: EUPL-1.2
// The harness's own PostgreSQL: what it says about values, crashes and frozen servers must be true before other tests lean on it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster } from '../harness/cluster.mjs';
import { PgError } from '../harness/pg.mjs';

let cluster;
before(async () => (cluster = await startCluster({ migrate: false })));
after(() => cluster.destroy());

test('values come back as what they are', async () => {
    const [row] = await cluster.psql(`SELECT 7 AS small, 9007199254740993::int8 AS big, true AS yes, NULL::text AS none, 'Đường' AS text,
        '{"a":[1]}'::jsonb AS json, '\\x00ff'::bytea AS bytes, '{1,NULL,3}'::int8[] AS numbers, '{"a,b",c,"d\\"e"}'::text[] AS texts`);
    assert.deepEqual(row, { small: 7, big: 9007199254740993n, yes: true, none: null, text: 'Đường', json: { a: [1] },
        bytes: Buffer.from([0, 255]), numbers: [1, null, 3], texts: ['a,b', 'c', 'd"e'] });
});

test('parameters arrive as they were given', async () => {
    const values = ['a\'b', null, Buffer.from([1, 0]), ['x"y', null], { k: 1 }];
    const [row] = await cluster.psql('SELECT $1::text AS a, $2::text AS b, $3::bytea AS c, $4::text[] AS d, $5::jsonb AS e', values);
    assert.deepEqual(Object.values(row), values);
});

test('an error of the server carries its SQLSTATE and leaves the session usable', async () => {
    const session = await cluster.connect();
    await assert.rejects(session.query('SELECT 1/0'), (error) => error instanceof PgError && error.sqlstate === '22012');
    assert.deepEqual(await session.query('SELECT 1 AS one'), [{ one: 1 }]);
    await session.close();
});

test('the settings of deploy/postgresql.conf hold', async () => {
    assert.deepEqual(await cluster.psql(`SELECT current_setting('fsync') AS fsync, current_setting('jit') AS jit,
        current_setting('data_checksums') AS sums, current_setting('listen_addresses') AS tcp`),
    [{ fsync: 'on', jit: 'off', sums: 'on', tcp: '' }]);
});

test('what was committed survives a crash, what was not does not, and open sessions learn of it', async () => {
    await cluster.psql('CREATE TABLE t (x int); INSERT INTO t VALUES (1)');
    const session = await cluster.connect();
    await session.query('BEGIN; INSERT INTO t VALUES (2)');
    await cluster.crash();
    await session.closed;
    await assert.rejects(session.query('COMMIT'));
    await assert.rejects(cluster.connect());
    await cluster.start();
    assert.deepEqual(await cluster.psql('SELECT x FROM t'), [{ x: 1 }]);
});

test('a frozen server answers when it is thawed', async () => {
    const session = await cluster.connect();
    cluster.freeze();
    const answer = session.query('SELECT 1 AS one');
    assert.equal(await Promise.race([answer, sleep(100, 'silence')]), 'silence');
    cluster.thaw();
    assert.deepEqual(await answer, [{ one: 1 }]);
    await session.close();
});
