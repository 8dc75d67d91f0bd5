// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/attr.h"
#include "base/ini.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What a text reads as: "[s]" section, "k=v" pair, "!" bad, each with its line.
static const struct {
    const char *text, *reads;
} texts[] = {
    {"", ""},
    {"\n\n", ""},
    {"[a]", "1[a] "},
    {"[ a b ]\r\n", "1[a b] "},
    {"\xEF\xBB\xBF[a]\n", "1[a] "},
    {"# [a]\n; x=1\n  # y=2\n", ""},
    {"[a]\nx=1\n\ty = 2 3 \n", "1[a] 2x=1 3y=2 3 "},
    {"[a]\nx=\n", "1[a] 2x= "},
    {"[a]\nx=a=b=c\n", "1[a] 2x=a=b=c "},
    {"[a]\nurl = host=/x password='a;b #c'\n", "1[a] 2url=host=/x password='a;b #c' "},
    {"x=1", "1x=1 "}, // where it belongs is for the caller to say
    {"[a\n[]\n[ ]\n]\n[a]b\n[", "1! 2! 3! 4! 5! 6! "},
    {"=1\n x\n", "1! 2! "},
    {"a\x01=1\na=\x7F\na=\tb\n", "1! 2! 3a=b "},
    {"x=1\r\r\n", "1x=1 "},
};

static void read_all(const char *text, size_t len, char *out, size_t cap)
{
    struct ini ini;
    struct ini_item item;
    size_t used = 0;
    out[0] = '\0';
    ini_init(&ini, text, len);
    for (enum ini_kind kind; (kind = ini_next(&ini, &item)) != INI_END;) {
        int n = 0;
        if (kind == INI_BAD)
            n = snprintf(out + used, cap - used, "%u! ", ini.line);
        else if (kind == INI_SECTION)
            n = snprintf(out + used, cap - used, "%u[%.*s] ", ini.line, (int)item.name_len, item.name);
        else
            n = snprintf(out + used, cap - used, "%u%.*s=%.*s ", ini.line, (int)item.name_len, item.name,
                         (int)item.value_len, item.value);
        assert_true(n > 0 && used + (size_t)n < cap);
        used += (size_t)n;
    }
}

static void texts_read_as_the_table_says(void **state)
{
    (void)state;
    char out[500];
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        read_all(texts[i].text, strlen(texts[i].text), out, sizeof out);
        assert_string_equal(out, texts[i].reads);
    }
}

static void a_line_may_have_4096_bytes(void **state)
{
    (void)state;
    static char text[INI_LINE_MAX + 2];
    struct ini ini;
    struct ini_item item;
    memset(text, 'x', sizeof text);
    text[1] = '=';
    text[INI_LINE_MAX] = '\n';
    ini_init(&ini, text, INI_LINE_MAX + 1);
    assert_int_equal(ini_next(&ini, &item), INI_PAIR);
    assert_int_equal(item.value_len, INI_LINE_MAX - 2);
    text[INI_LINE_MAX] = 'x';
    ini_init(&ini, text, INI_LINE_MAX + 1);
    assert_int_equal(ini_next(&ini, &item), INI_BAD);
    assert_int_equal(ini_next(&ini, &item), INI_END);
}

static void damaged_files_are_read_to_their_end_and_never_beyond(void **state)
{
    (void)state;
    static const char good[] = "\xEF\xBB\xBF# c\n[ingest]\nlisten = [::1]:80\r\n\n ;x\n[log]\nlevel=info\n";
    static const char spice[] = "[]=\n\r\t #;\0\x7F\xC4x";
    srandom(20261121);
    for (int round = 0; round < 50000; round++) {
        size_t len = (size_t)random() % sizeof good;
        char *text = malloc(len + 1); // exactly sized, so that the sanitizer sees one byte too many
        assert_non_null(text);
        memcpy(text, good, len);
        for (int k = 0; len > 0 && k < 4; k++)
            text[(size_t)random() % len] = spice[(size_t)random() % (sizeof spice - 1)];
        text = realloc(text, len ? len : 1);
        struct ini ini;
        struct ini_item item;
        unsigned line = 0;
        ini_init(&ini, text, len);
        for (enum ini_kind kind; (kind = ini_next(&ini, &item)) != INI_END;) {
            assert_true(ini.line > line);
            line = ini.line;
            if (kind == INI_BAD) {
                assert_non_null(item.wrong);
                continue;
            }
            assert_true(item.name_len > 0);
            assert_true(item.name >= text && item.name + item.name_len <= text + len);
            if (kind == INI_PAIR)
                assert_true(item.value >= text && item.value + item.value_len <= text + len);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_read_as_the_table_says),
        cmocka_unit_test(a_line_may_have_4096_bytes),
        cmocka_unit_test(damaged_files_are_read_to_their_end_and_never_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
