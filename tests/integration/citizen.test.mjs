// SPDX-License-Identifier: EUPL-1.2
// What citizens get: exactly the legally anonymous level for who knows a code, the dated events for who holds the link, and nothing about
// a person for anybody.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { startApp } from '../harness/app.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { fold, giveToken } from '../harness/folded.mjs';

const PAGE_BYTES_MAX = 30 * 1024; // page and style together, uncompressed
const N = 'EC521602781VN';
const K = 'CJ491228825VN';
const CODE = 'H56.14-261118-0001';
const TOKEN = '0123456789abcdef';
const OFFICE = 'Bưu cục Thử Nghiệm';

let cluster, app, dossier;

before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['portal'], config: { portal: { lookups_minute: 100_000, lookups_day: 100_000 }, sms: { hotline: '19001234' } } });
    await cluster.psql(`insert into dt.unit (unit, name) values ('H56.14', 'Trung tâm PV HCC <xã> "Thử"')`);
    await cluster.psql('insert into dt.post_office (office, name, hotline) values ($1, $2, $3)', ['441230', OFFICE, '02370000001']);
    dossier = await fold(cluster, CODE, {
        status: 4, due: '2026-11-26', items: [{ item: N, leg: 'N', state: 18, office: '441230' }, { item: K, leg: 'K', state: 15, office: '441230' }],
        rows: [
            { kind: 60, at: '2026-11-18T01:05:00Z' },
            { kind: 10, item: N, leg: 'N', state: 6, at: '2026-11-18T02:15:00Z', details: { office: '441230' } },
            { kind: 12, item: N, leg: 'N', state: 6, at: '2026-11-18T02:16:00Z' }, // put into a bag: nothing for a citizen
            { kind: 34, item: N, leg: 'N', state: 18, at: '2026-11-19T02:40:00Z' },
            { kind: 31, item: N, leg: 'N', state: 18, flags: 8, at: '2026-11-19T02:45:00Z' }, // a contradiction: for a person to look into
            { kind: 63, at: '2026-11-19T07:00:00Z', details: { note: 'Bản sao <b>khai sinh</b>', until: '2026-12-01' } },
            { kind: 64, at: '2026-11-20T08:00:00Z', details: { fee: 30000, remit: 5000 } },
            { kind: 31, item: K, leg: 'K', state: 13, at: '2026-11-20T09:00:00Z', details: { reason: '13' } },
            { kind: 70, item: K, leg: 'K', state: 12, retracts: 8, at: '2026-11-20T09:30:00Z' },
            { kind: 11, item: N, leg: 'N', state: 18, flags: 1, at: '2026-11-18T03:00:00Z', details: { office: '441230' } }, // late
            { kind: 33, item: K, leg: 'K', state: 15, at: '2026-11-21T01:00:00Z', details: { solution: 'hold', office: '441230' } },
        ],
    });
    await giveToken(cluster, TOKEN, dossier);
});
after(async () => {
    await app?.stop();
    await cluster?.destroy();
});

async function page(path, options) {
    const response = await fetch(app.url('portal', path), { redirect: 'manual', ...options });
    return { status: response.status, headers: response.headers, html: await response.text() };
}

// The text a person reads, without markup.
const read = (html) => html.replace(/<head>[^]*<\/head>/, '').replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ')
    .replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&').trim();

const lookup = (text) => page(`/tra-cuu?ma=${encodeURIComponent(text)}`);

