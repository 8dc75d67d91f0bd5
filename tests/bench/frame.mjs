// SPDX-License-Identifier: EUPL-1.2
// The frame of `make bench`. A bench is a few sides that are measured in turns, and lines that set them in relation:
//
//   { name, open(options) → { sides: { NAME: async () → { rate, … } }, close() },
//     lines: [{ name, what, sides: [NAME …], value(m), goal: { atLeast | atMost }, rates(m) }] }
//
// m holds what the sides of one round returned. Only sides of chosen lines run, each round in another order, so that none is always first. A line's result is
// the median of its value over the rounds, with the least and the greatest. Nothing here knows what is measured.
export const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

const GATE = 0.6; // of what is recorded; worse than that is a regression, whatever the goal

// → results of the lines, in their order
export async function measure(bench, lines, options, say) {
    const wanted = new Set(lines.flatMap((line) => line.sides));
    const stage = await bench.open({ ...options, sides: wanted });
    try {
        const names = Object.keys(stage.sides).filter((name) => wanted.has(name));
        const rounds = [];
        for (let round = 0; round < options.rounds; round++) {
            const m = {};
            for (let i = 0; i < names.length; i++) {
                const name = names[(i + round) % names.length];
                m[name] = await stage.sides[name]();
            }
            rounds.push(m);
            say(`${bench.name} ${round + 1}/${options.rounds}: ${names.map((name) => `${name} ${summary(m[name])}`).join(', ')}`);
        }
        return lines.map((line) => result(line, rounds));
    } finally {
        await stage.close();
    }
}

const summary = (side) => (side.rate !== undefined ? short(side.rate) : Object.values(side).map(short).join('/'));

function result(line, rounds) {
    const values = rounds.map(line.value);
    if (!values.every((value) => Number.isFinite(value) && value >= 0))
        throw new Error(`${line.name}: ${values.join(', ')} are no numbers to compare`);
    const rates = line.rates ? Object.fromEntries(Object.entries(line.rates).map(([name, pick]) => [name, median(rounds.map(pick))])) : {};
    return { name: line.name, what: line.what, unit: line.unit ?? '', value: median(values), min: Math.min(...values), max: Math.max(...values), rounds: values,
        goal: line.goal, met: meets(median(values), line.goal), rates };
}

const meets = (value, goal) => (goal.atLeast !== undefined ? value >= goal.atLeast : value <= goal.atMost);

// Compares with what was recorded on a quiet machine; lines that were never recorded pass.
export function judge(results, recorded) {
    return results.map((line) => {
        const was = recorded.lines?.[line.name];
        if (was === undefined)
            return { ...line, gate: null, regressed: false };
        const gate = line.goal.atLeast !== undefined ? was * GATE : was / GATE;
        return { ...line, recorded: was, gate, regressed: !meets(line.value, line.goal.atLeast !== undefined ? { atLeast: gate } : { atMost: gate }) };
    });
}

export function short(value) {
    if (!Number.isFinite(value))
        return String(value);
    if (value >= 10_000)
        return `${(value / 1000).toFixed(0)} k`;
    return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : value >= 100 ? value.toFixed(0) : value.toPrecision(value >= 10 ? 3 : 2);
}

const exact = (value) => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 1 ? value.toFixed(2) : value.toFixed(3));

export function table(results) {
    const rows = results.map((line) => [
        line.name,
        `${exact(line.value)}${line.unit && ` ${line.unit}`}`,
        `${exact(line.min)}–${exact(line.max)}`,
        line.goal.atLeast !== undefined ? `≥ ${line.goal.atLeast}` : `≤ ${line.goal.atMost}`,
        line.met ? 'met' : 'MISSED',
        line.gate === null ? '–' : line.regressed ? `REGRESSION (${exact(line.gate)})` : exact(line.gate),
        line.what + Object.entries(line.rates).map(([name, rate], i) => `${i ? ', ' : ': '}${name} ${short(rate)}`).join(''),
    ]);
    const head = ['line', 'median', 'spread', 'goal', '', 'gate', 'what is compared'];
    const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => [...row[i]].length)));
    return [head, ...rows].map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat(widths[i] - [...cell].length))).join('  ').trimEnd())
        .join('\n');
}
