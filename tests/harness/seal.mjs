// SPDX-License-Identifier: EUPL-1.2
// Seals a contact as io/crypto.h and io/contact_seal.h describe it, written a second time so that the format is checked from outside: AES-256-GCM, nonce ‖ ciphertext ‖ tag.
import { createCipheriv, createDecipheriv, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

function seal(key, aad, data) {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.concat(aad));
    return Buffer.concat([nonce, cipher.update(data), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key, aad, bytes) {
    const cipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.concat(aad)).setAuthTag(bytes.subarray(-16));
    return Buffer.concat([cipher.update(bytes.subarray(12, -16)), cipher.final()]);
}

// The contact of a dossier code → { phone, name, address }. Throws when it was not sealed for it.
export async function openContact(cluster, keysDir, code) {
    const [{ blob, sealed, wrapped }] = await cluster.psql(`select c.blob, s.sealed, w.wrapped from dt.contact c join dt.sealed s using (lane, blob)
        join dt.wrap w on w.lane = c.lane and w.blob = c.blob and w.subject = 'dossier:' || c.dossier where c.dossier = $1`, [code]);
    const id = Buffer.from(blob.replaceAll('-', ''), 'hex');
    const keyId = wrapped.subarray(0, 4);
    const key = unseal(readFileSync(join(keysDir, `wrap.${keyId.readUInt32BE()}`)), [Buffer.from('wrap'), keyId, id, Buffer.from(`dossier:${code}`)], wrapped.subarray(4));
    return JSON.parse(unseal(key, [Buffer.from('blob'), id], sealed));
}

// Stores a contact for a dossier code, as the portal does. fields: { phone, name, address }
export async function giveContact(cluster, keysDir, code, fields, { consent = true } = {}) {
    const blob = randomUUID();
    const id = Buffer.from(blob.replaceAll('-', ''), 'hex');
    const key = randomBytes(32);
    const keyId = Buffer.from([0, 0, 0, 1]);
    const sealed = seal(key, [Buffer.from('blob'), id], Buffer.from(JSON.stringify(fields)));
    const wrapped = Buffer.concat([
        keyId,
        seal(readFileSync(join(keysDir, 'wrap.1')), [Buffer.from('wrap'), keyId, id, Buffer.from(`dossier:${code}`)], key),
    ]);
    const hex = (bytes) => `\\x${bytes.toString('hex')}`;
    await cluster.psql('insert into dt.sealed (lane, blob, kind, sealed) values (0, $1, 1, $2)', [blob, hex(sealed)]);
    await cluster.psql('insert into dt.wrap (lane, blob, subject, wrapped) values (0, $1, $2, $3)', [blob, `dossier:${code}`, hex(wrapped)]);
    await cluster.psql('insert into dt.contact (lane, dossier, blob, phone_index, sms_consent) values (0, $1, $2, 0, $3)', [code, blob, consent]);
}
