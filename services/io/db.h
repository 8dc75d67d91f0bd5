// SPDX-License-Identifier: EUPL-1.2
// Asynchronous PostgreSQL on one libuv loop: a small pool of pipelined libpq connections. One db_query is one
// prepared statement, one Sync, hence one transaction; statement and Sync leave in the same write (DESIGN §3:
// a stopped process must never hold a lane). Work of several steps is one SQL function.
//
// Connections are kept up for ever with back-off. While none is up, db_submit() answers ERR_DB_DOWN at once:
// the caller decides to wait. A connection whose server is read-only or whose durability settings break the
// promise (fsync, full_page_writes, synchronous_commit off) counts as not up.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct db;        // the pool
struct db_result; // rows of one answer; valid inside the done callback only

struct db_statement {
    const char *name; // unique in the table; a literal
    const char *sql;  // $1 … typed by casts in the SQL
};

struct db_options {
    const char
        *conninfo; // libpq URI or key=value; host should be a socket directory or an address, not a name
    const char *service;          // application_name
    unsigned connections;         // default 2
    unsigned depth;               // statements in flight per connection; 1 for writers, more for readers
    unsigned max_waiting;         // queued statements beyond those in flight; above: ERR_FULL
    int64_t statement_timeout_ms; // the server's own limit; 0 = 8 s. Below timeout_ms: a slow statement is
                                  // then refused (57014, known), not lost
    bool generic_plan;            // plan_cache_mode=force_generic_plan (ingest and correlate)
    bool read_only_ok;            // a hot standby is good enough
    bool allow_unsafe;            // conf safety.allow_unsafe_database: accept fsync etc. off (trials only)
    const struct db_statement *statements; // prepared on every connection; must outlive the pool
    size_t statement_count;
    const char *const *channels; // LISTEN on these (NULL-terminated) on the first connection, or NULL
    // A hint. Also called once per channel after every connect of that connection: something may have been
    // missed meanwhile.
    void (*on_notify)(void *owner, const char *channel);
    void (*on_state)(void *owner, bool up, const char *why); // why: NULL when up; called on every change
    void *owner;
};

#define DB_PARAMS_MAX 96

// Parameters of one statement, in binary. Values are copied. Bounded: DB_PARAMS_MAX parameters, 32 MiB.
// Errors are sticky (a bound, no memory, a time PostgreSQL cannot hold) and come back from db_submit().
struct db_params {
    struct buf bytes; // private
    struct {
        size_t offset;
        int length; // -1 = NULL
    } at[DB_PARAMS_MAX];
    unsigned count;
    int error;
    // private: the array being written
    bool array_open, array_has_null;
    int array_type;
    int32_t array_count;
};

MUST_CHECK int db_params_init(struct db_params *p); // allocates: ERR_NO_MEMORY
void db_params_done(struct db_params *p);
void db_params_reset(struct db_params *p);
void db_put_null(struct db_params *p);
void db_put_bool(struct db_params *p, bool v);
void db_put_int2(struct db_params *p, int16_t v);
void db_put_int4(struct db_params *p, int32_t v);
void db_put_int8(struct db_params *p, int64_t v);
void db_put_text(struct db_params *p, const char *s,
                 size_t len);                         // text, varchar, json; jsonb as $1::text::jsonb
void db_put_cstr(struct db_params *p, const char *s); // NULL → SQL NULL
void db_put_bytea(struct db_params *p, const void *data, size_t len);
void db_put_uuid(struct db_params *p, const unsigned char id[16]);
void db_put_time_ms(struct db_params *p, int64_t unix_ms); // timestamptz
// One-dimensional arrays: open, put elements with db_item_*, close. Element types must match the SQL cast.
enum db_type { DB_BOOL, DB_INT2, DB_INT4, DB_INT8, DB_TEXT, DB_BYTEA, DB_UUID, DB_TIMESTAMPTZ };
void db_open_array(struct db_params *p, enum db_type type);
void db_item_null(struct db_params *p);
void db_item_bool(struct db_params *p, bool v);
void db_item_int2(struct db_params *p, int16_t v);
void db_item_int4(struct db_params *p, int32_t v);
void db_item_int8(struct db_params *p, int64_t v);
void db_item_text(struct db_params *p, const char *s, size_t len);
void db_item_bytea(struct db_params *p, const void *data, size_t len);
void db_item_uuid(struct db_params *p, const unsigned char id[16]);
void db_item_time_ms(struct db_params *p, int64_t unix_ms);
void db_close_array(struct db_params *p);

