// SPDX-License-Identifier: EUPL-1.2
// Certificates for test peers that speak TLS: an authority of the run's own, and servers' that are good, or bad in one way each.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newFolder } from './folder.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export class Authority {
    folder = newFolder('tls');
    file = join(this.folder, 'ca.crt'); // for [webhook] ca_file

    constructor() {
        openssl('req', '-x509', ...KEY, '-keyout', this.#path('ca.key'), '-out', this.file, '-subj', '/CN=test authority', '-days', '30');
    }

    // For a server at a numeric address → { good, expired, 'wrong-name', 'self-signed' }, each { key, cert } of node:tls.
    server(address) {
        const name = `subjectAltName=IP:${address}`;
        return { good: this.#signed(name, 30), expired: this.#signed(name, -1), 'wrong-name': this.#signed('subjectAltName=DNS:elsewhere.example', 30), 'self-signed': this.#selfSigned(name) };
    }

    #path(name) {
        return join(this.folder, name);
    }

    #read() {
        return { key: readFileSync(this.#path('key')), cert: readFileSync(this.#path('cert')) };
    }

    #signed(extension, days) {
        openssl('req', ...KEY, '-keyout', this.#path('key'), '-out', this.#path('request'), '-subj', '/CN=test server', '-addext', extension);
        openssl('x509', '-req', '-in', this.#path('request'), '-CA', this.file, '-CAkey', this.#path('ca.key'), '-days', String(days), '-copy_extensions', 'copy', '-out', this.#path('cert'));
        return this.#read();
    }

    #selfSigned(extension) {
        openssl('req', '-x509', ...KEY, '-keyout', this.#path('key'), '-out', this.#path('cert'), '-subj', '/CN=test server', '-addext', extension, '-days', '30');
        return this.#read();
    }
}
