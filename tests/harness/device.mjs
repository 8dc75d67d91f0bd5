// SPDX-License-Identifier: EUPL-1.2
// A handheld as a vendor would build it from proto/README.md: keys of node:crypto, protobuf by protobufjs. It shares no code with the
// server, so neither hides the other's mistakes.
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, randomUUID, sign, verify } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { root } from './build.mjs';

const PATIENCE_MS = 30_000; // for an answer: a link may swallow it and leave the connection standing
export const PROTOBUF = 'application/x-protobuf';
export const JSON_TYPE = 'application/json';

const schema = protobuf.loadSync(join(root, 'proto/duongthu.proto'));
const ScanBatch = schema.lookupType('duongthu.v1.ScanBatch');
const ScanReply = schema.lookupType('duongthu.v1.ScanReply');
const STATUS = { 1: 'accepted', 2: 'duplicate', 3: 'quarantined', 4: 'refused' };

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const uuidBytes = (text) => Buffer.from(text.replaceAll('-', ''), 'hex');
const uuidText = (bytes) => Buffer.from(bytes).toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');

export function uuid7(now = Date.now()) {
    const bytes = Buffer.concat([Buffer.alloc(6), randomBytes(10)]);
    bytes.writeUIntBE(now, 0, 6);
    bytes[6] = (bytes[6] & 0x0f) | 0x70;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return uuidText(bytes);
}

// The body of a scan, as proto/README.md orders it.
export function bodyOf(scan) {
    const lines = [['v', 1], ['seq', scan.seq], ['id', scan.id], ['at', scan.at_ms], ['boot', scan.boot], ['up', scan.uptime_ms], ['type', scan.type],
        ['code', scan.code], ...(scan.dossiers ?? []).map((code) => ['dossier', code]), ...(scan.members ?? []).map((code) => ['member', code]),
        ['office', scan.office], ['leg', scan.leg], ['reason', scan.reason], ['solution', scan.solution], ['charge', scan.charge], ['fee', scan.fee],
        ['remit', scan.remit], ['retracts', scan.retracts], ['order', scan.order], ['into', scan.into],
        ...(scan.photos ?? []).map((hex) => ['photo', hex]), ['note', scan.note], ['personal', scan.personal]];
    return lines.filter(([, value]) => value !== undefined).map(([key, value]) => `${key}=${value}\n`).join('');
}

// SHA-256 of each scan's body, in hex
export const digestsOf = (scans) => scans.map((scan) => sha256(bodyOf(scan)).toString('hex'));

export function headerOf(batch) {
    const digests = sha256(...batch.scans.map((scan) => sha256(bodyOf(scan))));
    const offset = batch.offset_ms === undefined ? '' : `offset=${batch.offset_ms}\n`;
    return `duongthu-batch-v1\nbatch=${batch.batch}\ndevice=${batch.device}\nstream=${batch.stream}\nsent=${batch.sent_at_ms}\n${offset}`
        + `count=${batch.scans.length}\ndigests=${digests.toString('hex')}\n`;
}

// A batch in the JSON form → the bytes of the protobuf form.
export function toProtobuf(batch) {
    const message = {
        batch: uuidBytes(batch.batch), device: uuidBytes(batch.device), stream: uuidBytes(batch.stream), sentAtMs: batch.sent_at_ms,
        signature: Buffer.from(batch.signature, 'base64'),
        scans: batch.scans.map(({ id, at_ms, uptime_ms, photos, personal, ...rest }) => ({
            ...rest, id: uuidBytes(id), atMs: at_ms, uptimeMs: uptime_ms, photos: photos?.map((hex) => Buffer.from(hex, 'hex')),
            personal: personal === undefined ? undefined : Buffer.from(personal, 'hex'),
        })),
        personal: batch.personal?.map(({ seq, salt, part }) => ({ seq, salt: Buffer.from(salt, 'base64'), part: Buffer.from(part, 'base64') })),
    };
    if (batch.offset_ms !== undefined)
        message.offsetMs = batch.offset_ms;
    return Buffer.from(ScanBatch.encode(ScanBatch.create(message)).finish());
}

// The bytes of a protobuf answer → the JSON form of it.
export function fromProtobuf(bytes) {
    const reply = ScanReply.toObject(ScanReply.decode(bytes), { longs: Number, bytes: Buffer });
    return {
        batch: uuidText(reply.batch), server_at_ms: reply.serverAtMs, signature: reply.signature.toString('base64'), epoch: reply.epoch,
        ...(reply.resendFromMs === undefined ? {} : { resend_from_ms: reply.resendFromMs }),
        results: (reply.results ?? []).map(({ seq, status, reason, first }) => ({
            seq, status: STATUS[status], ...(reason === undefined ? {} : { reason }), ...(first === undefined ? {} : { first: STATUS[first] }),
        })),
    };
}

export class Device {
    seq = 0;
    clock = () => Date.now(); // the device's own; tests bend it
    epoch = 0; // of the installation, as the last answer said
    kept = []; // copies of what was answered: { stream, number, scans, personal, at, epoch }
    owed = []; // of them: what a restore took back and is to be sent again
    offset; // what it learnt from a 409, or undefined

    constructor(url) {
        this.url = url;
        const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        this.privateKey = pair.privateKey;
        this.publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    }

