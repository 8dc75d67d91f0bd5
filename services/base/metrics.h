// SPDX-License-Identifier: EUPL-1.2
// Counters, gauges and histograms of one process, printed in the Prometheus text format. A metric is a static
// struct that its module registers once; label sets are fixed literals (bounded cardinality: never a dossier,
// item, phone or device).
#pragma once
#include "base/buf.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
#define METRIC_BUCKETS 14 // 1 ms, 2, 5, 10, 20, 50, 100, 200, 500 ms, 1 s, 2, 5, 10 s, +Inf

struct metric {
    const char *name;   // "duongthu_ingest_ack_seconds"
    const char *labels; // "result=\"accepted\"" or NULL; metrics of one name are registered one after another
    const char *help;
    enum metric_kind kind;
    double value;                     // counter, gauge; histogram: sum of seconds
    uint64_t buckets[METRIC_BUCKETS]; // histogram: counts per bucket, not cumulative
    struct metric *next;              // owned by the registry
};

// The struct must live as long as the process.
void metric_register(struct metric *m);
void metric_add(struct metric *m, double by);
void metric_set(struct metric *m, double value);
// One observation of a duration.
void metric_observe_ms(struct metric *m, int64_t ms);
void metrics_render(struct buf *out);
