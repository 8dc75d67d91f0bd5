// SPDX-License-Identifier: EUPL-1.2
// Which build is under test. tests/run.mjs says so; a file run by hand (var/node/bin/node --test FILE) takes plain build/.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const build = process.env.TEST_BUILD ?? join(root, 'build');
export const binary = join(build, 'duongthu');
// 'gcc' or 'asan': the sanitizers make everything about three times slower.
export const flavour = process.env.TEST_FLAVOUR ?? 'gcc';