    // → a device with a stream. app: harness/app.mjs with ingest running.
    static async enrolled(app, { office = '100000' } = {}) {
        const device = new Device(app.url('ingest'));
        const { stdout } = await app.run(['device', 'invite', '--office', office]);
        const answer = await device.enrol(stdout.trim());
        if (answer.status !== 200)
            throw new Error(`enrolment: ${JSON.stringify(answer)}`);
        return device;
    }

    async enrol(code) {
        const answer = await this.post('/v1/enrol', JSON.stringify({ code, public_key: this.publicKey }));
        if (answer.status === 200) {
            ({ device: this.id, stream: this.stream, stream_number: this.number, epoch: this.epoch } = answer.body);
            this.receiptKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(answer.body.receipt_key, 'base64').toString('base64url') },
                format: 'jwk' });
        }
        return answer;
    }

    async openStream({ sent_at_ms = Date.now() } = {}) {
        const signature = this.sign(`duongthu-stream-v1\ndevice=${this.id}\nsent=${sent_at_ms}\n`);
        const answer = await this.post('/v1/streams', JSON.stringify({ device: this.id, sent_at_ms, signature }));
        if (answer.status === 200) {
            ({ stream: this.stream, stream_number: this.number } = answer.body);
            this.seq = 0;
        }
        return answer;
    }

    sign(text, dsaEncoding = 'ieee-p1363') {
        return sign('sha256', Buffer.from(text), { key: this.privateKey, dsaEncoding }).toString('base64');
    }

    // The next scan of the stream.
    scan(fields = {}) {
        const at = this.clock();
        return { seq: ++this.seq, id: uuid7(at), at_ms: at, type: 'item.collected', code: 'EA123456785VN', office: '100000', ...fields };
    }

    // → { seq, salt, part } for the batch, and its digest in the scan.
    personal(scan, data) {
        const salt = randomBytes(32);
        const part = Buffer.from(JSON.stringify(data));
        scan.personal = sha256(salt, part).toString('hex');
        return { seq: scan.seq, salt: salt.toString('base64'), part: part.toString('base64') };
    }

    // A signed batch in the JSON form. over: fields that replace the true ones, before signing.
    batch(scans, { personal, ...over } = {}) {
        const batch = { batch: randomUUID(), device: this.id, stream: this.stream, sent_at_ms: this.clock() + (this.offset ?? 0), scans, ...over };
        if (this.offset !== undefined)
            batch.offset_ms = this.offset;
        if (personal)
            batch.personal = personal;
        batch.signature = this.sign(headerOf(batch));
        return batch;
    }

    // Sends a batch as it is → { status, headers, body }; body is the JSON form of the answer. A 200 must carry our receipt.
    async send(batch, { form = JSON_TYPE, gzip = false } = {}) {
        let bytes = form === JSON_TYPE ? Buffer.from(JSON.stringify(batch)) : toProtobuf(batch);
        if (gzip)
            bytes = gzipSync(bytes);
        const answer = await this.post('/v1/scans', bytes, { 'content-type': form, ...(gzip ? { 'content-encoding': 'gzip' } : {}) });
        if (answer.status === 200 && !this.receiptIsGood(batch, answer.body))
            throw Object.assign(new Error(`the receipt does not verify: ${JSON.stringify(answer.body)}`), { code: 'BAD_RECEIPT' });
        if (answer.status === 200)
            this.keep(batch, answer.body);
        return answer;
    }

    // A greater epoch: what was answered by the smaller ones from resend_from_ms on may be lost (proto/README.md).
    keep({ stream, scans, personal }, { server_at_ms: at, epoch, resend_from_ms: from = Infinity }) {
        if (epoch > this.epoch && this.epoch > 0) {
            this.owed.push(...this.kept.filter((copy) => copy.epoch < epoch && copy.at >= from));
            this.kept = this.kept.filter((copy) => !this.owed.includes(copy));
        }
        this.epoch = Math.max(this.epoch, epoch);
        this.kept.push({ stream, number: this.number, scans, personal, at, epoch });
    }

    // Scans in one batch, once more with an offset when the server says that our clock is off.
    async upload(scans, options = {}) {
        const answer = await this.send(this.batch(scans, options.over), options);
        if (answer.body?.code !== 'clock-skew')
            return answer;
        this.offset = answer.body.server_at_ms - this.clock();
        return this.send(this.batch(scans, options.over), options);
    }

    receiptIsGood(batch, reply) {
        const results = reply.results.map(({ seq, status, reason }) => `${seq}:${status}${reason ? `:${reason}` : ''}`).join(',');
        const text = `duongthu-receipt-v1\nbatch=${batch.batch}\nstream=${batch.stream}\nserver=${reply.server_at_ms}\nresults=${results}\n`;
        return reply.batch === batch.batch && verify(null, Buffer.from(text), this.receiptKey, Buffer.from(reply.signature, 'base64'));
    }

    async post(path, body, headers = { 'content-type': JSON_TYPE }) {
        const response = await fetch(this.url + path, { method: 'POST', headers, body, signal: AbortSignal.timeout(PATIENCE_MS) });
        const bytes = Buffer.from(await response.arrayBuffer());
        const type = response.headers.get('content-type') ?? '';
        return {
            status: response.status, headers: response.headers,
            body: type.includes('json') ? JSON.parse(bytes.toString()) : response.status === 200 ? fromProtobuf(bytes) : bytes,
        };
    }
}

// "1:accepted 2:duplicate:conflict" of an answer, for comparing.
export const results = (answer) => answer.body.results.map(({ seq, status, reason, first }) =>
    [seq, status, reason, first].filter((word) => word !== undefined).join(':')).join(' ');
