// SPDX-License-Identifier: EUPL-1.2
// Ports that nobody else takes: below the range from which Linux gives ports to outgoing connections, free when asked, and reserved
// for the whole run, because test files run beside each other.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runFolder } from './folder.mjs';

const FIRST = 20_000;
const LAST = 32_000;
const reserved = join(runFolder, 'ports');
mkdirSync(reserved, { recursive: true });

function reserve(port) {
    try {
        writeFileSync(join(reserved, String(port)), '', { flag: 'wx' });
        return true;
    } catch (error) {
        if (error.code === 'EEXIST')
            return false;
        throw error;
    }
}

function free(port) {
    return new Promise((resolve) => {
        const server = createServer().once('error', () => resolve(false));
        server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
}

export async function freePort() {
    for (;;) {
        const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
        if (reserve(port) && await free(port))
            return port;
    }
}
