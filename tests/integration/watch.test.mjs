// SPDX-License-Identifier: EUPL-1.2
// watch: segments ahead, timers that fire once, stalled backends, trimming, gauges, one owner, life without PostgreSQL.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startCluster } from '../harness/cluster.mjs';
import { startApp } from '../harness/app.mjs';
import { until } from '../harness/wait.mjs';

let cluster;
before(async () => {
    cluster = await startCluster();
});
after(() => cluster.destroy());

const one = async (sql) => Object.values((await cluster.psql(sql))[0])[0];

// A watch that ends with its test, however that ends: it would keep the lease.
async function watching(t, config = {}) {
    const app = await startApp({ cluster, services: ['watch'], config: { watch: config } });
    t.after(() => app.process('watch').end('SIGKILL'));
    return app;
}

// An item of which nothing was heard for `hours`.
async function item({ code, state = 9, hours, office = null, unit = null, frozen = null, generation = 1, facts = Buffer.alloc(0) }) {
    const id = await one('select coalesce(max(item), 0) + 1 from dt.item');
    await cluster.psql(
        `insert into dt.item (lane, item, code, generation, state, facts, office, frozen, last_at)
         values (0, $1, $2, $3, $4, $8, $5, $6, date_trunc('milliseconds', clock_timestamp()) - $7::float8 * interval '1 hour')`,
        [id, code, generation, state, office, frozen, hours, facts]);
    if (unit) {
        await cluster.psql('insert into dt.dossier (lane, dossier, unit, opened_at) values (0, $1, $2, now())', [id, unit]);
        await cluster.psql(
            'insert into dt.link (lane, item, dossier_lane, dossier, from_at, source, cause_pos) values (0, $1, 0, $1, now(), 2, 1)', [id]);
    }
}

const fired = () => cluster.psql(`select code, type, source, body, occurred_at = (select last_at from dt.item i where i.code = f.code
    order by generation desc limit 1) + $1::interval as on_time from dt.fact f where source = 5 order by pos`, ['48 hours']);

test('silence becomes one fact per item, whoever restarts', async (t) => {
    await cluster.psql(`insert into dt.post_office (office, name, province) values ('580000', 'Kon Tum', 'H34'), ('100000', 'Ha Noi', 'H26')`);
    const near = { office: '580000', unit: 'H34.16' };
    await item({ code: 'EA000000011VN', hours: 49, ...near }); // silent
    await item({ code: 'EA000000025VN', hours: 47, ...near }); // not yet
    await item({ code: 'EA000000039VN', hours: 49, office: '100000', unit: 'H34.16' }); // from afar: 96 h
    await item({ code: 'EA000000042VN', hours: 97, office: '100000', unit: 'H34.16' }); // silent
    await item({ code: 'EA000000056VN', hours: 49 }); // nobody knows whose: 96 h
    await item({ code: 'EA000000060VN', hours: 200, state: 19, ...near }); // delivered
    await item({ code: 'EA000000073VN', hours: 200, state: 15, ...near }); // waits for its receiver
    await item({ code: 'EA000000087VN', hours: 200, state: 1, ...near }); // not collected yet
    await item({ code: 'EA000000095VN', hours: 200, frozen: 'too many facts', ...near });

    const app = await watching(t);
    const facts = await until(async () => {
        const rows = await fired();
        return rows.length === 2 && rows;
    }, { what: 'two timers have fired' });
    assert.deepEqual(facts.map(({ code }) => code).sort(), ['EA000000011VN', 'EA000000042VN']);
    const { body, type, on_time } = facts.find(({ code }) => code === 'EA000000011VN');
    assert.equal(body, 'v=1\ntype=item.silent\ncode=EA000000011VN\n');
    assert.equal(type, 47);
    assert.equal(on_time, true, 'the fact says when the time was up, not when we looked');
    await until(() => app.logs('timer.fired').length === 2, { what: 'both are told' });

    // One is heard of, then silent again. The sweep after a crash sees all of them and fires only for that one.
    await cluster.psql(`update dt.item set last_at = last_at + interval '30 minutes' where code = 'EA000000011VN'`);
    await app.process('watch').end('SIGKILL');
    app.start('watch');
    await until(async () => (await fired()).length > 2, { limit: 60_000, what: 'the lease has run out, the new silence is told' });
    assert.deepEqual((await fired()).map(({ code }) => code).sort(), ['EA000000011VN', 'EA000000011VN', 'EA000000042VN']);
    await app.stop();
});

