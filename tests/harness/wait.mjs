// SPDX-License-Identifier: EUPL-1.2
// Waiting for something to become true, with a limit and a reason. The only place where a test lets time pass, and where it may say how long something took.
import { setTimeout as sleep } from 'node:timers/promises';
import { flavour } from './build.mjs';

const POLL_MS = 10;
const PATIENCE_MS = 30_000; // long: a machine may be slow, and what hangs is told all the same
// The sanitizers slow the system under test, never what it promises: limits grow, conditions stay.
const SLOWNESS = flavour === 'asan' ? 3 : 1;

// A machine that is shared stands still now and then, and we with the system under test: such time is nobody's.
const BEAT_MS = 50;
const LATE_MS = 100; // a beat that comes so much later says that we stood still
let lost = 0;
let last = performance.now();
function beat() {
    const now = performance.now();
    lost += now - last > BEAT_MS + LATE_MS ? now - last - BEAT_MS : 0;
    last = now;
}
setInterval(beat, BEAT_MS).unref();

// → a function that tells the milliseconds since now, less those in which this process itself stood still: for upper bounds. A lower bound takes performance.now().
export function stopwatch() {
    const time = () => {
        beat();
        return last - lost;
    };
    const start = time();
    return () => time() - start;
}

// Calls `condition` (may be async) until it returns something true, and returns that. A throw counts as "not yet"; the last one is
// told when the limit (milliseconds) has passed and it was asked once more. what: a few words for the error.
export async function until(condition, { limit = PATIENCE_MS, what = condition.toString() } = {}) {
    const elapsed = stopwatch();
    for (;;) {
        const over = elapsed() > limit * SLOWNESS;
        let error;
        try {
            const value = await condition();
            if (value)
                return value;
        } catch (thrown) {
            error = thrown;
        }
        if (over)
            throw new Error(`not within ${limit * SLOWNESS} ms: ${what}`, { cause: error });
        await sleep(POLL_MS);
    }
}
