// SPDX-License-Identifier: EUPL-1.2
// The house rules of DESIGN §2 that a script can see. Each rule is a function: files → complaints, one line each, `file:line: why`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 100;
const TOP_LEVEL = ['LICENSE', 'Makefile', 'README.md', 'deploy', 'migrations', 'proto', 'services', 'tests'];
const BANNED = ['strcpy', 'strcat', 'sprintf', 'vsprintf', 'strtok', 'atoi', 'atol', 'atoll', 'atof', 'gets', 'alloca', 'usleep',
    'PQexec', 'system', 'popen', 'tmpnam', 'mktemp'];

// Which of our folders a folder may include. Every folder not named here is a service.
const LAYERS = { domain: ['domain'], base: ['base'], io: ['io', 'base'] };
const SERVICE = ['domain', 'base', 'io'];
// Library headers that belong to one folder.
const ONLY_IO = /^(libpq-fe\.h|libpq\/|h2o\.h|h2o\/|curl\/|openssl\/|sodium)/;
// All that the pure rules may use: no clock, no files, no threads, no allocation beyond stdlib.
const PURE = /^(assert|ctype|errno|inttypes|limits|stdalign|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|strings)\.h$/;

const isC = (file) => /\.[ch]$/.test(file.name);
const isSource = (file) => /\.(c|h|mjs|ts|tsx|sh|py|sql)$/.test(file.name) || file.name === '.ci/run';

// The code without comments, strings and character constants; line breaks stay.
export function code(text) {
    return text.replace(/\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g,
        (match) => (/^["']/.test(match) ? '""' : match.replace(/[^\n]/g, '')));
}

export function fileLength(files) {
    return files.filter(isSource)
        .map((file) => [file, file.text.split('\n').length - 1])
        .filter(([, lines]) => lines > FILE_LINES_MAX)
        .map(([file, lines]) => `${file.name}: ${lines} lines; at most ${FILE_LINES_MAX}`);
}

// clang-format puts a function's braces, and no others, alone into the first column.
export function functionLength(files) {
    return files.filter(isC).flatMap((file) => {
        const complaints = [];
        let start = 0;
        file.text.split('\n').forEach((line, index) => {
            if (line === '{')
                start = index;
            else if (line === '}' && index - start - 1 > FUNCTION_LINES_MAX)
                complaints.push(`${file.name}:${start}: a function of ${index - start - 1} lines; at most ${FUNCTION_LINES_MAX}`);
        });
        return complaints;
    });
}

export function layering(files) {
    return files.filter((file) => isC(file) && /^services\/[^/]+\//.test(file.name)).flatMap((file) => {
        const folder = file.name.split('/')[1];
        const allowed = LAYERS[folder] ?? [...SERVICE, folder];
        return [...file.text.matchAll(/^#include ["<]([^">]+)[">]/gm)].flatMap(([directive, header]) => {
            const line = file.text.slice(0, file.text.indexOf(directive)).split('\n').length;
            const where = `${file.name}:${line}`;
            const ours = directive.includes('"') && header.includes('/') ? header.split('/')[0] : null;
            if (ours && !allowed.includes(ours))
                return [`${where}: ${folder} may not include ${header} (only ${allowed.join(', ')})`];
            if (!ours && folder === 'domain' && !PURE.test(header) && directive.includes('<'))
                return [`${where}: domain is pure: no ${header}`];
            if (!ours && folder !== 'io' && ONLY_IO.test(header))
                return [`${where}: only io includes ${header}`];
            return [];
        });
    });
}

export function bannedFunctions(files) {
    const call = new RegExp(`(?<![\\w.>])(${BANNED.join('|')})\\s*\\(`, 'g');
    return files.filter(isC).flatMap((file) => {
        const text = code(file.text);
        return [...text.matchAll(call)].map((match) =>
            `${file.name}:${text.slice(0, match.index).split('\n').length}: ${match[1]}() is banned`);
    });
}

export function heads(files) {
    return files.filter((file) => isSource(file) && !file.name.endsWith('.sql')).flatMap((file) => {
        const complaints = [];
        if (!file.text.split('\n', 2).some((line) => line.includes('SPDX-License-Identifier: EUPL-1.2')))
            complaints.push(`${file.name}:1: no line "SPDX-License-Identifier: EUPL-1.2"`);
        if (file.name.endsWith('.h') && !/^#pragma once$/m.test(file.text))
            complaints.push(`${file.name}:1: no #pragma once`);
        return complaints;
    });
}

// Half-done work is not marked, it is finished. (The words are put together here so that this file passes.)
export function unfinished(files) {
    const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b`);
    return files.filter(isSource).flatMap((file) =>
        file.text.split('\n').flatMap((line, index) => {
            const match = line.match(words);
            return match ? [`${file.name}:${index + 1}: "${match[1]}"`] : [];
        }));
}

export function topLevel(files) {
    const names = new Set(files.map((file) => file.name.split('/')[0]).filter((name) => !name.startsWith('.')));
    return [...names].filter((name) => !TOP_LEVEL.includes(name)).map((name) => `${name}: the top level holds ${TOP_LEVEL.join(', ')}`);
}

export function npmProjects(files) {
    return files.filter((file) => /(^|\/)package(-lock)?\.json$/.test(file.name)).flatMap((file) => {
        if (!/^(tests|services\/[^/]+\/web)\//.test(file.name))
            return [`${file.name}: npm projects live in tests/ and services/*/web/`];
        if (file.name.endsWith('-lock.json') && /"resolved"/.test(file.text))
            return [`${file.name}: names a registry host; write it with omit-lockfile-registry-resolved`];
        return [];
    });
}

export function links(files) {
    return files.filter((file) => file.name.endsWith('.md')).flatMap((file) =>
        [...file.text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)/g)]
            .filter(([, target]) => !existsSync(join(dirname(file.name), target)))
            .map(([, target]) => `${file.name}: links to ${target}, which is not there`));
}
