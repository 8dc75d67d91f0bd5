// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "io/link_token.h"

#include <stdlib.h>
#include <string.h>

static void tokens_differ_by_every_part(void **state)
{
    char dir[] = "/tmp/link-token-XXXXXX", error[200], a[LINK_TOKEN_LEN + 1], b[LINK_TOKEN_LEN + 1];
    struct keyring *ring = NULL;
    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(keyring_init(dir, error, sizeof error), ERR_OK);
    assert_int_equal(keyring_open(dir, KEY_TOKEN, &ring, error, sizeof error), ERR_OK);
    link_token_make(ring, 1, 0, 7, a);
    assert_int_equal(strlen(a), LINK_TOKEN_LEN);
    link_token_make(ring, 1, 0, 7, b);
    assert_string_equal(a, b);
    link_token_make(ring, 2, 0, 7, b);
    assert_string_not_equal(a, b);
    link_token_make(ring, 1, 1, 7, b);
    assert_string_not_equal(a, b);
    link_token_make(ring, 1, 0, 8, b);
    assert_string_not_equal(a, b);
    assert_int_equal(link_token_normalise(a, LINK_TOKEN_LEN, b), ERR_OK);
    assert_string_equal(a, b);
    keyring_close(ring);
}

static void typed_tokens_are_read_kindly(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *want; // NULL: refused
    } rows[] = {
        {"0123456789abcdef", "0123456789abcdef"},
        {"0123-4567-89AB-CDEF", "0123456789abcdef"},
        {"oiL3456789abcdef", "0113456789abcdef"},
        {"0123456789abcde", NULL},
        {"0123456789abcdef0", NULL},
        {"u123456789abcdef", NULL},
        {"0123456789abcde%", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[LINK_TOKEN_LEN + 1] = "untouched";
        int err = link_token_normalise(rows[i].typed, strlen(rows[i].typed), out);
        assert_int_equal(err, rows[i].want ? ERR_OK : ERR_INVALID);
        assert_string_equal(out, rows[i].want ? rows[i].want : "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_differ_by_every_part),
        cmocka_unit_test(typed_tokens_are_read_kindly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
