// SPDX-License-Identifier: EUPL-1.2
// A link of the fault proxy: a listening port, where its connections lead, what is wrong with them in each
// direction, and the connections themselves. Either side may be in a network namespace of its own: a socket
// stays in the one it was made in.
#pragma once
#include "base/attr.h"
#include "base/list.h"
#include "flow.h"

#define LINK_NAME_MAX         31
#define LINK_CONNECT_LIMIT_MS 20000 // for reaching the other end; then the client is reset

enum way { WAY_UP, WAY_DOWN, WAYS }; // from the client to the server; back

struct link {
    char name[LINK_NAME_MAX + 1];
    struct toxics toxics[WAYS];
    unsigned open;        // connections now
    uint64_t total;       // and ever
    uint64_t bytes[WAYS]; // that came from either end
    unsigned port;        // it listens on
    unsigned max;         // connections at once; one more is reset
    struct list node;     // for the owner of the link
    // private
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct sockaddr_storage to; // sockaddr_un: a Unix socket
    int net;                    // the namespace of outgoing connections; -1 = the proxy's own
    uint64_t *dice;
    struct list connections;
    bool listening;
    unsigned users; // who still needs the struct
};

// from: ADDRESS:PORT[@NAMESPACE], port 0 = any; to: the same, or /PATH of a Unix socket. Addresses are IPv4
// in digits, a namespace is a path, or a name in /run/netns. dice: state of the proxy's chance, outlives the
// link. → 0 or a UV_E*.
MUST_CHECK int link_open(uv_loop_t *loop, const char *name, const char *from, const char *to, unsigned max,
                         uint64_t *dice, struct link **ret_link);
// Resets every connection and stops listening. The link is freed by the loop.
void link_close(struct link *l);
// After a change of toxics.
void link_step(struct link *l);
// Resets every connection. → their number
unsigned link_reset(struct link *l);
