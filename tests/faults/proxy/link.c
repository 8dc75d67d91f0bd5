// SPDX-License-Identifier: EUPL-1.2
#include "link.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define ADDRESS_MAX 200
#define BACKLOG     512

union end {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

// From the accept on: connecting, flowing in both directions, closing (its handles, one by one).
struct connection {
    struct link *link;
    struct list node;
    union end client, server;
    bool has_server;
    uv_timer_t deadline; // for connecting
    uv_connect_t connect;
    bool flowing; // connected
    struct flow flows[WAYS];
    unsigned handles; // open
    bool closing;
};

// ---- namespaces

static int open_net(const char *name)
{
    char path[ADDRESS_MAX];
    int n = snprintf(path, sizeof path, "%s%s", name[0] == '/' ? "" : "/run/netns/", name);
    if (n < 0 || (size_t)n >= sizeof path)
        return UV_ENAMETOOLONG;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : uv_translate_sys_error(errno);
}

// Makes a TCP socket in a namespace, -1 = our own. A process that can't come back is of no use to anybody.
static int make_socket(uv_loop_t *loop, int net, uv_tcp_t *ret_tcp)
{
    if (net < 0)
        return uv_tcp_init_ex(loop, ret_tcp, AF_INET);
    int home = open_net("/proc/self/ns/net");
    if (home < 0)
        return home;
    int err = setns(net, CLONE_NEWNET) == 0 ? 0 : uv_translate_sys_error(errno);
    if (!err) {
        err = uv_tcp_init_ex(loop, ret_tcp, AF_INET);
        CHECK(setns(home, CLONE_NEWNET) == 0);
    }
    CHECK(close(home) == 0);
    return err;
}

// A slice is a slice only when the kernel does not put it together with the next. And who vanished behind a
// cut is found out, in 19 s, as PostgreSQL and others do it: a link must not keep alive what its ends would
// have given up.
static int tune(uv_tcp_t *tcp)
{
    uv_os_fd_t fd = -1;
    const int idle_s = 10, interval_s = 3, count = 3;
    int err = uv_tcp_nodelay(tcp, 1);
    if (!err)
        err = uv_tcp_keepalive(tcp, 1, (unsigned)idle_s);
    if (!err)
        err = uv_fileno((const uv_handle_t *)tcp, &fd);
    if (!err && (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s) != 0 ||
                 setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count) != 0))
        err = uv_translate_sys_error(errno);
    return err;
}

// ---- one connection

