// SPDX-License-Identifier: EUPL-1.2
#include "base/conf_value.h"

#include "base/check.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <string.h>

#define TEXT_MAX     1024 // bytes, where the table gives no maximum
#define DISTANCE_MAX 63   // bytes of the words that conf_distance() compares

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit time_units[] = {{"ms", 1},      {"s", 1000},     {"min", 60000},
                                         {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static bool is(const char *s, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(s, word, len) == 0;
}

// A decimal number with a unit of the list right behind it (one blank between is tolerated).
static int parse_number(const char *s, size_t len, const struct unit *units, int64_t *ret_number)
{
    bool negative = len > 0 && s[0] == '-';
    size_t i = negative;
    int64_t n = 0;
    size_t digits = 0;
    for (; i < len && s[i] >= '0' && s[i] <= '9'; i++, digits++) {
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, s[i] - '0', &n))
            return ERR_INVALID;
    }
    if (digits == 0)
        return ERR_INVALID;
    if (i + 1 < len && s[i] == ' ')
        i++;
    for (const struct unit *u = units; u->name; u++) {
        if (!is(s + i, len - i, u->name))
            continue;
        if (__builtin_mul_overflow(n, u->factor, &n))
            return ERR_INVALID;
        *ret_number = negative ? -n : n;
        return ERR_OK;
    }
    return ERR_INVALID;
}

static int parse_ranged(const struct conf_key *k, const char *s, size_t len, const struct unit *units,
                        int64_t *ret_number)
{
    int64_t n = 0;
    int err = parse_number(s, len, units, &n);
    if (err || n < k->min || n > k->max)
        return ERR_INVALID;
    *ret_number = n;
    return ERR_OK;
}

static int parse_time(const char *s, size_t len, int64_t *ret_minutes)
{
    if (len != 5 || s[2] != ':')
        return ERR_INVALID;
    for (size_t i = 0; i < 5; i++) {
        if (i != 2 && (s[i] < '0' || s[i] > '9'))
            return ERR_INVALID;
    }
    int hours = (s[0] - '0') * 10 + s[1] - '0';
    int minutes = (s[3] - '0') * 10 + s[4] - '0';
    if (hours > 23 || minutes > 59)
        return ERR_INVALID;
    *ret_minutes = hours * 60 + minutes;
    return ERR_OK;
}

static int parse_bool(const char *s, size_t len, int64_t *ret_value)
{
    bool yes = is(s, len, "true") || is(s, len, "yes");
    if (!yes && !is(s, len, "false") && !is(s, len, "no"))
        return ERR_INVALID;
    *ret_value = yes;
    return ERR_OK;
}

static int check_address(const char *s, size_t len)
{
    char host[64];
    const char *colon = memrchr(s, ':', len);
    if (!colon)
        return ERR_INVALID;
    size_t host_len = (size_t)(colon - s);
    bool six = host_len >= 2 && s[0] == '[' && colon[-1] == ']';
    if (six) {
        s++;
        host_len -= 2;
        len -= 1;
    }
    if (host_len == 0 || host_len >= sizeof host)
        return ERR_INVALID;
    memcpy(host, s, host_len);
    host[host_len] = '\0';
    unsigned char address[16];
    if (inet_pton(six ? AF_INET6 : AF_INET, host, address) != 1)
        return ERR_INVALID;
    int64_t port = 0;
    size_t port_len = (size_t)(s + len - colon - 1);
    if (port_len > 5 || parse_number(colon + 1, port_len, no_units, &port) || port < 0 || port > 65535)
        return ERR_INVALID;
    return ERR_OK;
}

// Is s one of the words in allowed ("a|b|c")? Its index, or -1.
static int find_word(const char *allowed, const char *s, size_t len)
{
    int index = 0;
    for (const char *at = allowed;; index++) {
        size_t word = strcspn(at, "|");
        if (word == len && memcmp(at, s, len) == 0)
            return index;
        if (!at[word])
            return -1;
        at += word + 1;
    }
}

static int check_ports(const char *s, size_t len)
{
    unsigned count = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] == ' ' || s[i] == '\t') {
            i++;
            continue;
        }
        size_t start = i;
        int64_t port = 0;
        while (i < len && s[i] != ' ' && s[i] != '\t')
            i++;
        if (i - start > 5 || parse_number(s + start, i - start, no_units, &port) || port < 1 ||
            port > 65535 || ++count > CONF_PORTS_MAX)
            return ERR_INVALID;
    }
    return ERR_OK;
}

