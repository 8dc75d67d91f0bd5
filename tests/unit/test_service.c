// SPDX-License-Identifier: EUPL-1.2
// The frame of a service, each case in a process of its own: how it starts, reloads, drains and ends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/err.h"
#include "io/service.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/duongthu-service-XXXXXX";
static char ini[64];
static char output[16384]; // stdout and stderr of the child

static void configure(const char *more)
{
    FILE *f = fopen(ini, "we");
    assert_non_null(f);
    assert_true(fprintf(f, "[watch]\nops_listen = 127.0.0.1:0\n[service]\ndrain = 200ms\n%s", more) > 0);
    assert_int_equal(fclose(f), 0);
}

// Runs the service in a child; returns its wait status.
static int run_with(const struct service *s, int argc, const char *const *argv)
{
    int out[2];
    size_t len = 0;
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(out[1], STDERR_FILENO);
        (void)close(out[0]);
        (void)close(out[1]);
        int code = service_run(s, argc, (char **)(uintptr_t)argv);
        (void)fflush(NULL);
        _exit(code);
    }
    (void)close(out[1]);
    for (ssize_t n; (n = read(out[0], output + len, sizeof output - 1 - len)) > 0;)
        len += (size_t)n;
    output[len] = '\0';
    (void)close(out[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int run(const struct service *s)
{
    const char *const argv[] = {"watch", "--config", ini, NULL};
    return run_with(s, 3, argv);
}

static void assert_exit(int status, int code)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
        fail_msg("status %x, expected exit code %d; it said:\n%s", (unsigned)status, code, output);
}

static void assert_says(const char *text)
{
    if (!strstr(output, text))
        fail_msg("it does not say %s:\n%s", text, output);
}

// ---- services that signal themselves once they run

static uv_timer_t timer;
static int signals[3];
static size_t next_signal;

static void on_timer(uv_timer_t *t)
{
    (void)kill(getpid(), signals[next_signal++]);
    if (next_signal == ARRAY_LEN(signals) || !signals[next_signal])
        (void)uv_timer_stop(t);
}

static int start(uv_loop_t *loop, void *ctx)
{
    (void)ctx;
    (void)uv_timer_init(loop, &timer);
    return uv_timer_start(&timer, on_timer, 10, 10);
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
    service_stopped();
}

static void stop(void *ctx)
{
    (void)ctx;
    uv_close((uv_handle_t *)&timer, on_closed);
}

static void send_itself(int first, int second, int third)
{
    signals[0] = first;
    signals[1] = second;
    signals[2] = third;
}

static void ends_with_0_after_sigterm_and_sigint(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = start, .stop = stop};
    configure("");
    send_itself(SIGTERM, 0, 0);
    assert_exit(run(&s), 0);
    assert_says("\"event\":\"service.started\"");
    assert_says("\"event\":\"service.stopping\",\"why\":\"SIGTERM\"");
    assert_says("\"event\":\"service.stopped\"");
    send_itself(SIGINT, 0, 0);
    assert_exit(run(&s), 0);
    assert_says("\"why\":\"SIGINT\"");
}

static void do_nothing(void *ctx)
{
    (void)ctx;
}

static void a_drain_that_does_not_end_is_ended_and_says_what_was_left(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = start, .stop = do_nothing};
    configure("");
    send_itself(SIGTERM, SIGTERM, SIGTERM); // asking again does not hurry it
    assert_exit(run(&s), 1);
    assert_says("\"event\":\"service.stop_timeout\",\"waits_for\":\"the service\",\"handles\":\"");
    assert_says("timer");
}

static uv_timer_t forgotten;

static void stop_and_forget(void *ctx)
{
    (void)uv_timer_init(timer.loop, &forgotten);
    stop(ctx);
}

static void a_forgotten_handle_is_told(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = start, .stop = stop_and_forget};
    configure("");
    send_itself(SIGTERM, 0, 0);
    assert_exit(run(&s), 1);
    assert_says("\"event\":\"service.handles_left\",\"waits_for\":\"handles\",\"handles\":\"timer(idle)\"");
}

static int refuse(uv_loop_t *loop, void *ctx)
{
    (void)loop;
    (void)ctx;
    return ERR_IO;
}

static void a_start_that_fails_ends_with_1(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = refuse, .stop = stop};
    configure("");
    assert_exit(run(&s), 1);
    assert_says("\"event\":\"service.not_started\",\"error\":\"io\"");
}

