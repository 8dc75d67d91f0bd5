// SPDX-License-Identifier: EUPL-1.2
// Waiting for something to become true, with a limit and a reason. The only place where a test lets time pass.
import { setTimeout as sleep } from 'node:timers/promises';
import { flavour } from './build.mjs';

const POLL_MS = 10;
// The sanitizers slow the system under test, never what it promises: limits grow, conditions stay.
const SLOWNESS = flavour === 'asan' ? 3 : 1;

// Calls `condition` (may be async) until it returns something true, and returns that. A throw counts as "not yet"; the last one is
// told when the limit (milliseconds) has passed. what: a few words for the error.
export async function until(condition, { limit = 10_000, what = condition.toString() } = {}) {
    const end = performance.now() + limit * SLOWNESS;
    let last;
    for (;;) {
        try {
            const value = await condition();
            if (value)
                return value;
            last = undefined;
        } catch (error) {
            last = error;
        }
        if (performance.now() > end)
            throw new Error(`not within ${limit * SLOWNESS} ms: ${what}`, { cause: last });
        await sleep(POLL_MS);
    }
}
