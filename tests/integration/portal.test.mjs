// SPDX-License-Identifier: EUPL-1.2
// The office API against a real PostgreSQL: keys, registering, acts, reading, and the document that describes it. Whose a dossier is and
// what counts once: portal_once.test.mjs.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { root } from '../harness/build.mjs';
import { ITEM, MET_IN_ONCE, forward, newCode, startOffice } from '../harness/office.mjs';
import { until } from '../harness/wait.mjs';

const OTHER_ITEM = 'CJ491228825VN';
const ABROAD = 'RR123456785GB'; // an item that another country's post took in
const document = JSON.parse(readFileSync(join(root, 'services/portal/openapi.json'), 'utf8'));

let office, app, near, far; // near: the key of H56; far: of H57

before(async () => {
    office = await startOffice();
    ({ app, near, far } = office);
});
after(() => office?.stop());

const { call, problem, register, facts, fold, newKey, psql } = forward(() => office);

// ---------------------------------------------------------------- keys

describe('apikey', () => {
    test('a key is shown once, works, and stops working when it is revoked', async () => {
        const key = await newKey('000.00.14.H56', 'h56.20');
        assert.match(key, /^ak_[0-9a-f]{16}\.[A-Za-z0-9_-]{43}$/);
        const [id, secret] = key.split('.');
        const [row] = await psql('select units, encode(secret_hash, \'hex\') as hash, label from dt.api_key where key_id = $1', [id]);
        assert.deepEqual(row.units, ['H56.14', 'H56.20']);
        assert.ok(!JSON.stringify(await psql('select * from dt.api_key')).includes(secret));
        const code = newCode();
        await register(code, { key });
        assert.equal((await call('GET', `/dossiers/${code}`, { key })).status, 200);

        const listed = (await app.run(['apikey', 'list', '--json'])).stdout.trim().split('\n').map(JSON.parse);
        assert.deepEqual(listed.find((one) => one.key_id === id).units, ['H56.14', 'H56.20']);
        assert.ok(!(await app.run(['apikey', 'list'])).stdout.includes(secret));

        assert.equal((await app.run(['apikey', 'revoke', id])).stdout, `revoked ${id}\n`);
        await problem(401, 'unauthorized', 'GET', `/dossiers/${code}`, { key });
        assert.match((await app.run(['apikey', 'list'])).stdout, new RegExp(`${id} .* revoked`));
    });

    test('mistakes are told', async () => {
        for (const [args, code, words] of [
            [['apikey'], 2, /usage/],
            [['apikey', 'create'], 2, /usage/],
            [['apikey', 'create', '--unit', 'H56..14'], 1, /'H56\.\.14' is no unit code/],
            [['apikey', 'revoke', 'ak_none'], 1, /no key of this id/],
            [['apikey', 'revoke'], 2, /usage/],
            [['apikey', 'list', '--unit', 'H56'], 2, /usage/],
            [['apikey', 'destroy'], 2, /usage/],
        ]) {
            const result = await app.run(args, { mayFail: true });
            assert.equal(result.code, code, args.join(' '));
            assert.match(result.stderr, words);
        }
        assert.equal((await app.run(['apikey', '--help'])).code, 0);
    });

    test('whoever has no key, or half of one, is nobody', async () => {
        const [id, secret] = near.split('.');
        const code = newCode();
        await register(code);
        for (const authorization of [undefined, 'Bearer', 'Bearer ', `Bearer ${id}`, `Bearer ${id}.`, `Bearer .${secret}`, `Bearer ${id}.${secret}x`,
            `Bearer ${id}.${secret} x`, `Basic ${id}.${secret}`, `Bearer ${far.split('.')[0]}.${secret}`, `Bearer ${id}.${'x'.repeat(200)}`]) {
            const { headers } = await problem(401, 'unauthorized', 'GET', `/dossiers/${code}`, { key: null, headers: authorization ? { authorization } : {} });
            assert.match(headers.get('www-authenticate'), /^Bearer/);
        }
        assert.equal((await call('GET', `/dossiers/${code}`, { key: null, headers: { authorization: `bearer  ${near}` } })).status, 200);
    });
});

