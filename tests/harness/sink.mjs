// SPDX-License-Identifier: EUPL-1.2
// A one-stop office's system: takes webhooks, answers 204, keeps them in `requests` and in a JSON-lines log.
import { createHmac, timingSafeEqual } from 'node:crypto';
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

// A sink that is registered with the app, as the history checker (checker.mjs) wants it: it knows its secret and what it should hear of. units: with those below them.
// healthy: it should hear of everything in the end. place(sink): puts it somewhere else than on loopback.
export async function startOffice(app, { units, healthy = true, place } = {}) {
    const sink = await startSink();
    await place?.(sink);
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
