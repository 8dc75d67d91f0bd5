// SPDX-License-Identifier: EUPL-1.2
// Trails: total order, sorted insertion, and packing that gives back every bit or refuses.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "domain/trail.h"

static struct trail_fact facts[TRAIL_MAX + 1], other[TRAIL_MAX];
static uint8_t packed[TRAIL_PACK_MAX];

static struct trail_fact make(int64_t at, unsigned kind, uint64_t stream, uint32_t seq)
{
    struct trail_fact f;
    trail_fact_init(&f);
    f.at = at;
    f.kind = (uint8_t)kind;
    f.stream = stream;
    f.seq = seq;
    f.pos = (int64_t)(stream * 1000 + seq);
    f.source = SOURCE_DEVICE;
    return f;
}

static uint64_t pick(uint64_t below)
{
    return ((uint64_t)(unsigned)rand() << 31 ^ (unsigned)rand()) % below;
}

static struct trail_fact random_fact(void)
{
    static const uint8_t kinds[] = {EVENT_ITEM_COLLECTED, EVENT_ITEM_PUT_IN, EVENT_BAG_OPENED,
                                    EVENT_CORRECTION, EVENT_FEE_COLLECTED};
    struct trail_fact f =
        make((int64_t)pick(253402300800000), kinds[pick(5)], pick(UINT64_MAX), (uint32_t)pick(1U << 31));
    f.lane = (uint8_t)pick(256);
    f.pos = (int64_t)pick((uint64_t)TRAIL_POS_MAX + 1);
    f.source = (uint8_t)(1 + pick(5));
    f.leg = (uint8_t)pick(5);
    f.solution = (uint8_t)pick(5);
    f.inherited = pick(2);
    f.listed = pick(2);
    if (f.kind == EVENT_ITEM_PUT_IN) {
        f.container = (uint32_t)pick(UINT32_MAX);
    } else {
        f.office = (uint32_t)pick(1000001);
        f.reason = (uint16_t)pick(4096);
    }
    if (pick(2)) {
        f.charge = (int64_t)pick(1000000000001) - 1;
        f.fee = (int64_t)pick(3) - 1;
        f.remit = TRAIL_ABSENT;
    }
    return f;
}

static bool equal(const struct trail_fact *a, const struct trail_fact *b)
{
    return trail_compare(a, b) == 0 && a->source == b->source && a->leg == b->leg &&
           a->solution == b->solution && a->inherited == b->inherited && a->listed == b->listed &&
           a->container == b->container && a->office == b->office && a->reason == b->reason &&
           a->charge == b->charge && a->fee == b->fee && a->remit == b->remit;
}

static void order_is_time_rank_stream_seq(void **state)
{
    (void)state;
    struct trail_fact a = make(1000, EVENT_ITEM_DELIVERED, 1, 1);
    assert_true(trail_compare(&a, &(struct trail_fact){.at = 1001, .kind = EVENT_ORDER_CREATED}) < 0);
    struct trail_fact rank = make(1000, EVENT_DELIVERY_STARTED, 9, 9);
    assert_true(trail_compare(&a, &rank) > 0); // the start of an attempt comes before its end
    struct trail_fact stream = make(1000, EVENT_ITEM_DELIVERED, 2, 0);
    assert_true(trail_compare(&a, &stream) < 0);
    struct trail_fact seq = make(1000, EVENT_ITEM_DELIVERED, 1, 2);
    assert_true(trail_compare(&a, &seq) < 0 && trail_compare(&seq, &a) > 0);
    assert_int_equal(trail_compare(&a, &a), 0);
}

static void insertion_sorts_refuses_repeats_and_is_bounded(void **state)
{
    (void)state;
    size_t n = 0, at = 99;
    srand(3);
    while (n < TRAIL_MAX) {
        struct trail_fact f = make((int64_t)pick(300), EVENT_ITEM_COLLECTED, pick(20), (uint32_t)pick(1000));
        size_t before = n;
        enum trail_error e = trail_insert(facts, &n, &f, &at);
        if (e == TRAIL_KNOWN) {
            assert_int_equal(n, before);
            continue;
        }
        assert_int_equal(e, TRAIL_OK);
        assert_true(equal(&facts[at], &f));
        assert_int_equal(trail_find(facts, n, &f), at);
    }
    for (size_t i = 1; i < n; i++)
        assert_true(trail_compare(&facts[i - 1], &facts[i]) < 0);
    struct trail_fact last = make(99999, EVENT_ITEM_DELIVERED, 1, 1);
    assert_int_equal(trail_insert(facts, &n, &last, &at), TRAIL_FULL);
    assert_int_equal(trail_insert(facts, &n, &facts[7], &at), TRAIL_KNOWN); // also when full
    assert_int_equal(trail_find(facts, n, &last), n);
}

