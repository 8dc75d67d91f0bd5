// SPDX-License-Identifier: EUPL-1.2
// `make test`: builds every flavour, runs every unit test and every integration test, prints failures in full and ends with the
// line `N passed, N failed`. What it counts as failed: a build that breaks, a test that fails, is skipped or hangs, a test program
// that crashes, runs no test or reports fewer tests than it announced, a process that outlives its test.
import { spawn } from 'node:child_process';
import { availableParallelism, tmpdir } from 'node:os';
import { mkdtempSync, readdirSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { run as runFiles } from 'node:test';
import * as alloc from './alloc/alloc.mjs';
import { explain, fuzz, nouns } from './fuzz/fuzz.mjs';
import { parseTap } from './harness/tap.mjs';
import { until } from './harness/wait.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
// Against what hangs, not against what is slow: a machine may be several times slower than ours.
const UNIT_LIMIT_MS = 300_000; // one unit test program
const FILE_LIMIT_MS = 900_000; // one file of integration, faults or e2e
const LEAVE_MS = 3_000; // for a process that is about to end when its test has
const BUILD_LIMIT_MS = 1_200_000;
const FLAVOURS = {
    gcc: { folder: 'build', suites: ['unit', 'simulation', 'integration', 'faults', 'e2e'] },
    clang: { folder: 'build/clang', suites: ['unit'] }, // a second opinion on warnings; same code, same system
    asan: { folder: 'build/asan', suites: ['unit', 'simulation', 'alloc', 'fuzz', 'integration'], targets: ['fuzzers'] },
};
const SUITES = [...new Set(Object.values(FLAVOURS).flatMap((flavour) => flavour.suites))];
// What runs when it is asked for, as .ci/run does: everything else fits into a quarter of an hour without it.
const ASKED_FOR = ['alloc'];
const FUZZ_RUNS = 2000; // of each target: its corpus, then inputs made from it, the same ones every time
const FUZZ_SEED = 1;
// A share of `make alloc`: one allocation for each chain of so many calls that leads to one, in tests that take at most so long (ms).
const ALLOC = { depth: 2, every: 1, slow: 200 };
const HELP = `tests/run.mjs [--flavour ${Object.keys(FLAVOURS).join('|')}]… [--suite ${SUITES.join('|')}]… [TEXT…]
Runs the tests whose file name holds one of the TEXTs; without any, all (but ${ASKED_FOR}, unless it is named).
  make test ARGS='--flavour gcc --suite integration webhook'`;

const { values: options, positionals: texts } = parseArgs({
    allowPositionals: true,
    options: {
        flavour: { type: 'string', multiple: true, default: Object.keys(FLAVOURS) },
        suite: { type: 'string', multiple: true, default: SUITES.filter((suite) => !ASKED_FOR.includes(suite)) },
        help: { type: 'boolean', default: false },
    },
});
const unknown = options.flavour.find((f) => !FLAVOURS[f]) ?? options.suite.find((s) => !SUITES.includes(s));
if (options.help || unknown) {
    console.log(HELP);
    process.exit(unknown ? 2 : 0);
}

// ---- counting

const count = { passed: 0, failed: 0 };
const failures = [];

function pass() {
    count.passed++;
}

function fail(where, name, text = '') {
    count.failed++;
    failures.push(`${where}: ${name}`);
    console.log(`\nFAILED ${where}: ${name}\n${text.trimEnd().replace(/^/gm, '    ')}\n`);
}

function report(where, passed, failed, ms) {
    const failures = failed ? `, ${failed} failed` : '';
    console.log(`${failed ? 'FAIL' : 'ok  '}  ${where}  ${passed} passed${failures}  ${(ms / 1000).toFixed(1)} s`);
}

// ---- running programs

const inherited = { ...process.env };
delete inherited.MAKEFLAGS; // the builds below are makes of their own, not children of the make that called us
delete inherited.MAKELEVEL;
delete inherited.MFLAGS;

function execute(command, args, { limit, env = {} }) {
    return new Promise((done) => {
        const child = spawn(command, args, {
            cwd: ROOT,
            env: { ...inherited, ...env },
            stdio: ['ignore', 'pipe', 'pipe'],
            detached: true, // a group of its own, so that a time-out ends its children too
        });
        let output = '';
        let stdout = '';
        let timedOut = false;
        const timer = setTimeout(() => {
            timedOut = true;
            end(-child.pid);
        }, limit);
        child.stdout.setEncoding('utf8').on('data', (text) => ((output += text), (stdout += text)));
        child.stderr.setEncoding('utf8').on('data', (text) => (output += text));
        child.on('error', (error) => (output += `${error}\n`));
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            if (timedOut)
                output += `\nkilled after ${limit / 1000} s\n`;
            done({ code, signal, output, stdout });
        });
    });
}

