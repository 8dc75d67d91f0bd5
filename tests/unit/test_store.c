// SPDX-License-Identifier: EUPL-1.2
// The numbers that the simulator gives its codes: none is given twice, by one state or by two.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "simulate/store.h"

#define DOSSIERS   5000
#define SERIAL_MIN 10000
#define SERIAL_MAX 899999

static const struct plan full_day = {.n_dossiers = DOSSIERS, .n_items = 2 * DOSSIERS, .n_boxes = 40};

static void a_state_goes_on_where_it_stopped(void **state)
{
    (void)state;
    struct store s = {0};
    struct day_numbers first = store_take_numbers(&s, &full_day), second = store_take_numbers(&s, &full_day);
    assert_int_equal(second.item, first.item + 2 * DOSSIERS);
    assert_int_equal(second.box, first.box + 40);
    assert_int_equal(second.citizen, first.citizen + DOSSIERS);
    assert_true(second.serial == first.serial + DOSSIERS || second.serial == SERIAL_MIN);
}

// Every day has its serials between the bounds, also one that begins near the end.
static void serials_stay_within_six_digits(void **state)
{
    (void)state;
    struct store s = {0};
    for (unsigned day = 0; day < 400; day++) {
        struct day_numbers n = store_take_numbers(&s, &full_day);
        assert_in_range(n.serial, SERIAL_MIN, SERIAL_MAX - DOSSIERS + 1);
    }
    for (unsigned i = 0; i < 2000; i++) {
        struct store fresh = {0};
        assert_in_range(store_take_numbers(&fresh, &full_day).serial, SERIAL_MIN, SERIAL_MAX - DOSSIERS + 1);
    }
}

// Several states, or one that was lost, share an installation, and days follow each other within seconds.
static void a_fresh_state_begins_elsewhere(void **state)
{
    (void)state;
    static const struct plan small = {.n_dossiers = 2, .n_items = 2, .n_boxes = 1};
    unsigned met = 0;
    for (unsigned i = 0; i < 20; i++) {
        struct store lost = {0}, fresh = {0};
        uint32_t before = store_take_numbers(&lost, &small).serial,
                 after = store_take_numbers(&fresh, &small).serial;
        met += before < after + 2 && after < before + 2;
    }
    assert_int_equal(met, 0); // by chance once in 15,000 runs
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_goes_on_where_it_stopped),
        cmocka_unit_test(serials_stay_within_six_digits),
        cmocka_unit_test(a_fresh_state_begins_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
