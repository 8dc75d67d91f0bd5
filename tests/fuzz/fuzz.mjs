// SPDX-License-Identifier: EUPL-1.2
// `make fuzz`: every target of tests/fuzz under libFuzzer, and a table of what each did. `--runs N` makes it a smoke test: every
// file of the corpus, then new inputs up to N runs in all, the same ones for the same seed. What a long run finds is
// kept under var/fuzz/<noun>/ and is where the next one starts; an input that fails is left in var/fuzz/failed/.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const HERE = join(ROOT, 'tests/fuzz');
const BUILD = join(ROOT, 'build/asan/fuzz');
const FAILED = join(ROOT, 'var/fuzz/failed');
const SLOW_S = 10; // one input that takes longer is a finding
const LIMIT_S = 120; // a target that is still running so long after its time hangs
const MALLOC_MB = 64; // one allocation of more is a finding
const RSS_MB = 1024;

export const nouns = () => readdirSync(HERE).filter((name) => /^fuzz_.*\.c$/.test(name)).map((name) => name.slice(5, -2)).sort();

// One target once. { runs } or { time } in seconds; seed 0: libFuzzer chooses one and says it.
// → { noun, code, executed, perSecond, branches, seed, output, artifact }
export async function fuzz(noun, { runs, time, seed, found }) {
    const corpus = join(HERE, 'corpus', noun);
    const dictionary = join(HERE, 'dict', `${noun}.dict`);
    const args = [...(existsSync(dictionary) ? [`-dict=${dictionary}`] : []), `-seed=${seed}`, `-timeout=${SLOW_S}`,
        `-rss_limit_mb=${RSS_MB}`, `-malloc_limit_mb=${MALLOC_MB}`, `-artifact_prefix=${FAILED}/${noun}-`, '-print_final_stats=1',
        runs ? `-runs=${runs}` : `-max_total_time=${time}`, found, corpus];
    mkdirSync(FAILED, { recursive: true });
    const child = spawn(join(BUILD, noun), args, {
        cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'], timeout: (Number(time ?? 0) + LIMIT_S) * 1000, killSignal: 'SIGKILL',
    });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-200_000)));
    let first = ''; // the seed stands at the beginning
    child.stderr.on('data', (text) => (first = first.length < 10_000 ? first + text : first));
    const code = await new Promise((done) => {
        child.on('error', (error) => { output += error; done(-1); });
        child.on('close', (status, signal) => done(status ?? signal));
    });
    const number = (pattern, text = output) => Number(text.match(pattern)?.[1] ?? 0);
    return {
        noun, code, output,
        executed: number(/stat::number_of_executed_units:\s+(\d+)/),
        perSecond: number(/stat::average_exec_per_sec:\s+(\d+)/),
        branches: number(/DONE\s+cov: (\d+)/),
        seed: number(/INFO: Seed: (\d+)/, first),
        artifact: output.match(/Test unit written to (\S+)/)?.[1],
    };
}

// What a person needs to see of a failure, and how to go on.
export function explain({ noun, code, output, artifact, seed }) {
    const path = artifact && relative(ROOT, artifact);
    return `${output.trim().split('\n').slice(-60).join('\n')}\n\nexit code ${code}, seed ${seed}\n${path
        ? `again:    build/asan/fuzz/${noun} ${path}
shorter:  build/asan/fuzz/${noun} -minimize_crash=1 -runs=100000 ${path}
keep:     as tests/fuzz/corpus/${noun}/regression-WHAT, once it is mended` : ''}`;
}

export async function inParallel(items, width, work) {
    const queue = items.values();
    await Promise.all(Array.from({ length: width }, async () => {
        for (const item of queue)
            await work(item);
    }));
}

async function main() {
    const { values: options, positionals } = parseArgs({
        allowPositionals: true,
        options: { time: { type: 'string', default: '10' }, runs: { type: 'string' }, seed: { type: 'string', default: '0' } },
    });
    const chosen = nouns().filter((noun) => positionals.length === 0 || positionals.includes(noun));
    if (chosen.length < positionals.length) {
        console.error(`fuzz: an argument is the name of a target. There are:\n  ${nouns().join(' ')}`);
        return 2;
    }
    const made = spawnSync('make', ['-s', `-j${availableParallelism()}`, 'FLAVOUR=asan', ...chosen.map((noun) => `build/asan/fuzz/${noun}`)],
        { cwd: ROOT, stdio: 'inherit' });
    if (made.status !== 0)
        return 1;
    console.log(`${chosen.length} targets, ${options.runs ? `${options.runs} runs` : `${options.time} s`} each\n`);
    console.log('target             branches      runs   runs/s   corpus');
    let failed = 0;
    const scratch = mkdtempSync(join(tmpdir(), 'duongthu-fuzz-'));
    await inParallel(chosen, availableParallelism(), async (noun) => {
        const found = options.runs ? join(scratch, noun) : join(ROOT, 'var/fuzz', noun);
        mkdirSync(found, { recursive: true });
        const result = await fuzz(noun, { ...options, found });
        const files = readdirSync(join(HERE, 'corpus', noun)).length + readdirSync(found).length;
        console.log(`${noun.padEnd(18)} ${[result.branches, result.executed, result.perSecond, files]
            .map((n) => String(n).padStart(8)).join(' ')}${result.code === 0 ? '' : '  FAILED'}`);
        if (result.code !== 0) {
            failed++;
            console.log(explain(result).replace(/^/gm, '    '));
        }
    });
    if (options.runs)
        rmSync(scratch, { recursive: true });
    console.log(`\n${chosen.length - failed} passed, ${failed} failed`);
    return failed ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    process.exitCode = await main();
