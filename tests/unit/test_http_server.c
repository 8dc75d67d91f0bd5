// SPDX-License-Identifier: EUPL-1.2
// Requests and answers of the HTTP server, over raw sockets: routing, framing, bodies, zero-length answers.
#include "http_fixture.h"

#include <zlib.h>

static void routing(void **state)
{
    (void)state;
    assert_int_equal(ask("GET /show/H61.100-260102-0001/thing?q=a%20b+c HTTP/1.1\r\n" H "X-Test: t\r\n\r\n"),
                     200);
    assert_non_null(
        strstr(answer, "GET|/show/H61.100-260102-0001/thing|H61.100-260102-0001|a b c|t|127.0.0.1"));
    assert_non_null(strstr(answer, "X-Split: a  X-Evil: b\r\n"));
    assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
    assert_null(strstr(answer, "Server:"));
    // An encoded slash stays inside its segment.
    assert_int_equal(ask("GET /show/a%2Fb/thing HTTP/1.1\r\n" H "\r\n"), 200);
    assert_non_null(strstr(answer, "/show/a/b/thing|a/b|"));
    assert_int_equal(ask("GET /sh%6fw/x/thing HTTP/1.1\r\n" H "\r\n"), 200);
    assert_int_equal(ask("GET http://a/show/x/thing HTTP/1.1\r\n" H "\r\n"), 200);
    static const char *const missing[] = {"/show//thing", "/show/a/thing/",
                                          "/show/a",      "/nothing",
                                          "/show/../x",   "//",
                                          "/show/a/thin", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        char request[256];
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" H "\r\n", missing[i]);
        assert_int_equal(ask(request), 404);
        assert_non_null(strstr(answer, "\"code\":\"not-found\""));
        assert_non_null(strstr(answer, "Content-Type: application/problem+json\r\n"));
    }
    assert_int_equal(ask("DELETE /hold HTTP/1.1\r\n" H "\r\n"), 405);
    assert_non_null(strstr(answer, "Allow: GET, HEAD, POST\r\n"));
    static const char *const bad[] = {"/%", "/%zz", "/%ff", "/a%00b", "/a%0ab", "/?a=%", "/?%ff=1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char request[256];
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" H "\r\n", bad[i]);
        assert_int_equal(ask(request), 400);
        assert_non_null(strstr(answer, "\"code\":\"malformed-request\""));
    }
}

// Hole 3: what h2o frames leniently is refused, and the connection is closed.
static void smuggling(void **state)
{
    (void)state;
    static const struct {
        const char *request, *code;
    } cases[] = {
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "ambiguous-length"},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
         "ambiguous-length"},
        {"POST /echo HTTP/1.1\r\n" H
         "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         "ambiguous-length"},
        {"GET / HTTP/1.1\r\n\r\n", "missing-host"},
        {"GET / HTTP/1.1\r\n" H " folded\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\nHost: a\n\n", "malformed-request"},
        {"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", "malformed-request"},
        {"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed-request"},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: x\r\n\r\n", "ambiguous-length"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int fd = client_open();
        char all[1024];
        (void)snprintf(all, sizeof(all), "%sGET /status/200 HTTP/1.1\r\n" H "\r\n", cases[i].request);
        client_send(fd, all);
        assert_int_equal(client_read(fd), 400);
        char code[64];
        (void)snprintf(code, sizeof(code), "\"code\":\"%s\"", cases[i].code);
        assert_non_null(strstr(answer, code));
        assert_non_null(strstr(answer, "Connection: close\r\n"));
        client_expect_end(fd);
        assert_int_equal(handled, 0);
        (void)close(fd);
    }
}

static void heads_too_large(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_puts(&b, "GET / HTTP/1.1\r\n" H "X: ");
    for (int i = 0; i < HTTP_HEAD_MAX; i++)
        buf_putc(&b, 'x');
    int fd = client_open();
    (void)uv_timer_stop(&server->sweep); // an endless head is refused at once, before it can fill the memory
    (void)client_put(fd, b.data, b.len);
    assert_int_equal(client_read(fd), 431);
    client_expect_end(fd);
    (void)close(fd);
    buf_puts(&b, "\r\n\r\n"); // finished: the second reading refuses it
    assert_int_equal(ask(buf_str(&b)), 431);
    assert_non_null(strstr(answer, "\"code\":\"headers-too-large\""));
    buf_done(&b);
}