// Packed facts as correlate stores them (domain/trail.h): one kind an hour.
function trail(kinds) {
    return Buffer.concat(kinds.map((kind, i) => {
        const record = Buffer.alloc(32);
        record.writeUIntBE(Date.parse('2026-11-01T00:00:00Z') + i * 3_600_000, 0, 6);
        record.writeUInt8(1, 13); // stream
        record.writeUInt32BE(i + 1, 14); // seq
        record.writeUIntBE(i + 1, 19, 6); // pos
        record.writeUInt8(kind, 25);
        return record;
    }));
}

test('a pick-up that is not confirmed becomes a fact', async (t) => {
    const [created, assigned, confirmed] = [1, 3, 4]; // domain/event.h
    await item({ code: 'EB000000018VN', state: 2, hours: 5, facts: trail([created, assigned]) }); // overdue
    await item({ code: 'EB000000021VN', state: 2, hours: 3, facts: trail([created, assigned]) }); // not yet
    await item({ code: 'EB000000035VN', state: 2, hours: 5, facts: trail([created, assigned, confirmed]) });
    await item({ code: 'EB000000049VN', state: 2, hours: 5, facts: trail([created, assigned, confirmed, assigned]) }); // overdue
    await item({ code: 'EB000000052VN', state: 2, hours: 5, facts: Buffer.from('nobody packed this') });
    await item({ code: 'EB000000066VN', state: 6, hours: 5, facts: trail([created, assigned, 10]) }); // collected
    const app = await watching(t);
    const facts = () => cluster.psql('select code, body from dt.fact where type = 48 order by code');
    await until(async () => (await facts()).length > 0, { what: 'the timer fires' });
    assert.deepEqual(await facts(), ['EB000000018VN', 'EB000000049VN'].map((code) => ({ code, body: `v=1\ntype=pickup.overdue\ncode=${code}\n` })));
    assert.equal(await one(`select count(*) from dt.timer where timer = 2`), 4, 'those without an alarm are not looked at again');
    await app.stop();
    await cluster.psql(`delete from dt.item where code like 'EB%'`);
});

test('more silent items than one statement takes all get their fact, once', async (t) => {
    await cluster.psql(`insert into dt.item (lane, item, code, state, facts, last_at)
        select 0, 100000 + n, 'RA' || lpad(n::text, 9, '0') || 'VN', 9, '', now() - interval '200 hours' - n * interval '1 s'
        from generate_series(1, 1234) n`);
    const app = await watching(t);
    const count = `select count(*) from dt.fact where type = 47 and code like 'RA%'`;
    await until(async () => (await one(count)) === 1234, { what: 'all have fired' });
    assert.equal(await one(`select count(distinct code) from dt.fact where type = 47 and code like 'RA%'`), 1234);
    await app.stop();
    await cluster.psql(`delete from dt.item where code like 'RA%'`);
});

test('segments stay ahead of both logs', async (t) => {
    await cluster.psql(`update dt.fact_head set floor = 7500000`); // as if so many facts had come
    const app = await watching(t, { segments_ahead: 6 });
    await until(async () => (await one(`select dt.segments_ahead('journey')`)) === 6, { what: 'journey segments' });
    await until(async () => (await one(`select max(last_pos) from dt.segment where log = 'fact'`)) >= 7_500_000 + 6 * 2_000_000,
        { what: 'fact segments' });
    await until(async () => (await app.metrics('watch')).get('duongthu_segments_ahead{log="journey"}') === 6, { what: 'the gauge' });
    await app.stop();
});

