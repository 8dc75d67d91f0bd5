// SPDX-License-Identifier: EUPL-1.2
// The service: the lease "correlate" and the pump. A second process waits as a standby until the lease is
// free or expired. A tick each TICK_MS keeps the lease and is the backstop of NOTIFY.
#include "correlate/correlate.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ready.h"
#include "correlate/pump.h"
#include "io/service.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS        100   // backstop of the wake-ups
#define LEASE_MS       5000  // a dead owner is followed after so long
#define SEGMENTS_MS    10000 // how often the segments ahead are counted
#define DRAIN_MS       15000
#define SEGMENTS_LEAST 2

enum statement { Q_LEASE = PUMP_STATEMENTS, Q_RELEASE, Q_AHEAD, Q_COUNT };

struct correlate {
    uv_loop_t *loop;
    struct db *db;
    struct pump *pump;
    struct db_statement statements[Q_COUNT];
    uv_timer_t tick;
    struct db_query lease, ahead;
    bool lease_busy, ahead_busy, stopping;
    int64_t epoch;          // 0: the lease is not ours
    int64_t lease_until_ms; // monotonic
    int64_t ahead_at_ms;    // when the segments are counted next
    int64_t stop_by_ms;
    unsigned open; // parts that stop() still waits for
};

static void lose_lease(void *owner)
{
    struct correlate *c = owner;
    if (c->epoch != 0)
        log_warn("correlate.lease-lost", LOG_INT("epoch", c->epoch));
    c->epoch = 0;
    ready_set("lease", "another process correlates");
}

static void on_lease(struct db_query *q, int err, const struct db_result *r)
{
    struct correlate *c = q->owner;
    c->lease_busy = false;
    if (err != ERR_OK) {
        if (err == ERR_DB_REFUSED && !db_transient(db_sqlstate(r)))
            log_error("correlate.refused", LOG_STR("step", "lease"), LOG_STR("sqlstate", db_sqlstate(r)),
                      LOG_STR("message", db_message(r)));
        return; // the tick tries again; writes check the epoch themselves
    }
    if (db_null(r, 0, 0)) {
        lose_lease(c);
        pump_set_epoch(c->pump, 0);
        return;
    }
    if (c->epoch != db_int(r, 0, 0))
        log_info("correlate.lease-taken", LOG_INT("epoch", db_int(r, 0, 0)));
    c->epoch = db_int(r, 0, 0);
    c->lease_until_ms = clock_mono_ms() + LEASE_MS;
    ready_set("lease", NULL);
    pump_set_epoch(c->pump, c->epoch);
}

static void keep_lease(struct correlate *c)
{
    if (c->lease_busy || c->stopping || (c->epoch != 0 && c->lease_until_ms - clock_mono_ms() > LEASE_MS / 2))
        return;
    db_params_reset(&c->lease.params);
    db_put_cstr(&c->lease.params, service_holder());
    db_put_int8(&c->lease.params, c->epoch);
    db_put_int8(&c->lease.params, LEASE_MS);
    c->lease_busy = db_submit(c->db, &c->lease) == ERR_OK;
}

static void on_ahead(struct db_query *q, int err, const struct db_result *r)
{
    struct correlate *c = q->owner;
    c->ahead_busy = false;
    if (err == ERR_OK)
        ready_set("segments",
                  db_int(r, 0, 0) < SEGMENTS_LEAST ? "fewer than two journey segments ahead" : NULL);
}

// `watch` makes segments; when it is dead, the appender does.
static void count_segments(struct correlate *c)
{
    if (c->ahead_busy || c->stopping || clock_mono_ms() < c->ahead_at_ms)
        return;
    c->ahead_at_ms = clock_mono_ms() + SEGMENTS_MS;
    db_params_reset(&c->ahead.params);
    c->ahead_busy = db_submit(c->db, &c->ahead) == ERR_OK;
}

static void on_tick(uv_timer_t *t)
{
    struct correlate *c = t->data;
    keep_lease(c);
    count_segments(c);
    pump_step(c->pump);
}

static void on_notify(void *owner, const char *channel)
{
    struct correlate *c = owner;
    (void)channel;
    pump_step(c->pump);
}

static void on_state(void *owner, bool up, const char *why)
{
    ready_set("db", up ? NULL : why);
    if (up)
        keep_lease(owner);
}

