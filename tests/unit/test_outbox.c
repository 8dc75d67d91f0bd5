// SPDX-License-Identifier: EUPL-1.2
// webhook/outbox: its steps one by one; test_outbox_days.c lets them meet at random.
#include "outbox_fixture.h"

static int push(int64_t pos, int64_t dossier, int64_t seq)
{
    struct event *e = make_event(pos, dossier, seq);
    int err = outbox_push(&box, e, false);
    event_unref(e);
    return err;
}

static int set_up(void **state)
{
    (void)state;
    outbox_init(&box, 1);
    return outbox_add_lane(&box, 0, 0, 0, NULL, 0);
}

static int tear_down(void **state)
{
    (void)state;
    outbox_done(&box);
    return 0;
}

// Takes the next key and checks which event it is about.
static struct outbox_key *take(int64_t dossier, int64_t seq)
{
    struct outbox_key *key = outbox_next(&box, 8, false);
    if (!key)
        fail_msg("nothing is ready, expected %ld/%ld", (long)dossier, (long)seq);
    assert_int_equal(key->dossier, dossier);
    assert_non_null(outbox_head(key));
    assert_int_equal(outbox_head(key)->event->seq, seq);
    return key;
}

static int64_t settled(void)
{
    return outbox_settled_to(outbox_lane(&box, 0));
}

static void record(bool ok)
{
    outbox_write(&box);
    outbox_written(&box, ok, 0);
}

// ---- steps ----

static void one_at_a_time_per_dossier_and_others_go_on(void **state)
{
    (void)state;
    assert_int_equal(push(1, 7, 1), ERR_OK);
    assert_int_equal(push(2, 7, 2), ERR_OK);
    assert_int_equal(push(3, 8, 1), ERR_OK);
    struct outbox_key *seven = take(7, 1), *eight = take(8, 1);
    assert_null(outbox_next(&box, 8, false)); // 7/2 waits for 7/1
    outbox_delivered(&box, eight, 0);
    assert_int_equal(settled(), 0);
    outbox_delivered(&box, seven, 0);
    assert_int_equal(settled(), 1);
    outbox_delivered(&box, take(7, 2), 0);
    assert_int_equal(settled(), 3);
    assert_int_equal(box.events + box.busy + box.held, 0);
}

static void what_is_not_wanted_moves_the_cursor(void **state)
{
    (void)state;
    outbox_read_to(&box, 0, 10);
    assert_int_equal(settled(), 10);
    assert_int_equal(push(11, 7, 1), ERR_OK);
    outbox_read_to(&box, 0, 20);
    assert_int_equal(settled(), 10);
    assert_int_equal(push(5, 7, 1), ERR_OK); // passed already
    assert_int_equal(box.events, 1);
    outbox_delivered(&box, take(7, 1), 0);
    assert_int_equal(settled(), 20);
}

static void a_failure_holds_its_dossier_and_frees_the_cursor(void **state)
{
    (void)state;
    assert_int_equal(push(1, 7, 1), ERR_OK);
    assert_int_equal(push(2, 7, 2), ERR_OK);
    assert_int_equal(push(3, 8, 1), ERR_OK);
    assert_true(outbox_failed(&box, take(7, 1), "http-500", 0, 1000, 0));
    assert_int_equal(box.held, 1);
    assert_int_equal(settled(), 2); // 1 and 2 stand behind the hold
    outbox_delivered(&box, take(8, 1), 0);
    assert_int_equal(push(4, 7, 3), ERR_OK); // joins them
    assert_int_equal(settled(), 4);
    outbox_wake(&box, 5999);
    assert_null(outbox_next(&box, 8, false));
    outbox_wake(&box, 6000);
    struct outbox_key *key = outbox_next(&box, 8, false);
    assert_non_null(key);
    assert_null(outbox_head(key)); // must be read again
    assert_int_equal(key->from_seq, 1);
    assert_string_equal(key->why, "http-500");
}

