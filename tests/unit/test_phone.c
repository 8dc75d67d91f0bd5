// SPDX-License-Identifier: EUPL-1.2
// Telephone fields as people fill them in.
#include "expect.h"

#include <stdio.h>

#include "domain/attr.h"
#include "domain/phone.h"

struct row {
    const char *field;
    enum code_fault fault;
    const char *e164;
};

static void expect_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct phone phone = {.e164 = ""};
        expect_fault(rows[i].field, phone_parse(rows[i].field, strlen(rows[i].field), &phone), rows[i].fault);
        expect_text(rows[i].field, phone.e164, rows[i].e164);
    }
}

static void one_number_in_many_dresses(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "0905123456",
        "+84 905.123.456",
        "84905123456",
        "+84905123456",
        "0084905123456",
        "0905 123 456",
        "0905.123.456",
        "0905-123-456",
        "(0905) 123 456",
        "+84 (0) 905 123 456",
        "(+84) 905123456",
        " 0905123456\r\n",
        "０９０５１２３４５６",
        "0905\xC2\xA0"
        "123\xC2\xA0"
        "456",
        "ĐT: 0905123456",
        "0905123456 (chị A)",
        "Tel.0905123456",
        "0905123456.",
        "84 905 123 456",
        "840905123456",
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        const struct row row = {fields[i], FAULT_OK, "+84905123456"};
        expect_rows(&row, 1);
    }
}

