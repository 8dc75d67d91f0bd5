// SPDX-License-Identifier: EUPL-1.2
// States: UNKNOWN (where it stands must be read), IDLE, and one for each statement under way. A write whose
// outcome is unknown leads to UNKNOWN: the cursor in the database says what happened. A batch that is refused
// for a lasting reason is halved until one fact is left; that one is stuck, and the batches grow again.
#include "correlate/pump.h"

#include "base/backoff.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/ready.h"
#include "correlate/reader.h"
#include "correlate/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQLSTATE_LEASE  "DT001"
#define SQLSTATE_CURSOR "DT002"
#define SQLSTATE_OURS   "DT003" // not the server's refusal: a limit of ours
#define SQLSTATE_CHECK  "23514" // also: no partition for the row
#define WRITE_LIMIT_MS  30000

enum state { UNKNOWN, IDLE, ASKING_STATE, READING, LOADING, WRITING, STICKING, MAKING_SEGMENTS };

struct lane {
    int16_t lane;
    struct store_cursor cursor;
};

struct pump {
    struct pump_options options;
    enum state state;
    bool stopping;
    int64_t epoch;
    struct db_query query, notify;
    bool notify_busy, notify_again;
    struct load *load;
    struct reader *reader;
    struct backoff backoff;
    int64_t wait_until; // monotonic; 0 = not waiting
    // Where it stands
    struct lane lanes[WORLD_LANES_MAX];
    size_t n_lanes, at; // at: the lane in turn
    int16_t last_lane;  // of the batch before this one, -1 = none
    int16_t journey_lanes[WORLD_LANES_MAX];
    size_t n_journey_lanes, idle_lanes; // idle_lanes: lanes in a row that had nothing
    struct world_ids ids;
    size_t limit; // facts of the next batch
    // The batch
    struct world world;
    bool has_world;
    struct batch *batch;
    const struct batch_fact *facts; // the reader's
    size_t n_facts, n_applied;
    struct store_cursor to;
    int64_t began_ms;
};

static struct metric facts_total = {
    .name = "duongthu_correlate_facts_total", .kind = METRIC_COUNTER, .help = "Facts that were folded."};
static struct metric rows_total = {.name = "duongthu_correlate_rows_total",
                                   .kind = METRIC_COUNTER,
                                   .help = "Journey rows that were written."};
static struct metric stuck_total = {.name = "duongthu_correlate_stuck_total",
                                    .kind = METRIC_COUNTER,
                                    .help = "Facts that could not be digested and were listed."};
static struct metric batch_seconds = {.name = "duongthu_correlate_batch_seconds",
                                      .kind = METRIC_HISTOGRAM,
                                      .help = "From reading a batch of facts to its commit."};

void pump_fill_statements(struct db_statement *statements)
{
    memcpy(statements, load_statements, sizeof load_statements);
    statements[PUMP_STATE] = (struct db_statement){"state", "select * from dt.correlate_state()"};
    statements[PUMP_READ] = (struct db_statement){"read", reader_sql};
    statements[PUMP_WRITE] = (struct db_statement){"write", store_sql};
    statements[PUMP_STICK] = (struct db_statement){"stick", store_stick_sql};
    statements[PUMP_NOTIFY] = (struct db_statement){"notify", "select pg_notify('dt_journey', '')"};
    statements[PUMP_SEGMENTS] = (struct db_statement){"segments", "select dt.make_segments('journey', 4)"};
}

// ---- failures

// Waits before the next try; where it stands is read again.
static void back_off(struct pump *p)
{
    p->state = UNKNOWN;
    reader_forget(p->reader);
    p->wait_until = clock_mono_ms() + backoff_next_ms(&p->backoff);
}

static void drop_world(struct pump *p)
{
    if (p->has_world)
        world_done(&p->world);
    p->has_world = false;
    batch_clear(p->batch);
}