static void packing_gives_back_every_bit(void **state)
{
    (void)state;
    srand(5);
    for (int round = 0; round < 200; round++) {
        size_t n = 0, m = 999, want = pick(TRAIL_MAX + 1), money = 0;
        while (n < want) {
            struct trail_fact f = random_fact();
            if (trail_insert(facts, &n, &f, NULL) == TRAIL_OK)
                money += f.charge != TRAIL_ABSENT || f.fee != TRAIL_ABSENT;
        }
        size_t len = trail_pack(facts, n, packed);
        assert_int_equal(len, (n + money) * TRAIL_RECORD);
        assert_int_equal(trail_unpack(packed, len, other, &m), TRAIL_OK);
        assert_int_equal(m, n);
        for (size_t i = 0; i < n; i++)
            assert_true(equal(&facts[i], &other[i]));
    }
}

// Each field of a packed record beyond its range, and at the end of it.
static void fields_have_ranges(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        const char *bytes;
        size_t len;
        enum trail_error error;
    } cases[] = {
        {0, "\xe6\x77\xd2\x1f\xdb\xff", 6, TRAIL_OK}, // 9999-12-31T23:59:59.999Z
        {0, "\xe6\x77\xd2\x1f\xdc\x00", 6, TRAIL_CORRUPT},
        {19, "\xff\xff\xff\xff\xff\xff", 6, TRAIL_OK},
        {25, "\x00", 1, TRAIL_CORRUPT}, // no kind
        {25, "\x80", 1, TRAIL_CORRUPT},
        {25, "\x7f", 1, TRAIL_CORRUPT},        // amounts of nothing
        {26, "\xa0\x00", 2, TRAIL_OK},         // source 5
        {26, "\xc0\x00", 2, TRAIL_CORRUPT},    // source 6
        {26, "\x30\x00", 2, TRAIL_OK},         // leg 4
        {26, "\x34\x00", 2, TRAIL_CORRUPT},    // leg 5
        {26, "\x22\x00", 2, TRAIL_OK},         // solution 4
        {26, "\x22\x80", 2, TRAIL_CORRUPT},    // solution 5
        {28, "\xf4\x24\x0f\xff", 4, TRAIL_OK}, // office 999999, reason in words
        {28, "\xff\xff\xf0\x00", 4, TRAIL_CORRUPT},
    };
    struct trail_fact f = make(1000, EVENT_ITEM_COLLECTED, 1, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n;
        assert_int_equal(trail_pack(&f, 1, packed), TRAIL_RECORD);
        memcpy(packed + cases[i].at, cases[i].bytes, cases[i].len);
        enum trail_error error = trail_unpack(packed, TRAIL_RECORD, other, &n);
        if (error != cases[i].error)
            fail_msg("case %zu: %d", i, error);
    }
}

static void amounts_have_ranges(void **state)
{
    (void)state;
    static const char most[] = "\x80\x00\x00\x00\x00\x00", more[] = "\x80\x00\x00\x00\x00\x01";
    struct trail_fact f = make(1000, EVENT_FEE_COLLECTED, 1, 1);
    size_t n;
    f.charge = f.fee = f.remit = 7;
    for (size_t at = 0; at < 18; at += 6) {
        assert_int_equal(trail_pack(&f, 1, packed), 2 * TRAIL_RECORD);
        memcpy(packed + TRAIL_RECORD + at, most, 6);
        assert_int_equal(trail_unpack(packed, 2 * TRAIL_RECORD, other, &n), TRAIL_OK);
        memcpy(packed + TRAIL_RECORD + at, more, 6);
        assert_int_equal(trail_unpack(packed, 2 * TRAIL_RECORD, other, &n), TRAIL_CORRUPT);
    }
    memset(packed + TRAIL_RECORD, 0, 18); // three times "absent" is no record of amounts
    assert_int_equal(trail_unpack(packed, 2 * TRAIL_RECORD, other, &n), TRAIL_CORRUPT);
    for (int which = 0; which < 3; which++) { // any of the three alone is one
        f.charge = which == 0 ? 1 : TRAIL_ABSENT;
        f.fee = which == 1 ? 1 : TRAIL_ABSENT;
        f.remit = which == 2 ? 1 : TRAIL_ABSENT;
        assert_int_equal(trail_pack(&f, 1, packed), 2 * TRAIL_RECORD);
        assert_int_equal(trail_unpack(packed, 2 * TRAIL_RECORD, other, &n), TRAIL_OK);
        assert_true(equal(&f, &other[0]));
    }
}

