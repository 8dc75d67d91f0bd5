// SPDX-License-Identifier: EUPL-1.2
// What scanners, keyboards and QR codes emit, and what it must become.
#include "expect.h"

#include "domain/attr.h"
#include "domain/text.h"

struct row {
    const char *in, *out;
};

static void expect_rows(const struct row *rows, size_t n, enum text_reading reading)
{
    for (size_t i = 0; i < n; i++) {
        char buf[TEXT_SCAN_MAX + 1];
        size_t len = 0;
        expect_fault(rows[i].in,
                     text_normalise(rows[i].in, strlen(rows[i].in), reading, buf, sizeof(buf), &len),
                     FAULT_OK);
        expect_text(rows[i].in, buf, rows[i].out);
        assert_int_equal(len, strlen(buf));
        assert_true(len <= strlen(rows[i].in));
    }
}

static void codes_are_cleaned(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"EC521602781VN", "EC521602781VN"},
        {"  ec 521 602 781 vn ", "EC521602781VN"},
        {"EC521602781VN\r\n", "EC521602781VN"},
        {"EC521602781VN\t", "EC521602781VN"},
        {"\x02"
         "EC521602781VN\x03",
         "EC521602781VN"}, // STX, ETX
        {"EC\xC2\xA0"
         "521602781VN",
         "EC521602781VN"}, // NBSP
        {"EC\xE3\x80\x80"
         "521602781VN",
         "EC521602781VN"}, // ideographic space
        {"\xEF\xBB\xBF"
         "EC521602781VN",
         "EC521602781VN"}, // byte order mark
        {"EC521\xE2\x80\x8B"
         "602781VN",
         "EC521602781VN"}, // zero-width space
        {"\xE2\x80\xAA"
         "EC521602781VN\xE2\x80\xAC",
         "EC521602781VN"},                               // copied from a chat
        {"ＥＣ５２１６０２７８１ＶＮ", "EC521602781VN"}, // full-width
        {"h56．14－240823－0001", "H56.14-240823-0001"},
        {"H56.14‐240823‑0001", "H56.14-240823-0001"},  // U+2010, U+2011
        {"H56.14‒240823–0001", "H56.14-240823-0001"},  // U+2012, U+2013
        {"H56.14—240823―0001", "H56.14-240823-0001"},  // U+2014, U+2015
        {"H56.14−240823﹣0001", "H56.14-240823-0001"}, // U+2212, U+FE63
        {"+EC521602781VN", "EC521602781VN"},
        {"*EC521602781VN*", "EC521602781VN"},
        {"*EC521602781VN", "*EC521602781VN"}, // half a frame is no frame
        {"]C0EC521602781VN", "EC521602781VN"},
        {"]Q1EC521602781VN\r", "EC521602781VN"},
        {"]d2ec521602781vn", "EC521602781VN"},
        {"]C1\x1D"
         "00106141412345678908",
         "00106141412345678908"},             // FNC1 behind the prefix
        {"]EC521602781VN", "]EC521602781VN"}, // a prefix has a digit
        {"]-1EC521602781VN", "]-1EC521602781VN"},
        {"EC521\x01"
         "602781VN",
         "EC521\x01"
         "602781VN"}, // a control character inside stays, and is refused
        {"", ""},
        {" \r\n", ""},
        {"+", ""},
        {"**", ""},
    };
    expect_rows(rows, ARRAY_LEN(rows), TEXT_CODE);
}

