// SPDX-License-Identifier: EUPL-1.2
// Ingest when things go wrong: an acknowledged scan is stored once and for good, anything else is a 503 that says when to come back,
// readiness is honest within 5 s, and all of it ends by itself.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { App, startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, results } from '../harness/device.mjs';
import { stopwatch, until } from '../harness/wait.mjs';

let cluster;
let app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest'], config: { ingest: { waiting: 500 } } });
});
after(async () => {
    try {
        await app?.stop();
    } finally {
        await cluster?.destroy();
    }
});

const ready = async () => (await fetch(app.ops('ingest', '/readyz'))).json();
const notReady = (condition) => until(async () => (await ready()).reasons?.some((reason) => reason.condition === condition),
    { limit: 5000, what: `not ready: ${condition}` });

// Sends until it is acknowledged; a batch that may be stored is sent again as it is, as a handheld does.
async function persist(device, batch) {
    return until(async () => {
        const answer = await device.send(batch).catch((error) => ({ error }));
        if (answer.status && answer.status !== 200 && answer.status !== 503)
            throw new Error(JSON.stringify(answer.body));
        return answer.status === 200 && answer;
    }, { limit: 60_000, what: 'the batch is acknowledged' });
}

// Every number 1…n of the stream is stored once, positions have no gaps, receipts and `answered` agree.
async function audit(devices) {
    for (const device of devices) {
        const [row] = await cluster.psql(`
            select count(*) as facts, count(distinct f.seq) as numbers, min(f.seq) as first, max(f.seq) as last,
                   (select answered::text from dt.stream s where s.token = $1::uuid) as answered,
                   (select sum(r.last_seq - r.first_seq + 1) from dt.receipt r join dt.stream s using (lane, stream) where s.token = $1::uuid)::int8 as receipts
            from dt.fact f join dt.stream s using (lane, stream) where s.token = $1::uuid`, [device.stream]);
        const n = device.seq;
        assert.deepEqual(row, { facts: n, numbers: n, first: 1, last: n, answered: `{[1,${n + 1})}`, receipts: n });
    }
    const [log] = await cluster.psql('select count(*) as n, coalesce(max(pos), 0) as last from dt.fact where lane = 0');
    assert.equal(log.n, log.last, 'positions have no gaps');
}

const inFlight = async (program = app) => (await program.metrics('ingest')).get('duongthu_ingest_uploads_in_flight');
// Devices whose streams ingest knows, so that their uploads need no look-up.
async function knownDevices(n, program = app) {
    const devices = await Promise.all(Array.from({ length: n }, () => Device.enrolled(program)));
    for (const device of devices)
        await device.upload([device.scan()]);
    return devices;
}

// While the database hangs, uploads wait: not for long, then ingest gives up on them, and takes no more. What can be made before is made before.
async function whileFrozen(work) {
    cluster.freeze();
    try {
        await work();
    } finally {
        cluster.thaw();
    }
}

test('PostgreSQL is stopped: 503 with Retry-After, not ready; it comes back: all goes on by itself', async () => {
    const device = await Device.enrolled(app);
    await device.upload([device.scan()]);
    await cluster.stop();
    await notReady('db');
    const batch = device.batch([device.scan()]);
    const answer = await device.send(batch);
    assert.deepEqual([answer.status, answer.body.code], [503, 'database-unavailable']);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    assert.equal((await fetch(app.ops('ingest', '/livez'))).status, 200);
    await cluster.start();
    assert.equal(results(await persist(device, batch)), '2:accepted');
    await until(async () => (await ready()).ready, { what: 'ready again' });
    await audit([device]);
});

test('started before PostgreSQL: waits, is not ready, then serves', async () => {
    await cluster.stop();
    await app.process('ingest').end('SIGTERM');
    app.start('ingest');
    await until(async () => (await ready()).ready === false, { what: 'the operations listener answers' });
    await cluster.start();
    await app.ready('ingest');
    const device = await Device.enrolled(app);
    assert.equal(results(await device.upload([device.scan()])), '1:accepted');
});

