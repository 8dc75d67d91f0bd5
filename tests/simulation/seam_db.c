// SPDX-License-Identifier: EUPL-1.2
// io/db.h in front of the model (store.h): statements take time, get lost before or after their commit, come
// late, wait behind each other on few connections, run long after their caller has given them up.
#include "simulation/store.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 10000
#define LATE_MS    60000 // how long a statement may lie in a socket, or wait for a lock, unheard of

struct db {
    struct process *process;
    struct db_options o;
    bool up, closing;
    struct list waiting; // db_query.node
    struct list flight;  // db_op.node
    unsigned waiting_count, in_flight;
    void (*closed)(void *owner);
    void *closed_owner;
};

void result_create(struct db_op *op);
void result_destroy(struct db_result *r);

static bool server_up = true;
static uint64_t server_life = 1; // rises when it goes: its connections go with it

void db_forget(void)
{
    server_up = true;
}

// ---------------------------------------------------------------- one statement

static void op_unref(struct db_op *op)
{
    if (--op->refs > 0)
        return;
    result_destroy(op->result);
    buf_done(&op->params.bytes);
    free(op);
}

static void on_execute(void *arg, uint64_t tag)
{
    struct db_op *op = arg;
    (void)tag;
    if (op->late && (!server_up || op->server_life != server_life))
        op->skip = true;
    if (op->late && !op->skip)
        sim_trace("the server runs a statement that was given up (%u)", op->statement);
    if (!op->skip) {
        if (!op->result)
            result_create(op);
        db_store->execute(op);
        if (op->sqlstate[0] && op->err == ERR_OK)
            op->err = ERR_DB_REFUSED;
    }
    op_unref(op);
}

static void pump(struct db *db);

static void on_reply(void *arg, uint64_t tag)
{
    struct db_op *op = arg;
    struct db *db = op->db;
    struct db_query *q = op->query;
    (void)tag;
    if (!op->replied) {
        op->replied = true;
        list_remove(&op->node);
        db->in_flight--;
        if (op->err == ERR_OK && clock_mono_ms() > q->deadline && sim_chance(500)) // frozen meanwhile
            op->err = ERR_TIMEOUT;
        bool heard = op->err == ERR_OK || op->err == ERR_DB_REFUSED;
        if (op->err != ERR_OK)
            sim_trace("statement %s: %s %s", db->o.statements[op->statement].name, err_name(op->err),
                      op->sqlstate);
        q->done(q, op->err, heard ? op->result : NULL);
        if (process_now->alive && process_now->db == db)
            pump(db);
    }
    op_unref(op);
}

static const char *transient_state(void)
{
    static const char *const states[] = {"40001", "57014", "55P03", "53300"};
    return states[sim_below(ARRAY_LEN(states))];
}

// What the day has in store for it: when it runs, when the caller hears of it, and what.
static void schedule(struct db_op *op, int64_t *ret_runs, int64_t *ret_heard)
{
    int64_t there = sim_between(0, 2), back = sim_between(0, 2);
    if (sim_has(FAULT_DB_SLOW) && sim_chance(15)) {
        if (sim_chance(500))
            there += sim_between(50, 12000);
        else
            back += sim_between(50, 12000);
    }
    if (sim_has(FAULT_DB_REFUSED) && sim_chance(15)) {
        op->skip = true;
        op->err = ERR_DB_REFUSED;
        op_refuse(op, transient_state());
        result_create(op);
    } else if (sim_has(FAULT_DB_LOST) && sim_chance(15)) {
        op->skip = sim_chance(500);
        op->err = ERR_DB_LOST;
    } else if (sim_has(FAULT_DB_LATE) && sim_chance(15)) {
        op->skip = true;
        op->err = ERR_DB_LOST;
    } else if (sim_has(FAULT_DB_NOT_DURABLE) && sim_chance(10)) {
        op->err = ERR_NOT_DURABLE;
    }
    *ret_runs = there;
    *ret_heard = there + back;
    int64_t patience = op->query->deadline - clock_mono_ms();
    if (*ret_heard > patience) {
        *ret_heard = patience > 0 ? patience : 0;
        op->err = ERR_TIMEOUT;
        if (*ret_runs > *ret_heard || op->skip) {
            op->skip = op->skip || sim_chance(500);
            *ret_runs = *ret_heard;
        }
    }
}

// Given up is not ended: the server may have it already, and run it when it comes to it. Returns when.
static int64_t make_late(struct db_op *op, int64_t heard, int64_t runs)
{
    if (!sim_has(FAULT_DB_LATE) || sim_chance(300))
        return runs;
    op->skip = false;
    op->late = true;
    return heard + (sim_chance(500) ? sim_between(0, 2000) : sim_between(0, LATE_MS));
}

static void launch(struct db *db, struct db_query *q)
{
    process_now = NULL; // what is on its way outlives the process
    struct db_op *op = calloc(1, sizeof *op);
    if (!op)
        abort();
    op->db = db;
    op->process = db->process;
    op->query = q;
    op->statement = q->statement;
    op->params = q->params;
    buf_init(&op->params.bytes, 32u << 20);
    buf_append(&op->params.bytes, q->params.bytes.data, q->params.bytes.len);
    op->refs = 2;
    list_push(&db->flight, &op->node);
    db->in_flight++;
    op->server_life = server_life;
    q->sent = true;
    int64_t runs, heard;
    schedule(op, &runs, &heard);
    if (op->skip && op->err != ERR_DB_REFUSED)
        runs = make_late(op, heard, runs);
    sim_after(NULL, runs, on_execute, op, 0);
    sim_after(db->process, heard, on_reply, op, 0);
    process_now = db->process;
}

