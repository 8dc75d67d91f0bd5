// SPDX-License-Identifier: EUPL-1.2
// Memory at rest: the resident size of each service when it has nothing to do, and what an idle connection adds to ingest. The connections are plain: TLS ends at the
// proxy in front (DESIGN §5).
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { SERVICES, startApp } from '../../harness/app.mjs';
import { benchCluster, kill, QUIET } from '../stage.mjs';

const CONNECTIONS = 2000;

const MIB = 1 << 20;
// VmRSS: everything; RssAnon: what is the process's own and not a page of a library
const resident = (pid, what = 'VmRSS') => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm'))[1]) * 1024;

async function open() {
    const cluster = await benchCluster();
    const sides = {
        async services() {
            const app = await startApp({ cluster, config: QUIET });
            try {
                await metrics(app); // each has answered once, and runs
                const each = (what) => SERVICES.map((service) => [service, resident(app.process(service).pid, what) / MIB]);
                return { ...Object.fromEntries(each('VmRSS')), own: Math.max(...each('RssAnon').map(([, size]) => size)) };
            } finally {
                await kill(app);
            }
        },
        async connections() {
            const app = await startApp({ cluster, services: ['ingest'], config: QUIET });
            const { pid } = app.process('ingest');
            let sockets = [];
            try {
                const before = resident(pid);
                sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => greet(app.port('ingest'))));
                return { bytes: (resident(pid) - before) / CONNECTIONS };
            } finally {
                sockets.forEach((socket) => socket.destroy());
                await kill(app);
            }
        },
    };
    return { sides, close: () => cluster.destroy() };
}

const metrics = (app) => Promise.all(SERVICES.map((service) => app.metrics(service)));

// A connection that has asked for something, been answered, and stays.
function greet(port) {
    return new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write('GET /v1/nothing HTTP/1.1\r\nHost: bench\r\n\r\n'));
        socket.once('data', () => resolve(socket)).once('error', reject);
    });
}

export default {
    name: 'memory',
    open,
    lines: [
        { name: 'idle-service', what: 'resident size of the largest service at rest', unit: 'MiB', goal: { atMost: 12 }, sides: ['services'],
            value: (m) => Math.max(...SERVICES.map((service) => m.services[service])),
            rates: { ...Object.fromEntries(SERVICES.map((service) => [service, (m) => m.services[service]])), 'of it own, at most': (m) => m.services.own } },
        { name: 'idle-connection', what: 'what an idle connection adds to ingest', unit: 'KiB', goal: { atMost: 10 }, sides: ['connections'],
            value: (m) => m.connections.bytes / 1024, rates: {} },
    ],
};
