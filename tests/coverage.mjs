// SPDX-License-Identifier: EUPL-1.2
// `make coverage`: how many branches of services/domain the unit tests take, file by file, and each line with one that no test took.
// Fails below BRANCHES_MIN in all. A branch is one way out of a condition, as gcc compiled it without optimisation.
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inParallel } from './fuzz/fuzz.mjs';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const BUILD = join(ROOT, 'build/coverage');
const OBJECTS = join(BUILD, 'obj/services/domain');
const BRANCHES_MIN = 95; // percent

const made = spawnSync('make', ['-s', `-j${availableParallelism()}`, 'covertests'], { cwd: ROOT, stdio: 'inherit' });
if (made.status !== 0)
    process.exit(1);
for (const name of readdirSync(OBJECTS).filter((each) => each.endsWith('.gcda')))
    rmSync(join(OBJECTS, name)); // of an earlier run

let broken = 0;
const programs = readdirSync(join(ROOT, 'tests/unit')).filter((name) => /^test_.*\.c$/.test(name)).map((name) => basename(name, '.c'));
await inParallel(programs, availableParallelism(), (program) => new Promise((done) => {
    const child = spawn(join(BUILD, program), [], { cwd: ROOT, stdio: 'ignore', timeout: 600_000, killSignal: 'SIGKILL' });
    child.on('close', (code) => {
        if (code !== 0) {
            broken++;
            console.log(`${program} failed: see make unit`);
        }
        done();
    });
}));

// → { lines: [{ line_number, count, branches: [{ count }] }] } of one source
function measure(object) {
    const { stdout } = spawnSync('gcov', ['--json-format', '--stdout', '-b', object], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28 });
    const source = `${basename(object, '.o')}.c`;
    return JSON.parse(stdout.trim().split('\n')[0]).files.find(({ file }) => basename(file) === source);
}

const percent = (part, whole) => (whole === 0 ? 100 : (100 * part) / whole);
const sum = { branches: 0, taken: 0 };
const missing = [];
console.log('services/domain         branches   taken');
for (const name of readdirSync(OBJECTS).filter((each) => each.endsWith('.o')).sort()) {
    const file = measure(join(OBJECTS, name));
    if (!file)
        continue; // data only
    const source = `services/domain/${basename(name, '.o')}.c`;
    let branches = 0;
    let taken = 0;
    for (const line of file.lines) {
        branches += line.branches.length;
        taken += line.branches.filter(({ count }) => count > 0).length;
        if (line.branches.some(({ count }) => count === 0))
            missing.push(`${source}:${line.line_number}`);
    }
    sum.branches += branches;
    sum.taken += taken;
    if (branches > 0)
        console.log(`${basename(source).padEnd(24)}${String(branches).padStart(8)}${percent(taken, branches).toFixed(1).padStart(6)} %`);
}
const whole = percent(sum.taken, sum.branches);
console.log(`${'all'.padEnd(24)}${String(sum.branches).padStart(8)}${whole.toFixed(1).padStart(6)} %`);
console.log(`\nnot every branch is taken on:\n  ${missing.join('\n  ')}`);
if (whole < BRANCHES_MIN)
    console.log(`\nbelow ${BRANCHES_MIN} %`);
process.exitCode = whole < BRANCHES_MIN || broken > 0 ? 1 : 0;
