// SPDX-License-Identifier: EUPL-1.2
// The SSRF guard: address classes as one table (quality B3.2, IANA special-purpose registries), allow lists
// and the check of a URL. URLs are read by libcurl's own parser, so guard and transfer never read one
// differently.
#include "io/fetch_guard.h"

#include "base/check.h"
#include "base/err.h"
#include "io/fetch.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A shorter prefix on an allow list would switch the guard off.
#define ALLOW_BITS4_MIN 8
#define ALLOW_BITS6_MIN 16
#define HTTPS_PORT      443

// The first match counts. IPv6 addresses that carry an IPv4 address inside are refused whole: the inner one
// would be reached by a way that no check sees.
static const struct {
    const char *net, *class;
} classes[] = {
    {"0.0.0.0/8", "this-network"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "carrier-nat"},
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"}, // also the metadata services of clouds
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "protocol-assignment"},
    {"192.0.2.0/24", "documentation"},
    {"192.88.99.0/24", "6to4-relay"},
    {"192.168.0.0/16", "private"},
    {"198.18.0.0/15", "benchmark"},
    {"198.51.100.0/24", "documentation"},
    {"203.0.113.0/24", "documentation"},
    {"224.0.0.0/4", "multicast"},
    {"255.255.255.255/32", "broadcast"},
    {"240.0.0.0/4", "reserved"},
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"::ffff:0:0/96", "ipv4-mapped"},
    {"64:ff9b::/96", "nat64"},
    {"64:ff9b:1::/48", "nat64"},
    {"fc00::/7", "private"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "site-local"},
    {"ff00::/8", "multicast"},
    {"2001::/32", "teredo"},
    {"2001::/23", "protocol-assignment"},
    {"2001:db8::/32", "documentation"},
    {"2002::/16", "6to4"},
    {"3fff::/20", "documentation"},
};
// All public unicast of IPv6 lies in 2000::/3; what is outside and unnamed above is not ours to try.
#define GLOBAL_UNICAST6_MASK 0xe0
#define GLOBAL_UNICAST6      0x20

static bool in_net(const struct fetch_net *net, int family, const unsigned char *address)
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    if (family != net->family || memcmp(address, net->bytes, whole) != 0)
        return false;
    return rest == 0 || (address[whole] ^ net->bytes[whole]) >> (8 - rest) == 0;
}

// "10.20.0.0/16" or a bare address; bits behind the prefix must be 0.
static int parse_net(const char *text, size_t len, struct fetch_net *ret_net)
{
    char copy[64];
    struct fetch_net net = {0};
    if (len == 0 || len >= sizeof copy)
        return ERR_INVALID;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *slash = strchr(copy, '/');
    if (slash)
        *slash = '\0';
    net.family = strchr(copy, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(net.family, copy, net.bytes) != 1)
        return ERR_INVALID;
    unsigned all = net.family == AF_INET ? 32 : 128;
    net.bits = all;
    if (slash) {
        char *end;
        unsigned long bits = strtoul(slash + 1, &end, 10);
        if (!isdigit((unsigned char)slash[1]) || *end || bits > all)
            return ERR_INVALID;
        net.bits = (unsigned)bits;
    }
    for (unsigned bit = net.bits; bit < all; bit++) {
        if (net.bytes[bit / 8] >> (7 - bit % 8) & 1)
            return ERR_INVALID;
    }
    *ret_net = net;
    return ERR_OK;
}

const char *fetch_address_class(int family, const unsigned char *address)
{
    static struct fetch_net nets[ARRAY_LEN(classes)];
    static bool parsed;
    for (size_t i = 0; !parsed && i < ARRAY_LEN(classes); i++)
        CHECK(parse_net(classes[i].net, strlen(classes[i].net), &nets[i]) == ERR_OK);
    parsed = true;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        if (in_net(&nets[i], family, address))
            return classes[i].class;
    }
    if (family == AF_INET)
        return NULL;
    if (family != AF_INET6)
        return "not-internet";
    return (address[0] & GLOBAL_UNICAST6_MASK) == GLOBAL_UNICAST6 ? NULL : "reserved";
}

static bool listed(const struct fetch_allow *allow, int family, const unsigned char *address)
{
    for (unsigned i = 0; i < allow->count; i++) {
        if (in_net(&allow->nets[i], family, address))
            return true;
    }
    return false;
}

static bool port_listed(const struct fetch_allow *allow, unsigned port)
{
    bool is_listed = allow->any_port || port == HTTPS_PORT;
    for (unsigned i = 0; i < allow->port_count; i++)
        is_listed = is_listed || allow->ports[i] == port;
    return is_listed;
}

