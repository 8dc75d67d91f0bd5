// SPDX-License-Identifier: EUPL-1.2
// The gate before h2o's parser, in a real server on loopback: whatever the pieces in which bytes arrive, the
// first head gets the answer that our strict reading gives it, as a problem and from nobody else, and what
// the gate refuses reaches no handler. The first byte of an input is the size of the pieces (0: all at once).
#include "fuzz.h"
#include "io/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

#define BODY_MAX     64
#define QUIET_TURNS  12    // of the loop without a byte: all that is due was said
#define END_TURNS    20000 // until a connection that the client reset is gone
#define ANSWER_BYTES 65536

static uv_loop_t loop;
static struct http_server *server;
static unsigned handled;

struct answer {
    char bytes[ANSWER_BYTES + 1];
    size_t len;
    unsigned handled;
    int status; // of the first answer behind 100s, 0: none
    const char *head;
    size_t head_len;
};

static void on_request(struct http_request *r, void *owner)
{
    (void)owner;
    handled++;
    http_reply(r, 200, "application/json", "{}", 2);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct http_route routes[] = {{"GET", "/", on_request, 0},
                                               {"POST", "/v1/scans", on_request, BODY_MAX},
                                               {"GET", "/d/{}", on_request, 0}};
    const struct http_options o = {.listen = "127.0.0.1:0",
                                   .routes = routes,
                                   .route_count = ARRAY_LEN(routes),
                                   .max_in_flight = 16,
                                   .max_connections = 16};
    (void)argc;
    (void)argv;
    CHECK(uv_loop_init(&loop) == 0);
    CHECK(http_create(&loop, &o, &server) == ERR_OK);
    return 0;
}

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_port(server))};
    const struct linger reset = {.l_onoff = 1}; // else the ports of a long run would all wait in TIME_WAIT
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    CHECK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

// Takes what has come; false: nothing.
static bool hear(int fd, struct answer *out)
{
    char extra[4096];
    bool full = out->len == ANSWER_BYTES;
    ssize_t n = recv(fd, full ? extra : out->bytes + out->len, full ? sizeof extra : ANSWER_BYTES - out->len,
                     MSG_DONTWAIT);
    if (n > 0 && !full)
        out->len += (size_t)n;
    return n > 0;
}

static void listen_for_a_while(int fd, struct answer *out)
{
    for (unsigned quiet = 0; quiet < QUIET_TURNS; quiet++) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        if (hear(fd, out))
            quiet = 0;
    }
}

// Reads the first answer's head: our side of the wire is never garbage.
static void read_first(struct answer *a)
{
    const char *at = a->bytes;
    for (;;) {
        size_t left = a->len - (size_t)(at - a->bytes);
        if (left == 0)
            return;
        const char *end = memmem(at, left, "\r\n\r\n", 4);
        CHECK(end && left > 13 && memcmp(at, "HTTP/1.1 ", 9) == 0 && at[12] == ' ');
        a->status = (int)strtol(at + 9, NULL, 10);
        CHECK(a->status >= 100 && a->status < 600);
        a->head = at;
        a->head_len = (size_t)(end + 4 - at);
        if (a->status != 100)
            return;
        at = end + 4;
        a->status = 0;
    }
}

// Sends the bytes in pieces and takes what is answered.
static void talk(const char *bytes, size_t len, size_t piece, struct answer *out)
{
    int fd = dial();
    *out = (struct answer){.len = 0};
    handled = 0;
    for (size_t at = 0, n; at < len; at += n) {
        n = len - at < piece ? len - at : piece;
        if (send(fd, bytes + at, n, MSG_NOSIGNAL) != (ssize_t)n)
            break; // it closed: it has said why
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        (void)hear(fd, out);
    }
    listen_for_a_while(fd, out);
    CHECK(close(fd) == 0);
    for (unsigned turn = 0; server->connections > 0 || server->lingers > 0; turn++) {
        CHECK(turn < END_TURNS);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    out->handled = handled;
    read_first(out);
}

// What our strict reading says of the first head. *ret_len: its length, 0 while it is not whole.
static const struct http_fault *strictly(const char *bytes, size_t size, size_t *ret_len)
{
    static char copy[HTTP_HEAD_MAX + 1];
    struct http_head head;
    *ret_len = http_head_end(bytes, size < HTTP_HEAD_MAX ? size : HTTP_HEAD_MAX);
    if (*ret_len == 0)
        return http_head_begins(bytes, size);
    memcpy(copy, bytes, *ret_len);
    return http_head_parse(copy, *ret_len, &head);
}

static void check_answer(const struct answer *a, const struct http_fault *fault, size_t head_len)
{
    if (fault) {
        char code[80];
        (void)snprintf(code, sizeof code, "\"code\":\"%s\"", fault->code);
        CHECK(a->status == fault->status && a->handled == 0);
        CHECK(memmem(a->bytes, a->len, code, strlen(code)) != NULL);
    } else if (head_len == 0) {
        CHECK(a->len == 0 && a->handled == 0);
    }
    if (a->status >= 400)
        CHECK(memmem(a->head, a->head_len, "application/problem+json", 24) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct answer whole, pieces;
    if (size < 2)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t head_len, len = size - 1, piece = data[0] > 0 ? data[0] : len;
    const struct http_fault *fault = strictly(bytes, len, &head_len);
    talk(bytes, len, len, &whole);
    check_answer(&whole, fault, head_len);
    talk(bytes, len, piece, &pieces);
    check_answer(&pieces, fault, head_len);
    CHECK(whole.status == pieces.status);
    return 0;
}
