// SPDX-License-Identifier: EUPL-1.2
// The office API: whose a dossier is, what counts once whatever happens on the way, how often one may ask, and what is said when the
// database is away.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { startApp } from '../harness/app.mjs';
import { linkItem } from '../harness/folded.mjs';
import { ITEM, MET_IN_ONCE, forward, newCode, startOffice } from '../harness/office.mjs';
import { until } from '../harness/wait.mjs';

let office, app, cluster, near, far; // near: the key of H56; far: of H57

before(async () => {
    office = await startOffice();
    ({ app, cluster, near, far } = office);
});
after(() => office?.stop());

const { call, problem, register, facts, fold, newKey, psql } = forward(() => office);

// ---------------------------------------------------------------- whose

// Every route on a dossier: what to send so that the caller's right is all that is in question.
const ROUTES = [
    ['GET', '', undefined],
    ['GET', '/journey', undefined],
    ['POST', '/links', { item: ITEM, leg: 'N' }],
    ['DELETE', `/links/${ITEM}`, undefined],
    ['POST', '/handover', { outcome: 'confirmed' }],
    ['POST', '/supplement', { what: 'x' }],
    ['POST', '/result', {}],
    ['PUT', '/status', { status: 4 }],
];

describe('whose dossier it is', () => {
    test('another office reads nothing and moves nothing, and cannot tell the dossier from none', async () => {
        const own = newCode();
        const known = newCode(); // folded already
        await register(own);
        await fold(known, { rows: [{ kind: 60 }] });
        const before = (await psql('select count(*)::int as n from dt.fact'))[0].n;
        for (const [method, path, body] of ROUTES) {
            const none = await problem(404, 'dossier-not-found', method, `/dossiers/${newCode()}${path}`, { key: far, body });
            for (const code of [own, known]) {
                const theirs = await problem(404, 'dossier-not-found', method, `/dossiers/${code}${path}`, { key: far, body });
                assert.equal(theirs.text, none.text);
            }
        }
        for (const code of [own, known, newCode()])
            await problem(403, 'unit-not-yours', 'PUT', `/dossiers/${code}`, { key: far, body: { unit: 'H57.1' } });
        await problem(403, 'unit-not-yours', 'PUT', `/dossiers/${own}`, { key: far, body: { unit: 'H56.14' } });
        await problem(403, 'unit-not-yours', 'PUT', `/dossiers/${newCode('H57')}`, { key: far, body: { unit: 'H56.14' } });
        assert.equal((await psql('select count(*)::int as n from dt.fact'))[0].n, before);
    });

    test('a key covers the units below its own, not those that merely begin alike', async () => {
        const key = await newKey('H56.1');
        await register(newCode('H56.1.22'), { key, body: { unit: 'H56.1.22' } });
        await problem(403, 'unit-not-yours', 'PUT', `/dossiers/${newCode('H56.14')}`, { key, body: { unit: 'H56.14' } });
        await problem(403, 'unit-not-yours', 'PUT', `/dossiers/${newCode('H56')}`, { key, body: { unit: 'H56' } });
    });

    test('a dossier that was given to another unit is no longer its issuer\'s', async () => {
        const province = await newKey('H60', 'H61');
        const commune = await newKey('H60.5');
        const code = newCode('H60.5');
        await register(code, { key: commune, body: { unit: 'H60.5' } });
        await register(code, { key: province, body: { unit: 'H61.1' } });
        await problem(404, 'dossier-not-found', 'PUT', `/dossiers/${code}`, { key: commune, body: { unit: 'H60.5' } });
        await problem(404, 'dossier-not-found', 'GET', `/dossiers/${code}`, { key: commune });
    });

    test('an item that travels for others cannot be taken', async () => {
        const theirs = newCode('H57');
        const mine = newCode();
        const shared = 'RR123456785VN';
        const foreign = 'EC473124829VN';
        await register(mine);
        await fold(theirs, { unit: 'H57', items: [{ item: foreign, leg: 'K', state: 12 }, { item: shared, leg: 'N', state: 9 }] });
        await fold(newCode(), { items: [] });
        for (const [method, path, body] of [
            ['POST', '/links', { item: foreign, leg: 'N' }],
            ['DELETE', `/links/${foreign}`, undefined],
            ['POST', '/handover', { item: foreign, outcome: 'refused', reason: 'x' }],
            ['POST', '/result', { item: foreign }],
        ])
            await problem(404, 'item-not-found', method, `/dossiers/${mine}${path}`, { body });
        // One envelope with dossiers of two offices: each may speak of it.
        const [{ item }] = await psql('select item::int from dt.item where code = $1', [shared]);
        const folded = await fold(newCode(), {});
        await linkItem(cluster, item, folded);
        assert.equal((await call('POST', `/dossiers/${mine}/links`, { body: { item: shared, leg: 'N' } })).status, 202);
        // S10 codes are used again: what has been silent for a year is nobody's.
        await psql(`update dt.item set last_at = now() - interval '366 days' where code = $1`, [foreign]);
        assert.equal((await call('POST', `/dossiers/${mine}/links`, { body: { item: foreign, leg: 'N' } })).status, 202);
    });

    test('the role of the portal can read no contact, no fact, no key', async () => {
        const session = await cluster.connect({ user: 'dt_portal' });
        for (const table of ['contact', 'sealed', 'wrap', 'fact', 'api_key', 'journey', 'item', 'dossier', 'idempotency', 'registration', 'sms'])
            await assert.rejects(session.query(`select * from dt.${table}`), { sqlstate: '42501' }, table);
        await session.close();
    });
});

