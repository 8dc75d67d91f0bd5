// SPDX-License-Identifier: EUPL-1.2
// The wire format in Node: what both rival servers must do before their databases hear anything. As quick as plain JavaScript is: text is put together directly,
// digests are one-shot.
import { hash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

const schema = protobuf.loadSync(join(dirname(fileURLToPath(import.meta.url)), '../../../proto/duongthu.proto'));
const ScanBatch = schema.lookupType('duongthu.v1.ScanBatch');
const ScanReply = schema.lookupType('duongthu.v1.ScanReply');

export const uuid = (bytes) => {
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
};

// The body of a scan as proto/README.md orders it; the keys that a collection or delivery has.
function bodyOf(scan) {
    let text = `v=1\nseq=${scan.seq}\nid=${uuid(scan.id)}\nat=${scan.atMs}\n`;
    if (scan.boot)
        text += `boot=${scan.boot}\n`;
    if (scan.uptimeMs !== undefined)
        text += `up=${scan.uptimeMs}\n`;
    text += `type=${scan.type}\n`;
    if (scan.code)
        text += `code=${scan.code}\n`;
    for (const dossier of scan.dossiers)
        text += `dossier=${dossier}\n`;
    if (scan.office)
        text += `office=${scan.office}\n`;
    return text;
}

// → { batch, stream, header, signature, scans } with body and digest of each scan; header is the text that the device signed.
export function readBatch(bytes) {
    const message = ScanBatch.decode(bytes);
    const digests = Buffer.allocUnsafe(32 * message.scans.length);
    message.scans.forEach((scan, i) => {
        scan.body = bodyOf(scan);
        scan.digest = hash('sha256', scan.body, 'buffer');
        scan.digest.copy(digests, 32 * i);
    });
    const batch = uuid(message.batch);
    const stream = uuid(message.stream);
    const header = `duongthu-batch-v1\nbatch=${batch}\ndevice=${uuid(message.device)}\nstream=${stream}\nsent=${message.sentAtMs}\n`
        + `count=${message.scans.length}\ndigests=${hash('sha256', digests, 'hex')}\n`;
    return { message, batch, stream, header, signature: message.signature, scans: message.scans, sentAtMs: Number(message.sentAtMs) };
}

const STATUS = { 1: 'accepted', 2: 'duplicate' };

// The answer: a status for each scan (1 accepted, 2 duplicate) and the signed receipt. sign: text → 64 bytes
export function writeReply({ message, batch, stream, scans }, statuses, sign) {
    const serverAtMs = Date.now();
    let results = '';
    const list = scans.map((scan, i) => {
        results += `${i ? ',' : ''}${scan.seq}:${STATUS[statuses[i]]}`;
        return { seq: scan.seq, status: statuses[i] };
    });
    const signature = sign(`duongthu-receipt-v1\nbatch=${batch}\nstream=${stream}\nserver=${serverAtMs}\nresults=${results}\n`);
    return Buffer.from(ScanReply.encode({ batch: message.batch, serverAtMs, results: list, signature }).finish());
}