// The last of its users frees it: its owner, its listener, its connections.
static void release(struct link *l)
{
    if (--l->users > 0)
        return;
    if (l->net >= 0)
        CHECK(close(l->net) == 0);
    free(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    if (--c->handles > 0)
        return;
    struct link *l = c->link;
    list_remove(&c->node);
    l->open--;
    free(c);
    release(l);
}

static void close_handle(struct connection *c, uv_handle_t *handle)
{
    handle->data = c;
    uv_close(handle, on_handle_closed);
}

// The other end of it shall hear a reset, not a goodbye. Unix sockets know no reset.
static void set_reset(const uv_handle_t *handle)
{
    uv_os_fd_t fd = -1;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (handle->type == UV_TCP && uv_fileno(handle, &fd) == 0)
        CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
}

static void close_connection(struct connection *c, bool reset)
{
    if (c->closing)
        return;
    c->closing = true;
    if (reset)
        set_reset(&c->client.handle);
    if (reset && c->has_server)
        set_reset(&c->server.handle);
    for (int way = 0; way < WAYS; way++) {
        c->flows[way].over = true;
        close_handle(c, (uv_handle_t *)&c->flows[way].timer);
    }
    close_handle(c, (uv_handle_t *)&c->deadline);
    close_handle(c, &c->client.handle);
    if (c->has_server)
        close_handle(c, &c->server.handle);
}

static void on_flow_end(struct flow *f, enum flow_end end)
{
    struct connection *c = f->owner;
    struct flow *back = &c->flows[f == &c->flows[WAY_UP] ? WAY_DOWN : WAY_UP];
    if (end == FLOW_BROKEN && !back->over)
        flow_break(back);
    else if (back->over || end == FLOW_CLOSED || end == FLOW_RESET)
        close_connection(c, end != FLOW_CLOSED && end != FLOW_DONE);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct connection *c = CONTAINER_OF(connect, struct connection, connect);
    if (c->closing)
        return;
    if (status < 0) {
        close_connection(c, true);
        return;
    }
    CHECK(uv_timer_stop(&c->deadline) == 0);
    c->flowing = true;
    for (int way = 0; way < WAYS && !c->closing; way++)
        flow_step(&c->flows[way]);
}

static void on_deadline(uv_timer_t *timer)
{
    close_connection(CONTAINER_OF(timer, struct connection, deadline), true);
}

static int connect_server(struct connection *c)
{
    struct link *l = c->link;
    bool tcp = l->to.ss_family == AF_INET;
    int err = tcp ? make_socket(l->loop, l->net, &c->server.tcp) : uv_pipe_init(l->loop, &c->server.pipe, 0);
    if (err)
        return err;
    c->has_server = true;
    c->handles++;
    if (!tcp) {
        uv_pipe_connect(&c->connect, &c->server.pipe, ((const struct sockaddr_un *)&l->to)->sun_path,
                        on_connected);
        return 0;
    }
    err = tune(&c->server.tcp);
    return err ? err
               : uv_tcp_connect(&c->connect, &c->server.tcp, (const struct sockaddr *)&l->to, on_connected);
}

static void init_flow(struct connection *c, enum way way, union end *from, union end *to)
{
    struct flow *f = &c->flows[way];
    f->owner = c;
    f->from = &from->stream;
    f->to = &to->stream;
    f->toxics = &c->link->toxics[way];
    f->bytes = &c->link->bytes[way];
    f->dice = c->link->dice;
    f->on_end = on_flow_end;
    flow_init(f, c->link->loop);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct link *l = listener->data;
    struct connection *c = status < 0 ? NULL : calloc(1, sizeof *c);
    if (!c)
        return;
    c->link = l;
    CHECK(uv_tcp_init(l->loop, &c->client.tcp) == 0 && uv_timer_init(l->loop, &c->deadline) == 0);
    init_flow(c, WAY_UP, &c->client, &c->server);
    init_flow(c, WAY_DOWN, &c->server, &c->client);
    c->handles = 4;
    list_push(&l->connections, &c->node);
    l->open++;
    l->users++;
    l->total++;
    int err = uv_accept(listener, &c->client.stream);
    if (!err)
        err = tune(&c->client.tcp);
    if (!err && l->open > l->max)
        err = UV_EMFILE;
    if (!err)
        err = connect_server(c);
    if (!err)
        err = uv_timer_start(&c->deadline, on_deadline, LINK_CONNECT_LIMIT_MS, 0);
    if (err)
        close_connection(c, true);
}

// ---- the link

// ADDRESS:PORT[@NAMESPACE]
static int parse_tcp(const char *text, struct sockaddr_in *ret_address, int *ret_net)
{
    char copy[ADDRESS_MAX];
    if (strlen(text) >= sizeof copy)
        return UV_ENAMETOOLONG;
    (void)snprintf(copy, sizeof copy, "%s", text);
    char *net = strchr(copy, '@');
    if (net)
        *net++ = '\0';
    char *port = strchr(copy, ':');
    if (!port)
        return UV_EINVAL;
    *port++ = '\0';
    char *rest = port;
    unsigned long number = strtoul(port, &rest, 10);
    if (rest == port || *rest || number > UINT16_MAX)
        return UV_EINVAL;
    int err = uv_ip4_addr(copy, (int)number, ret_address);
    if (err)
        return err;
    int fd = net ? open_net(net) : -1;
    if (net && fd < 0)
        return fd;
    *ret_net = fd;
    return 0;
}

static int parse_target(const char *text, struct link *l)
{
    l->net = -1;
    if (text[0] != '/')
        return parse_tcp(text, (struct sockaddr_in *)&l->to, &l->net);
    struct sockaddr_un *to = (struct sockaddr_un *)&l->to;
    if (strlen(text) >= sizeof to->sun_path)
        return UV_ENAMETOOLONG;
    to->sun_family = AF_UNIX;
    (void)snprintf(to->sun_path, sizeof to->sun_path, "%s", text);
    return 0;
}

static int listen_at(struct link *l, const char *from)
{
    struct sockaddr_in at;
    struct sockaddr_in got;
    int size = sizeof got;
    int net = -1;
    int err = parse_tcp(from, &at, &net);
    if (err)
        return err;
    err = make_socket(l->loop, net, &l->listener);
    if (net >= 0)
        CHECK(close(net) == 0);
    if (err)
        return err;
    l->listening = true;
    l->users++;
    l->listener.data = l;
    err = uv_tcp_bind(&l->listener, (const struct sockaddr *)&at, 0);
    if (!err)
        err = uv_listen((uv_stream_t *)&l->listener, BACKLOG, on_connection);
    if (!err)
        err = uv_tcp_getsockname(&l->listener, (struct sockaddr *)&got, &size);
    if (!err)
        l->port = ntohs(got.sin_port);
    return err;
}

int link_open(uv_loop_t *loop, const char *name, const char *from, const char *to, unsigned max,
              uint64_t *dice, struct link **ret_link)
{
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        return UV_ENOMEM;
    (void)snprintf(l->name, sizeof l->name, "%s", name);
    l->loop = loop;
    l->dice = dice;
    l->max = max;
    l->users = 1;
    list_init(&l->node);
    list_init(&l->connections);
    for (int way = 0; way < WAYS; way++)
        toxics_clear(&l->toxics[way]);
    int err = parse_target(to, l);
    if (!err)
        err = listen_at(l, from);
    if (err) {
        link_close(l);
        return err;
    }
    *ret_link = l;
    return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void link_close(struct link *l)
{
    list_remove(&l->node);
    (void)link_reset(l);
    if (l->listening)
        uv_close((uv_handle_t *)&l->listener, on_listener_closed);
    release(l);
}

void link_step(struct link *l)
{
    LIST_FOR(node, &l->connections)
    {
        struct connection *c = CONTAINER_OF(node, struct connection, node);
        for (int way = 0; way < WAYS && c->flowing && !c->closing; way++)
            flow_step(&c->flows[way]);
    }
}

unsigned link_reset(struct link *l)
{
    unsigned n = 0;
    LIST_FOR(node, &l->connections)
    {
        struct connection *c = CONTAINER_OF(node, struct connection, node);
        n += !c->closing;
        close_connection(c, true);
    }
    return n;
}
