// SPDX-License-Identifier: EUPL-1.2
// The loop of watch. step() looks at what is due for a runner and does the next thing; it is called after
// every event. While stopping, the last statement gives the lease back.
#include "watch/watch.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/ready.h"
#include "io/service.h"
#include "watch/gauges.h"
#include "watch/job.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS   1000  // after a job that failed
#define STOP_MS    5000  // for the statements under way and the lease, then the connections are closed
#define TIMEOUT_MS 30000 // of one statement; sweeps over cold indexes take a while

static void step(struct runner *runner);

static struct metric failures = {.name = "duongthu_watch_job_failures_total",
                                 .help = "Statements of watch that failed.",
                                 .kind = METRIC_COUNTER};

// ---- one job

static int64_t period_of(const struct job *job)
{
    return job->period_ms == JOB_CONFIGURED ? conf_int("watch", job->name) : job->period_ms;
}

static void finish(struct runner *runner, int err, const struct db_result *r)
{
    struct watch *w = runner->watch;
    const struct job *job = runner->now;
    int64_t *due = &w->due[job - watch_jobs];
    runner->now = NULL;
    if (!err) {
        *due = job->period_ms ? clock_mono_ms() + period_of(job) : INT64_MAX;
        if (job->take(w, r) == JOB_AGAIN)
            *due = clock_mono_ms();
        return;
    }
    // What only follows another job is asked for again by that job.
    *due = job->period_ms ? clock_mono_ms() + RETRY_MS : INT64_MAX;
    metric_add(&failures, 1);
    log_warn("watch.job_failed", LOG_STR("job", job->name), LOG_ERR(err),
             LOG_STR("sqlstate", r ? db_sqlstate(r) : ""), LOG_STR("message", r ? db_message(r) : ""));
}

static void on_done(struct db_query *q, int err, const struct db_result *r)
{
    struct runner *runner = q->owner;
    finish(runner, err, r);
    for (size_t i = 0; i < RUNNERS; i++) // the lease, for one, matters to the other
        step(&runner->watch->runners[i]);
}

// False: it failed at once.
static bool submit(struct runner *runner, const struct job *job)
{
    struct watch *w = runner->watch;
    struct db_query *q = &runner->query;
    db_params_reset(&q->params);
    if (job->fill)
        job->fill(w, &q->params);
    q->statement = (unsigned)(job - watch_jobs);
    q->timeout_ms = TIMEOUT_MS;
    q->done = on_done;
    q->owner = runner;
    runner->now = job;
    int err = db_submit(w->db, q);
    if (err)
        finish(runner, err, NULL);
    return !err;
}

const struct job *watch_job_find(const char *name)
{
    size_t i = 0;
    while (i < watch_job_count && strcmp(watch_jobs[i].name, name) != 0)
        i++;
    CHECK(i < watch_job_count);
    return &watch_jobs[i];
}

void watch_job_ask(struct watch *w, const char *name)
{
    w->due[watch_job_find(name) - watch_jobs] = clock_mono_ms();
}

// The first job of the table that is due, or NULL and *ret_wait_ms until the next one.
static const struct job *pick(const struct runner *runner, int64_t *ret_wait_ms)
{
    const struct watch *w = runner->watch;
    int64_t now = clock_mono_ms();
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < watch_job_count; i++) {
        const struct job *job = &watch_jobs[i];
        if (&w->runners[job->runner] != runner || (!w->owner && !job->standby))
            continue;
        if (w->due[i] <= now)
            return job;
        if (w->due[i] < next)
            next = w->due[i];
    }
    *ret_wait_ms = next == INT64_MAX ? INT64_MAX : next - now;
    return NULL;
}

// ---- the end

static void release(struct watch *w)
{
    if (--w->open > 0)
        return;
    for (size_t i = 0; i < RUNNERS; i++)
        db_params_done(&w->runners[i].query.params);
    service_stopped();
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(((struct runner *)handle->data)->watch);
}

static void on_pool_closed(void *owner)
{
    release(owner);
}

