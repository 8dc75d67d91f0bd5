// SPDX-License-Identifier: EUPL-1.2
// The house rules see what they are for, and let the near misses pass.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as house from '../lint/house.mjs';

const file = (name, text) => [{ name, text }];
const c = (text) => file('services/webhook/x.c', text);
const lines = (n) => 'x;\n'.repeat(n);

const cases = [
    ['fileLength', c(lines(601)), c(lines(600))],
    ['functionLength', c(`int f(void)\n{\n${lines(101)}}\n`), c(`int f(void)\n{\n${lines(100)}}\nstruct s {\n${lines(200)}};\n`)],
    ['layering', c('#include "sms/x.h"\n'), c('#include "io/http.h"\n#include "domain/x.h"\n#include "webhook/y.h"\n#include <uv.h>\n')],
    ['layering', file('services/domain/x.h', '#include <time.h>\n'), file('services/domain/x.h', '#include <string.h>\n')],
    ['layering', file('services/base/x.c', '#include "io/db.h"\n'), file('services/base/x.c', '#include "base/buf.h"\n#include <ini.h>\n')],
    ['layering', c('#include <libpq-fe.h>\n'), file('services/io/db.c', '#include <libpq-fe.h>\n')],
    ['bannedFunctions', c('  strcpy(a, b);\n'), c('  x_strcpy(a); a.system(1); // strcpy(a, b)\n  puts("sprintf(a)");\n  snprintf(a);\n')],
    ['heads', file('services/io/x.h', '// SPDX-License-Identifier: EUPL-1.2\n'), file('services/io/x.h', '// SPDX-License-Identifier: EUPL-1.2\n#pragma once\n')],
    ['heads', c('int x;\n'), c('// SPDX-License-Identifier: EUPL-1.2\n')],
    ['unfinished', c(`// ${'TO' + 'DO'}: more\n`), c('// a todo list of the user\n')],
    ['topLevel', file('src/x.c', ''), file('tests/x.c', '')],
    ['npmProjects', file('package.json', '{}'), file('services/ingest/web/package.json', '{}')],
    ['npmProjects', file('tests/package-lock.json', '"resolved": "x"'), file('tests/package-lock.json', '"integrity": "x"')],
    ['links', file('README.md', '[x](no-such-file.md)'), file('README.md', '[x](Makefile) [y](#part) [z](https://example.org/)')],
];

for (const [rule, bad, good] of cases) {
    test(`${rule} complains about ${JSON.stringify(bad[0].text.slice(0, 40))}, not about its near miss`, () => {
        assert.equal(house[rule](bad).length, 1);
        assert.deepEqual(house[rule](good), []);
    });
}

test('an argument that names no check is an error that lists them', () => {
    const { status, stderr } = spawnSync(process.execPath, [new URL('../lint/lint.mjs', import.meta.url).pathname, 'format', 'fromat'], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /^ {2}format$/m);
});
