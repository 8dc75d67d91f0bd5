// SPDX-License-Identifier: EUPL-1.2
// correlate against a real PostgreSQL: facts in, items, links, dossiers and journey rows out.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { App, startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { append, appendChaos, chaos, item, kindName } from '../harness/facts.mjs';
import { until } from '../harness/wait.mjs';

let cluster, app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['correlate'] });
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

// Waits until correlate has folded everything.
async function folded() {
    await until(async () => {
        const [row] = await cluster.psql(`select (select coalesce(max(pos), 0) from dt.fact) =
            (select coalesce(max(pos), 0) from dt.cursor where consumer = 'correlate') as done`);
        return row.done;
    }, { what: 'all facts are folded', limit: 300_000 });
}

async function journey(code) {
    const rows = await cluster.psql(`select j.* from dt.journey j join dt.dossier_code c on c.lane = j.lane and c.dossier = j.dossier
        where c.code = $1 order by j.seq`, [code]);
    return rows.map((row) => ({ ...row, kind: kindName(row.kind), details: JSON.parse(row.details) }));
}

test('a dossier travels: the thin thread', async () => {
    const code = 'H56.14-261120-0001', parcel = item(1);
    await append(cluster, 2, [{ at: '08:00', type: 'dossier.registered', dossier: code, unit: 'H56.14', tthc: '1.001612' }]);
    await append(cluster, 1, [
        { at: '09:00', type: 'item.collected', code: parcel, dossier: code, leg: 'N', office: '440000', charge: 26000 },
        { at: '10:00', type: 'delivery.started', code: parcel },
        { at: '11:00', type: 'item.delivered', code: parcel },
    ]);
    await append(cluster, 2, [{ at: '11:05', type: 'handover.confirmed', code: parcel, dossier: code }]);
    await folded();
    const rows = await journey(code);
    assert.deepEqual(rows.map((r) => [Number(r.seq), r.kind, r.state, r.sms]), [
        [1, 'dossier.registered', null, null],
        [2, 'item.collected', 6, 3],
        [3, 'delivery.started', 12, null],
        [4, 'item.delivered', 18, 4],
        [5, 'handover.confirmed', 18, null],
    ]);
    assert.deepEqual(rows[1].details, { office: '440000', charge: 26000, source: 'device', before: 'S00', fee_state: 'collected' });
    assert.equal(rows[3].details.proposes, 2);
    assert.equal(rows[1].unit, 'H56.14');
    const [stored] = await cluster.psql(`select * from dt.item where code = $1`, [parcel]);
    assert.equal(stored.state, 18);
    assert.equal(stored.leg, 'N');
});

test('an item without a dossier waits, and its life is told when the link comes', async () => {
    const parcel = item(2), code = 'H56.14-261120-0002';
    await append(cluster, 1, [
        { at: '08:00', type: 'item.collected', code: parcel, leg: 'K', office: '440000' },
        { at: '09:00', type: 'delivery.started', code: parcel, charge: 5000 },
    ]);
    await folded();
    assert.deepEqual(await journey(code), []);
    await append(cluster, 2, [{ at: '09:30', type: 'dossier.link', code: parcel, dossier: code }]);
    await folded();
    assert.deepEqual((await journey(code)).map((r) => [r.kind, r.flags & 64, r.sms]), [
        ['dossier.link', 0, null], ['item.collected', 64, null], ['delivery.started', 64, 8],
    ]);
    const [link] = await cluster.psql(`select l.*, i.code from dt.link l join dt.item i on i.item = l.item where i.code = $1`, [parcel]);
    assert.equal(link.to_at, null);
    assert.equal(link.source, 2);
});

test('forgetting a dossier erases what scans of its items sealed, once nobody else holds the item', async () => {
    const [alone, shared] = [item(91), item(92)];
    const seal = (code) => cluster.psql(`with s as (insert into dt.sealed (lane, blob, kind, sealed) values (0, gen_random_uuid(), 2, '\\x00') returning blob)
        insert into dt.wrap (lane, blob, subject, wrapped) select 0, blob, 'item:${code}', '\\x00' from s`);
    await append(cluster, 1, [
        { at: '08:00', type: 'item.collected', code: alone, leg: 'N', dossier: 'H56.14-261120-0091' },
        { at: '08:00', type: 'item.collected', code: shared, leg: 'N', dossier: ['H56.14-261120-0091', 'H56.14-261120-0092'] },
    ]);
    await folded();
    await seal(alone);
    await seal(shared);
    const left = async () => (await cluster.psql(`select subject from dt.wrap order by 1`)).map((row) => row.subject);
    await cluster.psql(`select dt.forget('dossier:H56.14-261120-0091', 'test')`);
    assert.deepEqual(await left(), [`item:${shared}`]);
    await cluster.psql(`select dt.forget('dossier:H56.14-261120-0092', 'test')`);
    assert.deepEqual(await left(), []);
    assert.deepEqual(await cluster.psql('select from dt.sealed'), []);
    assert.equal((await journey('H56.14-261120-0091')).length, 2, 'the journey holds no person and stays');
});