// It may just have ended.
function end(pid) {
    try {
        process.kill(pid, 'SIGKILL');
    } catch (error) {
        if (error.code !== 'ESRCH')
            throw error;
    }
}

async function inParallel(items, width, work) {
    const queue = items.values();
    await Promise.all(Array.from({ length: width }, async () => {
        for (const item of queue)
            await work(item);
    }));
}

// ---- the three kinds of checks

async function build(flavour) {
    const since = Date.now();
    const where = `build/${flavour}`;
    const { code, output } = await execute(
        'make', ['--no-print-directory', '-s', '-k', `-j${availableParallelism()}`, `FLAVOUR=${flavour}`, 'all', 'units',
            ...(FLAVOURS[flavour].targets ?? [])],
        { limit: BUILD_LIMIT_MS });
    if (code === 0)
        pass();
    else
        fail(where, 'compiles without a warning', output);
    report(where, Number(code === 0), Number(code !== 0), Date.now() - since);
    return code === 0;
}

// AddressSanitizer's own leak check needs ptrace, which a debugger or a strict sandbox takes away: then it says so and fails.
const SANITIZER = {
    ASAN_OPTIONS: 'detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
};

async function unit(flavour) {
    const programs = list('tests/unit', /^test_.*\.c$/).map((file) => basename(file, '.c'));
    await inParallel(programs, availableParallelism(), async (program) => {
        const since = Date.now();
        const where = `unit/${flavour} ${program}`;
        const result = await execute(join(ROOT, FLAVOURS[flavour].folder, 'unit', program), [],
            { limit: UNIT_LIMIT_MS, env: { CMOCKA_MESSAGE_OUTPUT: 'TAP', ...SANITIZER } });
        const { tests, complete } = parseTap(result.stdout);
        const bad = tests.filter((test) => test.state !== 'passed');
        tests.filter((test) => test.state === 'passed').forEach(pass);
        for (const test of bad)
            fail(where, test.state === 'skipped' ? `${test.name} (skipped)` : test.name, test.text);
        // A crash, a leak or an early exit: not told by any single test.
        const broken = !complete || (result.code !== 0 && bad.length === 0);
        if (broken)
            fail(where, `exit code ${result.code ?? result.signal}, ${tests.length} tests told`, result.output);
        report(where, tests.length - bad.length, bad.length + Number(broken), Date.now() - since);
    });
}

// The parsers of strangers' bytes: `make fuzz` looks for new inputs, this replays what it found and looks a little.
async function smoke(flavour) {
    const chosen = nouns().filter((noun) => texts.length === 0 || texts.some((text) => noun.includes(text)));
    await inParallel(chosen, availableParallelism(), async (noun) => {
        const since = Date.now();
        const where = `fuzz/${flavour} ${noun}`;
        const found = mkdtempSync(join(folder, 'fuzz-'));
        const result = await fuzz(noun, { runs: FUZZ_RUNS, seed: FUZZ_SEED, found });
        if (result.code === 0 && result.executed >= FUZZ_RUNS)
            pass();
        else
            fail(where, 'holds for every input', explain(result));
        report(where, Number(result.code === 0), Number(result.code !== 0), Date.now() - since);
    });
}

// Memory that runs out in the middle of the unit tests.
async function exhaust(flavour) {
    const chosen = alloc.programs().filter((name) => texts.length === 0 || texts.some((text) => name.includes(text)));
    await inParallel(chosen, availableParallelism(), async (program) => {
        const since = Date.now();
        const where = `alloc/${flavour} ${program}`;
        const { runs, found } = await alloc.exhaust(program, { ...ALLOC, folder });
        for (const one of found)
            fail(where, `${one.test}, allocation ${one.number}${one.sticky ? ' and on' : ''}`, alloc.explain(program, one));
        count.passed += runs - found.length;
        if (runs > 0)
            report(where, runs - found.length, found.length, Date.now() - since);
    });
}

