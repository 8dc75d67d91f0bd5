// SPDX-License-Identifier: EUPL-1.2
#include "ingest/appender.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <stdlib.h>
#include <string.h>

#define COMMITS_MAX 16 // as many as there may be connections

struct commit {
    struct db_query query;
    struct appender *appender;
    struct list uploads;
    unsigned count, scans;
    int64_t sent_ms; // monotonic
    bool busy;
};

struct appender {
    struct appender_options o;
    uv_check_t turn; // end of a loop turn: flush
    uv_timer_t tick; // uploads that waited too long
    struct list waiting;
    unsigned waiting_scans, load;
    size_t waiting_bytes;
    unsigned limit; // scans of the next commit
    int64_t failed_at;
    unsigned commit_count, closed_handles;
    struct commit commits[COMMITS_MAX];
};

static struct metric commit_seconds = {.name = "duongthu_ingest_commit_seconds",
                                       .help = "From the start of a group commit to its end",
                                       .kind = METRIC_HISTOGRAM};
static struct metric commit_scans = {
    .name = "duongthu_ingest_commit_scans_total", .help = "Scans in group commits", .kind = METRIC_COUNTER};
static struct metric commit_failures = {.name = "duongthu_ingest_commit_failures_total",
                                        .help = "Group commits that did not succeed",
                                        .kind = METRIC_COUNTER};
static struct metric waiting_gauge = {.name = "duongthu_ingest_waiting_scans",
                                      .help = "Scans that wait for a connection",
                                      .kind = METRIC_GAUGE};

static struct metric load_gauge = {.name = "duongthu_ingest_uploads_in_flight",
                                   .help = "Uploads waiting for a commit or in one",
                                   .kind = METRIC_GAUGE};

enum { APPEND };
const struct db_statement appender_statements[] = {
    [APPEND] = {"append",
                "select upload, status, array_to_string(outcomes, ',') from dt.append_scans($1::smallint,"
                " $2::timestamptz, $3::bigint[], $4::text[], $5::bytea[], $6::integer[], $7::bigint[],"
                " $8::bytea[], $9::smallint[], $10::smallint[], $11::integer[], $12::timestamptz[],"
                " $13::text[], $14::text[], $15::integer[], $16::uuid[], $17::bytea[], $18::text[],"
                " $19::bytea[]) order by upload"},
};
const size_t appender_statement_count = ARRAY_LEN(appender_statements);

// ---- what goes to the database ----

static bool is_sent(const struct scan *s)
{
    return s->repeats == s->position && s->outcome != OUTCOME_PERSONAL;
}

