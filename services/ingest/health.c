// SPDX-License-Identifier: EUPL-1.2
// What ingest knows about itself: every second it asks the database for segments and time. Ready means: both
// pools up, the log has room, the clocks agree, the last commit did not fail a moment ago.
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/ready.h"
#include "ingest/internal.h"

#include <stdio.h>
#include <stdlib.h>

#define FAILED_RECENTLY_MS 5000 // a failed commit makes us not ready for so long, unless one succeeds

static struct metric segments_gauge = {.name = "duongthu_ingest_segments_ahead",
                                       .help = "Whole empty segments ahead of the fact log",
                                       .kind = METRIC_GAUGE};
static struct metric oldest_gauge = {.name = "duongthu_ingest_oldest_waiting_seconds",
                                     .help = "Age of the oldest upload that waits for a commit",
                                     .kind = METRIC_GAUGE};

void health_writer_state(void *owner, bool up, const char *why)
{
    (void)owner;
    ready_set("db", up ? NULL : why);
    if (up)
        log_info("db.up");
    else
        log_warn("db.down", LOG_STR("why", why));
}

void health_side_state(void *owner, bool up, const char *why)
{
    (void)owner;
    ready_set("db-side", up ? NULL : why);
}

// ---- segments ----

static void on_segments(struct db_query *q, int err, const struct db_result *res)
{
    struct ingest *s = q->owner;
    s->segments_busy = false;
    if (err)
        log_error("segments.failed", LOG_ERR(err), LOG_STR("message", res ? db_message(res) : ""));
    else
        log_info("segments.made", LOG_INT("ahead", db_int(res, 0, 0)));
}

void health_make_segments(void *owner)
{
    struct ingest *s = owner;
    if (s->segments_busy)
        return;
    db_params_reset(&s->segments.params);
    db_put_int4(&s->segments.params, SEGMENTS_MADE);
    s->segments.statement = SIDE_SEGMENTS;
    s->segments.timeout_ms = 0;
    s->segments.done = on_segments;
    s->segments.owner = s;
    s->segments_busy = db_submit(s->side, &s->segments) == ERR_OK;
}

// ---- the second's look ----

static void judge_segments(struct ingest *s, int64_t ahead)
{
    char why[64];
    metric_set(&segments_gauge, (double)ahead);
    (void)snprintf(why, sizeof(why), "%d segments ahead of the fact log", (int)ahead);
    ready_set("segments", ahead < SEGMENTS_LOW ? why : NULL);
    if (ahead < SEGMENTS_LOW)
        health_make_segments(s);
}

static void judge_clock(int64_t database_ms)
{
    char why[96];
    int64_t drift = clock_wall_ms() - database_ms;
    (void)snprintf(why, sizeof(why), "our clock is %lld ms from the database's", (long long)drift);
    ready_set("clock", drift > CLOCK_DRIFT_MS || drift < -CLOCK_DRIFT_MS ? why : NULL);
}

static void on_health(struct db_query *q, int err, const struct db_result *res)
{
    struct ingest *s = q->owner;
    s->health_busy = false;
    if (err) {
        ready_set("database-answers", "the database does not answer in time");
        return;
    }
    ready_set("database-answers", NULL);
    judge_segments(s, db_int(res, 0, 0));
    judge_clock(db_int(res, 0, 1));
    s->epoch.number = db_int(res, 0, 2);
    s->epoch.resend_from_ms = s->epoch.number > 1 ? db_int(res, 0, 3) : 0;
}

static void on_tick(uv_timer_t *t)
{
    struct ingest *s = t->data;
    int64_t failed = appender_failed_at(s->appender);
    bool bad = failed > 0 && clock_mono_ms() - failed < FAILED_RECENTLY_MS;
    ready_set("commits", bad ? "the last commit failed" : NULL);
    metric_set(&oldest_gauge, (double)appender_oldest_ms(s->appender) / 1000);
    if (s->health_busy)
        return;
    db_params_reset(&s->health.params);
    s->health.statement = SIDE_HEALTH;
    s->health.timeout_ms = HEALTH_TIMEOUT_MS;
    s->health.done = on_health;
    s->health.owner = s;
    s->health_busy = db_submit(s->side, &s->health) == ERR_OK;
}

int health_start(struct ingest *s)
{
    int err = db_params_init(&s->health.params);
    if (!err)
        err = db_params_init(&s->segments.params);
    if (!err)
        err = uv_timer_init(s->loop, &s->tick);
    if (err)
        return err;
    s->tick.data = s;
    metric_register(&segments_gauge);
    metric_register(&oldest_gauge);
    ready_set("db", "not connected yet");
    ready_set("segments", "not looked at yet");
    return uv_timer_start(&s->tick, on_tick, 50, HEALTH_TICK_MS);
}

static void on_tick_closed(uv_handle_t *h)
{
    (void)h;
}

void health_stop(struct ingest *s)
{
    uv_close((uv_handle_t *)&s->tick, on_tick_closed);
}

void health_done(struct ingest *s)
{
    db_params_done(&s->health.params);
    db_params_done(&s->segments.params);
}
