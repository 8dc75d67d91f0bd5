// SPDX-License-Identifier: EUPL-1.2
// `make lint`: each check prints ok or its complaints; the exit code is 0 only if all are ok. Texts as arguments choose checks by
// name: make lint ARGS='house format'.
import { execFileSync, spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as house from './house.mjs';

process.chdir(resolve(dirname(fileURLToPath(import.meta.url)), '../..'));
const jobs = String(availableParallelism());

const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' })
    .split('\0').filter((name) => name && lstatSync(name, { throwIfNoEntry: false })?.isFile())
    .map((name) => ({ name, text: readFileSync(name, 'utf8') }));
const names = (pattern) => files.map((file) => file.name).filter((name) => pattern.test(name));

// → complaints: what a program printed, if it failed
function complaints(program, args, input) {
    const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', input, maxBuffer: 1 << 26 });
    if (error)
        return [String(error)];
    return status === 0 ? [] : [`${stdout}${stderr}`.trim() || `${program}: exit code ${status}`];
}

function headersAlone() {
    const flags = execFileSync('make', ['-s', 'flags'], { encoding: 'utf8' }).trim().split(' ').filter((flag) => !/^-MM?[DP]$/.test(flag));
    return names(/^services\/.*\.h$/).flatMap((name) =>
        complaints('gcc', [...flags, '-fsyntax-only', '-x', 'c', '-'], `#include "${name.replace('services/', '')}"\n`));
}

// internalAstError: its parser gives up on some compound literals; the compilers and clang-tidy read those.
function cppcheck() {
    const cache = 'build/lint/cppcheck';
    mkdirSync(cache, { recursive: true });
    return complaints('cppcheck', ['--quiet', `-j${jobs}`, '--std=c11', '--enable=warning,performance,portability', '--inline-suppr',
        '--error-exitcode=1', `--cppcheck-build-dir=${cache}`, '--suppress=missingIncludeSystem', '--suppress=internalAstError',
        '-Iservices', '-D_GNU_SOURCE', 'services']);
}

const checks = {
    'house: file length': () => house.fileLength(files),
    'house: function length': () => house.functionLength(files),
    'house: layering': () => house.layering(files),
    'house: banned functions': () => house.bannedFunctions(files),
    'house: heads': () => house.heads(files),
    'house: unfinished': () => house.unfinished(files),
    'house: top level': () => house.topLevel(files),
    'house: npm projects': () => house.npmProjects(files),
    'house: links': () => house.links(files),
    'format': () => complaints('clang-format', ['--dry-run', '--Werror', ...names(/^(services|tests)\/.*\.[ch]$/)]),
    'headers alone': headersAlone,
    'scripts: shell': () => names(/\.sh$|^\.ci\/run$/).flatMap((name) => complaints('shellcheck', ['-x', name])),
    'scripts: node': () => names(/\.mjs$/).flatMap((name) => complaints(process.execPath, ['--check', name])),
    'cppcheck': cppcheck,
    'clang-tidy': () => complaints('make', ['-s', '-k', `-j${jobs}`, '--output-sync', 'tidy']),
};

const texts = process.argv.slice(2);
if (texts.some((text) => !Object.keys(checks).some((name) => name.includes(text)))) {
    console.error(`lint: an argument is (part of) the name of a check. There are:\n${Object.keys(checks).map((name) => `  ${name}`).join('\n')}`);
    process.exit(2);
}
let passed = 0;
let failed = 0;
for (const [name, check] of Object.entries(checks)) {
    if (texts.length > 0 && !texts.some((text) => name.includes(text)))
        continue;
    const found = check();
    if (found.length === 0)
        passed++;
    else
        failed++;
    console.log(`${found.length ? 'FAIL' : 'ok  '}  ${name}`);
    found.forEach((line) => console.log(line.replace(/^/gm, '    ')));
}
console.log(`lint: ${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
