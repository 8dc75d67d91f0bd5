// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "portal/limit.h"

static const struct limit_rule public_rules[LIMIT_RULES] = {{10, 60000}, {100, 86400000}};

static int make(void **state)
{
    struct limiter *l;
    if (limiter_create(1024, &l) != ERR_OK)
        return -1;
    *state = l;
    return 0;
}

static int unmake(void **state)
{
    limiter_destroy(*state);
    return 0;
}

static void ten_a_minute(void **state)
{
    for (unsigned i = 0; i < 10; i++) {
        struct limit_answer a = limiter_ask(*state, 7, public_rules, 1000 + i, true);
        assert_true(a.allowed);
        assert_int_equal(a.left, 9 - i);
    }
    struct limit_answer a = limiter_ask(*state, 7, public_rules, 1500, true);
    assert_false(a.allowed);
    assert_int_equal(a.left, 0);
    assert_int_equal(a.reset_ms, 59500);
    assert_true(limiter_ask(*state, 8, public_rules, 1500, true).allowed); // somebody else
    assert_false(limiter_ask(*state, 7, public_rules, 60999, true).allowed);
    assert_true(limiter_ask(*state, 7, public_rules, 61000, true).allowed);
}

static void asking_counts_nothing(void **state)
{
    for (unsigned i = 0; i < 50; i++) {
        struct limit_answer a = limiter_ask(*state, 7, public_rules, 0, false);
        assert_true(a.allowed);
        assert_int_equal(a.left, 10);
    }
    for (unsigned i = 0; i < 10; i++)
        assert_true(limiter_ask(*state, 7, public_rules, 0, true).allowed);
    assert_false(limiter_ask(*state, 7, public_rules, 0, false).allowed);
}

static void a_hundred_a_day_counts_only_what_was_allowed(void **state)
{
    unsigned allowed = 0;
    for (int64_t t = 0; t < 86400000; t += 1000)
        allowed += limiter_ask(*state, 7, public_rules, t, true).allowed;
    assert_int_equal(allowed, 100);
    struct limit_answer a = limiter_ask(*state, 7, public_rules, 86399000, true);
    assert_false(a.allowed);
    assert_int_equal(a.reset_ms, 1000);
    assert_true(limiter_ask(*state, 7, public_rules, 86400000, true).allowed);
}

static void a_flood_of_callers_evicts_the_longest_away(void **state)
{
    // 128 buckets of 8: nine callers of one bucket.
    for (uint64_t i = 1; i <= 9; i++) {
        for (unsigned n = 0; n < 10; n++)
            (void)limiter_ask(*state, i * 128, public_rules, (int64_t)i * 10, true);
    }
    assert_false(limiter_ask(*state, 2 * 128, public_rules, 100, false).allowed);
    assert_false(limiter_ask(*state, 9 * 128, public_rules, 100, false).allowed);
    assert_true(limiter_ask(*state, 1 * 128, public_rules, 100, false).allowed); // forgotten
}

static void one_rule_alone(void **state)
{
    static const struct limit_rule rules[LIMIT_RULES] = {{2, 1000}, {0, 0}};
    assert_true(limiter_ask(*state, 0, rules, 5, true).allowed);
    assert_true(limiter_ask(*state, 0, rules, 5, true).allowed);
    assert_false(limiter_ask(*state, 0, rules, 1004, true).allowed);
    assert_true(limiter_ask(*state, 0, rules, 1005, true).allowed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_a_minute),
        TEST(asking_counts_nothing),
        TEST(a_hundred_a_day_counts_only_what_was_allowed),
        TEST(a_flood_of_callers_evicts_the_longest_away),
        TEST(one_rule_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
