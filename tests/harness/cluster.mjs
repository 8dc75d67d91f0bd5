// SPDX-License-Identifier: EUPL-1.2
// A throw-away PostgreSQL cluster on a Unix socket, with the settings of deploy/postgresql.conf and our migrations. initdb and the
// migrations run once per test run; every cluster is a copy. Works as root (the server then runs as `postgres`) and as a user.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, chownSync, existsSync, mkdirSync, openSync, closeSync, readdirSync, readFileSync, readlinkSync, renameSync,
    rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { binary, root } from './build.mjs';
import { Disk } from './disk.mjs';
import { newFolder, runFolder } from './folder.mjs';
import { connect } from './pg.mjs';
import { until } from './wait.mjs';

const SERVER = '/usr/lib/postgresql';
const bin = join(SERVER, readdirSync(SERVER).sort((a, b) => b - a)[0], 'bin');
// Small, because a dozen run beside each other; durable, because services refuse anything else.
const SETTINGS = { shared_buffers: '32MB', max_connections: 60, max_wal_size: '256MB', log_statement_stats: 'off' };

// Who runs the server.
const owner = process.getuid() === 0 ? systemUser('postgres') : null;

function systemUser(name) {
    const line = readFileSync('/etc/passwd', 'utf8').split('\n').find((entry) => entry.startsWith(`${name}:`));
    if (!line)
        throw new Error(`no system user ${name}: deploy/setup.sh run installs PostgreSQL`);
    const [, , uid, gid] = line.split(':').map(Number);
    return { uid, gid };
}

function give(path) {
    if (owner)
        chownSync(path, owner.uid, owner.gid);
}

// → a running Cluster; stop it with destroy(). settings: over those above. migrate: false for an empty database. machine: of harness/network.mjs, to run it there: it
// also listens at that address. disks: { data, wal } in MiB, to put both on small disks of their own.
export async function startCluster({ settings = {}, migrate = true, machine = null, disks = null } = {}) {
    const cluster = new Cluster(await template(migrate), settings, machine, disks);
    await cluster.start();
    return cluster;
}

// → a Cluster whose data folder somebody else lays out, as a restore or a standby does: then configure(…) and start().
export function emptyCluster({ machine = null } = {}) {
    return new Cluster(null, {}, machine);
}

// A folder that belongs to the user who runs the server.
export function serverFolder(prefix) {
    const folder = newFolder(prefix);
    give(folder);
    return folder;
}