static int open_database(struct correlate *c)
{
    static const char *const channels[] = {"dt_fact", NULL};
    pump_fill_statements(c->statements);
    c->statements[Q_LEASE] = (struct db_statement){
        "lease", "select dt.lease_take('correlate', $1::text, $2::bigint, $3::bigint * interval '1 ms')"};
    c->statements[Q_RELEASE] =
        (struct db_statement){"release", "select dt.lease_release('correlate', $1::bigint)"};
    c->statements[Q_AHEAD] = (struct db_statement){
        "ahead", "select case when dt.segments_ahead('journey') < 2 then "
                 "dt.make_segments('journey', 4) else dt.segments_ahead('journey') end"};
    const struct db_options o = {.conninfo = service_database_url(),
                                 .service = "correlate",
                                 .connections = 2,
                                 .depth = 1,
                                 .max_waiting = 16,
                                 .statement_timeout_ms = 25000,
                                 .generic_plan = true, // they probe by key, whatever the keys are
                                 .allow_unsafe = conf_bool("safety", "allow_unsafe_database"),
                                 .statements = c->statements,
                                 .statement_count = Q_COUNT,
                                 .channels = channels,
                                 .on_notify = on_notify,
                                 .on_state = on_state,
                                 .owner = c};
    return db_create(c->loop, &o, &c->db);
}

static int prepare(struct correlate *c)
{
    int err = db_params_init(&c->lease.params);
    if (err == ERR_OK)
        err = db_params_init(&c->ahead.params);
    c->lease.owner = c->ahead.owner = c;
    c->lease.statement = Q_LEASE;
    c->lease.done = on_lease;
    c->ahead.statement = Q_AHEAD;
    c->ahead.done = on_ahead;
    return err;
}

static int start(uv_loop_t *loop, void *ctx)
{
    struct correlate *c = ctx;
    c->loop = loop;
    ready_set("db", "not connected yet");
    ready_set("lease", "not asked for yet");
    int err = prepare(c);
    if (err == ERR_OK)
        err = open_database(c);
    const struct pump_options o = {.db = c->db,
                                   .facts = (size_t)conf_int("correlate", "facts"),
                                   .rows = (size_t)conf_int("correlate", "rows"),
                                   .lost_lease = lose_lease,
                                   .owner = c};
    if (err == ERR_OK)
        err = pump_create(&o, &c->pump);
    if (err == ERR_OK)
        err = uv_timer_init(loop, &c->tick);
    c->tick.data = c;
    if (err == ERR_OK)
        err = uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
    if (err != ERR_OK)
        log_error("correlate.start", LOG_ERR(err));
    return err;
}

// ---- stopping: what is under way is finished, then the lease is given back, then the handles close

static void on_part_closed(void *owner)
{
    struct correlate *c = owner;
    if (--c->open > 0)
        return;
    pump_destroy(c->pump);
    db_params_done(&c->lease.params);
    db_params_done(&c->ahead.params);
    service_stopped();
}

static void on_tick_closed(uv_handle_t *h)
{
    on_part_closed(h->data);
}

static void close_parts(struct correlate *c)
{
    c->open = 2;
    uv_close((uv_handle_t *)&c->tick, on_tick_closed);
    db_close(c->db, on_part_closed, c);
}

static void on_released(struct db_query *q, int err, const struct db_result *r)
{
    (void)err; // else it ends by itself
    (void)r;
    close_parts(q->owner);
}

static void on_drain_tick(uv_timer_t *t)
{
    struct correlate *c = t->data;
    bool late = clock_mono_ms() > c->stop_by_ms;
    if ((pump_busy(c->pump) || c->lease_busy || c->ahead_busy) && !late)
        return;
    (void)uv_timer_stop(t);
    if (c->epoch == 0 || c->lease_busy) {
        close_parts(c);
        return;
    }
    db_params_reset(&c->lease.params);
    db_put_int8(&c->lease.params, c->epoch);
    c->lease.statement = Q_RELEASE;
    c->lease.done = on_released;
    c->lease.timeout_ms = 2000;
    if (db_submit(c->db, &c->lease) != ERR_OK)
        close_parts(c);
}

static void stop(void *ctx)
{
    struct correlate *c = ctx;
    c->stopping = true;
    pump_stop(c->pump);
    c->stop_by_ms = clock_mono_ms() + DRAIN_MS;
    (void)uv_timer_start(&c->tick, on_drain_tick, 0, 10);
}

int correlate_run(int argc, char **argv)
{
    static struct correlate correlate;
    const struct service service = {.name = "correlate", .start = start, .stop = stop, .ctx = &correlate};
    return service_run(&service, argc, argv);
}