// ---------------------------------------------------------------- registering

describe('registering', () => {
    test('a dossier with its person: sealed at once, told to the log, never repeated', async () => {
        const code = newCode();
        const person = { name: 'Nguyễn Thị Thử Nghiệm', phone: '+84 905.123.456', address: 'Thôn Mười Hai, xã Thử' };
        const made = await register(code, { body: { tthc: '2.002492', due: '2026-12-05', leg: 'K', contact: person, sms_consent: true } });
        assert.equal(made.status, 201);
        assert.equal(made.body.code, code);
        assert.match(made.body.position, /^0:\d+$/);
        assert.equal(made.headers.get('cache-control'), 'no-store');

        const [fact] = await facts(code);
        assert.equal(fact.type, 60);
        assert.equal(fact.source, 2);
        assert.match(fact.body, /^v=1\nid=[0-9a-f-]{36}\ntype=dossier\.registered\ndossier=H56\.14-261121-\d{4}\nleg=K\nunit=H56\.14\ntthc=2\.002492\ndue=2026-12-05\n$/);

        const [contact] = await psql('select * from dt.contact where dossier = $1', [code]);
        assert.equal(contact.sms_consent, true);
        assert.ok(contact.phone_index >= 0 && contact.phone_index < 1 << 20);
        const [wrap] = await psql('select subject, length(wrapped) as n from dt.wrap where blob = $1::uuid', [contact.blob]);
        assert.equal(wrap.subject, `dossier:${code}`);

        const { body, text } = await call('GET', `/dossiers/${code}`);
        assert.deepEqual(body, { code, unit: 'H56.14', registered: true, pending: true, tthc: null, due: null, status: null, proposed_status: null,
            journey_seq: 0, merged_into: null, contact: true, sms_consent: true, items: [] });
        const dump = text + JSON.stringify(await psql('select * from dt.fact')) + JSON.stringify(await psql('select * from dt.idempotency'))
            + JSON.stringify(await psql('select * from dt.registration')) + JSON.stringify(await psql('select convert_from(decode(encode(sealed, \'hex\'), \'escape\'), \'LATIN1\') as s from dt.sealed'));
        for (const secret of ['905123456', 'Nghiệm', 'Mười Hai'])
            assert.ok(!dump.includes(secret), `${secret} is readable in the database`);
    });

    test('a second registration changes what was said; the earlier contact dies', async () => {
        const code = newCode();
        await register(code, { body: { contact: { phone: '0905123456' }, sms_consent: true } });
        const [{ blob }] = await psql('select blob from dt.contact where dossier = $1', [code]);
        assert.equal((await register(code, { body: { contact: { phone: '0389123456', name: 'Thử' }, sms_consent: true } })).status, 200);
        assert.equal((await psql('select from dt.sealed where blob = $1::uuid', [blob])).length, 0);
        assert.equal((await psql('select from dt.wrap where blob = $1::uuid', [blob])).length, 0);

        await register(code, { body: { sms_consent: false } });
        assert.deepEqual((({ contact, sms_consent }) => ({ contact, sms_consent }))((await call('GET', `/dossiers/${code}`)).body), { contact: true, sms_consent: false });
        await register(code, { body: {} });
        assert.equal((await call('GET', `/dossiers/${code}`)).body.contact, true);
        await register(code, { body: { contact: null } });
        assert.equal((await call('GET', `/dossiers/${code}`)).body.contact, false);
        assert.equal((await psql('select from dt.wrap where subject = $1', [`dossier:${code}`])).length, 0);
    });

    test('both legal forms of a code are one dossier', async () => {
        const code = newCode();
        const old = code.replace('H56.14', '000.00.14.H56');
        assert.equal((await register(old)).status, 201);
        assert.equal((await register(code)).status, 200);
        assert.equal((await register(` ${code.toLowerCase()} `.replaceAll(' ', '%20'))).status, 200);
        assert.equal((await call('GET', `/dossiers/${old}`)).body.code, code);
    });

    test('closed units go on through the alias table', async () => {
        await psql(`insert into dt.unit_alias (alias, unit, why) values ('000.00.16.H34', 'H56.77', 'merger of 2025')`);
        const code = 'H34.16-250612-0007';
        await register(code, { body: { unit: '000.00.16.H34' } });
        assert.equal((await call('GET', `/dossiers/${code}`)).body.unit, 'H56.77');
        await problem(403, 'unit-not-yours', 'PUT', '/dossiers/H34.17-250612-0007', { body: { unit: 'H56.14' } });
    });

    test('who was forgotten is not taken again', async () => {
        const code = newCode();
        await register(code, { body: { contact: { phone: '0905123456' }, sms_consent: true } });
        await psql('select dt.forget($1, $2)', [`dossier:${code}`, 'asked']);
        await problem(409, 'contact-forgotten', 'PUT', `/dossiers/${code}`, { body: { unit: 'H56.14', contact: { phone: '0905123456' }, sms_consent: true } });
        assert.equal((await register(code)).status, 200);
        assert.equal((await call('GET', `/dossiers/${code}`)).body.contact, false);
    });

    test('every fault of a body is named with its pointer', async () => {
        const good = { unit: 'H56.14' };
        for (const [body, pointer, code, words] of [
            [{}, '/unit', 'member-missing', /missing/],
            [{ ...good, unti: 1 }, '/unti', 'member-unknown', /not a member/],
            [{ ...good, contact: { phone: '0905123456', mail: 'x' }, sms_consent: false }, '/contact/mail', 'member-unknown', /not a member/],
            [{ unit: 'H56..14' }, '/unit', 'unit-invalid', /unit/],
            [{ unit: 17 }, '/unit', 'member-type', /not a string/],
            [{ ...good, tthc: 'birth' }, '/tthc', 'tthc-invalid', /procedure/],
            [{ ...good, due: '2026-02-30' }, '/due', 'day-invalid', /calendar/],
            [{ ...good, due: '5/12/2026' }, '/due', 'day-invalid', /calendar/],
            [{ ...good, leg: 'X' }, '/leg', 'leg-invalid', /N, B, K, H/],
            [{ ...good, leg: 'NN' }, '/leg', 'member-range', /bytes/],
            [{ ...good, at: '2026-11-21 14:05' }, '/at', 'time-invalid', /RFC 3339/],
            [{ ...good, at: '2024-01-01T00:00:00Z' }, '/at', 'time-absurd', /366 days/],
            [{ ...good, at: new Date(Date.now() + 3600_000).toISOString() }, '/at', 'time-absurd', /ahead/],
            [{ ...good, sms_consent: 'yes' }, '/sms_consent', 'member-type', /true nor false/],
            [{ ...good, contact: 'Thử' }, '/contact', 'member-type', /not an object/],
            [{ ...good, contact: {}, sms_consent: false }, '/contact', 'contact-empty', /nobody/],
            [{ ...good, contact: { phone: '0905123456' } }, '/sms_consent', 'member-missing', /missing/],
            [{ ...good, contact: { name: 'Thử' }, sms_consent: true }, '/contact/phone', 'member-missing', /agreed/],
            [{ ...good, contact: { phone: '02603862345' }, sms_consent: true }, '/contact/phone', 'phone-invalid', /landline/],
            [{ ...good, contact: { phone: '090512345' }, sms_consent: true }, '/contact/phone', 'phone-invalid', /phone-length/],
            [{ ...good, contact: { name: 'x'.repeat(161) }, sms_consent: false }, '/contact/name', 'member-range', /1 to 160/],
            [{ ...good, contact: { name: 'a\u0007b' }, sms_consent: false }, '/contact/name', 'member-range', /control/],
        ]) {
            const { body: answer } = await problem(422, 'body-invalid', 'PUT', `/dossiers/${newCode()}`, { body });
            assert.deepEqual(answer.errors.map((one) => [one.pointer, one.code]), [[pointer, code]], JSON.stringify(answer));
            assert.match(answer.errors[0].detail, words);
        }
        const { body } = await problem(422, 'body-invalid', 'PUT', `/dossiers/${newCode()}`, { body: { due: 'x', leg: 'Q', extra: 1 } });
        assert.deepEqual(body.errors.map((one) => one.pointer).sort(), ['/due', '/extra', '/leg', '/unit']);
    });

    test('a body that is no JSON object says where it breaks', async () => {
        const path = `/dossiers/${newCode()}`;
        for (const [raw, words] of [
            ['', /ends too early/],
            ['{"unit":"H56.14"', /ends too early/],
            ['{"unit":"H56.14"}{}', /behind the object/],
            ['{"unit":"H56.14","unit":"H57"}', /twice/],
            ['["H56.14"]', /array/],
            ['"H56.14"', /not JSON/],
            [Buffer.from('7b22756e6974223a22ff227d', 'hex'), /not UTF-8/],
            ['{"unit":"H56\\u0000"}', /U\+0000/],
            ['{"unit":1e400}', /too large/],
            [`{"contact":${'['.repeat(20)}${']'.repeat(20)}}`, /deeper than 16/],
            [`{"contact":${'{"a":'.repeat(60_000 / 5)}`, /deeper than 16/],
        ])
            assert.match((await problem(400, 'json-malformed', 'PUT', path, { raw })).body.detail, words);
        await problem(413, 'body-too-large', 'PUT', path, { raw: `{"unit":"${'x'.repeat(65536)}"}` });
        await problem(413, 'body-too-large', 'PUT', path, { raw: gzipSync(`{"unit":"${'x'.repeat(200_000)}"}`), headers: { 'content-encoding': 'gzip' } });
        await problem(415, 'content-type-not-json', 'PUT', path, { body: {}, headers: { 'content-type': 'text/plain' } });
        await problem(415, 'content-type-not-json', 'PUT', path, { body: {}, headers: { 'content-type': 'application/jsonx' } });
        const zipped = await call('PUT', path, { raw: gzipSync('{"unit":"H56.14"}'), headers: { 'content-encoding': 'gzip', 'content-type': 'Application/JSON; charset=utf-8' } });
        assert.equal(zipped.status, 201);
    });

    test('what the server itself refuses is in the document too', async () => {
        await problem(400, 'malformed-request', 'GET', '/dossiers/%ff');
        await problem(400, 'malformed-request', 'GET', '/dossiers/%ff/journey');
        await problem(400, 'malformed-body', 'PUT', `/dossiers/${newCode()}`, { raw: '{}', headers: { 'content-encoding': 'gzip' } });
    });

    test('what is no dossier code is told so, by form alone', async () => {
        for (const code of ['H56.14-240231-0001', '000.00.H48-220921-0099', 'H56.14-240823-001', ITEM, 'x', '%20', 'H56.14-240823-0001__0.48213'])
            await problem(422, 'code-invalid', 'GET', `/dossiers/${encodeURIComponent(code)}`);
    });
});

