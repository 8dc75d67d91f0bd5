// SPDX-License-Identifier: EUPL-1.2
// The gate before h2o's parser, whose own refusal is a bare text/plain 400. It stands in h2o's read callback
// and lets a head through once it is whole and our strict reading takes it; what is none is refused as a
// problem. h2o sets its callback anew for every request, so a connection waits in server->ungated for the
// end of the loop turn to get its gate back. A request that is already there by then (pipelined) is read by
// h2o alone, and strictly in http_request_begin().
#include "io/http_internal.h"

#include <string.h>

static struct http_conn *conn_of(h2o_socket_t *sock)
{
    return sock->on_close.data;
}

static const struct http_fault *judge(const h2o_buffer_t *in, bool *ret_whole)
{
    static char copy[HTTP_HEAD_MAX];
    struct http_head head;
    size_t len = http_head_end(in->bytes, in->size < HTTP_HEAD_MAX ? in->size : HTTP_HEAD_MAX);
    *ret_whole = len > 0;
    if (len == 0)
        return http_head_begins(in->bytes, in->size);
    memcpy(copy, in->bytes, len);
    return http_head_parse(copy, len, &head);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct http_conn *c = conn_of(sock);
    bool whole = false;
    const struct http_fault *fault = err || c->let_through ? NULL : judge(sock->input, &whole);
    if (fault) {
        c->let_through = true; // what ends the connection now is for h2o
        http_conn_refuse(c, fault);
        return;
    }
    c->let_through = c->let_through || whole;
    // An unfinished head waits here; the sweep sees to it that it does not wait for long.
    if (err || c->let_through)
        c->h2o_read(sock, err);
}

static void set_gate(struct http_conn *c)
{
    h2o_socket_t *sock = c->tcp.data;
    if (c->slot || !sock->_cb.read || sock->_cb.read == on_read)
        return; // answered later: it comes again
    c->h2o_read = sock->_cb.read;
    c->let_through = false;
    sock->_cb.read = on_read;
}

static void on_turn(uv_prepare_t *turn)
{
    struct http_server *s = CONTAINER_OF(turn, struct http_server, turn);
    for (struct list *node; (node = list_pop(&s->ungated));) {
        struct http_conn *c = CONTAINER_OF(node, struct http_conn, ungated);
        if (!uv_is_closing((uv_handle_t *)&c->tcp))
            set_gate(c);
    }
    (void)uv_prepare_stop(turn);
}

void http_gate_expect(struct http_conn *c)
{
    struct http_server *s = c->server;
    list_remove(&c->ungated);
    list_push(&s->ungated, &c->ungated);
    (void)uv_prepare_start(&s->turn, on_turn); // fails only without a callback
}