// No HTTP/2 (hole 2): neither by prior knowledge nor by upgrade.
static void no_http2(void **state)
{
    (void)state;
    assert_int_equal(ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 400);
    assert_int_equal(ask("GET /status/200 HTTP/1.1\r\n" H
                         "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                         "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
                     200);
    assert_non_null(strstr(answer, "HTTP/1.1 200"));
}

// libuv asserts on writes of zero buffers (style.md §5 g); keep-alive must survive each of them.
static void zero_length(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        int status;
        const char *length;
        bool bodiless;
    } cases[] = {
        {"GET /status/204 HTTP/1.1\r\n" H "\r\n", 204, NULL, true},
        {"HEAD /status/204 HTTP/1.1\r\n" H "\r\n", 204, NULL, true},
        {"GET /status/304 HTTP/1.1\r\n" H "\r\n", 304, NULL, true},
        {"GET /status/200 HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 0\r\n", false},
        {"HEAD /status/200 HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 0\r\n", true},
        {"HEAD /show/x/thing HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: 34\r\n", true},
        {"HEAD /none HTTP/1.1\r\n" H "\r\n", 404, "Content-Length: ", true},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 200, "Content-Length: 0\r\n", false},
        {"POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200,
         "Content-Length: 0\r\n", false},
        {"POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 200, "Content-Length: 3\r\n", false},
    };
    int fd = client_open();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        client_send(fd, cases[i].request);
        assert_int_equal(client_read_as(fd, cases[i].bodiless), cases[i].status);
        assert_false(closed);
        assert_int_equal(http_head_end(answer, strlen(answer)) < strlen(answer),
                         !cases[i].bodiless && strcmp(cases[i].length, "Content-Length: 0\r\n") != 0);
        assert_null(strstr(answer, "chunked"));
        if (cases[i].length)
            assert_non_null(strstr(answer, cases[i].length));
        else
            assert_null(strstr(answer, "Content-Length"));
    }
    (void)close(fd);
    // HTTP/1.0 and explicit close.
    fd = client_open();
    client_send(fd, "GET /status/204 HTTP/1.0\r\n\r\n");
    assert_int_equal(client_read_as(fd, true), 204);
    client_expect_end(fd);
    (void)close(fd);
}

static void bodies(void **state)
{
    (void)state;
    char request[4096];
    (void)snprintf(request, sizeof(request), "POST /echo HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n%0*d",
                   MAX_BODY, MAX_BODY, 7);
    assert_int_equal(ask(request), 200);
    (void)snprintf(request, sizeof(request), "POST /echo HTTP/1.1\r\n" H "Content-Length: %d\r\n\r\n%0*d",
                   MAX_BODY + 1, MAX_BODY + 1, 7);
    assert_int_equal(ask(request), 413);
    assert_non_null(strstr(answer, "\"code\":\"body-too-large\""));
    assert_int_equal(ask("GET /hold HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx"), 413); // no body allowed
    assert_int_equal(ask("POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n"
                         "0\r\nTrailer: x\r\n\r\n"),
                     200);
    assert_string_equal(answer + http_head_end(answer, strlen(answer)), "abc");
    int fd = client_open(); // Expect: 100-continue
    client_send(fd, "POST /echo HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(client_read_as(fd, true), 100);
    client_send(fd, "xyz");
    assert_int_equal(client_read(fd), 200);
    (void)close(fd);
    assert_int_equal(ask("POST /echo HTTP/1.1\r\n" H "Expect: magic\r\nContent-Length: 3\r\n\r\nxyz"), 417);
    assert_non_null(strstr(answer, "\"code\":\"expectation-failed\""));
}

// A refusal in the middle of an upload must reach the peer: without the lingering close it is lost in a
// reset.
static void refused_upload(void **state)
{
    (void)state;
    for (int round = 0; round < 20; round++) {
        int fd = client_open();
        client_send(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 4000000\r\n\r\n");
        static char junk[4000000];
        assert_true(client_put(fd, junk, sizeof(junk))); // all is taken before the answer is read
        assert_int_equal(client_read(fd), 413);
        assert_non_null(strstr(answer, "\"code\":\"body-too-large\""));
        assert_non_null(strstr(answer, "\"status\":413"));
        client_expect_end(fd);
        (void)close(fd);
    }
    WAIT_FOR(server->lingers == 0 && server->connections == 0);
    assert_int_equal(handled, 0);
}

static size_t gzip_request(char *out, size_t cap, const char *coding, const void *data, size_t len)
{
    char packed[2048];
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const unsigned char *)data;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)packed;
    z.avail_out = sizeof(packed);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = sizeof(packed) - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    int head =
        snprintf(out, cap, "POST /echo HTTP/1.1\r\n" H "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
                 coding, n);
    memcpy(out + head, packed, n);
    return (size_t)head + n;
}

