// SPDX-License-Identifier: EUPL-1.2
// HTTP/1.1 by hand, for what no client library would send: broken heads, slow bodies, lying lengths. For well-formed requests use
// fetch().
import { connect } from 'node:net';
import { once } from 'node:events';
import { until } from './wait.mjs';

// → an open connection
export async function open(port, { host = '127.0.0.1' } = {}) {
    const connection = new Connection(connect({ port, host, noDelay: true }));
    await once(connection.socket, 'connect');
    return connection;
}

// One request on a connection of its own → { status, headers, body }. text: the whole of it, as it goes over the wire.
export async function exchange(port, text, options) {
    const connection = await open(port, options);
    try {
        connection.write(text);
        return await connection.response(options);
    } finally {
        connection.drop();
    }
}

// A well-formed head around a body, to be bent by the caller.
export function head(method, path, headers = {}) {
    const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

class Connection {
    closed = false; // by the peer, or after drop()
    #input = Buffer.alloc(0);

    constructor(socket) {
        this.socket = socket;
        socket.on('data', (chunk) => (this.#input = Buffer.concat([this.#input, chunk])));
        socket.on('end', () => (this.closed = true)).on('close', () => (this.closed = true)).on('error', () => {});
    }

    write(data) {
        this.socket.write(data);
    }

    // No more from us; the peer may still answer.
    end() {
        this.socket.end();
    }

    drop() {
        this.socket.destroy();
    }

    // Waits until the peer has closed, and returns what it sent before that and nobody has read.
    async untilClosed({ limit = 30_000 } = {}) {
        await until(() => this.closed, { limit, what: 'the peer closes the connection' });
        return this.#input;
    }

    // The next response; rejects when the peer closes before it is whole.
    async response({ limit = 30_000 } = {}) {
        const { length, broken, ...response } = await until(() => {
            const parsed = parse(this.#input, this.closed);
            return !parsed && this.closed ? { broken: 'the peer closed' } : parsed;
        }, { limit, what: 'an HTTP response' });
        if (broken)
            throw new Error(`${broken} after ${this.#input.length} bytes: ${this.#input.toString('latin1', 0, 200)}`);
        this.#input = this.#input.subarray(length);
        return response;
    }
}

// → { status, headers, body, length }, { broken } or, while bytes are missing, null
function parse(bytes, closed) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0)
        return null;
    const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    const match = first.match(/^HTTP\/1\.[01] (\d{3})/);
    if (!match)
        return { broken: 'not HTTP' };
    const status = Number(match[1]);
    const headers = Object.fromEntries(lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const start = end + 4;
    const whole = (body, length) => ({ status, headers, body, length });
    if (status < 200 || status === 204 || status === 304)
        return whole(Buffer.alloc(0), start);
    if (headers['transfer-encoding'] === 'chunked')
        return chunked(bytes, start, whole);
    if (headers['content-length'] === undefined)
        return closed ? whole(bytes.subarray(start), bytes.length) : null;
    const length = start + Number(headers['content-length']);
    return bytes.length < length ? null : whole(bytes.subarray(start, length), length);
}

function chunked(bytes, start, whole) {
    const parts = [];
    for (let at = start; ;) {
        const line = bytes.indexOf('\r\n', at);
        if (line < 0)
            return null;
        const size = parseInt(bytes.toString('latin1', at, line), 16);
        const next = line + 2 + size + 2;
        if (bytes.length < next)
            return null;
        if (size === 0)
            return whole(Buffer.concat(parts), next);
        parts.push(bytes.subarray(line + 2, line + 2 + size));
        at = next;
    }
}