static void no_more_than_a_trail_holds(void **state)
{
    (void)state;
    static uint8_t bytes[TRAIL_PACK_MAX + TRAIL_RECORD];
    size_t n;
    for (uint32_t i = 0; i <= TRAIL_MAX; i++) {
        struct trail_fact f = make(1000 + i, EVENT_ITEM_COLLECTED, 1, i + 1);
        assert_int_equal(trail_pack(&f, 1, bytes + (size_t)i * TRAIL_RECORD), TRAIL_RECORD);
    }
    size_t full = (size_t)TRAIL_MAX * TRAIL_RECORD;
    assert_int_equal(trail_unpack(bytes, full, other, &n), TRAIL_OK);
    assert_int_equal(n, TRAIL_MAX);
    assert_int_equal(trail_unpack(bytes, full + TRAIL_RECORD, other, &n), TRAIL_CORRUPT);
    assert_int_equal(trail_unpack(bytes, sizeof bytes, other, &n), TRAIL_CORRUPT);
}

static void corrupt_bytes_are_refused(void **state)
{
    (void)state;
    size_t n = 0, m = 4711;
    struct trail_fact f = make(1000, EVENT_ITEM_COLLECTED, 1, 1), g = make(2000, EVENT_ITEM_ACCEPTED, 1, 2);
    f.charge = 5;
    assert_int_equal(trail_insert(facts, &n, &f, NULL), TRAIL_OK);
    assert_int_equal(trail_insert(facts, &n, &g, NULL), TRAIL_OK);
    size_t len = trail_pack(facts, n, packed);
    assert_int_equal(len, 3 * TRAIL_RECORD);
    assert_int_equal(trail_unpack(packed, len - 1, other, &m), TRAIL_CORRUPT);
    assert_int_equal(trail_unpack(packed, TRAIL_RECORD, other, &m), TRAIL_CORRUPT); // the amounts are missing
    assert_int_equal(trail_unpack(packed + TRAIL_RECORD, TRAIL_RECORD, other, &m),
                     TRAIL_CORRUPT); // or lonely
    uint8_t swapped[3 * TRAIL_RECORD];
    memcpy(swapped, packed + 2 * TRAIL_RECORD, TRAIL_RECORD);
    memcpy(swapped + TRAIL_RECORD, packed, 2 * TRAIL_RECORD);
    assert_int_equal(trail_unpack(swapped, len, other, &m), TRAIL_CORRUPT); // not sorted
    packed[TRAIL_RECORD + 18] = 1; // a byte of the amounts that means nothing
    assert_int_equal(trail_unpack(packed, len, other, &m), TRAIL_CORRUPT);
    packed[TRAIL_RECORD + 18] = 0;
    uint8_t place[4];
    memcpy(place, packed + 28, sizeof place);
    memcpy(packed + 28, (uint8_t[]){0xf4, 0x24, 0x10, 0},
           sizeof place); // office 1000000: "none" is written 0
    assert_int_equal(trail_unpack(packed, len, other, &m), TRAIL_CORRUPT);
    memcpy(packed + 28, place, sizeof place);
    uint8_t kind = packed[25];
    packed[25] = 126; // no such event
    assert_int_equal(trail_unpack(packed, len, other, &m), TRAIL_CORRUPT);
    packed[25] = kind;
    packed[27] |= 1; // a bit that means nothing
    assert_int_equal(trail_unpack(packed, len, other, &m), TRAIL_CORRUPT);
    assert_int_equal(m, 4711);
    // Random bytes never do harm.
    srand(9);
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < 2 * TRAIL_RECORD; i++)
            packed[i] = (uint8_t)(rand() % 3 ? 0 : rand());
        if (trail_unpack(packed, 2 * TRAIL_RECORD, other, &m) == TRAIL_OK)
            assert_int_equal(trail_pack(other, m, (uint8_t[TRAIL_PACK_MAX]){0}), 2 * TRAIL_RECORD);
    }
}

static void reasons(void **state)
{
    (void)state;
    assert_int_equal(trail_reason("", 0), 0);
    assert_int_equal(trail_reason("0", 1), 1);
    assert_int_equal(trail_reason("13", 2), 14);
    assert_int_equal(trail_reason("4093", 4), 4094);
    assert_int_equal(trail_reason("4094", 4), TRAIL_REASON_X);
    assert_int_equal(trail_reason("00013", 5), TRAIL_REASON_X);
    assert_int_equal(trail_reason("13a", 3), TRAIL_REASON_X);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_time_rank_stream_seq),
        cmocka_unit_test(insertion_sorts_refuses_repeats_and_is_bounded),
        cmocka_unit_test(packing_gives_back_every_bit),
        cmocka_unit_test(fields_have_ranges),
        cmocka_unit_test(amounts_have_ranges),
        cmocka_unit_test(no_more_than_a_trail_holds),
        cmocka_unit_test(corrupt_bytes_are_refused),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
