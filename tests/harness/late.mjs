// SPDX-License-Identifier: EUPL-1.2
// A way to PostgreSQL on which one statement comes late: its caller's connection ends before the server has received it; it arrives when the test says so, while its
// caller has long gone on.
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { newFolder } from './folder.mjs';

const SOCKET = '.s.PGSQL.5432';
const BIND = 'B'.charCodeAt(0);
const MARK = 'behind-the-late-one';

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
            const at = this.#begins(chunk);
            if (at !== undefined) {
                const { caught } = this.#wanted;
                this.#wanted = undefined;
                late = true;
                client.destroy();
                caught({ release: () => answerOf(server, chunk.subarray(at)) });
            } else if (!late) {
                server.write(chunk);
            }
        });
        server.on('data', (chunk) => late || client.write(chunk));
        client.on('close', () => late || server.destroy());
        server.on('close', () => client.destroy());
    }

    // Where in the chunk the wanted statement begins: a Bind for it, maybe behind a heartbeat, which nobody will miss. A statement and its Sync come in one write.
    #begins(chunk) {
        for (let at = 0; this.#wanted && at + 5 <= chunk.length; at += 1 + chunk.readUInt32BE(at + 1)) {
            const { bytes, when } = this.#wanted;
            if (chunk[at] === BIND && bytes.equals(chunk.subarray(at + 5, at + 5 + bytes.length)) && when())
                return at;
        }
    }
}

// Sends what was held back and a query of our own behind it: what comes before the answer to that is the answer to the statement.
function answerOf(server, held) {
    return new Promise((resolve, reject) => {
        let got = '';
        server.on('data', (chunk) => {
            got += chunk.toString('latin1');
            if (!got.includes(MARK))
                return;
            server.destroy();
            resolve(got.match(/\0C([0-9A-Z]{5})\0M/)?.[1] ?? ''); // ErrorResponse: its fields C and M
        });
        server.on('close', () => reject(new Error('the server has ended the connection')));
        const sql = Buffer.from(`select '${MARK}'\0`);
        const head = Buffer.from([...Buffer.from('Q'), 0, 0, 0, 4 + sql.length]);
        server.write(Buffer.concat([held, head, sql]));
    });
}
