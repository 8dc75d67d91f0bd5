// SPDX-License-Identifier: EUPL-1.2
// Connections of the HTTP server, over raw sockets: one test per hole of libh2o 2.2.5 (feasibility §1.2,
// §1.3): overload, vanished and slow clients, dead writes, descriptors, drain.
#include "http_fixture.h"

#include <sys/resource.h>

// In flight counts until the work ends; above the cap: 503 with Retry-After, and room again afterwards.
// What finds no memory is lost, and nothing else: a connection that could not be accepted is accepted by a
// sweep, and the next request is served.
static void without_memory_for_a_moment(void **state)
{
    (void)state;
    unsigned lost = 0;
    for (unsigned served = 0; served < 3;) {
        int fd = client_open();
        client_send(fd, "GET /status/204 HTTP/1.1\r\n" H "Connection: close\r\n\r\n");
        http_conn_sweep(server);
        if (client_read(fd) == 204)
            served++;
        else
            lost++;
        assert_true(lost <= 1);
        (void)close(fd);
    }
}

static void overload(void **state)
{
    (void)state;
    int fds[4];
    for (unsigned i = 0; i < 4; i++) {
        fds[i] = client_open();
        client_send(fds[i], "GET /hold HTTP/1.1\r\n" H "\r\n");
        WAIT_FOR(held_count == i + 1);
    }
    assert_int_equal(ask("GET /hold HTTP/1.1\r\n" H "\r\n"), 503);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    assert_non_null(strstr(answer, "\"code\":\"overloaded\""));
    (void)close(fds[0]); // its client leaves, its work goes on: still counted
    WAIT_FOR(server->connections == 4);
    http_conn_sweep(server);
    WAIT_FOR(server->connections == 3);
    assert_true(http_gone(held[0]));
    assert_int_equal(ask("GET /hold HTTP/1.1\r\n" H "\r\n"), 503);
    http_reply(held[0], 200, NULL, NULL, 0); // into the void
    assert_int_equal(server->in_flight, 3);
    assert_int_equal(ask("GET /status/200 HTTP/1.1\r\n" H "\r\n"), 200);
    for (unsigned i = 1; i < 4; i++) {
        assert_false(http_gone(held[i]));
        http_unavailable(held[i], "database-down", 5);
        assert_int_equal(client_read(fds[i]), 503);
        assert_non_null(strstr(answer, "Retry-After: 5\r\n"));
        (void)close(fds[i]);
    }
    assert_int_equal(server->in_flight, 0);
}

