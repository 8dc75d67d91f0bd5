// SPDX-License-Identifier: EUPL-1.2
// A one-stop office that speaks the office API: a portal over a database of its own, two keys, and requests that remember which problem
// codes came back. Correlate is not started; folded.mjs puts in place what it would write.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startApp } from './app.mjs';
import { root } from './build.mjs';
import { startCluster } from './cluster.mjs';
import { fold } from './folded.mjs';

export const ITEM = 'EC521602781VN';
// Problem codes that portal.test.mjs leaves to portal_once.test.mjs.
export const MET_IN_ONCE = ['database-unavailable', 'idempotency-key-invalid', 'idempotency-key-missing', 'idempotency-key-reused', 'item-not-found',
    'outcome-unknown', 'rate-limited'];

const document = JSON.parse(readFileSync(join(root, 'services/portal/openapi.json'), 'utf8'));

// The document must promise each answer: its status for the operation, and a problem's code by name. Paths it does not know are for the server to refuse.
function isPromised(method, path, { status, body }) {
    const [route] = path.split('?');
    const [, operations] = Object.entries(document.paths).find(([template]) => new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(route)) ?? [];
    const operation = operations?.[method.toLowerCase()];
    if (!operation)
        return;
    const promise = operation.responses[status] ?? operation.responses[`${String(status)[0]}XX`];
    assert.ok(promise, `${method} ${path}: the document does not promise ${status}`);
    const { description } = promise.$ref ? document.components.responses[promise.$ref.split('/').at(-1)] : promise;
    if (status >= 400)
        assert.ok(description.includes(`\`${body.code}\``), `${method} ${path}: the document does not name ${body.code} under ${status}`);
}

let serial = 0;
// A dossier code that no test of this file has used.
export const newCode = (unit = 'H56.14') => `${unit}-261121-${String(++serial).padStart(4, '0')}`;

export async function startOffice() {
    const office = new Office();
    office.cluster = await startCluster();
    try {
        office.app = await startApp({ cluster: office.cluster, services: ['portal'], config: { portal: { api_minute: 100_000 } } });
        office.near = await office.newKey('H56');
        office.far = await office.newKey('H57');
    } catch (error) {
        await office.cluster.destroy();
        throw error;
    }
    return office;
}

// The methods of an office that before() will make, as plain functions.
export function forward(office) {
    return Object.fromEntries(['call', 'problem', 'register', 'facts', 'fold', 'newKey', 'psql'].map((name) => [name, (...args) => office()[name](...args)]));
}

class Office {
    seen = new Set(); // problem codes that came back

    async newKey(...units) {
        const { stdout } = await this.app.run(['apikey', 'create', ...units.flatMap((unit) => ['--unit', unit])]);
        return stdout.trim();
    }

    // → { status, body, text, headers }. idem null: no Idempotency-Key; key null: no Authorization.
    async call(method, path, { key = this.near, body, idem = randomUUID(), headers = {}, raw } = {}) {
        const response = await fetch(this.app.url('portal', `/api/v1${path}`), {
            method,
            headers: {
                ...(key ? { authorization: `Bearer ${key}` } : {}),
                ...(method !== 'GET' && idem ? { 'idempotency-key': idem } : {}),
                ...(body !== undefined || raw !== undefined ? { 'content-type': 'application/json' } : {}),
                ...headers,
            },
            body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
        });
        const text = await response.text();
        const answer = { status: response.status, headers: response.headers, text, body: text ? JSON.parse(text) : null };
        if (response.headers.get('content-type') === 'application/problem+json') {
            this.seen.add(answer.body.code);
            assert.equal(answer.body.status, answer.status);
            assert.equal(answer.body.type, `about:blank#${answer.body.code}`);
            assert.ok(answer.body.detail.length > 10 && answer.body.title.length > 3);
        }
        isPromised(method, path, answer);
        return answer;
    }

    async problem(status, code, ...request) {
        const answer = await this.call(...request);
        assert.deepEqual([answer.status, answer.body.code], [status, code], answer.text);
        return answer;
    }

    async register(code, options = {}) {
        const answer = await this.call('PUT', `/dossiers/${code}`, { ...options, body: { unit: 'H56.14', ...options.body } });
        assert.ok([200, 201].includes(answer.status), answer.text);
        return answer;
    }

    // What the log says of a dossier, in its order.
    facts(code) {
        return this.psql('select type, source, code, body, occurred_at from dt.fact where body like $1 order by lane, pos', [`%\ndossier=${code}\n%`]);
    }

    fold(code, what) {
        return fold(this.cluster, code, what);
    }

    psql(...args) {
        return this.cluster.psql(...args);
    }

    async stop() {
        try {
            await this.app.stop();
        } finally {
            await this.cluster.destroy();
        }
    }
}