// True: the failure was about the lease, the cursor, the connection or the moment. The caller gives up the
// batch.
static bool is_passing(struct pump *p, const char *step, int err, const struct db_result *r)
{
    const char *sqlstate = r ? db_sqlstate(r) : "";
    if (strcmp(sqlstate, SQLSTATE_LEASE) == 0) {
        p->epoch = 0;
        p->state = UNKNOWN;
        p->options.lost_lease(p->options.owner);
        return true;
    }
    bool again = err != ERR_DB_REFUSED || db_transient(sqlstate) || strcmp(sqlstate, SQLSTATE_CURSOR) == 0;
    if (!again)
        return false;
    if (err != ERR_DB_DOWN && err != ERR_CLOSED)
        log_warn("correlate.step-failed", LOG_STR("step", step), LOG_ERR(err), LOG_STR("sqlstate", sqlstate));
    back_off(p);
    return true;
}

static int submit(struct pump *p, unsigned statement, enum state state, db_done done)
{
    p->query.statement = statement;
    p->query.done = done;
    p->state = state;
    return db_submit(p->options.db, &p->query);
}

static void submit_or_back_off(struct pump *p, unsigned statement, enum state state, db_done done)
{
    int err = submit(p, statement, state, done);
    if (err)
        (void)is_passing(p, "submit", err, NULL);
}

// ---- a batch that can't be written

static void on_stuck(struct db_query *q, int err, const struct db_result *r)
{
    struct pump *p = q->owner;
    if (err == ERR_OK) {
        metric_add(&stuck_total, 1);
        backoff_reset(&p->backoff);
        p->state = UNKNOWN;
    } else if (!is_passing(p, "stick", err, r)) {
        log_error("correlate.refused", LOG_STR("step", "stick"), LOG_STR("sqlstate", db_sqlstate(r)),
                  LOG_STR("message", db_message(r)));
        back_off(p);
    }
    pump_step(p);
}

static void stick(struct pump *p, const char *sqlstate, const char *error)
{
    const struct batch_fact *f = &p->facts[0];
    struct batch_needs needs;
    batch_needs(f, &needs);
    log_error("correlate.stuck", LOG_INT("lane", f->lane), LOG_INT("pos", f->pos),
              LOG_STR("sqlstate", sqlstate), LOG_STR("message", error));
    struct fact_text code = batch_stuck_code(&needs.fact);
    store_fill_stuck(&p->query.params, p->epoch, f, p->lanes[p->at].cursor, code.ptr, code.len, sqlstate,
                     error);
    drop_world(p);
    submit_or_back_off(p, PUMP_STICK, STICKING, on_stuck);
}

// The batch of n facts will never be written as it is.
static void bisect(struct pump *p, size_t n, const char *sqlstate, const char *error)
{
    if (n == 1) {
        stick(p, sqlstate, error);
        return;
    }
    p->limit = n / 2;
    log_warn("correlate.bisect", LOG_INT("facts", n), LOG_STR("sqlstate", sqlstate),
             LOG_STR("message", error));
    drop_world(p);
    p->state = UNKNOWN;
    pump_step(p);
}

static void on_segments(struct db_query *q, int err, const struct db_result *r)
{
    struct pump *p = q->owner;
    if (err && !is_passing(p, "segments", err, r))
        log_error("correlate.refused", LOG_STR("step", "segments"), LOG_STR("message", db_message(r)));
    back_off(p);
    pump_step(p);
}

// ---- writing

static void on_notified(struct db_query *q, int err, const struct db_result *r)
{
    struct pump *p = q->owner;
    (void)err; // a hint: readers poll
    (void)r;
    p->notify_busy = false;
    if (!p->notify_again)
        return;
    p->notify_again = false;
    p->notify_busy = db_submit(p->options.db, &p->notify) == ERR_OK;
}

