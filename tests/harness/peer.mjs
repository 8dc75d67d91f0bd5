// SPDX-License-Identifier: EUPL-1.2
// An HTTP server that stands for somebody else's system: it records what arrives and answers in a mode, good or bad, that the test
// chooses per path. sink.mjs (offices) and sms_gateway.mjs (the SMS provider) are this with a default answer of their own.
import { appendFileSync, copyFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { newFolder } from './folder.mjs';
import { freePort } from './ports.mjs';
import { until } from './wait.mjs';

const BODY_MAX = 8 << 20; // bytes; a test peer, yet bounded
const BOMB = gzipSync(Buffer.alloc(64 << 20));

// mode → what to do with one request. `peer.answer(request)` is the good answer.
const MODES = {
    ok: ({ peer, request, reply }) => reply(peer.answer(request)),
    // Answers after peer.delay milliseconds.
    slow: ({ peer, request, reply }) => setTimeout(() => reply(peer.answer(request)), peer.delay),
    // Takes the request and never answers.
    dead: () => {},
    // Takes the request, does its work, and the answer is lost on the way.
    lost: ({ socket }) => socket.destroy(),
    500: ({ reply }) => reply({ status: 500, body: 'out of order' }),
    503: ({ peer, reply }) => reply({ status: 503, headers: { 'retry-after': String(peer.retryAfter) } }),
    429: ({ peer, reply }) => reply({ status: 429, headers: { 'retry-after': String(peer.retryAfter) } }),
    400: ({ reply }) => reply({ status: 400, body: 'no' }),
    410: ({ reply }) => reply({ status: 410 }),
    // Sends the client to peer.location.
    redirect: ({ peer, reply }) => reply({ status: 302, headers: { location: peer.location } }),
    // Not HTTP.
    garbage: ({ socket }) => socket.end('\x00\xff\x13 this is no answer\r\n\r\n'),
    // A head that promises more body than comes.
    truncated: ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort'),
    // A body without end, until the client goes away.
    endless: ({ response }) => {
        response.writeHead(200);
        const more = () => {
            while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
    },
    // A head of 10 MiB.
    headers: ({ socket }) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        socket.end(`X-Long: ${'x'.repeat(1_000)}\r\n`.repeat(10_486));
    },
    // A few bytes that want to become 64 MiB.
    bomb: ({ reply }) => reply({ status: 500, headers: { 'content-encoding': 'gzip' }, body: BOMB }),
    // Interim answers for ever, and never the last one.
    hints: ({ socket }) => {
        const more = () => {
            while (!socket.destroyed && socket.write('HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n'.repeat(100)));
        };
        socket.on('drain', more);
        more();
    },
};

export class Peer {
    // { n, at, answered, method, path, headers, body, mode }, in order of arrival; body is a Buffer. answered: when the answer had left, undefined when none did: the
    // client was gone, or the mode gives none
    requests = [];
    delay = 2_000; // milliseconds, mode slow
    retryAfter = 1; // seconds, modes 503 and 429
    location = 'http://127.0.0.1:1/'; // mode redirect
    host = '127.0.0.1'; // where others reach it, at the same port
    #modes = new Map();
    #sockets = new Set();

    // answer: (request) => { status, headers, body }: what a healthy peer says
    constructor(name, answer) {
        this.answer = answer;
        this.log = join(newFolder(name), 'requests.jsonl');
    }

    // From here on the log is this file; what was logged so far is copied into it.
    keepLog(path) {
        if (existsSync(this.log))
            copyFileSync(this.log, path);
        this.log = path;
    }

    async start() {
        this.port ??= await freePort(); // kept: start() after stop() comes back at the same address
        this.server = createServer((incoming, response) => this.#take(incoming, response));
        this.server.keepAliveTimeout = 60_000;
        this.server.on('connection', (socket) => {
            this.#sockets.add(socket);
            socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
        });
        await new Promise((resolve, reject) => {
            this.server.once('error', reject).listen(this.port, '127.0.0.1', resolve);
        });
        return this;
    }

    // Closes the port and every connection: from now on connections are refused.
    async stop() {
        const closed = new Promise((resolve) => this.server.close(resolve));
        this.#sockets.forEach((socket) => socket.destroy());
        await closed;
    }

    url(path = '/') {
        return `http://${this.host}:${this.port}${path}`;
    }

    // Appears on a machine of harness/network.mjs, by a link of that name.
    async moveTo(machine, name) {
        this.host = machine.address;
        return machine.host(`127.0.0.1:${this.port}`, { port: this.port, name });
    }

    // mode: a name of MODES, an answer { status, headers, body }, or a function of the request that returns either. path: only there.
    setMode(mode, path = '*') {
        this.#modes.set(path, mode);
    }

    // The requests that came to a path, or all.
    at(path) {
        return this.requests.filter((request) => path === undefined || request.path === path);
    }

    // Waits until n requests (to path) have come, and returns them.
    received(n, { path, limit } = {}) {
        return until(() => this.at(path).length >= n && this.at(path), { limit, what: `${n} requests to ${path ?? 'the peer'}` });
    }

    #take(incoming, response) {
        const chunks = [];
        let size = 0;
        incoming.on('data', (chunk) => {
            size += chunk.length;
            if (size <= BODY_MAX)
                chunks.push(chunk);
            else
                incoming.destroy();
        });
        incoming.on('error', () => {});
        incoming.on('end', () => {
            const request = { n: this.requests.length, at: Date.now(), method: incoming.method, path: incoming.url,
                headers: incoming.headers, body: Buffer.concat(chunks) };
            let mode = this.#modes.get(request.path) ?? this.#modes.get('*') ?? 'ok';
            if (typeof mode === 'function')
                mode = mode(request);
            const named = typeof mode !== 'object';
            request.mode = named ? mode : mode.status;
            this.requests.push(request);
            appendFileSync(this.log, `${JSON.stringify({ ...request, body: request.body.toString() })}\n`);
            response.on('finish', () => {
                request.answered = Date.now();
                appendFileSync(this.log, `${JSON.stringify({ n: request.n, answered: request.answered })}\n`);
            });
            const reply = ({ status, headers = {}, body = '' }) => {
                if (!response.destroyed)
                    response.writeHead(status, headers).end(body);
            };
            if (named)
                MODES[mode]({ peer: this, request, response, reply, socket: incoming.socket });
            else
                reply(mode);
        });
    }
}
