// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"

#include <string.h>

static void commas_and_nesting(void **state)
{
    (void)state;
    struct buf b;
    struct jout j;
    buf_init(&b, 1000);
    jout_init(&j, &b);
    jout_open_object(&j, NULL);
    jout_open_array(&j, "a");
    jout_int(&j, NULL, 1);
    jout_int(&j, NULL, -2);
    jout_open_object(&j, NULL);
    jout_close_object(&j);
    jout_open_object(&j, NULL);
    jout_bool(&j, "t", true);
    jout_close_object(&j);
    jout_close_array(&j);
    jout_open_array(&j, "empty");
    jout_close_array(&j);
    jout_null(&j, "n");
    jout_string(&j, "s", NULL);
    jout_raw(&j, "r", "[1,2]", 5);
    jout_close_object(&j);
    assert_int_equal(buf_error(&b), ERR_OK);
    assert_string_equal(b.data, "{\"a\":[1,-2,{},{\"t\":true}],\"empty\":[],\"n\":null,\"s\":null,"
                                "\"r\":[1,2]}");
    buf_done(&b);
}

#define BAD "\xEF\xBF\xBD" // U+FFFD

static const struct {
    const char *in;
    size_t len;
    const char *out;
} strings[] = {
    {"", 0, "\"\""},
    {"Đường Thư", 14, "\"Đường Thư\""},
    {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
    {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
    {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\""},
    {"\xF0\x9F\x93\xA6", 4, "\"\xF0\x9F\x93\xA6\""},
    {"\x80", 1, "\"" BAD "\""},                         // a continuation byte alone
    {"\xC0\xAF", 2, "\"" BAD BAD "\""},                 // overlong slash
    {"\xE0\x80\x80", 3, "\"" BAD BAD BAD "\""},         // overlong
    {"\xF0\x80\x80\x80", 4, "\"" BAD BAD BAD BAD "\""}, // overlong
    {"\xED\xA0\x80", 3, "\"" BAD BAD BAD "\""},         // a surrogate
    {"\xF4\x90\x80\x80", 4, "\"" BAD BAD BAD BAD "\""}, // > U+10FFFF
    {"\xF5\x80\x80\x80", 4, "\"" BAD BAD BAD BAD "\""}, // never a first byte
    {"x\xC4", 2, "\"x" BAD "\""},                       // cut in the middle of Đ
    {"\xE1\xBB", 2, "\"" BAD BAD "\""},                 // cut in the middle of ờ
};

static void strings_are_always_valid_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        struct buf b;
        struct jout j;
        buf_init(&b, 100);
        jout_init(&j, &b);
        jout_string_n(&j, NULL, strings[i].in, strings[i].len);
        assert_int_equal(buf_error(&b), ERR_OK);
        assert_string_equal(b.data, strings[i].out);
        buf_done(&b);
    }
}

static const struct {
    int64_t ms;
    const char *out;
} times[] = {
    {1795222923004, "\"2026-11-21T01:02:03.004Z\""},
    {0, "\"1970-01-01T00:00:00.000Z\""},
    {-1, "\"1969-12-31T23:59:59.999Z\""},
    {253402300799999, "\"9999-12-31T23:59:59.999Z\""},
    {253402300800000, "null"}, // RFC 3339 ends with year 9999
    {INT64_MAX, "null"},
    {INT64_MIN, "null"},
};

static void times_are_rfc3339_or_null(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct buf b;
        struct jout j;
        buf_init(&b, 100);
        jout_init(&j, &b);
        jout_time(&j, NULL, times[i].ms);
        assert_string_equal(buf_str(&b), times[i].out);
        buf_done(&b);
    }
}

static void overflow_is_reported_once_at_the_end(void **state)
{
    (void)state;
    struct buf b;
    struct jout j;
    buf_init(&b, 12);
    jout_init(&j, &b);
    jout_open_object(&j, NULL);
    jout_string(&j, "long", "0123456789");
    jout_close_object(&j);
    assert_int_equal(buf_error(&b), ERR_TOO_BIG);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_nesting),
        cmocka_unit_test(strings_are_always_valid_json),
        cmocka_unit_test(times_are_rfc3339_or_null),
        cmocka_unit_test(overflow_is_reported_once_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
