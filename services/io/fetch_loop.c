// SPDX-License-Identifier: EUPL-1.2
// The wiring of libcurl and libuv. Traps it was built around (each has a test or a comment at its place): an
// error status stops a poll handle for good; the fd must be unwatched before libcurl closes it; a timer that
// asks for 0 ms from its own callback would never let libuv 1.44 poll; finished transfers are read after
// every action, also the last.
//
// libcurl forgets a connection's socket with each answer and asks for it with the next request, which in
// libuv costs five system calls. So the socket of a connection that has carried a request stays watched until
// fetch_loop_shut_socket(). For no other: those of its resolver, and those of attempts to connect that came
// to nothing, libcurl (7.88) closes itself and tells us afterwards, or opens the next one under the same
// number.
#include "io/fetch_loop.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct watch {
    uv_poll_t poll;
    struct fetch_loop *fl;
    curl_socket_t fd;
    ino_t socket;   // which one has the number fd: the number may be another's before libcurl tells us
    bool connected; // a request went out on it: lives as long as its socket
    int wanted;     // UV_READABLE | UV_WRITABLE that libcurl waits for; 0 between two requests
    int polled;     // what the handle polls for; the same, or readable between two requests
};

static void handle_closed(struct fetch_loop *fl)
{
    if (--fl->handles > 0)
        return;
    free(fl->watches);
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
        w->polled = 0; // the handle has stopped
    if (!w->wanted) {  // the peer has ended a connection that nobody uses; libcurl sees it when it wants to
        (void)uv_poll_stop(poll);
        w->polled = 0;
        return;
    }
    if (status < 0)
        what = CURL_CSELECT_ERR; // libcurl looks at the socket and ends the transfer
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

// "Now" is the idle handle's next turn: a timer of 1 ms let the loop sleep with requests in hand.
static int on_curl_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    (void)multi;
    struct fetch_loop *fl = ctx;
    if (fl->closing)
        return 0;
    fl->expired = timeout_ms == 0;
    if (timeout_ms <= 0) {
        if (fl->expired)
            fetch_loop_soon(fl);
        return uv_timer_stop(&fl->timer);
    }
    return uv_timer_start(&fl->timer, on_timeout, (uint64_t)timeout_ms, 0) == 0 ? 0 : -1;
}

// ---------------------------------------------------------------- sockets

static struct watch *find_watch(const struct fetch_loop *fl, curl_socket_t fd)
{
    return (size_t)fd < fl->watch_cap ? fl->watches[fd] : NULL;
}

static bool make_place(struct fetch_loop *fl, curl_socket_t fd)
{
    size_t cap = fl->watch_cap ? fl->watch_cap : 64;
    while (cap <= (size_t)fd)
        cap *= 2;
    if (cap == fl->watch_cap)
        return true;
    struct watch **longer = realloc(fl->watches, cap * sizeof(struct watch *));
    if (!longer)
        return false;
    memset(longer + fl->watch_cap, 0, (cap - fl->watch_cap) * sizeof(struct watch *));
    fl->watches = longer;
    fl->watch_cap = cap;
    return true;
}

