// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "base/clock.h"

#include <string.h>
#include <time.h>

// A source that plays back fixed values: random() fills with successive bytes of `script`.
struct fake {
    int64_t wall, mono;
    const uint64_t *script;
    size_t at;
};

static int64_t fake_wall(void *ctx)
{
    return ((struct fake *)ctx)->wall;
}

static int64_t fake_mono(void *ctx)
{
    return ((struct fake *)ctx)->mono;
}

static void fake_random(void *ctx, void *out, size_t len)
{
    struct fake *f = ctx;
    unsigned char *to = out;
    for (size_t i = 0; i < len; i += 8, f->at++)
        memcpy(to + i, &f->script[f->at], len - i < 8 ? len - i : 8);
}

static void use_fake(struct fake *f)
{
    struct clock_source s = {fake_wall, fake_mono, fake_random, f};
    clock_use(&s);
}

static void real_clock_is_the_machines(void **state)
{
    (void)state;
    int64_t before = (int64_t)time(NULL) * 1000;
    int64_t now = clock_wall_ms();
    assert_true(now >= before && now <= before + 60000);
    int64_t a = clock_mono_ms();
    assert_true(clock_mono_ms() >= a);
}

static void the_source_can_be_swapped_and_restored(void **state)
{
    (void)state;
    struct fake f = {.wall = 42, .mono = 7};
    use_fake(&f);
    assert_int_equal(clock_wall_ms(), 42);
    assert_int_equal(clock_mono_ms(), 7);
    clock_use(NULL);
    assert_true(clock_wall_ms() > 1600000000000);
}

static void random_below_rejects_the_biased_part(void **state)
{
    (void)state;
    // 2^64 mod 10 = 6: draws 0…5 would favour small results and are drawn again.
    const uint64_t script[] = {0, 5, 6, 1234567};
    struct fake f = {.script = script};
    use_fake(&f);
    assert_int_equal(random_below(10), 6);
    assert_int_equal(f.at, 3);
    assert_int_equal(random_below(10), 7);
    clock_use(NULL);
    for (int i = 0; i < 1000; i++)
        assert_true(random_below(3) < 3);
    assert_int_equal(random_below(1), 0);
}

static void uuid7_has_time_version_and_variant(void **state)
{
    (void)state;
    const uint64_t script[] = {UINT64_MAX, UINT64_MAX};
    struct fake f = {.wall = 0x0190A1B2C3D4, .script = script};
    use_fake(&f);
    unsigned char id[16];
    random_uuid7(id);
    clock_use(NULL);
    const unsigned char expected[16] = {0x01, 0x90, 0xA1, 0xB2, 0xC3, 0xD4, 0x7F, 0xFF,
                                        0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    assert_memory_equal(id, expected, 16);
}

static void backoff_doubles_to_the_cap_with_jitter(void **state)
{
    (void)state;
    struct backoff b;
    backoff_init(&b, 100, 5000);
    const int64_t full[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++) {
        int64_t wait = backoff_next_ms(&b);
        assert_in_range(wait, full[i] / 2, full[i]);
    }
    backoff_reset(&b);
    assert_in_range(backoff_next_ms(&b), 50, 100);
}

static void backoff_does_not_overflow(void **state)
{
    (void)state;
    struct backoff b;
    backoff_init(&b, 1, INT64_MAX);
    for (int i = 0; i < 200; i++)
        assert_true(backoff_next_ms(&b) >= 0);
    assert_true(backoff_next_ms(&b) >= INT64_MAX / 2);
}

static void backoff_reaches_both_ends(void **state)
{
    (void)state;
    struct backoff b;
    int64_t low = INT64_MAX, high = 0;
    for (int i = 0; i < 2000; i++) {
        backoff_init(&b, 10, 10);
        int64_t wait = backoff_next_ms(&b);
        low = wait < low ? wait : low;
        high = wait > high ? wait : high;
    }
    assert_int_equal(low, 5);
    assert_int_equal(high, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_clock_is_the_machines),
        cmocka_unit_test(the_source_can_be_swapped_and_restored),
        cmocka_unit_test(random_below_rejects_the_biased_part),
        cmocka_unit_test(uuid7_has_time_version_and_variant),
        cmocka_unit_test(backoff_doubles_to_the_cap_with_jitter),
        cmocka_unit_test(backoff_does_not_overflow),
        cmocka_unit_test(backoff_reaches_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