describe('a look-up by code', () => {
    test('shows the code and how far it is, and nothing else', async () => {
        const { status, html } = await lookup(CODE);
        assert.equal(status, 200);
        const text = read(html);
        assert.match(text, /Bưu điện đang chuyển kết quả đến ông\/bà/);
        assert.ok(text.includes(CODE));
        assert.match(html, /aria-current="step">Phát kết quả/);
        for (const more of [N, K, OFFICE, '441230', 'Trung tâm', '26/11/2026', '18/11', '30.000', 'khai sinh', 'Bưu cục'])
            assert.ok(!text.includes(more), `${more} is more than the level`);
    });

    test('reads what people type and QR codes hold', async () => {
        const plain = read((await lookup(CODE)).html);
        const time = /Thông tin lúc [^.]*\./;
        for (const typed of [` ${CODE.toLowerCase()} `, CODE.replaceAll('-', '–'), 'H56.14 - 261118 - 0001', `https://dichvucong.example/tra-cuu?maHoSo=${CODE}`, `${CODE}__0.48213`]) {
            const { status, html } = await lookup(typed);
            assert.equal(status, 200, typed);
            assert.equal(read(html).replace(time, ''), plain.replace(time, ''), typed);
        }
        // The other legal form, shown as the citizen's receipt has it.
        const old = await lookup('000.00.14.H56-261118-0001');
        assert.equal(old.status, 200);
        assert.ok(read(old.html).includes('000.00.14.H56-261118-0001'));
    });

    test('a code nobody knows gets help, the same for all', async () => {
        const { status, html } = await lookup('H56.14-261118-0999');
        assert.equal(status, 404);
        assert.match(read(html), /Chưa có thông tin về mã hồ sơ này/);
        assert.match(html, /aria-invalid="true"/);
        const elsewhere = await lookup('H57.3-261118-0999');
        assert.equal(elsewhere.html.replaceAll('H57.3', 'H56.14').replace(/<footer>[^]*/, ''), html.replace(/<footer>[^]*/, ''));
    });

    test('what is no code says what is wrong with it', async () => {
        for (const [typed, words] of [
            ['H56.14-261331-0001', /không thành ngày có thật/],
            ['H56.14-261118-001', /4 đến 6 chữ số/],
            ['000.00.H48-220921-0099', /mã cơ quan/],
            [N, /Đây là số hiệu bưu gửi/],
            ['0905 123 456', /Đây là số điện thoại/],
            ['hồ sơ của tôi', /ba phần/],
            [`${CODE} H56.14-261118-0002`, /nhiều mã khác nhau/],
            ['', /Xin nhập mã hồ sơ/],
            ['   ', /Xin nhập mã hồ sơ/],
            ['x'.repeat(201), /Xin nhập mã hồ sơ/],
        ]) {
            const { status, html } = await lookup(typed);
            assert.equal(status, 400, typed);
            assert.match(read(html), words, typed);
        }
    });

    test('markup that is typed comes back as text', async () => {
        const typed = '"><script>alert(1)</script><img src=x onerror=alert(1)>';
        const { html } = await lookup(typed);
        assert.ok(!html.includes('<script') && !html.includes('<img'));
        assert.ok(html.includes('value="&quot;&gt;&lt;script&gt;alert(1)'));
    });

    test('a dossier that was only registered, and one that only a scan named', async () => {
        const { stdout } = await app.run(['apikey', 'create', '--unit', 'H56']);
        const response = await fetch(app.url('portal', '/api/v1/dossiers/H56.14-261121-0100'), { method: 'PUT', body: '{"unit":"H56.14"}',
            headers: { authorization: `Bearer ${stdout.trim()}`, 'content-type': 'application/json', 'idempotency-key': randomUUID() } });
        assert.equal(response.status, 201);
        assert.match(read((await lookup('H56.14-261121-0100')).html), /đã được đăng ký, bưu điện chưa nhận/);
        await fold(cluster, 'H56.14-261121-0101', { registered: false, items: [{ item: 'CP000000014VN', leg: '', state: 9 }] });
        assert.match(read((await lookup('H56.14-261121-0101')).html), /Bưu điện đã nhận hồ sơ/);
        await fold(cluster, 'H56.14-261121-0102', { status: 3 });
        const closed = await lookup('H56.14-261121-0102');
        assert.match(read(closed.html), /không được giải quyết tiếp/);
        assert.ok(!closed.html.includes('class="stops"'));
    });

    test('a merged dossier tells how far the survivor is', async () => {
        const loser = await fold(cluster, 'H56.14-261121-0200', { status: 1 });
        const survivor = await fold(cluster, 'H56.14-261121-0201', { status: 10 });
        await cluster.psql('update dt.dossier set merged_into = $1::bigint where dossier = $2::bigint', [survivor, loser]);
        assert.match(read((await lookup('H56.14-261121-0200')).html), /Kết quả đã được trả/);
        await giveToken(cluster, '1123456789abcdef', loser);
        assert.ok(read((await page('/t/1123456789abcdef')).html).includes('H56.14-261121-0201'));
    });
});

