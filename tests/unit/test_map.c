// SPDX-License-Identifier: EUPL-1.2
// Keys of every length, the empty one too: a fact that names no code gives one without an address.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/err.h"
#include "correlate/map.h"

static void the_empty_key_is_one_like_others(void **state)
{
    (void)state;
    struct map m;
    int one, two;
    map_init(&m);
    assert_null(map_get(&m, NULL, 0));
    assert_int_equal(map_put(&m, "a", 1, &one), ERR_OK);
    assert_null(map_get(&m, NULL, 0));
    assert_int_equal(map_put(&m, NULL, 0, &two), ERR_OK);
    assert_ptr_equal(map_get(&m, NULL, 0), &two);
    assert_ptr_equal(map_get(&m, "", 0), &two);
    assert_ptr_equal(map_get(&m, "a", 1), &one);
    map_replace(&m, NULL, 0, &one);
    assert_ptr_equal(map_get(&m, NULL, 0), &one);
    map_done(&m);
}

static void many_keys_are_found_again(void **state)
{
    (void)state;
    struct map m;
    static int values[1000];
    char key[16];
    map_init(&m);
    for (int i = 0; i < 1000; i++) {
        int len = snprintf(key, sizeof key, "%d", i);
        assert_int_equal(map_put(&m, key, (size_t)len, &values[i]), ERR_OK);
    }
    for (int i = 0; i < 1000; i++) {
        int len = snprintf(key, sizeof key, "%d", i);
        assert_ptr_equal(map_get(&m, key, (size_t)len), &values[i]);
    }
    assert_null(map_get(&m, "1000", 4));
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_key_is_one_like_others),
        cmocka_unit_test(many_keys_are_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
