// SPDX-License-Identifier: EUPL-1.2
// What the tests of the HTTP server share: a server and raw client sockets in one loop. Time is a variable
// (fake_ms), so no test sleeps for a time-out.
#pragma once
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_BODY 1000
// ms of real time after which a wait has failed; shorter where memory is made to run out and failing is in
// order
#define REAL_LIMIT (getenv("ALLOC_FAIL") ? 1000 : 20000)

static uv_loop_t loop;
static struct http_server *server;
static struct http_request *held[64];
static unsigned held_count, handled, drained_count;
static int64_t fake_ms; // added to the real monotonic clock

// ---- the seam of time ----

static inline int64_t real_ms(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline int64_t test_mono_ms(void *ctx)
{
    (void)ctx;
    return real_ms() + fake_ms;
}

static inline int64_t test_wall_ms(void *ctx)
{
    (void)ctx;
    return 0;
}

static inline void test_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 4, len);
}

static const struct clock_source source = {test_wall_ms, test_mono_ms, test_random, NULL};

// ---- handlers ----

static inline void on_echo(struct http_request *r, void *owner)
{
    (void)owner;
    handled++;
    size_t len;
    const char *body = http_body(r, &len);
    http_reply(r, 200, "text/plain", body, len);
}

static inline void on_status(struct http_request *r, void *owner)
{
    (void)owner;
    handled++;
    int status = (int)strtol(http_param(r, 0), NULL, 10);
    http_reply(r, status, NULL, NULL, 0);
}

static inline void on_hold(struct http_request *r, void *owner)
{
    (void)owner;
    handled++;
    CHECK(held_count < ARRAY_LEN(held));
    held[held_count++] = r;
}

static inline void on_show(struct http_request *r, void *owner)
{
    (void)owner;
    char out[512];
    const char *q = http_query(r, "q"), *h = http_header(r, "x-test");
    int n = snprintf(out, sizeof(out), "%s|%s|%s|%s|%s|%s", http_method(r), http_path(r), http_param(r, 0),
                     q ? q : "-", h ? h : "-", http_peer(r));
    http_set_header(r, "X-Split", "a\r\nX-Evil: b");
    http_reply(r, 200, "text/plain", out, (size_t)n);
}

static inline void on_big(struct http_request *r, void *owner)
{
    (void)owner;
    size_t len = 8 << 20;
    char *body = calloc(1, len);
    CHECK(body != NULL);
    http_reply(r, 200, "application/octet-stream", body, len);
    free(body);
}

static const struct http_route routes[] = {
    {"POST", "/echo", on_echo, MAX_BODY},
    {"GET", "/status/{}", on_status, 0},
    {"GET", "/hold", on_hold, 0},
    {"POST", "/hold", on_hold, MAX_BODY},
    {"GET", "/show/{}/thing", on_show, 0},
    {"GET", "/big", on_big, 0},
    {"GET", "/", on_echo, 0},
};

// ---- the client ----

static inline int client_open(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_port(server))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
    assert_true(rc == 0 || errno == EINPROGRESS);
    return fd;
}

// False when the server stopped taking it.
static inline bool client_put(int fd, const void *data, size_t len)
{
    const char *p = data;
    int64_t until = real_ms() + REAL_LIMIT;
    while (len > 0) {
        ssize_t n = send(fd, p, len, MSG_NOSIGNAL);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN && errno != ENOTCONN) {
            return false;
        }
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        assert_true(real_ms() < until);
    }
    return true;
}

static inline void client_send(int fd, const char *text)
{
    (void)client_put(fd, text, strlen(text)); // the server may have had enough
}

static char answer[65536];
static bool closed; // after client_read(): the server closed the connection (EOF or reset)

// Is there a whole answer (head and Content-Length bytes)? 204, 304 and answers to HEAD end with their head.
static inline bool complete(size_t len, bool bodiless)
{
    size_t head = http_head_end(answer, len);
    if (!head)
        return false;
    const char *cl = strstr(answer, "Content-Length: ");
    size_t body = cl && !bodiless ? strtoul(cl + 16, NULL, 10) : 0;
    return len >= head + body;
}

static inline int client_read_as(int fd, bool bodiless)
{
    size_t len = 0;
    int64_t until = real_ms() + REAL_LIMIT;
    closed = false;
    answer[0] = '\0';
    while (!closed && !complete(len, bodiless)) {
        ssize_t n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
        if (n > 0)
            len += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != ENOTCONN))
            closed = true;
        answer[len] = '\0';
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        assert_true(real_ms() < until);
    }
    return len > 12 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static inline int client_read(int fd)
{
    return client_read_as(fd, false);
}

// The connection must end; what still comes is thrown away.
static inline void client_expect_end(int fd)
{
    char rest[4096];
    int64_t until = real_ms() + REAL_LIMIT;
    for (;;) {
        ssize_t n = recv(fd, rest, sizeof(rest), 0);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != ENOTCONN))
            return;
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        assert_true(real_ms() < until);
    }
}

static inline int ask(const char *request)
{
    int fd = client_open();
    client_send(fd, request);
    int status = client_read(fd);
    (void)close(fd);
    return status;
}

#define WAIT_FOR(condition)                                                                                  \
    do {                                                                                                     \
        int64_t until_ = real_ms() + REAL_LIMIT;                                                             \
        while (!(condition)) {                                                                               \
            (void)uv_run(&loop, UV_RUN_NOWAIT);                                                              \
            assert_true(real_ms() < until_);                                                                 \
        }                                                                                                    \
    } while (0)

// ---- set-up ----

static inline void on_drained(void *owner)
{
    (void)owner;
    drained_count++;
}

static inline void start(unsigned in_flight, unsigned connections)
{
    struct http_options o = {.listen = "127.0.0.1:0",
                             .routes = routes,
                             .route_count = ARRAY_LEN(routes),
                             .max_in_flight = in_flight,
                             .max_connections = connections};
    fake_ms = 0;
    held_count = handled = drained_count = 0;
    assert_int_equal(http_create(&loop, &o, &server), ERR_OK);
}

static inline int setup(void **state)
{
    (void)state;
    clock_use(&source);
    CHECK(uv_loop_init(&loop) == 0);
    start(4, 8);
    return 0;
}

// Drains, and proves that the server leaves nothing behind: no handle in the loop, no byte (under ASan).
static inline int teardown(void **state)
{
    (void)state;
    if (drained_count == 0 && !server->draining)
        http_drain(server, 100, on_drained, NULL);
    // Where memory is made to run out, a test that ended early never answers what it held, and the server
    // waits for that.
    int64_t until = real_ms() + 3 * REAL_LIMIT;
    while (getenv("ALLOC_FAIL") && uv_run(&loop, UV_RUN_NOWAIT) != 0) {
        if (real_ms() > until)
            _exit(1);
    }
    CHECK(uv_run(&loop, UV_RUN_DEFAULT) == 0);
    CHECK(drained_count == 1);
    CHECK(uv_loop_close(&loop) == 0);
    clock_use(NULL);
    return 0;
}

#define H "Host: a\r\n"

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
