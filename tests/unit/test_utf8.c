// SPDX-License-Identifier: EUPL-1.2
// UTF-8: the borders of each length, and what RFC 3629 forbids.
#include "expect.h"

#include "domain/attr.h"
#include "domain/utf8.h"

static void borders_go_there_and_back(void **state)
{
    (void)state;
    static const struct {
        uint32_t cp;
        const char *bytes;
    } rows[] = {
        {0x00, "\x00"},
        {0x7F, "\x7F"},
        {0x80, "\xC2\x80"},
        {0x7FF, "\xDF\xBF"},
        {0x800, "\xE0\xA0\x80"},
        {0xD7FF, "\xED\x9F\xBF"},
        {0xE000, "\xEE\x80\x80"},
        {0xFFFF, "\xEF\xBF\xBF"},
        {0x10000, "\xF0\x90\x80\x80"},
        {0x10FFFF, "\xF4\x8F\xBF\xBF"},
        {0x1EA5, "\xE1\xBA\xA5"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[UTF8_MAX];
        uint32_t cp = 0xDEAD;
        size_t n = rows[i].cp == 0 ? 1 : strlen(rows[i].bytes);
        assert_int_equal(utf8_encode(rows[i].cp, buf), n);
        assert_memory_equal(buf, rows[i].bytes, n);
        assert_int_equal(utf8_decode(rows[i].bytes, n, &cp), n);
        assert_int_equal(cp, rows[i].cp);
        for (size_t shorter = 0; shorter < n; shorter++)
            assert_int_equal(utf8_decode(rows[i].bytes, shorter, &cp), 0);
    }
}

static void every_scalar_value_survives(void **state)
{
    (void)state;
    for (uint32_t cp = 0; cp <= 0x110001; cp++) {
        char buf[UTF8_MAX];
        uint32_t back;
        size_t n = utf8_encode(cp, buf);
        bool scalar = cp <= 0x10FFFF && !(cp >= 0xD800 && cp <= 0xDFFF);
        assert_int_equal(n > 0, scalar);
        if (scalar) {
            assert_int_equal(utf8_decode(buf, n, &back), n);
            assert_int_equal(back, cp);
        }
    }
}

static void forbidden_forms_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             // continuation alone
        "\xBF",             //
        "\xC0\x80",         // overlong NUL
        "\xC1\xBF",         // overlong 0x7F
        "\xE0\x9F\xBF",     // overlong 0x7FF
        "\xF0\x8F\xBF\xBF", // overlong 0xFFFF
        "\xED\xA0\x80",     // surrogate
        "\xED\xBF\xBF",     //
        "\xF4\x90\x80\x80", // above U+10FFFF
        "\xF5\x80\x80\x80", //
        "\xFE",             //
        "\xFF",             //
        "\xC2 ",            // broken off
        "\xE1\xBA ",        //
        "\xF0\x90\x80 ",    //
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        uint32_t cp = 0xDEAD;
        if (utf8_decode(bad[i], strlen(bad[i]), &cp) != 0)
            fail_msg("row %zu was decoded", i);
        assert_int_equal(cp, 0xDEAD);
    }
}

static void valid_prefix_stops_at_the_first_bad_byte(void **state)
{
    (void)state;
    assert_int_equal(utf8_valid_prefix("", 0), 0);
    assert_int_equal(utf8_valid_prefix("hồ sơ", strlen("hồ sơ")), strlen("hồ sơ"));
    assert_int_equal(utf8_valid_prefix("h\xE1\xBB", 3), 1);
    assert_int_equal(utf8_valid_prefix("ab\xFF"
                                       "cd",
                                       5),
                     2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders_go_there_and_back),
        cmocka_unit_test(every_scalar_value_survives),
        cmocka_unit_test(forbidden_forms_are_refused),
        cmocka_unit_test(valid_prefix_stops_at_the_first_bad_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
