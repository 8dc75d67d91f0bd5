// SPDX-License-Identifier: EUPL-1.2
// The table of jobs: leases, segments, stalled backends, trimming; timers and gauges have files of their own.
#include "base/conf.h"
#include "base/log.h"
#include "base/ready.h"
#include "io/service.h"
#include "watch/gauges.h"
#include "watch/job.h"
#include "watch/timer_jobs.h"

#include <inttypes.h>
#include <stdio.h>

#define LEASE_MS       15000 // three renewals long
#define SEGMENTS_READY 2     // fewer ahead: not ready (DESIGN §3)
#define TRIM_BATCH     5000  // rows deleted by one statement
#define IDEMPOTENCY_MS (24 * INT64_C(3600000))

// ---- lease

static void fill_lease(struct watch *w, struct db_params *p)
{
    db_put_cstr(p, service_holder());
    db_put_int8(p, w->epoch);
    db_put_int8(p, LEASE_MS);
}

static enum job_next take_lease(struct watch *w, const struct db_result *r)
{
    bool was = w->owner;
    w->owner = !db_null(r, 0, 0);
    if (w->owner)
        w->epoch = db_int(r, 0, 0);
    else
        gauges_forget();
    if (w->owner != was)
        log_info(w->owner ? "lease.taken" : "lease.lost", LOG_STR("holder", service_holder()),
                 LOG_INT("epoch", w->epoch));
    return JOB_LATER;
}

static void fill_epoch(struct watch *w, struct db_params *p)
{
    db_put_int8(p, w->epoch);
}

static enum job_next take_nothing(struct watch *w, const struct db_result *r)
{
    (void)w;
    (void)r;
    return JOB_LATER;
}

// ---- logs and locks

static void fill_segments(struct watch *w, struct db_params *p)
{
    (void)w;
    db_put_int4(p, (int32_t)conf_int("watch", "segments_ahead"));
}

static enum job_next take_segments(struct watch *w, const struct db_result *r)
{
    (void)w;
    int64_t fact = db_int(r, 0, 0), journey = db_int(r, 0, 1);
    char why[120];
    (void)snprintf(why, sizeof why,
                   "segments ahead: %" PRId64 " of the fact log, %" PRId64 " of the journey log", fact,
                   journey);
    ready_set("segments", fact < SEGMENTS_READY || journey < SEGMENTS_READY ? why : NULL);
    return JOB_LATER;
}

static void fill_stalled(struct watch *w, struct db_params *p)
{
    (void)w;
    db_put_int8(p, conf_int("watch", "stalled_after"));
}

static enum job_next take_stalled(struct watch *w, const struct db_result *r)
{
    (void)w;
    int64_t ended = db_int(r, 0, 0);
    if (ended > 0)
        log_warn("backend.ended", LOG_STR("why", "stalled in the middle of a statement"),
                 LOG_INT("count", ended));
    return JOB_LATER;
}

static enum job_next take_forgotten(struct watch *w, const struct db_result *r)
{
    (void)w;
    int64_t erased = db_int(r, 0, 0);
    if (erased > 0)
        log_info("forgotten.erased", LOG_STR("why", "came after the dossier was forgotten"),
                 LOG_INT("parts", erased));
    return JOB_LATER;
}

// ---- trimming: the one column of a result is how many rows went

static void fill_retention(struct watch *w, struct db_params *p)
{
    (void)w;
    db_put_int8(p, conf_int("watch", "retention"));
    db_put_int4(p, TRIM_BATCH);
}

static void fill_idempotency(struct watch *w, struct db_params *p)
{
    (void)w;
    db_put_int8(p, IDEMPOTENCY_MS);
    db_put_int4(p, TRIM_BATCH);
}

static enum job_next take_trimmed(struct watch *w, const struct db_result *r)
{
    (void)w;
    return db_int(r, 0, 0) == TRIM_BATCH ? JOB_AGAIN : JOB_LATER;
}

