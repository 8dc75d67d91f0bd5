// SPDX-License-Identifier: EUPL-1.2
// A one-stop office's system: takes webhooks, answers 204, keeps them in `requests` and in a JSON-lines log.
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

export const startSink = () => new Sink().start();