struct db_query;
// err: ERR_OK; ERR_DB_REFUSED (rolled back; res has sqlstate and message); ERR_DB_DOWN (never sent: the last
// connection was lost, or half of the timeout was spent waiting); ERR_DB_LOST and ERR_TIMEOUT (sent: a write
// is unknown); ERR_NOT_DURABLE (committed locally, replication wait cancelled:
// must not be acknowledged); ERR_CLOSED. res is NULL unless ERR_OK or ERR_DB_REFUSED.
typedef void (*db_done)(struct db_query *q, int err, const struct db_result *res);

// Embedded by the caller, who owns it; must stay alive until `done` ran (then it may be reused or freed
// inside the callback).
struct db_query {
    unsigned statement;      // index into db_options.statements
    struct db_params params; // filled by the caller before db_submit; db_params_done is the caller's
    int64_t timeout_ms;      // from submission; 0 = 10 s
    db_done done;
    void *owner;
    struct list node; // private
    int64_t deadline; // private, monotonic
    bool sent;        // private
};

MUST_CHECK int db_create(uv_loop_t *loop, const struct db_options *o, struct db **ret_db);
// Fails what waits with ERR_CLOSED and what is in flight with ERR_DB_LOST, closes the connections, then calls
// `closed` (may be NULL) once from the loop.
void db_close(struct db *db, void (*closed)(void *owner), void *owner);
bool db_up(const struct db *db);
// Statements waiting and in flight.
unsigned db_load(const struct db *db);
// A connection that could take a statement at once.
bool db_idle(const struct db *db);
// ERR_OK: `done` will be called exactly once, later, from the loop. Any error: it will not be called:
// ERR_DB_DOWN, ERR_FULL, ERR_CLOSED or the error of the parameters.
MUST_CHECK int db_submit(struct db *db, struct db_query *q);

// Results (binary). Row or column out of range, another type, a NULL read as a number: our own bug, aborts.
// Ask db_null() first where a column may be NULL.
int db_rows(const struct db_result *r);
bool db_null(const struct db_result *r, int row, int col);
int64_t db_int(const struct db_result *r, int row, int col); // int2, int4, int8
bool db_bool(const struct db_result *r, int row, int col);
int64_t db_time_ms(const struct db_result *r, int row, int col); // timestamptz → unix ms, rounded down
// Bytes of a text, json, bytea or uuid column (NULL column: NULL and 0); valid inside the callback; text has
// a NUL behind it, but may be cut by one inside bytea: use the length.
const char *db_bytes(const struct db_result *r, int row, int col, size_t *ret_len);
// Copies a text column into out (cap bytes with NUL; longer: cut between characters). NULL column → "".
void db_copy_text(const struct db_result *r, int row, int col, char *out, size_t cap);
// A one-dimensional array of int2, int4 or int8 without NULLs. NULL column: no elements (ask db_null()).
size_t db_array_length(const struct db_result *r, int row, int col);
int64_t db_array_int(const struct db_result *r, int row, int col, size_t index);
const char *db_sqlstate(const struct db_result *r); // "" when none, also when r is NULL
const char *db_message(const struct db_result *r);  // PostgreSQL's primary message: for logs of our own
                                                    // SQL, never for callers outside
// SQL states after which the same statement may succeed if simply tried again (40001, 40P01, 55P03, 53xxx,
// 57P0x, 08xxx, 25006 read-only, 58xxx).
bool db_transient(const char *sqlstate);
