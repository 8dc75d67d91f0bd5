// SPDX-License-Identifier: EUPL-1.2
// Builds that are broken on purpose (tests/faults/broken): NAME.patch changes C files and is linked into a program of its own, NAME.sql replaces parts of SQL functions.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import { promisify } from 'node:util';
import { binary, build, flavour, root } from './build.mjs';

const FOLDER = join(root, 'tests/faults/broken');

// Their names, in order.
export const brokenBuilds = () => [...new Set(readdirSync(FOLDER).map((file) => parse(file).name))].sort();

// → the program to run: a broken one, or the good one when only SQL is broken, or when name is undefined.
export async function brokenProgram(name) {
    if (!name || !existsSync(join(FOLDER, `${name}.patch`)))
        return binary;
    const program = join(build, 'broken', name, 'duongthu');
    const { MAKEFLAGS, MAKELEVEL, MFLAGS, ...env } = process.env; // a make of its own
    try {
        await promisify(execFile)('make', ['-s', `FLAVOUR=${flavour}`, program.slice(root.length + 1)], { cwd: root, env });
    } catch (error) {
        throw new Error(`${name}.patch does not build (any more):\n${error.stderr}`, { cause: error });
    }
    return program;
}

// Replaces a part of a function's text, and insists that it is there.
const REPLACE = `
    create function pg_temp.replace_in(p_function regproc, p_old text, p_new text) returns void language plpgsql as $$
    declare v text := pg_get_functiondef(p_function);
    begin
        if position(p_old in v) = 0 then
            raise exception '% does not hold: %', p_function, p_old;
        end if;
        execute replace(v, p_old, p_new);
    end $$;`;

export async function breakDatabase(cluster, name) {
    const file = join(FOLDER, `${name}.sql`);
    if (name && existsSync(file))
        await cluster.psql(`${REPLACE}\n${readFileSync(file, 'utf8')}`);
}
