// SPDX-License-Identifier: EUPL-1.2
// One service, one process, one loop. States: STARTING until start() returned, RUNNING until a signal,
// STOPPING until service_stopped(), then STOPPED: the frame's own handles close and the loop runs dry.
#include "io/service.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ready.h"
#include "base/version.h"
#include "io/notify.h"
#include "io/ops.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum state { STARTING, RUNNING, STOPPING, STOPPED };

static struct {
    const struct service *service;
    enum state state;
    uv_loop_t loop;
    uv_signal_t signals[3];
    uv_timer_t watchdog; // runs while STOPPING
    uv_timer_t alive;    // tells systemd that the loop turns
    struct ops *ops;
} frame;

// ---- stopping

static const int signal_numbers[ARRAY_LEN(frame.signals)] = {SIGTERM, SIGINT, SIGHUP};

static void describe_handle(uv_handle_t *handle, void *arg)
{
    struct buf *left = arg;
    const char *type = uv_handle_type_name(handle->type);
    if (handle == (uv_handle_t *)&frame.watchdog || handle->type == UV_SIGNAL)
        return;
    buf_printf(left, "%s%s%s", left->len ? " " : "", type ? type : "?",
               uv_is_closing(handle)  ? "(closing)"
               : uv_is_active(handle) ? ""
                                      : "(idle)");
}

static void log_handles(const char *event)
{
    struct buf left;
    buf_init(&left, 1000);
    uv_walk(&frame.loop, describe_handle, &left);
    log_error(event, LOG_STR("waits_for", frame.state == STOPPING ? "the service" : "handles"),
              LOG_STR("handles", buf_str(&left)));
    buf_done(&left);
}

static void on_watchdog(uv_timer_t *timer)
{
    (void)timer;
    log_handles("service.stop_timeout");
    _exit(1); // what is left may refer to memory in any state: no clean-up
}

static void begin_stop(const char *why)
{
    if (frame.state != RUNNING)
        return;
    frame.state = STOPPING;
    log_info("service.stopping", LOG_STR("why", why));
    ready_set("running", "shutting down");
    notify_send("STOPPING=1");
    int64_t drain_ms = conf_int("service", "drain") + frame.service->drain_extra_ms;
    (void)uv_timer_start(&frame.watchdog, on_watchdog, (uint64_t)drain_ms, 0);
    frame.service->stop(frame.service->ctx);
}

void service_stopped(void)
{
    CHECK(frame.state == STOPPING);
    frame.state = STOPPED;
    ops_stop(frame.ops);
    for (size_t i = 0; i < ARRAY_LEN(frame.signals); i++)
        uv_close((uv_handle_t *)&frame.signals[i], NULL);
    uv_close((uv_handle_t *)&frame.alive, NULL);
    uv_unref((uv_handle_t *)&frame.watchdog); // still guards the handles that are closing
}

bool service_stopping(void)
{
    return frame.state >= STOPPING;
}

const char *service_holder(void)
{
    static char holder[96];
    if (!holder[0]) {
        char host[64] = "";
        unsigned char mark[4];
        (void)gethostname(host, sizeof host - 1);
        random_bytes(mark, sizeof mark);
        (void)snprintf(holder, sizeof holder, "%s/%02x%02x%02x%02x:%d", host, mark[0], mark[1], mark[2],
                       mark[3], (int)getpid());
    }
    return holder;
}

// ---- reload

// Each line of `sentences` becomes one log line.
static void log_sentences(enum log_level level, const char *event, const char *sentences)
{
    for (const char *line = sentences; *line;) {
        size_t len = strcspn(line, "\n");
        log_write(level, event, (const struct log_field[]){LOG_STRN("says", line, len), {0}});
        line += len + (line[len] == '\n');
    }
}

static void apply_log_level(void)
{
    int level = log_level_parse(conf_text("log", "level"));
    CHECK(level >= 0); // the table allows no other word
    log_set_level((enum log_level)level);
}