// Hole 5: a client that vanishes while its request is worked on. The body stays readable, the descriptor is
// freed early, the reply is legal.
static void vanished_client(void **state)
{
    (void)state;
    for (int reset = 0; reset < 2; reset++) {
        held_count = 0;
        int fd = client_open();
        client_send(fd, "POST /hold HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
        WAIT_FOR(held_count == 1);
        struct linger hard = {.l_onoff = 1, .l_linger = 0};
        if (reset)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
        http_conn_sweep(server);
        assert_false(http_gone(held[0]));
        (void)close(fd);
        http_conn_sweep(server);
        assert_true(http_gone(held[0]));
        WAIT_FOR(server->connections == 0);
        // Others come and go, in the buffers that are free now.
        assert_int_equal(ask("POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nother"), 200);
        size_t len;
        const char *body = http_body(held[0], &len);
        assert_int_equal(len, 5);
        assert_memory_equal(body, "hello", 5);
        assert_string_equal(http_path(held[0]), "/hold");
        http_set_header(held[0], "X", "y");
        http_reply(held[0], 200, "text/plain", "ok", 2);
        assert_int_equal(server->in_flight, 0);
    }
}

// A dropped request ends its connection without a byte; the next client is served.
static void dropped_request(void **state)
{
    (void)state;
    int fd = client_open();
    client_send(fd, "POST /hold HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello");
    WAIT_FOR(held_count == 1);
    http_drop(held[0]);
    assert_int_equal(client_read(fd), 0);
    assert_true(closed);
    assert_string_equal(answer, "");
    (void)close(fd);
    WAIT_FOR(server->connections == 0);
    held_count = 0;
    fd = client_open(); // and one whose client has gone before
    client_send(fd, "GET /hold HTTP/1.1\r\n" H "\r\n");
    WAIT_FOR(held_count == 1);
    (void)close(fd);
    WAIT_FOR((http_conn_sweep(server), http_gone(held[0])));
    http_drop(held[0]);
    assert_int_equal(server->in_flight, 0);
    assert_int_equal(ask("GET /status/200 HTTP/1.1\r\n" H "\r\n"), 200);
}

// Hole 1: libuv refuses a write without calling back, h2o ignores it. UV_HANDLE_WRITABLE is what libuv clears
// after a read error; clearing it here makes uv_write() answer UV_EPIPE at once.
static void dead_write(void **state)
{
    (void)state;
    int fd = client_open();
    client_send(fd, "GET /hold HTTP/1.1\r\n" H "\r\n");
    WAIT_FOR(held_count == 1);
    struct http_conn *c = CONTAINER_OF(server->conns.next, struct http_conn, node);
    assert_true(uv_is_writable((uv_stream_t *)&c->tcp));
    c->tcp.flags &= ~0x8000u;
    assert_false(uv_is_writable((uv_stream_t *)&c->tcp));
    http_reply(held[0], 200, "text/plain", "lost", 4);
    for (int i = 0; i < 10; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(server->connections, 1); // the hole
    http_conn_sweep(server);
    http_conn_sweep(server);
    WAIT_FOR(server->connections == 0); // closed by us
    client_expect_end(fd);
    (void)close(fd);
}

// Hole 8: one time-out for everything. Ours: head 10 s, body by progress, keep-alive 75 s.
static void slow_clients(void **state)
{
    (void)state;
    int idle = client_open(), head = client_open(), body = client_open(), quick = client_open();
    client_send(head, "GET / HTTP/1.1\r\n");
    client_send(body, "POST /echo HTTP/1.1\r\n" H "Content-Length: 900\r\n\r\n");
    client_send(quick, "GET /status/200 HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(client_read(quick), 200);
    WAIT_FOR(server->connections == 4);
    http_conn_sweep(server);
    for (int s = 0; s < 9; s++) { // a trickle keeps a body alive for now
        fake_ms += 1000;
        client_send(body, "x");
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        http_conn_sweep(server);
    }
    assert_int_equal(server->connections, 4);
    fake_ms += 2000; // 11 s
    client_send(body, "x");
    (void)uv_run(&loop, UV_RUN_NOWAIT);
    http_conn_sweep(server);
    assert_int_equal(client_read(head), 408);
    assert_non_null(strstr(answer, "\"code\":\"request-timeout\""));
    client_expect_end(head);
    // 10 bytes in 11 s: below 1 KiB/s after the first 10 s.
    assert_int_equal(client_read(body), 408);
    client_expect_end(body);
    WAIT_FOR(server->connections == 2);
    fake_ms += 60000; // 71 s: keep-alive still holds, and a request starts its time anew
    http_conn_sweep(server);
    client_send(quick, "GET /status/200 HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(client_read(quick), 200);
    assert_false(closed);
    fake_ms += 10000; // 81 s
    http_conn_sweep(server);
    client_expect_end(idle);
    WAIT_FOR(server->connections == 1);
    client_send(quick, "GET /status/200 HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(client_read(quick), 200);
    // An upload that stalls.
    client_send(quick, "POST /echo HTTP/1.1\r\n" H "Content-Length: 900\r\n\r\nabc");
    WAIT_FOR(http_conn_phase(CONTAINER_OF(server->conns.next, struct http_conn, node)) == PHASE_READING);
    http_conn_sweep(server);
    fake_ms += HTTP_BODY_STALL_MS + 1;
    http_conn_sweep(server);
    assert_int_equal(client_read(quick), 408);
    (void)close(idle);
    (void)close(head);
    (void)close(body);
    (void)close(quick);
}

// A client that does not read its answer costs only itself.
static void slow_reader(void **state)
{
    (void)state;
    int fd = client_open();
    client_send(fd, "GET /big HTTP/1.1\r\n" H "\r\n");
    WAIT_FOR(server->connections == 1 &&
             http_conn_phase(CONTAINER_OF(server->conns.next, struct http_conn, node)) == PHASE_WRITING);
    for (int i = 0; i < 100; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    http_conn_sweep(server);
    assert_int_equal(ask("GET /status/200 HTTP/1.1\r\n" H "\r\n"), 200);
    fake_ms += HTTP_WRITE_STALL_MS + 1;
    http_conn_sweep(server);
    WAIT_FOR(server->connections == 0);
    (void)close(fd);
}

static void too_many_connections(void **state)
{
    (void)state;
    int fds[9];
    for (unsigned i = 0; i < 8; i++) {
        fds[i] = client_open();
        WAIT_FOR(server->connections == i + 1);
    }
    fds[8] = client_open();
    client_send(fds[8], "GET / HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(client_read(fds[8]), 503);
    assert_non_null(strstr(answer, "Retry-After: 1\r\n"));
    client_expect_end(fds[8]);
    (void)close(fds[0]);
    WAIT_FOR(server->connections == 7);
    assert_int_equal(ask("GET /status/200 HTTP/1.1\r\n" H "\r\n"), 200);
    for (unsigned i = 1; i < 9; i++)
        (void)close(fds[i]);
}

// EMFILE: libuv gives up its reserve descriptor, accepts and closes what waits; afterwards all is well again.
static void out_of_descriptors(void **state)
{
    (void)state;
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int held_fd = client_open(); // connected in the backlog, not yet accepted
    int probe = dup(held_fd);
    tight = before;
    tight.rlim_cur = (rlim_t)probe;
    (void)close(probe);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    client_expect_end(held_fd); // closed at once, not left hanging
    assert_int_equal(server->connections, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(ask("GET /status/200 HTTP/1.1\r\n" H "\r\n"), 200);
    (void)close(held_fd);
}

// §1.3: idle keep-alives are closed at once, work in flight is finished and answered, new ones are refused.
static void drain(void **state)
{
    (void)state;
    int idle = client_open(), fresh = client_open(), busy = client_open();
    client_send(idle, "GET /status/200 HTTP/1.1\r\n" H "\r\n");
    assert_int_equal(client_read(idle), 200);
    client_send(busy, "GET /hold HTTP/1.1\r\n" H "\r\n");
    WAIT_FOR(held_count == 1 && server->connections == 3);
    uint16_t port = http_port(server);
    http_drain(server, 60000, on_drained, NULL);
    client_expect_end(idle);
    client_expect_end(fresh);
    WAIT_FOR(server->connections == 1);
    assert_int_equal(drained_count, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(late, (struct sockaddr *)&a, sizeof(a)), -1);
    http_reply(held[0], 200, "text/plain", "done", 4);
    assert_int_equal(client_read(busy), 200);
    assert_non_null(strstr(answer, "Connection: close\r\n"));
    WAIT_FOR(drained_count == 1);
    (void)close(idle);
    (void)close(fresh);
    (void)close(busy);
    (void)close(late);
}

// After the limit whatever is left is cut; a handler that answers later harms nobody.
static void drain_limit(void **state)
{
    (void)state;
    int busy = client_open(), reading = client_open(), writing = client_open();
    client_send(busy, "GET /hold HTTP/1.1\r\n" H "\r\n");
    client_send(reading, "GET / HTTP/1.1\r\n");
    client_send(writing, "GET /big HTTP/1.1\r\n" H "\r\n");
    WAIT_FOR(held_count == 1 && server->connections == 3);
    http_drain(server, 1000, on_drained, NULL);
    for (int i = 0; i < 100; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(drained_count, 0);
    fake_ms += 1001;
    WAIT_FOR(drained_count == 1);
    client_expect_end(busy);
    client_expect_end(reading);
    client_expect_end(writing);
    assert_true(http_gone(held[0]));
    http_reply(held[0], 200, NULL, NULL, 0);
    (void)close(busy);
    (void)close(reading);
    (void)close(writing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_memory_for_a_moment),
        TEST(overload),
        TEST(vanished_client),
        TEST(dropped_request),
        TEST(dead_write),
        TEST(slow_clients),
        TEST(slow_reader),
        TEST(too_many_connections),
        TEST(out_of_descriptors),
        TEST(drain),
        TEST(drain_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
