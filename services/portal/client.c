// SPDX-License-Identifier: EUPL-1.2
// Who is at the other end, and how often it came.
#include "base/clock.h"
#include "io/crypto.h"
#include "portal/portal.h"

#include <stdio.h>
#include <string.h>

// The text of an address in canonical form, IPv6 cut to its /64 and IPv4 in IPv6 unwrapped; false: no
// address.
static bool canonical(const char *text, size_t len, char out[INET6_ADDRSTRLEN])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char copy[INET6_ADDRSTRLEN];
    unsigned char a[16];
    if (len == 0 || len >= sizeof(copy))
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (uv_inet_pton(AF_INET, copy, a) == 0)
        return uv_inet_ntop(AF_INET, a, out, INET6_ADDRSTRLEN) == 0;
    if (uv_inet_pton(AF_INET6, copy, a) != 0)
        return false;
    if (memcmp(a, mapped, sizeof(mapped)) == 0)
        return uv_inet_ntop(AF_INET, a + sizeof(mapped), out, INET6_ADDRSTRLEN) == 0;
    memset(a + 8, 0, 8);
    return uv_inet_ntop(AF_INET6, a, out, INET6_ADDRSTRLEN) == 0;
}

void client_address(const char *peer, const char *forwarded, bool believed, char out[INET6_ADDRSTRLEN])
{
    // A proxy appends whom it saw; what stands before that, anybody may have written.
    if (believed && forwarded) {
        const char *last = strrchr(forwarded, ',');
        last = last ? last + 1 : forwarded;
        last += strspn(last, " \t");
        if (canonical(last, strcspn(last, " \t"), out))
            return;
    }
    if (!canonical(peer, strlen(peer), out))
        (void)snprintf(out, INET6_ADDRSTRLEN, "unknown");
}

void portal_client(const struct portal *p, const struct http_request *req, char out[INET6_ADDRSTRLEN])
{
    const char *peer = http_peer(req);
    bool believed = false;
    for (size_t i = 0; i < p->proxy_count; i++)
        believed = believed || strcmp(p->proxies[i], peer) == 0;
    client_address(peer, http_header(req, "x-forwarded-for"), believed, out);
}

struct limit_answer portal_meter(struct portal *p, enum portal_meter meter, const void *who, size_t len,
                                 bool take)
{
    const char tag = (char)meter;
    const struct crypto_part parts[] = {{&tag, 1}, {who, len}};
    const struct limit_rule *rules = meter == METER_LOOKUP   ? p->lookups
                                     : meter == METER_OFFICE ? p->offices
                                                             : p->strangers;
    unsigned char mac[SHA256_LEN];
    uint64_t key;
    crypto_hmac_sha256(p->limiter_key, sizeof(p->limiter_key), parts, ARRAY_LEN(parts), mac);
    memcpy(&key, mac, sizeof(key));
    return limiter_ask(p->limiter, key, rules, clock_mono_ms(), take);
}