static void gzip_bodies(void **state)
{
    (void)state;
    static const char zeros[100000];
    static const struct {
        const char *coding;
        size_t len;
        int status;
        const char *code;
    } cases[] = {{"gzip", MAX_BODY, 200, NULL},
                 {"GZIP", 10, 200, NULL},
                 {"gzip", MAX_BODY + 1, 413, "body-too-large"},
                 {"gzip", sizeof(zeros), 413, "body-too-large"},
                 {"br", 10, 415, "unsupported-encoding"},
                 {"deflate", 10, 415, "unsupported-encoding"},
                 {"gzip, gzip", 10, 415, "unsupported-encoding"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char request[4096];
        size_t n = gzip_request(request, sizeof(request), cases[i].coding, zeros, cases[i].len);
        int fd = client_open();
        (void)client_put(fd, request, n);
        assert_int_equal(client_read(fd), cases[i].status);
        if (cases[i].code)
            assert_non_null(strstr(answer, cases[i].code));
        if (cases[i].status == 415)
            assert_non_null(strstr(answer, "Accept-Encoding: gzip, identity\r\n"));
        (void)close(fd);
    }
    assert_int_equal(
        ask("POST /echo HTTP/1.1\r\n" H "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"), 400);
    assert_non_null(strstr(answer, "malformed-body"));
}

static void pipelined(void **state)
{
    (void)state;
    int fd = client_open();
    client_send(fd, "POST /echo HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\n1POST /echo HTTP/1.1\r\n" H
                    "Transfer-Encoding: chunked\r\n\r\n1\r\n2\r\n0\r\n\r\nGET /show/3/thing HTTP/1.1\r\n" H
                    "\r\n");
    size_t len = 0;
    int64_t until = real_ms() + REAL_LIMIT;
    memset(answer, 0, sizeof(answer));
    while (!strstr(answer, "/show/3/thing|3|")) {
        ssize_t n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
        if (n > 0)
            len += (size_t)n;
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        assert_true(real_ms() < until);
    }
    assert_int_equal(handled, 2);
    (void)close(fd);
}

static void listen_errors(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "127.0.0.1",     "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x", "localhost:1", "[::1:80",
        "::1:80", "127.0.0.1:80x", ":80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_options o = {.listen = bad[i], .routes = routes, .route_count = 1};
        struct http_server *s;
        assert_true(http_create(&loop, &o, &s) < 0);
    }
    char taken[32];
    (void)snprintf(taken, sizeof(taken), "127.0.0.1:%u", http_port(server));
    struct http_options o = {.listen = taken, .routes = routes, .route_count = 1};
    struct http_server *s;
    assert_int_equal(http_create(&loop, &o, &s), UV_EADDRINUSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(routing), TEST(smuggling),      TEST(heads_too_large), TEST(no_http2),  TEST(zero_length),
        TEST(bodies),  TEST(refused_upload), TEST(gzip_bodies),     TEST(pipelined), TEST(listen_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