// Outside the data transaction, one under way at a time.
static void notify_readers(struct pump *p)
{
    if (p->notify_busy) {
        p->notify_again = true;
        return;
    }
    db_params_reset(&p->notify.params);
    p->notify_busy = db_submit(p->options.db, &p->notify) == ERR_OK;
}

// Facts of the batch after the one that is written: twice as many, but few that will not fit into its rows.
static size_t next_limit(const struct pump *p)
{
    size_t limit = p->batch->n_rows < p->options.rows ? 2 * p->limit : p->n_applied + p->n_applied / 4 + 1;
    return limit < p->options.facts ? limit : p->options.facts;
}

static void on_committed(struct pump *p)
{
    metric_add(&facts_total, (double)p->n_applied);
    metric_add(&rows_total, (double)p->batch->n_rows);
    metric_add(&stuck_total, (double)p->batch->n_stuck);
    metric_observe_ms(&batch_seconds, clock_mono_ms() - p->began_ms);
    for (size_t i = 0; i < p->batch->n_stuck; i++)
        log_error("correlate.stuck", LOG_INT("lane", p->batch->stuck[i].lane),
                  LOG_INT("pos", p->batch->stuck[i].pos), LOG_STR("message", p->batch->stuck[i].error));
    p->last_lane = p->lanes[p->at].lane;
    p->lanes[p->at].cursor = p->to;
    p->ids = p->world.ids;
    p->idle_lanes = 0;
    p->limit = next_limit(p);
    if (p->to.part == 0)
        p->at = (p->at + 1) % p->n_lanes; // a fan-out is finished before another lane has its turn
    backoff_reset(&p->backoff);
    if (p->batch->n_rows > 0)
        notify_readers(p);
    drop_world(p);
    p->state = IDLE;
}

static void on_written(struct db_query *q, int err, const struct db_result *r)
{
    struct pump *p = q->owner;
    size_t n = p->n_applied;
    if (err == ERR_OK || err == ERR_NOT_DURABLE) { // committed: what leaves the house waits for `published`
        on_committed(p);
    } else if (!is_passing(p, "write", err, r)) {
        char sqlstate[6], message[256];
        snprintf(sqlstate, sizeof sqlstate, "%s", db_sqlstate(r));
        snprintf(message, sizeof message, "%s", db_message(r));
        if (strcmp(sqlstate, SQLSTATE_CHECK) == 0 && strstr(message, "partition")) {
            drop_world(p);
            db_params_reset(&p->query.params);
            submit_or_back_off(p, PUMP_SEGMENTS, MAKING_SEGMENTS, on_segments);
            return;
        }
        bisect(p, n, sqlstate, message);
        return;
    } else {
        drop_world(p);
    }
    pump_step(p);
}

// What the batch after the one being written will begin with. Only when facts queue: else it is as quick to
// read what came by then.
static void read_ahead(struct pump *p)
{
    size_t next = (p->at + 1) % p->n_lanes;
    struct store_cursor from = next == p->at ? p->to : p->lanes[next].cursor;
    if ((p->n_facts >= p->limit || p->n_applied < p->n_facts) && p->to.part == 0 && from.part == 0)
        reader_read_ahead(p->reader, p->lanes[next].lane, from.pos, next_limit(p));
}

static void write_batch(struct pump *p)
{
    const struct lane *lane = &p->lanes[p->at];
    bool turn = p->n_lanes > 1 && lane->lane != p->last_lane;
    int err = store_fill(&p->query.params, p->epoch, lane->lane, lane->cursor, p->to, turn, &p->ids,
                         &p->world, p->batch);
    if (!err)
        err = submit(p, PUMP_WRITE, WRITING, on_written);
    if (!err)
        read_ahead(p);
    if (err == ERR_TOO_BIG) { // more than one statement may carry
        bisect(p, p->n_applied, SQLSTATE_OURS, "too big to write");
    } else if (err) {
        drop_world(p);
        (void)is_passing(p, "write", err, NULL);
    }
}

// ---- applying

