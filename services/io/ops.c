// SPDX-License-Identifier: EUPL-1.2
#include "io/ops.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "base/ready.h"
#include "base/version.h"
#include "io/http.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OPS_IN_FLIGHT   16
#define OPS_CONNECTIONS 64
#define OPS_DRAIN_MS    500
#define OPS_ANSWER_MAX  (1 << 20) // bytes of one page of metrics
#define LAG_PERIOD_MS   200

struct ops {
    struct http_server *http;
    uv_timer_t lag;
    int64_t lag_since; // monotonic ms of the previous tick
    unsigned open;     // of: listener, timer
};

static char build_labels[80];
static struct metric build_info = {.name = "duongthu_build_info",
                                   .labels = build_labels,
                                   .help = "The version that runs; always 1.",
                                   .kind = METRIC_GAUGE,
                                   .value = 1};
static struct metric ready = {
    .name = "duongthu_ready", .help = "1 when /readyz answers 200.", .kind = METRIC_GAUGE};
static struct metric loop_lag = {.name = "duongthu_loop_lag_seconds",
                                 .help = "How late a timer of the event loop fires.",
                                 .kind = METRIC_HISTOGRAM};
static struct metric resident = {
    .name = "process_resident_memory_bytes", .help = "Resident memory.", .kind = METRIC_GAUGE};
static struct metric open_fds = {
    .name = "process_open_fds", .help = "Open file descriptors.", .kind = METRIC_GAUGE};
static struct metric cpu = {
    .name = "process_cpu_seconds_total", .help = "User and system time.", .kind = METRIC_COUNTER};
static struct metric started = {
    .name = "process_start_time_seconds", .help = "Unix time of the start.", .kind = METRIC_GAUGE};

static double count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -1;
    double n = -3; // ".", ".." and the folder itself
    while (readdir(dir))
        n++;
    (void)closedir(dir);
    return n;
}

static void sample_process(void)
{
    size_t rss = 0;
    uv_rusage_t usage;
    if (uv_resident_set_memory(&rss) == 0)
        metric_set(&resident, (double)rss);
    metric_set(&open_fds, count_fds());
    if (uv_getrusage(&usage) == 0)
        metric_set(&cpu, (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                             (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    metric_set(&ready, ready_all());
}

static void on_livez(struct http_request *req, void *owner)
{
    (void)owner;
    http_reply(req, 200, "text/plain; charset=utf-8", "ok\n", 3);
}

static void reply_buffer(struct http_request *req, int status, const char *type, struct buf *b)
{
    if (buf_error(b))
        http_problem(req, 500, "too-big", "The answer is too big", "%s", err_name(buf_error(b)));
    else
        http_reply(req, status, type, b->data, b->len);
    buf_done(b);
}

static void on_readyz(struct http_request *req, void *owner)
{
    (void)owner;
    struct buf b;
    buf_init(&b, OPS_ANSWER_MAX);
    ready_print(&b);
    reply_buffer(req, ready_all() ? 200 : 503, "application/json", &b);
}

static void on_metrics(struct http_request *req, void *owner)
{
    (void)owner;
    struct buf b;
    buf_init(&b, OPS_ANSWER_MAX);
    sample_process();
    metrics_render(&b);
    reply_buffer(req, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}

static const struct http_route routes[] = {
    {"GET", "/livez", on_livez, 0},
    {"GET", "/healthz", on_livez, 0}, // the older custom
    {"GET", "/readyz", on_readyz, 0},
    {"GET", "/metrics", on_metrics, 0},
};

static void on_lag(uv_timer_t *timer)
{
    struct ops *o = timer->data;
    int64_t now = clock_mono_ms();
    metric_observe_ms(&loop_lag, now - o->lag_since - LAG_PERIOD_MS);
    o->lag_since = now;
}

static void register_metrics(void)
{
    struct metric *const all[] = {&build_info, &ready, &loop_lag, &resident, &open_fds, &cpu, &started};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        metric_register(all[i]);
    (void)snprintf(build_labels, sizeof build_labels, "version=\"%s\"", version_text);
    metric_set(&started, (double)clock_wall_ms() / 1000.0);
}

int ops_start(uv_loop_t *loop, const char *listen, struct ops **ret_ops)
{
    struct ops *o = calloc(1, sizeof *o);
    if (!o)
        return ERR_NO_MEMORY;
    struct http_options options = {
        .listen = listen,
        .routes = routes,
        .route_count = ARRAY_LEN(routes),
        .owner = o,
        .max_in_flight = OPS_IN_FLIGHT,
        .max_connections = OPS_CONNECTIONS,
    };
    int err = http_create(loop, &options, &o->http);
    if (err) {
        free(o);
        return err;
    }
    register_metrics();
    o->open = 2;
    o->lag.data = o;
    o->lag_since = clock_mono_ms();
    (void)uv_timer_init(loop, &o->lag); // both fail only on a NULL callback
    (void)uv_timer_start(&o->lag, on_lag, LAG_PERIOD_MS, LAG_PERIOD_MS);
    *ret_ops = o;
    return ERR_OK;
}

uint16_t ops_port(const struct ops *o)
{
    return http_port(o->http);
}

static void release(struct ops *o)
{
    if (--o->open == 0)
        free(o);
}

static void on_drained(void *owner)
{
    release(owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void ops_stop(struct ops *o)
{
    if (!o)
        return;
    http_drain(o->http, OPS_DRAIN_MS, on_drained, o);
    uv_close((uv_handle_t *)&o->lag, on_timer_closed);
}
