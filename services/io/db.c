// SPDX-License-Identifier: EUPL-1.2
// The pool: one bounded FIFO of statements before a few connections that are always kept up.
//
// Nothing happens inside db_submit() or db_close(): statements are handed out and written once per loop turn,
// in uv_prepare, and closing starts from a timer. So a callback may submit, free its query or close the pool.
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/db_private.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(uv_timer_t *timer);

// ---- deadlines: one timer at the earliest; when it fires everything is looked at and it is set anew

static void set_timer(struct db *db, int64_t at)
{
    db->timer_at = at;
    if (db->closing)
        return;
    int64_t wait = at - clock_mono_ms();
    if (at == INT64_MAX)
        CHECK(uv_timer_stop(&db->timer) == 0);
    else
        CHECK(uv_timer_start(&db->timer, on_timer, wait > 0 ? (uint64_t)wait : 0, 0) == 0);
}

void db_watch_deadline(struct db *db, int64_t deadline)
{
    if (deadline < db->timer_at)
        set_timer(db, deadline);
}

// A statement that waited for half of its time is not sent any more: the other half might not be enough, and
// running out of it would cost a healthy connection.
static int64_t send_before(const struct db_query *q)
{
    return q->deadline - q->timeout_ms / 2;
}

static void fail_waiting(struct db *db, int err)
{
    struct list failed;
    list_init(&failed);
    for (struct list *node; (node = list_pop(&db->waiting));)
        list_push(&failed, node);
    db->waiting_count = 0;
    for (struct list *node; (node = list_pop(&failed));) {
        struct db_query *q = CONTAINER_OF(node, struct db_query, node);
        q->done(q, err, NULL);
    }
}

// Fails what waited too long. Returns the earliest time at which another one has.
static int64_t expire_waiting(struct db *db, int64_t now)
{
    int64_t next = INT64_MAX;
    struct list failed;
    list_init(&failed);
    LIST_FOR(node, &db->waiting)
    {
        struct db_query *q = CONTAINER_OF(node, struct db_query, node);
        if (send_before(q) <= now) {
            list_remove(node);
            list_push(&failed, node);
            db->waiting_count--;
        } else if (send_before(q) < next) {
            next = send_before(q);
        }
    }
    for (struct list *node; (node = list_pop(&failed));) {
        struct db_query *q = CONTAINER_OF(node, struct db_query, node);
        q->done(q, ERR_DB_DOWN, NULL);
    }
    return next;
}

// Closes connections whose answer is overdue: never PQcancel, a cancelled commit may still succeed (quality
// A2 T1, T6). Returns the earliest deadline that is left.
static int64_t expire_inflight(struct db *db, int64_t now)
{
    int64_t next = INT64_MAX;
    for (unsigned i = 0; i < db->o.connections; i++) {
        int64_t first = INT64_MAX;
        LIST_FOR(node, &db->conns[i].inflight)
        {
            const struct db_query *q = CONTAINER_OF(node, struct db_query, node);
            if (q->deadline < first)
                first = q->deadline;
        }
        if (first <= now) {
            db->conns[i].host_turn++; // of several hosts the next one first: this one may hang
            db_conn_fail(&db->conns[i], now, "the server does not answer");
        } else if (first < next)
            next = first;
    }
    return next;
}

static void close_all(struct db *db);

static void on_timer(uv_timer_t *timer)
{
    struct db *db = CONTAINER_OF(timer, struct db, timer);
    if (db->closing) {
        close_all(db);
        return;
    }
    int64_t now = clock_mono_ms();
    db->timer_at = INT64_MAX; // callbacks below may submit and thereby set it
    int64_t inflight = expire_inflight(db, now);
    int64_t waiting = expire_waiting(db, now);
    db_watch_deadline(db, inflight < waiting ? inflight : waiting);
}

// ---- handing out

static bool can_take(const struct db_conn *c)
{
    return c->state == DB_CONN_UP && !c->retire && c->inflight_count < c->db->o.depth;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle; // its being active is its work
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct db *db = CONTAINER_OF(prepare, struct db, prepare);
    CHECK(uv_idle_stop(&db->idle) == 0);
    bool touched[DB_MAX_CONNECTIONS] = {false};
    // Connections take turns, so that none stays unused and goes unnoticed when broken.
    for (unsigned missed = 0; missed < db->o.connections && !list_empty(&db->waiting);) {
        struct db_conn *c = &db->conns[db->turn];
        unsigned index = db->turn;
        db->turn = (db->turn + 1) % db->o.connections;
        if (!can_take(c)) {
            missed++;
            continue;
        }
        missed = 0;
        struct list *node = list_pop(&db->waiting);
        db->waiting_count--;
        touched[index] = true;
        db_wire_send(c, CONTAINER_OF(node, struct db_query, node));
    }
    for (unsigned i = 0; i < db->o.connections; i++) {
        if (touched[i] && db->conns[i].state == DB_CONN_UP)
            db_conn_flush(&db->conns[i]);
    }
}