static void tell_reload(void *ctx)
{
    (void)ctx;
    (void)fprintf(stderr, "reloaded: %s\n", conf_text("log", "level"));
}

static int start_and_rewrite(uv_loop_t *loop, void *ctx)
{
    configure("[log]\nlevel = debug\n");
    return start(loop, ctx);
}

static void sighup_reloads(void **state)
{
    (void)state;
    const struct service s = {
        .name = "watch", .start = start_and_rewrite, .stop = stop, .reload = tell_reload};
    configure("");
    send_itself(SIGHUP, SIGTERM, 0);
    assert_exit(run(&s), 0);
    assert_says("reloaded: debug\n");
    assert_says("\"event\":\"config.reloaded\"");
}

static void arguments_and_configuration_are_checked(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = start, .stop = stop};
    const char *const unknown[] = {"watch", "--speed", NULL};
    const char *const extra[] = {"watch", "now", NULL};
    const char *const help[] = {"watch", "--help", NULL};
    const char *const missing[] = {"watch", "--config", "/nonexistent.ini", NULL};
    assert_exit(run_with(&s, 2, unknown), 2);
    assert_exit(run_with(&s, 2, extra), 2);
    assert_says("usage: duongthu watch [--config FILE]");
    assert_exit(run_with(&s, 2, help), 0);
    assert_exit(run_with(&s, 3, missing), 78);
    assert_says("/nonexistent.ini: cannot read the configuration");
}

static const char *database_url;

static int start_and_look(uv_loop_t *loop, void *ctx)
{
    database_url = service_database_url();
    (void)fprintf(stderr, "url: %s\n", database_url);
    return start(loop, ctx);
}

static void a_role_of_its_own_wins(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = start_and_look, .stop = stop};
    send_itself(SIGTERM, 0, 0);
    configure("[database]\nurl = host=/a\n");
    assert_exit(run(&s), 0);
    assert_says("url: host=/a\n");
    configure("[database]\nurl = host=/a\n[watch]\ndatabase_url = host=/a user=dt_watch\n");
    assert_exit(run(&s), 0);
    assert_says("url: host=/a user=dt_watch\n");
}

// ---- systemd

static int start_and_show_environment(uv_loop_t *loop, void *ctx)
{
    (void)fprintf(stderr, "inherited: %s\n", getenv("NOTIFY_SOCKET") ? "yes" : "no");
    return start(loop, ctx);
}

static void systemd_hears_of_it(void **state)
{
    (void)state;
    const struct service s = {.name = "watch", .start = start_and_show_environment, .stop = stop};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/notify", folder);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", a.sun_path, 1), 0);
    assert_int_equal(setenv("WATCHDOG_USEC", "16000", 1), 0); // every 8 ms; the socket holds 10 messages
    configure("");
    send_itself(SIGHUP, SIGTERM, 0);
    assert_exit(run(&s), 0);
    assert_says("inherited: no");
    char heard[4096] = "", message[256];
    for (ssize_t n; (n = recv(fd, message, sizeof message - 1, 0)) > 0;) {
        message[n] = '\0';
        if (strcmp(message, "WATCHDOG=1") == 0 && strstr(heard, "WATCHDOG"))
            continue;
        (void)strncat(heard, message, sizeof heard - strlen(heard) - 2);
        (void)strncat(heard, " ", 2);
    }
    assert_int_equal(strncmp(heard, "READY=1 WATCHDOG=1 RELOADING=1\nMONOTONIC_USEC=", 46), 0);
    assert_non_null(strstr(heard, " READY=1 STOPPING=1 "));
    (void)close(fd);
    (void)unlink(a.sun_path);
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_int_equal(unsetenv("WATCHDOG_USEC"), 0);
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(ini, sizeof ini, "%s/duongthu.ini", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(ini);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_with_0_after_sigterm_and_sigint),
        cmocka_unit_test(a_drain_that_does_not_end_is_ended_and_says_what_was_left),
        cmocka_unit_test(a_forgotten_handle_is_told),
        cmocka_unit_test(a_start_that_fails_ends_with_1),
        cmocka_unit_test(sighup_reloads),
        cmocka_unit_test(arguments_and_configuration_are_checked),
        cmocka_unit_test(a_role_of_its_own_wins),
        cmocka_unit_test(systemd_hears_of_it),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