static const char *refuses(const struct fetch_allow *allow, int family, const unsigned char *address,
                           unsigned port)
{
    if (listed(allow, family, address))
        return NULL;
    const char *class = fetch_address_class(family, address);
    return class || port_listed(allow, port) ? class : FETCH_PORT;
}

const char *fetch_guard_refuses(const struct fetch_allow *allow, const struct sockaddr *to)
{
    unsigned char address[16];
    in_port_t port;
    if (to->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, to, sizeof in);
        memcpy(address, &in.sin_addr, 4);
        port = in.sin_port;
    } else if (to->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, to, sizeof in6);
        memcpy(address, &in6.sin6_addr, 16);
        port = in6.sin6_port;
    } else {
        return "not-internet";
    }
    return refuses(allow, to->sa_family, address, ntohs(port));
}

const char *fetch_guard_refuses_text(const struct fetch_allow *allow, const char *text, unsigned port)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, text, address) == 1)
        return refuses(allow, AF_INET, address, port);
    if (inet_pton(AF_INET6, text, address) == 1)
        return refuses(allow, AF_INET6, address, port);
    return "not-internet";
}

// ---------------------------------------------------------------- allow lists

// "8443 9443"; configuration has checked it already (CONF_PORTS), callers of our own have not.
static int parse_ports(const char *ports, struct fetch_allow *allow)
{
    allow->any_port = strcmp(ports, FETCH_ANY_PORT) == 0;
    while (!allow->any_port && *(ports += strspn(ports, " \t"))) {
        char *end;
        unsigned long port = strtoul(ports, &end, 10);
        if (!isdigit((unsigned char)*ports) || port < 1 || port > UINT16_MAX ||
            (*end && *end != ' ' && *end != '\t') || allow->port_count == FETCH_PORTS_MAX)
            return ERR_INVALID;
        allow->ports[allow->port_count++] = (uint16_t)port;
        ports = end;
    }
    return ERR_OK;
}

int fetch_allow_parse(const char *list, const char *ports, struct fetch_allow *ret_allow)
{
    struct fetch_allow allow = {0};
    int err = parse_ports(ports ? ports : "", &allow);
    if (err)
        return err;
    if (!list)
        list = "";
    while (*list) {
        size_t len = strcspn(list, ",");
        if (allow.count == FETCH_ALLOW_MAX)
            return ERR_INVALID;
        struct fetch_net *net = &allow.nets[allow.count++];
        err = parse_net(list, len, net);
        if (err)
            return err;
        if (net->bits < (net->family == AF_INET ? ALLOW_BITS4_MIN : ALLOW_BITS6_MIN))
            return ERR_INVALID;
        list += len;
        if (*list == ',' && *++list == '\0')
            return ERR_INVALID;
    }
    *ret_allow = allow;
    return ERR_OK;
}

int fetch_allow_valid(const char *cidr_list)
{
    struct fetch_allow allow;
    return fetch_allow_parse(cidr_list, NULL, &allow);
}

// ---------------------------------------------------------------- URLs

static int deny(char *why, size_t cap, const char *sentence)
{
    (void)snprintf(why, cap, "%s", sentence);
    return ERR_DENIED;
}

// "[fd00::1]" → "fd00::1"; any other host as it is.
static void strip_brackets(char *host)
{
    size_t len = strlen(host);
    if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        host[len - 2] = '\0';
    }
}

struct url_parts {
    char *scheme, *user, *password, *host, *port, *zone;
};

static int check_parts(struct url_parts *p, const struct fetch_allow *allow, char *ret_host, size_t host_cap,
                       char *why, size_t cap)
{
    unsigned char address[16];
    bool tls = strcmp(p->scheme, "https") == 0;
    if (!tls && strcmp(p->scheme, "http") != 0)
        return deny(why, cap, "only http and https are spoken");
    if (p->user || p->password)
        return deny(why, cap, "a user name or password in the URL is not allowed");
    if (p->zone || p->host[0] == '\0' || strlen(p->host) > 255)
        return deny(why, cap, "the URL needs a host name");
    for (const char *c = p->host; *c; c++) { // percent-escapes are undone by now
        if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
            return deny(why, cap, "write other letters than ASCII in a host name as punycode (xn--…)");
    }
    if (strcmp(p->port, "0") == 0)
        return deny(why, cap, "port 0 is not allowed");
    char key[FETCH_URL_MAX];
    int len = snprintf(key, sizeof key, "%s://%s:%s", p->scheme, p->host, p->port);
    if (len < 0 || (size_t)len >= host_cap)
        return deny(why, cap, "the host name is too long");
    strip_brackets(p->host);
    int family = inet_pton(AF_INET, p->host, address) == 1    ? AF_INET
                 : inet_pton(AF_INET6, p->host, address) == 1 ? AF_INET6
                                                              : AF_UNSPEC;
    if (family != AF_UNSPEC && !listed(allow, family, address))
        return deny(why, cap, "an address instead of a host name must be on the allow list");
    if (!tls && family == AF_UNSPEC)
        return deny(why, cap, "http without TLS is spoken only to an address on the allow list; use https");
    bool named = family == AF_UNSPEC && allow->count > 0; // its address may be on the list
    if (family == AF_UNSPEC && !named && !port_listed(allow, (unsigned)strtoul(p->port, NULL, 10)))
        return deny(why, cap, "the port must be 443 or listed in [webhook] ports, or its network allowed");
    for (int i = 0; i <= len; i++)
        ret_host[i] = (char)tolower((unsigned char)key[i]);
    return ERR_OK;
}

