// SPDX-License-Identifier: EUPL-1.2
// `make bench`: how fast we are, never as a figure alone but as a ratio to a yardstick or a rival that is measured in the same run, in turns. Missed goals are
// shown; a line that falls below its gate (60 % of what recorded.json says of a quiet machine) fails the run.
//   make bench ARGS='--rounds 1 http-copy delivery'
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, root } from '../harness/build.mjs';
import { judge, measure, table } from './frame.mjs';

const RECORDED = join(root, 'tests/bench/recorded.json');
const BENCHES = ['machine', 'apps', 'queue', 'delivery', 'answer', 'snapshot', 'memory'];
const HELP = `tests/bench/bench.mjs [--rounds 5] [--scale 1] [--json FILE] [--record] [--list] [NAME …]
  NAME       a bench, or a line of one; everything by default
  --rounds   how often each is measured
  --scale    of the work of a round: 0.1 shows quickly that everything runs; gates hold for 1 only
  --json     where the results go for machines; build/bench.json by default
  --record   writes them to tests/bench/recorded.json too: on a quiet machine, with 5 rounds or more
  --list     what there is`;

function options() {
    try {
        const { values, positionals } = parseArgs({ allowPositionals: true, options: {
            rounds: { type: 'string', default: '5' },
            scale: { type: 'string', default: '1' },
            json: { type: 'string', default: join(build, 'bench.json') },
            record: { type: 'boolean', default: false },
            list: { type: 'boolean', default: false },
            help: { type: 'boolean', default: false },
        } });
        const parsed = { ...values, rounds: Number(values.rounds), scale: Number(values.scale), names: positionals };
        if (!Number.isInteger(parsed.rounds) || parsed.rounds < 1 || !(parsed.scale > 0 && parsed.scale <= 10))
            throw new Error('--rounds is a whole number from 1 on, --scale one above 0 and up to 10');
        return parsed;
    } catch (error) {
        console.error(`${error.message}\n\n${HELP}`);
        process.exit(2);
    }
}

const chosen = (bench, names) => bench.lines.filter((line) => names.length === 0 || names.includes(bench.name) || names.includes(line.name));

const opts = options();
if (opts.help) {
    console.log(HELP);
    process.exit(0);
}
const benches = (await Promise.all(BENCHES.filter((name) => existsSync(join(root, `tests/bench/benches/${name}.mjs`))).map((name) => import(`./benches/${name}.mjs`))))
    .map((module) => module.default);
const known = benches.flatMap((bench) => [bench.name, ...bench.lines.map((line) => line.name)]);
const unknown = opts.names.filter((name) => !known.includes(name));
if (unknown.length) {
    console.error(`there is no ${unknown.join(', ')}; there are: ${known.join(' ')}`);
    process.exit(2);
}
if (opts.list) {
    for (const bench of benches)
        console.log(`${bench.name}\n${chosen(bench, opts.names).map((line) => `  ${line.name.padEnd(22)} ${line.what}`).join('\n')}`);
    process.exit(0);
}

// An end by a person takes the services and clusters along, too: they hang on our exit.
for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => process.exit(130));

const results = [];
const broken = []; // benches that could not be measured; the others still are
const began = Date.now();
for (const bench of benches) {
    const lines = chosen(bench, opts.names);
    try {
        if (lines.length)
            results.push(...await measure(bench, lines, { rounds: opts.rounds, scale: opts.scale, rows: Math.max(20_000, Math.round(600_000 * opts.scale)) }, console.log));
    } catch (error) {
        console.error(`${bench.name} could not be measured: ${error.stack}`);
        broken.push(bench.name);
    }
}
const recorded = existsSync(RECORDED) ? JSON.parse(readFileSync(RECORDED, 'utf8')) : {};
const judged = judge(results, opts.scale === 1 ? recorded : {});
console.log(`\n${table(judged)}`);
const missed = judged.filter((line) => !line.met).length;
const regressed = judged.filter((line) => line.regressed);
console.log(`\n${judged.length - missed} of ${judged.length} goals met, ${regressed.length} regressions; ${opts.rounds} rounds on ${cpus().length} cores in ${
    ((Date.now() - began) / 1000).toFixed(0)} s`);
writeFileSync(opts.json, `${JSON.stringify({ rounds: opts.rounds, scale: opts.scale, cores: cpus().length, broken, lines: judged }, null, 2)}\n`);
if (opts.record) {
    const lines = { ...recorded.lines, ...Object.fromEntries(judged.map((line) => [line.name, Number(line.value.toPrecision(3))])) };
    writeFileSync(RECORDED, `${JSON.stringify({ cores: cpus().length, recorded: new Date().toISOString().slice(0, 10), lines }, null, 2)}\n`);
    console.log('recorded in tests/bench/recorded.json');
} else if (regressed.length > 0) {
    console.error(`slower than 60 % of what was recorded: ${regressed.map((line) => line.name).join(', ')}`);
    process.exitCode = 1;
}
if (broken.length > 0) {
    console.error(`not measured: ${broken.join(', ')}`);
    process.exitCode = 1;
}