describe('the link from the SMS', () => {
    test('shows the dated events in plain words, the next step, and no person', async () => {
        const { status, html } = await page(`/t/${TOKEN}`);
        assert.equal(status, 200);
        const text = read(html);
        for (const words of [CODE, 'Trung tâm PV HCC <xã> "Thử"', 'thứ Năm 26/11/2026', 'Mời ông/bà đến bưu cục nhận', OFFICE, '02370000001',
            'Phí, lệ phí nộp khi nhận: 30.000 đồng', 'Tiền thu hộ khi nhận: 5.000 đồng', `${K} : Lưu chờ khách đến nhận`,
            'Bản sao <b>khai sinh</b>', '09:15, thứ Tư 18/11/2026 · Bưu cục Thử Nghiệm', 'Gọi tổng đài bưu điện 19001234'])
            assert.ok(text.includes(words), `${words} in ${text}`);
        assert.ok(!html.includes('<b>khai'), 'a note is text');
        // Newest first by the time of the event: the late scan stands in its place; what was retracted, contradicts or is the post's own business is not told.
        const events = [...html.match(/<ol class="events"[^]*?<\/ol>/)[0].matchAll(/class="what">([^<]*)</g)].map(([, words]) => words);
        assert.deepEqual(events, [
            'Bưu gửi được giữ tại bưu cục chờ đến nhận',
            'Bưu điện đính chính một sự kiện đã ghi',
            'Bộ phận một cửa báo đã có kết quả',
            'Bộ phận một cửa yêu cầu bổ sung giấy tờ',
            'Đã giao hồ sơ đến bộ phận một cửa',
            'Bưu cục đã nhận bưu gửi',
            'Bưu điện đã nhận và niêm phong hồ sơ',
            'Hồ sơ được đăng ký theo dõi qua bưu điện',
        ]);
    });

    test('opens as phones and people alter it', async () => {
        for (const token of [TOKEN.toUpperCase(), '0123-4567-89ab-cdef', TOKEN.replace('0', 'O').replace('1', 'l')])
            assert.equal((await page(`/t/${token}`)).status, 200, token);
    });

    test('one that leads nowhere says so, and how to go on', async () => {
        const links = ['0123456789abcdeg', '0123456789abcde', 'x', 'u123456789abcdef', '%F0%9F%93%AE', ''].map((token) => `/t/${token}`);
        for (const link of [...links, '/t']) {
            const { status, html } = await page(link);
            assert.equal(status, 404, link);
            assert.match(read(html), /Liên kết không mở được/);
            assert.match(html, /<form action="\/tra-cuu"/);
        }
    });

    test('nothing leaves before it is published', async () => {
        await cluster.psql('delete from dt.published');
        assert.equal((await page(`/t/${TOKEN}`)).status, 200);
        const [{ same }] = await cluster.psql('select (select max(pos) from dt.published) = (select max(pos) from dt.journey) as same');
        assert.equal(same, true);
    });

    test('two hundred events are a page, not a flood', async () => {
        const long = await fold(cluster, 'H56.14-261121-0300', { rows: Array.from({ length: 230 }, (_, i) => ({ kind: i % 2 ? 30 : 31, item: N, leg: 'K', state: 12 })) });
        await giveToken(cluster, '2123456789abcdef', long);
        const { html } = await page('/t/2123456789abcdef');
        assert.equal(html.match(/class="what"/g).length, 200);
        assert.match(html, /<\/html>\n$/);
    });
});

describe('every page', () => {
    const paths = ['/tra-cuu', `/tra-cuu?ma=${CODE}`, '/tra-cuu?ma=x', '/tra-cuu?ma=H56.14-261118-0999', `/t/${TOKEN}`, '/t/zzz'];

    test('is small, complete without script, and guarded by its headers', async () => {
        const style = await page('/tra-cuu.css');
        assert.equal(style.headers.get('content-type'), 'text/css; charset=utf-8');
        assert.match(style.headers.get('cache-control'), /max-age/);
        for (const path of paths) {
            const { headers, html } = await page(path);
            assert.ok(Buffer.byteLength(html) + Buffer.byteLength(style.html) < PAGE_BYTES_MAX, path);
            assert.ok(!/<script|javascript:|\son\w+=|\sstyle=/.test(html), path);
            assert.match(html, /^<!doctype html>\n<html lang="vi">/);
            const policy = headers.get('content-security-policy');
            for (const rule of [`default-src 'none'`, `style-src 'self'`, `form-action 'self'`, `base-uri 'none'`, `frame-ancestors 'none'`])
                assert.ok(policy.includes(rule), rule);
            assert.ok(!policy.includes('unsafe'));
            for (const [name, value] of Object.entries({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store',
                'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin', 'x-robots-tag': 'noindex, nofollow',
                'permissions-policy': 'camera=(), geolocation=(), microphone=()', 'content-type': 'text/html; charset=utf-8' }))
                assert.equal(headers.get(name), value, `${path}: ${name}`);
            assert.equal(headers.get('set-cookie'), null);
            assert.equal(headers.get('strict-transport-security'), null); // the public address of this test is http
        }
    });

    test('the root leads to the form; HEAD answers as GET does', async () => {
        const root = await page('/');
        assert.deepEqual([root.status, root.headers.get('location')], [303, '/tra-cuu']);
        const typed = await page('/tra-cuu/');
        assert.deepEqual([typed.status, typed.headers.get('location')], [303, '/tra-cuu']);
        const head = await page('/tra-cuu', { method: 'HEAD' });
        assert.deepEqual([head.status, head.html], [200, '']);
        assert.equal((await page('/tra-cuu', { method: 'POST' })).status, 405);
    });
});