#define FOR_UPLOADS(u, c)                                                                                    \
    for (struct list *u##_n = (c)->uploads.next; u##_n != &(c)->uploads; u##_n = u##_n->next)                \
        for (struct upload *u = CONTAINER_OF(u##_n, struct upload, node), *u##_once = u; u##_once;           \
             u##_once = NULL)

#define FOR_SCANS(s, u)                                                                                      \
    for (unsigned s##_i = 0; s##_i < (u)->batch.header.count; s##_i++)                                       \
        for (struct scan *s = (u)->batch.by_seq[s##_i], *s##_once = s; s##_once; s##_once = NULL)            \
            if (is_sent(s))

static void put_uploads(struct db_params *p, const struct commit *c)
{
    db_open_array(p, DB_INT8);
    FOR_UPLOADS(u, c) db_item_int8(p, u->stream->number);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    FOR_UPLOADS(u, c) db_item_text(p, u->batch.header_text, u->batch.header_len);
    db_close_array(p);
    db_open_array(p, DB_BYTEA);
    FOR_UPLOADS(u, c) db_item_bytea(p, u->batch.signature, u->batch.signature_len);
    db_close_array(p);
}

// One array: the value of each scan that is sent.
#define PUT_SCANS(type, put)                                                                                 \
    do {                                                                                                     \
        int32_t number = 0;                                                                                  \
        db_open_array(p, type);                                                                              \
        FOR_UPLOADS(u, c)                                                                                    \
        {                                                                                                    \
            number++;                                                                                        \
            FOR_SCANS(s, u) put;                                                                             \
        }                                                                                                    \
        (void)number;                                                                                        \
        db_close_array(p);                                                                                   \
    } while (0)

static void put_code(struct db_params *p, const struct scan *s)
{
    if (s->code_len < 0)
        db_item_null(p);
    else
        db_item_text(p, s->code, (size_t)s->code_len);
}

static void put_scans(struct db_params *p, const struct commit *c)
{
    PUT_SCANS(DB_INT4, db_item_int4(p, number));
    PUT_SCANS(DB_INT8, db_item_int8(p, s->seq));
    PUT_SCANS(DB_BYTEA, db_item_bytea(p, s->digest, FACT_DIGEST));
    PUT_SCANS(DB_INT2, db_item_int2(p, s->outcome));
    PUT_SCANS(DB_INT2, db_item_int2(p, s->kind));
    PUT_SCANS(DB_INT4, db_item_int4(p, (int32_t)s->flags));
    PUT_SCANS(DB_TIMESTAMPTZ, db_item_time_ms(p, s->occurred_ms));
    PUT_SCANS(DB_TEXT, put_code(p, s));
    PUT_SCANS(DB_TEXT, db_item_text(p, s->body, s->body_len));
}

// The same for the sealed parts; `number` is the index of the scan in the arrays above.
#define PUT_PARTS(type, put)                                                                                 \
    do {                                                                                                     \
        int32_t number = 0;                                                                                  \
        db_open_array(p, type);                                                                              \
        FOR_UPLOADS(u, c) FOR_SCANS(s, u)                                                                    \
        {                                                                                                    \
            number++;                                                                                        \
            const struct part *t = s->part;                                                                  \
            if (t && t->sealed)                                                                              \
                put;                                                                                         \
        }                                                                                                    \
        (void)number;                                                                                        \
        db_close_array(p);                                                                                   \
    } while (0)

static void put_parts(struct db_params *p, const struct commit *c)
{
    PUT_PARTS(DB_INT4, db_item_int4(p, number));
    PUT_PARTS(DB_UUID, db_item_uuid(p, t->blob));
    PUT_PARTS(DB_BYTEA, db_item_bytea(p, t->sealed, t->sealed_len));
    PUT_PARTS(DB_TEXT, db_item_text(p, t->subject, strlen(t->subject)));
    PUT_PARTS(DB_BYTEA, db_item_bytea(p, t->wrapped, WRAP_LEN));
}

static void on_turn(uv_check_t *check);

static void add_load(struct appender *a, int by)
{
    a->load = (unsigned)((int)a->load + by);
    metric_set(&load_gauge, a->load);
}

// ---- endings ----

static void upload_end(struct appender *a, struct upload *u, int err)
{
    add_load(a, -1);
    u->stream->busy = false;
    u->done(u, err);
}

static void end_all(struct commit *c, int err)
{
    while (!list_empty(&c->uploads))
        upload_end(c->appender, CONTAINER_OF(list_pop(&c->uploads), struct upload, node), err);
}

// Back to the front of the queue, in order; each on its own when a commit of several was refused.
static void requeue(struct commit *c, bool alone)
{
    struct appender *a = c->appender;
    while (!list_empty(&c->uploads)) {
        struct upload *u = CONTAINER_OF(c->uploads.prev, struct upload, node);
        list_remove(&u->node);
        list_push(a->waiting.next, &u->node); // before the first
        u->stream->busy = false;
        u->alone = alone;
        u->again = true;
        a->waiting_scans += u->scans;
        a->waiting_bytes += u->bytes;
    }
    (void)uv_check_start(&a->turn, on_turn);
}

static void refused(struct commit *c, const struct db_result *res)
{
    struct appender *a = c->appender;
    const char *state = db_sqlstate(res);
    struct upload *first = CONTAINER_OF(c->uploads.next, struct upload, node);
    log_warn("append.refused", LOG_STR("sqlstate", state), LOG_STR("message", db_message(res)),
             LOG_INT("uploads", c->count), LOG_INT("stream", first->stream->number));
    if (strcmp(state, "23514") == 0) { // no partition for these positions
        a->o.on_segments(a->o.owner);
        end_all(c, ERR_FULL);
    } else if (strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0) {
        end_all(c, ERR_TIMEOUT); // the head was held too long: waiting again would only lengthen the queue
    } else if (db_transient(state)) {
        if (first->again)
            end_all(c, ERR_TIMEOUT);
        else
            requeue(c, false);
    } else if (c->count > 1) {
        requeue(c, true);
    } else {
        end_all(c, ERR_DB_REFUSED);
    }
}

// "1,-1,13": one outcome for each scan that was sent, negative for duplicates.
static void take_outcomes(struct upload *u, const char *list)
{
    FOR_SCANS(s, u)
    {
        char *end;
        long v = strtol(list, &end, 10);
        s->duplicate = v < 0;
        s->outcome = (uint8_t)(v < 0 ? -v : v);
        list = *end == ',' ? end + 1 : end;
    }
}

static void stored(struct commit *c, const struct db_result *res)
{
    int row = 0; // a row for each upload, in order
    FOR_UPLOADS(u, c)
    {
        u->status = (enum upload_status)db_int(res, row, 1);
        if (u->status == UPLOAD_STORED && !db_null(res, row, 2)) {
            size_t len;
            take_outcomes(u, db_bytes(res, row, 2, &len));
        }
        row++;
    }
    end_all(c, ERR_OK);
}

static void on_commit(struct db_query *q, int err, const struct db_result *res)
{
    struct commit *c = q->owner;
    struct appender *a = c->appender;
    int64_t took = clock_mono_ms() - c->sent_ms;
    c->busy = false;
    metric_observe_ms(&commit_seconds, took);
    if (took > APPEND_SLOW_MS && a->waiting_scans > a->limit)
        a->limit = a->limit * 2 > APPEND_SCANS_MAX ? APPEND_SCANS_MAX : a->limit * 2;
    else if (took < APPEND_FAST_MS && a->limit > a->o.batch)
        a->limit = a->limit / 2 < a->o.batch ? a->o.batch : a->limit / 2;
    if (err == ERR_OK && db_rows(res) != (int)c->count)
        err = ERR_PROTOCOL; // our SQL is not the one we were built for
    a->failed_at = err ? clock_mono_ms() : 0;
    if (err)
        metric_add(&commit_failures, 1);
    if (err == ERR_OK)
        stored(c, res);
    else if (err == ERR_DB_REFUSED)
        refused(c, res);
    else
        end_all(c, err);
}

// ---- collecting ----

static struct commit *free_commit(struct appender *a)
{
    for (unsigned i = 0; i < a->commit_count; i++) {
        if (!a->commits[i].busy)
            return &a->commits[i];
    }
    return NULL;
}

// The oldest upload chooses the lane; younger ones of the lane join while they fit. A stream that is in a
// commit already keeps its next upload waiting.
static void collect(struct appender *a, struct commit *c)
{
    size_t bytes = 0;
    int16_t lane = 0;
    c->count = c->scans = 0;
    LIST_FOR(node, &a->waiting)
    {
        struct upload *u = CONTAINER_OF(node, struct upload, node);
        if (u->stream->busy || (c->count > 0 && (u->stream->lane != lane || u->alone)))
            continue;
        if (c->count > 0 && (c->scans + u->scans > a->limit || bytes + u->bytes > APPEND_BYTES_MAX))
            break;
        lane = u->stream->lane;
        list_remove(&u->node);
        list_push(&c->uploads, &u->node);
        u->stream->busy = true;
        c->count++;
        c->scans += u->scans;
        bytes += u->bytes;
        a->waiting_scans -= u->scans;
        a->waiting_bytes -= u->bytes;
        if (u->alone)
            break;
    }
}

static void send_commit(struct appender *a, struct commit *c)
{
    const struct upload *first = CONTAINER_OF(c->uploads.next, struct upload, node);
    struct db_params *p = &c->query.params;
    int64_t now = clock_wall_ms();
    FOR_UPLOADS(u, c) u->server_ms = now;
    db_params_reset(p);
    db_put_int2(p, first->stream->lane);
    db_put_time_ms(p, now);
    put_uploads(p, c);
    put_scans(p, c);
    put_parts(p, c);
    c->busy = true;
    c->sent_ms = clock_mono_ms();
    c->query.statement = APPEND;
    c->query.timeout_ms = APPEND_TIMEOUT_MS;
    c->query.done = on_commit;
    c->query.owner = c;
    int err = db_submit(a->o.db, &c->query);
    if (err) {
        c->busy = false;
        a->failed_at = clock_mono_ms();
        end_all(c, err);
        return;
    }
    metric_add(&commit_scans, c->scans);
}

static void on_turn(uv_check_t *check)
{
    struct appender *a = check->data;
    struct commit *c;
    while (!list_empty(&a->waiting) && db_idle(a->o.db) && (c = free_commit(a))) {
        collect(a, c);
        if (c->count == 0)
            break; // all of busy streams
        send_commit(a, c);
    }
    metric_set(&waiting_gauge, a->waiting_scans);
    if (list_empty(&a->waiting))
        (void)uv_check_stop(&a->turn);
}

static void end_waiting(struct appender *a, struct upload *u, int err)
{
    list_remove(&u->node);
    a->waiting_scans -= u->scans;
    a->waiting_bytes -= u->bytes;
    add_load(a, -1);
    u->done(u, err);
}

static void on_tick(uv_timer_t *timer)
{
    struct appender *a = timer->data;
    int64_t late = clock_mono_ms() - APPEND_WAIT_MS;
    LIST_FOR(node, &a->waiting)
    {
        struct upload *u = CONTAINER_OF(node, struct upload, node);
        if (u->queued_ms > late && db_up(a->o.db))
            break;
        end_waiting(a, u, ERR_TIMEOUT);
    }
}

bool appender_full(const struct appender *a)
{
    return a->waiting_scans >= a->o.max_waiting || a->waiting_bytes >= APPEND_WAITING_MAX;
}

int appender_add(struct appender *a, struct upload *u)
{
    if (!db_up(a->o.db))
        return ERR_DB_DOWN;
    if (appender_full(a))
        return ERR_FULL;
    u->alone = u->again = false;
    u->scans = 0;
    u->bytes = u->batch.header_len;
    FOR_SCANS(s, u)
    {
        u->scans++;
        u->bytes += s->body_len + (s->part ? s->part->sealed_len : 0) + 100;
    }
    u->queued_ms = clock_mono_ms();
    list_push(&a->waiting, &u->node);
    a->waiting_scans += u->scans;
    a->waiting_bytes += u->bytes;
    add_load(a, 1);
    return uv_check_start(&a->turn, on_turn);
}

int64_t appender_oldest_ms(const struct appender *a)
{
    if (list_empty(&a->waiting))
        return 0;
    return clock_mono_ms() - CONTAINER_OF(a->waiting.next, struct upload, node)->queued_ms;
}

int64_t appender_failed_at(const struct appender *a)
{
    return a->failed_at;
}

// ---- life ----

static void appender_free(struct appender *a)
{
    for (unsigned i = 0; i < a->commit_count; i++)
        db_params_done(&a->commits[i].query.params);
    free(a);
}

int appender_create(const struct appender_options *o, struct appender **ret_appender)
{
    struct appender *a = calloc(1, sizeof(*a));
    if (!a)
        return ERR_NO_MEMORY;
    a->o = *o;
    a->limit = o->batch;
    list_init(&a->waiting);
    for (; a->commit_count < o->connections && a->commit_count < COMMITS_MAX; a->commit_count++) {
        struct commit *c = &a->commits[a->commit_count];
        c->appender = a;
        list_init(&c->uploads);
        if (db_params_init(&c->query.params)) {
            appender_free(a);
            return ERR_NO_MEMORY;
        }
    }
    (void)uv_check_init(o->loop, &a->turn);
    (void)uv_timer_init(o->loop, &a->tick);
    a->turn.data = a->tick.data = a;
    (void)uv_timer_start(&a->tick, on_tick, 250, 250);
    metric_register(&commit_seconds);
    metric_register(&commit_scans);
    metric_register(&commit_failures);
    metric_register(&waiting_gauge);
    metric_register(&load_gauge);
    *ret_appender = a;
    return ERR_OK;
}

static void on_closed(uv_handle_t *h)
{
    struct appender *a = h->data;
    if (++a->closed_handles == 2)
        appender_free(a);
}

void appender_close(struct appender *a)
{
    if (!a)
        return;
    LIST_FOR(node, &a->waiting)
    end_waiting(a, CONTAINER_OF(node, struct upload, node), ERR_CLOSED);
    uv_close((uv_handle_t *)&a->turn, on_closed);
    uv_close((uv_handle_t *)&a->tick, on_closed);
}
