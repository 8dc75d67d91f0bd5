// SPDX-License-Identifier: EUPL-1.2
// A way to PostgreSQL on which one statement comes late: its caller's connection ends before the server has received it; it arrives when the test says so, while its
// caller has long gone on.
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { newFolder } from './folder.mjs';

const SOCKET = '.s.PGSQL.5432';

// host: for startApp({ database }).
export async function startLateWay(cluster) {
    return new LateWay(cluster).start();
}

class LateWay {
    host = newFolder('late');
    #sockets = new Set();
    #wanted; // { bytes, when, caught }

    constructor(cluster) {
        this.cluster = cluster;
    }

    async start() {
        this.server = createServer((client) => this.#join(client)).listen(join(this.host, SOCKET));
        await once(this.server, 'listening');
        chmodSync(join(this.host, SOCKET), 0o777);
        return this;
    }

    async stop() {
        this.#sockets.forEach((socket) => socket.destroy());
        this.server.close();
        await once(this.server, 'close');
    }

    // The next execution of this prepared statement (of whichever service) for which `when` holds does not arrive; its connection breaks. → Promise of { release }.
    // release() lets it arrive → SQL state of the server's answer, '' when it was run.
    hold(statement, when = () => true) {
        return new Promise((caught) => {
            this.#wanted = { bytes: Buffer.from(`\0${statement}\0`), when, caught }; // Bind: portal '', then the statement's name
        });
    }

    #join(client) {
        const server = connect(this.cluster.socket);
        let late = false;
        for (const socket of [client, server]) {
            this.#sockets.add(socket);
            socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
        }
        client.on('data', (chunk) => {
            const wanted = this.#wanted;
            if (wanted && chunk[0] === 'B'.charCodeAt(0) && chunk.includes(wanted.bytes) && wanted.when()) {
                this.#wanted = undefined;
                late = true;
                client.destroy();
                wanted.caught({ release: () => answerOf(server, chunk) });
            } else if (!late) {
                server.write(chunk);
            }
        });
        server.on('data', (chunk) => late || client.write(chunk));
        client.on('close', () => late || server.destroy());
        server.on('close', () => client.destroy());
    }
}

// Sends what was held back, and reads messages until the server is ready for the next.
function answerOf(server, held) {
    return new Promise((resolve, reject) => {
        let got = Buffer.alloc(0);
        let state = '';
        server.on('data', (chunk) => {
            got = Buffer.concat([got, chunk]);
            while (got.length >= 5 && got.length > got.readUInt32BE(1)) {
                const end = 1 + got.readUInt32BE(1);
                const type = String.fromCharCode(got[0]);
                if (type === 'E')
                    state = got.toString('latin1', 5, end).match(/\0C([0-9A-Z]{5})\0/)[1];
                got = got.subarray(end);
                if (type === 'Z') {
                    server.destroy();
                    resolve(state);
                }
            }
        });
        server.on('close', () => reject(new Error('the server has ended the connection')));
        server.write(held);
    });
}
