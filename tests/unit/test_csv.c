// SPDX-License-Identifier: EUPL-1.2
// CSV files of registers: what spreadsheets write, and what is refused with its line.
#include "base/attr.h"
#include "base/err.h"
#include "cli/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static char why[256];

static int read_text(const char *text, size_t len, struct csv *c)
{
    char path[32];
    int fd = memfd_create("csv", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    why[0] = '\0';
    int err = csv_read(path, c, why, sizeof why);
    assert_int_equal(close(fd), 0);
    return err;
}

// Names and rows as one text: "a|b / 1|2 / 3|4".
static const char *shown(const struct csv *c)
{
    static char text[512];
    size_t n = 0;
    for (size_t i = 0; i < c->columns; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "|" : "", c->names[i]);
    for (size_t row = 0; row < c->rows; row++) {
        for (size_t i = 0; i < c->columns; i++)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "|" : " / ", csv_field(c, row, i));
    }
    return text;
}

static void what_spreadsheets_write(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"a,b\n1,2\n", "a|b / 1|2"},
        {"a;b\n1;2,5\n", "a|b / 1|2,5"},
        {"\xEF\xBB\xBF"
         "a,b\r\n1,2\r\n",
         "a|b / 1|2"},
        {"\xEF\xBB\xBF\"a\",\"b\"\r\n\"1\",\"2\"\r\n", "a|b / 1|2"}, // every text quoted
        {"\xEF\xBB\xBF"
         "a;b\n1;2\n",
         "a|b / 1|2"},
        {"\xEF\xBB\xBF\xEF\xBB\xBF"
         "a,b\n1,2\n",
         "\xEF\xBB\xBF"
         "a|b / 1|2"}, // one mark is one mark
        {"\"\xEF\xBB\xBF"
         "a\",b\n1,2\n",
         "\xEF\xBB\xBF"
         "a|b / 1|2"},
        {"\"a;b;c\",d\n1,2\n", "a;b;c|d / 1|2"}, // semicolons inside quotes separate nothing
        {"\"a\n;;\",d\n1,2\n", "a\n;;|d / 1|2"},
        {"a,b\r1,2\r3,4\r", "a|b / 1|2 / 3|4"},
        {"a,b\n\n1,2\n \n3,4", "a|b / 1|2 / 3|4"},
        {"a,b,c\n1\n", "a|b|c / 1||"},
        {"a,b\n,\n", "a|b / |"},
        {"a,b\n\"x \"\"y\"\", z\",\"1\n2\"\n", "a|b / x \"y\", z|1\n2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct csv c;
        assert_int_equal(read_text(cases[i].text, strlen(cases[i].text), &c), ERR_OK);
        assert_string_equal(shown(&c), cases[i].shown);
        csv_done(&c);
    }
}

static void what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len; // 0: up to the NUL
        const char *why;
    } cases[] = {
        {"\n\n", 0, "the first line must name the columns"},
        {"a\n1,2\n", 0, ":2: more fields than the first line names"},
        {"a,b\n1,2\n\"3,4\n", 0, ":3: a quote that is never closed"},
        {"a,b\n1,2\nx\"y,4\n", 0, ":3: a quote in the wrong place"},
        {"a,b\n1,\0\n", 8, ":2: a NUL byte"},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\n", 0, ":1: more than 16 columns"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct csv c;
        assert_int_equal(read_text(cases[i].text, cases[i].len ? cases[i].len : strlen(cases[i].text), &c),
                         ERR_INVALID);
        assert_non_null(strstr(why, cases[i].why));
        csv_done(&c);
    }
    struct csv c;
    assert_int_equal(csv_read("/nowhere/at/all.csv", &c, why, sizeof why), ERR_IO);
    csv_done(&c);
}

static void lines_and_columns_are_found(void **state)
{
    (void)state;
    static const char text[] = "Code,name\n\n1,\"a\nb\"\n2,c\n";
    struct csv c;
    assert_int_equal(read_text(text, sizeof text - 1, &c), ERR_OK);
    assert_int_equal(c.rows, 2);
    assert_int_equal(c.lines[0], 3);
    assert_int_equal(c.lines[1], 5);
    assert_int_equal(csv_column(&c, "code"), 0);
    assert_int_equal(csv_column(&c, "NAME"), 1);
    assert_int_equal(csv_column(&c, "nam"), CSV_COLUMNS_MAX);
    csv_done(&c);
}

static void a_field_has_a_longest(void **state)
{
    (void)state;
    static char text[CSV_FIELD_MAX + 8] = "a\n";
    struct csv c;
    memset(text + 2, 'x', CSV_FIELD_MAX + 1);
    assert_int_equal(read_text(text, 2 + CSV_FIELD_MAX, &c), ERR_OK);
    assert_int_equal(strlen(csv_field(&c, 0, 0)), CSV_FIELD_MAX);
    csv_done(&c);
    assert_int_equal(read_text(text, 3 + CSV_FIELD_MAX, &c), ERR_INVALID);
    assert_non_null(strstr(why, ":2: a field longer than 4096 bytes"));
    csv_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_spreadsheets_write),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(lines_and_columns_are_found),
        cmocka_unit_test(a_field_has_a_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
