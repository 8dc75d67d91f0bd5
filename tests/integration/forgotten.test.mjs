// SPDX-License-Identifier: EUPL-1.2
// Who was forgotten stays forgotten: what comes later about the person (a scan that was uploaded late, a late link, a contact on its way) is erased within a round of watch, what
// belongs to others is not; and the tombstones outlive the database.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, results } from '../harness/device.mjs';
import { item } from '../harness/facts.mjs';
import { until } from '../harness/wait.mjs';

const ROUND_MS = 30_000; // of watch: every second here, on a slow machine
let cluster;
let app;
let device;
let file;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['ingest', 'correlate', 'watch'], config: { watch: { forgotten: '1s' } } });
    file = join(app.folder, 'tombstones');
    app.config.forget = { file };
    app.configure();
    device = await Device.enrolled(app);
});
after(async () => {
    try {
        await app?.stop();
    } finally {
        await cluster?.destroy();
    }
});

const parts = async (code) => (await cluster.psql(`select from dt.wrap w join dt.sealed s on s.lane = w.lane and s.blob = w.blob where w.subject = 'item:${code}'`)).length;
const linked = (code, dossiers) => until(async () => (await cluster.psql(`select from dt.item i join dt.link l on l.lane = i.lane and l.item = i.item
    where i.code = '${code}'`)).length === dossiers, { what: `${code} is linked` });
const round = () => cluster.psql('select dt.forget_again()'); // what watch does again and again
const forget = (code) => app.run(['dossier', 'forget', code, '--yes']);

// A delivery with a personal part.
async function delivered(code, fields = {}) {
    const scan = device.scan({ type: 'item.delivered', code, ...fields });
    const personal = [device.personal(scan, { receiver: 'Nguyễn Văn Thử', phone: '0900000001' })];
    const answer = await device.upload([scan], { over: { personal } });
    assert.match(results(answer), /^\d+:accepted$/);
}

test('a scan uploaded after its dossier was forgotten leaves nothing personal', async () => {
    const [code, dossier] = [item(1), 'H48.16-261121-0001'];
    await device.upload([device.scan({ code, dossiers: [dossier], leg: 'K' })]);
    await linked(code, 1);
    await delivered(code);
    assert.equal(await parts(code), 1);
    await forget(dossier);
    assert.equal(await parts(code), 0);
    await delivered(code);
    await until(async () => (await parts(code)) === 0, { limit: ROUND_MS, what: 'the late part is erased' });
    assert.equal((await cluster.psql(`select from dt.fact where code = '${code}'`)).length, 3, 'the scans themselves stay');
});

test('nor does the first scan that names it, nor an item that is linked to it later', async () => {
    const [first, later, dossier] = [item(2), item(3), 'H48.16-261121-0002'];
    await forget(dossier);
    await delivered(first, { dossiers: [dossier], leg: 'K' });
    await delivered(later);
    await app.run(['link', 'add', '--item', later, '--dossier', dossier]);
    await linked(later, 1);
    await linked(first, 1);
    await round();
    assert.equal((await parts(first)) + (await parts(later)), 0);
});

test('parts stay while another dossier of the item lives, and while another item has the code', async () => {
    const [shared, again, gone, living] = [item(4), item(5), 'H48.16-261121-0003', 'H48.16-261121-0004'];
    await delivered(shared, { dossiers: [gone, living], leg: 'K' });
    await delivered(again, { dossiers: [gone], leg: 'K' });
    await linked(shared, 2);
    await linked(again, 1);
    // The code is used again, for another item, of which nobody knows yet whose it is.
    await cluster.psql(`insert into dt.item (lane, item, code, generation, state, facts, last_at) select 0, 1000000, code, 2, state, facts, last_at from dt.item where code = '${again}'`);
    await cluster.psql(`insert into dt.forgotten (lane, subject) values (0, 'dossier:${gone}')`);
    const [other, third] = [item(6), 'H48.16-261121-0005'];
    await delivered(other, { dossiers: [gone], leg: 'K' });
    await linked(other, 1);
    await round();
    assert.equal(await parts(other), 0);
    assert.equal(await parts(shared), 1);
    assert.equal(await parts(again), 1);
    // When the last dossier goes, the rest goes.
    await forget(living);
    assert.equal(await parts(shared), 0);
    assert.equal((await cluster.psql(`select from dt.forgotten where subject = 'dossier:${third}'`)).length, 0);
});

