// SPDX-License-Identifier: EUPL-1.2
// Lint of the schema: the rules of DESIGN §10 that keep Citus possible (lane as distribution column), and who may do what. The
// tables of rights below are the truth: a new grant is entered here, where a reviewer sees it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../harness/build.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { PgError } from '../harness/pg.mjs';

let cluster;
before(async () => (cluster = await startCluster()));
after(() => cluster.destroy());

const lines = async (sql) => (await cluster.psql(sql)).map((row) => Object.values(row).join(' '));

// ---- DESIGN §10

// Small, the same on every node, without lane. Everything else is a log or state and is distributed.
const REFERENCE = ['api_key', 'device', 'endpoint', 'installation', 'invite', 'lease', 'log_setting', 'migration', 'post_office', 'segment',
    'unit', 'unit_alias'];
const OURS = `relnamespace = 'dt'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`;
const VOLATILE = /\b(clock_timestamp|random|gen_random_uuid|nextval|timeofday|setval)\s*\(/i;

test('reference tables are those without lane, and no others', async () => {
    assert.deepEqual(await lines(`SELECT relname FROM pg_class c WHERE ${OURS} AND NOT EXISTS
        (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'lane') ORDER BY 1`), REFERENCE);
});

test('lane is in every primary and unique key, and never NULL', async () => {
    assert.deepEqual(await lines(`SELECT i.indexrelid::regclass FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid
        WHERE ${OURS} AND i.indisunique AND relname <> ALL ('{${REFERENCE}}') AND NOT EXISTS
            (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'lane' AND attnum = ANY (i.indkey))`), []);
    assert.deepEqual(await lines(`SELECT relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE ${OURS} AND attname = 'lane' AND (NOT attnotnull OR atttypid <> 'int2'::regtype)`), []);
});

test('every table has a primary key; the logs have it and no other index, with one exception', async () => {
    assert.deepEqual(await lines(`SELECT relname FROM pg_class c WHERE ${OURS} AND NOT EXISTS
        (SELECT FROM pg_index WHERE indrelid = c.oid AND indisprimary)`), []);
    assert.deepEqual(await lines(`SELECT pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid IN ('dt.fact'::regclass, 'dt.journey'::regclass) AND NOT indisprimary`),
    ['CREATE INDEX journey_lane_dossier_seq_idx ON ONLY dt.journey USING btree (lane, dossier, seq)'],
    'but for the history of one dossier, which pages and the office API show');
});

test('no trigger, rule, foreign key, identity or generated order', async () => {
    assert.deepEqual(await lines(`SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal`), []);
    assert.deepEqual(await lines(`SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 'f'`), []);
    assert.deepEqual(await lines(`SELECT attrelid::regclass FROM pg_attribute WHERE attidentity <> ''`), []);
    assert.deepEqual(await lines(`SELECT ev_class::regclass FROM pg_rewrite r JOIN pg_class c ON c.oid = ev_class WHERE ${OURS}`), []);
    assert.deepEqual(await lines(`SELECT relname FROM pg_class WHERE relnamespace = 'dt'::regnamespace AND relkind = 'S'`), ['stream_id'],
        'ids of streams need to be unique, nothing more');
    const defaults = await lines(`SELECT DISTINCT pg_get_expr(adbin, adrelid) FROM pg_attrdef JOIN pg_class c ON c.oid = adrelid
        WHERE relnamespace = 'dt'::regnamespace`);
    assert.deepEqual(defaults.filter((text) => /\(/.test(text) && text !== 'clock_timestamp()'), [], 'defaults call nothing but the clock');
});

// What the functions of the schema and the statements of the services say, statement by statement.
async function statements() {
    const functions = (await cluster.psql(`SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'dt'::regnamespace`))
        .flatMap(({ proname, prosrc }) => prosrc.replace(/--.*/g, '').split(';').map((sql) => [`dt.${proname}`, sql]));
    const folders = readdirSync(join(root, 'services'), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const sources = folders.flatMap(({ name }) => readdirSync(join(root, 'services', name)).filter((file) => file.endsWith('.c'))
        .map((file) => `services/${name}/${file}`));
    const literals = sources.flatMap((file) => {
        const text = readFileSync(join(root, file), 'utf8').replace(/\/\/.*/g, '').replace(/"\s*\n\s*"/g, '');
        return [...text.matchAll(/"((?:\\.|[^"\\])*)"/g)].map(([, literal]) => [file, literal]);
    });
    return [...functions, ...literals];
}

test('no volatile function in an UPDATE, no advisory lock, no NOTIFY inside a data transaction', async () => {
    const all = await statements();
    assert.ok(all.some(([where, sql]) => where === 'dt.append_scans' && /update dt\.stream/i.test(sql)), 'the statements were found');
    const complaints = all.flatMap(([where, sql]) => {
        const found = [];
        // Up to the end of the UPDATE: in a WITH other parts may follow a parenthesis that was not opened in it.
        for (const [update] of sql.matchAll(/\bupdate\s+(?:dt\.|set\b)(?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*/gi)) {
            if (VOLATILE.test(update))
                found.push(`${where}: volatile in ${update.replace(/\s+/g, ' ').slice(0, 120)}`);
        }
        if (/pg_(try_)?advisory/i.test(sql) && where !== 'services/cli/migrate.c')
            found.push(`${where}: advisory lock`);
        if (/pg_notify|\bnotify\s+dt/i.test(sql) && where.startsWith('dt.'))
            found.push(`${where}: notify`);
        return found;
    });
    assert.deepEqual(complaints, []);
});

test('positions are not handed out by a sequence: two lanes count by themselves', async () => {
    const session = await cluster.connect();
    await session.query('BEGIN; INSERT INTO dt.fact_head (lane) VALUES (1)');
    const append = (name) => session.query(`SELECT * FROM dt.append_facts('${name}', 3::int2, '{1}'::int2[], array[now()], '{x}', '{y}')`);
    assert.deepEqual(await append('one'), [{ lane: 0, first_pos: 1 }]);
    await session.query(`INSERT INTO dt.stream (lane, stream, token, name) VALUES (1, 999, gen_random_uuid(), 'two')`);
    assert.deepEqual(await append('two'), [{ lane: 1, first_pos: 1 }]);
    assert.deepEqual(await append('one'), [{ lane: 0, first_pos: 2 }]);
    await session.close();
});

// ---- who may do what: r select (of any column), a insert, w update (of any column), d delete

const EVERYBODY = 'installation:r log_setting:r segment:r';
const RIGHTS = {
    dt_cli: `api_key:rawd attempt:r contact:rawd container:r content:r cursor:r device:rawd dossier:r dossier_code:r endpoint:rawd
        endpoint_cursor:rawd fact:r fact_head:r forgotten:r gap:rd hold:rd idempotency:r invite:rawd item:r journey:r journey_head:r lease:r
        link:r link_token:r log_mark:r migration:r opt_out:rawd post_office:rawd published:r quarantine:rawd receipt:r registration:raw replay:rawd
        sealed:rawd
        sms:r stream:r stuck:rawd turn:r unit:rawd unit_alias:rawd wrap:rawd`,
    dt_correlate: `container:rawd content:rawd cursor:rawd dossier:rawd dossier_code:rawd fact:r fact_head:r item:rawd
        journey:ra journey_head:rw lease:raw link:rawd log_mark:r stream:r stuck:rawd turn:rawd unit:r unit_alias:raw`,
    dt_ingest: 'device:r post_office:r stream:r',
    dt_portal: '',
    dt_sms: `contact:r cursor:ra dossier:r dossier_code:r forgotten:r item:r journey:r journey_head:r lease:raw link_token:raw opt_out:raw
        post_office:r published:ra sealed:r sms:raw wrap:r`,
    dt_watch: `attempt:rd cursor:rd dossier:r endpoint:r endpoint_cursor:rd fact:r fact_head:r idempotency:rd item:r journey:r
        journey_head:r lease:raw link:r post_office:r published:rd registration:r sms:rd stuck:r timer:rad`,
    dt_webhook: `attempt:ra dossier:r endpoint:rw endpoint_cursor:ra gap:rawd hold:rawd journey:r journey_head:r lease:raw published:raw
        replay:rd`,
};
const CALLS = {
    dt_cli: 'append_facts forget forget_again forget_replayed make_segments portal_contact segments_ahead source_stream',
    dt_correlate: `correlate_append correlate_begin correlate_containers correlate_contents correlate_dossiers correlate_items
        correlate_links correlate_put_containers correlate_put_dossiers correlate_put_items correlate_put_links correlate_state
        correlate_stick correlate_stuck correlate_told correlate_unit fact_next journey_of lease_check lease_release lease_take log_last
        log_mark make_segments segments_ahead`,
    dt_ingest: 'append_scans enrol enrol_failed make_segments open_stream segments_ahead',
    dt_portal: `make_segments portal_act portal_dossier portal_journey portal_level portal_page portal_publish portal_register
        segments_ahead`,
    dt_sms: 'journey_next lease_check lease_fence lease_release lease_take sms_claim sms_plan sms_read sms_receipt sms_recover sms_settle',
    dt_watch: `append_facts end_stalled fact_next forget_again journey_next lease_check lease_release lease_take make_segments
        segments_ahead source_stream watch_fire`,
    dt_webhook: `journey_next journey_of lease_check lease_fence lease_release lease_take webhook_dossier webhook_events webhook_read webhook_record
        webhook_replays webhook_span webhook_state`,
};
const words = (text) => text.split(/\s+/).filter(Boolean).sort();

test('each role has the rights of this table and no others', async () => {
    const actual = await cluster.psql(`
        SELECT r.rolname AS role, array_agg(c.relname || ':' || p.rights ORDER BY c.relname) AS rights
        FROM pg_roles r CROSS JOIN pg_class c CROSS JOIN LATERAL (SELECT
            CASE WHEN has_any_column_privilege(r.oid, c.oid, 'select') THEN 'r' ELSE '' END ||
            CASE WHEN has_any_column_privilege(r.oid, c.oid, 'insert') THEN 'a' ELSE '' END ||
            CASE WHEN has_any_column_privilege(r.oid, c.oid, 'update') THEN 'w' ELSE '' END ||
            CASE WHEN has_table_privilege(r.oid, c.oid, 'delete') THEN 'd' ELSE '' END ||
            CASE WHEN has_table_privilege(r.oid, c.oid, 'truncate, references, trigger') THEN '!' ELSE '' END AS rights) p
        WHERE r.rolname ~ '^dt_' AND ${OURS} AND p.rights <> '' GROUP BY 1`);
    const expected = Object.entries(RIGHTS).map(([role, text]) => [role, words(`${EVERYBODY} ${text}`)]);
    assert.deepEqual(Object.fromEntries(actual.map(({ role, rights }) => [role, rights.sort()])), Object.fromEntries(expected));
});

test('each role calls the functions of this table and no others; nobody else calls any', async () => {
    const actual = await cluster.psql(`SELECT r.rolname AS role, array_agg(DISTINCT p.proname::text ORDER BY p.proname::text) AS calls
        FROM pg_roles r, pg_proc p WHERE r.rolname ~ '^dt_' AND p.pronamespace = 'dt'::regnamespace
        AND has_function_privilege(r.oid, p.oid, 'execute') GROUP BY 1`);
    assert.deepEqual(Object.fromEntries(actual.map(({ role, calls }) => [role, calls.sort()])),
        Object.fromEntries(Object.entries(CALLS).map(([role, text]) => [role, words(text)])));
    assert.deepEqual(await lines(`SELECT proname FROM pg_proc WHERE pronamespace = 'dt'::regnamespace AND has_function_privilege('public', oid, 'execute')`),
        []);
});

test('no role can climb: no attribute, no membership, nothing owned, nothing created', async () => {
    assert.deepEqual(await lines(`SELECT rolname FROM pg_roles WHERE rolname ~ '^dt_' AND NOT (rolcanlogin AND NOT rolsuper AND NOT rolcreaterole
        AND NOT rolcreatedb AND NOT rolreplication AND NOT rolbypassrls)`), []);
    assert.deepEqual(await lines(`SELECT member::regrole, roleid::regrole FROM pg_auth_members WHERE member::regrole::text ~ '^dt_'`), []);
    assert.deepEqual(await lines(`SELECT relname FROM pg_class WHERE relowner::regrole::text ~ '^dt_'
        UNION ALL SELECT proname FROM pg_proc WHERE proowner::regrole::text ~ '^dt_'`), []);
    assert.deepEqual(await lines(`SELECT rolname, nspname FROM pg_roles, pg_namespace WHERE rolname ~ '^dt_' AND nspname !~ '^pg_(temp|toast_temp)'
        AND has_schema_privilege(rolname, pg_namespace.oid, 'create')`), []);
    assert.deepEqual(await lines(`SELECT relname, rolname FROM pg_class, pg_roles WHERE relnamespace = 'dt'::regnamespace AND relkind = 'S'
        AND rolname ~ '^dt_' AND has_sequence_privilege(rolname, pg_class.oid, 'usage, select, update')`), []);
});

test('a function that runs with its owner\'s rights names its schemas, so that nobody slips one of his own under it', async () => {
    assert.deepEqual(await lines(`SELECT proname FROM pg_proc WHERE pronamespace = 'dt'::regnamespace AND prosecdef
        AND NOT coalesce(proconfig, '{}') && '{"search_path=dt, pg_catalog","search_path=dt, pg_catalog, pg_temp"}'`), []);
});

// The catalog says it; PostgreSQL must do it too.
for (const [role, attempts] of Object.entries({
    dt_ingest: ['SELECT sealed FROM dt.sealed', 'SELECT phone_index FROM dt.contact', 'SELECT wrapped FROM dt.wrap', 'SELECT phone_hmac FROM dt.sms',
        'SELECT phone_hmac FROM dt.opt_out', 'SELECT * FROM dt.forgotten', 'SELECT * FROM dt.item', 'SELECT * FROM dt.dossier', 'SELECT * FROM dt.fact',
        'SELECT * FROM dt.quarantine', 'SELECT * FROM dt.api_key', 'SELECT secrets FROM dt.endpoint', 'SELECT code_hash FROM dt.invite',
        `INSERT INTO dt.fact (lane, pos) VALUES (0, 1)`, `UPDATE dt.device SET revoked_at = NULL`, `SELECT dt.forget('dossier:x', '')`],
    dt_webhook: ['SELECT * FROM dt.contact', 'SELECT * FROM dt.sealed', 'SELECT * FROM dt.item', 'SELECT * FROM dt.fact', 'UPDATE dt.endpoint SET url = url',
        'DELETE FROM dt.attempt', 'UPDATE dt.attempt SET at = at'],
    dt_correlate: ['SELECT sealed FROM dt.sealed', 'UPDATE dt.journey SET kind = kind', 'DELETE FROM dt.journey', 'DELETE FROM dt.fact', 'UPDATE dt.wrap SET wrapped = wrapped'],
    dt_sms: ['UPDATE dt.contact SET sms_consent = true', 'INSERT INTO dt.journey (lane, pos) VALUES (0, 1)', 'SELECT * FROM dt.fact', 'DELETE FROM dt.sms'],
    dt_portal: ['SELECT * FROM dt.sealed', 'SELECT * FROM dt.contact', 'SELECT * FROM dt.journey', 'SELECT * FROM dt.api_key', 'DELETE FROM dt.registration'],
    dt_watch: ['SELECT * FROM dt.sealed', 'SELECT * FROM dt.contact', 'DELETE FROM dt.fact', 'DELETE FROM dt.journey', 'DROP TABLE dt.timer'],
    dt_cli: ['DELETE FROM dt.fact', 'UPDATE dt.fact SET body = body', 'DELETE FROM dt.journey', 'UPDATE dt.receipt SET at = at', 'DELETE FROM dt.receipt',
        'DELETE FROM dt.forgotten', 'UPDATE dt.item SET state = state', 'CREATE TABLE dt.mine (x int)', 'ALTER TABLE dt.fact DISABLE TRIGGER ALL'],
})) {
    test(`${role} is denied what is not its own`, async () => {
        const session = await cluster.connect({ user: role });
        for (const sql of attempts)
            await assert.rejects(session.query(sql), (error) => error instanceof PgError && error.sqlstate === '42501', sql);
        await session.close();
    });
}
