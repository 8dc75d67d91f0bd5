// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void appends_and_terminates(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    assert_string_equal(buf_str(&b), "");
    buf_puts(&b, "mã");
    buf_putc(&b, '-');
    buf_put_int(&b, INT64_MIN);
    buf_putc(&b, '-');
    buf_put_hex(&b, "\x00\xff\x1a", 3);
    buf_printf(&b, "%s=%d", "x", 7);
    assert_int_equal(buf_error(&b), ERR_OK);
    assert_string_equal(b.data, "mã--9223372036854775808-00ff1ax=7");
    assert_int_equal(b.len, strlen(b.data));
    buf_done(&b);
}

static void numbers_as_printf_writes_them(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0,  1,   -1,         9,         10,        -10,
                                      99, 100, 1795219200, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char out[BUF_INT_MAX], want[32];
        int len = snprintf(want, sizeof want, "%" PRId64, numbers[i]);
        assert_int_equal(buf_format_int(numbers[i], out), len);
        assert_string_equal(out, want);
    }
}

static void grows_past_the_first_block(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 10000; i++)
        buf_printf(&b, "%04d ", i);
    assert_int_equal(buf_error(&b), ERR_OK);
    assert_int_equal(b.len, 50000);
    assert_memory_equal(b.data + 49990, "9998 9999 ", 11);
    buf_done(&b);
}

static void refuses_beyond_the_maximum_and_stays_refused(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_puts(&b, "0123456789"); // exactly full is legal
    assert_int_equal(buf_error(&b), ERR_OK);
    buf_putc(&b, 'x');
    assert_int_equal(buf_error(&b), ERR_TOO_BIG);
    assert_string_equal(buf_str(&b), "0123456789");
    buf_reset(&b);
    assert_int_equal(buf_error(&b), ERR_OK);
    buf_puts(&b, "01234");
    buf_printf(&b, "%s", "abcdef"); // fits the memory, not the maximum
    assert_int_equal(buf_error(&b), ERR_TOO_BIG);
    assert_string_equal(b.data, "01234"); // nothing half-written
    buf_puts(&b, "a");
    assert_int_equal(b.len, 5);
    buf_done(&b);
}

static void reserve_gives_room_or_null(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 600);
    char *at = buf_try_reserve(&b, 600);
    assert_non_null(at);
    memset(at, 'z', 600);
    b.len += 600;
    assert_int_equal(strlen(buf_str(&b)), 600);
    assert_null(buf_try_reserve(&b, 1));
    assert_int_equal(buf_error(&b), ERR_TOO_BIG);
    buf_done(&b);
}

static void huge_lengths_do_not_wrap(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    buf_putc(&b, 'a');
    assert_null(buf_try_reserve(&b, SIZE_MAX));
    assert_int_equal(buf_error(&b), ERR_TOO_BIG);
    buf_done(&b);
}

static void done_accepts_null_and_zeroed(void **state)
{
    (void)state;
    buf_done(NULL);
    struct buf b = {0};
    buf_done(&b);
    buf_puts(&b, "a"); // a zeroed buffer has maximum 0
    assert_int_equal(buf_error(&b), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_terminates),
        cmocka_unit_test(numbers_as_printf_writes_them),
        cmocka_unit_test(grows_past_the_first_block),
        cmocka_unit_test(refuses_beyond_the_maximum_and_stays_refused),
        cmocka_unit_test(reserve_gives_room_or_null),
        cmocka_unit_test(huge_lengths_do_not_wrap),
        cmocka_unit_test(done_accepts_null_and_zeroed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