describe('pace', () => {
    const restarted = async (portal, work) => {
        const other = await startApp({ cluster, services: ['portal'], config: { portal } });
        try {
            await work(other, (path, headers) => fetch(other.url('portal', path), { headers }));
        } finally {
            await other.stop();
        }
    };

    test('ten look-ups a minute from one address; the form and good links are free', async () => {
        await restarted({ public_url: 'https://tra-cuu.example' }, async (other, ask) => {
            for (let i = 0; i < 10; i++)
                assert.equal((await ask(`/tra-cuu?ma=${CODE}`)).status, 200);
            const refused = await ask(`/tra-cuu?ma=${CODE}`);
            assert.equal(refused.status, 429);
            const after = Number(refused.headers.get('retry-after'));
            assert.ok(after > 0 && after <= 60, `${after} s`);
            const html = await refused.text();
            assert.match(read(html), /Xin đợi một chút/);
            assert.match(refused.headers.get('strict-transport-security'), /max-age=63072000/);
            assert.equal((await ask('/tra-cuu?ma=x')).status, 429);
            assert.equal((await ask('/tra-cuu')).status, 200);
            // An address that has used up its look-ups may not try links either.
            assert.equal((await ask(`/t/${TOKEN}`)).status, 429);
            // X-Forwarded-For of somebody we don't know is talk.
            assert.equal((await ask(`/tra-cuu?ma=${CODE}`, { 'x-forwarded-for': '198.51.100.7' })).status, 429);
        });
    });

    test('a hundred a day, links that lead nowhere included, links that open not', async () => {
        await restarted({ lookups_minute: 1000, lookups_day: 8 }, async (other, ask) => {
            for (let i = 0; i < 20; i++)
                assert.equal((await ask(`/t/${TOKEN}`)).status, 200);
            for (let i = 0; i < 4; i++) {
                assert.equal((await ask('/t/zzz')).status, 404);
                assert.equal((await ask('/t/zzzzzzzzzzzzzzzz')).status, 404);
            }
            const refused = await ask('/t/zzz');
            assert.equal(refused.status, 429);
            assert.ok(Number(refused.headers.get('retry-after')) > 3600);
        });
    });

    test('behind a proxy that we believe, each client counts for itself', async () => {
        await restarted({ lookups_minute: 2, proxies: '127.0.0.1 ::1' }, async (other, ask) => {
            const from = async (address) => (await ask(`/tra-cuu?ma=${CODE}`, { 'x-forwarded-for': address })).status;
            assert.deepEqual([await from('198.51.100.7'), await from('198.51.100.7'), await from('198.51.100.7')], [200, 200, 429]);
            assert.deepEqual([await from('198.51.100.8'), await from('203.0.113.9, 198.51.100.7'), await from('198.51.100.7, 203.0.113.9')], [200, 429, 200]);
            // One subscriber has a whole /64.
            assert.deepEqual([await from('2001:db8:1:2::1'), await from('2001:db8:1:2:ffff::2'), await from('2001:db8:1:2::3'), await from('2001:db8:1:3::1')], [200, 200, 429, 200]);
        });
    });

    test('proxies that are no addresses stop the start', async () => {
        const other = await startApp({ cluster, services: [], config: { portal: { proxies: '127.0.0.1 nginx' } } });
        const { code } = await other.start('portal').ended;
        assert.equal(code, 1);
        assert.equal(other.logs('portal.proxies').length, 1);
    });
});