static void telex_damage_is_undone(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"Đ123456785VN", "DD123456785VN"},
        {"đ123456785vn", "DD123456785VN"},
        {"Ê123456785VN", "EE123456785VN"},
        {"Â123456785VN", "AA123456785VN"},
        {"Ô123456785VN", "OO123456785VN"},
        {"Ă123456785VN", "AW123456785VN"},
        {"Ơ123456785VN", "OW123456785VN"},
        {"CƯ123456785VN", "CW123456785VN"},
        {"RR123456785Ú", "RR123456785US"},
        {"À", "AF"},
        {"Ẻ", "ER"},
        {"Ĩ", "IX"},
        {"Ọ", "OJ"},
        {"Ỳ", "YF"},
        // decomposed: the same keys
        {"E\xCC\x82"
         "123456785VN",
         "EE123456785VN"},
        {"CU\xCC\x9B"
         "123456785VN",
         "CW123456785VN"},
        {"U\xCC\x81", "US"},
        {"A\xCC\x86", "AW"},
        // two marks: AAS and ASA give the same letter, so it stays
        {"Ấ", "Ấ"},
        {"Ứ", "Ứ"},
        {"A\xCC\x82\xCC\x81", "AA\xCC\x81"},
        {"\xC3\x82\xCC\x81", "AA\xCC\x81"},
        // a mark on nothing, on a digit, on the wrong letter
        {"\xCC\x81", "\xCC\x81"},
        {"1\xCC\x81", "1\xCC\x81"},
        {"I\xCC\x82", "I\xCC\x82"},
        {"Ñ", "Ñ"},
    };
    expect_rows(rows, ARRAY_LEN(rows), TEXT_CODE);
}

static void horned_u_has_a_second_reading(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"Ư123456785VN", "UW123456785VN"},
        {"U\xCC\x9B"
         "123456785VN",
         "UW123456785VN"},
        {"Ơ123456785VN", "OW123456785VN"},
        {"Đ123456785VN", "DD123456785VN"},
    };
    expect_rows(rows, ARRAY_LEN(rows), TEXT_CODE_UW);
}

static void free_text_keeps_its_words(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"  Mã hồ sơ:\t h56.14-240823-0001 \r\n", "Mã Hồ Sơ: H56.14-240823-0001"},
        {"+84 905.123.456", "+84 905.123.456"},
        {"]C0x", "]C0X"},
        {"a\x1D"
         "b\x01",
         "A B"},
        {"https://x.vn/a%3Db%2Fc%20d%E1%BB%93e", "HTTPS://X.VN/A=B/C D E"},
        {"100%EC521602781VN", "100%EC521602781VN"}, // no URL, no escapes
        {"https://x.vn/%", "HTTPS://X.VN/%"},
        {"https://x.vn/%4", "HTTPS://X.VN/%4"},
        {"https://x.vn/%4g", "HTTPS://X.VN/%4G"},
        {" \xC2\xA0\t ", ""},
    };
    expect_rows(rows, ARRAY_LEN(rows), TEXT_FREE);
}

static void bounds_are_faults(void **state)
{
    (void)state;
    static char big[TEXT_SCAN_MAX + 1];
    static char buf[TEXT_SCAN_MAX + 1];
    size_t len = 77;
    memset(big, 'a', sizeof(big));
    assert_int_equal(text_normalise(big, TEXT_SCAN_MAX, TEXT_CODE, buf, sizeof(buf), &len), FAULT_OK);
    assert_int_equal(len, TEXT_SCAN_MAX);
    len = 77;
    assert_int_equal(text_normalise(big, TEXT_SCAN_MAX + 1, TEXT_CODE, buf, sizeof(buf), &len),
                     FAULT_TOO_LONG);
    assert_int_equal(text_normalise("abc", 3, TEXT_CODE, buf, 3, &len), FAULT_TOO_LONG);
    assert_int_equal(text_normalise("a\xFF", 2, TEXT_CODE, buf, sizeof(buf), &len), FAULT_NOT_UTF8);
    assert_int_equal(text_normalise("a\xE1\xBA", 3, TEXT_FREE, buf, sizeof(buf), &len), FAULT_NOT_UTF8);
    assert_int_equal(len, 77);
    assert_int_equal(text_normalise("abc", 3, TEXT_CODE, buf, 4, &len), FAULT_OK);
    assert_int_equal(len, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_cleaned),
        cmocka_unit_test(telex_damage_is_undone),
        cmocka_unit_test(horned_u_has_a_second_reading),
        cmocka_unit_test(free_text_keeps_its_words),
        cmocka_unit_test(bounds_are_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
