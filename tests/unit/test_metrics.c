// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/metrics.h"

#include <string.h>

static void renders_the_text_format(void **state)
{
    (void)state;
    static struct metric ok = {.name = "d_acks_total", .labels = "result=\"ok\"", .help = "Acks."};
    static struct metric no = {.name = "d_acks_total", .labels = "result=\"no\"", .help = "Acks."};
    static struct metric age = {.name = "d_age_seconds", .help = "Age.", .kind = METRIC_GAUGE};
    static struct metric took = {
        .name = "d_took_seconds", .labels = "op=\"x\"", .help = "Took.", .kind = METRIC_HISTOGRAM};
    metric_register(&ok);
    metric_register(&no);
    metric_register(&age);
    metric_register(&took);
    metric_add(&ok, 3);
    metric_set(&age, 1.25);
    metric_observe_ms(&took, -5);    // a clock that went back counts as 0
    metric_observe_ms(&took, 1);     // bounds are inclusive
    metric_observe_ms(&took, 500);   //
    metric_observe_ms(&took, 501);   //
    metric_observe_ms(&took, 60000); // beyond the last bound
    struct buf b;
    buf_init(&b, 10000);
    metrics_render(&b);
    assert_int_equal(buf_error(&b), ERR_OK);
    assert_string_equal(b.data, "# HELP d_acks_total Acks.\n"
                                "# TYPE d_acks_total counter\n"
                                "d_acks_total{result=\"ok\"} 3\n"
                                "d_acks_total{result=\"no\"} 0\n"
                                "# HELP d_age_seconds Age.\n"
                                "# TYPE d_age_seconds gauge\n"
                                "d_age_seconds 1.25\n"
                                "# HELP d_took_seconds Took.\n"
                                "# TYPE d_took_seconds histogram\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.001\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.002\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.005\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.01\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.02\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.05\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.1\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.2\"} 2\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"0.5\"} 3\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"1\"} 4\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"2\"} 4\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"5\"} 4\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"10\"} 4\n"
                                "d_took_seconds_bucket{op=\"x\",le=\"+Inf\"} 5\n"
                                "d_took_seconds_sum{op=\"x\"} 61.002\n"
                                "d_took_seconds_count{op=\"x\"} 5\n");
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(renders_the_text_format)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
