// SPDX-License-Identifier: EUPL-1.2
// TCP links that a test makes slow, thin, choppy, deaf, or cuts, while they run: tests/faults/proxy, which says what each toxic does.
import { Driver } from './driver.mjs';

const ANSWER_MS = 20_000;

export class FaultProxy {
    links = new Map(); // name → Link
    #driver;
    #next = 1;

    // seed: of the jitter. connections: of one link at once; one more is reset
    constructor({ seed = 1, connections = 4_096 } = {}) {
        this.#driver = new Driver('fault_proxy', [String(seed), String(connections)]);
    }

    // A new link → Link. from: where it listens, `ADDRESS:PORT[@NAMESPACE]`; to: where it leads, the same or the path of a Unix socket.
    async link(name, to, { from = '127.0.0.1:0' } = {}) {
        const [port] = await this.command('link', name, from, to);
        const link = new Link(this, name, from.split(':')[0], port);
        this.links.set(name, link);
        return link;
    }

    // → the numbers of its answer
    async command(...words) {
        const id = this.#next++;
        const from = this.#driver.lines.length;
        this.#driver.send([id, ...words].join(' '));
        const said = this.#driver.says(new RegExp(`^${id} `), { from, limit: ANSWER_MS });
        const answer = (await Promise.race([said, this.#crash()])).split(' ').slice(1);
        if (answer[0] !== 'ok')
            throw new Error(`fault proxy: ${words.join(' ')}: ${answer.join(' ')}`);
        return answer.slice(1).map(Number);
    }

    async #crash() {
        const { code, signal } = await this.#driver.ended;
        throw new Error(`the fault proxy ended with ${code ?? signal}\n${this.#driver.errors}`);
    }

    // Resets what is open and ends; a proxy that crashed or leaked fails the test here.
    async stop() {
        const { code, signal } = await this.#driver.end();
        if (code !== 0)
            throw new Error(`the fault proxy ended with ${code ?? signal}\n${this.#driver.errors}`);
    }
}

class Link {
    constructor(proxy, name, address, port) {
        Object.assign(this, { proxy, name, address, port });
    }

    // way: up (to the server), down (from it), both
    async toxic(way, kind, ...values) {
        for (const one of way === 'both' ? ['up', 'down'] : [way])
            await this.proxy.command('toxic', this.name, one, kind, ...values);
    }

    heal() {
        return this.proxy.command('heal', this.name);
    }

    // Resets every open connection → how many there were.
    async reset() {
        return (await this.proxy.command('reset', this.name))[0];
    }

    async stats() {
        const [open, total, up, down] = await this.proxy.command('stats', this.name);
        return { open, total, up, down };
    }

    // From now on connections are refused.
    async close() {
        await this.proxy.command('close', this.name);
        this.proxy.links.delete(this.name);
    }
}
