// SPDX-License-Identifier: EUPL-1.2
// Orders of arrival are permuted: an item's state and history may not depend on them.
#include <stdlib.h>

#include "life.h"

static struct trail_fact pool[64];
static struct journey_entry reference[TRAIL_MAX];

static void shuffle(size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)rand() % i;
        struct trail_fact swap = pool[k];
        pool[k] = pool[i - 1];
        pool[i - 1] = swap;
    }
}

static void fold_in_this_order(size_t n)
{
    begin(LEG_NONE);
    for (size_t i = 0; i < n; i++)
        (void)tell(&pool[i]);
}

static void same_as(size_t n, const struct journey_item *item)
{
    assert_int_equal(life.n, n);
    assert_memory_equal(life.entries, reference, n * sizeof *reference);
    assert_memory_equal(&life.item, item, sizeof *item);
}

static struct trail_fact any_fact(size_t i)
{
    static const uint8_t kinds[] = {
        EVENT_ORDER_CREATED,    EVENT_PICKUP_ASSIGNED,    EVENT_ITEM_COLLECTED,   EVENT_ITEM_ACCEPTED,
        EVENT_BAG_CLOSED,       EVENT_DISPATCH_DEPARTED,  EVENT_BAG_OPENED,       EVENT_ITEM_ARRIVED,
        EVENT_DELIVERY_STARTED, EVENT_DELIVERY_FAILED,    EVENT_DELIVERY_DECIDED, EVENT_ITEM_DELIVERED,
        EVENT_HANDOVER_REFUSED, EVENT_HANDOVER_CONFIRMED, EVENT_RETURN_REQUESTED, EVENT_RETURN_STARTED,
        EVENT_RETURN_COMPLETED, EVENT_ITEM_LOST,          EVENT_ITEM_FOUND,       EVENT_ITEM_DAMAGED,
        EVENT_ORDER_CANCELLED,  EVENT_FEE_COLLECTED,      EVENT_FEE_TRANSFERRED,  EVENT_FEE_RECONCILED,
        EVENT_FEE_REFUNDED,     EVENT_DELIVERY_PARTIAL,   EVENT_CORRECTION,
    };
    struct trail_fact f = fact(rand() % 40, kinds[(size_t)rand() % ARRAY_LEN(kinds)]);
    f.stream = (uint64_t)(1 + rand() % 3);
    f.leg = (uint8_t)(rand() % 8 ? 0 : rand() % 5);
    f.solution =
        (uint8_t)(f.kind == EVENT_DELIVERY_FAILED || f.kind == EVENT_DELIVERY_DECIDED ? rand() % 5 : 0);
    if (f.kind == EVENT_FEE_COLLECTED || f.kind == EVENT_ITEM_DELIVERED)
        f.fee = rand() % 3 * 1000;
    if (f.kind == EVENT_CORRECTION && i > 0) {
        f.stream = pool[i - 1].stream;
        f.seq = pool[i - 1].seq;
    }
    return f;
}

static void all_orders_of_small_sets(void **state)
{
    (void)state;
    srand(21);
    for (int round = 0; round < 60; round++) {
        enum { N = 5 };
        struct journey_item item;
        struct trail_fact set[N];
        for (size_t i = 0; i < N; i++)
            set[i] = pool[i] = any_fact(i);
        fold_in_this_order(N);
        memcpy(reference, life.entries, sizeof reference);
        item = life.item;
        for (int order = 0; order < 120; order++) { // all permutations by factorial digits
            bool used[N] = {false};
            int rest = order;
            for (int i = 0; i < N; i++) {
                static const int weight[] = {24, 6, 2, 1, 1};
                int skip = rest / weight[i];
                rest %= weight[i];
                int k = 0;
                for (;; k++)
                    if (!used[k] && skip-- == 0)
                        break;
                used[k] = true;
                pool[i] = set[k];
            }
            fold_in_this_order(N);
            same_as(N, &item);
        }
    }
}

static void random_orders_of_larger_sets(void **state)
{
    (void)state;
    srand(22);
    for (int round = 0; round < 100; round++) {
        size_t n = 10 + (size_t)rand() % (ARRAY_LEN(pool) - 10);
        for (size_t i = 0; i < n; i++)
            pool[i] = any_fact(i);
        fold_in_this_order(n);
        memcpy(reference, life.entries, sizeof reference);
        struct journey_item item = life.item;
        for (int order = 0; order < 20; order++) {
            shuffle(n);
            fold_in_this_order(n);
            same_as(n, &item);
            struct journey_item whole;
            journey_fold(life.facts, life.n, NULL, &whole); // in one go
            assert_memory_equal(&whole, &item, sizeof item);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_orders_of_small_sets),
        cmocka_unit_test(random_orders_of_larger_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