test('a backend that holds a log head in the middle of a message is ended', async (t) => {
    const app = await watching(t, { stalled_after: '1s' });
    const session = await cluster.connect({ user: 'dt_portal' });
    // A transaction, then the start of the next statement without its Sync: what a stopped process leaves.
    await session.query('begin');
    await session.query('select 1');
    session.send('P', Buffer.from('\0select 1\0'), Buffer.from([0, 0]));
    session.send('H'); // flush: the server starts working on what it has
    await session.closed;
    const line = await until(() => app.logs('backend.ended')[0], { what: 'the log line' });
    assert.equal(line.count, 1);
    await app.stop();
});

test('a long statement and an idle session are left alone', async (t) => {
    const app = await watching(t, { stalled_after: '1s' });
    const busy = await cluster.connect({ user: 'dt_portal' });
    const idle = await cluster.connect({ user: 'dt_portal' });
    assert.deepEqual(await busy.query(`select pg_sleep(2.5)::text as slept`), [{ slept: '' }]);
    assert.deepEqual(await idle.query('select 1 as alive'), [{ alive: 1 }]);
    assert.equal(app.logs('backend.ended').length, 0);
    await app.stop();
    await busy.drop();
    await idle.drop();
});

test('what nobody reads any more is trimmed, what counts stays', async (t) => {
    const endpoint = '00000000-0000-4000-8000-000000000001';
    await cluster.psql(`
        insert into dt.cursor (lane, consumer, pos, part) select 0, 'correlate', n, 0 from generate_series(1, 50) n;
        insert into dt.cursor (lane, consumer, pos, part) values (0, 'correlate', 50, 3), (0, 'sms', 7, 0);
        insert into dt.published (lane, pos) values (0, 1), (0, 2), (0, 3);
        insert into dt.endpoint_cursor (lane, endpoint, n, done) select 0, '${endpoint}', n, n from generate_series(1, 9) n;
        insert into dt.attempt (lane, endpoint, pos, outcome, at) values
            (0, '${endpoint}', 1, 1, now() - interval '91 days'), (0, '${endpoint}', 2, 1, now() - interval '89 days');
        insert into dt.sms (lane, cause_lane, cause_pos, item, phone_hmac, template, id, dossier, contact, text, segments, state, not_before, expires_at, made_at)
        select 0, 0, n, '', '', 3, gen_random_uuid(), 1, '', '', 1, 'delivered', now(), now(), now() - n * interval '1 day' from generate_series(88, 93) n;
    `);
    const app = await watching(t);
    const left = async () => ({
        cursors: await cluster.psql('select consumer, pos, part from dt.cursor order by 1, 2, 3'),
        published: await one('select array_agg(pos) from dt.published'),
        endpoints: await one('select array_agg(n) from dt.endpoint_cursor'),
        attempts: await one('select array_agg(pos) from dt.attempt'),
        sms: await one('select array_agg(cause_pos order by cause_pos) from dt.sms'),
    });
    await until(async () => (await left()).sms.length === 2, { what: 'the last sweep of the table' });
    assert.deepEqual(await left(), {
        cursors: [{ consumer: 'correlate', pos: 50, part: 0 }, { consumer: 'correlate', pos: 50, part: 3 }, { consumer: 'sms', pos: 7, part: 0 }],
        published: [3], endpoints: [9], attempts: [2], sms: [88, 89],
    });
    await app.stop();
});

