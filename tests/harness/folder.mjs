// SPDX-License-Identifier: EUPL-1.2
// Where a test keeps its files: a folder per run, that tests/run.mjs makes and removes; a test file run by hand makes its own.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function own() {
    const folder = mkdtempSync(join(tmpdir(), 'duongthu-test-'));
    chmodSync(folder, 0o711); // PostgreSQL runs as another user when we are root, and passes through
    process.env.TEST_DIR = folder;
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
}

export const runFolder = process.env.TEST_DIR ?? own();

// A new folder in it. Short, because socket paths end at 107 bytes.
export function newFolder(prefix) {
    const folder = mkdtempSync(join(runFolder, `${prefix}-`));
    chmodSync(folder, 0o711);
    return folder;
}
