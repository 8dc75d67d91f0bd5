// SPDX-License-Identifier: EUPL-1.2
// What the db_*.c files share and nobody else sees: the pool and its connections.
//
//   db_params.c  values → PostgreSQL's binary format     db_result.c  its answers → values
//   db.c         the pool: queue, deadlines, who is up   db_conn.c    one connection: socket and states
//   db_setup.c   what a connection must be before use    db_wire.c    statements out, answers in
//   dbsync.c     the same, blocking, for the command line
#pragma once
#include "base/backoff.h"
#include "io/db.h"

#include <libpq-fe.h>

#define DB_DEFAULT_CONNECTIONS 2
#define DB_MAX_CONNECTIONS     32
#define DB_DEFAULT_DEPTH       1
#define DB_DEFAULT_TIMEOUT_MS  10000 // of a query, from submission
#define DB_STATEMENT_TIMEOUT_MS                                                                              \
    8000 // the server's limit; below the above, so that slow is "refused", not "unknown"
#define DB_LOCK_TIMEOUT_MS    2000 // quality A8; a lock time-out on a log head means "not durable now"
#define DB_CONNECT_TIMEOUT_MS 5000 // each of: connecting, settings and statements
#define DB_RETRY_BASE_MS      100
#define DB_RETRY_CAP_MS       2000 // ready again within 10 s of recovery, with room for start-up
#define DB_HEARTBEAT_MS       2000 // an idle connection is asked; no answer in DB_HEARTBEAT_LIMIT_MS: lost
#define DB_HEARTBEAT_LIMIT_MS 2000
// No connection has heard anything for so long, though each is asked every DB_HEARTBEAT_MS or waits for an
// answer: told as down, within 5 s of the hang (quality H1). Statements keep their own deadlines.
#define DB_SILENT_MS 2800
#define HOSTS_MAX    1024 // bytes of a list of hosts or ports that is rotated, with NUL
#define DB_WHY_MAX   200  // bytes of a reason, with NUL

struct db_result {
    const PGresult *pg;
    int rows, columns;
};

// ---- db_params.c, db_result.c

// The parameters as libpq takes them; pointers into db_params.
struct db_binding {
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
};
void db_params_bind(const struct db_params *p, struct db_binding *ret_binding);
bool db_result_failed(const PGresult *result);
// "canceling wait for synchronous replication" (quality A2 T1): the statement succeeds although it may exist
// on one disk only. The text is translated, the name of the function that says it is not.
bool db_notice_not_durable(const PGresult *notice);

// ---- connections and pool

enum db_conn_state {
    DB_CONN_WAITING,    // no PGconn; the timer counts to the next try
    DB_CONN_CONNECTING, // PQconnectPoll decides what to watch; the timer limits it
    DB_CONN_PREPARING,  // settings, checks, statements in one pipeline; the timer limits it
    DB_CONN_UP,         // takes statements; the timer is the heartbeat
    DB_CONN_CLOSED,     // the pool is closing
};

// Where the stream of answers stands for the first statement in flight.
enum db_expect {
    DB_EXPECT_RESULT, // its rows or error
    DB_EXPECT_END,    // the NULL behind them
    DB_EXPECT_SYNC,   // the end of its transaction; an error may still come (a commit can fail)
};

// A uv_poll_t lives until its close callback, a socket does not: each socket gets its own.
struct db_poll {
    uv_poll_t handle;
    struct db_conn *conn; // NULL once closing
    int mask;
};

struct db_conn {
    struct db *db;
    unsigned index;
    enum db_conn_state state;
    PGconn *pg;
    struct db_poll *poll;
    uv_timer_t timer;
    struct backoff backoff;
    unsigned host_turn; // of several hosts the one to begin with, modulo their number

    struct list inflight;    // db_query.node, oldest first; the heartbeat too
    unsigned inflight_count; // without the heartbeat
    unsigned channel_count;  // 0 on all but the first connection
    enum db_expect expect;
    PGresult *answer; // of the first in flight: the last result before its Sync
    bool not_durable; // a notice said so since the last Sync
    bool retire;      // close as soon as the current answer is complete; why says the reason

    unsigned setup_step; // DB_CONN_PREPARING: whose answer comes next
    struct db_query heartbeat;
    char why[DB_WHY_MAX]; // of the last loss
};

struct db {
    uv_loop_t *loop;
    struct db_options o;
    struct db_conn conns[DB_MAX_CONNECTIONS];
    unsigned up_count;
    int64_t heard_ms; // monotonic: when the server said something last

    struct list waiting; // db_query.node, oldest first
    unsigned waiting_count;
    unsigned turn; // the connection to offer work first: they rotate
    bool closing, up_reported, ever_reported;
    char why_reported[DB_WHY_MAX];

    uv_prepare_t prepare; // once per loop turn: hand out, write
    uv_idle_t idle;       // active while something waits to be handed out, so that the loop does not sleep
    uv_timer_t timer;     // the earliest deadline
    int64_t timer_at;     // monotonic; INT64_MAX = none
    unsigned open_handles;
    void (*closed)(void *owner);
    void *closed_owner;
};

// ---- db.c, called by the connections
void db_on_conn_up(struct db *db);
void db_on_conn_down(struct db_conn *c); // c->why says why
void db_on_heard(struct db *db);         // bytes have come
void db_check_silence(struct db *db);    // asked now and then by each connection that is up
void db_handle_closed(struct db *db);    // one uv handle less
void db_watch_deadline(struct db *db, int64_t deadline);

// ---- db_conn.c
void db_conn_open_handles(struct db_conn *c, struct db *db, unsigned index);
void db_conn_start(struct db_conn *c);
// Closes the socket, fails what is in flight (ERR_TIMEOUT for what is past `now`, else ERR_DB_LOST; now 0:
// all lost) and arms the next try. Callbacks run inside.
void db_conn_fail(struct db_conn *c, int64_t now, const char *why);
void db_conn_close(struct db_conn *c);
// Writes what libpq holds and watches what it needs next.
void db_conn_flush(struct db_conn *c);
// c->why = what, and of libpq's or PostgreSQL's message the first line.
void db_conn_say(struct db_conn *c, const char *what, const char *detail);
void db_conn_set_up(struct db_conn *c); // setup is done

// ---- db_setup.c
MUST_CHECK int db_setup_send(struct db_conn *c);
enum db_setup { DB_SETUP_MORE, DB_SETUP_DONE, DB_SETUP_FAILED }; // FAILED: c->why says why
// Takes ownership of the result; NULL is the end of one step's results.
enum db_setup db_setup_take(struct db_conn *c, PGresult *result);
extern const char db_check_name[];
// NULL or why this server must not be used; the row of the check statement.
const char *db_check_row(const struct db *db, const struct db_result *r);

// ---- db_wire.c
void db_wire_send(struct db_conn *c, struct db_query *q);
// Takes every complete answer; runs the callbacks.
void db_wire_read(struct db_conn *c);
void db_wire_heartbeat(struct db_conn *c);
void db_wire_notice(void *conn, const PGresult *notice);
