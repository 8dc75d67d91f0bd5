// SPDX-License-Identifier: EUPL-1.2
// The wiring of libcurl and libuv. Traps it was built around (each has a test or a comment at its place): an
// error status stops a poll handle for good; the fd must be unwatched before libcurl closes it; a timer that
// asks for 0 ms from its own callback would never let libuv 1.44 poll; finished transfers are read after
// every action, also the last.
#include "io/fetch_loop.h"

#include "base/err.h"

#include <stdlib.h>

struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
    struct fetch_loop *fl;
};

static void handle_closed(struct fetch_loop *fl)
{
    if (--fl->handles == 0)
        fl->on_closed(fl);
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    struct fetch_loop *fl = w->fl;
    free(w);
    handle_closed(fl);
}

static void on_own_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void act(struct fetch_loop *fl, curl_socket_t fd, int what)
{
    int running; // libcurl wants a place for it
    (void)curl_multi_socket_action(fl->multi, fd, what, &running);
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(fl->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURL *easy = msg->easy_handle;
        CURLcode result = msg->data.result; // msg dies with the removal
        (void)curl_multi_remove_handle(fl->multi, easy);
        fl->on_ended(fl, easy, result);
    }
    fl->on_turn(fl);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int what = 0;
    if (w->fl->closing)
        return;
    if (status < 0)
        what = CURL_CSELECT_ERR; // the handle has stopped; libcurl looks at the socket and ends the transfer
    if (events & UV_READABLE)
        what |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        what |= CURL_CSELECT_OUT;
    act(w->fl, w->fd, what); // w may be closing now
}

static void on_timeout(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct fetch_loop *fl = ctx;
    if (fl->closing)
        return 0;
    if (timeout_ms < 0)
        return uv_timer_stop(&fl->timer);
    return uv_timer_start(&fl->timer, on_timeout, timeout_ms > 0 ? (uint64_t)timeout_ms : 1, 0) == 0 ? 0 : -1;
}

static struct watch *watch_open(struct fetch_loop *fl, curl_socket_t fd)
{
    struct watch *w = malloc(sizeof *w);
    if (!w || uv_poll_init_socket(fl->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->fd = fd;
    w->fl = fl;
    fl->handles++;
    return w;
}

// A socket that can't be watched is not fatal to the others (-1 would kill the whole multi handle): its
// transfer ends by its own deadline.
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)easy;
    struct fetch_loop *fl = ctx;
    struct watch *w = socket_ctx;
    if (what == CURL_POLL_REMOVE) {
        if (w) {
            (void)uv_poll_stop(&w->poll); // before libcurl closes the fd, else libuv aborts
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
            (void)curl_multi_assign(fl->multi, fd, NULL);
        }
        return 0;
    }
    if (!w) {
        w = watch_open(fl, fd);
        if (!w)
            return 0;
        (void)curl_multi_assign(fl->multi, fd, w);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    (void)uv_poll_start(&w->poll, events, on_poll);
    return 0;
}

static void on_idle(uv_idle_t *idle)
{
    struct fetch_loop *fl = idle->data;
    (void)uv_idle_stop(idle);
    fl->on_turn(fl);
}

void fetch_loop_soon(struct fetch_loop *fl)
{
    if (!fl->closing)
        (void)uv_idle_start(&fl->idle, on_idle);
}

int fetch_loop_open(struct fetch_loop *fl, uv_loop_t *loop, unsigned max_connections)
{
    static bool started;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_NO_MEMORY;
    started = true;
    fl->loop = loop;
    fl->closing = false;
    fl->multi = curl_multi_init();
    if (!fl->multi)
        return ERR_NO_MEMORY;
    CURLMcode m = curl_multi_setopt(fl->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    m = m ? m : curl_multi_setopt(fl->multi, CURLMOPT_SOCKETDATA, fl);
    m = m ? m : curl_multi_setopt(fl->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    m = m ? m : curl_multi_setopt(fl->multi, CURLMOPT_TIMERDATA, fl);
    m = m ? m : curl_multi_setopt(fl->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    m = m ? m : curl_multi_setopt(fl->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
    if (m != CURLM_OK) {
        (void)curl_multi_cleanup(fl->multi);
        return ERR_NO_MEMORY;
    }
    (void)uv_timer_init(loop, &fl->timer); // these two cannot fail
    (void)uv_idle_init(loop, &fl->idle);
    fl->timer.data = fl->idle.data = fl;
    fl->handles = 2;
    return ERR_OK;
}

void fetch_loop_close(struct fetch_loop *fl)
{
    fl->closing = true;
    (void)curl_multi_cleanup(fl->multi); // may still unwatch sockets: the loop runs on until they are closed
    uv_close((uv_handle_t *)&fl->timer, on_own_closed);
    uv_close((uv_handle_t *)&fl->idle, on_own_closed);
}
