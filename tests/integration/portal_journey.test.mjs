// SPDX-License-Identifier: EUPL-1.2
// The office API and the citizen's page with correlate at work between them: what an office says comes back as the journey, and as words.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { giveToken } from '../harness/folded.mjs';
import { ITEM, forward, newCode, startOffice } from '../harness/office.mjs';
import { until } from '../harness/wait.mjs';

const RESULT = 'CJ491228825VN';
let office;

before(async () => {
    office = await startOffice();
    office.app.start('correlate');
    await office.app.ready('correlate');
    await office.psql(`insert into dt.post_office (office, name, hotline) values ('441230', 'Bưu cục Thử Nghiệm', '02370000001')`);
});
after(() => office?.stop());

const { call, register, psql } = forward(() => office);

// A handheld's scan, as ingest would append it.
const scan = (type, kind, code, { dossier, leg } = {}) => psql(`select dt.append_facts('handheld', 1::smallint, array[$1::smallint], array[clock_timestamp()], array[$2], array[$3])`,
    [kind, code, `v=1\ntype=${type}\ncode=${code}\n${dossier ? `dossier=${dossier}\n` : ''}office=441230\n${leg ? `leg=${leg}\n` : ''}`]);
const journey = async (code) => (await call('GET', `/dossiers/${code}/journey`)).body.rows;
const told = (code, n) => until(async () => {
    const rows = await journey(code);
    return rows.length >= n && rows;
}, { what: `${n} rows of ${code}` });

test('from registration to result, as the office and the citizen see it', async () => {
    const code = newCode();
    await register(code, { body: { tthc: '2.002492', due: '2026-12-05', contact: { name: 'Nguyễn Văn Thử', phone: '0905123456' }, sms_consent: true } });
    await until(async () => !(await call('GET', `/dossiers/${code}`)).body.pending, { what: 'correlate has met the dossier' });
    const act = async (method, path, body) => assert.equal((await call(method, `/dossiers/${code}${path}`, { body })).status, 202);

    await act('POST', '/links', { item: ITEM, leg: 'N' });
    await scan('item.collected', 10, ITEM, { leg: 'N' });
    await told(code, 3);
    await scan('item.delivered', 34, ITEM);
    await told(code, 4);
    await act('POST', '/handover', { item: ITEM, outcome: 'confirmed' });
    await told(code, 5);
    await act('PUT', '/status', { status: 2 });
    await act('POST', '/supplement', { what: 'Bản sao giấy khai sinh', until: '2026-12-01' });
    const asked = await told(code, 7);
    assert.deepEqual(asked.map((row) => [row.seq, row.type]), [[1, 'dossier.registered'], [2, 'dossier.link'], [3, 'item.collected'], [4, 'item.delivered'],
        [5, 'handover.confirmed'], [6, 'dossier.status'], [7, 'supplement.requested']]);
    assert.equal(asked[3].state, 'S18');
    const { details } = asked[6];
    assert.deepEqual([details.note, details.until, details.source, details.status], ['Bản sao giấy khai sinh', '2026-12-01', 'office', 5]);

    const [{ dossier }] = await psql('select dossier::int from dt.dossier_code where code = $1', [code]);
    await giveToken(office.cluster, 'abcdefgh01234567', dossier);
    const page = async () => (await (await fetch(office.app.url('portal', '/t/abcdefgh01234567'))).text()).replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');
    const waiting = await page();
    for (const words of ['Bộ phận một cửa đang giải quyết hồ sơ', 'Cần bổ sung: Bản sao giấy khai sinh', 'Hạn bổ sung: thứ Ba 01/12/2026', 'Ngày hẹn trả thứ Bảy 05/12/2026',
        'Bưu điện đã nhận và niêm phong hồ sơ', '· Bưu cục Thử Nghiệm', `${ITEM} : Đã giao một cửa`])
        assert.ok(waiting.includes(words), `${words} in ${waiting}`);

    await act('POST', '/result', { item: RESULT, fee: 30000 });
    await told(code, 9);
    await scan('item.collected', 10, RESULT, { leg: 'K' });
    await scan('delivery.started', 30, RESULT);
    await told(code, 11);
    const coming = await page();
    for (const words of ['Bưu điện đang chuyển kết quả đến ông/bà', 'Bưu tá phát kết quả trong hôm nay', 'Phí, lệ phí nộp khi nhận: 30.000 đồng', 'Bưu tá đang đi phát kết quả',
        'Bộ phận một cửa báo đã có kết quả'])
        assert.ok(coming.includes(words), `${words} in ${coming}`);
    await scan('item.delivered', 34, RESULT);
    await told(code, 12);
    const { body } = await call('GET', `/dossiers/${code}`);
    assert.deepEqual([body.status, body.proposed_status, body.due, body.journey_seq], [9, 10, '2026-12-05', 12]);
    assert.deepEqual(body.items.map(({ code: item, leg, state }) => [item, leg, state]).sort(), [[RESULT, 'K', 'S19'], [ITEM, 'N', 'S18']]);
    assert.match(await page(), /Kết quả đã được trả/);
    for (const secret of ['905123456', 'Nguyễn Văn Thử'])
        assert.ok(!(await page() + JSON.stringify(await journey(code))).includes(secret));
});

test('a dossier that only a scan named is its unit\'s from then on', async () => {
    const code = newCode();
    await scan('item.collected', 10, 'RR123456785VN', { dossier: code, leg: 'N' });
    await until(async () => (await call('GET', `/dossiers/${code}`)).status === 200, { what: 'correlate has met the dossier' });
    const { body } = await call('GET', `/dossiers/${code}`);
    assert.deepEqual([body.registered, body.unit], [false, 'H56.14']);
    assert.equal((await call('POST', `/dossiers/${code}/handover`, { body: { item: 'RR123456785VN', outcome: 'confirmed' } })).status, 202);
});