static void reload(void)
{
    notify_reloading();
    char *sentences = NULL;
    size_t len = 0;
    FILE *errors = open_memstream(&sentences, &len);
    if (!errors) {
        log_error("config.not_reloaded", LOG_ERR(ERR_NO_MEMORY));
        return;
    }
    int err = conf_reload(errors);
    (void)fclose(errors);
    log_sentences(err ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
                  err ? "config.not_reloaded" : "config.needs_restart", sentences);
    free(sentences);
    if (err)
        return;
    apply_log_level();
    if (frame.service->reload)
        frame.service->reload(frame.service->ctx);
    log_info("config.reloaded");
}

static void on_signal(uv_signal_t *handle, int signum)
{
    (void)handle;
    if (signum != SIGHUP) {
        begin_stop(signum == SIGTERM ? "SIGTERM" : "SIGINT");
    } else if (frame.state == RUNNING) {
        reload();
        notify_send("READY=1");
    }
}

// ---- starting

static void on_alive(uv_timer_t *timer)
{
    (void)timer;
    notify_send("WATCHDOG=1");
}

static int usage(const char *command, FILE *to)
{
    (void)fprintf(
        to,
        "usage: duongthu %s [--config FILE]\n\n"
        "Runs until SIGTERM or SIGINT; SIGHUP reloads what can be. Settings: duongthu config print\n",
        command);
    return to == stdout ? 0 : 2;
}

// Returns -1 to go on, else the exit code.
static int parse_arguments(int argc, char **argv, const char **ret_config)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h')
            return usage(argv[0], stdout);
        if (c != 'c')
            return usage(argv[0], stderr);
        *ret_config = optarg;
    }
    if (optind == argc)
        return -1;
    (void)fprintf(stderr, "%s: '%s' is not expected here; `duongthu help` lists the commands\n", argv[0],
                  argv[optind]);
    return usage(argv[0], stderr);
}

static void open_frame(void)
{
    CHECK(uv_loop_init(&frame.loop) == 0);
    CHECK(uv_timer_init(&frame.loop, &frame.watchdog) == 0);
    CHECK(uv_timer_init(&frame.loop, &frame.alive) == 0);
    uint64_t period_ms = notify_open();
    if (period_ms > 0)
        CHECK(uv_timer_start(&frame.alive, on_alive, period_ms, period_ms) == 0);
    for (size_t i = 0; i < ARRAY_LEN(frame.signals); i++) {
        CHECK(uv_signal_init(&frame.loop, &frame.signals[i]) == 0);
        CHECK(uv_signal_start(&frame.signals[i], on_signal, signal_numbers[i]) == 0);
    }
    // A peer that closes early is an error of that write, not the end of the process.
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

static int start(const struct service *s)
{
    const char *listen = conf_text(s->name, "ops_listen");
    int err = ops_start(&frame.loop, listen, &frame.ops);
    if (err) {
        log_error("service.ops_failed", LOG_STR("listen", listen), LOG_ERR(err));
        return err;
    }
    ready_set("running", "starting");
    err = s->start(&frame.loop, s->ctx);
    if (err)
        return err;
    ready_set("running", NULL);
    frame.state = RUNNING;
    notify_send("READY=1");
    log_info("service.started", LOG_STR("version", version_text), LOG_INT("ops_port", ops_port(frame.ops)));
    return ERR_OK;
}

int service_run(const struct service *s, int argc, char **argv)
{
    const char *config = NULL;
    int code = parse_arguments(argc, argv, &config);
    if (code >= 0)
        return code;
    log_init(s->name, LOG_LEVEL_INFO);
    log_register();
    if (conf_load(config, stderr))
        return EX_CONFIG;
    apply_log_level();
    CHECK(!frame.service);
    frame.service = s;
    open_frame();
    int err = start(s);
    if (err) {
        log_error("service.not_started", LOG_ERR(err));
        return 1;
    }
    (void)uv_run(&frame.loop, UV_RUN_DEFAULT);
    CHECK(frame.state == STOPPED);
    uv_close((uv_handle_t *)&frame.watchdog, NULL);
    (void)uv_run(&frame.loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&frame.loop) != 0) { // a handle that the service forgot but that keeps nothing alive
        log_handles("service.handles_left");
        return 1;
    }
    log_info("service.stopped");
    return 0;
}

const char *service_database_url(void)
{
    const char *own = conf_text(frame.service->name, "database_url");
    return own[0] ? own : conf_text("database", "url");
}
