// SPDX-License-Identifier: EUPL-1.2
// A PostgreSQL session for tests: the v3 protocol over a Unix socket, no password. Values come back as JavaScript values: numbers
// (BigInt where a number would round), booleans, parsed JSON, Buffers for bytea, arrays; everything else as text.
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';

export class PgError extends Error {
    // fields: the server's, by their letter in the protocol
    constructor(fields) {
        super(fields.D ? `${fields.M} (${fields.D})` : fields.M);
        Object.assign(this, { name: 'PgError', sqlstate: fields.C, severity: fields.V, detail: fields.D });
    }
}

// → Session. host: folder of the socket.
export async function connect({ host, port = 5432, user = 'duongthu', database = 'duongthu' }) {
    const session = new Session(connectSocket(join(host, `.s.PGSQL.${port}`)));
    session.startup({ user, database, application_name: 'test', client_encoding: 'UTF8' });
    await session.answer();
    return session;
}

class Session {
    notices = []; // messages of NOTICE and WARNING
    notifications = []; // { channel, payload }
    pid = 0; // of the backend

    constructor(socket) {
        this.socket = socket;
        this.input = Buffer.alloc(0);
        this.waiting = []; // one { resolve, reject } per ReadyForQuery to come
        this.reset();
        this.closed = new Promise((resolve) => socket.on('close', () => {
            const error = this.error ?? new Error('the connection to PostgreSQL was closed');
            this.waiting.splice(0).forEach(({ reject }) => reject(error));
            resolve();
        }));
        socket.on('error', (error) => (this.error ??= error));
        socket.on('data', (chunk) => this.receive(chunk));
    }

    // Rows of the last statement that returned any. With params: one statement, $1 … as text. Without: any number of statements.
    async query(sql, params) {
        if (params === undefined) {
            this.send('Q', text(sql));
        } else {
            const values = params.map((value) => {
                const bytes = value === null ? Buffer.alloc(0) : Buffer.from(literal(value));
                return Buffer.concat([int32(value === null ? -1 : bytes.length), bytes]);
            });
            this.send('P', text(''), text(sql), int16(0));
            this.send('B', text(''), text(''), int16(0), int16(params.length), ...values, int16(0));
            this.send('D', Buffer.from('P'), text(''));
            this.send('E', text(''), int32(0));
            this.send('S');
        }
        return this.answer();
    }

    // Ends like a client that says goodbye; `drop` like one whose cable is cut.
    async close() {
        this.send('X');
        this.socket.end();
        await this.closed;
    }

    async drop() {
        this.socket.destroy();
        await this.closed;
    }

    // ---- protocol

    startup(parameters) {
        const body = Buffer.concat([int32(196608), ...Object.entries(parameters).flat().map(text), Buffer.from([0])]);
        this.socket.write(Buffer.concat([int32(body.length + 4), body]));
    }

    send(type, ...parts) {
        const body = Buffer.concat(parts);
        this.socket.write(Buffer.concat([Buffer.from(type), int32(body.length + 4), body]));
    }

    answer() {
        if (this.socket.destroyed)
            return Promise.reject(this.error ?? new Error('the connection to PostgreSQL is closed'));
        return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
    }

    reset() {
        this.rows = [];
        this.columns = [];
        this.failure = null;
    }

    receive(chunk) {
        this.input = Buffer.concat([this.input, chunk]);
        while (this.input.length >= 5) {
            const length = this.input.readInt32BE(1) + 1;
            if (this.input.length < length)
                return;
            const message = this.input.subarray(5, length);
            const type = String.fromCharCode(this.input[0]);
            this.input = this.input.subarray(length);
            this.take(type, message);
        }
    }

    take(type, message) {
        switch (type) {
        case 'K':
            this.pid = message.readInt32BE(0);
            break;
        case 'T':
            this.columns = columns(message);
            this.rows = [];
            break;
        case 'D':
            this.rows.push(row(message, this.columns));
            break;
        case 'N':
            this.notices.push(fields(message).M);
            break;
        case 'A': {
            const [channel, payload] = message.subarray(4).toString().split('\0');
            this.notifications.push({ channel, payload });
            break;
        }
        case 'E':
            this.failure = new PgError(fields(message));
            this.error = this.failure; // should the server hang up now, this is why
            break;
        case 'Z': {
            const { resolve, reject } = this.waiting.shift();
            const { rows, failure } = this;
            this.reset();
            if (failure)
                reject(failure);
            else
                resolve(rows);
        }
        }
    }
}

// ---- bytes

const text = (value) => Buffer.from(`${value}\0`);
const int16 = (value) => Buffer.from([value >> 8, value & 255]);
const int32 = (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
};

function fields(message) {
    const pairs = message.toString().split('\0').filter(Boolean);
    return Object.fromEntries(pairs.map((pair) => [pair[0], pair.slice(1)]));
}

function columns(message) {
    const result = [];
    for (let i = 0, at = 2; i < message.readInt16BE(0); i++) {
        const end = message.indexOf(0, at);
        result.push({ name: message.toString('utf8', at, end), oid: message.readInt32BE(end + 7) });
        at = end + 19;
    }
    return result;
}

function row(message, names) {
    const result = {};
    let at = 2;
    for (const { name, oid } of names) {
        const length = message.readInt32BE(at);
        at += 4;
        result[name] = length < 0 ? null : parse(message.toString('utf8', at, at + length), oid);
        at += Math.max(length, 0);
    }
    return result;
}

// ---- values

function integer(value) {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : BigInt(value);
}

const PARSERS = {
    16: (value) => value === 't', // bool
    17: (value) => Buffer.from(value.slice(2), 'hex'), // bytea
    20: integer, 21: integer, 23: integer, 26: integer, // int8, int2, int4, oid
    114: JSON.parse, 3802: JSON.parse,
    700: Number, 701: Number,
};
const ELEMENTS = { 1000: 16, 1001: 17, 1016: 20, 1005: 21, 1007: 23, 1009: 25, 1015: 25, 2951: 25, 1185: 25 };

function parse(value, oid) {
    if (ELEMENTS[oid])
        return elements(value).map((item) => (item === null ? null : parse(item, ELEMENTS[oid])));
    return PARSERS[oid] ? PARSERS[oid](value) : value;
}

// {a,"b\"c",NULL}: arrays of one dimension
function elements(value) {
    return [...value.slice(1, -1).matchAll(/"((?:\\.|[^"\\])*)"|[^,]+/gs)].map(([whole, quoted]) =>
        quoted !== undefined ? quoted.replace(/\\(.)/gs, '$1') : whole === 'NULL' ? null : whole);
}

function literal(value) {
    if (Buffer.isBuffer(value))
        return `\\x${value.toString('hex')}`;
    if (Array.isArray(value))
        return `{${value.map((item) => (item === null ? 'NULL' : `"${literal(item).replace(/["\\]/g, '\\$&')}"`)).join(',')}}`;
    if (value instanceof Date)
        return value.toISOString();
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
