// SPDX-License-Identifier: EUPL-1.2
// Private to io/fetch*.c: one libcurl multi handle driven by one libuv loop. Knows sockets, the timer and
// finished transfers; knows nothing of requests. A watched socket is one `struct watch`, freed in its
// handle's close callback.
#pragma once
#include "base/attr.h"
#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

struct fetch_loop {
    uv_loop_t *loop;
    CURLM *multi; // NULL: nothing was ever sent
    unsigned max_connections;
    uv_timer_t timer;
    uv_idle_t idle;         // runs when fetch_loop_soon() asked for a turn
    unsigned handles;       // open uv handles, these two included
    struct watch **watches; // by fd; NULL: not watched
    size_t watch_cap;
    bool expired; // libcurl's timer is due: the idle handle serves it
    bool closing;
    // A transfer has ended and is out of the multi handle. Called from the loop only, never from inside
    // libcurl.
    void (*on_ended)(struct fetch_loop *fl, CURL *easy, CURLcode result);
    // All that ended in this turn was told; also called for fetch_loop_soon(). May close the loop.
    void (*on_turn)(struct fetch_loop *fl);
    void (*on_closed)(struct fetch_loop *fl);
};

// max_connections: size of the connection cache. The callbacks are set by the caller before. libcurl itself
// starts with the first transfer: half a megabyte that a service at rest does not need.
void fetch_loop_open(struct fetch_loop *fl, uv_loop_t *loop, unsigned max_connections);
// Begins a transfer. ERR_NO_MEMORY.
MUST_CHECK int fetch_loop_add(struct fetch_loop *fl, CURL *easy);
// Opens a connection's socket, close-on-exec. CURL_SOCKET_BAD. Every easy handle whose sockets come from here
// has fetch_loop_shut_socket as its CURLOPT_CLOSESOCKETFUNCTION, with the loop as its data.
curl_socket_t fetch_loop_socket(struct fetch_loop *fl, int family, int type, int protocol);
int fetch_loop_shut_socket(void *fl, curl_socket_t fd);
// Asks for one on_turn in the next turn of the loop.
void fetch_loop_soon(struct fetch_loop *fl);
// No easy handle may be left inside. on_closed is called once, later, when every uv handle is closed.
void fetch_loop_close(struct fetch_loop *fl);
