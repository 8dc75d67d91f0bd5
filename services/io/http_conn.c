// SPDX-License-Identifier: EUPL-1.2
// Connections: accept, the lingering close, and the sweep that ends what h2o cannot see by itself
// (feasibility §1.2: dead writes, vanished clients, one time-out for header, body and keep-alive). A
// connection is freed in its close callback.
#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "io/http_internal.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RAW_MAX 1024 // bytes of a refusal that is written past h2o

// The second half of a refused connection: our side is shut, what the peer still sends is thrown away.
struct http_linger {
    uv_tcp_t tcp;
    uv_timer_t timer;
    struct http_server *server;
    struct http_conn *conn; // until h2o has closed its side
    size_t discarded;
    unsigned open_handles;
    char scratch[4096];
};

static struct metric connections_gauge = {
    .name = "duongthu_http_connections", .help = "Open HTTP connections", .kind = METRIC_GAUGE};
#define REFUSED(why)                                                                                         \
    {                                                                                                        \
        .name = "duongthu_http_refused_total", .labels = "reason=\"" why "\"",                               \
        .help = "Connections refused or cut", .kind = METRIC_COUNTER                                         \
    }
static struct metric refused_accept = REFUSED("accept");
static struct metric refused_many = REFUSED("connections");
static struct metric refused_slow = REFUSED("slow");
static struct metric refused_size = REFUSED("size");
static struct metric refused_head = REFUSED("head");
static struct metric refused_dead = REFUSED("dead-write");

static void register_metrics(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    metric_register(&connections_gauge);
    metric_register(&refused_accept);
    metric_register(&refused_many);
    metric_register(&refused_slow);
    metric_register(&refused_size);
    metric_register(&refused_head);
    metric_register(&refused_dead);
}

static int fd_of(const uv_tcp_t *tcp)
{
    uv_os_fd_t fd;
    return uv_fileno((const uv_handle_t *)tcp, &fd) == 0 ? fd : -1;
}

// A refusal sent behind h2o's back: only while h2o is not writing. Best effort; a full socket gets nothing.
static void send_raw(int fd, int status, const char *code, const char *title, const char *detail)
{
    struct buf body, out;
    buf_init(&body, RAW_MAX);
    buf_init(&out, RAW_MAX);
    http_problem_body(&body, status, code, title, detail);
    buf_printf(&out,
               "HTTP/1.1 %d %s\r\nConnection: close\r\n%sContent-Type: application/problem+json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               status, http_reason(status), status == 503 ? "Retry-After: 1\r\n" : "", body.len,
               buf_str(&body));
    if (buf_error(&out) == ERR_OK)
        (void)send(fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_done(&body);
    buf_done(&out);
}

// ---- lingering close ----

static void on_linger_handle_closed(uv_handle_t *h)
{
    struct http_linger *l = h->data;
    if (--l->open_handles > 0)
        return;
    struct http_server *s = l->server;
    free(l);
    s->lingers--;
    http_server_step(s);
}

static void linger_close(struct http_linger *l)
{
    if (uv_is_closing((uv_handle_t *)&l->timer))
        return;
    if (l->conn)
        l->conn->linger = NULL;
    uv_close((uv_handle_t *)&l->tcp, on_linger_handle_closed);
    uv_close((uv_handle_t *)&l->timer, on_linger_handle_closed);
}

static void on_linger_timer(uv_timer_t *t)
{
    linger_close(t->data);
}

static void on_linger_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct http_linger *l = h->data;
    *buf = uv_buf_init(l->scratch, sizeof(l->scratch));
}

static void on_linger_read(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    (void)buf;
    struct http_linger *l = st->data;
    if (n > 0)
        l->discarded += (size_t)n;
    if (n < 0 || l->discarded > HTTP_LINGER_BYTES)
        linger_close(l);
}

static struct http_linger *linger_create(struct http_server *s)
{
    struct http_linger *l = s->lingers < HTTP_LINGERS_MAX ? malloc(sizeof(*l)) : NULL;
    if (!l)
        return NULL;
    memset(l, 0, offsetof(struct http_linger, scratch));
    l->server = s;
    if (uv_tcp_init(s->loop, &l->tcp)) { // cannot fail without a socket to make
        free(l);
        return NULL;
    }
    (void)uv_timer_init(s->loop, &l->timer);
    l->tcp.data = l->timer.data = l;
    l->open_handles = 2;
    s->lingers++;
    (void)uv_timer_start(&l->timer, on_linger_timer, HTTP_LINGER_MS, 0);
    return l;
}

static void linger_start(struct http_linger *l)
{
    if (uv_read_start((uv_stream_t *)&l->tcp, on_linger_alloc, on_linger_read))
        linger_close(l);
}

void http_conn_linger(struct http_conn *c)
{
    if (c->linger)
        return;
    struct http_linger *l = linger_create(c->server);
    if (!l)
        return;
    int fd = dup(fd_of(&c->tcp));
    if (fd < 0 || uv_tcp_open(&l->tcp, fd)) {
        if (fd >= 0)
            (void)close(fd);
        linger_close(l);
        return;
    }
    l->conn = c;
    c->linger = l;
    linger_start(l);
}

