// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/attr.h"
#include "portal/html.h"

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static void markup_in_values_is_text(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"Hồ sơ", "Hồ sơ"},
        {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
        {"\" onload=\"x", "&quot; onload=&quot;x"},
        {"a & b &amp; c", "a &amp; b &amp;amp; c"},
        {"a\tb\nc\x7f"
         "d",
         "a b c d"},
        {"\xc2\x85", " "},
        {"x\xc3", "x\xef\xbf\xbd"},
        {"\xff\xfe<", "\xef\xbf\xbd\xef\xbf\xbd&lt;"},
        {"\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd"}, // an overlong '<'
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        html_cstr(&out, rows[i][0]);
        assert_string_equal(buf_str(&out), rows[i][1]);
    }
}

static void times_are_vietnamese(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *html;
    } rows[] = {
        {0, "<time datetime=\"1970-01-01T07:00+07:00\">07:00, thứ Năm 01/01/1970</time>"},
        {1795244700000, "<time datetime=\"2026-11-21T14:05+07:00\">14:05, thứ Bảy 21/11/2026</time>"},
        {1795280399999, "<time datetime=\"2026-11-21T23:59+07:00\">23:59, thứ Bảy 21/11/2026</time>"},
        {1795280400000, "<time datetime=\"2026-11-22T00:00+07:00\">00:00, Chủ nhật 22/11/2026</time>"},
        {1709226000000, "<time datetime=\"2024-03-01T00:00+07:00\">00:00, thứ Sáu 01/03/2024</time>"},
        {1709225999000, "<time datetime=\"2024-02-29T23:59+07:00\">23:59, thứ Năm 29/02/2024</time>"},
        {-1, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        html_time(&out, rows[i].ms);
        assert_string_equal(buf_str(&out), rows[i].html);
    }
}

static void days_are_named(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"2026-11-26", "<time datetime=\"2026-11-26\">thứ Năm 26/11/2026</time>"},
        {"2024-02-29", "<time datetime=\"2024-02-29\">thứ Năm 29/02/2024</time>"},
        {"1970-01-01", "<time datetime=\"1970-01-01\">thứ Năm 01/01/1970</time>"},
        {"9999-12-31", "<time datetime=\"9999-12-31\">thứ Sáu 31/12/9999</time>"},
        {"2023-02-29", "2023-02-29"},
        {"2026-13-01", "2026-13-01"},
        {"2026-11-2<", "2026-11-2&lt;"},
        {"mai", "mai"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_reset(&out);
        html_day(&out, rows[i][0], strlen(rows[i][0]));
        assert_string_equal(buf_str(&out), rows[i][1]);
    }
}

static void amounts_have_dots(void **state)
{
    (void)state;
    html_amount(&out, 1250000);
    assert_string_equal(buf_str(&out), "1.250.000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(markup_in_values_is_text, setup, teardown),
        cmocka_unit_test_setup_teardown(times_are_vietnamese, setup, teardown),
        cmocka_unit_test_setup_teardown(days_are_named, setup, teardown),
        cmocka_unit_test_setup_teardown(amounts_have_dots, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