static void a_held_dossier_is_served_in_order_until_it_has_caught_up(void **state)
{
    (void)state;
    assert_int_equal(push(1, 7, 1), ERR_OK);
    assert_true(outbox_failed(&box, take(7, 1), "http-500", 0, 0, 0));
    assert_int_equal(push(2, 7, 2), ERR_OK);
    outbox_wake(&box, 5000);
    struct outbox_key *key = outbox_next(&box, 8, false);
    struct event *events[] = {make_event(1, 7, 1), make_event(2, 7, 2)};
    const bool gaps[] = {false, false};
    assert_int_equal(push(3, 7, 3), ERR_OK); // while the others are being read
    assert_true(outbox_loaded(&box, key, events, gaps, 2, 3, false, 0));
    event_unref(events[0]);
    event_unref(events[1]);
    outbox_delivered(&box, key, 0);
    outbox_delivered(&box, take(7, 2), 0);
    key = outbox_next(&box, 8, false); // 7/3 is still out there
    assert_non_null(key);
    assert_null(outbox_head(key));
    assert_int_equal(key->from_seq, 3);
    events[0] = make_event(3, 7, 3);
    assert_true(outbox_loaded(&box, key, events, gaps, 1, 4, false, 0));
    event_unref(events[0]);
    outbox_delivered(&box, key, 0);
    assert_int_equal(box.held, 0);
    assert_int_equal(push(4, 7, 4), ERR_OK);
    outbox_delivered(&box, take(7, 4), 0); // the usual way again
}

static void nothing_wanted_behind_a_hold_ends_it(void **state)
{
    (void)state;
    assert_int_equal(outbox_add_hold(&box, 0, 7, 5, 2, 0, 100, "http-500"), ERR_OK);
    outbox_wake(&box, 100);
    struct outbox_key *key = outbox_next(&box, 8, false);
    assert_false(outbox_loaded(&box, key, NULL, NULL, 0, 9, true, 0)); // the first rows were not for it
    key = outbox_next(&box, 8, false);
    assert_int_equal(key->from_seq, 9);
    assert_false(outbox_loaded(&box, key, NULL, NULL, 0, 9, false, 0));
    assert_int_equal(box.held + box.busy, 0);
    assert_null(outbox_next(&box, 8, false));
    record(true);
    assert_true(list_empty(&box.dirty));
}

static void the_schedule_ends_in_giving_up(void **state)
{
    (void)state;
    int64_t now = 0;
    const bool gaps[] = {false};
    assert_int_equal(push(1, 7, 1), ERR_OK);
    assert_int_equal(push(2, 7, 2), ERR_OK);
    struct outbox_key *key = take(7, 1);
    unsigned attempts = 1;
    while (outbox_failed(&box, key, "http-500", 0, now, 0)) {
        struct event *e = make_event(1, 7, 1);
        now = key->next_ms;
        outbox_wake(&box, now);
        assert_ptr_equal(outbox_next(&box, 8, false), key);
        assert_true(outbox_loaded(&box, key, &e, gaps, 1, 2, true, 0));
        event_unref(e);
        attempts++;
    }
    assert_int_equal(attempts, SCHEDULE_ATTEMPTS);
    assert_int_equal(now, SCHEDULE_TOTAL_MS);
    assert_int_equal(key->state, KEY_GIVING_UP);
    outbox_wake(&box, INT64_MAX - 1);
    assert_null(outbox_next(&box, 8, false)); // not before it is recorded
    record(false);
    assert_null(outbox_next(&box, 8, false));
    record(true);
    assert_ptr_equal(outbox_next(&box, 8, false), key);
    assert_int_equal(key->from_seq, 2);
    assert_int_equal(key->attempts, 0);
}

static void the_memory_is_bounded(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= OUTBOX_EVENTS_MAX; i++)
        assert_int_equal(push(i, i, 1), ERR_OK);
    assert_int_equal(push(OUTBOX_EVENTS_MAX + 1, 1, 2), ERR_FULL);
    assert_int_equal(outbox_lane(&box, 0)->read_pos, OUTBOX_EVENTS_MAX);
    outbox_delivered(&box, take(1, 1), 0);
    assert_int_equal(push(OUTBOX_EVENTS_MAX + 1, 1, 2), ERR_OK);
}

static void held_dossiers_get_half_of_the_places(void **state)
{
    (void)state;
    for (int64_t i = 1; i <= 10; i++)
        assert_int_equal(outbox_add_hold(&box, 0, i, 1, 1, i, 0, ""), ERR_OK);
    for (int64_t i = 1; i <= 10; i++)
        assert_int_equal(push(i, 100 + i, 1), ERR_OK);
    outbox_wake(&box, 0);
    unsigned held = 0;
    for (int i = 0; i < 8; i++)
        held += outbox_next(&box, 8, false)->held;
    assert_int_equal(held, 4);
}

