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
        cmocka_unit_test(corrupt_bytes_are_refused),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
