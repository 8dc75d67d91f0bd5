// SPDX-License-Identifier: EUPL-1.2
// The misbehaving HTTP peer of test_fetch.c: one listener on the test's own loop; the first word of a
// request's path says what it answers. Included once.
#pragma once
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define PEER_MAX 64 // connections

struct peer_connection {
    uv_tcp_t tcp;
    char in[8192];
    size_t len;
    unsigned requests;
    bool closed;
};

static struct {
    uv_tcp_t listener;
    int port;
    unsigned connections, requests;
    struct peer_connection at[PEER_MAX];
    char last[8192]; // the last request as it came
} peer;

static void on_peer_closed(uv_handle_t *handle)
{
    ((struct peer_connection *)handle->data)->closed = true;
}

static void peer_close(struct peer_connection *c, bool reset)
{
    if (uv_is_closing((uv_handle_t *)&c->tcp))
        return;
    if (reset)
        (void)uv_tcp_close_reset(&c->tcp, on_peer_closed);
    else
        uv_close((uv_handle_t *)&c->tcp, on_peer_closed);
}

static void on_written(uv_write_t *w, int status)
{
    (void)status;
    free(w);
}

static void peer_send(struct peer_connection *c, const char *text)
{
    size_t len = strlen(text);
    uv_write_t *w = malloc(sizeof *w + len);
    char *copy = memcpy(w + 1, text, len);
    const uv_buf_t buf = uv_buf_init(copy, (unsigned)len);
    if (uv_write(w, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        free(w);
}

static void on_shut_down(uv_shutdown_t *s, int status)
{
    (void)status;
    free(s);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"

// What the first word of the path asks for.
static void peer_answer(struct peer_connection *c, const char *path)
{
    static char flood[70000];
    if (strncmp(path, "/ok", 3) == 0) {
        peer_send(c, OK_ANSWER);
    } else if (strncmp(path, "/busy", 5) == 0) {
        peer_send(
            c,
            "HTTP/1.1 100 Continue\r\nRetry-After: 1\r\n\r\nHTTP/1.1 429 Slow down\r\nReTry-AFTER:  120 \r\n"
            "webhook-delivery: abort-message\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(path, "/moved", 6) == 0) {
        peer_send(c, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
    } else if (strncmp(path, "/endless", 8) == 0) {
        memset(flood, 'x', sizeof flood - 1);
        peer_send(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n");
        peer_send(c, flood);
    } else if (strncmp(path, "/headers", 8) == 0) {
        peer_send(c, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 70; i++) {
            memset(flood, 'h', 1000);
            (void)snprintf(flood + 1000, 20, ": %d\r\n", i);
            peer_send(c, flood);
        }
    } else if (strncmp(path, "/interim", 8) == 0) {
        for (int i = 0; i < 4000; i++)
            peer_send(c, "HTTP/1.1 102 Processing\r\n\r\n");
    } else if (strncmp(path, "/broken", 7) == 0) {
        peer_send(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
        (void)uv_shutdown(malloc(sizeof(uv_shutdown_t)), (uv_stream_t *)&c->tcp, on_shut_down);
    } else if (strncmp(path, "/garbage", 8) == 0) {
        peer_send(c, "220 mail.example ESMTP\r\n");
    } else if (strncmp(path, "/close", 6) == 0) {
        peer_close(c, false);
    } else if (strncmp(path, "/reset", 6) == 0) {
        peer_close(c, true);
    } else if (strncmp(path, "/last", 5) == 0 && c->requests == 1) {
        peer_send(c, OK_ANSWER); // and the next request on this connection finds it closed
    } else if (strncmp(path, "/last", 5) == 0) {
        peer_close(c, false);
    } // "/silent" and the rest: never an answer
}

static void on_peer_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer_connection *c = stream->data;
    (void)buf;
    if (n < 0) {
        peer_close(c, false);
        return;
    }
    c->len += (size_t)n;
    c->in[c->len] = '\0';
    if (c->in[0] == 0x16) { // a TLS handshake: not here
        peer_close(c, false);
        return;
    }
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return;
    char *length = strcasestr(c->in, "content-length:");
    size_t body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    if (c->len < (size_t)(end + 4 - c->in) + body)
        return;
    memcpy(peer.last, c->in, sizeof peer.last);
    c->len = 0;
    c->requests++;
    peer.requests++;
    peer_answer(c, strchr(peer.last, ' ') + 1);
}

static void on_peer_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    struct peer_connection *c = handle->data;
    (void)hint;
    *buf = uv_buf_init(c->in + c->len, (unsigned)(sizeof c->in - 1 - c->len));
}

static void on_peer_connection(uv_stream_t *listener, int status)
{
    if (status != 0 || peer.connections == PEER_MAX)
        abort();
    struct peer_connection *c = &peer.at[peer.connections++];
    *c = (struct peer_connection){0};
    c->tcp.data = c;
    if (uv_tcp_init(listener->loop, &c->tcp) || uv_accept(listener, (uv_stream_t *)&c->tcp) ||
        uv_read_start((uv_stream_t *)&c->tcp, on_peer_alloc, on_peer_read))
        abort();
}

static int peer_open(uv_loop_t *loop)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof at;
    memset(&peer, 0, sizeof peer);
    if (uv_tcp_init(loop, &peer.listener) || uv_tcp_bind(&peer.listener, (struct sockaddr *)&at, 0) ||
        uv_listen((uv_stream_t *)&peer.listener, 64, on_peer_connection) ||
        uv_tcp_getsockname(&peer.listener, (struct sockaddr *)&at, &len))
        return -1;
    peer.port = ntohs(at.sin_port);
    return 0;
}

static void peer_close_all(void)
{
    uv_close((uv_handle_t *)&peer.listener, NULL);
    for (unsigned i = 0; i < peer.connections; i++)
        peer_close(&peer.at[i], false);
}
