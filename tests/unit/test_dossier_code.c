// SPDX-License-Identifier: EUPL-1.2
// Dossier codes and the order numbers that carry them.
#include "expect.h"

#include "domain/attr.h"
#include "domain/dossier_code.h"
#include "domain/order_number.h"

static void both_legal_forms_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *s, *unit;
        int year, month, day;
        const char *serial;
    } rows[] = {
        {"000.17.22.H56-210531-0001", "000.17.22.H56", 2021, 5, 31, "0001"},
        {"H56.14-240823-0001", "H56.14", 2024, 8, 23, "0001"},
        {"000.00.53.H48-220921-0099", "000.00.53.H48", 2022, 9, 21, "0099"},
        {"000.00.16.H34-190102-0007", "000.00.16.H34", 2019, 1, 2, "0007"},
        {"H56.14-240823-10234", "H56.14", 2024, 8, 23, "10234"},
        {"G22-250101-123456", "G22", 2025, 1, 1, "123456"},
        {"H56.14-240229-0001", "H56.14", 2024, 2, 29, "0001"}, // leap day
        {"H56.14-000229-0001", "H56.14", 2000, 2, 29, "0001"},
        {"H56.14-991231-0001", "H56.14", 2099, 12, 31, "0001"},
        {"H34.AAAAA.BBBBB.CCCCC.DDDDD.EEEEE.1-240823-123456", "H34.AAAAA.BBBBB.CCCCC.DDDDD.EEEEE.1", 2024, 8,
         23, "123456"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dossier_code code;
        expect_fault(rows[i].s, dossier_code_parse(rows[i].s, strlen(rows[i].s), &code), FAULT_OK);
        assert_string_equal(code.text, rows[i].s);
        assert_int_equal(code.len, strlen(rows[i].s));
        assert_string_equal(code.unit.text, rows[i].unit);
        assert_int_equal(code.year, rows[i].year);
        assert_int_equal(code.month, rows[i].month);
        assert_int_equal(code.day, rows[i].day);
        assert_string_equal(code.serial, rows[i].serial);
        assert_true(code.len <= DOSSIER_CODE_MAX);
    }
}

static void near_misses_name_the_bad_part(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum code_fault fault;
    } rows[] = {
        {"H56.14-240231-0001", FAULT_DATE},   // 31 February
        {"H56.14-240230-0001", FAULT_DATE},   // 30 February
        {"H56.14-230229-0001", FAULT_DATE},   // no leap year
        {"H56.14-240431-0001", FAULT_DATE},   // 31 April
        {"H56.14-241301-0001", FAULT_DATE},   //
        {"H56.14-240001-0001", FAULT_DATE},   //
        {"H56.14-240800-0001", FAULT_DATE},   //
        {"H56.14-24082-0001", FAULT_DATE},    // five digits
        {"H56.14-20240823-0001", FAULT_DATE}, // year in four
        {"H56.14-24O823-0001", FAULT_DATE},   // letter O
        {"H56.14--0001", FAULT_DATE},         //
        {"H56.14-240823-001", FAULT_SERIAL},  //
        {"H56.14-240823-1234567", FAULT_SERIAL},
        {"H56.14-240823-", FAULT_SERIAL},
        {"H56.14-240823-00A1", FAULT_SERIAL},
        {"000.00.H48-220921-0099", FAULT_UNIT},
        {"H56..14-240823-0001", FAULT_UNIT},
        {"HH6-240823-0001", FAULT_UNIT},
        {"H56.14-240823", FAULT_SHAPE},
        {"H56.14", FAULT_SHAPE},
        {"-", FAULT_SHAPE},
        {"--", FAULT_SHAPE},
        {"", FAULT_SHAPE},
        {"0905-123456-0001", FAULT_SHAPE}, // no letter: a telephone number, an account
        {"MY-FILE-2024", FAULT_SHAPE},
        {"h56.14-240823-0001", FAULT_SHAPE}, // not normalised
        {"EC521602781VN", FAULT_SHAPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dossier_code code = {.len = 99};
        expect_fault(rows[i].s, dossier_code_parse(rows[i].s, strlen(rows[i].s), &code), rows[i].fault);
        assert_int_equal(code.len, 99);
    }
}

// 29 February comes every fourth year of 2000–2099, and no other day is one too many.
static void calendar_has_36525_days(void **state)
{
    (void)state;
    size_t days = 0;
    for (unsigned date = 0; date < 1000000; date++) {
        char s[] = "H01-000000-0001";
        struct dossier_code code;
        unsigned rest = date;
        for (size_t i = 9; i > 3; i--, rest /= 10)
            s[i] = (char)('0' + rest % 10);
        days += dossier_code_parse(s, sizeof(s) - 1, &code) == FAULT_OK ? 1 : 0;
    }
    assert_int_equal(days, 36525);
}

static void unit_can_be_exchanged(void **state)
{
    (void)state;
    static const char s[] = "000.00.16.H34-190102-0007";
    struct dossier_code code, other, back;
    struct unit_id new_form;
    assert_int_equal(dossier_code_parse(s, strlen(s), &code), FAULT_OK);
    assert_true(unit_id_convert(&code.unit, &new_form));
    dossier_code_with_unit(&code, &new_form, &other);
    assert_string_equal(other.text, "H34.16-190102-0007");
    assert_int_equal(other.len, strlen(other.text));
    dossier_code_with_unit(&other, &code.unit, &back);
    assert_memory_equal(&back, &code, sizeof(code));
    dossier_code_with_unit(&code, &new_form, &code); // in place
    assert_string_equal(code.text, other.text);
}

static void order_numbers_are_cut_at_the_first_mark(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum code_fault fault;
        const char *code;
    } rows[] = {
        {"H56.14-240823-0001__0.48213", FAULT_OK, "H56.14-240823-0001"},
        {"H56.14-240823-0001__", FAULT_OK, "H56.14-240823-0001"},
        {"H56.14-240823-0001__1__2", FAULT_OK, "H56.14-240823-0001"},
        {"H56.14-240823-0001", FAULT_OK, "H56.14-240823-0001"},
        {"H56.14-240823-0001_1", FAULT_SERIAL, ""},
        {"H56.14-240231-0001__0.48213", FAULT_DATE, ""},
        {"__H56.14-240823-0001", FAULT_SHAPE, ""},
        {"__", FAULT_SHAPE, ""},
        {"", FAULT_SHAPE, ""},
        {"DH2024__1", FAULT_SHAPE, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dossier_code code = {.text = ""};
        expect_fault(rows[i].s, order_number_parse(rows[i].s, strlen(rows[i].s), &code), rows[i].fault);
        expect_text(rows[i].s, code.text, rows[i].code);
    }
    assert_int_equal(order_number_head("ab__cd", 6), 2);
    assert_int_equal(order_number_head("ab_", 3), 3);
    assert_int_equal(order_number_head("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_legal_forms_are_read),
        cmocka_unit_test(near_misses_name_the_bad_part),
        cmocka_unit_test(calendar_has_36525_days),
        cmocka_unit_test(unit_can_be_exchanged),
        cmocka_unit_test(order_numbers_are_cut_at_the_first_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
