// SPDX-License-Identifier: EUPL-1.2
// The supervisor runs in the frame of every service (io/service.h). A child is UP while its process lives and
// DOWN while its restart timer runs; when the supervisor stops, each ends as GONE.
#include "supervise/supervise.h"

#include "base/backoff.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/ready.h"
#include "io/service.h"
#include "supervise/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define CHILDREN_MAX   16
#define NAME_MAX_LEN   31
#define RESTART_MS     200   // first wait; doubles
#define RESTART_CAP_MS 30000 // longest wait
#define HEALTHY_MS     60000 // alive for so long: the next death counts as the first
#define KILL_AFTER_MS  1000  // beyond [service] drain
#define REAP_MS        2000  // beyond that, until the frame gives up

enum child_state { CHILD_DOWN, CHILD_UP, CHILD_GONE };

struct child {
    char name[NAME_MAX_LEN + 1];
    char labels[NAME_MAX_LEN + 16];
    enum child_state state;
    pid_t pid;     // while UP
    int64_t since; // UP: monotonic ms of its start
    struct backoff backoff;
    uv_timer_t restart;
    struct metric up, restarts;
};

static struct supervisor {
    struct child children[CHILDREN_MAX];
    size_t count;
    uv_signal_t chld;
    uv_timer_t kill;
    unsigned open; // handles
    bool clean;    // no child had to be killed or ended with an error while stopping
} supervisor;

// ---- readiness

static void tell_ready(void)
{
    char why[200];
    size_t len = 0;
    for (size_t i = 0; i < supervisor.count; i++) {
        const struct child *c = &supervisor.children[i];
        if (c->state == CHILD_UP || len >= sizeof why)
            continue;
        int n = snprintf(why + len, sizeof why - len, "%s%s", len ? ", " : "not running: ", c->name);
        len += n > 0 ? (size_t)n : 0;
    }
    ready_set("children", len ? why : NULL);
}

// ---- starting

static void on_restart(uv_timer_t *timer);

static void start_later(struct child *c, int64_t wait_ms)
{
    c->state = CHILD_DOWN;
    (void)uv_timer_start(&c->restart, on_restart, (uint64_t)wait_ms, 0);
}

static void start_child(struct child *c)
{
    int err = child_start(c->name, conf_path(), &c->pid);
    if (err) {
        log_error("child.not_started", LOG_STR("child", c->name), LOG_ERR(err));
        start_later(c, backoff_next_ms(&c->backoff));
        return;
    }
    c->state = CHILD_UP;
    c->since = clock_mono_ms();
    metric_set(&c->up, 1);
    log_info("child.started", LOG_STR("child", c->name), LOG_INT("child_pid", c->pid));
}

static void on_restart(uv_timer_t *timer)
{
    struct child *c = timer->data;
    metric_add(&c->restarts, 1);
    start_child(c);
    tell_ready();
}

// ---- ending

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
    if (--supervisor.open == 0)
        service_stopped();
}

static void close_when_all_gone(void)
{
    for (size_t i = 0; i < supervisor.count; i++) {
        if (supervisor.children[i].state != CHILD_GONE)
            return;
    }
    for (size_t i = 0; i < supervisor.count; i++)
        uv_close((uv_handle_t *)&supervisor.children[i].restart, on_closed);
    uv_close((uv_handle_t *)&supervisor.kill, on_closed);
    uv_close((uv_handle_t *)&supervisor.chld, on_closed);
}

static void on_exit_of(struct child *c, int status)
{
    int64_t uptime = clock_mono_ms() - c->since;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int signum = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    bool stopping = service_stopping();
    // SIGTERM ends a child by default when it had no time to install its handler.
    bool clean = stopping && (code == 0 || signum == SIGTERM);
    metric_set(&c->up, 0);
    log_write(clean ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "child.exited",
              (const struct log_field[]){LOG_STR("child", c->name),
                                         LOG_INT("child_pid", c->pid),
                                         LOG_INT("code", code),
                                         LOG_STR("signal", signum ? sigabbrev_np(signum) : ""),
                                         LOG_INT("uptime_ms", uptime),
                                         {0}});
    if (stopping) {
        c->state = CHILD_GONE;
        supervisor.clean = supervisor.clean && clean;
        return;
    }
    if (uptime >= HEALTHY_MS)
        backoff_reset(&c->backoff);
    start_later(c, backoff_next_ms(&c->backoff));
}

