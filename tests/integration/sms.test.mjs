// SPDX-License-Identifier: EUPL-1.2
// The promise to citizens: each message once; twice only when the gateway's answer was lost, and then marked; where none is sent, the ledger says why.
import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { giveContact } from '../harness/seal.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until } from '../harness/wait.mjs';

const PHONE = '+84900000001'; // of nobody: no operator gives out this range
const TOKEN = 'token-of-the-receipts-listener';

let cluster;
let app;
let gateway;
let position = 0;
let dossier = 0;

before(async () => {
    cluster = await startCluster();
    gateway = await startSmsGateway();
    app = await startApp({ cluster, services: [] });
    writeFileSync(join(app.folder, 'receipts.token'), `${TOKEN}\n`, { mode: 0o600 });
    Object.assign(app.config.sms, {
        gateway: 'http-json',
        url: gateway.url('/send'),
        allow: '127.0.0.1/32',
        quiet_from: '00:00',
        quiet_to: '00:00',
        receipts_listen: `127.0.0.1:${app.port('portal')}`,
        receipts_token_file: join(app.folder, 'receipts.token'),
    });
    app.configure();
    app.start('sms');
    await app.ready('sms');
});
after(async () => {
    await app?.stop();
    await gateway?.stop();
    await cluster?.destroy();
});
beforeEach(() => gateway.setMode('ok'));

// A dossier with a contact, unless fields is null.
async function newDossier({ fields = { phone: PHONE }, consent = true } = {}) {
    const id = ++dossier;
    const code = `H48.16-261121-${String(id).padStart(4, '0')}`;
    await cluster.psql("insert into dt.dossier (lane, dossier, unit, opened_at) values (0, $1, 'H48.16', now())", [id]);
    await cluster.psql('insert into dt.dossier_code (lane, code, dossier, from_at) values (0, $1, $2, now())', [code, id]);
    if (fields)
        await giveContact(cluster, app.config.keys.dir, code, fields, { consent });
    return { id, code };
}

// One journey row that calls for a template, as correlate writes it.
async function tell({ id, code }, template, { item = 'EC521602781VN', ago = '0 s', cause = position + 1 } = {}) {
    await cluster.psql(
        `insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, sms)
         values (0, $1, 0, $2, 0, $3, $1, 10, now() - $4::interval, now(), 'H48.16', $5, $6, $7)`,
        [++position, cause, id, ago, code, item, template]);
}

const ledger = ({ id }) => cluster.psql('select template, state, why, copies, possible_duplicate, id, gateway_id, text from dt.sms where dossier = $1 order by made_at', [id]);
const settled = (d, state) => until(async () => {
    const rows = await ledger(d);
    return rows.length > 0 && rows.every((row) => [].concat(state).includes(row.state)) && rows;
}, { what: `the message is ${state}` });
const sent = ({ code }) => gateway.messages().filter(({ text }) => text.includes(code));
const receipt = (body, token = TOKEN) => fetch(`http://${app.config.sms.receipts_listen}/v1/sms/receipts`, {
    method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify(body),
});

test('a message goes out once, is accepted, and a receipt settles it', async () => {
    const d = await newDossier();
    await tell(d, 3);
    const [row] = await settled(d, 'accepted');
    const [message, ...more] = sent(d);
    assert.equal(more.length, 0);
    assert.equal(message.to, PHONE);
    assert.equal(message.reference, row.id);
    assert.match(message.text, /^[\x20-\x7e]{1,160}$/);
    assert.match(message.text, /\/t\/[0-9a-z]{16}$/);
    assert.match(row.gateway_id, /^gw-/);
    assert.equal((await receipt({ reference: row.id, state: 'delivered' })).status, 204);
    await settled(d, 'delivered');
    assert.equal((await receipt({ reference: row.id, state: 'undelivered' })).status, 404); // it is settled
});

test('a receipt without the token, or that is none, is refused', async () => {
    assert.equal((await receipt({ reference: 'x', state: 'delivered' }, 'wrong')).status, 401);
    for (const body of [{}, { reference: 'x', state: 'delivered' }, { reference: '0190a000-0000-7000-8000-000000000000', state: 'sent' }, []]) {
        const answer = await receipt(body);
        assert.equal(answer.status, 400);
        assert.equal((await answer.json()).code, 'bad-receipt');
    }
});