// ---------------------------------------------------------------- acts

describe('acts', () => {
    let code;
    before(async () => {
        code = newCode();
        await register(code);
    });
    const last = async () => (await facts(code)).at(-1);

    for (const [name, method, path, body, type, lines] of [
        ['a link', 'POST', '/links', { item: 'ec 521 602 781 vn', leg: 'N' }, 61, [`code=${ITEM}`, 'leg=N']],
        ['the end of a link', 'DELETE', `/links/${ITEM}`, undefined, 62, [`code=${ITEM}`]],
        ['a hand-over', 'POST', '/handover', { item: ITEM, outcome: 'confirmed' }, 35, [`code=${ITEM}`]],
        ['a hand-over without an item', 'POST', '/handover', { outcome: 'confirmed' }, 35, []],
        ['a refusal', 'POST', '/handover', { item: ITEM, outcome: 'refused', reason: 'missing-papers', note: 'Thiếu bản sao' }, 36, ['reason=missing-papers', 'note=Thiếu bản sao']],
        ['a request for papers', 'POST', '/supplement', { what: 'Giấy khai sinh', until: '2026-12-01' }, 63, ['due=2026-12-01', 'note=Giấy khai sinh']],
        ['a result', 'POST', '/result', { fee: 30000, remit: 0 }, 64, ['fee=30000', 'remit=0']],
        ['a status', 'PUT', '/status', { status: 4, note: 'Phòng chuyên môn' }, 68, ['reason=4', 'note=Phòng chuyên môn']],
    ]) {
        test(`${name} becomes a fact`, async () => {
            const answer = await call(method, `/dossiers/${code}${path}`, { body });
            assert.equal(answer.status, 202, answer.text);
            assert.equal(answer.body.code, code);
            const fact = await last();
            assert.equal(fact.type, type);
            assert.ok(fact.body.includes(`\ndossier=${code}\n`));
            for (const line of lines)
                assert.ok(fact.body.split('\n').includes(line), `${line} in ${fact.body}`);
            assert.equal(fact.code, lines.includes(`code=${ITEM}`) || body?.item ? ITEM : null);
        });
    }

    test('a result in an envelope is two facts, both or none', async () => {
        const n = (await facts(code)).length;
        const answer = await call('POST', `/dossiers/${code}/result`, { body: { item: OTHER_ITEM, at: '2026-11-21T07:00:00+07:00' } });
        assert.equal(answer.status, 202);
        const [ready, link] = (await facts(code)).slice(n);
        assert.deepEqual([ready.type, ready.code, link.type, link.code], [64, null, 61, OTHER_ITEM]);
        assert.match(link.body, /\nleg=K\n/);
        assert.match(ready.body, new RegExp(`\\nat=${Date.UTC(2026, 10, 21)}\\n`));
        assert.equal(new Date(ready.occurred_at).getTime(), Date.UTC(2026, 10, 21));
    });

    test('faults of acts', async () => {
        for (const [method, path, body, pointer, fault] of [
            ['POST', '/links', { leg: 'N' }, '/item', 'member-missing'],
            ['POST', '/links', { item: ITEM }, '/leg', 'member-missing'],
            ['POST', '/links', { item: 'EC521602782VN', leg: 'N' }, '/item', 'item-invalid'],
            ['POST', '/links', { item: code, leg: 'N' }, '/item', 'item-invalid'],
            ['POST', '/handover', { outcome: 'maybe' }, '/outcome', 'word-invalid'],
            ['POST', '/handover', { outcome: 'refused' }, '/reason', 'member-missing'],
            ['POST', '/handover', { outcome: 'refused', reason: 'hai chữ' }, '/reason', 'word-invalid'],
            ['POST', '/handover', { outcome: 'refused', reason: 'x'.repeat(17) }, '/reason', 'member-range'],
            ['POST', '/supplement', { until: '2026-12-01' }, '/what', 'member-missing'],
            ['POST', '/supplement', { what: 'x'.repeat(201) }, '/what', 'member-range'],
            ['POST', '/supplement', { what: 'x', until: 'tomorrow!!' }, '/until', 'day-invalid'],
            ['POST', '/result', { fee: -1 }, '/fee', 'member-range'],
            ['POST', '/result', { fee: 30000.5 }, '/fee', 'member-type'],
            ['POST', '/result', { fee: 1e12 + 1 }, '/fee', 'member-range'],
            ['POST', '/result', { ready: true }, '/ready', 'member-unknown'],
            ['PUT', '/status', { status: 0 }, '/status', 'member-range'],
            ['PUT', '/status', { status: 11 }, '/status', 'member-range'],
            ['PUT', '/status', { status: '4' }, '/status', 'member-type'],
        ]) {
            const { body: answer } = await problem(422, 'body-invalid', method, `/dossiers/${code}${path}`, { body });
            assert.deepEqual(answer.errors.map((one) => [one.pointer, one.code]), [[pointer, fault]], `${path} ${JSON.stringify(body)}`);
        }
        await problem(422, 'code-invalid', 'DELETE', `/dossiers/${code}/links/EC521602782VN`);
        await problem(404, 'dossier-not-found', 'POST', `/dossiers/${newCode()}/handover`, { body: { outcome: 'confirmed' } });
    });
});

