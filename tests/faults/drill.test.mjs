// SPDX-License-Identifier: EUPL-1.2
// The restore drill: the steps of deploy/README.md, run as they stand there, under load. Handhelds upload while the base backup is taken and after the moment to which we go back;
// offices hear and citizens are sent what is going to be lost; one dossier is forgotten before that moment, one after it; one message waits at that moment and leaves after it. Then the disk
// is gone. In the end the history checker decides.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startApp } from '../harness/app.mjs';
import { root } from '../harness/build.mjs';
import { chance } from '../harness/chance.mjs';
import { asServer, emptyCluster, serverFolder, startCluster } from '../harness/cluster.mjs';
import { Device, digestsOf } from '../harness/device.mjs';
import { item } from '../harness/facts.mjs';
import { newFolder } from '../harness/folder.mjs';
import { History, check, snapshot } from '../harness/history.mjs';
import { journeys, play } from '../harness/load.mjs';
import { startOffice } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until } from '../harness/wait.mjs';

const DOSSIERS = Number(process.env.DRILL_DOSSIERS ?? 36); // a third before the backup, one while it is taken, one around the moment to which we go back
const SPREAD_MS = 150 * DOSSIERS; // of what is not before the backup
const SERVICES = ['ingest', 'correlate', 'webhook', 'sms', 'watch'];
const DRAIN_MS = 120_000;
const NEWBORN = 'H48.16-261121-9001'; // a dossier of which only the lost time knew

const readme = readFileSync(join(root, 'deploy/README.md'), 'utf8').split('## Backup and restore')[1];
const [archiving] = readme.match(/(?<=```ini\n)[^]*?(?=```)/);
const [backUp, restore, newEpoch] = [...readme.matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block);

const history = new History();
let cluster;
let restored;
let app;
let folders;
let gateway;
before(async () => {
    history.watchOurselves();
    folders = { ARCHIVE: serverFolder('archive'), BACKUP: serverFolder('backup') };
    const settings = Object.fromEntries(archiving.trim().split('\n').map((line) => line.split(/ = (.*)/)).map(([name, value]) =>
        [name, value.replace(/^'|'$/g, '').replaceAll('$ARCHIVE', folders.ARCHIVE)]));
    cluster = await startCluster({ settings });
    gateway = history.setGateway(await startSmsGateway());
    app = await startApp({ cluster, services: SERVICES, config: {
        webhook: { speed: 1_000, timeout: '2s' }, watch: { forgotten: '1s' }, forget: { file: join(newFolder('safe'), 'tombstones') },
        sms: { gateway: 'http-json', url: gateway.url('/'), allow: '127.0.0.1/32', quiet_from: '00:00', quiet_to: '00:00' },
    } });
    history.consumers = ['correlate', 'sms'];
    for (const units of [['H48.16'], ['H48']])
        history.sinks.push(await startOffice(app, { units }));
});
after(async () => {
    try {
        await app?.stop();
    } finally {
        await Promise.all([gateway, ...history.sinks].map((peer) => peer?.stop()));
        await cluster?.destroy();
        await restored?.destroy();
    }
});

// ---- handhelds

const codeOf = (i) => `H48.${16 + i % 2}-261121-${String(i + 1).padStart(4, '0')}`;

// The phone of a dossier's citizen, by the dossier's number: of nobody, no operator gives out this range.
const phoneOf = (i) => `+8490000${String(i).padStart(4, '0')}`;

// A delivery with a personal part, of a dossier's item that nobody else scans.
async function deliver(device, code, dossier) {
    const scan = device.scan({ type: 'item.delivered', code, dossiers: [dossier], leg: 'K' });
    const personal = [device.personal(scan, { receiver: 'Nguyễn Văn Thử' })];
    history.truth.set(code, 19);
    const { results } = await history.upload(device, device.batch([scan], { personal }), digestsOf([scan]), {}, [[dossier]]);
    assert.deepEqual(results.map(({ status }) => status), ['accepted']);
}

// What proto/README.md asks of a handheld when it meets a greater epoch.
async function sendAgain(device) {
    const owed = device.owed.splice(0);
    for (const { scans, personal } of owed) {
        const { outcome } = await history.upload(device, device.batch(scans, { personal }), digestsOf(scans));
        assert.equal(outcome, 'ok');
    }
    return owed.length;
}

