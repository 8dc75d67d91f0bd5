// SPDX-License-Identifier: EUPL-1.2
// Order, sorted insertion and packing of trails. A record, big-endian:
//   0 time 6 | 6 stream 8 | 14 seq 4 | 18 lane 1 | 19 pos 6 | 25 kind, top bit = inherited | 26 words 2 | 28
//   place 4
// words: source 3 bits, leg 3, solution 3, listed 1, amounts follow 1. place: the container, or (office + 1)
// << 12 | reason. A second record with kind MONEY carries the three amounts plus one (0 = absent) in its
// first 18 bytes.
#include "domain/trail.h"

#include <stdlib.h>
#include <string.h>

#define MONEY     127U
#define INHERITED 0x80U
#define TIME_MAX  INT64_C(253402300799999)
#define SEEN(ok)                                                                                             \
    do {                                                                                                     \
        if (!(ok))                                                                                           \
            abort(); /* our own bug: never a peer's data, see trail_pack() */                                \
    } while (0)

void trail_fact_init(struct trail_fact *f)
{
    memset(f, 0, sizeof *f);
    f->office = TRAIL_OFFICE_0;
    f->charge = f->fee = f->remit = TRAIL_ABSENT;
}

uint16_t trail_reason(const char *code, size_t len)
{
    unsigned n = 0;
    if (len == 0)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (code[i] < '0' || code[i] > '9' || len > 4)
            return TRAIL_REASON_X;
        n = n * 10 + (unsigned)(code[i] - '0');
    }
    return n + 1 < TRAIL_REASON_X ? (uint16_t)(n + 1) : TRAIL_REASON_X;
}

#define LESS_MORE(a, b)                                                                                      \
    if ((a) != (b))                                                                                          \
    return (a) < (b) ? -1 : 1

int trail_compare(const struct trail_fact *a, const struct trail_fact *b)
{
    LESS_MORE(a->at, b->at);
    LESS_MORE(event_rank(a->kind), event_rank(b->kind));
    LESS_MORE(a->stream, b->stream);
    LESS_MORE(a->seq, b->seq);
    // Equal so far: two corrections of one fact, or one scan that states two things. The log decides.
    LESS_MORE(a->lane, b->lane);
    LESS_MORE(a->pos, b->pos);
    LESS_MORE(a->kind, b->kind);
    return 0;
}