// devices that upload in parallel while `shake` is called again and again
async function underLoad(shake, times) {
    await app.ready('ingest');
    const devices = await Promise.all(Array.from({ length: 6 }, () => Device.enrolled(app)));
    let stop = false;
    const work = devices.map(async (device) => {
        while (!stop)
            await persist(device, device.batch(Array.from({ length: 1 + device.seq % 7 }, () => device.scan())));
    });
    for (let i = 0; i < times; i++) {
        const before = devices.reduce((sum, device) => sum + device.seq, 0);
        await until(() => devices.reduce((sum, device) => sum + device.seq, 0) > before + 60, { limit: 60_000, what: 'load goes on' });
        await shake();
    }
    stop = true;
    await Promise.all(work);
    await audit(devices);
}

test('PostgreSQL crashes under load: what was acknowledged is there, once', () => underLoad(async () => {
    await cluster.crash();
    await cluster.start();
}, 3));

test('ingest is killed under load: what was acknowledged is there, once', async () => {
    await underLoad(() => app.restart('ingest'), 4);
    await app.ready('ingest');
});

test('PostgreSQL freezes: not ready within 5 s, a timely 503, and on it goes', async () => {
    await app.ready('ingest');
    const device = await Device.enrolled(app);
    await device.upload([device.scan()]);
    const batch = device.batch([device.scan()]);
    cluster.freeze();
    try {
        const elapsed = stopwatch();
        const [answer] = await Promise.all([device.send(batch), notReady('database-answers')]);
        assert.equal(answer.status, 503);
        assert.ok(elapsed() < 20_000);
    } finally {
        cluster.thaw();
    }
    assert.match(results(await persist(device, batch)), /^2:(accepted|duplicate:accepted)$/);
    await audit([device]);
    await app.ready('ingest');
});

test('the database hangs: uploads collect, overload is refused at once, one commit takes what waited', async () => {
    const devices = await knownDevices(30);
    const [big, extra] = await knownDevices(2);
    const commits = async () => (await app.metrics('ingest')).get('duongthu_ingest_commit_seconds_count');
    const before = await commits();
    const batches = devices.map((device) => device.batch([device.scan(), device.scan()]));
    const [many, late] = [big.batch(Array.from({ length: 500 }, () => big.scan())), extra.batch([extra.scan()])];
    let waiting;
    let full;
    await whileFrozen(async () => {
        waiting = devices.map((device, i) => device.send(batches[i]));
        await until(async () => await inFlight() === devices.length, { what: 'all uploads wait' });
        full = big.send(many);
        await until(async () => (await app.metrics('ingest')).get('duongthu_ingest_waiting_scans') >= 500, { what: 'the queue is full' });
        const elapsed = stopwatch();
        const refused = await extra.send(late);
        assert.deepEqual([refused.status, refused.body.code], [503, 'overloaded']);
        assert.equal(refused.headers.get('retry-after'), '1');
        assert.ok(elapsed() < 4000);
    });
    for (const answer of await Promise.all(waiting))
        assert.equal(results(answer), '2:accepted 3:accepted');
    assert.equal((await full).status, 200);
    assert.ok(await commits() - before <= 6, 'thirty uploads went in a few commits');
    await audit([...devices, big]);
});

test('two uploads of one stream at the same time are both answered, whatever their order', async () => {
    const device = await Device.enrolled(app);
    const batches = Array.from({ length: 20 }, () => device.batch([device.scan()]));
    const answers = await Promise.all(batches.flatMap((batch) => [device.send(batch), device.send(batch)]));
    for (const answer of answers)
        assert.match(results(answer), /^\d+:(accepted|duplicate:accepted)$/);
    await audit([device]);
});

test('the log\'s head is held for long: 503, not ready, nothing stored; then all is well again', async () => {
    const device = await Device.enrolled(app);
    const session = await cluster.connect();
    await session.query('begin; select from dt.fact_head for update');
    const batch = device.batch([device.scan()]);
    const answer = await device.send(batch);
    assert.deepEqual([answer.status, answer.body.code], [503, 'database-unavailable']);
    await notReady('commits');
    await session.query('rollback');
    await session.close();
    assert.equal(results(await persist(device, batch)), '1:accepted');
    await until(async () => (await ready()).ready, { what: 'ready again' });
    await audit([device]);
});

// A trigger that makes PostgreSQL refuse some rows, for as long as `work` takes.
async function whileRefusing(body, work) {
    await cluster.psql(`create function dt.test_refuse() returns trigger language plpgsql as $$ begin ${body} return new; end $$;
        create trigger test_refuse before insert on dt.fact for each row execute function dt.test_refuse()`);
    try {
        await work();
    } finally {
        await cluster.psql('drop trigger test_refuse on dt.fact; drop function dt.test_refuse()');
    }
}

