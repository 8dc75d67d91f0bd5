// SPDX-License-Identifier: EUPL-1.2
// Whole đồng in, whole đồng out.
#include "expect.h"

#include <math.h>

#include "domain/attr.h"
#include "domain/money.h"

static void integral_doubles_are_taken(void **state)
{
    (void)state;
    static const struct {
        double in;
        int64_t out; // -1: refused
    } rows[] = {
        {0, 0},
        {-0.0, 0},
        {1, 1},
        {26000, 26000},
        {1e12, MONEY_MAX},
        {8000.0, 8000},
        {-1, -1},
        {-0.5, -1},
        {0.5, -1},
        {26000.01, -1},
        {1e12 + 1, -1},
        {1e300, -1},
        {HUGE_VAL, -1},
        {-HUGE_VAL, -1},
        {(double)NAN, -1},
        {999999999999.5, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t amount = -1;
        bool ok = money_from_double(rows[i].in, &amount);
        if (ok != (rows[i].out >= 0) || amount != rows[i].out)
            fail_msg("%g: %d, %lld", rows[i].in, ok, (long long)amount);
    }
}

static void texts_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int64_t out; // -1: refused
    } rows[] = {
        {"0", 0},
        {"30000", 30000},
        {"007", 7},
        {"30.000", 30000},
        {"1.250.000", 1250000},
        {"1.000.000.000.000", MONEY_MAX},
        {"1000000000000", MONEY_MAX},
        {"30000.0", 30000},
        {"30000.00", 30000},
        {"30.0", 30},
        {"1000000000001", -1},
        {"1.000.000.000.001", -1},
        {"99999999999999999", -1},
        {"999999999999999999999999", -1},
        {"30000.5", -1},
        {"30000.000", -1}, // a fraction, or 30 million?
        {"0.500", -1},     // a fraction
        {"30.00.000", -1},
        {"30.0000", -1},
        {"30.000.0", -1},
        {"3000.000", -1},
        {".000", -1},
        {"30.", -1},
        {"30,000", -1},
        {"-1", -1},
        {"+1", -1},
        {" 1", -1},
        {"1 ", -1},
        {"30000d", -1},
        {"1e3", -1},
        {"0x10", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t amount = -1;
        bool ok = money_from_text(rows[i].in, strlen(rows[i].in), &amount);
        if (ok != (rows[i].out >= 0) || amount != rows[i].out)
            fail_msg("'%s': %d, %lld", rows[i].in, ok, (long long)amount);
    }
}

static void amounts_print_with_dots(void **state)
{
    (void)state;
    static const struct {
        int64_t in;
        const char *out;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {999, "999"},
        {1000, "1.000"},
        {26000, "26.000"},
        {1250000, "1.250.000"},
        {100000, "100.000"},
        {MONEY_MAX, "1.000.000.000.000"},
        {-1, "?"},
        {MONEY_MAX + 1, "?"},
        {INT64_MIN, "?"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[MONEY_TEXT_MAX + 1];
        int64_t back;
        size_t len = money_format(rows[i].in, buf);
        expect_text(rows[i].out, buf, rows[i].out);
        assert_int_equal(len, strlen(rows[i].out));
        if (rows[i].out[0] != '?') {
            assert_true(money_from_text(buf, len, &back));
            assert_int_equal(back, rows[i].in);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integral_doubles_are_taken),
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(amounts_print_with_dots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
