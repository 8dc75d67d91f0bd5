// SPDX-License-Identifier: EUPL-1.2
// `make alloc`: every test of every unit test program again and again, each time with another allocation that fails, once for itself
// and once with all that follow. That the test then fails is in order: the code said that it had no memory. What is not: a crash, a
// CHECK, a report of the sanitizers, a hang, a leak in a run in which every test passed.
// A test whose name begins with without_memory_ must pass when one allocation fails.
//
// Which allocations: one for each chain of calls that leads to one (--depth calls long), and with --every N also the first N of
// each chain. A test that takes longer than --slow ms is left out, and named.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parseTap } from '../harness/tap.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const BUILD = join(ROOT, 'build/asan/unit');
const LIMIT_MS = 180_000; // one run; a test that waits for its own limits needs some of it
const H2O = 77; // exit code: h2o ended the process, as it does by design
// jansson 2.14 trips over an assertion of its own when a string buffer cannot grow in the middle of a token. Not ours to mend; the
// process ends before it has answered anything.
const JANSSON = /: lex_unget_unsave: Assertion `c == d' failed/;
const SANITIZERS = {
    ASAN_OPTIONS: 'detect_leaks=1:handle_abort=1:allow_user_segv_handler=0:exitcode=99:detect_stack_use_after_return=1',
    UBSAN_OPTIONS: 'print_stacktrace=1',
};

export const programs = () => readdirSync(join(ROOT, 'tests/unit')).filter((name) => /^test_.*\.c$/.test(name)).map((name) => basename(name, '.c'));

function run(program, env) {
    return new Promise((done) => {
        const child = spawn(join(BUILD, program), [], {
            cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], timeout: LIMIT_MS, killSignal: 'SIGKILL',
            env: { PATH: process.env.PATH, CMOCKA_MESSAGE_OUTPUT: 'TAP', ...SANITIZERS, ...env },
        });
        const since = Date.now();
        let stdout = '';
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (text) => ((stdout += text), (output += text)));
        child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
        child.on('error', (error) => (output += error));
        child.on('close', (code, signal) => done({ code, signal, output, ms: Date.now() - since, ...parseTap(stdout) }));
    });
}

// A test of this name says what must hold although one allocation fails: there, a failed assertion is a finding too.
const MUST_PASS = /^without_memory_\w+$/; // (cmocka says more behind the name when the set-up failed)

// → why this run is not in order, or null
function judge({ code, signal, output, tests, complete }, sticky) {
    if (code === H2O || JANSSON.test(output))
        return null;
    const report = output.match(/ERROR: (\w+Sanitizer: .*)|: (runtime error: .*)/);
    const leak = report?.[1]?.startsWith('LeakSanitizer');
    if (signal)
        return signal === 'SIGKILL' ? `no end after ${LIMIT_MS / 1000} s` : signal;
    if (report && !leak)
        return output.match(/^.*: broken: .*$/m)?.[0] ?? report[1] ?? report[2];
    // Without any test told, main() itself had no memory to begin.
    if (!complete && (code === 0 || (tests.length > 0 && tests.every((test) => test.state === 'passed'))))
        return `left early with exit code ${code}`;
    const lost = tests.find((test) => !sticky && MUST_PASS.test(test.name) && test.state !== 'passed');
    if (lost)
        return `${lost.name} failed`;
    return leak && tests.every((test) => test.state === 'passed') ? report[1] : null;
}

// The allocations of one test that are worth a try: numbers from 1. seen: chains of this program that had their turn.
async function choose(program, test, seen, { depth, every, folder }) {
    const file = join(folder, `${program}.${test}`);
    const result = await run(program, { ALLOC_LIST: file, ALLOC_DEPTH: String(depth), ALLOC_TEST: test });
    const chains = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    rmSync(file);
    const turns = new Map();
    const numbers = [];
    chains.forEach((chain, i) => {
        const turn = (turns.get(chain) ?? 0) + 1;
        turns.set(chain, turn);
        if (turn <= every && !seen.has(chain))
            numbers.push(i + 1);
    });
    turns.forEach((_, chain) => seen.add(chain));
    return { numbers, total: chains.length, result };
}

// All of one program. → { runs, total, slow: [names], found: [{ test, number, sticky, why, output }] }
export async function exhaust(program, options) {
    const sum = { runs: 0, total: 0, slow: [], found: [] };
    const seen = new Set();
    const file = join(options.folder, program);
    const { tests } = await run(program, { ALLOC_LIST: file, ALLOC_DEPTH: '1' });
    if (readFileSync(file, 'utf8') === '')
        return sum; // nothing to fail
    for (const { name } of tests) {
        const { numbers, total, result } = await choose(program, name, seen, options);
        sum.total += total;
        if (result.ms > options.slow) {
            sum.slow.push(name);
            continue;
        }
        for (const number of numbers) {
            for (const sticky of [false, true]) {
                const outcome = await run(program, {
                    ALLOC_FAIL: String(number), ALLOC_TEST: name, ...(sticky ? { ALLOC_STICKY: '1' } : {}),
                });
                sum.runs++;
                const why = judge(outcome, sticky);
                if (why)
                    sum.found.push({ test: name, number, sticky, why, output: outcome.output });
            }
        }
    }
    return sum;
}

export function explain(program, { test, number, sticky, why, output }) {
    const env = `ALLOC_FAIL=${number}${sticky ? ' ALLOC_STICKY=1' : ''} ALLOC_TEST=${test} ASAN_OPTIONS=${SANITIZERS.ASAN_OPTIONS}`;
    return `${why}\nagain: ${env} build/asan/unit/${program}\n${output.trim().split('\n').slice(0, 60).join('\n')}`;
}

async function main() {
    const { values: options, positionals: texts } = parseArgs({
        allowPositionals: true,
        options: {
            depth: { type: 'string', default: '16' }, every: { type: 'string', default: '1' }, slow: { type: 'string', default: '20000' },
        },
    });
    const chosen = programs().filter((name) => texts.length === 0 || texts.some((text) => name.includes(text)));
    const targets = chosen.map((name) => `build/asan/unit/${name}`);
    const made = spawnSync('make', ['-s', `-j${availableParallelism()}`, 'FLAVOUR=asan', ...targets], { cwd: ROOT, stdio: 'inherit' });
    if (made.status !== 0)
        return 1;
    const folder = mkdtempSync(join(tmpdir(), 'duongthu-alloc-'));
    console.log('program                 allocations     runs   found');
    const sum = { runs: 0, found: 0 };
    const queue = chosen.values();
    await Promise.all(Array.from({ length: availableParallelism() }, async () => {
        for (const program of queue) {
            const { runs, total, slow, found } = await exhaust(program, {
                depth: Number(options.depth), every: Number(options.every), slow: Number(options.slow), folder });
            sum.runs += runs;
            sum.found += found.length;
            if (total > 0)
                console.log(`${program.padEnd(24)}${[total, runs, found.length].map((n) => String(n).padStart(9)).join('')}`);
            if (slow.length)
                console.log(`    too slow, left out: ${slow.join(' ')}`);
            // One of each kind is enough to go on with.
            const told = new Set();
            for (const one of found.filter(({ why }) => !told.has(why) && told.add(why)))
                console.log(explain(program, one).replace(/^/gm, '    '));
        }
    }));
    rmSync(folder, { recursive: true });
    console.log(`\n${sum.runs - sum.found} passed, ${sum.found} failed`);
    return sum.found ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    process.exitCode = await main();