// One commit takes nearly all of them.
async function together(devices, note) {
    const batches = devices.map((device) => device.batch([device.scan(device === devices[7] ? { note } : {})]));
    let uploads;
    await whileFrozen(async () => {
        uploads = devices.map((device, i) => device.send(batches[i]));
        await until(async () => await inFlight() === devices.length, { what: 'all wait' });
    });
    return Promise.all(uploads);
}

test('one upload that PostgreSQL refuses for a lasting reason does not take the others with it', async () => {
    const devices = await knownDevices(12);
    await whileRefusing("if new.body like '%poison%' then raise exception 'refused' using errcode = 'DT999'; end if;", async () => {
        const answers = await together(devices, 'poison');
        for (const [i, answer] of answers.entries()) {
            if (i === 7)
                assert.deepEqual([answer.status, answer.body.code], [500, 'internal-error']);
            else
                assert.equal(results(answer), '2:accepted');
        }
    });
    assert.ok(app.logs('append.refused').some(({ sqlstate }) => sqlstate === 'DT999'));
    assert.ok(!app.process('ingest').output.includes('poison'));
    devices[7].seq = 1;
    await audit(devices);
});

test('a commit that fails in passing is tried again, unnoticed', async () => {
    const devices = await knownDevices(12);
    await cluster.psql('create sequence dt.test_once');
    try {
        await whileRefusing("if new.body like '%passing%' and nextval('dt.test_once') = 1 then raise exception 'again' using errcode = '40001'; end if;",
            async () => {
                for (const answer of await together(devices, 'passing'))
                    assert.equal(results(answer), '2:accepted');
            });
    } finally {
        await cluster.psql('drop sequence dt.test_once');
    }
    await audit(devices);
});

test('nobody makes segments: ingest does', async () => {
    await cluster.psql("update dt.log_setting set segment_rows = 1000 where log = 'fact'");
    const [{ last }] = await cluster.psql("select max(last_pos) as last from dt.segment where log = 'fact'");
    await cluster.psql('update dt.fact_head set floor = $1', [last - 2500]); // as if the log were nearly full
    await notReady('segments');
    await until(async () => (await ready()).ready, { what: 'segments were made' });
    const device = await Device.enrolled(app);
    for (let i = 0; i < 10; i++) {
        const answer = await persist(device, device.batch(Array.from({ length: 500 }, () => device.scan())));
        assert.ok(answer.body.results.every(({ status }) => status === 'accepted'));
    }
    const [{ ahead }] = await cluster.psql("select dt.segments_ahead('fact') as ahead");
    assert.ok(ahead >= 2, `${ahead} segments ahead`);
});

test('SIGTERM: what is under way is answered, then the process leaves with 0', async () => {
    const other = await startApp({ cluster, services: ['ingest'] });
    const devices = await knownDevices(5, other);
    const batches = devices.map((device) => device.batch([device.scan()]));
    let uploads;
    let ended;
    await whileFrozen(async () => {
        uploads = devices.map((device, i) => device.send(batches[i]));
        await until(async () => await inFlight(other) === devices.length, { what: 'all are under way' });
        ended = other.process('ingest').end('SIGTERM');
        await until(async () => {
            await assert.rejects(fetch(other.url('ingest', '/v1/scans')));
            return true;
        }, { what: 'no new connection is taken' });
    });
    for (const answer of await Promise.all(uploads))
        assert.equal(results(answer), '2:accepted');
    assert.deepEqual(await ended, { code: 0, signal: null });
});

test('an unusable set-up ends the process with a reason: no keys, a port in use', async () => {
    const twin = await new App(cluster).prepare({ ingest: { listen: app.config.ingest.ops_listen } });
    const busy = twin.start('ingest');
    assert.deepEqual(await busy.ended, { code: 1, signal: null });
    assert.ok(busy.logs.some(({ event, error }) => event === 'ingest.start' && error === 'EADDRINUSE'), busy.output);
    twin.config.keys.dir = `${twin.folder}/none`;
    twin.configure();
    const keyless = twin.start('ingest');
    assert.equal((await keyless.ended).code, 1);
    assert.ok(keyless.logs.some(({ event }) => event === 'keys.unusable'), keyless.output);
});
