// SPDX-License-Identifier: EUPL-1.2
// io/fetch against a TCP peer of our own that misbehaves on demand: the request's path is the script.
#include "base/clock.h"
#include "base/err.h"
#include "fetch_names.h"
#include "fetch_peer.h"
#include "io/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// ---------------------------------------------------------------- the frame of each test

static uv_loop_t loop;
static struct fetcher *fetcher;
static bool fetcher_closed;

struct call {
    struct fetch f;
    char url[300];
    unsigned told;
    char answer[64];
    void (*then)(struct call *c);
};

static void on_done(struct fetch *f)
{
    struct call *c = f->owner;
    c->told++;
    (void)snprintf(c->answer, sizeof c->answer, "%.*s", (int)f->answer.len,
                   f->answer.len ? f->answer.data : "");
    if (c->then)
        c->then(c);
}

static void prepare(struct call *c, const char *path)
{
    *c = (struct call){0};
    (void)snprintf(c->url, sizeof c->url, "http://127.0.0.1:%d%s", peer.port, path);
    c->f.method = "POST";
    c->f.url = c->url;
    c->f.body = "{\"a\":1}";
    c->f.body_len = 7;
    c->f.allow = "127.0.0.1/32";
    c->f.total_ms = 20000;
    c->f.done = on_done;
    c->f.owner = c;
}

static void start(struct call *c)
{
    assert_int_equal(fetch_start(fetcher, &c->f), ERR_OK);
    assert_int_equal(c->told, 0);
}

// Turns the loop until `c` was told; every wait ends because every transfer has a deadline.
static void finish(struct call *c)
{
    while (c->told == 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(c->told, 1);
}

static void run(struct call *c, const char *path)
{
    prepare(c, path);
    start(c);
    finish(c);
}

static int set_up_with(unsigned in_flight, unsigned waiting, unsigned per_host)
{
    fetcher_closed = false;
    (void)signal(SIGPIPE, SIG_IGN);
    const struct fetch_options o = {in_flight, waiting, per_host, NULL, "duongthu/1 (+test)"};
    if (uv_loop_init(&loop) || peer_open(&loop))
        return -1;
    return fetch_create(&loop, &o, &fetcher);
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(8, 32, 4);
}

static void on_fetcher_closed(void *owner)
{
    *(bool *)owner = true;
}

// A loop that does not end here has a handle that nobody closed.
static int tear_down(void **state)
{
    (void)state;
    fetch_close(fetcher, on_fetcher_closed, &fetcher_closed);
    assert_false(fetcher_closed);
    while (!fetcher_closed)
        (void)uv_run(&loop, UV_RUN_ONCE);
    peer_close_all();
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    return uv_loop_close(&loop);
}

// ---------------------------------------------------------------- answers

static void a_request_arrives_as_it_was_given(void **state)
{
    (void)state;
    static const char *const headers[] = {"Content-Type: application/cloudevents+json", "webhook-id: msg_1",
                                          NULL};
    struct call c;
    prepare(&c, "/ok/../dots?x=1");
    c.f.headers = headers;
    start(&c);
    memset(c.url, 'z', sizeof c.url); // strings were copied
    finish(&c);
    assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    assert_int_equal(c.f.status, 200);
    assert_string_equal(c.answer, "done");
    assert_string_equal(c.f.error, "");
    assert_memory_equal(peer.last, "POST /ok/../dots?x=1 HTTP/1.1\r\n", 31);
    assert_non_null(strstr(peer.last, "\r\nUser-Agent: duongthu/1 (+test)\r\n"));
    assert_non_null(strstr(peer.last, "\r\nContent-Type: application/cloudevents+json\r\n"));
    assert_non_null(strstr(peer.last, "\r\nwebhook-id: msg_1\r\n"));
    assert_non_null(strstr(peer.last, "\r\nContent-Length: 7\r\n"));
    assert_null(strcasestr(peer.last, "expect:"));
    assert_null(strcasestr(peer.last, "accept-encoding:"));
    assert_non_null(strstr(peer.last, "\r\n\r\n{\"a\":1}"));
}

// Easy handles are used again: each method behind each other, with nothing left of the one before.
static void other_methods(void **state)
{
    (void)state;
    struct call c;
    static const char *const headers[] = {"x-one: 1", NULL};
    static const struct {
        const char *method;
        size_t body;
        const char *starts;
    } cases[] = {{"GET", 0, "GET /ok "},        {"PUT", 7, "PUT /ok "},   {"DELETE", 0, "DELETE /ok "},
                 {"POST", 0, "POST /ok "},      {"HEAD", 0, "HEAD /ok "}, {"POST", 7, "POST /ok "},
                 {"OPTIONS", 7, "OPTIONS /ok "}};
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(cases); i++) {
        size_t n = i % 2 ? i / 2 % ARRAY_LEN(cases) : i / 2 / ARRAY_LEN(cases);
        prepare(&c, "/ok");
        c.f.method = cases[n].method;
        c.f.body_len = cases[n].body;
        c.f.headers = i % 3 ? headers : NULL;
        start(&c);
        finish(&c);
        assert_int_equal(c.f.outcome, FETCH_ANSWERED);
        assert_memory_equal(peer.last, cases[n].starts, strlen(cases[n].starts));
        assert_int_equal(strstr(peer.last, "\r\n\r\n{") != NULL, cases[n].body > 0);
        assert_int_equal(strstr(peer.last, "\r\nx-one: 1\r\n") != NULL, c.f.headers != NULL);
    }
}