// Append-only cursors: only the newest row of each counts (DESIGN §3).
#define TRIM_BEHIND(table, keys, join, newest)                                                               \
    "with newest as (select " keys ", max(" newest ") as last from " table " group by " keys "), "           \
    "gone as (delete from " table " t using newest n where " join " and t." newest " < n.last returning 1) " \
    "select count(*) from gone"
// Rows older than $1 ms, at most $2 of them.
#define TRIM_OLD(table, at)                                                                                  \
    "with old as (select ctid from " table " where " at " < clock_timestamp() - $1::int8 * interval '1 ms' " \
    "limit $2::int4), gone as (delete from " table " t using old where t.ctid = old.ctid returning 1) "      \
    "select count(*) from gone"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

const struct job watch_jobs[] = {
    {"release", "select dt.lease_release('watch', $1::int8)", RUNNER_URGENT, 0, true, fill_epoch,
     take_nothing},
    {"lease", "select dt.lease_take('watch', $1::text, $2::int8, $3::int8 * interval '1 ms')", RUNNER_URGENT,
     5 * SECOND, true, fill_lease, take_lease},
    {"stalled", "select dt.end_stalled($1::int8 * interval '1 ms')", RUNNER_URGENT, SECOND, false,
     fill_stalled, take_stalled},

    {"fire", timers_fire_sql, RUNNER_SLOW, 0, false, timers_fill_fire, timers_take_fire},
    {"segments", "select dt.make_segments('fact', $1::int4), dt.make_segments('journey', $1::int4)",
     RUNNER_SLOW, 5 * SECOND, false, fill_segments, take_segments},
    {"gauges", gauges_sql, RUNNER_SLOW, 5 * SECOND, false, NULL, gauges_take},
    {"counts", counts_sql, RUNNER_SLOW, 30 * SECOND, false, NULL, counts_take},
    {"silence", timers_silence_sql, RUNNER_SLOW, MINUTE, false, timers_fill_silence, timers_take_silence},
    {"pickup", timers_pickup_sql, RUNNER_SLOW, MINUTE, false, timers_fill_pickup, timers_take_pickup},
    {"forgotten", "select dt.forget_again()", RUNNER_SLOW, JOB_CONFIGURED, false, NULL, take_forgotten},
    {"trim_cursor",
     TRIM_BEHIND("dt.cursor", "lane, consumer", "t.lane = n.lane and t.consumer = n.consumer", "pos"),
     RUNNER_SLOW, 30 * SECOND, false, NULL, take_trimmed},
    {"trim_endpoint_cursor",
     TRIM_BEHIND("dt.endpoint_cursor", "lane, endpoint", "t.lane = n.lane and t.endpoint = n.endpoint", "n"),
     RUNNER_SLOW, 30 * SECOND, false, NULL, take_trimmed},
    {"trim_published", TRIM_BEHIND("dt.published", "lane", "t.lane = n.lane", "pos"), RUNNER_SLOW,
     30 * SECOND, false, NULL, take_trimmed},
    {"trim_attempt", TRIM_OLD("dt.attempt", "at"), RUNNER_SLOW, 5 * MINUTE, false, fill_retention,
     take_trimmed},
    {"trim_sms", TRIM_OLD("dt.sms", "made_at"), RUNNER_SLOW, 5 * MINUTE, false, fill_retention, take_trimmed},
    {"trim_idempotency", TRIM_OLD("dt.idempotency", "at"), RUNNER_SLOW, 10 * MINUTE, false, fill_idempotency,
     take_trimmed},
    // Something was heard of the item since: the timer may fire anew.
    {"trim_timer",
     "with gone as (delete from dt.timer t using dt.item i where i.lane = t.lane and i.code = t.code and "
     "i.generation = t.generation and i.last_at <> t.since returning 1) select count(*) from gone",
     RUNNER_SLOW, 10 * MINUTE, false, NULL, take_trimmed},
};
const size_t watch_job_count = ARRAY_LEN(watch_jobs);