test('corrections name the journey number they take back, also when it was told long ago', async () => {
    const parcel = item(3), code = 'H56.14-261120-0003';
    await append(cluster, 1, [
        { at: '08:00', type: 'item.collected', code: parcel, leg: 'K' },
        { at: '08:30', type: 'delivery.started', code: parcel },
        { at: '09:00', type: 'item.delivered', code: parcel },
    ], 'postman3');
    await append(cluster, 2, [{ at: '09:30', type: 'dossier.link', code: parcel, dossier: code }]);
    await folded();
    const [{ stream, token }] = await cluster.psql(`select stream, token::text from dt.stream where name = 'postman3'`);
    await append(cluster, 3, [{ at: '10:00', type: 'correction', code: parcel, retracts: `${token}:3` }]); // the stream as the handheld knows it
    await folded();
    let last = (await journey(code)).at(-1);
    assert.deepEqual([last.kind, Number(last.retracts), last.state, last.flags & 2], ['correction', 4, 12, 2]);
    await append(cluster, 3, [{ at: '10:01', type: 'correction', code: parcel, retracts: `${stream}:2` }]); // and as the house does
    await folded();
    last = (await journey(code)).at(-1);
    assert.deepEqual([last.kind, Number(last.retracts), last.state], ['correction', 3, 6]);
});

test('a dispatch of many items fans out in parts of bounded transactions, and nothing else comes between', async () => {
    const items = Array.from({ length: 450 }, (_, i) => item(10_000 + i));
    for (let i = 0; i < items.length; i += 150) {
        await append(cluster, 1, items.slice(i, i + 150).map((code, k) => ({ at: '07:00', type: 'item.accepted', code, leg: 'K',
            dossier: [`H56.14-261119-${2000 + i + k}`, `H56.14-261118-${2000 + i + k}`] })));
        await append(cluster, 1, [{ at: '08:00', type: 'bag.closed', code: `TUI-BIG-${i}`, member: items.slice(i, i + 150) }]);
    }
    await append(cluster, 1, [{ at: '09:00', type: 'dispatch.departed', code: 'CT-BIG', member: [0, 150, 300].map((i) => `TUI-BIG-${i}`) }]);
    await folded();
    app.config.correlate.rows = 100;
    app.configure();
    await app.restart('correlate', 'SIGTERM');
    const pos = await append(cluster, 1, [{ at: '10:00', type: 'dispatch.arrived', code: 'CT-BIG' }]);
    await append(cluster, 1, [{ at: '10:30', type: 'item.arrived', code: items[400] }]);
    await folded();
    const rows = await cluster.psql(`select cause_part, item, recorded_at, seq from dt.journey where cause_pos = $1 order by pos`, [pos]);
    assert.equal(rows.length, 900);
    assert.equal(new Set(rows.map((r) => r.cause_part)).size, 900, 'each row has its own part');
    const transactions = Map.groupBy(rows, (r) => String(r.recorded_at));
    assert.ok(transactions.size >= 9, `${transactions.size} transactions`);
    for (const inOne of transactions.values())
        assert.ok(inOne.length <= 101);
    const later = await cluster.psql(`select j.pos > (select max(pos) from dt.journey where cause_pos = $1) as behind from dt.journey j
        where item = $2 and kind = 14`, [pos, items[400]]);
    assert.deepEqual(later.map((r) => r.behind), [true, true]);
    delete app.config.correlate.rows;
    app.configure();
    await app.restart('correlate', 'SIGTERM');
});

test('kill -9 in the middle of the work: nothing is folded twice, nothing is left out', async () => {
    await Promise.all([
        appendChaos(cluster, chaos(80, 7), 7),
        (async () => {
            for (let i = 0; i < 3; i++) {
                await until(async () => (await cluster.psql(`select count(*)::int as n from dt.fact f where pos > (select max(pos) from dt.cursor
                    where consumer = 'correlate')`))[0].n > 0, { limit: 20_000, what: 'there is something to fold' }).catch(() => {});
                await app.process('correlate').end('SIGKILL');
                app.start('correlate');
                await app.ready('correlate', { limit: 60_000 }); // the dead one's lease must run out
            }
        })(),
    ]);
    await folded();
    assert.equal((await app.run(['rebuild', '--check', '--orders', '1'])).code, 0);
});

test('PostgreSQL restarts under it: not ready meanwhile, then it carries on by itself', async () => {
    await cluster.crash();
    await until(async () => (await fetch(app.ops('correlate', '/readyz'))).status === 503, { what: 'it says it is not ready' });
    await cluster.start();
    await append(cluster, 1, [{ at: '12:00', type: 'item.collected', code: item(4), dossier: 'H56.14-261120-0004', leg: 'N' }]);
    await app.ready('correlate', { limit: 60_000 });
    await folded();
    assert.equal((await journey('H56.14-261120-0004')).length, 1);
});

