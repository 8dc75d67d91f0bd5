// SPDX-License-Identifier: EUPL-1.2
// Ports that nobody else takes: outside the range from which Linux gives ports to outgoing connections, free when asked, and reserved
// for the whole run, because test files run beside each other.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runFolder } from './folder.mjs';

const ROOM = 2_000; // at least
const [FIRST, LAST] = outside();
const TRIES = 1_000;
const reserved = join(runFolder, 'ports');
mkdirSync(reserved, { recursive: true });

// [first, behind the last]: below the machine's range or above it, else anywhere.
function outside() {
    const [low, high] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    const room = [[20_000, Math.min(low, 32_000)], [10_000, low], [high + 1, 65_536]].find(([first, end]) => end - first >= ROOM);
    return room ?? [20_000, 32_000];
}

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
    for (let i = 0; i < TRIES; i++) {
        const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
        if (reserve(port) && await free(port))
            return port;
    }
    throw new Error(`no port is free from ${FIRST} to ${LAST - 1}`);
}