// And when its stream is gone: all copies of it go into a new one, under new numbers.
async function sendAnew(device, stream) {
    for (const { scans, personal, number } of device.kept.filter((copy) => copy.stream === stream)) {
        const anew = scans.map((scan) => ({ ...scan, seq: ++device.seq }));
        const parts = personal?.map((part) => ({ ...part, seq: anew[scans.findIndex(({ seq }) => seq === part.seq)].seq }));
        const [before, behind] = [digestsOf(scans), digestsOf(anew)];
        scans.forEach(({ seq }, i) => history.moved.set(`${number}:${seq}:${before[i]}`, `${device.number}:${anew[i].seq}:${behind[i]}`));
        const { outcome } = await history.upload(device, device.batch(anew, { personal: parts }), behind);
        assert.equal(outcome, 'ok');
    }
}

// ---- the database

const personalOf = (subjects) => app.cluster.psql(`select w.subject from dt.wrap w join dt.sealed s on s.lane = w.lane and s.blob = w.blob where w.subject = any ($1)`, [subjects]);
const messageOf = async (contact) => (await app.cluster.psql('select id, state, why, copies, duplicate_why from dt.sms where contact = $1', [contact]))[0];
const streams = async () => (await app.cluster.psql('select stream from dt.stream')).map(({ stream }) => stream);
const acked = () => history.uploads.filter(({ outcome }) => outcome === 'ok').length;

// Until the checker has nothing to say any more: all is read, folded, told.
async function settled(limit = DRAIN_MS) {
    let wrong;
    await until(async () => {
        // The quarter of an hour in which a receipt could come is over, and the gateway's next chance has come.
        await app.cluster.psql("update dt.sms set not_before = clock_timestamp() where state in ('unknown', 'waiting') and copies < 2 and not_before > clock_timestamp()");
        return (wrong = check(history, await snapshot(app.cluster))).length === 0 && (await app.cluster.psql("select from dt.sms where state = 'waiting'")).length === 0;
    }, { limit, what: 'the checker is content' })
        .catch((error) => assert.fail(`${error.message}: ${wrong.length} violations\n${wrong.slice(0, 40).join('\n')}\n`
            + app.logs().filter(({ level }) => level !== 'debug').slice(-60).map((line) => JSON.stringify(line)).join('\n')));
}

async function archived() {
    const [{ file }] = await cluster.psql('select pg_walfile_name(pg_switch_wal()) as file');
    await until(async () => (await cluster.psql('select last_archived_wal >= $1 as there from pg_stat_archiver', [file]))[0].there, { limit: 30_000, what: `${file} is in the archive` });
}

