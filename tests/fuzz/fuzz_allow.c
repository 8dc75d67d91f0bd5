// SPDX-License-Identifier: EUPL-1.2
// Lists of networks that webhooks may reach: what is taken never opens the guard for everything, and lets
// through exactly the addresses of its networks, at any port.
#include "fuzz.h"
#include "io/fetch_guard.h"

#include <arpa/inet.h>

static const char *refuses(const struct fetch_allow *allow, int family, const unsigned char *address)
{
    char text[INET6_ADDRSTRLEN];
    CHECK(inet_ntop(family, address, text, sizeof text) != NULL);
    return fetch_guard_refuses_text(allow, text, 8443);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fetch_allow allow;
    char *list = fuzz_string(data, size);
    int err = fetch_allow_parse(list, NULL, &allow);
    CHECK(err == ERR_OK || err == ERR_INVALID);
    for (unsigned i = 0; err == ERR_OK && i < allow.count; i++) {
        const struct fetch_net *n = &allow.nets[i];
        unsigned char inside[16];
        CHECK(n->family == AF_INET ? n->bits >= 8 && n->bits <= 32
                                   : n->family == AF_INET6 && n->bits >= 16 && n->bits <= 128);
        memcpy(inside, n->bytes, sizeof inside);
        CHECK(refuses(&allow, n->family, inside) == NULL);
        unsigned total = n->family == AF_INET ? 32 : 128;
        for (unsigned bit = n->bits; bit < total; bit++) {
            CHECK((inside[bit / 8] & 0x80 >> bit % 8) == 0);
            inside[bit / 8] = (unsigned char)(inside[bit / 8] | 0x80 >> bit % 8);
        }
        CHECK(refuses(&allow, n->family, inside) == NULL);
    }
    CHECK(err != ERR_OK || allow.count <= FETCH_ALLOW_MAX);
    free(list);
    return 0;
}
