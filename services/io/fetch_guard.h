// SPDX-License-Identifier: EUPL-1.2
// Private to io/fetch*.c: which addresses a request may reach (quality B3.2). Everything is refused that the
// public internet does not route to one machine, unless the request's own list allows it.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <sys/socket.h>

#define FETCH_ALLOW_MAX 16
#define FETCH_URL_MAX   2048 // bytes

struct fetch_net {
    int family;              // AF_INET, AF_INET6
    unsigned char bytes[16]; // 4 or 16 used
    unsigned bits;
};

struct fetch_allow {
    unsigned count;
    struct fetch_net nets[FETCH_ALLOW_MAX];
};

MUST_CHECK int fetch_allow_parse(const char *list, struct fetch_allow *ret_allow);
// The class of an address that is not public ("loopback", "private", …), or NULL for a public one. address: 4
// or 16 bytes.
const char *fetch_address_class(int family, const unsigned char *address);
// NULL when the request may connect there, else the class that forbids it.
const char *fetch_guard_refuses(const struct fetch_allow *allow, const struct sockaddr *to);
// The same for an address in text form; what is no address is refused.
const char *fetch_guard_refuses_text(const struct fetch_allow *allow, const char *text);

// Syntactic check; on success host gets "scheme://host:port" in lower case, the key of per-host limits.
MUST_CHECK int fetch_url_check(const char *url, const struct fetch_allow *allow, char *ret_host,
                               size_t host_cap, char *why, size_t cap);