async function scripts(suite, flavour) {
    const files = list(`tests/${suite}`, /\.test\.mjs$/);
    if (files.length === 0)
        return;
    Object.assign(process.env, SANITIZER, { TEST_BUILD: join(ROOT, FLAVOURS[flavour].folder), TEST_FLAVOUR: flavour });
    const state = new Map(files.map((file) => [file, { passed: 0, failed: 0, output: '', ms: 0 }]));
    const where = (file) => `${suite}/${flavour} ${basename(file)}`;
    // Faults are aimed at one system at a time, and measure how it recovers.
    const concurrency = suite === 'faults' ? 1 : availableParallelism();
    const stream = runFiles({ files, concurrency, timeout: FILE_LIMIT_MS });

    const settle = (event, failed, text) => {
        const file = state.get(event.file);
        if (event.nesting === 0)
            file.ms += event.details.duration_ms;
        if (failed) {
            file.failed++;
            fail(where(event.file), event.name === event.file ? 'the file as a whole' : event.name, text);
        } else {
            file.passed++;
            pass();
        }
    };
    const explain = ({ error }) => {
        const cause = error?.cause ?? error;
        return `${cause?.stack ?? cause?.message ?? cause ?? ''}`;
    };
    stream.on('test:stdout', (event) => (state.get(event.file).output += event.message));
    stream.on('test:stderr', (event) => (state.get(event.file).output += event.message));
    stream.on('test:pass', (event) => {
        if (event.details.type === 'suite')
            return;
        if (event.name === event.file) // Node's word for a file that ran nothing
            settle(event, true, 'the file holds no test');
        else
            settle(event, event.skip !== undefined || event.todo !== undefined, 'skipped or todo');
    });
    stream.on('test:fail', (event) => {
        if (event.details.type === 'suite' && event.details.error?.failureType === 'subtestsFailed')
            return; // its tests were counted
        const { output } = state.get(event.file);
        settle(event, true, event.name === event.file ? `${explain(event.details)}\n${output.slice(-20_000)}` : explain(event.details));
    });
    for await (const event of stream)
        void event;
    for (const [file, { passed, failed, output, ms }] of state) {
        report(where(file), passed, failed, ms);
        if (failed && output)
            console.log(`output of ${where(file)} (its end):\n${output.slice(-8_000)}`);
    }
}

// ---- what may not remain

// Every process that a test starts inherits our run's folder in its environment. → [{ pid, name }]
function survivors(folder) {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).flatMap((pid) => {
        try {
            const ours = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`TEST_DIR=${folder}`);
            return ours ? [{ pid: Number(pid), name: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ') }] : [];
        } catch {
            return []; // gone, or not ours to look at
        }
    });
}

function list(folder, pattern) {
    let names = [];
    try {
        names = readdirSync(join(ROOT, folder));
    } catch (error) {
        if (error.code !== 'ENOENT')
            throw error;
    }
    return names.filter((name) => pattern.test(name)).sort()
        .filter((name) => texts.length === 0 || texts.some((text) => name.includes(text)))
        .map((name) => join(ROOT, folder, name));
}

const folder = mkdtempSync(join(tmpdir(), 'duongthu-test-'));
chmodSync(folder, 0o711); // the user postgres passes through
process.env.TEST_DIR = folder;
const started = Date.now();
try {
    for (const flavour of options.flavour) {
        if (!(await build(flavour)))
            continue;
        for (const suite of FLAVOURS[flavour].suites.filter((name) => options.suite.includes(name)))
            await ({ unit, fuzz: smoke, alloc: exhaust }[suite] ?? ((name) => scripts(suite, name)))(flavour);
    }
    await until(() => survivors(folder).length === 0, { limit: LEAVE_MS }).catch(() => {}); // those who stay are told below
    for (const { pid, name } of survivors(folder)) {
        end(pid);
        fail('after the tests', `process ${pid} outlived its test`, name);
    }
} finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
}

console.log(`\n${((Date.now() - started) / 1000).toFixed(0)} s`);
if (failures.length)
    console.log(`failed:\n  ${failures.join('\n  ')}`);
if (count.passed + count.failed === 0)
    count.failed = 1; // a run that tested nothing proves nothing
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed ? 1 : 0;
