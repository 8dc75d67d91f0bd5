// SPDX-License-Identifier: EUPL-1.2
// A program of ours under control (of tests/drivers, or by its path): lines in, lines out.
import { spawn } from 'node:child_process';
import { basename, isAbsolute, join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from './build.mjs';
import { until } from './wait.mjs';

export class Driver {
    lines = []; // all that it said so far
    errors = ''; // its stderr

    constructor(name, args) {
        this.name = basename(name);
        this.process = spawn(isAbsolute(name) ? name : join(build, 'drivers', name), args, { stdio: ['pipe', 'pipe', 'pipe'] });
        createInterface({ input: this.process.stdout }).on('line', (line) => this.lines.push(line));
        this.process.stderr.setEncoding('utf8').on('data', (text) => (this.errors += text));
        this.process.stdin.on('error', () => {}); // it ended; `ended` tells
        this.ended = new Promise((resolve) => this.process.on('close', (code, signal) => resolve({ code, signal })));
        const kill = () => this.process.kill('SIGKILL');
        process.on('exit', kill);
        this.ended.then(() => process.off('exit', kill));
    }

    send(...commands) {
        this.process.stdin.write(commands.map((command) => `${command}\n`).join(''));
    }

    // Waits until a line from number `from` on fits (a text: is equal; a function says so), and returns it.
    async says(pattern, { from = 0, limit = 30_000 } = {}) {
        const fits = typeof pattern === 'function' ? pattern : (line) => (typeof pattern === 'string' ? line === pattern : pattern.test(line));
        const what = () => `${this.name} says ${pattern}; it said:\n${this.lines.slice(-30).join('\n')}\n${this.errors}`;
        try {
            return await until(() => this.lines.slice(from).find(fits), { limit });
        } catch (error) {
            throw new Error(`${error.message.split(':')[0]}: ${what()}`, { cause: error.cause });
        }
    }

    // Closes its input, as a polite goodbye. → { code, signal }
    async end() {
        this.process.stdin.end();
        return this.ended;
    }
}
