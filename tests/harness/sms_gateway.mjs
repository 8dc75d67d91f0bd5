// SPDX-License-Identifier: EUPL-1.2
// A carrier's SMS gateway of the generic JSON kind: POST { reference, to, text } → 200 { id }. Modes of peer.mjs make it slow, dead
// or forgetful; mode `lost` sends the message to the citizen and loses the answer.
import { Peer } from './peer.mjs';

export class SmsGateway extends Peer {
    #ids = new Map(); // request → id

    constructor() {
        super('sms', (request) => ({ status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ id: this.id(request) }) }));
    }

    // The gateway's own number of a message.
    id(request) {
        if (!this.#ids.has(request))
            this.#ids.set(request, `gw-${request.n + 1}`);
        return this.#ids.get(request);
    }

    // What the citizens got: { to, text, reference, … } as it was posted, of the requests that a gateway would have sent on.
    messages() {
        return this.requests.filter(({ mode }) => ['ok', 'slow', 'lost', 'truncated', 'garbage', 'dead'].includes(mode)).map(({ body }) => JSON.parse(body));
    }
}

export const startSmsGateway = () => new SmsGateway().start();