// ---------------------------------------------------------------- reading

describe('reading', () => {
    test('a dossier as correlate left it', async () => {
        const code = newCode();
        await fold(code, { status: 4, due: '2026-12-05', tthc: '2.002492', items: [{ item: ITEM, leg: 'N', state: 18 }, { item: 'CP000000014VN', leg: 'K', state: 12 }], rows: [{ kind: 60 }] });
        const { body } = await call('GET', `/dossiers/${code}`);
        assert.deepEqual({ ...body, items: body.items.map(({ last_at, ...rest }) => rest).sort((a, b) => (a.leg > b.leg ? -1 : 1)) }, {
            code, unit: 'H56.14', registered: true, pending: false, tthc: '2.002492', due: '2026-12-05', status: 4, proposed_status: null, journey_seq: 1,
            merged_into: null, contact: false, sms_consent: null,
            items: [{ code: ITEM, leg: 'N', state: 'S18', state_name: 'handed-over' }, { code: 'CP000000014VN', leg: 'K', state: 'S12', state_name: 'out-for-delivery' }],
        });
    });

    test('a journey in pages, published before it is shown', async () => {
        const code = newCode();
        const rows = Array.from({ length: 7 }, (_, i) => ({ kind: i === 0 ? 60 : 10 + i % 2, flags: i === 3 ? 9 : 0, item: i ? ITEM : null, leg: i ? 'N' : '', state: i ? 6 : null, details: { office: '580000' } }));
        await fold(code, { rows });
        await psql('delete from dt.published');
        const first = (await call('GET', `/dossiers/${code}/journey?limit=3`)).body;
        assert.deepEqual([first.code, first.rows.map((row) => row.seq), first.next], [code, [1, 2, 3], 3]);
        const [{ published, tip }] = await psql('select (select max(pos)::int from dt.published) as published, (select max(pos)::int from dt.journey) as tip');
        assert.equal(published, tip);
        const second = (await call('GET', `/dossiers/${code}/journey?limit=3&after=${first.next}`)).body;
        assert.deepEqual([second.rows.map((row) => row.seq), second.next], [[4, 5, 6], 6]);
        const third = (await call('GET', `/dossiers/${code}/journey?limit=3&after=${second.next}`)).body;
        assert.deepEqual([third.rows.map((row) => row.seq), third.next], [[7], null]);
        assert.deepEqual((await call('GET', `/dossiers/${code}/journey?after=7`)).body, { code, rows: [], next: null });
        const row = second.rows[0];
        assert.deepEqual({ ...row, recorded_at: null }, { seq: 4, type: 'item.accepted', flags: ['late', 'contradiction'], occurred_at: '2026-11-18T01:09:00.000Z', recorded_at: null,
            item: ITEM, leg: 'N', state: 'S06', state_name: 'collected', retracts: null, details: { office: '580000' } });
        for (const query of ['limit=0', 'limit=501', 'limit=x', 'limit=', 'after=-1', 'after=1.5', `after=${'9'.repeat(30)}`])
            await problem(422, 'parameter-invalid', 'GET', `/dossiers/${code}/journey?${query}`);
    });

    test('a dossier that has no journey yet has an empty one', async () => {
        const code = newCode();
        await register(code);
        assert.deepEqual((await call('GET', `/dossiers/${code}/journey`)).body, { code, rows: [], next: null });
    });

    test('answers fit their schema', async () => {
        const { default: Ajv } = await import('ajv/dist/2020.js');
        const ajv = new Ajv({ strict: false, validateFormats: false });
        ajv.addSchema({ $id: 'doc', components: document.components });
        const fits = (name, body) => {
            const check = ajv.compile({ $ref: `doc#/components/schemas/${name}` });
            assert.ok(check(body), `${name}: ${JSON.stringify(check.errors)} in ${JSON.stringify(body)}`);
        };
        const code = newCode();
        fits('Recorded', (await register(code)).body);
        fits('Dossier', (await call('GET', `/dossiers/${code}`)).body);
        await fold(code, { status: 4, items: [{ item: 'CP000000028VN', leg: '', state: 9 }], rows: [{ kind: 60 }, { kind: 10, item: ITEM, leg: 'N', state: 6, flags: 1 }] });
        fits('Dossier', (await call('GET', `/dossiers/${code}`)).body);
        fits('JourneyPage', (await call('GET', `/dossiers/${code}/journey`)).body);
        const abroad = newCode();
        await fold(abroad, { status: 4, items: [{ item: ABROAD, leg: 'N', state: 9 }], rows: [{ kind: 10, item: ABROAD, leg: 'N', state: 6 }] });
        fits('Dossier', (await call('GET', `/dossiers/${abroad}`)).body);
        fits('Problem', (await call('PUT', `/dossiers/${code}`, { body: { nope: 1 } })).body);
        fits('Problem', (await call('GET', '/nowhere')).body);
    });
});