test('two dossiers of one person in one envelope are one message', async () => {
    const [a, b] = [await newDossier(), await newDossier()];
    const cause = position + 1;
    await tell(a, 4, { cause });
    await tell(b, 4, { cause });
    await until(async () => (await cluster.psql("select pos from dt.cursor where consumer = 'sms' order by pos desc limit 1"))[0]?.pos >= position);
    await until(async () => sent(a).length + sent(b).length > 0);
    const rows = [...await ledger(a), ...await ledger(b)];
    assert.equal(rows.length, 1);
});

// One cause that concerns several dossiers at once, as correlate writes it for an envelope: all rows in one transaction.
async function tellTogether(dossiers, template) {
    const first = position + 1;
    const rows = dossiers.map(({ id, code }) => `(0, ${++position}, 0, ${first}, 0, ${id}, ${position}, 10, now(), now(), 'H48.16', '${code}', 'EC521602781VN', ${template})`);
    await cluster.psql(`insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, sms)
        values ${rows.join(', ')}`);
}

test('one envelope, two people: a text counts the dossiers of its own reader only', async () => {
    const OTHER = '+84900000002';
    const [a, b, c] = [await newDossier(), await newDossier({ fields: { phone: OTHER } }), await newDossier()];
    await tellTogether([a, b, c], 4);
    const [[mine], [theirs]] = [await settled(a, 'accepted'), await settled(b, 'accepted')];
    assert.match(mine.text, new RegExp(`^Ho so ${a.code} va 1 ho so khac da duoc`));
    assert.match(theirs.text, new RegExp(`^Ho so ${b.code} da duoc`));
    assert.deepEqual(await ledger(c), []); // the first one's text spoke for it
});

test('one envelope, one person: the dossier without consent does not silence the one with it', async () => {
    const [without, willing] = [await newDossier({ consent: false }), await newDossier()];
    await tellTogether([without, willing], 4);
    const [row] = await settled(willing, 'accepted');
    assert.match(row.text, new RegExp(`^Ho so ${willing.code} da duoc`));
    assert.equal(sent(without).length, 0);
});

test('where nothing is sent the ledger says why', async () => {
    for (const [why, options, ago] of [
        ['no-contact', { fields: null }],
        ['no-mobile-number', { fields: { phone: '02603862345' } }],
        ['no-consent', { consent: false }],
        ['too-late', {}, '25 h'],
    ]) {
        const d = await newDossier(options);
        await tell(d, 3, { ago });
        const [row] = await settled(d, 'cancelled');
        assert.equal(row.why, why);
        assert.equal(sent(d).length, 0);
    }
});

test('a forgotten person gets nothing, not even what was planned', async () => {
    gateway.setMode('503');
    const d = await newDossier();
    await tell(d, 3);
    await until(async () => (await ledger(d))[0]?.why === 'http-503');
    await cluster.psql("select dt.forget('dossier:' || $1, 'test')", [d.code]);
    gateway.setMode('ok');
    const [row] = await settled(d, 'cancelled');
    assert.equal(row.why, 'no-contact');
    assert.equal(sent(d).length, 0);
});

test('a gateway that says "later" is tried again; one that says no for good is not', async () => {
    const d = await newDossier();
    gateway.setMode('503');
    await tell(d, 3);
    await until(async () => (await ledger(d))[0]?.why === 'http-503');
    gateway.setMode('ok');
    const [row] = await settled(d, 'accepted');
    assert.equal(row.copies, 1);
    assert.equal(row.possible_duplicate, false);

    const refused = await newDossier();
    gateway.setMode('400');
    await tell(refused, 3);
    assert.equal((await settled(refused, 'failed'))[0].why, 'http-400');
});

test('a lost answer is unknown, sent at most once more, and marked', async () => {
    const d = await newDossier();
    gateway.setMode('lost');
    await tell(d, 3);
    await settled(d, 'unknown');
    assert.equal(sent(d).length, 1);
    for (let copy = 2; copy <= 3; copy++) { // a third chance must not be taken
        await cluster.psql("update dt.sms set not_before = now() where dossier = $1", [d.id]);
        if (copy === 2)
            await until(() => sent(d).length === 2);
        else
            await until(async () => (await app.metrics('sms')).size > 0);
    }
    const [row] = await settled(d, 'unknown');
    assert.equal(row.copies, 2);
    assert.equal(row.possible_duplicate, true);
    assert.equal(new Set(sent(d).map(({ reference }) => reference)).size, 1); // the provider can tell
    gateway.setMode('ok');
});

