// SPDX-License-Identifier: EUPL-1.2
// A one-stop office's system: takes webhooks, answers 204, keeps them in `requests` and in a JSON-lines log.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Peer } from './peer.mjs';

export class Sink extends Peer {
    constructor() {
        super('sink', () => ({ status: 204 }));
    }

    // The events that were answered well, parsed, in order of arrival.
    events(path) {
        return this.at(path).filter(({ mode }) => mode === 'ok' || mode === 'slow').map(({ body }) => JSON.parse(body));
    }
}

// One that speaks TLS, well or badly. authority: of harness/certificates.mjs.
export class SealedSink extends Sink {
    met = 0; // connections that began while it was as it is
    #sockets = new Set();
    #certificates;
    #way = 'good';

    constructor(authority) {
        super();
        this.authority = authority;
    }

    async start() {
        await super.start();
        this.tls = createTlsServer((socket) => this.server.emit('connection', socket)).on('tlsClientError', () => {});
        this.front = createServer((socket) => this.#meet(socket));
        await new Promise((resolve, reject) => this.front.once('error', reject).listen(0, '127.0.0.1', resolve));
        this.port = this.front.address().port;
        return this;
    }

    async stop() {
        const closed = new Promise((resolve) => this.front.close(resolve));
        this.#sockets.forEach((socket) => socket.destroy());
        await Promise.all([closed, super.stop()]);
    }

    url(path) {
        return super.url(path).replace('http:', 'https:');
    }

    // It has an address from here on, which its certificates name.
    certify() {
        this.#certificates = this.authority.server(this.host);
        this.speak('good');
    }

    // way: a certificate ('good', 'expired', 'wrong-name', 'self-signed'), 'hangs' (takes connections and says nothing) or 'garbage' (says what is no TLS). What was connected
    // is cut: everybody shakes hands anew.
    speak(way) {
        this.#way = way;
        if (this.#certificates[way])
            this.tls.setSecureContext(this.#certificates[way]);
        this.#sockets.forEach((socket) => socket.destroy());
        this.met = 0;
    }

    #meet(socket) {
        this.met++;
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
        if (this.#way === 'garbage')
            socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
        else if (this.#way !== 'hangs')
            this.tls.emit('connection', socket);
    }
}

// A sink that is registered with the app, as the history checker (checker.mjs) wants it: it knows its secret and what it should hear of. units: with those below them.
// healthy: it should hear of everything in the end. place(sink): puts it somewhere else than on loopback. authority: it speaks TLS.
export async function startOffice(app, { units, healthy = true, place, authority } = {}) {
    const sink = await (authority ? new SealedSink(authority) : new Sink()).start();
    await place?.(sink);
    sink.certify?.();
    const { stdout } = await app.run(['endpoint', 'add', '--url', sink.url('/hook'), '--allow', `${sink.host}/32`, '--from-start', ...units.flatMap((unit) => ['--unit', unit])]);
    const [, endpoint, secret] = stdout.match(/^endpoint (\S+)\nsecret whsec_(\S+)$/m);
    return Object.assign(sink, { endpoint, healthy, units, secret }, officeRules({ units, secret }));
}

// What the checker asks of an office: which journey rows are for it, and whether a request is signed as Standard Webhooks, `v1`, wants it. secret: base64
export function officeRules({ units, secret }) {
    const key = Buffer.from(secret, 'base64');
    return {
        wants: (row) => units.some((own) => row.unit === own || row.unit.startsWith(`${own}.`)),
        verify(headers, body) {
            const right = Buffer.from(`v1,${createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64')}`);
            return headers['webhook-signature'].split(' ').some((one) => one.length === right.length && timingSafeEqual(Buffer.from(one), right));
        },
    };
}

export const startSink = () => new Sink().start();