// ---------------------------------------------------------------- once

describe('once and only once', () => {
    test('the same key and request give the same answer and one fact', async () => {
        const code = newCode();
        const idem = randomUUID();
        const first = await register(code, { idem });
        const again = await register(code, { idem });
        assert.deepEqual([again.status, again.text], [first.status, first.text]);
        assert.equal((await facts(code)).length, 1);
        // The same key in quotes, as the draft of the IETF writes it, is the same key.
        assert.equal((await call('PUT', `/dossiers/${code}`, { idem: `"${idem}"`, body: { unit: 'H56.14' } })).text, first.text);
        await problem(422, 'idempotency-key-reused', 'PUT', `/dossiers/${code}`, { idem, body: { unit: 'H56.14', leg: 'K' } });
        await problem(422, 'idempotency-key-reused', 'PUT', `/dossiers/${code}/status`, { idem, body: { status: 4 } });
        assert.equal((await facts(code)).length, 1);
        // Another caller's key of the same text is another key.
        const other = await newKey('H56');
        assert.equal((await call('PUT', `/dossiers/${code}/status`, { key: other, idem, body: { status: 4 } })).status, 202);
    });

    test('a refused request does not use up its key', async () => {
        const code = newCode();
        const idem = randomUUID();
        await problem(404, 'dossier-not-found', 'POST', `/dossiers/${code}/handover`, { idem, body: { outcome: 'confirmed' } });
        await register(code);
        assert.equal((await call('POST', `/dossiers/${code}/handover`, { idem, body: { outcome: 'confirmed' } })).status, 202);
    });

    test('the key itself', async () => {
        const code = newCode();
        await register(code);
        const body = { status: 4 };
        await problem(400, 'idempotency-key-missing', 'PUT', `/dossiers/${code}/status`, { idem: null, body });
        for (const idem of ['short', 'with space', 'x'.repeat(129), '"quoted"inside"', 'back\\slash'])
            await problem(400, 'idempotency-key-invalid', 'PUT', `/dossiers/${code}/status`, { idem, body });
        assert.equal((await call('PUT', `/dossiers/${code}/status`, { idem: 'x'.repeat(128), body })).status, 202);
    });

    test('forty twins at the same time are one', async () => {
        const code = newCode();
        await register(code);
        const idem = randomUUID();
        const answers = await Promise.all(Array.from({ length: 40 }, () => call('POST', `/dossiers/${code}/result`, { idem, body: { fee: 1000 } })));
        assert.deepEqual([...new Set(answers.map((answer) => answer.text))].length, 1);
        assert.ok(answers.every((answer) => answer.status === 202));
        assert.equal((await facts(code)).filter((fact) => fact.type === 64).length, 1);
    });

    test('two registrations at the same time leave one contact', async () => {
        const code = newCode();
        await Promise.all(Array.from({ length: 20 }, (_, i) => register(code, { body: { contact: { phone: `09051234${10 + i}` }, sms_consent: true } })));
        assert.equal((await psql('select from dt.contact where dossier = $1', [code])).length, 1);
        assert.equal((await psql('select from dt.wrap where subject = $1', [`dossier:${code}`])).length, 1);
        assert.equal((await facts(code)).length, 20);
    });

    test('kill -9 in the middle: whoever repeats with the same key is counted once', async () => {
        const codes = Array.from({ length: 6 }, () => newCode());
        for (const code of codes)
            await register(code);
        const stop = { now: false };
        const killer = (async () => {
            for (let i = 0; i < 4; i++) {
                await until(() => stop.now || inFlight > 3, { what: 'requests are in flight' });
                if (stop.now)
                    return;
                await app.restart('portal');
            }
        })();
        let inFlight = 0;
        let repeated = 0;
        const persist = async (code, status) => {
            const idem = randomUUID();
            await until(async () => {
                inFlight++;
                try {
                    const answer = await call('PUT', `/dossiers/${code}/status`, { idem, body: { status } });
                    return answer.status === 202;
                } catch {
                    repeated++;
                    return false;
                } finally {
                    inFlight--;
                }
            }, { limit: 60_000, what: `status ${status} of ${code} is taken` });
        };
        await Promise.all(codes.map(async (code) => {
            for (let round = 0; round < 12; round++)
                await persist(code, 1 + round % 10);
        }));
        stop.now = true;
        await killer;
        await app.ready('portal');
        for (const code of codes)
            assert.equal((await facts(code)).filter((fact) => fact.type === 68).length, 12, `${code} after ${repeated} repeats`);
    });

    test('an answer lost between the database and us is told as unknown, and repeating settles it', async () => {
        const code = newCode();
        await register(code);
        const holder = await cluster.connect();
        await holder.query('begin; select from dt.fact_head for update');
        const idem = randomUUID();
        const lost = call('PUT', `/dossiers/${code}/status`, { idem, body: { status: 4 } });
        const [{ pid }] = await until(async () => {
            const rows = await psql(`select pid from pg_stat_activity where application_name like '%portal%' and wait_event_type = 'Lock'`);
            return rows.length > 0 && rows;
        }, { what: 'the portal waits for the log' });
        await psql('select pg_terminate_backend($1::int)', [pid]);
        const answer = await lost;
        assert.deepEqual([answer.status, answer.body.code], [503, 'outcome-unknown']);
        assert.ok(Number(answer.headers.get('retry-after')) >= 1);
        await holder.query('commit');
        await holder.close();
        await until(async () => (await call('PUT', `/dossiers/${code}/status`, { idem, body: { status: 4 } })).status === 202, { what: 'the repeat is taken' });
        assert.equal((await facts(code)).filter((fact) => fact.type === 68).length, 1);
    });
});

