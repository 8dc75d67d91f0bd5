// SPDX-License-Identifier: EUPL-1.2
// `duongthu webhook sign|verify` against the libraries that offices use: npm standardwebhooks and svix verify what we sign, and we
// verify what they sign.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, verify as verifyEd25519 } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { binary } from '../harness/build.mjs';
import { newFolder } from '../harness/folder.mjs';

const BODY = JSON.stringify({ type: 'vn.duongthu.item.delivered', data: { note: 'Đã phát, "ký nhận"\n', amount: 12000 } });
const LIBRARIES = [
    ['standardwebhooks', StandardWebhook, 'webhook'],
    ['svix', SvixWebhook, 'svix'], // its own header names, the same scheme
];

function duongthu(verb, options, body = BODY) {
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const { status, stdout, stderr } = spawnSync(binary, ['webhook', verb, ...args], { input: body, encoding: 'utf8' });
    return { status, stdout: stdout.trim(), stderr };
}

const now = () => Math.floor(Date.now() / 1000);
const headers = (prefix, id, timestamp, signature) => ({
    [`${prefix}-id`]: id, [`${prefix}-timestamp`]: String(timestamp), [`${prefix}-signature`]: signature,
});

for (const [name, Webhook, prefix] of LIBRARIES) {
    for (const length of [24, 32, 64]) {
        test(`${name} verifies our v1 with a secret of ${length} bytes`, () => {
            const secret = `whsec_${randomBytes(length).toString('base64')}`;
            const timestamp = now();
            const { status, stdout, stderr } = duongthu('sign', { secret, id: 'msg_1', timestamp });
            assert.equal(status, 0, stderr);
            assert.doesNotThrow(() => new Webhook(secret).verify(BODY, headers(prefix, 'msg_1', timestamp, stdout)));
        });
    }

    test(`${name} refuses our signature of another body, id, time or secret`, () => {
        const secret = `whsec_${randomBytes(32).toString('base64')}`;
        const other = `whsec_${randomBytes(32).toString('base64')}`;
        const timestamp = now();
        const { stdout: signature } = duongthu('sign', { secret, id: 'msg_1', timestamp });
        const good = headers(prefix, 'msg_1', timestamp, signature);
        assert.throws(() => new Webhook(secret).verify(`${BODY} `, good));
        assert.throws(() => new Webhook(secret).verify(BODY, headers(prefix, 'msg_2', timestamp, signature)));
        assert.throws(() => new Webhook(secret).verify(BODY, headers(prefix, 'msg_1', timestamp - 1, signature)));
        assert.throws(() => new Webhook(other).verify(BODY, good));
    });

    test(`we verify what ${name} signs, and not what was changed`, () => {
        const secret = `whsec_${randomBytes(32).toString('base64')}`;
        const timestamp = now();
        const signature = new Webhook(secret).sign('msg_1', new Date(timestamp * 1000), BODY);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp, signature }).status, 0);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp, signature: `v1,AAAA v2,x ${signature}` }).status, 0);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp, signature }, `${BODY} `).status, 1);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp, signature, now: timestamp + 300 }).status, 0);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp, signature, now: timestamp + 301 }).status, 1);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp, signature, now: timestamp - 301 }).status, 1);
        assert.equal(duongthu('verify', { secret, id: 'msg_1', timestamp: 'hello', signature }).status, 1);
    });
}

test('v1a verifies with the public key alone, from seeds of 32 and 64 bytes, padded or not', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const seed = Buffer.from(privateKey.export({ format: 'jwk' }).d, 'base64url');
    const point = Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url');
    const short = seed.toString('base64');
    const long = Buffer.concat([seed, point]).toString('base64');
    const signatures = [short, short.replace(/=+$/, ''), long, long.replace(/=+$/, '')].map((key) => {
        const { status, stdout, stderr } = duongthu('sign', { secret: `whsk_${key}`, id: 'msg_1', timestamp: 1614265330 });
        assert.equal(status, 0, stderr);
        return stdout;
    });
    assert.equal(new Set(signatures).size, 1);
    const [version, signature] = signatures[0].split(',');
    assert.equal(version, 'v1a');
    assert.ok(verifyEd25519(null, Buffer.from(`msg_1.1614265330.${BODY}`), publicKey, Buffer.from(signature, 'base64')));
    const secret = `whpk_${point.toString('base64')}`;
    const checked = duongthu('verify', { secret, id: 'msg_1', timestamp: 1614265330, signature: signatures[0], now: 1614265331 });
    assert.equal(checked.status, 0, checked.stderr);
});

test('the published vector', () => {
    const { stdout } = duongthu('sign', {
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330,
    }, '{"test": 2432232314}');
    assert.equal(stdout, 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('a secret may come from a file', () => {
    const path = join(newFolder('secret'), 'secret');
    writeFileSync(path, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n');
    const options = { id: 'm', timestamp: 1 };
    assert.equal(duongthu('sign', { 'secret-file': path, ...options }).stdout,
        duongthu('sign', { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', ...options }).stdout);
    assert.equal(duongthu('sign', { 'secret-file': `${path}.none`, ...options }).status, 2);
});

test('wrong use exits 2 and signs nothing', () => {
    const right = { secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', id: 'msg_1', timestamp: 1 };
    const wrong = [
        {}, { ...right, secret: '' }, { ...right, secret: 'whsec_' }, { ...right, secret: 'whsk_' }, { ...right, id: 'a.b' },
        { ...right, id: '' }, { ...right, timestamp: 'now' }, { ...right, timestamp: -1 }, { ...right, unknown: 1 },
        { ...right, secret: `whsk_${randomBytes(64).toString('base64')}` }, // the halves do not belong together
        { ...right, secret: `whpk_${randomBytes(32).toString('base64')}` }, // cannot sign
        { ...right, signature: 'v1,AAAA' },
    ];
    for (const options of wrong) {
        const { status, stdout, stderr } = duongthu('sign', options);
        assert.equal(status, 2, JSON.stringify(options));
        assert.equal(stdout, '');
        assert.notEqual(stderr, '');
    }
    assert.equal(duongthu('verify', right).status, 2);
});