// ---- accept ----

static void on_conn_closed(uv_handle_t *h)
{
    struct http_conn *c = CONTAINER_OF(h, struct http_conn, tcp);
    struct http_server *s = c->server;
    if (c->linger) {
        // h2o's descriptor is gone, ours keeps the connection: say that no more comes, hear the peer out.
        c->linger->conn = NULL;
        (void)shutdown(fd_of(&c->linger->tcp), SHUT_WR);
    }
    list_remove(&c->node);
    list_remove(&c->ungated);
    free(c);
    s->connections--;
    metric_add(&connections_gauge, -1);
    http_server_step(s);
}

static void on_refused_closed(uv_handle_t *h)
{
    free(h);
}

// Too many connections: a proper answer while we can afford one, else a plain close.
static void refuse_connection(struct http_server *s)
{
    metric_add(&refused_many, 1);
    struct http_linger *l = linger_create(s);
    if (l) {
        if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&l->tcp)) {
            linger_close(l);
            return;
        }
        int fd = fd_of(&l->tcp);
        send_raw(fd, 503, "overloaded", "Service unavailable", "Too many connections.");
        (void)shutdown(fd, SHUT_WR);
        linger_start(l);
        return;
    }
    uv_tcp_t *tcp = malloc(sizeof(*tcp));
    if (!tcp) {
        s->accept_owed = true;
        return;
    }
    (void)uv_tcp_init(s->loop, tcp);
    (void)uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)tcp);
    uv_close((uv_handle_t *)tcp, on_refused_closed);
}

static void peer_name(const uv_tcp_t *tcp, char *out, size_t cap)
{
    struct sockaddr_storage addr;
    int len = sizeof(addr);
    out[0] = '\0';
    if (uv_tcp_getpeername(tcp, (struct sockaddr *)&addr, &len) == 0)
        (void)uv_ip_name((struct sockaddr *)&addr, out, cap);
}

void http_conn_accept(struct http_server *s)
{
    register_metrics();
    if (s->connections >= s->max_connections) {
        refuse_connection(s);
        return;
    }
    struct http_conn *c = calloc(1, sizeof(*c));
    if (!c) {
        s->accept_owed = true;
        metric_add(&refused_accept, 1);
        return;
    }
    c->server = s;
    c->phase = PHASE_NONE;
    list_push(&s->conns, &c->node);
    list_init(&c->ungated);
    s->connections++;
    metric_add(&connections_gauge, 1);
    (void)uv_tcp_init(s->loop, &c->tcp);
    if (uv_accept((uv_stream_t *)&s->listener, (uv_stream_t *)&c->tcp)) {
        uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
        return;
    }
    (void)uv_tcp_nodelay(&c->tcp, 1);
    peer_name(&c->tcp, c->peer, sizeof(c->peer));
    h2o_socket_t *sock = h2o_uv_socket_create((uv_stream_t *)&c->tcp, on_conn_closed);
    sock->on_close.data = c; // no callback: only the way back from h2o's socket to ours
    h2o_accept(&s->accept, sock);
    http_gate_expect(c);
}

void http_conn_accept_failed(void)
{
    register_metrics();
    metric_add(&refused_accept, 1);
}

// ---- ending connections ----

static h2o_socket_t *sock_of(struct http_conn *c)
{
    return c->tcp.data;
}

// Idle or reading: h2o is told that the peer closed, which frees the connection at once.
static void end_reading(struct http_conn *c)
{
    h2o_socket_t *sock = sock_of(c);
    if (sock->_cb.read)
        sock->_cb.read(sock, h2o_socket_error_closed);
    else
        (void)shutdown(fd_of(&c->tcp), SHUT_RDWR); // a short write of h2o's own is under way and will fail
}

static void refuse_reading(struct http_conn *c, struct metric *why, int status, const char *code,
                           const char *title, const char *detail)
{
    metric_add(why, 1);
    if (!h2o_socket_is_writing(sock_of(c))) {
        send_raw(fd_of(&c->tcp), status, code, title, detail);
        http_conn_linger(c);
    }
    end_reading(c);
}

void http_conn_refuse(struct http_conn *c, const struct http_fault *fault)
{
    refuse_reading(c, &refused_head, fault->status, fault->code, fault->title, fault->detail);
}

// Writing: the pending write fails, and h2o must not go on with a next request.
static void end_writing(struct http_conn *c)
{
    c->slot->req->http1_is_persistent = 0;
    (void)shutdown(fd_of(&c->tcp), SHUT_RDWR);
}

// Working: the handler keeps its request, h2o gets an answer that goes nowhere and closes.
static void end_working(struct http_conn *c)
{
    h2o_req_t *req = c->slot->req;
    http_request_abandon(c->slot->request);
    (void)shutdown(fd_of(&c->tcp), SHUT_RDWR);
    h2o_send_error_503(req, "Service Unavailable", "gone", H2O_SEND_ERROR_HTTP1_CLOSE_CONNECTION);
}

