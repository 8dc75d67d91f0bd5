// SPDX-License-Identifier: EUPL-1.2
#include "base/metrics.h"

#include "base/check.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

// Upper bounds of all buckets but the last (+Inf), in milliseconds, and as Prometheus prints them.
static const int64_t bound_ms[METRIC_BUCKETS - 1] = {1,   2,   5,    10,   20,   50,   100,
                                                     200, 500, 1000, 2000, 5000, 10000};
static const char *const bound_text[METRIC_BUCKETS] = {
    "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "+Inf"};

static struct metric *first, *last;

void metric_register(struct metric *m)
{
    for (const struct metric *it = first; it; it = it->next)
        CHECK(it != m);
    m->next = NULL;
    if (last)
        last->next = m;
    else
        first = m;
    last = m;
}

void metric_add(struct metric *m, double by)
{
    m->value += by;
}

void metric_set(struct metric *m, double value)
{
    m->value = value;
}

void metric_observe_ms(struct metric *m, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    size_t i = 0;
    while (i < METRIC_BUCKETS - 1 && ms > bound_ms[i])
        i++;
    m->buckets[i]++;
    m->value += (double)ms / 1000.0;
}

static void print_name(struct buf *out, const struct metric *m, const char *suffix, const char *le)
{
    buf_puts(out, m->name);
    buf_puts(out, suffix);
    if (m->labels || le) {
        buf_putc(out, '{');
        if (m->labels)
            buf_puts(out, m->labels);
        if (le)
            buf_printf(out, "%sle=\"%s\"", m->labels ? "," : "", le);
        buf_putc(out, '}');
    }
    buf_putc(out, ' ');
}

static void print_number(struct buf *out, double v)
{
    if (isnan(v))
        buf_puts(out, "NaN");
    else if (isinf(v))
        buf_puts(out, v > 0 ? "+Inf" : "-Inf");
    else if (fabs(v) < 9e15 && v == floor(v))
        buf_put_int(out, (int64_t)v);
    else
        buf_printf(out, "%.15g", v);
    buf_putc(out, '\n');
}

static void print_histogram(struct buf *out, const struct metric *m)
{
    uint64_t total = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++) {
        total += m->buckets[i];
        print_name(out, m, "_bucket", bound_text[i]);
        buf_printf(out, "%" PRIu64 "\n", total);
    }
    print_name(out, m, "_sum", NULL);
    print_number(out, m->value);
    print_name(out, m, "_count", NULL);
    buf_printf(out, "%" PRIu64 "\n", total);
}

void metrics_render(struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const char *name = "";
    for (const struct metric *m = first; m; m = m->next) {
        if (strcmp(name, m->name) != 0) {
            name = m->name;
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, m->help, name, kinds[m->kind]);
        }
        if (m->kind == METRIC_HISTOGRAM) {
            print_histogram(out, m);
        } else {
            print_name(out, m, "", NULL);
            print_number(out, m->value);
        }
    }
}