static void on_chld(uv_signal_t *handle, int signum)
{
    (void)handle;
    (void)signum;
    int status;
    pid_t pid;
    // One signal may stand for several deaths; as process 1 of a container we also inherit strangers.
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < supervisor.count; i++) {
            struct child *c = &supervisor.children[i];
            if (c->state == CHILD_UP && c->pid == pid)
                on_exit_of(c, status);
        }
    }
    if (service_stopping())
        close_when_all_gone();
    else
        tell_ready();
}

static void signal_children(int signum, const char *event)
{
    for (size_t i = 0; i < supervisor.count; i++) {
        struct child *c = &supervisor.children[i];
        if (c->state != CHILD_UP)
            continue;
        // The group for SIGKILL, so that nothing the child started remains.
        if (kill(signum == SIGKILL ? -c->pid : c->pid, signum) != 0 && errno != ESRCH)
            log_error("child.not_signalled", LOG_STR("child", c->name),
                      LOG_ERR(uv_translate_sys_error(errno)));
        else if (event)
            log_warn(event, LOG_STR("child", c->name), LOG_INT("child_pid", c->pid));
    }
}

static void on_kill(uv_timer_t *timer)
{
    (void)timer;
    signal_children(SIGKILL, "child.killed");
}

// ---- the service

static void add_child(uv_loop_t *loop, const char *name, size_t len)
{
    CHECK(supervisor.count < CHILDREN_MAX && len <= NAME_MAX_LEN); // the table of settings bounds both
    struct child *c = &supervisor.children[supervisor.count++];
    memcpy(c->name, name, len);
    (void)snprintf(c->labels, sizeof c->labels, "child=\"%.*s\"", (int)len, name);
    backoff_init(&c->backoff, RESTART_MS, RESTART_CAP_MS);
    (void)uv_timer_init(loop, &c->restart);
    c->restart.data = c;
    c->up = (struct metric){.name = "duongthu_child_up",
                            .labels = c->labels,
                            .help = "1 while the child process lives.",
                            .kind = METRIC_GAUGE};
    c->restarts = (struct metric){.name = "duongthu_child_restarts_total",
                                  .labels = c->labels,
                                  .help = "Starts after the first.",
                                  .kind = METRIC_COUNTER};
}

static int start(uv_loop_t *loop, void *ctx)
{
    (void)ctx;
    const char *names = conf_text("supervise", "services");
    for (size_t len; *(names += strspn(names, " \t")); names += len) {
        len = strcspn(names, " \t");
        add_child(loop, names, len);
    }
    for (size_t i = 0; i < supervisor.count; i++)
        metric_register(&supervisor.children[i].up);
    for (size_t i = 0; i < supervisor.count; i++)
        metric_register(&supervisor.children[i].restarts);
    (void)uv_timer_init(loop, &supervisor.kill);
    int err = uv_signal_init(loop, &supervisor.chld);
    err = err ? err : uv_signal_start(&supervisor.chld, on_chld, SIGCHLD);
    if (err)
        return err;
    supervisor.open = (unsigned)supervisor.count + 2;
    supervisor.clean = true;
    for (size_t i = 0; i < supervisor.count; i++)
        start_child(&supervisor.children[i]);
    tell_ready();
    return ERR_OK;
}

static void stop(void *ctx)
{
    (void)ctx;
    for (size_t i = 0; i < supervisor.count; i++) {
        struct child *c = &supervisor.children[i];
        (void)uv_timer_stop(&c->restart);
        if (c->state == CHILD_DOWN)
            c->state = CHILD_GONE;
    }
    signal_children(SIGTERM, NULL);
    (void)uv_timer_start(&supervisor.kill, on_kill, (uint64_t)conf_int("service", "drain") + KILL_AFTER_MS,
                         0);
    close_when_all_gone();
}

static void reload(void *ctx)
{
    (void)ctx;
    signal_children(SIGHUP, NULL);
}

int supervise_run(int argc, char **argv)
{
    const struct service service = {.name = "supervise",
                                    .start = start,
                                    .stop = stop,
                                    .reload = reload,
                                    .drain_extra_ms = KILL_AFTER_MS + REAP_MS};
    int code = service_run(&service, argc, argv);
    return code ? code : !supervisor.clean;
}