test('the gauges say how far behind each consumer is', async (t) => {
    await cluster.psql(`delete from dt.cursor`);
    const last = await one(`select max(pos) from dt.fact`);
    const since = performance.now();
    await cluster.psql(`update dt.fact set recorded_at = clock_timestamp() - interval '100 s' where pos = $1`, [last]);
    await cluster.psql(`insert into dt.cursor (lane, consumer, pos) values (0, 'correlate', $1)`, [last - 1]);
    await cluster.psql(`insert into dt.stuck (lane, pos, code, error) values (0, 1, '', 'x'), (0, 2, '', 'x')`);
    await cluster.psql(`update dt.stuck set solved_at = now() where pos = 2`);
    await cluster.psql(`insert into dt.sms (lane, cause_lane, cause_pos, item, phone_hmac, template, id, dossier, contact, text, segments, state, not_before, expires_at)
        select 0, 0, 1000 + n, '', '', 3, gen_random_uuid(), 1, '', '', 1, (array['waiting', 'submitting', 'unknown', 'accepted', 'cancelled'])[n], now(), now() from generate_series(1, 5) n`);
    const app = await watching(t);
    const metrics = await until(async () => {
        const map = await app.metrics('watch');
        return map.get('duongthu_stuck_facts') >= 0 && map.get('duongthu_unread_age_seconds{consumer="correlate"}') >= 0 && map;
    }, { what: 'gauges' });
    const age = metrics.get('duongthu_unread_age_seconds{consumer="correlate"}');
    assert.ok(age >= 100 && age <= 101 + (performance.now() - since) / 1000, `${age}`);
    assert.equal(metrics.get('duongthu_unread_age_seconds{consumer="sms"}'), 0);
    assert.equal(metrics.get('duongthu_stuck_facts'), 1);
    assert.equal(metrics.get('duongthu_frozen_items'), 1);
    assert.equal(metrics.get('duongthu_unmatched_items'), 1);
    assert.equal(metrics.get('duongthu_sms_queued'), 3);
    await app.stop();
});

test('two processes: one works, the other takes over', async (t) => {
    const first = await watching(t);
    await until(() => first.logs('lease.taken').length === 1, { what: 'the lease' });
    const second = await watching(t);
    assert.equal(second.logs('lease.taken').length, 0);
    await first.stop(); // gives the lease back
    await until(() => second.logs('lease.taken').length === 1, { what: 'the other takes it' });
    await second.stop();
    assert.equal(await one(`select until from dt.lease where name = 'watch'`), '-infinity');
});

test('without PostgreSQL it waits, says so within 5 s, and goes on', async (t) => {
    const app = await watching(t);
    await cluster.stop('immediate');
    const reason = await until(async () => {
        const answer = await fetch(app.ops('watch', '/readyz'));
        return answer.status === 503 && (await answer.json()).reasons.find(({ condition }) => condition === 'db');
    }, { limit: 5_000, what: 'not ready' });
    assert.ok(reason.reason.length > 0);
    assert.equal((await fetch(app.ops('watch', '/livez'))).status, 200);
    assert.ok(Number.isNaN((await app.metrics('watch')).get('duongthu_stuck_facts')), 'unknown is not zero');
    await cluster.start();
    await app.ready('watch');
    await app.stop();
});

test('a PostgreSQL that only reads is waited for', async (t) => {
    const app = await watching(t);
    cluster.configure({ default_transaction_read_only: 'on' });
    await cluster.restart();
    await until(async () => {
        const { reasons } = await (await fetch(app.ops('watch', '/readyz'))).json();
        return /read-only/.test(reasons.find(({ condition }) => condition === 'db')?.reason);
    }, { limit: 5_000, what: 'not ready, and why' });
    cluster.configure({ default_transaction_read_only: 'off' });
    await cluster.restart();
    await app.ready('watch');
    await app.stop();
});

test('it starts without PostgreSQL and stops without it', async () => {
    await cluster.stop();
    const app = await startApp({ cluster, services: [] });
    const child = app.start('watch');
    await until(async () => (await fetch(app.ops('watch', '/livez'))).status === 200, { what: 'alive' });
    assert.equal((await fetch(app.ops('watch', '/readyz'))).status, 503);
    assert.deepEqual(await child.end('SIGTERM', { limit: 10_000 }), { code: 0, signal: null });
    await cluster.start();
});