int db_submit(struct db *db, struct db_query *q)
{
    if (db->closing)
        return ERR_CLOSED;
    CHECK(q->statement < db->o.statement_count && !q->params.array_open);
    if (q->params.error)
        return q->params.error;
    if (db->up_count == 0)
        return ERR_DB_DOWN;
    if (db_load(db) >= db->up_count * db->o.depth + db->o.max_waiting)
        return ERR_FULL;
    if (q->timeout_ms <= 0)
        q->timeout_ms = DB_DEFAULT_TIMEOUT_MS;
    q->deadline = clock_mono_ms() + q->timeout_ms;
    q->sent = false;
    list_push(&db->waiting, &q->node);
    db->waiting_count++;
    db_watch_deadline(db, send_before(q));
    CHECK(uv_idle_start(&db->idle, on_idle) == 0);
    return ERR_OK;
}

// ---- who is up

bool db_up(const struct db *db)
{
    return db->up_count > 0;
}

unsigned db_load(const struct db *db)
{
    unsigned n = db->waiting_count;
    for (unsigned i = 0; i < db->o.connections; i++)
        n += db->conns[i].inflight_count;
    return n;
}

bool db_idle(const struct db *db)
{
    unsigned room = 0;
    for (unsigned i = 0; i < db->o.connections; i++) {
        const struct db_conn *c = &db->conns[i];
        if (c->state == DB_CONN_UP && !c->retire)
            room += db->o.depth - c->inflight_count;
    }
    return room > db->waiting_count;
}

static void report(struct db *db, bool up, const char *why)
{
    if (db->closing || (db->ever_reported && db->up_reported == up && strcmp(db->why_reported, why) == 0))
        return;
    db->ever_reported = true;
    db->up_reported = up;
    memcpy(db->why_reported, why, strlen(why) + 1);
    if (db->o.on_state)
        db->o.on_state(db->o.owner, up, up ? NULL : db->why_reported);
}

void db_on_conn_up(struct db *db)
{
    db_on_heard(db);
}

void db_on_heard(struct db *db)
{
    db->heard_ms = clock_mono_ms();
    if (db->up_count > 0)
        report(db, true, "");
}

void db_check_silence(struct db *db)
{
    if (clock_mono_ms() - db->heard_ms > DB_SILENT_MS)
        report(db, false, "the server does not answer");
}

void db_on_conn_down(struct db_conn *c)
{
    struct db *db = c->db;
    if (db->up_count > 0)
        return;
    report(db, false, c->why);
    fail_waiting(db, ERR_DB_DOWN);
}

// ---- life

static int copy_options(struct db *db, const struct db_options *o)
{
    db->o = *o;
    if (db->o.connections == 0)
        db->o.connections = DB_DEFAULT_CONNECTIONS;
    if (db->o.depth == 0)
        db->o.depth = DB_DEFAULT_DEPTH;
    if (db->o.statement_timeout_ms <= 0)
        db->o.statement_timeout_ms = DB_STATEMENT_TIMEOUT_MS;
    if (db->o.connections > DB_MAX_CONNECTIONS)
        return ERR_INVALID;
    db->o.conninfo = strdup(o->conninfo);
    db->o.service = strdup(o->service);
    return db->o.conninfo && db->o.service ? ERR_OK : ERR_NO_MEMORY;
}

static void destroy(struct db *db)
{
    free((void *)(uintptr_t)db->o.conninfo);
    free((void *)(uintptr_t)db->o.service);
    free(db);
}

int db_create(uv_loop_t *loop, const struct db_options *o, struct db **ret_db)
{
    CHECK(o->conninfo && o->service && (o->statements || o->statement_count == 0));
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        return ERR_NO_MEMORY;
    int err = copy_options(db, o);
    if (err) {
        destroy(db);
        return err;
    }
    db->loop = loop;
    db->timer_at = INT64_MAX;
    list_init(&db->waiting);
    CHECK(uv_prepare_init(loop, &db->prepare) == 0 && uv_prepare_start(&db->prepare, on_prepare) == 0);
    CHECK(uv_idle_init(loop, &db->idle) == 0);
    CHECK(uv_timer_init(loop, &db->timer) == 0);
    db->open_handles = 3;
    for (unsigned i = 0; i < db->o.connections; i++) {
        db_conn_open_handles(&db->conns[i], db, i);
        db_conn_start(&db->conns[i]);
    }
    *ret_db = db;
    return ERR_OK;
}

void db_handle_closed(struct db *db)
{
    if (--db->open_handles > 0 || !db->closing)
        return;
    void (*closed)(void *) = db->closed;
    void *owner = db->closed_owner;
    destroy(db);
    if (closed)
        closed(owner);
}

static void on_prepare_closed(uv_handle_t *handle)
{
    db_handle_closed(CONTAINER_OF(handle, struct db, prepare));
}

static void on_idle_closed(uv_handle_t *handle)
{
    db_handle_closed(CONTAINER_OF(handle, struct db, idle));
}

static void on_timer_closed(uv_handle_t *handle)
{
    db_handle_closed(CONTAINER_OF(handle, struct db, timer));
}

static void close_all(struct db *db)
{
    fail_waiting(db, ERR_CLOSED);
    for (unsigned i = 0; i < db->o.connections; i++)
        db_conn_close(&db->conns[i]);
    uv_close((uv_handle_t *)&db->prepare, on_prepare_closed);
    uv_close((uv_handle_t *)&db->idle, on_idle_closed);
    uv_close((uv_handle_t *)&db->timer, on_timer_closed);
}

void db_close(struct db *db, void (*closed)(void *owner), void *owner)
{
    CHECK(!db->closing);
    db->closing = true;
    db->closed = closed;
    db->closed_owner = owner;
    CHECK(uv_timer_start(&db->timer, on_timer, 0, 0) == 0);
}
