// SPDX-License-Identifier: EUPL-1.2
// The HTTP server: configuration of h2o, the listener, the drain, and the end. One h2o context per server.
// States: listening → draining → drained (told once) → disposed → freed, the last when no connection and no
// request is left.
#include "io/http.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/http_internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define H2O_REQ_TIMEOUT_MS 3600000 // h2o's own single time-out stays out of the way of the sweep's
#define MIN_ENTITY         4096    // body bytes read for a request that will be answered 404 or 405
#define HOST_MAX           64

struct route_handler {
    h2o_handler_t super;
    struct http_server *server;
};

static int on_request(h2o_handler_t *self, h2o_req_t *req)
{
    return http_request_begin(((struct route_handler *)self)->server, req);
}

static void setup_h2o(struct http_server *s)
{
    size_t max_body = MIN_ENTITY;
    for (size_t i = 0; i < s->route_count; i++) {
        CHECK(s->routes[i].path[0] == '/');
        if (s->routes[i].max_body > max_body)
            max_body = s->routes[i].max_body;
    }
    h2o_config_init(&s->conf);
    s->conf.server_name = h2o_iovec_init("", 0);
    s->conf.max_request_entity_size =
        max_body + 1; // h2o counts "at least" for chunked, "more than" otherwise
    s->conf.http1.upgrade_to_http2 = 0;
    s->conf.http1.req_timeout = H2O_REQ_TIMEOUT_MS;
    h2o_hostconf_t *host = h2o_config_register_host(&s->conf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    // Everything goes to the fallback path: routing is ours.
    struct route_handler *h =
        (struct route_handler *)h2o_create_handler(&host->fallback_path, sizeof(struct route_handler));
    h->super.on_req = on_request;
    h->server = s;
    http_problem_filter(&host->fallback_path);
    h2o_context_init(&s->ctx, s->loop, &s->conf);
    s->accept = (h2o_accept_ctx_t){.ctx = &s->ctx, .hosts = s->conf.hosts};
}

// ---- the end ----

// h2o_context_dispose() without its nested uv_run(), which must not be called from a callback. The memory of
// its timers is released a loop turn later.
static void dispose_context(h2o_context_t *ctx)
{
    h2o_context_dispose_pathconf_context(ctx, &ctx->globalconf->hosts[0]->fallback_path);
    free(ctx->_pathconfs_inited.entries);
    free(ctx->_module_configs);
    h2o_timeout_dispose(ctx->loop, &ctx->zero_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->one_sec_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->hundred_ms_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->handshake_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->http1.req_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->http2.idle_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->http2.graceful_shutdown_timeout);
    h2o_timeout_dispose(ctx->loop, &ctx->proxy.io_timeout);
    h2o_filecache_destroy(ctx->filecache);
    h2o_multithread_unregister_receiver(ctx->queue, &ctx->receivers.hostinfo_getaddr);
    h2o_multithread_destroy_queue(ctx->queue);
    if (ctx->_timestamp_cache.value)
        h2o_mem_release_shared(ctx->_timestamp_cache.value);
}

static void on_server_closed(uv_handle_t *h)
{
    struct http_server *s = CONTAINER_OF(h, struct http_server, sweep);
    h2o_config_dispose(&s->conf);
    free(s);
}

static void on_turn_closed(uv_handle_t *h)
{
    struct http_server *s = CONTAINER_OF(h, struct http_server, turn);
    uv_close((uv_handle_t *)&s->sweep, on_server_closed);
}

// One turn after dispose_context(): libuv has run the close callbacks of h2o's handles.
static void on_last_turn(uv_timer_t *t)
{
    struct http_server *s = CONTAINER_OF(t, struct http_server, sweep);
    uv_close((uv_handle_t *)&s->turn, on_turn_closed);
}

void http_server_step(struct http_server *s)
{
    if (!s->draining || s->disposed || s->listening)
        return;
    bool empty = s->connections == 0 && s->in_flight == 0 && s->lingers == 0;
    if (s->drained && (empty || clock_mono_ms() >= s->drain_until)) {
        void (*drained)(void *owner) = s->drained;
        s->drained = NULL;
        http_conn_close_all(s, true);
        drained(s->drained_owner);
        empty = s->connections == 0 && s->in_flight == 0 && s->lingers == 0;
    }
    if (empty && !s->drained && !s->disposed) {
        s->disposed = true;
        dispose_context(&s->ctx);
        // 1 ms, not 0: a zero timer started from a timer would still fire in this turn.
        (void)uv_timer_start(&s->sweep, on_last_turn, 1, 0);
    }
}

static void on_sweep(uv_timer_t *t)
{
    struct http_server *s = CONTAINER_OF(t, struct http_server, sweep);
    if (s->draining)
        http_conn_close_all(s, false);
    http_conn_sweep(s);
    http_server_step(s);
}

static void on_listener_closed(uv_handle_t *h)
{
    struct http_server *s = CONTAINER_OF(h, struct http_server, listener);
    s->listening = false;
}

void http_drain(struct http_server *s, int64_t limit_ms, void (*drained)(void *owner), void *owner)
{
    CHECK(!s->draining);
    s->draining = true;
    s->drained = drained;
    s->drained_owner = owner;
    s->drain_until = clock_mono_ms() + limit_ms;
    s->ctx.shutdown_requested = 1; // answers from now on say Connection: close
    uv_close((uv_handle_t *)&s->listener, on_listener_closed);
    (void)uv_timer_start(&s->sweep, on_sweep, 0, HTTP_DRAIN_STEP_MS);
}

// ---- the beginning ----

static void on_connection(uv_stream_t *st, int status)
{
    struct http_server *s = CONTAINER_OF(st, struct http_server, listener);
    if (status < 0)
        http_conn_accept_failed();
    else
        http_conn_accept(s);
}

// "127.0.0.1:8080", "[::1]:0"; numeric only: a name would have to be resolved, and may resolve to several.
static int parse_listen(const char *listen, struct sockaddr_storage *ret_addr)
{
    const char *colon = strrchr(listen, ':');
    char host[HOST_MAX], *end;
    if (!colon || (size_t)(colon - listen) >= sizeof(host))
        return ERR_INVALID;
    size_t len = (size_t)(colon - listen);
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || port > UINT16_MAX)
        return ERR_INVALID;
    bool v6 = len > 2 && listen[0] == '[' && listen[len - 1] == ']';
    memcpy(host, v6 ? listen + 1 : listen, v6 ? len - 2 : len);
    host[v6 ? len - 2 : len] = '\0';
    return v6 ? uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)ret_addr)
              : uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret_addr);
}