// Applies the facts that the world suffices for. ERR_TOO_BIG, ERR_NO_MEMORY: the world is spoilt.
static int apply(struct pump *p, size_t n)
{
    struct store_cursor from = p->lanes[p->at].cursor;
    p->to = from;
    for (p->n_applied = 0; p->n_applied < n && p->batch->n_rows < p->options.rows;) {
        struct batch_fact f = p->facts[p->n_applied];
        int32_t part;
        f.needs = load_needs(p->load, p->n_applied);
        int err = batch_apply(p->batch, &f, p->n_applied == 0 ? from.part : 0, &part);
        p->n_applied++;
        if (err)
            return err;
        p->to = part ? (struct store_cursor){f.pos - 1, part} : (struct store_cursor){f.pos, 0};
        if (part)
            break;
    }
    return ERR_OK;
}

static void on_loaded(void *owner, int err, const struct db_result *r, size_t n)
{
    struct pump *p = owner;
    if (!err)
        err = apply(p, n);
    if (!err) {
        write_batch(p);
        return;
    }
    if (err == ERR_TOO_BIG || err == ERR_IO) {
        bisect(p, err == ERR_IO ? p->n_facts : p->n_applied, SQLSTATE_OURS,
               err == ERR_IO ? "what is stored about it is inconsistent"
                             : "means more rows than can be numbered");
        return;
    }
    drop_world(p);
    if (!is_passing(p, "load", err, r)) {
        log_error("correlate.refused", LOG_STR("step", "load"), LOG_STR("sqlstate", db_sqlstate(r)),
                  LOG_STR("message", db_message(r)));
        back_off(p);
    }
}

static void load_batch(struct pump *p)
{
    world_init(&p->world, &p->ids, p->journey_lanes, p->n_journey_lanes);
    p->has_world = true;
    p->batch->world = &p->world;
    p->state = LOADING;
    int err = load_start(p->load, p->n_facts, p->lanes[p->at].cursor.part, &p->world, p->batch, on_loaded, p);
    if (err == LOAD_EMPTY)
        on_loaded(p, ERR_OK, NULL, p->n_facts);
    else if (err)
        on_loaded(p, err, NULL, 0);
}

// ---- reading

static void take_page(struct pump *p)
{
    p->facts = reader_facts(p->reader, &p->n_facts);
    if (p->n_facts > 0) {
        load_batch(p);
        return;
    }
    p->state = IDLE;
    p->idle_lanes++;
    p->at = (p->at + 1) % p->n_lanes;
    if (p->idle_lanes < p->n_lanes)
        pump_step(p);
}

static void on_read(void *owner, int err, const struct db_result *r)
{
    struct pump *p = owner;
    if (!err) {
        take_page(p);
    } else if (err == ERR_NO_MEMORY || err == ERR_TOO_BIG) { // larger than ever possible, or no memory
        p->limit = p->limit > 1 ? p->limit / 2 : 1;
        back_off(p);
    } else {
        if (!is_passing(p, "read", err, r)) {
            log_error("correlate.refused", LOG_STR("step", "read"), LOG_STR("message", db_message(r)));
            back_off(p);
        }
        pump_step(p);
    }
}

static void read_facts(struct pump *p)
{
    const struct lane *lane = &p->lanes[p->at];
    p->began_ms = clock_mono_ms();
    p->state = READING;
    int err = reader_read(p->reader, lane->lane, lane->cursor.pos, lane->cursor.part > 0 ? 1 : p->limit);
    if (err == READER_HERE)
        take_page(p);
    else if (err)
        (void)is_passing(p, "submit", err, NULL);
}