static void a_probe_takes_a_held_dossier_first(void **state)
{
    (void)state;
    assert_int_equal(push(1, 7, 1), ERR_OK);
    assert_int_equal(outbox_add_hold(&box, 0, 9, 1, 1, 500, 99999, ""), ERR_OK);
    assert_int_equal(outbox_add_hold(&box, 0, 8, 1, 1, 400, 88888, ""), ERR_OK);
    assert_int_equal(outbox_add_hold(&box, 0, 6, 1, 1, 450, 77777, ""), ERR_OK);
    outbox_wake_all(&box, 1000);
    static const int64_t order[] = {8, 6, 9}; // as they failed
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_int_equal(outbox_next(&box, 1, true)->dossier, order[i]);
    (void)take(7, 1);
}

static void the_ledger_settles_what_was_in_flight_at_a_crash(void **state)
{
    (void)state;
    outbox_done(&box);
    outbox_init(&box, 1);
    int64_t *ledger = malloc(2 * sizeof *ledger);
    ledger[0] = 3;
    ledger[1] = 5;
    assert_int_equal(outbox_add_lane(&box, 0, 2, 0, ledger, 2), ERR_OK);
    for (int64_t i = 1; i <= 6; i++)
        assert_int_equal(push(i, i, 1), ERR_OK);
    outbox_delivered(&box, take(4, 1), 0);
    outbox_delivered(&box, take(6, 1), 0);
    assert_null(outbox_next(&box, 8, false));
    assert_int_equal(settled(), 6);
}

// A replay of what was settled while the cursor waits for something older, read before the reader has come to
// it.
static void a_hold_outweighs_the_ledger(void **state)
{
    (void)state;
    outbox_done(&box);
    outbox_init(&box, 1);
    int64_t *ledger = malloc(2 * sizeof *ledger);
    ledger[0] = 3;
    ledger[1] = 5;
    assert_int_equal(outbox_add_lane(&box, 0, 1, 0, ledger, 2), ERR_OK);
    assert_int_equal(outbox_add_hold(&box, 0, 7, 1, 0, 0, 0, "replay"), ERR_OK);
    outbox_wake(&box, 0);
    struct outbox_key *key = outbox_next(&box, 8, false);
    assert_int_equal(outbox_hold_end(&box, key), 5); // the reader stands at 1
    struct event *events[] = {make_event(3, 7, 1), make_event(4, 7, 2), make_event(5, 7, 3)};
    const bool gaps[] = {false, false, false};
    assert_true(outbox_loaded(&box, key, events, gaps, 3, 4, false, 0));
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        event_unref(events[i]);
    assert_int_equal(outbox_head(key)->event->seq, 1);
    outbox_delivered(&box, key, 0); // 7/2 was never settled: the reader brings it
    assert_int_equal(box.held, 0);
    for (int64_t pos = 2; pos <= 3; pos++)
        assert_int_equal(push(pos, pos == 2 ? 9 : 7, 1), ERR_OK);
    outbox_delivered(&box, take(9, 1), 0);
    assert_int_equal(push(4, 7, 2), ERR_OK);
    outbox_delivered(&box, take(7, 2), 0);
    assert_int_equal(push(5, 7, 3), ERR_OK);
    assert_null(outbox_next(&box, 8, false));
    assert_int_equal(settled(), 5);
}

static void an_event_behind_a_delivered_one_has_its_own_schedule(void **state)
{
    (void)state;
    assert_int_equal(outbox_add_hold(&box, 0, 7, 1, 3, 0, 0, "http-500"), ERR_OK);
    outbox_wake(&box, 0);
    struct outbox_key *key = outbox_next(&box, 8, false);
    struct event *events[] = {make_event(1, 7, 1), make_event(2, 7, 2)};
    const bool gaps[] = {false, false};
    outbox_read_to(&box, 0, 2);
    assert_true(outbox_loaded(&box, key, events, gaps, 2, 3, false, 0));
    event_unref(events[0]);
    event_unref(events[1]);
    outbox_delivered(&box, key, SCHEDULE_TOTAL_MS - 1); // the last moment; and then the endpoint fails
    outbox_expire_held(&box, SCHEDULE_TOTAL_MS, true);
    assert_true(list_empty(&box.giving_up));
    outbox_expire_held(&box, 2 * SCHEDULE_TOTAL_MS,
                       false); // it was never tried, and the endpoint takes others
    assert_true(list_empty(&box.giving_up));
    outbox_expire_held(&box, 2 * SCHEDULE_TOTAL_MS, true);
    assert_false(list_empty(&box.giving_up));
}

