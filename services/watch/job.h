// SPDX-License-Identifier: EUPL-1.2
// A job is one statement that is run again and again: filled, submitted, its rows taken. Two runners take
// them from one table, each one statement at a time on a connection of its own: the urgent one must go on
// while the other waits for a lock that a stalled backend holds. Private to watch/.
#pragma once
#include "io/db.h"
#include "watch/timers.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define WATCH_JOBS_MAX 24

enum { RUNNER_URGENT, RUNNER_SLOW, RUNNERS };

struct watch;

#define JOB_CONFIGURED (-1)

enum job_next { JOB_LATER, JOB_AGAIN }; // after its period, or at once

struct job {
    const char *name, *sql;
    int runner;
    int64_t period_ms; // 0: only when another job asks for it; JOB_CONFIGURED: its name is a key of [watch]
    bool standby;      // runs without the lease, too
    void (*fill)(struct watch *w, struct db_params *p); // NULL: no parameters
    enum job_next (*take)(struct watch *w, const struct db_result *r);
};

struct runner {
    struct watch *watch;
    uv_timer_t timer;
    struct db_query query;
    const struct job *now; // whose query is under way, or NULL
};

struct watch {
    struct db *db;
    struct runner runners[RUNNERS];
    int64_t due[WATCH_JOBS_MAX]; // per job, monotonic ms
    bool stopping, closing;
    unsigned open; // of: timers, pool
    bool owner;    // the lease is ours, as far as we know
    int64_t epoch; // of the lease; 0: never held
    struct timer_batch firing;
};

// The table. Of several jobs that are due the first runs first.
extern const struct job watch_jobs[];
extern const size_t watch_job_count;
// Asked for by others; they never fail to be in the table.
const struct job *watch_job_find(const char *name);
// Makes a job due now.
void watch_job_ask(struct watch *w, const char *name);