test('a second process waits as a standby and takes over', async () => {
    const other = new App(cluster);
    await other.prepare({});
    other.start('correlate');
    await until(async () => (await (await fetch(other.ops('correlate', '/readyz'))).text()).includes('another process correlates'),
        { what: 'the second says why it is not ready' });
    await app.process('correlate').end('SIGTERM');
    await other.ready('correlate');
    await append(cluster, 1, [{ at: '12:00', type: 'item.collected', code: item(5), dossier: 'H56.14-261120-0005', leg: 'N' }]);
    await folded();
    await other.stop();
    app.start('correlate');
    await app.ready('correlate');
});

test('a frozen owner that wakes up cannot write', async () => {
    app.process('correlate').kill('SIGSTOP');
    const other = new App(cluster);
    await other.prepare({});
    other.start('correlate');
    await other.ready('correlate', { limit: 60_000 }); // the lease has run out
    await append(cluster, 1, [{ at: '12:00', type: 'item.collected', code: item(6), dossier: 'H56.14-261120-0006', leg: 'N' }]);
    await folded();
    app.process('correlate').kill('SIGCONT');
    await until(async () => (await (await fetch(app.ops('correlate', '/readyz'))).text()).includes('another process'),
        { what: 'the first learns that it lost the lease' });
    await other.stop();
    await app.ready('correlate');
    await append(cluster, 1, [{ at: '13:00', type: 'item.accepted', code: item(6) }]);
    await folded();
    assert.equal((await journey('H56.14-261120-0006')).length, 2);
    assert.equal((await app.run(['rebuild', '--check', '--orders', '0'])).code, 0);
});

test('a fact that no transaction can digest is found by halves, listed, and stops nobody else', async () => {
    const poison = item(66);
    await cluster.psql(`alter table dt.item add constraint poison check (code <> '${poison}' or state < 12)`);
    const facts = [];
    for (let i = 0; i < 100; i++)
        facts.push({ at: '08:00', type: 'item.collected', code: item(20_000 + i), leg: 'N', dossier: `H56.15-261120-${1000 + i}` });
    facts.splice(37, 0, { at: '08:00', type: 'item.collected', code: poison, leg: 'K', dossier: 'H56.14-261120-0066' });
    facts.splice(70, 0, { at: '10:30', type: 'bag.closed', code: 'TUI-580000-66', member: [poison, item(30_001)] });
    facts.splice(61, 0, { at: '09:00', type: 'delivery.started', code: poison }, { at: '10:00', type: 'item.delivered', code: poison });
    const first = await append(cluster, 1, facts);
    await folded();
    const stuck = await cluster.psql(`select * from dt.stuck where pos >= $1 order by pos`, [first]);
    assert.deepEqual(stuck.map((s) => [Number(s.pos) - first, s.code, s.sqlstate]), [[61, poison, '23514'], [62, poison, 'DT004'], [72, poison, 'DT004']]);
    assert.equal((await journey('H56.14-261120-0066')).length, 1);
    const [{ frozen }] = await cluster.psql(`select frozen from dt.item where code = $1`, [poison]);
    assert.match(frozen, /a fact is stuck: 0:\d+/);
    assert.equal((await cluster.psql(`select count(*)::int as n from dt.journey where unit = 'H56.15'`))[0].n, 100);
    assert.ok(app.logs('correlate.stuck').length >= 2, 'an alarm');
    assert.equal((await app.run(['rebuild', '--check', '--orders', '2'])).code, 0);

    await cluster.psql(`alter table dt.item drop constraint poison`);
    await append(cluster, 1, [{ at: '11:00', type: 'fee.collected', code: poison, fee: 1000 }]);
    assert.match((await app.run(['stuck', 'list'])).stdout, new RegExp(poison));
    await app.run(['stuck', 'retry', poison]);
    await folded();
    assert.deepEqual((await journey('H56.14-261120-0066')).map((r) => [r.kind, r.state]), [
        ['item.collected', 6], ['delivery.started', 12], ['item.delivered', 19], ['item.put_in', 19], ['bag.closed', 19], ['fee.collected', 19],
    ]);
    assert.equal((await cluster.psql(`select frozen from dt.item where code = $1`, [poison]))[0].frozen, null);
    assert.deepEqual(await cluster.psql(`select pos from dt.stuck where code = $1 and solved_at is null`, [poison]), []);
    assert.equal((await app.run(['stuck', 'retry', poison], { mayFail: true })).code, 1, 'nothing waits any more');
    assert.equal((await app.run(['rebuild', '--check', '--orders', '2'])).code, 0);
});