// The next event of the dossier would be passed over.
static void an_event_that_is_not_known_to_exist_is_not_given_up(void **state)
{
    (void)state;
    assert_int_equal(outbox_add_hold(&box, 0, 7, 2, 0, 0, 0, "http-500"), ERR_OK); // 1 was given up
    outbox_expire_held(&box, 2 * SCHEDULE_TOTAL_MS, true);
    assert_true(list_empty(&box.giving_up));
    outbox_wake(&box, 0);
    struct outbox_key *key = outbox_next(&box, 8, true);
    struct event *event = make_event(2, 7, 2);
    const bool gap = true;
    outbox_read_to(&box, 0, 2);
    assert_true(outbox_loaded(&box, key, &event, &gap, 1, 3, false, 0));
    event_unref(event);
    outbox_returned(&box, key);
    outbox_expire_held(&box, 2 * SCHEDULE_TOTAL_MS, true);
    assert_false(list_empty(&box.giving_up));
}

static void a_replay_waits_from_when_it_was_asked_for(void **state)
{
    (void)state;
    outbox_done(&box);
    outbox_init(&box, 1);
    assert_int_equal(outbox_add_lane(&box, 0, 0, 50, NULL, 0), ERR_OK);
    assert_int_equal(push(10, 7, 1), ERR_OK); // recorded_ms is the position here
    assert_int_equal(push(60, 8, 1), ERR_OK);
    assert_null(outbox_expire_ready(&box, 50));
    struct event *e = outbox_expire_ready(&box, 51);
    assert_non_null(e);
    assert_int_equal(e->dossier, 7);
    event_unref(e);
    assert_null(outbox_expire_ready(&box, 60));
}

static void an_endpoint_that_stays_down_loses_events_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(push(10, 7, 1), ERR_OK); // recorded_ms is the position here
    assert_int_equal(push(11, 7, 2), ERR_OK);
    assert_int_equal(push(20, 8, 1), ERR_OK);
    assert_int_equal(outbox_add_hold(&box, 0, 9, 4, 1, 0, 5000, ""), ERR_OK);
    assert_null(outbox_expire_ready(&box, 10));
    struct event *e = outbox_expire_ready(&box, 11);
    assert_int_equal(e->seq, 1);
    event_unref(e);
    assert_null(outbox_expire_ready(&box, 11));
    outbox_expire_held(&box, SCHEDULE_TOTAL_MS - 1, true);
    assert_true(list_empty(&box.giving_up));
    outbox_expire_held(&box, SCHEDULE_TOTAL_MS, true);
    assert_false(list_empty(&box.giving_up));
    record(true);
    struct outbox_key *key = outbox_next(&box, 8, true);
    assert_int_equal(key->dossier, 9);
    assert_int_equal(key->from_seq, 5);
    outbox_returned(&box, key);
    struct outbox_key *seven = outbox_next(&box, 8, false);
    while (seven->dossier != 7)
        seven = outbox_next(&box, 8, false);
    assert_int_equal(outbox_head(seven)->event->seq, 2);
    assert_true(outbox_head(seven)->gap);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(one_at_a_time_per_dossier_and_others_go_on),
        CASE(what_is_not_wanted_moves_the_cursor),
        CASE(a_failure_holds_its_dossier_and_frees_the_cursor),
        CASE(a_held_dossier_is_served_in_order_until_it_has_caught_up),
        CASE(nothing_wanted_behind_a_hold_ends_it),
        CASE(the_schedule_ends_in_giving_up),
        CASE(the_memory_is_bounded),
        CASE(held_dossiers_get_half_of_the_places),
        CASE(a_probe_takes_a_held_dossier_first),
        CASE(the_ledger_settles_what_was_in_flight_at_a_crash),
        CASE(a_hold_outweighs_the_ledger),
        CASE(an_event_behind_a_delivered_one_has_its_own_schedule),
        CASE(an_event_that_is_not_known_to_exist_is_not_given_up),
        CASE(a_replay_waits_from_when_it_was_asked_for),
        CASE(an_endpoint_that_stays_down_loses_events_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