// The first place whose fact does not come before f.
static size_t lower_bound(const struct trail_fact *facts, size_t n, const struct trail_fact *f)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (trail_compare(&facts[mid], f) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

enum trail_error trail_insert(struct trail_fact *facts, size_t *n, const struct trail_fact *f,
                              size_t *ret_index)
{
    size_t i = lower_bound(facts, *n, f);
    if (i < *n && trail_compare(&facts[i], f) == 0)
        return TRAIL_KNOWN;
    if (*n >= TRAIL_MAX)
        return TRAIL_FULL;
    memmove(&facts[i + 1], &facts[i], (*n - i) * sizeof *facts);
    facts[i] = *f;
    ++*n;
    if (ret_index)
        *ret_index = i;
    return TRAIL_OK;
}

size_t trail_find(const struct trail_fact *facts, size_t n, const struct trail_fact *f)
{
    size_t i = lower_bound(facts, n, f);
    return i < n && trail_compare(&facts[i], f) == 0 ? i : n;
}

static void put_be(uint8_t *p, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static bool has_container(unsigned kind)
{
    return kind == EVENT_ITEM_PUT_IN || kind == EVENT_ITEM_TAKEN_OUT;
}

static bool has_money(const struct trail_fact *f)
{
    return f->charge != TRAIL_ABSENT || f->fee != TRAIL_ABSENT || f->remit != TRAIL_ABSENT;
}

static bool in_range(const struct trail_fact *f)
{
    const int64_t money = (INT64_C(1) << 47);
    return f->at >= 0 && f->at <= TIME_MAX && f->pos >= 0 && f->pos <= TRAIL_POS_MAX && f->kind > 0 &&
           f->kind < MONEY && f->source <= SOURCE_TIMER && f->leg <= LEG_H &&
           f->solution <= SOLUTION_FORWARD && f->office <= TRAIL_OFFICE_0 && f->reason <= TRAIL_REASON_X &&
           f->charge >= -1 && f->charge < money && f->fee >= -1 && f->fee < money && f->remit >= -1 &&
           f->remit < money;
}

static void pack_one(const struct trail_fact *f, uint8_t r[TRAIL_RECORD])
{
    unsigned words = (unsigned)f->source << 13 | (unsigned)f->leg << 10 | (unsigned)f->solution << 7 |
                     (f->listed ? 1U : 0U) << 6 | (has_money(f) ? 1U : 0U) << 5;
    uint32_t office = f->office == TRAIL_OFFICE_0 ? 0 : f->office + 1;
    put_be(r, (uint64_t)f->at, 6);
    put_be(r + 6, f->stream, 8);
    put_be(r + 14, f->seq, 4);
    r[18] = f->lane;
    put_be(r + 19, (uint64_t)f->pos, 6);
    r[25] = (uint8_t)(f->kind | (f->inherited ? INHERITED : 0));
    put_be(r + 26, words, 2);
    put_be(r + 28, has_container(f->kind) ? f->container : office << 12 | f->reason, 4);
}

static void pack_money(const struct trail_fact *f, uint8_t r[TRAIL_RECORD])
{
    memset(r, 0, TRAIL_RECORD);
    put_be(r, (uint64_t)(f->charge + 1), 6);
    put_be(r + 6, (uint64_t)(f->fee + 1), 6);
    put_be(r + 12, (uint64_t)(f->remit + 1), 6);
    r[25] = MONEY;
}

size_t trail_pack(const struct trail_fact *facts, size_t n, uint8_t *buf)
{
    uint8_t *p = buf;
    SEEN(n <= TRAIL_MAX);
    for (size_t i = 0; i < n; i++) {
        SEEN(in_range(&facts[i]));
        pack_one(&facts[i], p);
        p += TRAIL_RECORD;
        if (has_money(&facts[i])) {
            pack_money(&facts[i], p);
            p += TRAIL_RECORD;
        }
    }
    return (size_t)(p - buf);
}

// False when a money record should follow and *ret says so, or the record is nonsense.
static bool unpack_one(const uint8_t r[TRAIL_RECORD], struct trail_fact *f, bool *ret_money)
{
    unsigned words = (unsigned)get_be(r + 26, 2);
    uint32_t place = (uint32_t)get_be(r + 28, 4);
    trail_fact_init(f);
    f->at = (int64_t)get_be(r, 6);
    f->stream = get_be(r + 6, 8);
    f->seq = (uint32_t)get_be(r + 14, 4);
    f->lane = r[18];
    f->pos = (int64_t)get_be(r + 19, 6);
    f->kind = r[25] & (uint8_t)~INHERITED;
    f->inherited = (r[25] & INHERITED) != 0;
    f->source = (uint8_t)(words >> 13);
    f->leg = (uint8_t)(words >> 10 & 7);
    f->solution = (uint8_t)(words >> 7 & 7);
    f->listed = (words >> 6 & 1) != 0;
    *ret_money = (words >> 5 & 1) != 0;
    if (has_container(f->kind)) {
        f->container = place;
    } else {
        f->office = place >> 12 ? (place >> 12) - 1 : TRAIL_OFFICE_0;
        f->reason = (uint16_t)(place & 0xfff);
        if (place >> 12 > TRAIL_OFFICE_0)
            return false; // "no office" is written 0
    }
    return in_range(f) && (words & 31) == 0 && event_find(f->kind);
}

static bool unpack_money(const uint8_t r[TRAIL_RECORD], struct trail_fact *f)
{
    for (size_t i = 18; i < TRAIL_RECORD; i++) {
        if (i != 25 && r[i] != 0)
            return false;
    }
    f->charge = (int64_t)get_be(r, 6) - 1;
    f->fee = (int64_t)get_be(r + 6, 6) - 1;
    f->remit = (int64_t)get_be(r + 12, 6) - 1;
    return r[25] == MONEY && in_range(f) && has_money(f);
}

enum trail_error trail_unpack(const uint8_t *bytes, size_t len, struct trail_fact *facts, size_t *ret_n)
{
    size_t n = 0;
    if (len % TRAIL_RECORD != 0 || len > TRAIL_PACK_MAX)
        return TRAIL_CORRUPT;
    for (size_t at = 0; at < len; at += TRAIL_RECORD) {
        bool money;
        if (n >= TRAIL_MAX || !unpack_one(bytes + at, &facts[n], &money))
            return TRAIL_CORRUPT;
        if (money) {
            at += TRAIL_RECORD;
            if (at >= len || !unpack_money(bytes + at, &facts[n]))
                return TRAIL_CORRUPT;
        }
        if (n > 0 && trail_compare(&facts[n - 1], &facts[n]) >= 0)
            return TRAIL_CORRUPT;
        n++;
    }
    *ret_n = n;
    return TRAIL_OK;
}
