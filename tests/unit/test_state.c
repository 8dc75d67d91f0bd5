// SPDX-License-Identifier: EUPL-1.2
// The table of moves, written once more by hand from reference/domain.md 7.2: every pair of states is
// checked, allowed and refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/state.h"

// "any non-end → S24,S25" is added below; a row of zeros ends each list.
static const unsigned moves[STATE_MAX + 1][8] = {
    [0] = {1, 2, 6, 7}, // our own row: what we may hear first
    [1] = {2, 6, 27},
    [2] = {3, 4, 5, 6},
    [3] = {2, 5},
    [4] = {2, 5},
    [6] = {7, 8, 12, 18},
    [7] = {8, 12},
    [8] = {9, 10},
    [9] = {10, 11},
    [10] = {8, 9, 11},
    [11] = {12, 15, 16, 21},
    [12] = {13, 17, 18, 19, 20},
    [13] = {14, 15, 16, 21},
    [14] = {12},
    [15] = {19, 12, 21},
    [16] = {8, 9},
    [17] = {12, 18, 19, 21},
    [20] = {21, 14},
    [21] = {22, 12},
    [22] = {23, 24},
    [25] = {21, 26, 18, 19},
};

static bool expected(unsigned from, unsigned to)
{
    bool end = from == 5 || from == 18 || from == 19 || from == 23 || from == 26 || from == 27;
    if (from == to || to == 0 || end)
        return false;
    if (from == 24)
        return true; // found again, anywhere
    if (from != 0 && (to == 24 || to == 25))
        return true;
    for (const unsigned *m = moves[from]; *m; m++)
        if (*m == to)
            return true;
    return false;
}

static void every_pair(void **state)
{
    (void)state;
    for (unsigned from = 0; from <= STATE_MAX; from++)
        for (unsigned to = 0; to <= STATE_MAX; to++)
            if (state_may_move(from, to) != expected(from, to))
                fail_msg("S%02u -> S%02u: %d", from, to, state_may_move(from, to));
    assert_false(state_may_move(STATE_MAX + 1, 1));
    assert_false(state_may_move(1, STATE_MAX + 1));
}

static void ends_and_names(void **state)
{
    (void)state;
    for (unsigned s = 0; s <= STATE_MAX; s++) {
        assert_int_equal(state_is_end(s), s == 5 || s == 18 || s == 19 || s == 23 || s == 26 || s == 27);
        char code[] = {'S', (char)('0' + s / 10), (char)('0' + s % 10), 0};
        assert_string_equal(state_code(s), code);
        for (unsigned t = 0; t < s; t++)
            assert_string_not_equal(state_name(s), state_name(t));
    }
    assert_string_equal(state_name(STATE_COLLECTED), "collected");
    assert_string_equal(state_name(99), "unknown");
    assert_string_equal(state_name_vi(STATE_LOST), "Thất lạc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair), cmocka_unit_test(ends_and_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
