// SPDX-License-Identifier: EUPL-1.2
// The database pool (services/io/db*.c) beside a server that goes away, hangs, lies or is busy. Each test has a pool in a process
// of its own (tests/drivers/db_pool.c); that program aborts when a callback comes twice or too early.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { startCluster } from '../harness/cluster.mjs';
import { Driver } from '../harness/driver.mjs';
import { stopwatch, until } from '../harness/wait.mjs';
import { createServer } from 'node:net';

const TABLES = `CREATE SCHEMA dt; CREATE TABLE dt.probe (id int8 PRIMARY KEY);
    CREATE TABLE dt.child (id int8 REFERENCES dt.probe DEFERRABLE INITIALLY DEFERRED)`;

let cluster;
before(async () => {
    cluster = await startCluster({ migrate: false });
    await cluster.psql(TABLES);
});
after(() => cluster.destroy());

// What an earlier test left asleep would be taken for this one's.
beforeEach(async () => {
    await until(async () => (await cluster.psql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE application_name = 'db_pool'`)).length === 0);
});

async function pool(t, options = [], { state = 'up', server = cluster } = {}) {
    const driver = new Driver('db_pool', ['-c', server.conninfo(), ...options]);
    t.after(() => driver.process.kill('SIGKILL'));
    if (state)
        await driver.says(state);
    return driver;
}

// Ends the pool and looks at its whole story: every statement has one end, nothing leaked, nothing aborted.
async function finish(driver, submitted) {
    const result = await driver.end();
    assert.deepEqual(result, { code: 0, signal: null }, driver.errors);
    const ids = driver.lines.filter((line) => /^(done|refused) /.test(line)).map((line) => Number(line.split(' ')[1]));
    assert.deepEqual(ids.sort((a, b) => a - b), [...submitted].sort((a, b) => a - b), driver.lines.join('\n'));
}

const range = (first, count) => Array.from({ length: count }, (_, i) => first + i);
// The pool's backends, as PostgreSQL sees them.
const backends = (where = 'true') => cluster.psql(`SELECT pid, wait_event, query FROM pg_stat_activity
    WHERE application_name = 'db_pool' AND ${where} ORDER BY pid`);
const waitFor = (where, count = 1) => until(async () => {
    const rows = await backends(where);
    return rows.length >= count && rows;
}, { what: `${count} backends where ${where}` });

for (const [name, options] of [['one at a time', ['-n', '2', '-d', '1']], ['a deep pipeline', ['-n', '1', '-d', '16']]]) {
    test(`answers and refusals, ${name}`, async (t) => {
        await cluster.psql('TRUNCATE dt.probe CASCADE');
        const driver = await pool(t, options);
        driver.send('one 1 5', 'divide 2 0', 'write 3 77');
        await driver.says('done 3 ok');
        driver.send('late 4 99', 'late 5 77', 'write 6 77', 'length 7 1000000', 'divide 8 1', 'burst 10 50');
        await Promise.all(['done 1 ok 5', 'done 2 db-refused 22012', 'done 4 db-refused 23503', 'done 5 ok', 'done 6 db-refused 23505',
            'done 7 ok 1000000', 'done 8 ok 1', 'done 59 ok 59'].map((line) => driver.says(line)));
        await finish(driver, [...range(1, 8), ...range(10, 50)]);
        assert.deepEqual(await cluster.psql('SELECT id FROM dt.child'), [{ id: 77 }], 'a refused commit leaves nothing');
    });
}

test('values survive the way there and back', async (t) => {
    const driver = new Driver('db_values', [cluster.conninfo()]);
    t.after(() => driver.process.kill('SIGKILL'));
    assert.equal((await driver.ended).code, 0, driver.lines.join('\n') + driver.errors);
    assert.match(driver.lines.at(-1), /^1\d\d checks, 0 differences$/);
});

test('a statement leaves in the same write as its Sync, whatever its size', async (t) => {
    const driver = new Driver('db_write', [cluster.conninfo()]);
    t.after(() => driver.process.kill('SIGKILL'));
    assert.equal((await driver.ended).code, 0, driver.lines.join('\n') + driver.errors);
    assert.match(driver.lines.at(-1), /^33500 statements in \d+ writes, 0 faults$/);
});

test('a wake-up is told, and each connect counts as one', async (t) => {
    const driver = await pool(t, ['-l']);
    await driver.says('notify probe');
    driver.send('tell 1 1');
    await until(() => driver.lines.filter((line) => line === 'notify probe').length === 2);
    await finish(driver, [1]);
});

test('a full queue refuses, and the queue is first in, first out', async (t) => {
    const driver = await pool(t, ['-n', '1', '-d', '1', '-w', '3']);
    driver.send('sleep 1 300', 'one 2 2', 'one 3 3', 'one 4 4', 'one 5 5', 'load');
    await driver.says('refused 5 full');
    await driver.says('load 4 busy up');
    await driver.says('done 4 ok 4');
    assert.deepEqual(driver.lines.filter((line) => line.startsWith('done')), ['done 1 ok 1', 'done 2 ok 2', 'done 3 ok 3', 'done 4 ok 4']);
    driver.send('load');
    await driver.says('load 0 idle up');
    await finish(driver, range(1, 5));
});

test('the server\'s limits refuse with a known outcome: a held lock, a slow statement', async (t) => {
    await cluster.psql('INSERT INTO dt.probe VALUES (500) ON CONFLICT DO NOTHING');
    const holder = await cluster.connect();
    await holder.query('BEGIN; SELECT FROM dt.probe WHERE id = 500 FOR UPDATE');
    const driver = await pool(t, ['-t', '3000']);
    driver.send('lock 1 500', 'sleep 2 20000');
    await driver.says('done 1 db-refused 55P03');
    await driver.says('done 2 db-refused 57014');
    await holder.query('ROLLBACK');
    driver.send('lock 3 500');
    await driver.says('done 3 ok 500');
    assert.ok(!driver.lines.some((line) => line.startsWith('down')), 'the connections live');
    await holder.close();
    await finish(driver, range(1, 3));
});

test('an answer that does not come closes the connection, unknown, and what waits learns in time', async (t) => {
    const driver = await pool(t, ['-n', '1', '-d', '1']);
    driver.send('sleep 1 60000 2000', 'one 2 2 1000', 'one 3 3 20000');
    assert.equal(await driver.says(/^done 1/), 'done 1 timeout');
    const story = () => driver.lines.filter((line) => /^(done|down|up)/.test(line));
    await until(() => story().filter((line) => line === 'up').length === 2);
    driver.send('one 4 4');
    await driver.says('done 4 ok 4');
    // 2 had spent half of its second waiting before the connection was given up; 3 fell with the last connection.
    assert.deepEqual(story(), ['up', 'done 2 db-down', 'done 1 timeout', 'down the server does not answer', 'done 3 db-down', 'up',
        'done 4 ok 4']);
    await finish(driver, range(1, 4));
});

test('in a pipeline only what is overdue has timed out; the others are lost', async (t) => {
    const driver = await pool(t, ['-n', '1', '-d', '8']);
    driver.send('sleep 1 5000 500', 'one 2 2');
    await driver.says('done 1 timeout');
    await driver.says('done 2 db-lost');
    await finish(driver, range(1, 2));
});

test('one of two connections is terminated: its statement is lost, the pool stays up', async (t) => {
    const driver = await pool(t, ['-n', '2']);
    await waitFor('true', 2);
    driver.send('sleep 1 60000');
    const [{ pid }] = await waitFor(`query LIKE '%pg_sleep%' AND state = 'active'`);
    await cluster.psql('SELECT pg_terminate_backend($1)', [pid]);
    await driver.says('done 1 db-lost');
    driver.send('one 2 2');
    await driver.says('done 2 ok 2');
    assert.ok(!driver.lines.some((line) => line.startsWith('down')));
    await waitFor('true', 2);
    await finish(driver, range(1, 2));
});

test('kill -9 of a backend: all is lost or down, then everything carries on by itself', async (t) => {
    const driver = await pool(t, ['-n', '2', '-w', '10']);
    driver.send('sleep 1 60000', 'sleep 2 60000', 'one 3 3');
    const [{ pid }] = await waitFor(`query LIKE '%pg_sleep%' AND state = 'active'`, 2);
    process.kill(pid, 'SIGKILL');
    await driver.says('done 1 db-lost');
    await driver.says('done 2 db-lost');
    await driver.says(/^done 3 db-(down|lost)/);
    await driver.says(/^down /);
    await until(() => driver.lines.filter((line) => line === 'up').length === 2, { limit: 60_000 });
    driver.send('one 4 4');
    await driver.says('done 4 ok 4');
    await finish(driver, range(1, 4));
});

test('down at the start: told at once, up when the server comes', async (t) => {
    await cluster.stop();
    const driver = await pool(t, [], { state: /^down cannot connect: / });
    driver.send('one 1 1');
    await driver.says('refused 1 db-down');
    await cluster.start();
    await driver.says('up');
    driver.send('one 2 2');
    await driver.says('done 2 ok 2');
    await finish(driver, [1, 2]);
});

// A dead server's machine may still take connections, a proxy may stand where it was: libpq goes on to the next host only from some of this.
for (const [what, meet] of [['closes', (socket) => socket.end()], ['resets', (socket) => socket.resetAndDestroy()],
    ['closes after the first word', (socket) => socket.once('data', () => socket.end())], ['resets after the first word', (socket) => socket.once('data', () => socket.resetAndDestroy())]]) {
    test(`the first of two hosts takes connections and ${what}: the pool turns to the other`, async (t) => {
        const front = createServer((socket) => meet(socket.on('error', () => {})));
        await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
        t.after(() => front.close());
        const conninfo = () => cluster.conninfo({ host: `127.0.0.1,${cluster.folder}`, port: `${front.address().port},5432` });
        const driver = await pool(t, ['-n', '2'], { server: { conninfo } });
        driver.send('one 1 7');
        await driver.says('done 1 ok 7');
        await finish(driver, [1]);
    });
}

test('restart -m immediate under load: every statement ends once, whatever the callbacks do', async (t) => {
    const driver = await pool(t, ['-n', '2', '-d', '4', '-w', '500']);
    driver.send('again 2000');
    let next = 1;
    for (let round = 0; round < 3; round++) {
        const load = setInterval(() => {
            driver.send(`burst ${next} 100`);
            next += 100;
        }, 5);
        await until(() => driver.lines.length > next / 2);
        await cluster.restart('immediate');
        const ups = driver.lines.filter((line) => line === 'up').length;
        await until(() => driver.lines.filter((line) => line === 'up').length > ups || driver.lines.at(-1).startsWith('done'));
        clearInterval(load);
    }
    driver.send('again 0');
    await until(() => {
        const last = driver.lines.findLast((line) => line === 'up' || line.startsWith('down'));
        return last === 'up';
    });
    driver.send(`one ${next} 1`);
    await driver.says(`done ${next} ok 1`);
    const result = await driver.end();
    assert.deepEqual(result, { code: 0, signal: null }, driver.errors);
    // A failed statement that was submitted again ends again: so every id ends, and the ends of its last trial are one.
    const ends = new Map();
    for (const line of driver.lines.filter((text) => /^(done|refused) /.test(text))) {
        const [, id, outcome] = line.split(' ');
        assert.ok(!['ok', 'refused'].includes(ends.get(id)), `${id} ended again after ${ends.get(id)}`);
        ends.set(id, line.startsWith('refused') ? 'refused' : outcome);
    }
    assert.equal(ends.size, next);
    assert.ok([...ends.values()].includes('ok'));
});

test('a frozen server is noticed by an idle pool within 5 s, and its return too', async (t) => {
    const driver = await pool(t, ['-n', '1']);
    const elapsed = stopwatch();
    cluster.freeze();
    try {
        await driver.says('down the server does not answer');
        // 2 s until it is asked, 2 s for the answer; the rest is patience with a busy machine.
        assert.ok(elapsed() < 8_000);
    } finally {
        cluster.thaw();
    }
    await until(() => driver.lines.filter((line) => line === 'up').length === 2);
    await finish(driver, []);
});

test('read-only in mid-flight: not up, with the reason, until it is writable again', async (t) => {
    const flip = async (value) => {
        await cluster.psql(`ALTER SYSTEM SET default_transaction_read_only = ${value}`);
        await cluster.psql('SELECT pg_reload_conf()');
    };
    const idle = await pool(t, ['-n', '1']);
    const writer = await pool(t, ['-n', '1']);
    await flip('on');
    try {
        await until(async () => {
            writer.send('write 1 1');
            return writer.lines.includes('done 1 db-refused 25006');
        });
        await writer.says('down the server is read-only');
        await idle.says(/^down .*read-only/);
        idle.send('one 1 1');
        await idle.says('refused 1 db-down');
    } finally {
        await flip('off');
    }
    await until(() => [idle, writer].every((driver) => driver.lines.at(-1) === 'up'));
    idle.send('one 2 2');
    await idle.says('done 2 ok 2');
    assert.equal((await writer.end()).code, 0);
    await finish(idle, [1, 2]);
});

for (const [setting, value, why] of [
    ['fsync', 'off', 'unsafe server: fsync is off'],
    ['full_page_writes', 'off', 'unsafe server: full_page_writes is off'],
    ['synchronous_commit', 'off', 'unsafe server: synchronous_commit is neither on nor remote_apply'],
    ['synchronous_commit', 'local', 'unsafe server: synchronous_commit is neither on nor remote_apply'],
]) {
    test(`${setting} = ${value} is refused unless allowed`, async (t) => {
        const set = async (to) => {
            await cluster.psql(`ALTER SYSTEM SET ${setting} = ${to}`);
            await cluster.psql('SELECT pg_reload_conf()');
            await until(async () => (await cluster.psql(`SELECT current_setting('${setting}') AS v`))[0].v === (to === 'DEFAULT' ? 'on' : to));
        };
        await set(value);
        try {
            const driver = await pool(t, [], { state: `down ${why}` });
            await finish(driver, []);
            const careless = await pool(t, ['-u']);
            await finish(careless, []);
        } finally {
            await set('DEFAULT');
        }
    });
}

test('a standby is not up, unless reading is all that is wanted', async (t) => {
    const standby = await startCluster({ migrate: false, settings: { hot_standby: 'on' } });
    t.after(() => standby.destroy());
    await standby.psql(TABLES);
    await standby.stop();
    standby.makeStandby();
    await standby.start();
    await finish(await pool(t, ['-n', '1'], { server: standby, state: /^down .*(read-only|recovery)/ }), []);
    const reader = await pool(t, ['-n', '1', '-r'], { server: standby });
    reader.send('one 1 1', 'write 2 2');
    await reader.says('done 1 ok 1');
    await reader.says('done 2 db-refused 25006');
    await finish(reader, [1, 2]);
});

test('a commit whose replication wait is cancelled is not durable, and one that is cut off is lost', async (t) => {
    await cluster.psql(`ALTER SYSTEM SET synchronous_standby_names = 'ghost'`);
    await cluster.psql('SELECT pg_reload_conf()');
    try {
        const driver = await pool(t, ['-n', '2']);
        await until(async () => (await cluster.psql('SHOW synchronous_standby_names'))[0].synchronous_standby_names === 'ghost');
        for (const [id, how, outcome] of [[1, 'pg_cancel_backend', 'not-durable'], [2, 'pg_terminate_backend', 'db-lost']]) {
            driver.send(`write ${id} ${9000 + id}`);
            const [{ pid }] = await waitFor(`wait_event = 'SyncRep'`);
            await cluster.psql(`SELECT ${how}($1)`, [pid]);
            await driver.says(`done ${id} ${outcome}`);
        }
        // The next answer of the same connection does not inherit the warning.
        driver.send('burst 10 10');
        await driver.says('done 19 ok 19');
        await finish(driver, [1, 2, ...range(10, 10)]);
        assert.deepEqual(await cluster.psql('SELECT id FROM dt.probe WHERE id > 9000 ORDER BY id'), [{ id: 9001 }, { id: 9002 }],
            'both exist here, which is why neither may be acknowledged');
    } finally {
        await cluster.psql('ALTER SYSTEM RESET synchronous_standby_names');
        await cluster.psql('SELECT pg_reload_conf()');
    }
});

test('a schema that is too old is told as such', async (t) => {
    const empty = await startCluster({ migrate: false });
    t.after(() => empty.destroy());
    const driver = await pool(t, ['-n', '1'], { server: empty, state: /^down run `duongthu migrate`\? statement write: relation "dt.probe"/ });
    await empty.psql(TABLES);
    await driver.says('up');
    await finish(driver, []);
});

test('closing: what waits is closed, what is in flight is lost, also from inside a callback', async (t) => {
    const driver = await pool(t, ['-n', '1', '-d', '1']);
    driver.send('sleep 1 60000');
    await waitFor(`query LIKE '%pg_sleep%' AND state = 'active'`);
    driver.send('one 2 2', 'close', 'one 3 3');
    await driver.says('closed');
    for (const line of ['done 1 db-lost', 'done 2 closed', 'refused 3 closed'])
        assert.ok(driver.lines.includes(line), line);
    await finish(driver, range(1, 3));

    const inside = await pool(t, ['-n', '2', '-d', '8']);
    inside.send('close-inside', 'burst 1 40');
    await inside.says('closed');
    await finish(inside, range(1, 40));
});
