// SPDX-License-Identifier: EUPL-1.2
// Registering by hand and by CSV: all rows or none, every wrong row named in the caller's terms, nothing personal on the command line or in an error.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';

let cluster;
let app;
before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: [] });
});
after(() => cluster?.destroy());

const csv = (name, text) => {
    const path = join(app.folder, name);
    writeFileSync(path, text);
    return path;
};
const refused = async (args, pattern, options = {}) => {
    const { code, stderr } = await app.run(args, { mayFail: true, ...options });
    assert.notEqual(code, 0, `${args.join(' ')} was accepted`);
    assert.match(stderr, pattern);
    return stderr;
};
const facts = () => cluster.psql('select type, source, code, body from dt.fact order by pos');

test('units, their aliases and post offices', async () => {
    await app.run(['unit', 'add', '--unit', '000.00.16.H48', '--name', 'Trung tâm Phục vụ hành chính công']);
    await app.run(['unit-alias', 'add', '--alias', 'H34.16', '--unit', 'H48.16', '--why', 'NQ 202/2025/QH15']);
    await app.run(['post-office', 'add', '--office', '570000', '--name', 'Bưu cục Quảng Ngãi', '--hotline', '1900561563', '--province', 'H48']);
    assert.match((await app.run(['unit', 'list'])).stdout, /^H48\.16 +Trung tâm/m);
    assert.match((await app.run(['unit-alias', 'list'])).stdout, /^H34\.16 +→ H48\.16/m);
    assert.match((await app.run(['post-office', 'list'])).stdout, /^570000 Bưu cục/m);
});

test('a merger closes the unit, keeps its code readable and is a fact', async () => {
    await app.run(['unit', 'add', '--unit', 'H34.20', '--name', 'Kon Tum']);
    await app.run(['unit-merger', 'add', '--unit', 'H34.20', '--into', 'H48.20']);
    assert.match((await app.run(['unit', 'list'])).stdout, /H34\.20 .*\(closed\)/);
    const [fact] = await facts();
    assert.equal(fact.source, 3);
    assert.equal(fact.body, 'v=1\ntype=unit.merged\nunit=H34.20\ninto=H48.20\n');
});

test('a dossier from the command line: its contact comes on standard input only, and is sealed', async () => {
    const contact = 'name=Nguyen Van Thu\nphone=0900.000.001\naddress=1 Duong Thu\n';
    await refused(['dossier', 'add', '--code', 'H48.16-261121-0001', '--phone', '0900000001'], /personal.*--contact-stdin/);
    await app.run(['dossier', 'add', '--code', 'h48.16 -261121-0001', '--tthc', '2.002492', '--due', '2026-12-01', '--leg', 'N', '--consent', 'yes', '--contact-stdin'], { input: contact });
    const [row] = await cluster.psql("select c.sms_consent, encode(s.sealed, 'escape') as sealed from dt.contact c join dt.sealed s using (blob) where c.dossier = 'H48.16-261121-0001'");
    assert.equal(row.sms_consent, true);
    assert.ok(!row.sealed.includes('Nguyen') && !row.sealed.includes('900000001'));
    const fact = (await facts()).at(-1);
    assert.equal(fact.body, 'v=1\ntype=dossier.registered\ndossier=H48.16-261121-0001\nleg=N\nunit=H48.16\ntthc=2.002492\ndue=2026-12-01\n');
});

test('a person in the wrong column is not repeated in the error', async () => {
    const path = csv('shifted.csv', 'code,unit,tthc,due,leg\nNguyen Van Thu,,,,\n0905888777,,,,\nH48.16-261121-0040,Nguyen Van Thu,,,\nH48.16-261121-0041,,0905888777,,\nH48.16-261121-0042,,,0905888777,\nH48.16-261121-0043,,,,0905888777\n');
    const stderr = await refused(['dossier', 'import', path], /6 of 6 rows are wrong/);
    assert.doesNotMatch(stderr, /Nguyen|0905/);
    assert.match(stderr, /:2: code: no dossier code found[^]*:6: due: not a day as YYYY-MM-DD\n[^]*:7: leg: none of N/);
});

test('consent is withdrawn and given without repeating the contact', async () => {
    const consent = async () => (await cluster.psql("select sms_consent from dt.contact where dossier = 'H48.16-261121-0001'"))[0].sms_consent;
    await app.run(['dossier', 'add', '--code', 'H48.16-261121-0001', '--consent', 'no']);
    assert.equal(await consent(), false);
    await app.run(['dossier', 'add', '--code', 'H48.16-261121-0001']);
    assert.equal(await consent(), false);
    await app.run(['dossier', 'add', '--code', 'H48.16-261121-0001', '--consent', 'YES']);
    assert.equal(await consent(), true);
});

