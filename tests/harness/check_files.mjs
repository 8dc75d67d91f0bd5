// SPDX-License-Identifier: EUPL-1.2
// Looks at a run again, from the files that its actors left: node tests/harness/check_files.mjs FOLDER. Exit code 1: the promise was broken; 2: the run left no database.
import { statSync } from 'node:fs';
import { History, check, line, summarise } from './history.mjs';
import { readHistory } from './history_files.mjs';

const [folder] = process.argv.slice(2);
if (!folder || !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    console.error('usage: node tests/harness/check_files.mjs FOLDER');
    process.exit(2);
}
const { history, db } = readHistory(folder, new History());
if (!db) {
    console.error(`${folder} holds no db.jsonl: the run died before its end. ${history.uploads.length} uploads, ${history.nemesis.length} faults were written down.`);
    process.exit(2);
}
const wrong = check(history, db);
wrong.forEach((text) => console.log(text));
const summary = summarise(history, db, wrong);
console.log(Object.entries(summary.stale.histogram).map(([bound, n]) => `${n} reads ${bound} behind`).join(', '));
console.log(line(summary));
process.exit(wrong.length > 0 ? 1 : 0);