static void pump(struct db *db)
{
    struct list *node;
    while (db->in_flight < db->o.connections && db->up && (node = list_pop(&db->waiting)) != NULL) {
        db->waiting_count--;
        launch(db, CONTAINER_OF(node, struct db_query, node));
    }
}

int db_submit(struct db *db, struct db_query *q)
{
    CHECK(q->statement < db->o.statement_count && q->done);
    if (q->params.error)
        return q->params.error;
    if (db->closing)
        return ERR_CLOSED;
    if (!db->up)
        return ERR_DB_DOWN;
    if (db->waiting_count >= db->o.max_waiting)
        return ERR_FULL;
    q->deadline = clock_mono_ms() + (q->timeout_ms > 0 ? q->timeout_ms : TIMEOUT_MS);
    q->sent = false;
    list_init(&q->node);
    list_push(&db->waiting, &q->node);
    db->waiting_count++;
    pump(db);
    return ERR_OK;
}

// ---------------------------------------------------------------- the connections as a whole

static void on_up(void *arg, uint64_t tag)
{
    struct db *db = arg;
    (void)tag;
    if (!server_up || db->closing || db->up)
        return;
    db->up = true;
    if (db->o.on_state)
        db->o.on_state(db->o.owner, true, NULL);
    for (const char *const *c = db->o.channels; c && *c; c++)
        db->o.on_notify(db->o.owner, *c);
}

static void on_failed_waiting(void *arg, uint64_t tag)
{
    struct db_query *q = arg;
    q->done(q, (int)(int64_t)tag, NULL);
}

static void fail_waiting(struct db *db, int err)
{
    struct list *node;
    while ((node = list_pop(&db->waiting)) != NULL)
        sim_after(db->process, 0, on_failed_waiting, CONTAINER_OF(node, struct db_query, node),
                  (uint64_t)err);
    db->waiting_count = 0;
}

static void lose_flight(struct db *db)
{
    LIST_FOR(it, &db->flight)
    {
        struct db_op *op = CONTAINER_OF(it, struct db_op, node);
        if (!op->result) // not run yet
            op->skip = true;
        op->err = ERR_DB_LOST;
        op->refs++;
        sim_after(db->process, 0, on_reply, op, 0);
    }
}

static void on_down(void *arg, uint64_t tag)
{
    struct db *db = arg;
    (void)tag;
    if (server_up || db->closing || !db->up)
        return;
    db->up = false;
    if (db->o.on_state)
        db->o.on_state(db->o.owner, false, "the server is gone");
    fail_waiting(db, ERR_DB_DOWN);
}

void db_server_down(struct process *const *processes, unsigned count)
{
    sim_trace("the database is gone");
    server_up = false;
    server_life++;
    for (unsigned i = 0; i < count; i++) {
        if (!processes[i]->alive || !processes[i]->db)
            continue;
        lose_flight(processes[i]->db);
        sim_after(processes[i], 0, on_down, processes[i]->db, 0);
    }
}

void db_server_up(struct process *const *processes, unsigned count)
{
    sim_trace("the database is back");
    server_up = true;
    for (unsigned i = 0; i < count; i++) {
        if (processes[i]->alive && processes[i]->db)
            sim_after(processes[i], sim_between(50, 2000), on_up, processes[i]->db, 0);
    }
}

struct notice {
    struct db *db;
    const char *channel;
};

static void on_notice(void *arg, uint64_t tag)
{
    struct notice *n = arg;
    (void)tag;
    if (n->db->up && !n->db->closing)
        n->db->o.on_notify(n->db->o.owner, n->channel);
    free(n);
}

void db_notify(struct process *const *processes, unsigned count, const char *channel)
{
    for (unsigned i = 0; i < count; i++) {
        struct db *db = processes[i]->alive ? processes[i]->db : NULL;
        bool listens = false;
        for (const char *const *c = db ? db->o.channels : NULL; c && *c; c++)
            listens = listens || strcmp(*c, channel) == 0;
        if (!listens || (sim_has(FAULT_NOTIFY_LOST) && sim_chance(300)))
            continue;
        struct notice *n = malloc(sizeof *n);
        if (!n)
            abort();
        *n = (struct notice){db, channel};
        sim_after(processes[i], sim_between(0, 20), on_notice, n, 0);
    }
}

int db_create(uv_loop_t *loop, const struct db_options *o, struct db **ret_db)
{
    (void)loop;
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        return ERR_NO_MEMORY;
    db->process = process_now;
    db->o = *o;
    list_init(&db->waiting);
    list_init(&db->flight);
    process_now->db = db;
    sim_after(process_now, sim_between(5, 60), on_up, db, 0);
    *ret_db = db;
    return ERR_OK;
}

static void on_closed(void *arg, uint64_t tag)
{
    struct db *db = arg;
    void (*closed)(void *) = db->closed;
    void *owner = db->closed_owner;
    (void)tag;
    process_now->db = NULL;
    free(db);
    if (closed)
        closed(owner);
}

void db_close(struct db *db, void (*closed)(void *owner), void *owner)
{
    db->closing = true;
    db->closed = closed;
    db->closed_owner = owner;
    fail_waiting(db, ERR_CLOSED);
    lose_flight(db);
    sim_after(db->process, 1, on_closed, db, 0);
}

bool db_up(const struct db *db)
{
    return db->up;
}

unsigned db_load(const struct db *db)
{
    return db->waiting_count + db->in_flight;
}

bool db_idle(const struct db *db)
{
    return db->up && db->in_flight < db->o.connections;
}