// 0: closed.
static ino_t socket_id(curl_socket_t fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static struct watch *watch_open(struct fetch_loop *fl, curl_socket_t fd)
{
    struct watch *w = make_place(fl, fd) ? calloc(1, sizeof *w) : NULL;
    if (!w || uv_poll_init_socket(fl->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->fd = fd;
    w->fl = fl;
    w->socket = socket_id(fd);
    fl->watches[fd] = w;
    fl->handles++;
    return w;
}

static void watch_close(struct watch *w)
{
    (void)uv_poll_stop(&w->poll); // before the fd is closed, else libuv aborts
    w->fl->watches[w->fd] = NULL;
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

static void watch_poll(struct watch *w, int wanted)
{
    w->wanted = wanted;
    if (wanted != w->polled && uv_poll_start(&w->poll, wanted, on_poll) == 0)
        w->polled = wanted;
}

// Has the transfer sent its request on it, and is it still open?
static bool is_connected(const struct watch *w, CURL *easy)
{
    curl_off_t sent_us = 0;
    return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us) == CURLE_OK && sent_us > 0 &&
           socket_id(w->fd) == w->socket;
}

// A socket that can't be watched is not fatal to the others (-1 would kill the whole multi handle): its
// transfer ends by its own deadline.
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    (void)socket_ctx;
    struct fetch_loop *fl = ctx;
    struct watch *w = find_watch(fl, fd);
    if (what == CURL_POLL_REMOVE) {
        if (!w)
            return 0;
        w->wanted = 0;
        w->connected = w->connected || is_connected(w, easy);
        if (!w->connected)
            watch_close(w);
        return 0;
    }
    if (w || (w = watch_open(fl, fd)) != NULL)
        watch_poll(w, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
    return 0;
}

curl_socket_t fetch_loop_socket(struct fetch_loop *fl, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    // Of an attempt that failed in this very turn: libcurl takes the new socket for the old one and won't say
    // again what it waits for.
    struct watch *stale = find_watch(fl, fd);
    if (!stale)
        return fd;
    int wanted = stale->wanted;
    watch_close(stale);
    struct watch *w = watch_open(fl, fd);
    if (w && wanted)
        watch_poll(w, wanted);
    return fd;
}

int fetch_loop_shut_socket(void *fl, curl_socket_t fd)
{
    struct watch *w = find_watch(fl, fd);
    if (w)
        watch_close(w);
    return close(fd);
}

static void on_idle(uv_idle_t *idle)
{
    struct fetch_loop *fl = idle->data;
    (void)uv_idle_stop(idle);
    if (!fl->expired) {
        fl->on_turn(fl);
        return;
    }
    fl->expired = false;
    act(fl, CURL_SOCKET_TIMEOUT, 0);
}

void fetch_loop_soon(struct fetch_loop *fl)
{
    if (!fl->closing)
        (void)uv_idle_start(&fl->idle, on_idle);
}

static int open_multi(struct fetch_loop *fl)
{
    static bool started;
    if (!started && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_NO_MEMORY;
    started = true;
    CURLM *multi = curl_multi_init();
    if (!multi)
        return ERR_NO_MEMORY;
    CURLMcode m = curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    m = m ? m : curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, fl);
    m = m ? m : curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    m = m ? m : curl_multi_setopt(multi, CURLMOPT_TIMERDATA, fl);
    m = m ? m : curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    m = m ? m : curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)fl->max_connections);
    if (m != CURLM_OK) {
        (void)curl_multi_cleanup(multi);
        return ERR_NO_MEMORY;
    }
    fl->multi = multi;
    return ERR_OK;
}

int fetch_loop_add(struct fetch_loop *fl, CURL *easy)
{
    int err = fl->multi ? ERR_OK : open_multi(fl);
    if (err)
        return err;
    return curl_multi_add_handle(fl->multi, easy) == CURLM_OK ? ERR_OK : ERR_NO_MEMORY;
}

void fetch_loop_open(struct fetch_loop *fl, uv_loop_t *loop, unsigned max_connections)
{
    fl->loop = loop;
    fl->max_connections = max_connections;
    fl->closing = fl->expired = false;
    fl->multi = NULL;
    fl->watches = NULL;
    fl->watch_cap = 0;
    (void)uv_timer_init(loop, &fl->timer); // these two cannot fail
    (void)uv_idle_init(loop, &fl->idle);
    fl->timer.data = fl->idle.data = fl;
    fl->handles = 2;
}

void fetch_loop_close(struct fetch_loop *fl)
{
    fl->closing = true;
    if (fl->multi)
        (void)curl_multi_cleanup(fl->multi); // closes connections: the loop runs on until they are unwatched
    for (size_t i = 0; i < fl->watch_cap; i++) {
        if (fl->watches[i]) // of an attempt to connect: libcurl closed its socket without a word
            watch_close(fl->watches[i]);
    }
    uv_close((uv_handle_t *)&fl->timer, on_own_closed);
    uv_close((uv_handle_t *)&fl->idle, on_own_closed);
}
