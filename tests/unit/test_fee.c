// SPDX-License-Identifier: EUPL-1.2
// The fee machine: every state with every event, and the amounts, which are never mixed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/attr.h"
#include "domain/event.h"
#include "domain/fee.h"

static const struct fee_amounts none = {-1, -1, -1}, some = {26000, 50000, 8000};

static struct fee at(enum fee_state state)
{
    struct fee f;
    fee_init(&f);
    f.state = state;
    if (state != FEE_NONE)
        f.collected = some;
    return f;
}

static void every_state_with_every_event(void **state)
{
    (void)state;
    static const unsigned kinds[] = {EVENT_FEE_COLLECTED, EVENT_FEE_REMITTED_OFFICE, EVENT_FEE_TRANSFERRED,
                                     EVENT_FEE_RECONCILED, EVENT_FEE_REFUNDED};
    // step and state after; the amounts stated equal those collected
    static const struct {
        enum fee_step step;
        enum fee_state after;
    } table[8][5] = {
        {{FEE_OK, 1}, {FEE_REFUSED, 0}, {FEE_REFUSED, 0}, {FEE_REFUSED, 0}, {FEE_REFUSED, 0}},
        {{FEE_OK, 1}, {FEE_OK, 2}, {FEE_SKIPPED, 3}, {FEE_SKIPPED, 4}, {FEE_SKIPPED, 7}},
        {{FEE_OK, 1}, {FEE_REFUSED, 2}, {FEE_OK, 3}, {FEE_SKIPPED, 4}, {FEE_SKIPPED, 7}},
        {{FEE_OK, 1}, {FEE_REFUSED, 3}, {FEE_REFUSED, 3}, {FEE_OK, 4}, {FEE_SKIPPED, 7}},
        {{FEE_OK, 1}, {FEE_REFUSED, 4}, {FEE_REFUSED, 4}, {FEE_REFUSED, 4}, {FEE_SKIPPED, 7}},
        {{FEE_OK, 1}, {FEE_REFUSED, 5}, {FEE_REFUSED, 5}, {FEE_OK, 4}, {FEE_SKIPPED, 7}},
        {{FEE_OK, 1}, {FEE_REFUSED, 6}, {FEE_REFUSED, 6}, {FEE_REFUSED, 6}, {FEE_OK, 7}},
        {{FEE_OK, 1}, {FEE_REFUSED, 7}, {FEE_REFUSED, 7}, {FEE_REFUSED, 7}, {FEE_REFUSED, 7}},
    };
    for (unsigned s = 0; s < 8; s++)
        for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
            struct fee f = at((enum fee_state)s);
            enum fee_step step = fee_apply(&f, kinds[k], &some);
            if (step != table[s][k].step || f.state != table[s][k].after)
                fail_msg("state %u, event %u: step %d, state %d", s, kinds[k], (int)step, (int)f.state);
        }
}

static void amounts_are_kept_apart(void **state)
{
    (void)state;
    struct fee f;
    fee_init(&f);
    assert_int_equal(fee_apply(&f, EVENT_ITEM_COLLECTED, &(struct fee_amounts){26000, -1, -1}), FEE_OK);
    assert_int_equal(fee_apply(&f, EVENT_ITEM_DELIVERED, &(struct fee_amounts){-1, 50000, 8000}), FEE_OK);
    assert_true(f.collected.charge == 26000 && f.collected.fee == 50000 && f.collected.remit == 8000);
    assert_int_equal(fee_apply(&f, EVENT_FEE_REMITTED_OFFICE, &none), FEE_OK);
    assert_int_equal(fee_apply(&f, EVENT_FEE_TRANSFERRED, &none), FEE_OK);
    // One đồng off in one of the three is a difference; what is not stated is not disputed.
    struct fee g = f;
    assert_int_equal(fee_apply(&g, EVENT_FEE_RECONCILED, &(struct fee_amounts){26000, 50001, 8000}), FEE_OK);
    assert_int_equal(g.state, FEE_DIFFERENT);
    g = f;
    assert_int_equal(fee_apply(&g, EVENT_FEE_RECONCILED, &(struct fee_amounts){-1, 50000, -1}), FEE_OK);
    assert_int_equal(g.state, FEE_MATCHED);
}

static void scans_without_money_concern_nobody(void **state)
{
    (void)state;
    assert_false(fee_concerns(EVENT_ITEM_COLLECTED, &none));
    assert_false(fee_concerns(EVENT_ITEM_COLLECTED, &(struct fee_amounts){0, 0, 0}));
    assert_true(fee_concerns(EVENT_ITEM_COLLECTED, &(struct fee_amounts){1, -1, -1}));
    assert_false(
        fee_concerns(EVENT_DELIVERY_STARTED, &some)); // says what is to be collected, not that it was
    assert_true(fee_concerns(EVENT_FEE_COLLECTED, &none));
}

static void return_asks_for_a_refund_of_state_money_only(void **state)
{
    (void)state;
    struct fee f;
    fee_init(&f);
    fee_return(&f);
    assert_int_equal(f.state, FEE_NONE);
    (void)fee_apply(&f, EVENT_FEE_COLLECTED, &(struct fee_amounts){26000, -1, -1});
    fee_return(&f);
    assert_int_equal(f.state, FEE_COLLECTED); // the carriage was done
    (void)fee_apply(&f, EVENT_FEE_COLLECTED, &(struct fee_amounts){-1, 50000, -1});
    fee_return(&f);
    assert_int_equal(f.state, FEE_REFUND_DUE);
    assert_int_equal(fee_apply(&f, EVENT_FEE_REFUNDED, &none), FEE_OK);
    fee_return(&f);
    assert_int_equal(f.state, FEE_REFUNDED);
    assert_string_equal(fee_state_name(FEE_REFUND_DUE), "refund-due");
    assert_string_equal(fee_state_name(8), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_with_every_event),
        cmocka_unit_test(amounts_are_kept_apart),
        cmocka_unit_test(scans_without_money_concern_nobody),
        cmocka_unit_test(return_asks_for_a_refund_of_state_money_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