test('a contact that was on its way, and codes that came later', async () => {
    const [code, alias] = ['H48.16-261121-0006', 'H48.16-261121-0007'];
    await forget(code);
    await cluster.psql(`insert into dt.sealed (lane, blob, kind, sealed) values (0, '00000000-0000-8000-8000-000000000001', 1, 'x');
        insert into dt.wrap (lane, blob, subject, wrapped) values (0, '00000000-0000-8000-8000-000000000001', 'dossier:${alias}', 'x');
        insert into dt.contact (lane, dossier, blob, sms_consent) values (0, '${alias}', '00000000-0000-8000-8000-000000000001', true);
        insert into dt.dossier_code (lane, code, dossier, is_primary, from_at) select 0, c, 999, c = '${code}', now() from unnest(array['${code}', '${alias}']) c`);
    await round();
    assert.equal((await cluster.psql(`select from dt.contact where dossier = '${alias}'`)).length, 0);
    assert.equal((await cluster.psql(`select from dt.sealed where blob = '00000000-0000-8000-8000-000000000001'`)).length, 0);
    assert.equal((await cluster.psql(`select from dt.forgotten where subject = 'dossier:${alias}'`)).length, 1, 'its office hears 409 from now on');
});

test('each tombstone is in the file before it is in the database; without the file nothing is forgotten', async () => {
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual(lines.map((line) => line.split('\t')[0].slice(-4)), ['0001', '0002', '0004', '0006']);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    app.config.forget.file = join(app.folder, 'nowhere/tombstones');
    app.configure();
    const { code, stderr } = await app.run(['dossier', 'forget', 'H48.16-261121-0008', '--yes'], { mayFail: true });
    app.config.forget.file = file;
    app.configure();
    assert.equal(code, 1);
    assert.match(stderr, /can't be written to .*nowhere\/tombstones: No such file or directory; nothing was erased/);
    assert.equal((await cluster.psql("select from dt.forgotten where subject = 'dossier:H48.16-261121-0008'")).length, 0);
    assert.equal(existsSync(app.config.forget.file), true);
});

test('export and replay: as old as they are, and a file with one wrong line changes nothing', async () => {
    const { stdout } = await app.run(['tombstones', 'export']);
    const before = await cluster.psql('select subject, at from dt.forgotten order by subject');
    assert.equal(stdout.trimEnd().split('\n').length, before.length);
    const path = join(app.folder, 'exported');
    writeFileSync(path, stdout);
    await cluster.psql('delete from dt.forgotten');
    const [code, dossier] = [item(7), 'H48.16-261121-0009'];
    await delivered(code, { dossiers: [dossier], leg: 'K' });
    await linked(code, 1);
    appendFileSync(path, `dossier:${dossier}\t2026-11-20T00:00:00Z\task\tme\n`);
    const wrong = await app.run(['tombstones', 'replay', path], { mayFail: true });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /exported:\d+: not a tombstone .*nothing was replayed/);
    assert.equal((await cluster.psql('select from dt.forgotten')).length, 0);
    writeFileSync(path, `${stdout}dossier:${dossier}\t2026-11-20T00:00:00Z\tasked\n`);
    assert.match((await app.run(['tombstones', 'replay', path])).stdout, new RegExp(`^${before.length + 1} tombstones replayed, 1 sealed parts erased again\n$`));
    assert.equal(await parts(code), 0);
    await app.run(['tombstones', 'replay', path]); // twice is once
    assert.deepEqual(await cluster.psql(`select subject, at from dt.forgotten where subject <> 'dossier:${dossier}' order by subject`), before);
    assert.equal((await cluster.psql(`select at = '2026-11-20T00:00:00Z' as old from dt.forgotten where subject = 'dossier:${dossier}'`))[0].old, true);
});