static void headers_that_steer_retries_are_read(void **state)
{
    (void)state;
    struct call c;
    run(&c, "/busy");
    assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    assert_int_equal(c.f.status, 429);
    assert_string_equal(c.f.retry_after, "120"); // not the interim answer's
    assert_string_equal(c.f.directive, "abort-message");
    run(&c, "/ok");
    assert_string_equal(c.f.retry_after, "");
    assert_string_equal(c.f.directive, "");
}

static void a_redirect_is_an_answer_and_is_not_followed(void **state)
{
    (void)state;
    struct call c;
    run(&c, "/moved");
    assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    assert_int_equal(c.f.status, 302);
    assert_int_equal(peer.requests, 1);
}

static void an_endless_body_is_cut(void **state)
{
    (void)state;
    struct call c;
    prepare(&c, "/endless");
    c.f.max_answer = 50;
    start(&c);
    finish(&c);
    assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    assert_int_equal(strlen(c.answer), 50);
}

static void what_is_no_full_answer_is_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"/headers", 200}, {"/interim", 102}, {"/broken", 200},
                 {"/garbage", 0},   {"/close", 0},     {"/reset", 0}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct call c;
        run(&c, cases[i].path);
        if (c.f.outcome != FETCH_UNKNOWN || c.f.status != cases[i].status || !c.f.error[0])
            fail_msg("%s: %s %d %s", cases[i].path, fetch_outcome_name(c.f.outcome), c.f.status, c.f.error);
        assert_null(strstr(c.f.error, "127.0.0.1"));
    }
}

static bool never(const struct fetch *f)
{
    (void)f;
    return false;
}

static void a_request_that_is_no_longer_wanted_does_not_leave(void **state)
{
    (void)state;
    struct call c;
    for (int i = 0; i < 2; i++) { // on a fresh connection and on a kept one
        prepare(&c, "/ok");
        c.f.still = never;
        start(&c);
        finish(&c);
        assert_int_equal(c.f.outcome, FETCH_CANCELLED);
        assert_int_equal(peer.requests, i);
        run(&c, "/ok");
        assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    }
}

// The one and last transfer ends by its timer: nothing else wakes the loop.
static void silence_ends_by_the_deadline(void **state)
{
    (void)state;
    struct call c;
    prepare(&c, "/silent");
    c.f.total_ms = 300;
    start(&c);
    finish(&c);
    assert_int_equal(c.f.outcome, FETCH_UNKNOWN);
    assert_in_range(c.f.took_ms, 250, 15000); // a busy machine is late; no other time-out is as short
}

