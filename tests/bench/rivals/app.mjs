// SPDX-License-Identifier: EUPL-1.2
// POST /v1/scans in Node, Fastify and pg: app.mjs obvious|strong SOCKET-FOLDER. It does what ours does around the database: knows the device, verifies its
// signature over the header, and answers with a signed receipt. Prints its port.
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import Fastify from 'fastify';
import pg from 'pg';
import { readBatch, uuid, writeReply } from './wire.mjs';

const [kind, host] = process.argv.slice(2);
const { store, findDevice } = await import(`./${kind}.mjs`);
const pool = new pg.Pool({ host, port: 5432, database: 'duongthu', user: 'duongthu', max: kind === 'strong' ? 3 : 10,
    ...(kind === 'strong' ? { options: '-c plan_cache_mode=force_generic_plan' } : {}) });

const receiptKey = createPrivateKey(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
const signReceipt = (text) => sign(null, Buffer.from(text), receiptKey);

// Devices that have spoken before are known without the database.
const devices = new Map();
async function deviceOf(stream) {
    let device = devices.get(stream);
    if (!device) {
        const { rows: [row] } = await findDevice(pool, [stream]);
        if (!row)
            return null;
        const point = row.public_key; // 04 ‖ x ‖ y
        const jwk = { kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'), y: point.subarray(33).toString('base64url') };
        device = { number: row.number, verifier: { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } };
        devices.set(stream, device);
    }
    return device;
}

const app = Fastify({ bodyLimit: 1 << 20, keepAliveTimeout: 60_000 });
app.addContentTypeParser('application/x-protobuf', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
app.post('/v1/scans', async (request, reply) => {
    const batch = readBatch(request.body);
    const device = await deviceOf(batch.stream);
    if (!device || Math.abs(Date.now() - batch.sentAtMs) > 300_000 || !verify('sha256', Buffer.from(batch.header), device.verifier, batch.signature))
        return reply.code(401).send({ code: 'bad-signature' });
    const statuses = await store(pool, batch, uuid, device);
    return reply.type('application/x-protobuf').send(writeReply(batch, statuses, signReceipt));
});
await app.listen({ host: '127.0.0.1', port: 0, backlog: 4096 });
console.log(`port ${app.server.address().port}`);
process.stdin.resume().on('end', () => process.exit(0));
