// SPDX-License-Identifier: EUPL-1.2
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void pieces(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    char *last = NULL;
    assert_non_null(arena_try_alloc(&a, 0));
    for (size_t size = 1; size < 3000; size += 7) {
        char *p = arena_try_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        assert_true(p != last);
        memset(p, 0x5a, size);
        last = p;
    }
    unsigned char *z = arena_try_zero(&a, 100, 50);
    assert_non_null(z);
    for (size_t i = 0; i < 5000; i++)
        assert_int_equal(z[i], 0);
    char *copy = arena_try_copy(&a, "abc\0d", 5);
    assert_memory_equal(copy, "abc\0d\0", 6);
    assert_string_equal(arena_try_copy(&a, NULL, 0), "");
    arena_done(&a);
    arena_done(&a);
}

static void bounds(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 10000);
    assert_null(arena_try_alloc(&a, 10001));
    assert_null(arena_try_alloc(&a, SIZE_MAX));
    assert_null(arena_try_zero(&a, SIZE_MAX / 2, 3));
    assert_null(arena_try_copy(&a, "", SIZE_MAX));
    size_t got = 0;
    while (arena_try_alloc(&a, 1000))
        got += 1000;
    assert_true(got >= 8000 && got <= 10000);
    assert_true(a.total <= a.max);
    arena_done(&a);
    assert_int_equal(a.total, 0);
    assert_non_null(arena_try_alloc(&a, 9000)); // as new
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces), cmocka_unit_test(bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