void http_conn_close_all(struct http_server *s, bool cut)
{
    LIST_FOR(node, &s->conns)
    {
        struct http_conn *c = CONTAINER_OF(node, struct http_conn, node);
        if (uv_is_closing((uv_handle_t *)&c->tcp))
            continue;
        switch (http_conn_phase(c)) {
        case PHASE_IDLE:
            // Not end_reading(): a request may be on its way, and Linux still delivers what has arrived.
            (void)shutdown(fd_of(&c->tcp), SHUT_RD);
            break;
        case PHASE_READING:
            if (cut)
                end_reading(c);
            break;
        case PHASE_WORKING:
            if (cut)
                end_working(c);
            break;
        default:
            if (cut)
                end_writing(c);
        }
    }
}

// ---- sweep ----

enum http_phase http_conn_phase(const struct http_conn *c)
{
    const h2o_socket_t *sock = c->tcp.data;
    if (c->slot)
        return c->slot->request ? PHASE_WORKING : PHASE_WRITING;
    return sock->input->size > 0 ? PHASE_READING : PHASE_IDLE;
}

// The peer has closed or reset. Half-closing after a request is legal, but nobody who wants the answer does
// it; nginx reads it the same way.
static bool vanished(const struct http_conn *c)
{
    struct pollfd p = {.fd = fd_of(&c->tcp), .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL));
}

// libuv refuses a write on a stream that had a read error without ever calling back; h2o ignores the refusal
// and waits for ever. Two sweeps in a row without a writable stream and without queued bytes prove it.
static bool dead_write(struct http_conn *c)
{
    uv_stream_t *st = (uv_stream_t *)&c->tcp;
    if (!sock_of(c)->_cb.write || uv_is_writable(st) || uv_stream_get_write_queue_size(st) > 0) {
        c->strikes = 0;
        return false;
    }
    return ++c->strikes >= HTTP_DEAD_WRITES;
}

static void end_dead_write(struct http_conn *c)
{
    metric_add(&refused_dead, 1);
    h2o_socket_t *sock = sock_of(c);
    if (c->slot)
        c->slot->req->http1_is_persistent = 0;
    h2o_socket_cb cb = sock->_cb.write;
    sock->_cb.write = NULL;
    cb(sock, h2o_socket_error_io);
}

// One time-out of h2o's for header, body and keep-alive would be too short for one of them; these are ours.
static void check_reading(struct http_conn *c, int64_t now, size_t *buffered)
{
    const h2o_buffer_t *in = sock_of(c)->input;
    bool in_body = http_head_end(in->bytes, in->size < HTTP_HEAD_MAX ? in->size : HTTP_HEAD_MAX) > 0;
    int64_t budget_ms = HTTP_BODY_STALL_MS + (int64_t)(in->size * 1000 / HTTP_BODY_BYTES_S);
    *buffered += in->capacity;
    if (!in_body && in->size >= HTTP_HEAD_MAX)
        refuse_reading(c, &refused_size, 431, "headers-too-large", "Headers too large",
                       "The request head may have 16384 bytes.");
    else if (in_body ? now - c->progress_at > HTTP_BODY_STALL_MS || now - c->since > budget_ms
                     : now - c->since > HTTP_HEAD_MS)
        refuse_reading(c, &refused_slow, 408, "request-timeout", "Request timeout",
                       "The request came too slowly.");
    else if (*buffered > HTTP_BUFFERED_MAX && in->capacity > HTTP_BUFFERED_FAIR)
        refuse_reading(c, &refused_size, 503, "overloaded", "Service unavailable",
                       "Too many uploads at once. Try again.");
}

static void check_conn(struct http_conn *c, int64_t now, size_t *buffered)
{
    enum http_phase phase = http_conn_phase(c);
    size_t progress = phase == PHASE_READING   ? sock_of(c)->input->size
                      : phase == PHASE_WRITING ? uv_stream_get_write_queue_size((uv_stream_t *)&c->tcp)
                                               : 0;
    if (c->phase != phase) {
        c->phase = phase;
        c->since = now;
    }
    if (c->since == now || c->progress != progress) {
        c->progress = progress;
        c->progress_at = now;
    }
    if (dead_write(c)) {
        end_dead_write(c);
    } else if (phase == PHASE_IDLE && now - c->since > HTTP_IDLE_MS) {
        end_reading(c);
    } else if (phase == PHASE_READING) {
        check_reading(c, now, buffered);
    } else if (phase == PHASE_WORKING && vanished(c)) {
        end_working(c);
    } else if (phase == PHASE_WRITING && now - c->progress_at > HTTP_WRITE_STALL_MS) {
        metric_add(&refused_slow, 1);
        end_writing(c);
    }
}

void http_conn_sweep(struct http_server *s)
{
    int64_t now = clock_mono_ms();
    size_t buffered = 0;
    if (s->accept_owed && !s->draining) {
        s->accept_owed = false;
        http_conn_accept(s);
    }
    LIST_FOR(node, &s->conns)
    {
        struct http_conn *c = CONTAINER_OF(node, struct http_conn, node);
        if (!uv_is_closing((uv_handle_t *)&c->tcp))
            check_conn(c, now, &buffered);
    }
}
