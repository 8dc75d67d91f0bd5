// SPDX-License-Identifier: EUPL-1.2
// Blocking PostgreSQL for the command line, migrations and tests: never inside a service's loop.
// Parameters are db_params of io/db.h.
#pragma once
#include "io/db.h"

struct dbsync;

// error: a caller's buffer for one sentence (PostgreSQL's message without the password), always
// NUL-terminated.
MUST_CHECK int dbsync_open(const char *conninfo, struct dbsync **ret_db, char *error, size_t cap);
void dbsync_close(struct dbsync *db);
// One statement; params NULL = none. The result belongs to `db` and lives until the next call.
// ERR_DB_REFUSED: *ret_r holds sqlstate and message. ERR_DB_LOST, ERR_NOT_DURABLE as in io/db.h: *ret_r is
// untouched. An error of the parameters comes back as it is.
MUST_CHECK int dbsync_query(struct dbsync *db, const char *sql, const struct db_params *params,
                            const struct db_result **ret_r);
// Several statements separated by ';' without parameters (migrations). On error: PostgreSQL's
// message with line in `error`. ERR_DB_REFUSED, ERR_DB_LOST, ERR_NOT_DURABLE.
MUST_CHECK int dbsync_script(struct dbsync *db, const char *sql, char *error, size_t cap);
