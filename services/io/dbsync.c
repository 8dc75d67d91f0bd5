// SPDX-License-Identifier: EUPL-1.2
#include "io/dbsync.h"

#include "base/check.h"
#include "base/err.h"
#include "io/db_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dbsync {
    PGconn *pg;
    struct db_result result;
    PGresult *owned; // result.pg
    bool not_durable;
};

static void on_notice(void *owner, const PGresult *notice)
{
    struct dbsync *db = owner;
    if (db_notice_not_durable(notice))
        db->not_durable = true;
}

// libpq's messages end in a newline; a sentence has one line.
static void say(char *error, size_t cap, const char *message)
{
    (void)snprintf(error, cap, "%.*s", (int)strcspn(message, "\n"), message);
}

static void take(struct dbsync *db, PGresult *result)
{
    PQclear(db->owned);
    db->owned = result;
    db->result = (struct db_result){result, PQntuples(result), PQnfields(result)};
}

int dbsync_open(const char *conninfo, struct dbsync **ret_db, char *error, size_t cap)
{
    const char *keys[] = {"connect_timeout", "application_name", "dbname", "client_encoding", NULL};
    const char *values[] = {"5", "duongthu", conninfo, "UTF8", NULL};
    static const char settings[] =
        "set search_path = dt, pg_catalog, pg_temp; set jit = off; set timezone = 'UTC';"
        "set client_min_messages = warning; set default_transaction_isolation = 'read committed'";
    struct dbsync *db = calloc(1, sizeof *db);
    if (!db) {
        say(error, cap, "out of memory");
        return ERR_NO_MEMORY;
    }
    say(error, cap, "");
    db->pg = PQconnectdbParams(keys, values, 1);
    if (!db->pg || PQstatus(db->pg) != CONNECTION_OK) {
        say(error, cap, db->pg ? PQerrorMessage(db->pg) : "out of memory");
        dbsync_close(db);
        return ERR_DB_DOWN;
    }
    (void)PQsetNoticeReceiver(db->pg, on_notice, db);
    int err = dbsync_script(db, settings, error, cap);
    if (err) {
        dbsync_close(db);
        return err;
    }
    *ret_db = db;
    return ERR_OK;
}

void dbsync_close(struct dbsync *db)
{
    if (!db)
        return;
    PQclear(db->owned);
    PQfinish(db->pg);
    free(db);
}

int dbsync_query(struct dbsync *db, const char *sql, const struct db_params *params,
                 const struct db_result **ret_r)
{
    struct db_binding b;
    int count = 0;
    if (params) {
        CHECK(!params->array_open);
        if (params->error)
            return params->error;
        db_params_bind(params, &b);
        count = (int)params->count;
    }
    db->not_durable = false;
    PGresult *result = PQexecParams(db->pg, sql, count, NULL, params ? b.values : NULL,
                                    params ? b.lengths : NULL, params ? b.formats : NULL, 1);
    bool failed = db_result_failed(result);
    // Without SQLSTATE it is libpq's own report of a broken connection, or there was no memory for a report.
    if (failed && !PQresultErrorField(result, PG_DIAG_SQLSTATE)) {
        PQclear(result);
        return ERR_DB_LOST;
    }
    take(db, result);
    if (!failed && db->not_durable)
        return ERR_NOT_DURABLE;
    *ret_r = &db->result;
    return failed ? ERR_DB_REFUSED : ERR_OK;
}

// The line of a 1-based position in characters; 0 when PostgreSQL named none.
static unsigned line_of(const char *sql, const char *position)
{
    unsigned long left = position ? strtoul(position, NULL, 10) : 0;
    if (left == 0)
        return 0;
    unsigned line = 1;
    for (; *sql && left > 1; sql++) {
        line += *sql == '\n';
        left -= ((unsigned char)sql[1] & 0xC0) != 0x80; // the next byte begins a character
    }
    return line;
}

static void explain(const PGresult *result, const char *sql, char *error, size_t cap)
{
    const struct db_result r = {.pg = result};
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
    unsigned line = line_of(sql, PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    char where[24] = "";
    if (line > 0)
        (void)snprintf(where, sizeof where, "line %u: ", line);
    (void)snprintf(error, cap, "%s%s (%s)%s%s%s%s", where, db_message(&r), db_sqlstate(&r),
                   detail ? "; " : "", detail ? detail : "", context ? "; in " : "", context ? context : "");
}

int dbsync_script(struct dbsync *db, const char *sql, char *error, size_t cap)
{
    say(error, cap, "");
    db->not_durable = false;
    if (!PQsendQuery(db->pg, sql)) {
        say(error, cap, PQerrorMessage(db->pg));
        return ERR_DB_LOST;
    }
    int err = ERR_OK;
    for (PGresult *result; (result = PQgetResult(db->pg)); PQclear(result)) {
        if (err || PQresultStatus(result) == PGRES_EMPTY_QUERY || !db_result_failed(result))
            continue;
        err = PQresultErrorField(result, PG_DIAG_SQLSTATE) ? ERR_DB_REFUSED : ERR_DB_LOST;
        if (err == ERR_DB_REFUSED)
            explain(result, sql, error, cap);
        else
            say(error, cap, PQresultErrorMessage(result));
    }
    if (!err && db->not_durable) {
        say(error, cap, "committed, but not replicated: the wait for the standby was cancelled");
        err = ERR_NOT_DURABLE;
    }
    return err;
}