// Runs a program of PostgreSQL, or a shell, as the user who runs the server; throws with what it said.
export async function asServer(command, args, { env = {}, input } = {}) {
    const child = spawn(command, args, { ...owner, cwd: '/', env: { ...process.env, PATH: `${bin}:${process.env.PATH}`, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.stdin.end(input);
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code !== 0)
        throw new Error(`${command} ${args.join(' ')}: ${code}\n${output}`);
    return output;
}

const clusters = new Set();
process.on('exit', () => clusters.forEach((cluster) => cluster.process?.kill('SIGQUIT')));

export class Cluster {
    disks = {}; // data, wal of harness/disk.mjs, where they are disks of their own

    constructor(source, settings, machine, disks) {
        this.machine = machine;
        this.folder = newFolder('pg');
        give(this.folder);
        this.data = join(this.folder, 'data');
        clusters.add(this);
        if (!source)
            return;
        if (disks) {
            this.disks = { data: new Disk(join(this.folder, 'disk'), disks.data), wal: new Disk(join(this.folder, 'wal'), disks.wal) };
            this.data = join(this.disks.data.path, 'data');
        }
        // cp keeps owners and shares blocks where the file system can; Node's own copy does neither.
        execFileSync('cp', ['-a', '--reflink=auto', source, this.data]);
        if (disks) {
            execFileSync('mv', [join(this.data, 'pg_wal'), this.disks.wal.path]);
            symlinkSync(join(this.disks.wal.path, 'pg_wal'), join(this.data, 'pg_wal'));
        }
        this.configure({ ...SETTINGS, ...settings, ...this.place });
        if (machine)
            appendFileSync(join(this.data, 'pg_hba.conf'), 'host all,replication all samenet trust\n');
    }

    // Where it listens, for configure(): a copy of another cluster's folder must not take that one's place.
    get place() {
        return { port: 5432, unix_socket_directories: this.folder, ...(this.machine && { listen_addresses: this.machine.address }) };
    }

    // Out of recovery: it takes writes.
    async opened({ limit = 60_000 } = {}) {
        await until(async () => (await this.psql('select pg_is_in_recovery() as recovering'))[0].recovering === false, { limit, what: 'the cluster is out of recovery' });
    }

    // Written behind all others, so these count. Takes effect at the next start.
    configure(settings) {
        const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
        appendFileSync(join(this.data, 'postgresql.conf'), lines.join(''));
    }

    // libpq's words for it; host, port: another way to it than its socket
    conninfo({ user = 'duongthu', database = 'duongthu', host = this.folder, port = 5432 } = {}) {
        return `host=${host} port=${port} dbname=${database} user=${user}`;
    }

    // The path of its Unix socket.
    get socket() {
        return join(this.folder, '.s.PGSQL.5432');
    }

    connect({ user = 'duongthu', database = 'duongthu' } = {}) {
        return connect({ host: this.folder, user, database });
    }

    // Rows of one statement (or of the last of several), as the superuser unless said otherwise.
    async psql(sql, params, who) {
        const session = await this.connect(who);
        try {
            return await session.query(sql, params);
        } finally {
            await session.drop();
        }
    }

    // From the next start on: for ever in recovery, read-only, as a standby whose primary is away.
    makeStandby() {
        const path = join(this.data, 'standby.signal');
        writeFileSync(path, '');
        give(path);
    }

    // → a standby that streams from here, running; `standby` is its name for synchronous(). Its own Cluster: destroy() it. standby: the one that it shall be.
    async standby(standby = emptyCluster()) {
        try {
            await asServer('pg_basebackup', ['-d', this.conninfo(), '-D', standby.data, '-X', 'stream', '--checkpoint=fast', '--no-sync']);
            // It streams through the socket: on a network its primary has the address already.
            standby.configure({ ...standby.place, listen_addresses: '', primary_conninfo: `${this.conninfo()} application_name=standby`, wal_receiver_status_interval: '1s',
                synchronous_standby_names: '' });
            standby.makeStandby();
            await standby.start();
            await until(async () => (await this.psql("select from pg_stat_replication where application_name = 'standby' and state = 'streaming'")).length === 1,
                { limit: 30_000, what: 'the standby streams' });
        } catch (error) {
            await standby.destroy();
            throw error;
        }
        return standby;
    }

    // From now on each commit waits for these standbys; '' for none.
    async synchronous(names) {
        await this.psql(`alter system set synchronous_standby_names = '${names}'`);
        await this.psql('select pg_reload_conf()');
        await until(async () => (await this.psql("select current_setting('synchronous_standby_names') as names"))[0].names === names, { what: `commits wait for '${names}'` });
    }

    // Of a standby: it has stored all that `primary` has.
    async caughtUp(primary) {
        const [{ lsn }] = await primary.psql('select pg_current_wal_flush_lsn()::text as lsn');
        await until(async () => (await this.psql('select pg_last_wal_replay_lsn() >= $1::pg_lsn as there', [lsn]))[0].there, { limit: 30_000, what: `the standby has ${lsn}` });
    }

    // Of a standby: the process that takes the stream. SIGSTOP: the standby is slow; its other processes live.
    async walReceiver(signal) {
        const [{ pid }] = await until(() => this.psql('select pid from pg_stat_wal_receiver').then((rows) => rows.length && rows), { limit: 30_000, what: 'a WAL receiver' });
        process.kill(pid, signal);
        return pid;
    }

    // Of a standby: a primary from now on.
    async promote() {
        await this.psql('select pg_promote(true, 60)');
        await this.opened();
    }

    // What was a primary, and is stopped, becomes a standby of the one that took its place.
    async rejoin(primary) {
        await primary.psql('checkpoint'); // until then its control file names the old timeline, and pg_rewind sees nothing to rewind
        await asServer('pg_rewind', ['-D', this.data, `--source-server=${primary.conninfo({ database: 'postgres' })}`, '--no-sync']);
        this.configure({ ...this.place, primary_conninfo: `${primary.conninfo()} application_name=standby` });
        this.makeStandby();
        await this.start();
    }

    async start() {
        if (this.process)
            throw new Error('already running');
        const log = openSync(join(this.folder, 'log'), 'a');
        const server = [join(bin, 'postgres'), ['-D', this.data]];
        const child = spawn(...(this.machine ? this.machine.command(...server, owner) : server),
            { ...(this.machine ? {} : owner), cwd: '/', stdio: ['ignore', log, log], detached: true });
        closeSync(log);
        this.process = child;
        child.ended = new Promise((resolve) => child.on('exit', (code, signal) => resolve({ code, signal })));
        child.ended.then(() => {
            if (this.process === child)
                this.process = null;
        });
        try {
            await until(async () => {
                if (!this.process)
                    return true;
                await (await this.connect({ database: 'postgres' })).drop();
                return true;
            }, { limit: 60_000, what: 'PostgreSQL answers' });
        } catch (error) {
            throw new Error(`${error.message}\n${this.log()}`, { cause: error.cause });
        }
        if (!this.process)
            throw new Error(`PostgreSQL did not start:\n${this.log()}`);
    }

    // smart, fast or immediate, as in pg_ctl
    async stop(mode = 'fast') {
        if (!this.process)
            return;
        const { ended } = this.process;
        this.process.kill({ smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' }[mode]);
        await ended;
    }

    // Every process at once, as when the power goes (less the disk's cache).
    async crash() {
        const { ended } = this.process;
        this.#signal('SIGKILL');
        await ended;
        await until(() => this.#processes().length === 0, { what: 'no backend is left' });
        rmSync(join(this.data, 'postmaster.pid'), { force: true }); // its number may be another process by now
    }

    async restart(mode = 'fast') {
        await this.stop(mode);
        await this.start();
    }

    // The machine hangs: connections stay open, nothing is answered.
    freeze() {
        this.process.kill('SIGSTOP'); // first who makes new ones
        this.#signal('SIGSTOP');
        this.#signal('SIGSTOP'); // and what it had made meanwhile
    }

    thaw() {
        this.#signal('SIGCONT');
    }

    log() {
        return readFileSync(join(this.folder, 'log'), 'utf8');
    }

    // As emptyCluster() made it: others may know where it will be.
    async clear() {
        await this.stop('immediate');
        rmSync(this.data, { recursive: true, force: true });
    }

    async destroy() {
        if (this.process) {
            this.thaw();
            await this.stop('immediate');
        }
        Object.values(this.disks).forEach((disk) => disk.unmount());
        rmSync(this.folder, { recursive: true, force: true });
        clusters.delete(this);
    }

    // Postmaster and backends: they all work in the data folder.
    #processes() {
        return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).map(Number).filter((pid) => {
            try {
                return readlinkSync(`/proc/${pid}/cwd`) === this.data;
            } catch {
                return false;
            }
        });
    }

    #signal(signal) {
        for (const pid of this.#processes()) {
            try {
                process.kill(pid, signal);
            } catch (error) {
                if (error.code !== 'ESRCH')
                    throw error;
            }
        }
    }
}

// ---- templates: a stopped data folder per kind, made by whichever test file needs it first

async function template(migrate) {
    const settings = readFileSync(join(root, 'deploy/postgresql.conf'), 'utf8');
    const digest = createHash('sha256').update(bin).update(settings);
    if (migrate) {
        for (const name of readdirSync(join(root, 'migrations')).sort())
            digest.update(name).update(readFileSync(join(root, 'migrations', name)));
    }
    const folder = join(runFolder, `template-${migrate ? 'migrated' : 'empty'}-${digest.digest('hex').slice(0, 12)}`);
    await once(folder, async () => {
        const data = join(newFolder('new'), 'data');
        if (migrate)
            await migrated(data);
        else
            empty(data, settings);
        renameSync(data, folder);
    });
    return folder;
}

function empty(data, settings) {
    mkdirSync(data, { mode: 0o700 });
    give(data);
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'duongthu', '--auth=trust', '--data-checksums', '--encoding=UTF8',
        '--locale=C.UTF-8', '--lc-collate=C', '--no-sync'], { ...owner, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
    appendFileSync(join(data, 'postgresql.conf'), settings);
    execFileSync(join(bin, 'postgres'), ['--single', '-D', data, 'postgres'],
        { ...owner, cwd: '/', input: 'CREATE DATABASE duongthu\n', stdio: ['pipe', 'ignore', 'pipe'] });
}

async function migrated(data) {
    const cluster = await startCluster({ migrate: false });
    try {
        execFileSync(binary, ['migrate'], {
            cwd: root, encoding: 'utf8', env: { ...process.env, DUONGTHU_DATABASE_OWNER_URL: cluster.conninfo() },
        });
        await cluster.stop();
        renameSync(cluster.data, data);
    } finally {
        await cluster.destroy();
    }
}

// Several test files start at once, in processes of their own: one makes it, the others wait.
async function once(path, make) {
    const lock = `${path}.lock`;
    try {
        mkdirSync(lock);
    } catch (error) {
        if (error.code !== 'EEXIST')
            throw error;
        await until(() => existsSync(path) || existsSync(`${lock}/failed`), { limit: 300_000, what: `${path} is made` });
        if (!existsSync(path))
            throw new Error(readFileSync(`${lock}/failed`, 'utf8'));
        return;
    }
    try {
        await make();
    } catch (error) {
        writeFileSync(`${lock}/failed`, `the template was not made: ${error.message}`);
        throw error;
    }
}