test('a newer message about the item replaces the one that waits', async () => {
    gateway.setMode('503');
    const d = await newDossier();
    await tell(d, 8);
    await until(async () => (await ledger(d))[0]?.why === 'http-503');
    await tell(d, 11);
    await until(async () => (await ledger(d)).length === 2);
    gateway.setMode('ok');
    await until(async () => (await ledger(d)).some(({ state }) => state === 'accepted'));
    const rows = await ledger(d);
    assert.deepEqual(rows.map(({ template, state, why }) => [template, state, why]), [[8, 'cancelled', 'superseded'], [11, 'accepted', '']]);
});

test('an office that asks for a supplement is neither replaced by postal news nor replaces them', async () => {
    gateway.setMode('503');
    const d = await newDossier();
    for (const [n, template] of [3, 6, 4].entries()) {
        await tell(d, template);
        await until(async () => (await ledger(d)).length === n + 1);
    }
    gateway.setMode('ok');
    await until(async () => (await ledger(d)).filter(({ state }) => state === 'accepted').length === 2, { what: 'both have left' });
    assert.deepEqual((await ledger(d)).map(({ template, state }) => [template, state]), [[3, 'cancelled'], [6, 'accepted'], [4, 'accepted']]);
});

test('who opted out gets nothing, also not what waits; who opts in again does', async () => {
    const phone = '+84900000009';
    gateway.setMode('503');
    const waiting = await newDossier({ fields: { phone } });
    await tell(waiting, 3);
    await until(async () => (await ledger(waiting))[0]?.why === 'http-503');
    assert.equal((await app.run(['sms', 'opt-out'], { input: '02603862345\n', mayFail: true })).code, 1);
    assert.match((await app.run(['sms', 'opt-out'], { input: '0900.000.009\n' })).stdout, /no message/);
    gateway.setMode('ok');
    assert.equal((await settled(waiting, 'cancelled'))[0].why, 'opted-out');
    const later = await newDossier({ fields: { phone } });
    await tell(later, 3);
    assert.equal((await settled(later, 'cancelled'))[0].why, 'opted-out');
    await app.run(['sms', 'opt-in'], { input: '0900000009\n' });
    const again = await newDossier({ fields: { phone } });
    await tell(again, 3);
    await settled(again, 'accepted');
    assert.equal(sent(waiting).length + sent(later).length, 0);
});

test('killed between submitting and the answer: unknown, never silently sent again', async () => {
    const d = await newDossier();
    gateway.setMode('dead');
    await tell(d, 3);
    await until(() => sent(d).length === 1);
    await cluster.psql("update dt.lease set until = now() where name = 'sms'"); // the dead owner's lease has run out
    await app.process('sms').end('SIGKILL');
    gateway.setMode('ok');
    await cluster.psql("update dt.lease set until = '-infinity' where name = 'sms'");
    app.start('sms');
    await app.ready('sms');
    const [row] = await settled(d, 'unknown');
    assert.equal(row.why, 'answer lost');
    assert.equal(sent(d).length, 1);
});

test('an answer that could not be written at once is not forgotten: no second copy', async () => {
    const d = await newDossier();
    gateway.delay = 1_500;
    gateway.setMode('slow');
    await tell(d, 3);
    await until(() => sent(d).length === 1);
    await cluster.stop('immediate'); // the gateway says yes to a service that can't write
    await until(async () => (await fetch(app.ops('sms', '/readyz'))).status === 503);
    gateway.setMode('ok');
    await cluster.start();
    const [row] = await settled(d, 'accepted');
    assert.deepEqual([row.copies, row.possible_duplicate, sent(d).length], [1, false, 1]);
});

test('PostgreSQL away: not ready, and on by itself afterwards', async () => {
    await cluster.stop('immediate');
    await until(async () => (await fetch(app.ops('sms', '/readyz'))).status === 503, { limit: 5_000 });
    await cluster.start();
    await app.ready('sms');
    const d = await newDossier();
    await tell(d, 3);
    await settled(d, 'accepted');
});

test('no log line holds a number', async () => {
    const text = JSON.stringify(app.logs());
    assert.ok(!text.includes('84900000001') && !text.includes('0900000001'));
});
