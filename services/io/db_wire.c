// SPDX-License-Identifier: EUPL-1.2
// Statements out, answers in.
//
// Out: a statement and its Sync must leave in one write (DESIGN §3): a process stopped between the two would
// hold what the statement locked, and none of PostgreSQL's time-outs sees that (design-evidence B2). libpq
// queues Bind, Describe and Execute, then PQpipelineSync() adds Sync and flushes; but it sends whole blocks
// of 8 KiB early, whenever a message ends. Execute would leave alone when it ends exactly on a block: five
// bytes of padding before it move it. (When the socket is full, libpq tries to send more often and the kernel
// cuts where it likes; watch ends what then hangs.)
//
// In: RESULT → END → SYNC for the first statement in flight (db_private.h). The outcome is known only at
// SYNC: the commit happens between END and SYNC and may fail, or succeed without being replicated.
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/db_private.h"

#include <string.h>

#define LIBPQ_BLOCK 8192 // pqPutMsgEnd() in fe-misc.c

// ---- out

// Bytes of Bind, Describe (portal) and Execute as PQsendQueryPrepared writes them.
static size_t wire_size(const struct db_query *q, const char *name)
{
    size_t bind = 1 + 4 + 1 + strlen(name) + 1 + 2 + 2 + 2 + 2;
    bind += q->params.count > 0 ? 2 * (size_t)q->params.count : 0; // a format code each
    for (unsigned i = 0; i < q->params.count; i++)
        bind += 4 + (q->params.at[i].length > 0 ? (size_t)q->params.at[i].length : 0);
    return bind + 7 + 10;
}

static const char *statement_name(const struct db_conn *c, const struct db_query *q)
{
    return q == &c->heartbeat ? db_check_name : c->db->o.statements[q->statement].name;
}

void db_wire_send(struct db_conn *c, struct db_query *q)
{
    const struct db_params *p = &q->params;
    struct db_binding b;
    db_params_bind(p, &b);
    // In flight before libpq is asked: when it fails half-way, what left is unknown.
    const char *name = statement_name(c, q);
    q->sent = true;
    list_push(&c->inflight, &q->node);
    c->inflight_count += q != &c->heartbeat;

    bool ok = true;
    if (wire_size(q, name) % LIBPQ_BLOCK == 0)
        ok = PQsendFlushRequest(c->pg); // the padding: it has no answer
    ok = ok && PQsendQueryPrepared(c->pg, name, (int)p->count, b.values, b.lengths, b.formats, 1);
    ok = ok && PQpipelineSync(c->pg);
    if (!ok) {
        db_conn_say(c, "cannot send", PQerrorMessage(c->pg));
        db_conn_fail(c, 0, NULL);
    }
}

static void on_heartbeat(struct db_query *q, int err, const struct db_result *res)
{
    struct db_conn *c = q->owner;
    const char *unfit = err == ERR_OK ? db_check_row(c->db, res) : "the heartbeat was refused";
    if (unfit) {
        c->retire = true;
        db_conn_say(c, unfit, "");
    }
}

void db_wire_heartbeat(struct db_conn *c)
{
    if (!list_empty(&c->inflight))
        return; // the answer that is awaited has its own deadline
    c->heartbeat.done = on_heartbeat;
    c->heartbeat.owner = c;
    c->heartbeat.deadline = clock_mono_ms() + DB_HEARTBEAT_LIMIT_MS;
    db_wire_send(c, &c->heartbeat);
    if (c->state != DB_CONN_UP)
        return;
    db_watch_deadline(c->db, c->heartbeat.deadline);
    db_conn_flush(c);
}

// ---- in

// "canceling wait for synchronous replication" (quality A2 T1): the statement succeeds although it may exist
// on one disk only. The text is translated, the function's name is not.
void db_wire_notice(void *conn, const PGresult *notice)
{
    struct db_conn *c = conn;
    const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
    const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    if ((function && strcmp(function, "SyncRepWaitForLSN") == 0) ||
        (message && strstr(message, "wait for synchronous replication")))
        c->not_durable = true;
}

// The transaction of the first statement in flight has ended: its outcome is known.
static void finish_first(struct db_conn *c)
{
    struct db_query *q = CONTAINER_OF(list_pop(&c->inflight), struct db_query, node);
    c->inflight_count -= q != &c->heartbeat;
    PGresult *answer = c->answer;
    int err = ERR_OK;
    if (!answer)
        err = ERR_DB_LOST; // a Sync without an answer: the count is lost too
    else if (db_result_failed(answer))
        err = ERR_DB_REFUSED;
    else if (c->not_durable)
        err = ERR_NOT_DURABLE;
    c->answer = NULL;
    c->expect = DB_EXPECT_RESULT;
    c->not_durable = false;
    const struct db_result r = {answer, answer ? PQntuples(answer) : 0, answer ? PQnfields(answer) : 0};
    bool read_only = err == ERR_DB_REFUSED && strcmp(db_sqlstate(&r), "25006") == 0;
    if (err == ERR_DB_LOST || (read_only && !c->db->o.read_only_ok)) {
        c->retire = true;
        db_conn_say(c, read_only ? "the server is read-only" : "answers out of step", "");
    }
    q->done(q, err, err == ERR_OK || err == ERR_DB_REFUSED ? &r : NULL);
    PQclear(answer);
}

// Takes one non-NULL result for the first statement in flight. False: the connection is gone or mad.
static bool take_result(struct db_conn *c, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        finish_first(c);
        return true;
    }
    // An error that libpq made up itself carries no SQLSTATE: the connection broke, the outcome is unknown.
    if (db_result_failed(result) && !PQresultErrorField(result, PG_DIAG_SQLSTATE)) {
        db_conn_say(c, "connection lost", PQresultErrorMessage(result));
        PQclear(result);
        return false;
    }
    // A failing commit is answered after the rows: the later result is the truth.
    PQclear(c->answer);
    c->answer = result;
    c->expect = DB_EXPECT_END;
    return true;
}

static void read_notifies(struct db_conn *c)
{
    for (PGnotify *n; (n = PQnotifies(c->pg));) {
        const struct db_options *o = &c->db->o;
        if (o->on_notify)
            o->on_notify(o->owner, n->relname);
        PQfreemem(n);
    }
}

static bool read_setup(struct db_conn *c)
{
    while (c->state == DB_CONN_PREPARING && !PQisBusy(c->pg)) {
        PGresult *result = PQgetResult(c->pg);
        switch (db_setup_take(c, result)) {
        case DB_SETUP_MORE:
            break;
        case DB_SETUP_DONE:
            db_conn_set_up(c);
            break;
        case DB_SETUP_FAILED:
            db_conn_fail(c, 0, NULL);
            return false;
        }
    }
    return c->state == DB_CONN_UP;
}

// Takes answers while there are complete ones. False: the connection must be failed.
static bool read_answers(struct db_conn *c)
{
    while (!list_empty(&c->inflight) && !c->retire && !PQisBusy(c->pg)) {
        PGresult *result = PQgetResult(c->pg);
        if (result) {
            if (!take_result(c, result))
                return false;
        } else if (c->expect == DB_EXPECT_END) {
            c->expect = DB_EXPECT_SYNC;
        } else {
            db_conn_say(c, "answers out of step", "");
            return false;
        }
    }
    return !c->retire;
}

void db_wire_read(struct db_conn *c)
{
    if (c->state == DB_CONN_PREPARING && !read_setup(c))
        return;
    bool healthy = read_answers(c);
    read_notifies(c);
    if (!healthy)
        db_conn_fail(c, 0, NULL);
}