static int open_listener(struct http_server *s, const struct sockaddr *addr, bool reuse_port)
{
    uv_os_fd_t fd;
    int on = 1;
    if (reuse_port && (uv_fileno((uv_handle_t *)&s->listener, &fd) ||
                       setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on))))
        return ERR_IO;
    int err = uv_tcp_bind(&s->listener, addr, 0);
    if (!err)
        err = uv_listen((uv_stream_t *)&s->listener, HTTP_BACKLOG, on_connection);
    struct sockaddr_storage bound;
    int len = sizeof(bound);
    if (!err)
        err = uv_tcp_getsockname(&s->listener, (struct sockaddr *)&bound, &len);
    if (!err)
        s->port = ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                    : ((struct sockaddr_in *)&bound)->sin_port);
    return err;
}

static void on_failed_closed(uv_handle_t *h)
{
    free(CONTAINER_OF(h, struct http_server, listener));
}

int http_create(uv_loop_t *loop, const struct http_options *o, struct http_server **ret_server)
{
    struct sockaddr_storage addr;
    int err = parse_listen(o->listen, &addr);
    if (err)
        return err;
    // libuv writes without MSG_NOSIGNAL; a client that left must not end the process.
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return ERR_IO;
    struct http_server *s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NO_MEMORY;
    s->loop = loop;
    s->routes = o->routes;
    s->route_count = o->route_count;
    s->owner = o->owner;
    s->max_in_flight = o->max_in_flight;
    s->max_connections = o->max_connections;
    list_init(&s->conns);
    list_init(&s->ungated);
    err = uv_tcp_init_ex(loop, &s->listener, addr.ss_family);
    if (err) {
        free(s);
        return err;
    }
    err = open_listener(s, (struct sockaddr *)&addr, o->reuse_port);
    if (err) {
        uv_close((uv_handle_t *)&s->listener, on_failed_closed);
        return err;
    }
    s->listening = true;
    setup_h2o(s);
    (void)uv_timer_init(loop, &s->sweep);
    (void)uv_prepare_init(loop, &s->turn);
    (void)uv_timer_start(&s->sweep, on_sweep, HTTP_SWEEP_MS, HTTP_SWEEP_MS);
    *ret_server = s;
    return ERR_OK;
}

uint16_t http_port(const struct http_server *s)
{
    return s->port;
}
