// SPDX-License-Identifier: EUPL-1.2
// Chance that can be had again: every choice of a test comes from one seed, which it prints. TEST_SEED=N repeats a run's choices (not its timing).
import { randomInt } from 'node:crypto';

// → a Chance; the seed goes to the test's output.
export function chance(test) {
    const seed = Number(process.env.TEST_SEED ?? randomInt(2 ** 31));
    test.diagnostic(`TEST_SEED=${seed}`);
    return new Chance(seed);
}

export class Chance {
    #state;

    constructor(seed) {
        this.#state = seed >>> 0;
    }

    // 0 ≤ x < 1: mulberry32
    next() {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let t = this.#state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }

    // 0 ≤ n < below
    int(below) {
        return Math.floor(this.next() * below);
    }

    between(from, to) {
        return from + this.int(to - from + 1);
    }

    // True once in n times.
    onceIn(n) {
        return this.int(n) === 0;
    }

    pick(list) {
        return list[this.int(list.length)];
    }

    shuffle(list) {
        const result = [...list];
        for (let i = result.length - 1; i > 0; i--) {
            const k = this.int(i + 1);
            [result[i], result[k]] = [result[k], result[i]];
        }
        return result;
    }

    // A stream of its own, so that what one actor draws does not depend on how fast another is.
    fork() {
        return new Chance(this.int(2 ** 31));
    }
}