// Statements under way end with ERR_CLOSED.
static void close_all(struct watch *w)
{
    if (w->closing)
        return;
    w->closing = true;
    for (size_t i = 0; i < RUNNERS; i++)
        uv_close((uv_handle_t *)&w->runners[i].timer, on_timer_closed);
    db_close(w->db, on_pool_closed, w);
}

static void on_stop_limit(uv_timer_t *timer)
{
    close_all(((struct runner *)timer->data)->watch);
}

static void step_stopping(struct watch *w)
{
    for (size_t i = 0; i < RUNNERS; i++) {
        if (w->runners[i].now)
            return;
    }
    bool give_back = w->owner && db_up(w->db);
    w->owner = false; // tried once: a lease that is not given back runs out
    if (!give_back || !submit(&w->runners[RUNNER_URGENT], watch_job_find("release")))
        close_all(w);
}

// ---- the step

static void on_timer(uv_timer_t *timer)
{
    step(timer->data);
}

static void step(struct runner *runner)
{
    struct watch *w = runner->watch;
    if (w->closing)
        return;
    if (w->stopping) {
        step_stopping(w);
        return;
    }
    if (runner->now || !db_up(w->db)) // on_done() or on_state() comes back here
        return;
    int64_t wait_ms = 0;
    for (const struct job *job; (job = pick(runner, &wait_ms));) {
        if (submit(runner, job))
            return;
    }
    if (wait_ms < INT64_MAX)
        (void)uv_timer_start(&runner->timer, on_timer, (uint64_t)wait_ms, 0);
}

static void on_state(void *owner, bool up, const char *why)
{
    struct watch *w = owner;
    ready_set("db", up ? NULL : why);
    if (up) {
        log_info("db.up");
    } else {
        log_warn("db.down", LOG_STR("why", why));
        w->owner = false; // somebody else may have it when we are back
        gauges_forget();
    }
    for (size_t i = 0; i < RUNNERS; i++)
        step(&w->runners[i]);
}

// ---- the service

static int open_runners(struct watch *w, uv_loop_t *loop)
{
    for (size_t i = 0; i < RUNNERS; i++) {
        struct runner *runner = &w->runners[i];
        int err = db_params_init(&runner->query.params);
        if (err)
            return err;
        runner->watch = w;
        (void)uv_timer_init(loop, &runner->timer);
        runner->timer.data = runner;
    }
    w->open = RUNNERS + 1;
    return ERR_OK;
}

static int start(uv_loop_t *loop, void *ctx)
{
    static struct db_statement statements[WATCH_JOBS_MAX];
    struct watch *w = ctx;
    CHECK(watch_job_count <= WATCH_JOBS_MAX);
    for (size_t i = 0; i < watch_job_count; i++) {
        statements[i] = (struct db_statement){watch_jobs[i].name, watch_jobs[i].sql};
        w->due[i] = watch_jobs[i].period_ms ? 0 : INT64_MAX;
    }
    metric_register(&failures);
    gauges_register();
    ready_set("db", "connecting");
    int err = open_runners(w, loop);
    if (err)
        return err;
    const struct db_options options = {.conninfo = service_database_url(),
                                       .service = "duongthu watch",
                                       .connections = RUNNERS,
                                       .depth = 1,
                                       .max_waiting = RUNNERS,
                                       .statement_timeout_ms = TIMEOUT_MS - 2000,
                                       .allow_unsafe = conf_bool("safety", "allow_unsafe_database"),
                                       .statements = statements,
                                       .statement_count = watch_job_count,
                                       .on_state = on_state,
                                       .owner = w};
    return db_create(loop, &options, &w->db);
}

static void stop(void *ctx)
{
    struct watch *w = ctx;
    w->stopping = true;
    for (size_t i = 0; i < RUNNERS; i++)
        (void)uv_timer_start(&w->runners[i].timer, on_stop_limit, STOP_MS, 0);
    step_stopping(w);
}

int watch_run(int argc, char **argv)
{
    static struct watch watch;
    const struct service service = {.name = "watch", .start = start, .stop = stop, .ctx = &watch};
    return service_run(&service, argc, argv);
}
