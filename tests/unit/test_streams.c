// SPDX-License-Identifier: EUPL-1.2
// The memory of streams: found, bounded, least recently used first, pinned ones stay.
#include "base/err.h"
#include "ingest/streams.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t point[65];

static void token(uint8_t out[WIRE_UUID], unsigned n)
{
    memset(out, 0, WIRE_UUID);
    out[0] = 7; // all in one bucket
    out[8] = (uint8_t)n;
    out[9] = (uint8_t)(n >> 8);
}

static struct stream *add(struct streams *t, unsigned n)
{
    uint8_t id[WIRE_UUID], device[WIRE_UUID] = {1};
    struct stream *s;
    token(id, n);
    assert_int_equal(streams_add(t, id, device, 3, n, point, sizeof(point), &s), ERR_OK);
    return s;
}

static struct stream *find(struct streams *t, unsigned n)
{
    uint8_t id[WIRE_UUID];
    token(id, n);
    return streams_find(t, id);
}

static void remembers(void **state)
{
    (void)state;
    struct streams *t = streams_create(3);
    assert_non_null(t);
    assert_null(find(t, 1));
    struct stream *one = add(t, 1);
    assert_int_equal(one->number, 1);
    assert_int_equal(one->lane, 3);
    assert_ptr_equal(find(t, 1), one);
    assert_ptr_equal(add(t, 1), one); // the same again
    (void)add(t, 2);
    (void)add(t, 3);
    assert_ptr_equal(find(t, 1), one); // used: 2 is now the oldest
    (void)add(t, 4);
    assert_null(find(t, 2));
    assert_non_null(find(t, 1));
    assert_non_null(find(t, 3));
    assert_non_null(find(t, 4));
    streams_destroy(t);
    streams_destroy(NULL);
}

static void pinned(void **state)
{
    (void)state;
    struct streams *t = streams_create(2);
    assert_non_null(t);
    struct stream *one = add(t, 1), *two = add(t, 2);
    one->pins = two->pins = 1;
    (void)add(t, 3); // above the bound rather than pull one away from under an upload
    assert_ptr_equal(find(t, 1), one);
    assert_ptr_equal(find(t, 2), two);
    two->pins = 0;
    (void)add(t, 4);
    assert_null(find(t, 2));
    assert_ptr_equal(find(t, 1), one);
    streams_destroy(t);
}

static void bad_key(void **state)
{
    (void)state;
    struct streams *t = streams_create(2);
    assert_non_null(t);
    uint8_t id[WIRE_UUID] = {9};
    struct stream *s = NULL;
    assert_true(streams_add(t, id, id, 0, 1, "no key", 6, &s) < 0);
    assert_null(s);
    assert_null(streams_find(t, id));
    streams_destroy(t);
}

int main(void)
{
    struct crypto_p256 *key;
    if (crypto_p256_generate(&key) || crypto_p256_public(key, point))
        return 1;
    crypto_p256_free(key);
    const struct CMUnitTest tests[] = {cmocka_unit_test(remembers), cmocka_unit_test(pinned),
                                       cmocka_unit_test(bad_key)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