static int check_words(const char *allowed, const char *s, size_t len)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < len;) {
        if (s[i] == ' ' || s[i] == '\t') {
            i++;
            continue;
        }
        size_t start = i;
        while (i < len && s[i] != ' ' && s[i] != '\t')
            i++;
        int index = find_word(allowed, s + start, i - start);
        CHECK(index < 64);
        if (index < 0 || (seen & UINT64_C(1) << index))
            return ERR_INVALID;
        seen |= UINT64_C(1) << index;
    }
    return ERR_OK;
}

static size_t text_max(const struct conf_key *k)
{
    return k->max > 0 ? (size_t)k->max : TEXT_MAX;
}

int conf_value_parse(const struct conf_key *k, const char *s, size_t len, int64_t *ret_number)
{
    *ret_number = 0;
    switch (k->type) {
    case CONF_TEXT:
        return len >= (size_t)k->min && len <= text_max(k) ? ERR_OK : ERR_INVALID;
    case CONF_CHOICE:
        return find_word(k->allowed, s, len) >= 0 ? ERR_OK : ERR_INVALID;
    case CONF_WORDS:
        return check_words(k->allowed, s, len);
    case CONF_PORTS:
        return check_ports(s, len);
    case CONF_INT:
        return parse_ranged(k, s, len, no_units, ret_number);
    case CONF_BOOL:
        return parse_bool(s, len, ret_number);
    case CONF_MS:
        return parse_ranged(k, s, len, time_units, ret_number);
    case CONF_BYTES:
        return parse_ranged(k, s, len, size_units, ret_number);
    case CONF_TIME:
        return parse_time(s, len, ret_number);
    case CONF_ADDR:
        return check_address(s, len);
    }
    return ERR_INVALID;
}

// The biggest unit that divides n.
static void put_number(struct buf *out, int64_t n, const struct unit *units)
{
    const struct unit *best = units;
    for (const struct unit *u = units; u->name; u++) {
        if (n % u->factor == 0 && (n != 0 || u->factor == 1))
            best = u;
    }
    buf_put_int(out, n / best->factor);
    buf_puts(out, best->name);
}

static void put_range(struct buf *out, const char *what, const struct conf_key *k, const struct unit *units)
{
    buf_puts(out, what);
    buf_puts(out, " from ");
    put_number(out, k->min, units);
    buf_puts(out, " to ");
    put_number(out, k->max, units);
}

static void put_words(struct buf *out, const char *what, const char *allowed)
{
    buf_puts(out, what);
    for (const char *at = allowed; *at; at++) {
        if (*at == '|')
            buf_puts(out, ", ");
        else
            buf_putc(out, *at);
    }
}

void conf_value_allowed(const struct conf_key *k, struct buf *out)
{
    switch (k->type) {
    case CONF_TEXT:
        buf_printf(out, "text of %lld to %zu bytes", (long long)k->min, text_max(k));
        break;
    case CONF_CHOICE:
        put_words(out, "one of: ", k->allowed);
        break;
    case CONF_WORDS:
        put_words(out, "each at most once, separated by blanks: ", k->allowed);
        break;
    case CONF_PORTS:
        buf_printf(out, "at most %d ports from 1 to 65535, separated by blanks", CONF_PORTS_MAX);
        break;
    case CONF_INT:
        put_range(out, "a whole number", k, no_units);
        break;
    case CONF_BOOL:
        buf_puts(out, "true, yes, false or no");
        break;
    case CONF_MS:
        put_range(out, "a duration with its unit (ms, s, min, h, d)", k, time_units);
        break;
    case CONF_BYTES:
        put_range(out, "a number of bytes (or with KiB, MiB, GiB)", k, size_units);
        break;
    case CONF_TIME:
        buf_puts(out, "a time of day from 00:00 to 23:59");
        break;
    case CONF_ADDR:
        buf_puts(out, "a numeric address and a port, such as 127.0.0.1:8080 or [::1]:8080");
        break;
    }
}

unsigned conf_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    if (a_len > DISTANCE_MAX || b_len > DISTANCE_MAX)
        return DISTANCE_MAX + 1;
    unsigned row[DISTANCE_MAX + 1]; // edits between a[0, i) and b[0, j), one i at a time
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned drop = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < drop ? change : drop;
        }
    }
    return row[b_len];
}
