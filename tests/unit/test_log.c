// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t mono;
static char captured[65536];

static int64_t fake_ms(void *ctx)
{
    (void)ctx;
    return mono;
}

static void fake_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    memset(out, 0, len);
}

// Runs `body` with stderr in a file; returns what it wrote.
static const char *capture(void (*body)(void))
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int saved = dup(STDERR_FILENO);
    assert_true(saved >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
    body();
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    rewind(file);
    size_t n = fread(captured, 1, sizeof captured - 1, file);
    captured[n] = '\0';
    (void)fclose(file);
    return captured;
}

static int count_lines(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static void write_typed(void)
{
    log_info("test.typed", LOG_STR("code", "H56.14-240823-0001"), LOG_STRN("part", "abcdef", 3),
             LOG_INT("n", -5), LOG_ERR(ERR_DB_LOST), LOG_STR("odd", "\x01\xff\n"), LOG_STR("none", NULL));
}

// The member's text; "" when there is none.
static const char *text_of(const json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "";
}

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    const char *out = capture(write_typed);
    assert_int_equal(count_lines(out), 1);
    json_t *line = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(text_of(line, "level"), "info");
    assert_string_equal(text_of(line, "service"), "tester");
    assert_int_equal(json_integer_value(json_object_get(line, "pid")), getpid());
    assert_string_equal(text_of(line, "event"), "test.typed");
    assert_string_equal(text_of(line, "t"), "1970-01-01T00:00:01.000Z");
    assert_string_equal(text_of(line, "code"), "H56.14-240823-0001");
    assert_string_equal(text_of(line, "part"), "abc");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), -5);
    assert_string_equal(text_of(line, "error"), "db-lost");
    assert_string_equal(text_of(line, "odd"), "\x01\xEF\xBF\xBD\n");
    assert_string_equal(text_of(line, "none"), "");
    json_decref(line);
}

static void write_levels(void)
{
    log_debug("test.debug");
    log_set_level(LOG_LEVEL_WARN);
    log_info("test.info");
    log_warn("test.warn");
    log_error("test.error");
    log_set_level(LOG_LEVEL_INFO);
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    const char *out = capture(write_levels);
    assert_int_equal(count_lines(out), 2);
    assert_non_null(strstr(out, "\"level\":\"warn\""));
    assert_non_null(strstr(out, "\"level\":\"error\""));
}

static void write_flood(void)
{
    for (int i = 0; i < 100; i++)
        log_info("test.flood", LOG_INT("i", i));
    log_info("test.other");
    mono += 999;
    log_info("test.flood", LOG_INT("i", 100));
    mono += 1;
    log_info("test.flood", LOG_INT("i", 101));
    log_info("test.flood", LOG_INT("i", 102));
}

static void a_flood_is_counted_instead_of_written(void **state)
{
    (void)state;
    const char *out = capture(write_flood);
    assert_int_equal(count_lines(out), LOG_BURST + 1 + 2);
    assert_non_null(strstr(out, "test.other"));
    assert_non_null(strstr(out, "\"i\":101,\"suppressed\":81}"));
    assert_non_null(strstr(out, "\"i\":102}"));
}

static void write_many_names(void)
{
    static char names[200][16];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(names[i], sizeof names[i], "test.n%d", i);
        mono++;
        log_info(names[i]);
    }
}

static void more_names_than_the_limiter_remembers(void **state)
{
    (void)state;
    assert_int_equal(count_lines(capture(write_many_names)), 200);
}

static void write_long(void)
{
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    struct log_field many[40];
    for (size_t i = 0; i < 39; i++)
        many[i] = (struct log_field){"k", text, SIZE_MAX, 0};
    many[39] = (struct log_field){NULL, NULL, 0, 0};
    log_info("test.long", LOG_STR("text", text));
    log_write(LOG_LEVEL_INFO, "test.longest", many);
}

static void long_lines_are_cut_not_lost(void **state)
{
    (void)state;
    const char *out = capture(write_long);
    assert_int_equal(count_lines(out), 2);
    const char *first = strstr(out, "xxx");
    assert_non_null(first);
    assert_int_equal(strspn(first, "x"), 1024);
    assert_non_null(strstr(out, "\"event\":\"test.longest\",\"cut\":true}"));
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("debug"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_parse("error"), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_parse("Error"), -1);
    assert_int_equal(log_level_parse(""), -1);
}

// A full disk: nobody reads the line, the metric tells of it.
static void lines_that_cannot_be_written_are_counted(void **state)
{
    (void)state;
    struct buf out = {.max = 65536};
    log_register();
    int saved = dup(STDERR_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(saved >= 0 && full >= 0 && dup2(full, STDERR_FILENO) >= 0);
    log_info("test.full");
    log_info("test.full");
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(full);
    log_info("test.written");
    metrics_render(&out);
    buf_putc(&out, '\0');
    assert_false(buf_error(&out));
    assert_non_null(strstr(out.data, "duongthu_log_lost_total 2\n"));
    buf_done(&out);
}

static int setup(void **state)
{
    (void)state;
    static const struct clock_source fake = {fake_ms, fake_ms, fake_random, NULL};
    mono = 1000;
    clock_use(&fake);
    log_init("tester", LOG_LEVEL_INFO);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_is_one_json_object, setup),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(a_flood_is_counted_instead_of_written),
        cmocka_unit_test(more_names_than_the_limiter_remembers),
        cmocka_unit_test(long_lines_are_cut_not_lost),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(lines_that_cannot_be_written_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