static int take_state(struct pump *p, const struct db_result *r)
{
    int rows = db_rows(r);
    p->n_journey_lanes = rows > 0 ? db_array_length(r, 0, 7) : 0;
    if (rows < 1 || rows > WORLD_LANES_MAX || p->n_journey_lanes < 1 || p->n_journey_lanes > WORLD_LANES_MAX)
        return ERR_TOO_BIG;
    p->n_lanes = (size_t)rows;
    for (int i = 0; i < rows; i++)
        p->lanes[i] = (struct lane){(int16_t)db_int(r, i, 0), {db_int(r, i, 1), (int32_t)db_int(r, i, 2)}};
    p->ids = (struct world_ids){db_int(r, 0, 3), db_int(r, 0, 4), db_int(r, 0, 5)};
    p->last_lane = db_null(r, 0, 6) ? -1 : (int16_t)db_int(r, 0, 6);
    for (size_t i = 0; i < p->n_journey_lanes; i++)
        p->journey_lanes[i] = (int16_t)db_array_int(r, 0, 7, i);
    // An unfinished fan-out comes first.
    p->at = 0;
    for (size_t i = 0; i < p->n_lanes; i++)
        if (p->lanes[i].cursor.part > 0)
            p->at = i;
    p->idle_lanes = 0;
    return ERR_OK;
}

static void on_state(struct db_query *q, int err, const struct db_result *r)
{
    struct pump *p = q->owner;
    if (err == ERR_OK && take_state(p, r) == ERR_OK) {
        p->state = IDLE;
    } else if (err == ERR_OK) {
        log_error("correlate.lanes", LOG_INT("lanes", db_rows(r)));
        back_off(p);
    } else if (!is_passing(p, "state", err, r)) {
        log_error("correlate.refused", LOG_STR("step", "state"), LOG_STR("message", db_message(r)));
        back_off(p);
    }
    pump_step(p);
}

// ---- the pump

void pump_step(struct pump *p)
{
    if (p->stopping || p->epoch == 0 || (p->wait_until && clock_mono_ms() < p->wait_until))
        return;
    p->wait_until = 0;
    if (p->state == UNKNOWN) {
        db_params_reset(&p->query.params);
        submit_or_back_off(p, PUMP_STATE, ASKING_STATE, on_state);
    } else if (p->state == IDLE) {
        read_facts(p);
    }
}

void pump_set_epoch(struct pump *p, int64_t epoch)
{
    if (p->epoch == epoch)
        return;
    p->epoch = epoch;
    reader_forget(p->reader);
    if (p->state == IDLE)
        p->state = UNKNOWN;
    pump_step(p);
}

void pump_stop(struct pump *p)
{
    p->stopping = true;
}

bool pump_busy(const struct pump *p)
{
    return (p->state != UNKNOWN && p->state != IDLE) || p->notify_busy || reader_busy(p->reader);
}

int pump_create(const struct pump_options *o, struct pump **ret_pump)
{
    struct pump *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->options = *o;
    p->limit = o->facts;
    p->query.owner = p->notify.owner = p;
    p->query.timeout_ms = WRITE_LIMIT_MS;
    p->notify.statement = PUMP_NOTIFY;
    p->notify.done = on_notified;
    backoff_init(&p->backoff, 50, 5000);
    int err = db_params_init(&p->query.params);
    if (!err)
        err = db_params_init(&p->notify.params);
    if (!err)
        err = load_create(o->db, &p->load);
    if (!err)
        err = reader_create(o->db, PUMP_READ, p->load, on_read, p, &p->reader);
    if (!err)
        err = batch_create(NULL, &p->batch);
    if (err) {
        pump_destroy(p);
        return err;
    }
    p->batch->max_rows = o->rows;
    metric_register(&facts_total);
    metric_register(&rows_total);
    metric_register(&stuck_total);
    metric_register(&batch_seconds);
    *ret_pump = p;
    return ERR_OK;
}

void pump_destroy(struct pump *p)
{
    if (!p)
        return;
    if (p->has_world)
        world_done(&p->world);
    batch_destroy(p->batch);
    reader_destroy(p->reader);
    load_destroy(p->load);
    db_params_done(&p->query.params);
    db_params_done(&p->notify.params);
    free(p);
}
