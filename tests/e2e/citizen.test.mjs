// SPDX-License-Identifier: EUPL-1.2
// The citizen's pages in a browser: no barrier that axe can find, on a small phone and on a desk, by day and by night; by keyboard alone;
// without script; without style.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { PATIENCE_MS, barriers, openBrowser } from '../harness/browser.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { fold, giveToken } from '../harness/folded.mjs';

const CODE = 'H56.14-261118-0001';
const PAGES = {
    form: '/tra-cuu',
    fault: '/tra-cuu?ma=H56.14-261331-0001',
    unknown: '/tra-cuu?ma=H56.14-261118-0999',
    level: `/tra-cuu?ma=${CODE}`,
    'on the way': '/t/0123456789abcdef',
    'papers asked': '/t/1123456789abcdef',
    closed: '/t/2123456789abcdef',
    done: '/t/3123456789abcdef',
    'dead link': '/t/zzz',
};
const TARGET_PX = 24; // WCAG 2.5.8

let cluster, app, browser;

before(async () => {
    cluster = await startCluster();
    app = await startApp({ cluster, services: ['portal'], config: { portal: { lookups_minute: 100_000, lookups_day: 100_000 } } });
    browser = await openBrowser();
    await cluster.psql(`insert into dt.unit (unit, name) values ('H56.14', 'Trung tâm Phục vụ hành chính công xã Thử Nghiệm')`);
    await cluster.psql(`insert into dt.post_office (office, name, hotline) values ('441230', 'Bưu cục Thử Nghiệm', '02370000001')`);
    const [n, k] = ['EC521602781VN', 'CJ491228825VN'];
    const sent = [{ kind: 60 }, { kind: 10, item: n, leg: 'N', state: 6, details: { office: '441230' } }, { kind: 34, item: n, leg: 'N', state: 18 }];
    const dossiers = [
        { status: 9, due: '2026-11-26', items: [{ item: n, leg: 'N', state: 18 }, { item: k, leg: 'K', state: 15, office: '441230' }],
            rows: [...sent, { kind: 64, details: { fee: 30000 } }, { kind: 33, item: k, leg: 'K', state: 15, details: { office: '441230' } }] },
        { status: 5, rows: [...sent, { kind: 63, details: { note: 'Bản sao giấy khai sinh có chứng thực của cơ quan có thẩm quyền', until: '2026-12-01' } }] },
        { status: 3, rows: sent },
        { status: 10, rows: sent },
    ];
    for (const [index, dossier] of dossiers.entries())
        await giveToken(cluster, `${index}123456789abcdef`, await fold(cluster, `H56.14-261118-000${index + 1}`, dossier));
});
after(async () => {
    await browser?.close();
    await app?.stop();
    await cluster?.destroy();
});

async function withPage(options, work) {
    const context = await browser.newContext({ locale: 'vi-VN', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    try {
        await work(await context.newPage());
    } finally {
        await context.close();
    }
}

for (const colorScheme of ['light', 'dark']) {
    for (const [view, width] of [['a small phone', 320], ['200 % on a laptop', 640], ['a desk', 1280]]) {
        test(`no barriers: ${colorScheme}, ${view}`, () => withPage({ colorScheme, viewport: { width, height: 800 } }, async (page) => {
            for (const [name, path] of Object.entries(PAGES)) {
                await page.goto(app.url('portal', path));
                assert.deepEqual(await barriers(page), [], name);
                assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} scrolls sideways`);
                const small = await page.$$eval('a:not(.skip), button, input', (nodes, least) =>
                    nodes.filter((node) => Math.min(node.getBoundingClientRect().height, node.getBoundingClientRect().width) < least).map((node) => node.outerHTML), TARGET_PX);
                assert.deepEqual(small, [], `${name}: targets below ${TARGET_PX} px`);
                assert.equal(await page.locator('h1').count(), 1, name);
            }
        }));
    }
}

test('by keyboard alone: past the header, a code, the answer', () => withPage({ viewport: { width: 1280, height: 800 } }, async (page) => {
    await page.goto(app.url('portal', '/'));
    assert.equal(new URL(page.url()).pathname, '/tra-cuu');
    const focused = () => page.evaluate(() => `${document.activeElement.tagName}${document.activeElement.id && `#${document.activeElement.id}`} ${getComputedStyle(document.activeElement).outlineStyle}`);
    await page.keyboard.press('Tab');
    assert.ok(await page.locator('.skip').isVisible());
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'INPUT#ma solid');
    await page.keyboard.type('h56.14-261118-001');
    await page.keyboard.press('Tab');
    assert.equal(await focused(), 'BUTTON solid');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/tra-cuu?ma=h56.14-261118-001');
    const input = page.getByLabel('Mã hồ sơ');
    assert.equal(await input.inputValue(), 'h56.14-261118-001');
    assert.equal(await input.getAttribute('aria-invalid'), 'true');
    const fault = await page.locator(`#${(await input.getAttribute('aria-describedby')).split(' ')[0]}`).innerText();
    assert.match(fault, /4 đến 6 chữ số/);
    await input.fill(CODE);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Bưu điện đang chuyển kết quả đến ông/bà.' }).waitFor();
    assert.equal(await page.locator('[aria-current=step]').innerText().then((text) => text.split('\n')[0].replace(/ \(.*/, '')), 'Phát kết quả');
}));

test('the same without script and without style, in reading order', () => withPage({ javaScriptEnabled: false }, async (page) => {
    await page.route('**/*.css', (route) => route.abort());
    await page.goto(app.url('portal', PAGES['on the way']));
    const text = await page.locator('body').innerText();
    const order = ['Tra cứu hồ sơ', 'Bưu điện đang chuyển kết quả', CODE, 'Nhận hồ sơ (đã xong)', 'Phát kết quả (hiện tại)', 'Việc tiếp theo', 'Mời ông/bà đến bưu cục',
        'Bưu cục Thử Nghiệm', 'Thông tin hồ sơ', 'Các bước đã qua', 'Cần giúp đỡ?'];
    let at = -1;
    for (const words of order) {
        const next = text.indexOf(words, at + 1);
        assert.ok(next > at, `${words} in its place in: ${text}`);
        at = next;
    }
}));

describe('what a page loads', () => {
    test('is itself and one style sheet, from us, and nothing is kept', () => withPage({}, async (page) => {
        const requests = [];
        const complaints = [];
        page.on('request', (request) => requests.push(new URL(request.url())));
        page.on('console', (message) => complaints.push(message.text()));
        await page.goto(app.url('portal', PAGES['on the way']));
        assert.deepEqual(requests.filter((url) => url.protocol !== 'data:').map((url) => url.pathname), ['/t/0123456789abcdef', '/tra-cuu.css']);
        assert.deepEqual(complaints, []);
        assert.deepEqual(await page.context().cookies(), []);
        // A step back after closing must not show it: nothing was stored.
        assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length), 0);
    }));
});
