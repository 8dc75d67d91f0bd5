// SPDX-License-Identifier: EUPL-1.2
// S10: codes seen in Vietnam and abroad, and one wrong character at every place.
#include "expect.h"

#include <stdbool.h>

#include "domain/attr.h"
#include "domain/item_code.h"

static const char *const valid[] = {
    "EC521602781VN", "EG680005116VN", "CJ491228825VN",
    "CV497523410VN", // 11 − 1 = 10 is written 0
    "EM990000244VN",
    "RR123456785TR", // 11 − 0 = 11 is written 5
};

static void real_codes_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        struct item_code item;
        expect_fault(valid[i], item_code_parse(valid[i], ITEM_CODE_LEN, &item), FAULT_OK);
        assert_string_equal(item.text, valid[i]);
        assert_true(item.check_ok);
    }
}

// Every single wrong digit shows, but for one thing: remainders 0 and 6 share the check digit 5.
static void one_wrong_digit_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        for (size_t at = 2; at < 11; at++) {
            size_t missed = 0;
            for (char c = '0'; c <= '9'; c++) {
                char s[ITEM_CODE_LEN + 1];
                struct item_code item;
                memcpy(s, valid[i], sizeof(s));
                s[at] = c;
                assert_int_equal(item_code_parse(s, ITEM_CODE_LEN, &item), FAULT_OK);
                missed += item.check_ok && c != valid[i][at] ? 1 : 0;
            }
            assert_true(missed <= (valid[i][10] == '5' && at < 10 ? 1 : 0));
        }
    }
}

static void check_digit_is_known(void **state)
{
    (void)state;
    assert_int_equal(item_code_check_digit("52160278"), '1');
    assert_int_equal(item_code_check_digit("49752341"), '0');
    assert_int_equal(item_code_check_digit("12345678"), '5');
    assert_int_equal(item_code_check_digit("00000000"), '5');
}

static void near_misses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum code_fault fault;
    } rows[] = {
        {"EC52160278VN", FAULT_DIGIT_COUNT},
        {"EC5216027811VN", FAULT_DIGIT_COUNT},
        {"EC52160VN", FAULT_SHAPE}, // five digits: something else
        {"EC5216027811111VN", FAULT_SHAPE},
        {"EC521602781V", FAULT_SHAPE},
        {"E521602781VN", FAULT_SHAPE},
        {"EC52160278IVN", FAULT_SHAPE}, // letter I
        {"EC521602781V1", FAULT_SHAPE},
        {"ec521602781vn", FAULT_SHAPE}, // not normalised
        {"EC 521602781VN", FAULT_SHAPE},
        {"XEC521602781VN", FAULT_SHAPE},
        {"", FAULT_SHAPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct item_code item = {.text = "untouched"};
        expect_fault(rows[i].s, item_code_parse(rows[i].s, strlen(rows[i].s), &item), rows[i].fault);
        assert_string_equal(item.text, "untouched");
    }
}

static void source_decides_about_a_bad_check_digit(void **state)
{
    (void)state;
    struct item_code good, bad;
    assert_int_equal(item_code_parse("EC521602781VN", ITEM_CODE_LEN, &good), FAULT_OK);
    assert_int_equal(item_code_parse("EB123456789VN", ITEM_CODE_LEN, &bad), FAULT_OK);
    assert_false(bad.check_ok);
    assert_int_equal(item_code_judge(&good, ITEM_SCANNED), ITEM_ACCEPT);
    assert_int_equal(item_code_judge(&good, ITEM_KEYED), ITEM_ACCEPT);
    assert_int_equal(item_code_judge(&good, ITEM_FROM_PARTNER), ITEM_ACCEPT);
    assert_int_equal(item_code_judge(&bad, ITEM_SCANNED), ITEM_MISREAD);
    assert_int_equal(item_code_judge(&bad, ITEM_KEYED), ITEM_ASK_AGAIN);
    assert_int_equal(item_code_judge(&bad, ITEM_FROM_PARTNER), ITEM_ACCEPT_FLAGGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_codes_pass),
        cmocka_unit_test(one_wrong_digit_shows),
        cmocka_unit_test(check_digit_is_known),
        cmocka_unit_test(near_misses_are_refused),
        cmocka_unit_test(source_decides_about_a_bad_check_digit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