static bool part(CURLU *u, CURLUPart which, unsigned flags, char **ret)
{
    return curl_url_get(u, which, ret, flags) == CURLUE_OK;
}

int fetch_url_check(const char *url, const struct fetch_allow *allow, char *ret_host, size_t host_cap,
                    char *why, size_t cap)
{
    if (strnlen(url, FETCH_URL_MAX + 1) > FETCH_URL_MAX)
        return deny(why, cap, "the URL is longer than 2,048 bytes");
    for (const char *c = url; *c; c++) {
        if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
            return deny(why, cap, "blanks, control characters and backslashes are not allowed in a URL");
        if ((unsigned char)*c > 0x7f) // libcurl would convert by the process's locale
            return deny(why, cap, "write other letters than ASCII as punycode (xn--…) or percent-encoded");
    }
    const char *host = strstr(url, "://"); // libcurl also takes one slash or three
    if (!host || host[3] == '/')
        return deny(why, cap, "not a URL with scheme, host and valid port");
    struct url_parts p = {0};
    CURLU *u = curl_url();
    int err = ERR_OK;
    if (!u || curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
        !part(u, CURLUPART_SCHEME, 0, &p.scheme) || !part(u, CURLUPART_HOST, 0, &p.host) ||
        !part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &p.port)) {
        err = deny(why, cap, "not a URL with scheme, host and valid port");
    } else {
        (void)part(u, CURLUPART_USER, 0, &p.user);
        (void)part(u, CURLUPART_PASSWORD, 0, &p.password);
        (void)part(u, CURLUPART_ZONEID, 0, &p.zone);
        err = check_parts(&p, allow, ret_host, host_cap, why, cap);
    }
    curl_free(p.scheme);
    curl_free(p.user);
    curl_free(p.password);
    curl_free(p.host);
    curl_free(p.port);
    curl_free(p.zone);
    curl_url_cleanup(u);
    return err;
}

int fetch_url_valid(const char *url, const char *cidr_list, const char *ports, char *why, size_t cap)
{
    struct fetch_allow allow;
    char host[FETCH_URL_MAX];
    if (fetch_allow_parse(cidr_list, ports, &allow) != ERR_OK)
        return deny(why, cap, "the allow list is not a list of networks, or the list of ports none of ports");
    return fetch_url_check(url, &allow, host, sizeof host, why, cap);
}

// ---------------------------------------------------------------- targets

int fetch_target_create(const char *url, const char *cidr_list, const char *ports,
                        struct fetch_target **ret_target, char *why, size_t cap)
{
    struct fetch_allow allow;
    char host[FETCH_URL_MAX];
    int err = fetch_allow_parse(cidr_list, ports, &allow);
    if (!err)
        err = fetch_url_check(url, &allow, host, sizeof host, why, cap);
    if (err)
        return err;
    size_t url_size = strlen(url) + 1, host_size = strlen(host) + 1;
    struct fetch_target *t = malloc(sizeof *t + url_size + host_size);
    if (!t)
        return ERR_NO_MEMORY;
    t->refs = 1;
    t->allow = allow;
    t->url = (char *)(t + 1);
    t->host = t->url + url_size;
    memcpy(t->url, url, url_size);
    memcpy(t->host, host, host_size);
    *ret_target = t;
    return ERR_OK;
}

struct fetch_target *fetch_target_ref(struct fetch_target *t)
{
    if (t)
        t->refs++;
    return t;
}

void fetch_target_unref(struct fetch_target *t)
{
    if (t && --t->refs == 0)
        free(t);
}
