// SPDX-License-Identifier: EUPL-1.2
// Private to io/fetch*.c: which addresses a request may reach (quality B3.2). Everything is refused that the
// public internet does not route to one machine, unless the request's own list allows it.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define FETCH_ALLOW_MAX 16
#define FETCH_PORTS_MAX 16
#define FETCH_URL_MAX   2048 // bytes

struct fetch_net {
    int family;              // AF_INET, AF_INET6
    unsigned char bytes[16]; // 4 or 16 used
    unsigned bits;
};

// What a request may reach beyond port 443 of the public internet: networks, at any port, and ports.
struct fetch_allow {
    unsigned count;
    struct fetch_net nets[FETCH_ALLOW_MAX];
    bool any_port;
    unsigned port_count;
    uint16_t ports[FETCH_PORTS_MAX];
};

// list as in fetch_allow_valid, ports as in struct fetch; NULL: none. ERR_INVALID.
MUST_CHECK int fetch_allow_parse(const char *list, const char *ports, struct fetch_allow *ret_allow);
// The class of an address that is not public ("loopback", "private", …), or NULL for a public one. address: 4
// or 16 bytes.
const char *fetch_address_class(int family, const unsigned char *address);
// NULL when the request may connect there, else the class that forbids it, FETCH_PORT for its port.
#define FETCH_PORT "port"
const char *fetch_guard_refuses(const struct fetch_allow *allow, const struct sockaddr *to);
// The same for an address in text form; what is no address is refused.
const char *fetch_guard_refuses_text(const struct fetch_allow *allow, const char *text, unsigned port);

// Syntactic check: a host name whose address is still unknown may be one of an allowed network, at any port;
// the connection is judged again. On success host gets "scheme://host:port" in lower case, the key of
// per-host limits.
MUST_CHECK int fetch_url_check(const char *url, const struct fetch_allow *allow, char *ret_host,
                               size_t host_cap, char *why, size_t cap);

// A URL that has passed the check, and what it may reach. Immutable, counted: transfers and their callers
// share it.
struct fetch_target {
    unsigned refs;
    struct fetch_allow allow;
    char *url, *host; // behind the struct; host: "https://name:443"
};