test('after a disaster: what was acknowledged until then is there, the rest comes again, nothing is used twice, the forgotten stay forgotten', { timeout: 600_000 }, async (t) => {
    const luck = chance(t);
    const dawn = Date.now() - 8 * 3_600_000;
    const codes = Array.from({ length: DOSSIERS }, (_, i) => codeOf(i));
    const [early, late] = [codeOf(DOSSIERS), codeOf(DOSSIERS + 1)]; // forgotten before, and after, the moment we go back to
    const waiting = codeOf(DOSSIERS + 2); // its message waits at that moment
    const [earlyItem, lateItem] = [item(9_001), item(9_002)];
    const third = Math.ceil(DOSSIERS / 3);
    const share = (n) => journeys(luck, codes.slice(n * third, (n + 1) * third), history, { first: 1_000 * (n + 1), dawn });
    const devices = await Promise.all(Array.from({ length: 3 }, () => Device.enrolled(app)));
    const opener = await Device.enrolled(app);
    const path = join(app.folder, 'dossiers.csv');
    writeFileSync(path, `code,phone,consent\n${[...codes, early, late, waiting].map((code, i) => `${code},${phoneOf(i)},${code === early || code === late ? 'no' : 'yes'}\n`).join('')}`);
    await app.run(['dossier', 'import', path]);
    await play(luck, devices, share(0), history, { spread: 1_000 });
    await deliver(opener, earlyItem, early);

    // The base backup, under load.
    const playing = play(luck.fork(), devices, share(1), history, { spread: SPREAD_MS / 2 });
    playing.catch(() => {}); // it is awaited below
    await asServer('bash', ['-euo', 'pipefail', '-c', backUp], { env: { ...folders, PRIMARY: cluster.conninfo() } });
    await app.run(['dossier', 'forget', early, '--yes']);

    let isFull = true;
    gateway.setMode(({ body }) => (isFull && JSON.parse(body).to === phoneOf(DOSSIERS + 2) ? 503 : 'ok'));
    const scan = opener.scan({ code: item(9_005), dossiers: [waiting], leg: 'N' });
    assert.equal((await history.upload(opener, opener.batch([scan]), digestsOf([scan]), {}, [[waiting]])).outcome, 'ok');
    await until(async () => (await messageOf(waiting))?.why === 'http-503', { limit: 60_000, what: 'the gateway is full' });

    // However long all that took: there is load behind the moment, too.
    const done = acked();
    const going = play(luck.fork(), devices, share(2), history, { spread: SPREAD_MS / 2 });
    going.catch(() => {});
    await until(() => acked() > done + 3, { limit: 60_000, what: 'the load goes on' });

    // The moment to which we go back. What was answered before we asked for it must survive.
    const sure = history.uploads.filter(({ outcome }) => outcome === 'ok');
    const [{ target }] = await cluster.psql('select clock_timestamp()::text as target');
    await opener.openStream();
    const lostStream = opener.stream;
    await deliver(opener, lateItem, late);
    await app.run(['dossier', 'forget', late, '--yes']);
    const newcomer = await Device.enrolled(app);
    await deliver(newcomer, item(9_003), NEWBORN);
    await Promise.all([playing, going]);
    isFull = false;
    await settled(); // offices and citizens have heard of what is going to be lost
    assert.equal((await messageOf(waiting)).state, 'accepted');
    await archived();
    const old = await snapshot(cluster);
    const oldStreams = await streams();
    const toldBefore = new Set(history.sinks.flatMap(({ requests }) => requests.map(({ headers }) => headers['webhook-id'])));
    await app.stop();
    await cluster.crash();
    history.lost.push(old);

    restored = emptyCluster();
    await asServer('bash', ['-euo', 'pipefail', '-c', restore], { env: { ...folders, DATA: restored.data, TARGET: target } });
    restored.configure(restored.place);
    await restored.start();
    await restored.opened();
    app.moveTo(restored);

    // Stored = acknowledged at that moment: a beginning of the old log, to the commit.
    const back = await snapshot(restored);
    assert.ok(['waiting', 'submitting'].includes((await messageOf(waiting)).state));
    const backStreams = await streams();
    assert.deepEqual(back.facts, old.facts.slice(0, back.facts.length), 'the restored log is the beginning of the old one');
    assert.ok(back.facts.length < old.facts.length, 'something is lost, else this proves nothing');
    const has = new Set(back.answered.flatMap(({ stream, first, last }) => Array.from({ length: last - first + 1 }, (_, i) => `${stream}:${first + i}`)));
    for (const { stream, scans } of sure)
        scans.forEach(({ seq }) => assert.ok(has.has(`${stream}:${seq}`), `scan ${stream}:${seq} was acknowledged before ${target}`));
    assert.equal((await personalOf([`dossier:${late}`])).length, 1, 'the backup brought the person back');
    assert.equal((await personalOf([`dossier:${early}`, `item:${earlyItem}`])).length, 0);

    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', newEpoch], { cwd: app.folder,
        env: { PATH: `${dirname(app.program)}:${process.env.PATH}`, DUONGTHU_CONFIG: app.ini, WHY: 'restore drill', TOMBSTONES: app.config.forget.file } });
    assert.match(stdout, /^2 tombstones replayed, 1 sealed parts erased again\nepoch 2 begins: positions from 4294967297; /);
    SERVICES.forEach((service) => app.start(service));
    await Promise.all(SERVICES.map((service) => app.ready(service)));

    // Handhelds go on, learn of it, and send again what they keep.
    let again = 0;
    for (const device of devices) {
        const scan = device.scan({ type: 'item.accepted', code: item(9_004), dossiers: [NEWBORN], leg: 'N' });
        const { outcome } = await history.upload(device, device.batch([scan]), digestsOf([scan]));
        assert.equal(outcome, 'ok');
        again += await sendAgain(device);
    }
    assert.ok(again > 0, 'a handheld had something to send again');
    for (const device of [opener, newcomer]) {
        const [{ scans, personal }] = device.kept.slice(-1);
        assert.equal((await history.upload(device, device.batch(scans, { personal }), digestsOf(scans))).status, 401, 'its stream is gone');
    }
    assert.equal((await opener.openStream()).status, 200);
    await sendAnew(opener, lostStream);
    const lost = newcomer.stream;
    assert.equal((await newcomer.openStream()).status, 401, 'nobody knows it');
    newcomer.seq = 0;
    assert.equal((await newcomer.enrol((await app.run(['device', 'invite', '--office', '100000'])).stdout.trim())).status, 200);
    await sendAnew(newcomer, lost);

    // Everything that was ever acknowledged is there, told, and counted once.
    await settled();
    await until(async () => (await personalOf([`dossier:${early}`, `dossier:${late}`, `item:${earlyItem}`, `item:${lateItem}`])).length === 0,
        { limit: 30_000, what: 'the forgotten are forgotten again' });
    assert.equal((await restored.psql(`select from dt.contact where dossier in ('${early}', '${late}')`)).length, 0);
    history.rebuild = await app.run(['rebuild', '--check'], { mayFail: true });
    await settled();

    const db = await snapshot(restored);
    const at = Math.max(...old.facts.map(({ pos }) => pos), ...old.journey.map(({ pos }) => pos));
    for (const log of ['facts', 'journey'])
        assert.ok(db[log].slice(back[log].length).every(({ pos }) => pos > at), `no position of the ${log} is used twice`);
    const newStreams = (await streams()).filter((stream) => !backStreams.includes(stream));
    assert.ok(newStreams.length >= 2 && newStreams.every((stream) => !oldStreams.includes(stream)), 'no stream number is used twice');
    let resets = 0;
    for (const sink of history.sinks) {
        const events = sink.events().filter(({ source }) => source.endsWith(':2'));
        const reset = new Map(events.filter(({ type }) => type === 'vn.duongthu.stream.reset').map((event) => [event.subject, event]));
        for (const [code, unit] of new Map(back.journey.map((row) => [row.code, row.unit]))) {
            if (!sink.wants({ unit }))
                continue;
            const event = reset.get(code);
            assert.ok(event, `${sink.endpoint} heard a reset of ${code}`);
            assert.equal(event.data.last_sequence, Number(event.sequence) - 1);
            resets++;
        }
        assert.ok(sink.requests.filter(({ body }) => JSON.parse(body).source.endsWith(':2')).every(({ headers }) => !toldBefore.has(headers['webhook-id'])), 'no webhook id is used twice');
    }
    const ledger = new Map(db.sms.map((row) => [row.id, row]));
    const kept = await messageOf(waiting);
    assert.deepEqual([kept.state, kept.copies, kept.duplicate_why], ['accepted', 2, 'restored']);
    assert.equal(gateway.messages().filter(({ reference }) => reference === kept.id).length, 2, 'nobody knew that it had left');
    const sent = gateway.messages().map(({ reference }) => reference);
    const gone = new Set(sent.filter((reference) => !ledger.has(reference)));
    const second = new Set(sent.filter((reference) => ledger.get(reference)?.duplicate_why === 'restored'));
    assert.ok(gone.size > 0 && second.size > 1, `${gone.size} messages are lost with their ledger, ${second.size} are marked`);
    t.diagnostic(`${gone.size} messages were sent in the time that is lost, ${second.size} may have come a second time and are marked`);
    t.diagnostic(`${old.facts.length} facts, back to ${back.facts.length}; ${again} batches sent again, ${history.moved.size} scans under new numbers; ${resets} resets; `
        + `${db.facts.filter(({ source }) => source === 1).length} scans in the end, 0 lost`);
});