static void a_closed_port_is_not_sent(void **state)
{
    (void)state;
    struct call c;
    prepare(&c, "/ok");
    (void)snprintf(c.url, sizeof c.url, "http://127.0.0.1:1/ok");
    start(&c);
    finish(&c);
    assert_int_equal(c.f.outcome, FETCH_NOT_SENT);
}

// A listener that takes no more connections: the next SYN is dropped, as a firewall would.
static int open_full_listener(int ret_fds[2])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof in;
    for (int i = 0; i < 2; i++)
        assert_true((ret_fds[i] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    assert_int_equal(bind(ret_fds[0], (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(ret_fds[0], 0), 0);
    assert_int_equal(getsockname(ret_fds[0], (struct sockaddr *)&in, &len), 0);
    assert_int_equal(connect(ret_fds[1], (struct sockaddr *)&in, len), 0); // takes the only place
    return ntohs(in.sin_port);
}

// libcurl closes a socket that never was connected without asking us: its number comes back with the next
// connection, which must be heard all the same, and nothing may be watched in the end (tear_down()).
static void a_connection_that_hangs_leaves_nothing(void **state)
{
    (void)state;
    struct call c;
    int fds[2];
    int port = open_full_listener(fds);
    for (int i = 0; i < 3; i++) {
        prepare(&c, "/ok");
        (void)snprintf(c.url, sizeof c.url, "http://127.0.0.1:%d/ok", port);
        c.f.connect_ms = 100;
        start(&c);
        finish(&c);
        assert_int_equal(c.f.outcome, FETCH_NOT_SENT);
        run(&c, "/ok");
        assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    }
    prepare(&c, "/ok"); // and one that is given up while it connects
    (void)snprintf(c.url, sizeof c.url, "http://127.0.0.1:%d/ok", port);
    start(&c);
    struct call other;
    run(&other, "/ok");
    fetch_cancel(&c.f);
    finish(&c);
    for (int i = 0; i < 2; i++)
        assert_int_equal(close(fds[i]), 0);
}

// ---------------------------------------------------------------- the guard at work

static void run_origin(struct call *c, const char *origin, const char *allow, const char *ports)
{
    prepare(c, "/ok");
    (void)snprintf(c->url, sizeof c->url, "%s:%d/ok", origin, peer.port);
    c->f.allow = allow;
    c->f.ports = ports;
    start(c);
    finish(c);
}

static void the_guard_stops_what_it_must(void **state)
{
    (void)state;
    static const struct {
        const char *origin, *allow, *ports;
        enum fetch_outcome outcome;
    } cases[] = {
        {"http://127.0.0.1", "127.0.0.1/32", NULL, FETCH_ANSWERED},
        {"http://127.0.0.1", "", FETCH_ANY_PORT, FETCH_REFUSED},
        {"http://127.0.0.1", NULL, FETCH_ANY_PORT, FETCH_REFUSED},
        {"http://127.0.0.1", "127.0.0.2/32", FETCH_ANY_PORT, FETCH_REFUSED},
        {"https://local.test", "", FETCH_ANY_PORT, FETCH_REFUSED},
        {"https://private.test", "127.0.0.1/32", FETCH_ANY_PORT, FETCH_REFUSED},
        // one forbidden and one allowed address: the allowed one is tried (and speaks no TLS)
        {"https://mixed.test", "127.0.0.1/32", FETCH_ANY_PORT, FETCH_NOT_SENT},
        {"https://mixed.test", "127.0.0.1/32", NULL, FETCH_NOT_SENT},
        {"https://mixed.test", "", FETCH_ANY_PORT, FETCH_REFUSED},
        {"https://no-such-name.test", "", FETCH_ANY_PORT, FETCH_NOT_SENT},
        {"https://no-such-name.test", "", NULL, FETCH_REFUSED}, // not even looked up
        {"https://no-such-name.test", "127.0.0.1/32", NULL, FETCH_NOT_SENT},
        {"ftp://local.test", "127.0.0.1/32", FETCH_ANY_PORT, FETCH_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct call c;
        run_origin(&c, cases[i].origin, cases[i].allow, cases[i].ports);
        if (c.f.outcome != cases[i].outcome)
            fail_msg("%s [%s]: %s, %s", cases[i].origin, cases[i].allow, fetch_outcome_name(c.f.outcome),
                     c.f.error);
    }
    assert_int_equal(peer.requests, 1);
    assert_int_equal(peer.connections, 3); // the first case and mixed.test twice
}

// Ending a transfer whose name is still being looked up must not wait for the look-up.
static void a_hanging_look_up_blocks_nobody(void **state)
{
    (void)state;
    struct call slow, other;
    prepare(&slow, "");
    (void)snprintf(slow.url, sizeof slow.url, "https://slow.test:%d/ok", peer.port);
    slow.f.connect_ms = 1000; // much longer than the other takes, on any machine
    start(&slow);
    run(&other, "/ok");
    assert_int_equal(other.f.outcome, FETCH_ANSWERED);
    assert_int_equal(slow.told, 0);
    finish(&slow); // would hang for ever if it waited
    assert_int_equal(slow.f.outcome, FETCH_NOT_SENT);
    assert_int_equal(sem_post(&slow_name), 0);
}

static void malformed_requests_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const injected[] = {"X-A: b\r\nX-C: d", NULL};
    static const char *const nameless[] = {"no colon", NULL};
    struct call c;
    prepare(&c, "/ok");
    c.f.headers = injected;
    assert_int_equal(fetch_start(fetcher, &c.f), ERR_INVALID);
    c.f.headers = nameless;
    assert_int_equal(fetch_start(fetcher, &c.f), ERR_INVALID);
    c.f.headers = NULL;
    c.f.method = "PO ST";
    assert_int_equal(fetch_start(fetcher, &c.f), ERR_INVALID);
    c.f.method = "POST";
    c.f.allow = "0.0.0.0/0";
    assert_int_equal(fetch_start(fetcher, &c.f), ERR_INVALID);
    assert_int_equal(fetch_load(fetcher), 0);
    assert_int_equal(c.told, 0);
}

// ---------------------------------------------------------------- connections

static void connections_are_reused_unless_once(void **state)
{
    (void)state;
    struct call c;
    for (int i = 0; i < 5; i++)
        run(&c, "/ok");
    assert_int_equal(peer.connections, 1);
    for (int i = 0; i < 2; i++) {
        prepare(&c, "/ok");
        c.f.once = true;
        start(&c);
        finish(&c);
    }
    assert_int_equal(peer.connections, 3);
}

// libcurl repeats a request whose kept connection died; `once` is for callers who must not.
static void a_dead_kept_connection_repeats_only_what_may_be_repeated(void **state)
{
    (void)state;
    struct call c;
    run(&c, "/last");
    assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    run(&c, "/last");
    assert_int_equal(c.f.outcome, FETCH_ANSWERED);
    assert_int_equal(peer.requests, 3);
    prepare(&c, "/reset");
    c.f.once = true;
    start(&c);
    finish(&c);
    assert_int_equal(c.f.outcome, FETCH_UNKNOWN);
    assert_int_equal(peer.requests, 4);
}

// ---------------------------------------------------------------- queue and life

static void a_full_host_delays_only_itself(void **state)
{
    (void)state;
    struct call hang[6], quick;
    for (size_t i = 0; i < ARRAY_LEN(hang); i++) {
        prepare(&hang[i], "/silent");
        hang[i].f.total_ms = 1500;
        start(&hang[i]);
    }
    prepare(&quick, "");
    (void)snprintf(quick.url, sizeof quick.url, "http://127.0.0.2:%d/",
                   peer.port); // another host, nobody there
    quick.f.allow = "127.0.0.2/32";
    start(&quick);
    finish(&quick);
    assert_int_equal(fetch_load(fetcher), 6);
    for (size_t i = 0; i < 4; i++)
        finish(&hang[i]);
    assert_int_equal(hang[4].told + hang[5].told, 0); // four at once, in order
    finish(&hang[4]);
    finish(&hang[5]);
    assert_int_equal(peer.requests, 6);
    assert_int_equal(fetch_load(fetcher), 0);
}

static int set_up_narrow(void **state)
{
    (void)state;
    return set_up_with(1, 2, 1);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct call c[4];
    for (size_t i = 0; i < ARRAY_LEN(c); i++)
        prepare(&c[i], "/ok");
    for (size_t i = 0; i < 3; i++)
        start(&c[i]);
    assert_int_equal(fetch_start(fetcher, &c[3].f), ERR_FULL);
    for (size_t i = 0; i < 3; i++)
        finish(&c[i]);
    assert_int_equal(c[3].told, 0);
}

static void again(struct call *c)
{
    if (c->told < 3)
        assert_int_equal(fetch_start(fetcher, &c->f), ERR_OK);
}

static void a_fetch_may_be_started_again_when_done(void **state)
{
    (void)state;
    struct call c;
    prepare(&c, "/ok");
    c.then = again;
    start(&c);
    while (c.told < 3)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(peer.requests, 3);
    assert_string_equal(c.answer, "done");
}

static void cancelling_tells_once_and_later(void **state)
{
    (void)state;
    struct call c[6]; // four in flight, two waiting
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        prepare(&c[i], "/silent");
        start(&c[i]);
    }
    while (peer.requests < 4)
        (void)uv_run(&loop, UV_RUN_ONCE);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        fetch_cancel(&c[i].f);
        fetch_cancel(&c[i].f);
        assert_int_equal(c[i].told, 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        finish(&c[i]);
        assert_int_equal(c[i].f.outcome, FETCH_CANCELLED);
        fetch_cancel(&c[i].f); // legal after the end
    }
    assert_int_equal(fetch_load(fetcher), 0);
}

static struct call *neighbour;

static void cancel_neighbour(struct call *c)
{
    (void)c;
    fetch_cancel(&neighbour->f);
}

static void done_may_cancel_another(void **state)
{
    (void)state;
    struct call first, second;
    prepare(&first, "/ok");
    prepare(&second, "/silent");
    first.then = cancel_neighbour;
    neighbour = &second;
    start(&second);
    start(&first);
    finish(&first);
    finish(&second);
    assert_int_equal(second.f.outcome, FETCH_CANCELLED);
}

static void closing_cancels_everything(void **state)
{
    (void)state;
    struct call c[6];
    struct fetcher *other = fetcher;
    bool closed = false;
    const struct fetch_options o = {8, 32, 4, NULL, NULL};
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        prepare(&c[i], "/silent");
        start(&c[i]);
    }
    while (peer.requests < 4)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(fetch_create(&loop, &o, &fetcher), ERR_OK); // for tear_down
    fetch_close(other, on_fetcher_closed, &closed);
    struct call late;
    prepare(&late, "/ok");
    assert_int_equal(fetch_start(other, &late.f), ERR_CLOSED);
    while (!closed)
        (void)uv_run(&loop, UV_RUN_ONCE);
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        assert_int_equal(c[i].told, 1);
        assert_int_equal(c[i].f.outcome, FETCH_CANCELLED);
    }
}

int main(void)
{
    if (sem_init(&slow_name, 0, 0) != 0)
        return 1;
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_request_arrives_as_it_was_given),
        CASE(other_methods),
        CASE(headers_that_steer_retries_are_read),
        CASE(a_redirect_is_an_answer_and_is_not_followed),
        CASE(an_endless_body_is_cut),
        CASE(what_is_no_full_answer_is_unknown),
        CASE(a_request_that_is_no_longer_wanted_does_not_leave),
        CASE(silence_ends_by_the_deadline),
        CASE(a_closed_port_is_not_sent),
        CASE(a_connection_that_hangs_leaves_nothing),
        CASE(the_guard_stops_what_it_must),
        CASE(a_hanging_look_up_blocks_nobody),
        CASE(malformed_requests_are_refused_at_once),
        CASE(connections_are_reused_unless_once),
        CASE(a_dead_kept_connection_repeats_only_what_may_be_repeated),
        CASE(a_full_host_delays_only_itself),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, set_up_narrow, tear_down),
        CASE(a_fetch_may_be_started_again_when_done),
        CASE(cancelling_tells_once_and_later),
        CASE(done_may_cancel_another),
        CASE(closing_cancels_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