// ---------------------------------------------------------------- pace and weather

describe('pace', () => {
    test('a key is told what is left and stopped at its limit; strangers are stopped sooner', async () => {
        const slow = await startApp({ cluster, services: ['portal'], config: { portal: { api_minute: 5 } } });
        try {
            const ask = (key) => fetch(slow.url('portal', '/api/v1/dossiers/H56.14-261121-0001'), { headers: { authorization: `Bearer ${key}` } });
            for (let left = 4; left >= 0; left--) {
                const response = await ask(near);
                assert.equal(response.headers.get('ratelimit-policy'), '"key";q=5;w=60');
                assert.match(response.headers.get('ratelimit'), new RegExp(`^"key";r=${left};t=\\d+$`));
                await response.text();
            }
            const refused = await ask(near);
            const body = await refused.json();
            office.seen.add(body.code);
            assert.deepEqual([refused.status, body.code], [429, 'rate-limited']);
            assert.ok(Number(refused.headers.get('retry-after')) > 0);
            // Whoever knows only the id of a key takes nothing from its allowance, and others go on.
            assert.equal((await ask(`${far.split('.')[0]}.guess`)).status, 401);
            assert.equal((await ask(far)).status, 404);
            let guesses = 0;
            await until(async () => ++guesses && (await ask(`ak_x.guess${guesses}`)).status === 429, { what: 'guessing is stopped' });
            assert.ok(guesses <= 61, `${guesses} guesses`);
        } finally {
            await slow.stop();
        }
    });
});

describe('weather', () => {
    test('without the database: 503 with Retry-After, not ready, and on again by itself', async () => {
        const code = newCode();
        await register(code);
        await cluster.stop('immediate');
        const request = ['PUT', `/dossiers/${code}/status`, { idem: 'while-it-is-away', body: { status: 4 } }];
        const away = await until(async () => {
            const answer = await call(...request);
            return answer.body.code === 'database-unavailable' && answer;
        }, { what: 'the portal notices' });
        assert.equal(away.status, 503);
        assert.ok(Number(away.headers.get('retry-after')) >= 1);
        await until(async () => (await fetch(app.ops('portal', '/readyz'))).status === 503, { limit: 5_000, what: 'not ready' });
        const page = await fetch(app.url('portal', `/tra-cuu?ma=${code}`));
        assert.equal(page.status, 503);
        assert.match(await page.text(), /không bị ảnh hưởng/);
        await cluster.start();
        await app.ready('portal');
        await until(async () => (await call(...request)).status === 202, { what: 'the portal goes on' });
    });
});

test('the codes that the other file leaves to this one were met', () => {
    assert.deepEqual(MET_IN_ONCE.filter((code) => !office.seen.has(code)), []);
});
