// SPDX-License-Identifier: EUPL-1.2
// What a connection must be before it takes work: session settings we rely on, a server that keeps the
// promise (writable, fsync, full_page_writes, synchronous_commit: quality A8), all statements prepared,
// LISTEN. One pipeline, one Sync, two network round trips with the start-up. The check is repeated by the
// heartbeat, so a server that turns read-only without being written to is noticed too.
#include "base/check.h"
#include "base/err.h"
#include "io/db_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char db_check_name[] = "dt_check";

// client_min_messages: the warning "canceling wait for synchronous replication" must reach us (db_wire.c).
// Isolation: the append function relies on a fresh snapshot per statement. search_path ends in pg_temp so
// that a temporary table never stands in for one of ours. enable_seqscan: services look up, they never scan;
// without it a plan made while a log was empty (ANALYZE had seen no rows) scans it as it grows, until
// autovacuum comes by. tcp_*: the server asks whether we are still there and ends the session of a machine
// that vanished within 20 s; the system's own two hours would let a few of those take every connection. Unix
// sockets ignore them.
static const char settings_sql[] = "select set_config('search_path', 'dt, pg_catalog, pg_temp', false),"
                                   " set_config('jit', 'off', false),"
                                   " set_config('enable_seqscan', 'off', false),"
                                   " set_config('timezone', 'UTC', false),"
                                   " set_config('client_min_messages', 'warning', false),"
                                   " set_config('default_transaction_isolation', 'read committed', false),"
                                   " set_config('idle_in_transaction_session_timeout', '10s', false),"
                                   " set_config('tcp_keepalives_idle', '10s', false),"
                                   " set_config('tcp_keepalives_interval', '3s', false),"
                                   " set_config('tcp_keepalives_count', '3', false),"
                                   " set_config('tcp_user_timeout', '10s', false),"
                                   " set_config('plan_cache_mode', $1, false),"
                                   " set_config('statement_timeout', $2, false),"
                                   " set_config('lock_timeout', $3, false)";

static const char check_sql[] = "select pg_is_in_recovery(),"
                                " current_setting('transaction_read_only')::bool,"
                                " current_setting('fsync')::bool,"
                                " current_setting('full_page_writes')::bool,"
                                " current_setting('synchronous_commit') in ('on', 'remote_apply')";

// Steps in the order of the pipeline: the settings, preparing the check, the check, then the statements of
// the owner and the channels.
enum { STEP_SETTINGS, STEP_PREPARE_CHECK, STEP_CHECK, STEP_STATEMENTS };

static int send_settings(struct db_conn *c)
{
    const struct db_options *o = &c->db->o;
    char statement_ms[24], lock_ms[24];
    (void)snprintf(statement_ms, sizeof statement_ms, "%" PRId64, o->statement_timeout_ms);
    (void)snprintf(lock_ms, sizeof lock_ms, "%d", DB_LOCK_TIMEOUT_MS);
    const char *values[] = {o->generic_plan ? "force_generic_plan" : "auto", statement_ms, lock_ms};
    return PQsendQueryParams(c->pg, settings_sql, 3, NULL, values, NULL, NULL, 0);
}

static int send_listens(struct db_conn *c)
{
    for (unsigned i = 0; i < c->channel_count; i++) {
        char sql[160]; // an identifier has at most 63 bytes; quoted at most twice that and two
        const char *name = c->db->o.channels[i];
        char *quoted = PQescapeIdentifier(c->pg, name, strlen(name));
        if (!quoted)
            return 0;
        int n = snprintf(sql, sizeof sql, "listen %s", quoted);
        PQfreemem(quoted);
        CHECK(n < (int)sizeof sql);
        if (!PQsendQueryParams(c->pg, sql, 0, NULL, NULL, NULL, NULL, 0))
            return 0;
    }
    return 1;
}

int db_setup_send(struct db_conn *c)
{
    const struct db_options *o = &c->db->o;
    c->why[0] = '\0';
    bool ok = PQsetnonblocking(c->pg, 1) == 0 && PQenterPipelineMode(c->pg) && send_settings(c) &&
              PQsendPrepare(c->pg, db_check_name, check_sql, 0, NULL) &&
              PQsendQueryPrepared(c->pg, db_check_name, 0, NULL, NULL, NULL, 1);
    for (size_t i = 0; ok && i < o->statement_count; i++)
        ok = PQsendPrepare(c->pg, o->statements[i].name, o->statements[i].sql, 0, NULL);
    ok = ok && send_listens(c) && PQpipelineSync(c->pg);
    if (ok)
        return ERR_OK;
    db_conn_say(c, "cannot send statements", PQerrorMessage(c->pg));
    return ERR_DB_LOST;
}

const char *db_check_row(const struct db *db, const struct db_result *r)
{
    bool recovering = db_bool(r, 0, 0), read_only = db_bool(r, 0, 1);
    if (db->o.read_only_ok)
        return NULL;
    if (recovering)
        return "the server is in recovery (a standby)";
    if (read_only)
        return "the server is read-only";
    if (db->o.allow_unsafe)
        return NULL;
    if (!db_bool(r, 0, 2))
        return "unsafe server: fsync is off";
    if (!db_bool(r, 0, 3))
        return "unsafe server: full_page_writes is off";
    if (!db_bool(r, 0, 4))
        return "unsafe server: synchronous_commit is neither on nor remote_apply";
    return NULL;
}

// The first failure is the reason; what follows it in the pipeline is merely skipped.
static void note_failure(struct db_conn *c, const PGresult *result)
{
    if (c->why[0])
        return;
    const struct db_options *o = &c->db->o;
    const struct db_result r = {.pg = result};
    char what[80] = "session settings";
    unsigned statement = c->setup_step - STEP_STATEMENTS;
    if (c->setup_step >= STEP_STATEMENTS && statement < o->statement_count) {
        // Undefined table, column, function or schema: most likely an older schema than this program's.
        const char *state = db_sqlstate(&r);
        bool older = strncmp(state, "42", 2) == 0 || strncmp(state, "3F", 2) == 0;
        (void)snprintf(what, sizeof what, "%sstatement %.30s", older ? "run `duongthu migrate`? " : "",
                       o->statements[statement].name);
    } else if (c->setup_step >= STEP_STATEMENTS) {
        (void)snprintf(what, sizeof what, "listen");
    }
    const char *message = db_message(&r);
    db_conn_say(c, what, message[0] ? message : PQerrorMessage(c->pg));
}

enum db_setup db_setup_take(struct db_conn *c, PGresult *result)
{
    if (!result) {
        if (++c->setup_step <= STEP_STATEMENTS + c->db->o.statement_count + c->channel_count)
            return DB_SETUP_MORE;
        db_conn_say(c, "answers out of step", "");
        return DB_SETUP_FAILED;
    }
    enum db_setup next = DB_SETUP_MORE;
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
        if (c->setup_step == STEP_CHECK) {
            const struct db_result r = {result, PQntuples(result), PQnfields(result)};
            const char *unfit = db_check_row(c->db, &r);
            if (unfit && !c->why[0])
                db_conn_say(c, unfit, "");
        }
        break;
    case PGRES_COMMAND_OK:
        break;
    case PGRES_PIPELINE_SYNC:
        next = c->why[0] ? DB_SETUP_FAILED : DB_SETUP_DONE;
        break;
    default:
        note_failure(c, result);
        if (PQstatus(c->pg) != CONNECTION_OK)
            next = DB_SETUP_FAILED;
        break;
    }
    PQclear(result);
    return next;
}