// ---------------------------------------------------------------- the document

describe('the document', () => {
    test('is served as it stands in the tree, and is a valid OpenAPI 3.1 description', async () => {
        const response = await fetch(app.url('portal', '/api/v1/openapi.json'));
        assert.equal(response.headers.get('content-type'), 'application/vnd.oai.openapi+json;version=3.1');
        assert.deepEqual(await response.json(), document);
        execFileSync(process.execPath, [join(root, 'tests/node_modules/@redocly/cli/bin/cli.js'), 'lint', join(root, 'services/portal/openapi.json')],
            { env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }, stdio: 'pipe' });
    });

    test('names the routes of the program, and no others', () => {
        const source = readFileSync(join(root, 'services/portal/portal.c'), 'utf8');
        const served = [...source.matchAll(/\{"([A-Z]+)", "\/api\/v1([^"]*)",/g)].map(([, method, path]) => `${method} ${path}`);
        const described = Object.entries(document.paths).flatMap(([path, operations]) => Object.keys(operations).filter((name) => name !== 'parameters')
            .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`));
        assert.ok(served.length >= 10);
        assert.deepEqual(served.sort(), described.sort());
    });

    test('names the problem codes of the program, and this file has met each', () => {
        const source = readFileSync(join(root, 'services/portal/problem.c'), 'utf8');
        const own = [...source.matchAll(/^ {4}\{"([a-z-]+)", (\d+), /gm)].map(([, code]) => code);
        const server = readFileSync(join(root, 'services/io/http.h'), 'utf8').match(/codes are\n([^]*?)\. Limits/)[1].match(/"[a-z-]+"/g).map((code) => code.slice(1, -1));
        assert.deepEqual(document.components.schemas.Problem.properties.code.enum.toSorted(), [...own, ...server].sort());
        // A fault of ours cannot be asked for.
        assert.deepEqual(own.filter((code) => !office.seen.has(code)).sort(), [...MET_IN_ONCE, 'internal-error'].sort());
    });

    test('its pattern of dossier codes agrees with the parser', () => {
        const pattern = new RegExp(document.components.schemas.DossierCode.pattern);
        for (const code of ['H56.14-240823-0001', '000.17.22.H56-210531-0001', 'H56.14-240823-10234'])
            assert.match(code, pattern);
        assert.doesNotMatch('H56.14-240823-001', pattern);
    });
});

test('nothing personal, no secret and no dossier code in any log line', () => {
    const { output } = app.process('portal');
    assert.ok(output.length > 0);
    for (const secret of ['905123456', 'Nghiệm', 'Mười Hai', near.split('.')[1], '-261121-'])
        assert.ok(!output.includes(secret), `${secret} was logged`);
});

test('the log tells who said what, by key and position, and who was turned away', async () => {
    const { body } = await register(newCode());
    const told = () => app.logs('portal.recorded').filter((line) => line.position === body.position);
    await until(() => told().length > 0, { what: 'the line is read' });
    assert.deepEqual(told().map((line) => line.key), [near.split('.')[0]]);
    assert.ok(app.logs('portal.key_refused').length > 0);
    const metrics = await app.metrics('portal');
    assert.ok(metrics.get('duongthu_portal_refused_total{why="unauthorized"}') > 5);
    assert.ok(metrics.get('duongthu_portal_answer_seconds_count') > 50);
});