test('a file: spreadsheet BOM, semicolons and CRLF are taken; columns in any order', async () => {
    const path = csv('good.csv', '\ufeffleg;code;phone;consent\r\nK;H48.16-261121-0002;;no\r\nN;000.00.16.H48-261121-0003;"0900 000 002";yes\r\n');
    const before = (await facts()).length;
    assert.match((await app.run(['dossier', 'import', '--dry-run', path])).stdout, /2 dossiers could be registered; nothing was written/);
    assert.equal((await facts()).length, before);
    assert.match((await app.run(['dossier', 'import', path])).stderr, /2 dossiers registered/);
    assert.deepEqual((await facts()).slice(before).map(({ body }) => /dossier=(.*)/.exec(body)[1]), ['H48.16-261121-0002', 'H48.16-261121-0003']);
});

test('one wrong row: every fault is named with its line, nothing is registered', async () => {
    const before = (await facts()).length;
    const path = csv('bad.csv', 'code,due,phone,leg\nH48.16-261121-0010,,,\nH48.16-260231-0001,,,\nH48.16-261121-0011,2026-02-30,,\nH48.16-261121-0012,,02603862345,\nH48.16-261121-0013,,,X\n,,,\n');
    const stderr = await refused(['dossier', 'import', path], /5 of 6 rows are wrong; nothing was registered/);
    assert.match(stderr, /bad\.csv:3: code: .*H48\.16-260231-0001/);
    assert.match(stderr, /bad\.csv:4: due: 2026-02-30 is not a day/);
    assert.match(stderr, /bad\.csv:5: phone: a landline, it can't receive SMS/);
    assert.match(stderr, /bad\.csv:6: leg: X is none of/);
    assert.match(stderr, /bad\.csv:7: code: missing/);
    assert.ok(!stderr.includes('02603862345'), 'the number is in the error');
    assert.equal((await facts()).length, before);
});

test('columns: unknown ones, missing ones, too many fields, broken quotes, not UTF-8, no file', async () => {
    await refused(['link', 'import', csv('a.csv', 'item,dosier\n')], /no column 'dossier'[\s\S]*column 'dosier' is unknown; known are item, dossier, leg/);
    await refused(['link', 'import', csv('b.csv', 'item,dossier\nEC521602781VN,H48.16-261121-0001,x\n')], /b\.csv:2: more fields/);
    await refused(['link', 'import', csv('c.csv', 'item,dossier\n"EC5\n')], /a quote that is never closed/);
    await refused(['link', 'import', csv('d.csv', '')], /empty: the first line must name the columns/);
    writeFileSync(join(app.folder, 'e.csv'), Buffer.from('unit,name\nH48.17,Ph\xf2ng\n', 'latin1'));
    await refused(['unit', 'import', join(app.folder, 'e.csv')], /e\.csv:2: name: not UTF-8/);
    await refused(['unit', 'import', join(app.folder, 'none.csv')], /none\.csv: No such file/);
});

test('lines are those of the file: blank ones, breaks inside quotes and every kind of line end count', async () => {
    for (const [name, text, line] of [
        ['blank.csv', 'unit,name\n\n \nH48.1,x\n\nH..1,y\n', 6],
        ['quoted.csv', 'unit,name\n"H48.\n1",a\nH..1,y\n', 4],
        ['crlf.csv', 'unit,name\r\n\r\nH48.1,a\r\nH..1,y\r\n', 4],
        ['cr.csv', 'unit,name\rH48.1,a\rH..1,y\r', 3],
        ['open.csv', 'unit,name\nH48.1,a\n\nH48.2,"b\nc\n', 4],
        ['blocks.csv', `unit,name\r\n${'H48.1,a\r\n'.repeat(20_000)}H..1,y\r\n`, 20_002], // a block ends inside some CR LF
    ])
        await refused(['unit', 'import', csv(name, text)], new RegExp(`${name}:${line}: `));
});

test('what a line of `list` or a terminal would stumble over is refused; addresses may have line breaks', async () => {
    await refused(['unit', 'import', csv('escape.csv', 'unit,name\nH48.1,a\x1b[31mb\n')], /escape\.csv:2: name: a line break, tab or other control character/);
    await refused(['unit', 'import', csv('break.csv', 'unit,name\nH48.1,"a\nb"\n')], /break\.csv:2: name: a line break/);
    await app.run(['dossier', 'import', '--dry-run', csv('address.csv', 'code,address\nH48.16-261121-0001,"1 Duong Thu\nKon Tum"\n')]);
});

test('columns that stand there twice, or have no name, are told as such', async () => {
    await refused(['unit', 'import', csv('twice.csv', 'unit,unit,name\nH48.1,H48.2,x\n')], /twice\.csv:1: column 'unit' stands there twice/);
    await refused(['unit', 'import', csv('nameless.csv', 'unit,name,\nH48.1,x,\n')], /nameless\.csv:1: column 3 has no name; known are unit, name/);
});

test('--config may stand anywhere behind the verb, as the README writes it', async () => {
    const bare = { env: { DUONGTHU_CONFIG: '' } };
    await app.run(['unit', 'add', '--unit', 'H48.30', '--name', 'x', '--config', app.ini], bare);
    await app.run(['unit', 'import', '--dry-run', '--config', app.ini, csv('one.csv', 'unit,name\nH48.31,x\n')], bare);
    assert.match((await app.run(['unit', 'list', '--config', app.ini], bare)).stdout, /^H48\.30 /m);
    await refused(['unit', 'list', '--config'], /--config wants a file/);
});

test('a call that cannot be understood says why', async () => {
    for (const [args, pattern] of [
        [['unit'], /verb is missing/], [['unit', 'ad'], /verb is missing or unknown/], [['unit', 'list', 'x'], /list takes nothing more/],
        [['unit', 'import'], /import wants one file/], [['unit', 'import', '--dry', 'x.csv'], /import wants one file/],
        [['device', 'invite'], /--office wants the six digits/], [['device', 'revoke'], /which device\?/],
    ]) {
        const { code, stderr } = await app.run(args, { mayFail: true });
        assert.equal(code, 2, args.join(' '));
        assert.match(stderr, pattern);
    }
    assert.match((await app.run(['unit', 'add', '--help'])).stdout, /^usage: duongthu unit add/);
    await refused(['unit', 'add', '--unit', 'rac', '--name', 'x'], /unit: no unit code found, such as H48\.16/);
});

test('nothing is merged into itself, and a hotline is a number', async () => {
    const before = (await facts()).length;
    await refused(['unit-merger', 'add', '--unit', '000.00.16.H48', '--into', 'H48.16'], /into: 'H48\.16' can't be merged into itself/);
    await refused(['post-office', 'add', '--office', '570009', '--name', 'x', '--hotline', 'abc'], /hotline: 'abc' is no telephone number/);
    assert.equal((await facts()).length, before);
    assert.match((await app.run(['unit', 'list'])).stdout, /^H48\.16 (?!.*closed)/m);
});

test('links: a bad check digit is refused, a good one is a fact about the item', async () => {
    await refused(['link', 'add', '--item', 'EC521602782VN', '--dossier', 'H48.16-261121-0001'], /item: .*check digit/);
    await app.run(['link', 'add', '--item', 'ec 521 602 781 vn', '--dossier', 'H48.16-261121-0001', '--leg', 'N']);
    const fact = (await facts()).at(-1);
    assert.equal(fact.code, 'EC521602781VN');
    assert.match(fact.body, /type=dossier\.link\ncode=EC521602781VN\ndossier=H48\.16-261121-0001\nleg=N/);
});

test('handhelds: a code each, printed only when all rows are stored', async () => {
    const { stdout } = await app.run(['device', 'import', csv('devices.csv', 'office,label,minutes\n570000,PDA 1,60\n570001,PDA 2,\n')]);
    assert.match(stdout, /^[0-9A-Z]{4}-[0-9A-Z]{4},570000,postman,"PDA 1",\d\d:\d\d\n[0-9A-Z]{4}-[0-9A-Z]{4},570001,postman,"PDA 2",\d\d:\d\d\n$/);
    const stderr = await refused(['device', 'import', csv('devices2.csv', 'office,minutes\n570000,5\n57000,5\n570000,1441\n')], /2 of 3 rows are wrong/);
    assert.match(stderr, /devices2\.csv:4: minutes: '1441' is not between 1 and 1440/);
    assert.equal((await cluster.psql('select from dt.invite')).length, 2);
});

test('endpoints: checked like `endpoint add`, secrets printed only when all are stored', async () => {
    const head = 'url,units,kinds,allow,label,ed25519\n';
    const bad = await refused(['endpoint', 'import', csv('ep1.csv', `${head}https://a.example/h,H48.16,,,A,\nftp://b.example/,H48,,,B,\nhttps://c.example/,H4,,,C,\nhttps://d.example/,H48,item.eaten,,D,\nhttps://e.example/,H48,,,E,maybe\n`)], /4 of 5 rows are wrong/);
    assert.match(bad, /ep1\.csv:4: 'H4' is not a unit code/);
    assert.match(bad, /ep1\.csv:5: there is no event 'item\.eaten'/);
    assert.match(bad, /ep1\.csv:6: thin, ed25519, from_start: expected yes or no/);
    assert.equal((await cluster.psql('select from dt.endpoint')).length, 0);
    const { stdout } = await app.run(['endpoint', 'import', csv('ep2.csv', `${head}https://a.example/h,H48.16 000.00.17.H48,item delivery.failed,,A,\nhttp://127.0.0.1:9/,H48,,127.0.0.1/32,B,yes\n`)]);
    assert.match(stdout, /^A\nendpoint [0-9a-f-]{36}\nsecret whsec_\S+\nB\nendpoint [0-9a-f-]{36}\npublic-key whpk_\S+\n$/);
    assert.deepEqual((await cluster.psql("select array_to_string(units, ' ') as units, array_to_string(kinds, ' ') as kinds from dt.endpoint order by label")),
        [{ units: 'H48.16 H48.17', kinds: 'item delivery.failed' }, { units: 'H48', kinds: '' }]);
});

test('forgetting needs --yes, erases every key, and says so; the log is untouched', async () => {
    await refused(['dossier', 'forget', 'H48.16-261121-0001'], /can't be undone/);
    const before = await facts();
    assert.match((await app.run(['dossier', 'forget', '--yes', '000.00.16.H48-261121-0001'])).stdout, /H48\.16-261121-0001: 1 sealed part erased/);
    assert.equal((await cluster.psql("select from dt.wrap where subject = 'dossier:H48.16-261121-0001'")).length, 0);
    assert.equal((await cluster.psql("select from dt.forgotten where subject = 'dossier:H48.16-261121-0001'")).length, 1);
    assert.deepEqual(await facts(), before);
});

test('a forgotten person is not taken again, as the office API says too', async () => {
    const again = ['dossier', 'add', '--code', 'H48.16-261121-0001'];
    await refused([...again, '--contact-stdin'], /person behind this dossier was erased/, { input: 'phone=0900000001\n' });
    await refused(['dossier', 'import', csv('again.csv', 'code,phone\nH48.16-261121-0020,0900000003\nH48.16-261121-0001,0900000001\n')], /again\.csv:3: the person behind this dossier was erased[\s\S]*nothing was registered/);
    assert.equal((await cluster.psql("select from dt.contact where dossier in ('H48.16-261121-0001', 'H48.16-261121-0020')")).length, 0);
    await app.run(again); // without a person it may go on
});

test('whoever forgets by one code of a dossier forgets the person behind all of them', async () => {
    const [loser, survivor] = ['H48.16-261121-0031', 'H48.16-261121-0032'];
    await app.run(['dossier', 'import', csv('two.csv', `code,phone\n${loser},0900000004\n${survivor},0900000005\n`)]);
    await app.run(['dossier-merger', 'add', '--dossier', loser, '--into', survivor]);
    await cluster.psql(`insert into dt.dossier_code (lane, code, dossier, is_primary, from_at) select 0, c, 77, c = '${survivor}', now() from unnest(array['${loser}', '${survivor}']) c`);
    assert.match((await app.run(['dossier', 'forget', survivor, '--yes'])).stdout, /2 sealed parts erased/);
    assert.equal((await cluster.psql(`select from dt.contact where dossier in ('${loser}', '${survivor}')`)).length, 0);
    assert.equal((await cluster.psql(`select from dt.wrap where subject in ('dossier:${loser}', 'dossier:${survivor}')`)).length, 0);
    assert.equal((await cluster.psql(`select from dt.forgotten where subject in ('dossier:${loser}', 'dossier:${survivor}')`)).length, 2);
    assert.match((await app.run(['dossier', 'forget', 'H48.16-261121-9999', '--yes'])).stdout, /H48\.16-261121-9999: nothing personal was kept under this code/);
});

test('a key ring that is not there is a wrong configuration: 78', async () => {
    const { code, stderr } = await app.run(['dossier', 'add', '--code', 'H48.16-261121-0050'], { mayFail: true, env: { DUONGTHU_KEYS_DIR: '/nonexistent' } });
    assert.equal(code, 78);
    assert.match(stderr, /key directory \/nonexistent[^]*nothing was registered/);
});

test('the database away: 69, and nothing half-done', async () => {
    await cluster.stop('fast');
    const { code } = await app.run(['unit', 'add', '--unit', 'H48.99', '--name', 'x'], { mayFail: true });
    assert.equal(code, 69);
    await cluster.start();
});