static void first_valid_mobile_of_several_is_taken(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"0905123456/0914123456", FAULT_OK, "+84905123456"},
        {"0905123456;0914123456", FAULT_OK, "+84905123456"},
        {"0905123456, 0914123456", FAULT_OK, "+84905123456"},
        {"0905123456 | 0914123456", FAULT_OK, "+84905123456"},
        {"0905123456 - 0914123456", FAULT_OK, "+84905123456"},
        {"0905 123 456 0914 123 456", FAULT_OK, "+84905123456"},
        {"0905123456 +84914123456", FAULT_OK, "+84905123456"},
        {"0905123456 hoặc 0914123456", FAULT_OK, "+84905123456"},
        {"02603862345/0905123456", FAULT_OK, "+84905123456"},
        {"02603862345 - 0905123456", FAULT_OK, "+84905123456"},
        {"0260 3862 345 0905 123 456", FAULT_OK, "+84905123456"},
        {"090512345/0914123456", FAULT_OK, "+84914123456"},
        {"số 5, 0905123456", FAULT_OK, "+84905123456"},
        {"0905 123 456 789", FAULT_PHONE_LENGTH, ""},  // three digits too many: no guess
        {"0905123456091412", FAULT_PHONE_LENGTH, ""},  // 16 digits
        {"09051234560914123", FAULT_PHONE_LENGTH, ""}, // 17
        {"09051234560914123456", FAULT_PHONE_LENGTH, ""},
        {"02603862345/0263822041", FAULT_LANDLINE, ""},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void eleven_digits_moved_in_2018(void **state)
{
    (void)state;
    static const char *const moved[][2] = {
        {"0162", "32"}, {"0163", "33"}, {"0164", "34"}, {"0165", "35"}, {"0166", "36"}, {"0167", "37"},
        {"0168", "38"}, {"0169", "39"}, {"0120", "70"}, {"0121", "79"}, {"0122", "77"}, {"0126", "76"},
        {"0128", "78"}, {"0123", "83"}, {"0124", "84"}, {"0125", "85"}, {"0127", "81"}, {"0129", "82"},
        {"0186", "56"}, {"0188", "58"}, {"0199", "59"},
    };
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        char field[32], e164[32];
        (void)snprintf(field, sizeof(field), "%s9123456", moved[i][0]);
        (void)snprintf(e164, sizeof(e164), "+84%s9123456", moved[i][1]);
        const struct row row = {field, FAULT_OK, e164};
        expect_rows(&row, 1);
    }
    static const struct row rows[] = {
        {"01689123456", FAULT_OK, "+84389123456"},     {"+841689123456", FAULT_OK, "+84389123456"},
        {"84 168 912 3456", FAULT_OK, "+84389123456"}, {"01619123456", FAULT_PHONE_PREFIX, ""},
        {"01309123456", FAULT_PHONE_PREFIX, ""},       {"0168912345", FAULT_PHONE_PREFIX, ""}, // ten digits
        {"016891234567", FAULT_PHONE_LENGTH, ""},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

// ^\+84(3[0-9]|5[125689]|7[06-9]|8[1-9]|9[0-9])[0-9]{7}$, all hundred prefixes.
static void prefixes_are_those_of_the_plan(void **state)
{
    (void)state;
    static const char *const plan[10] = {
        [3] = "0123456789", [5] = "125689", [7] = "06789", [8] = "123456789", [9] = "0123456789"};
    for (int prefix = 0; prefix < 100; prefix++) {
        char field[16];
        struct phone phone;
        if (prefix / 10 == 2)
            continue; // landlines, below
        (void)snprintf(field, sizeof(field), "0%02d1234567", prefix);
        const char *second = plan[prefix / 10];
        bool mobile = second != NULL && strchr(second, '0' + prefix % 10) != NULL;
        expect_fault(field, phone_parse(field, strlen(field), &phone),
                     mobile ? FAULT_OK : FAULT_PHONE_PREFIX);
    }
}

static void near_misses_are_refused(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"02603862345", FAULT_LANDLINE, ""},
        {"+84 260 3862345", FAULT_LANDLINE, ""},
        {"02438123456", FAULT_LANDLINE, ""}, // Hà Nội
        {"0805123456", FAULT_PHONE_PREFIX, ""},
        {"090512345", FAULT_PHONE_LENGTH, ""},
        {"09051234567", FAULT_PHONE_LENGTH, ""},
        {"+8490512345", FAULT_PHONE_LENGTH, ""},
        {"905123456", FAULT_PHONE_START, ""}, // a spreadsheet ate the 0; but so looks an identity number
        {"+1 202 555 0143", FAULT_PHONE_START, ""},
        {"19001234", FAULT_PHONE_START, ""},
        {"X0905123456", FAULT_SHAPE, ""},
        {"0905123456X", FAULT_SHAPE, ""},
        {"12345", FAULT_SHAPE, ""},
        {"khong co", FAULT_SHAPE, ""},
        {"+", FAULT_SHAPE, ""},
        {"+-+", FAULT_SHAPE, ""},
        {"", FAULT_EMPTY, ""},
        {"  \t", FAULT_EMPTY, ""},
        {"0905\xFF"
         "123456",
         FAULT_NOT_UTF8, ""},
    };
    expect_rows(rows, ARRAY_LEN(rows));
    char big[PHONE_FIELD_MAX + 1];
    struct phone phone;
    memset(big, ' ', sizeof(big));
    memcpy(big, "0905123456", 10);
    assert_int_equal(phone_parse(big, sizeof(big), &phone), FAULT_TOO_LONG);
    assert_int_equal(phone_parse(big, sizeof(big) - 1, &phone), FAULT_OK);
}

static void gateways_get_their_form(void **state)
{
    (void)state;
    struct phone phone;
    char buf[PHONE_E164_LEN + 1];
    assert_int_equal(phone_parse("0905123456", 10, &phone), FAULT_OK);
    phone_format(&phone, PHONE_E164, buf);
    assert_string_equal(buf, "+84905123456");
    phone_format(&phone, PHONE_84, buf);
    assert_string_equal(buf, "84905123456");
    phone_format(&phone, PHONE_NATIONAL, buf);
    assert_string_equal(buf, "0905123456");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_number_in_many_dresses),
        cmocka_unit_test(first_valid_mobile_of_several_is_taken),
        cmocka_unit_test(eleven_digits_moved_in_2018),
        cmocka_unit_test(prefixes_are_those_of_the_plan),
        cmocka_unit_test(near_misses_are_refused),
        cmocka_unit_test(gateways_get_their_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
