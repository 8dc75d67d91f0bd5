// SPDX-License-Identifier: EUPL-1.2
// Reads the TAP that cmocka prints. A program may run several groups, each with a plan of its own; `complete` means that every
// announced test was told.

// → { tests: [{ name, state: 'passed' | 'failed' | 'skipped', text }], complete }
export function parseTap(output) {
    const tests = [];
    let announced = 0;
    for (const line of output.split('\n')) {
        const plan = line.match(/^1\.\.(\d+)/);
        const told = line.match(/^(not )?ok (\d+)(?: - (.*)| # SKIP (.*))?$/);
        if (plan) {
            announced += Number(plan[1]);
        } else if (told) {
            const [, not, number, name, skipped] = told;
            const state = skipped !== undefined ? 'skipped' : not ? 'failed' : 'passed';
            tests.push({ name: skipped ?? name ?? number, state, text: '' });
        } else if (line.startsWith('# ') && tests.length > 0) {
            tests.at(-1).text += `${line.slice(2)}\n`;
        }
    }
    return { tests, complete: announced > 0 && tests.length === announced };
}
