// SPDX-License-Identifier: EUPL-1.2
// webhook/outbox: its steps one by one, then thousands of random days against a model of the database: reads,
// sends, failures, records that get lost on the way, crashes. Whatever happens: order per dossier, nothing
// skipped, nothing forgotten.
#include "base/err.h"
#include "webhook/outbox.h"
#include "webhook/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct outbox box;

static struct event *make_event(int64_t pos, int64_t dossier, int64_t seq)
{
    struct event *e = event_new("{}", 2);
    e->pos = pos;
    e->dossier = dossier;
    e->seq = seq;
    e->recorded_ms = pos;
    return e;
}

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
    return outbox_add_lane(&box, 0, 0, NULL, 0);
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

// ---------------------------------------------------------------- steps

static void one_at_a_time_per_dossier_and_others_go_on(void **state)
{
    (void)state;
    assert_int_equal(push(1, 7, 1), ERR_OK);
    assert_int_equal(push(2, 7, 2), ERR_OK);
    assert_int_equal(push(3, 8, 1), ERR_OK);
    struct outbox_key *seven = take(7, 1), *eight = take(8, 1);
    assert_null(outbox_next(&box, 8, false)); // 7/2 waits for 7/1
    outbox_delivered(&box, eight);
    assert_int_equal(settled(), 0);
    outbox_delivered(&box, seven);
    assert_int_equal(settled(), 1);
    outbox_delivered(&box, take(7, 2));
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
    outbox_delivered(&box, take(7, 1));
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
    outbox_delivered(&box, take(8, 1));
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
    assert_true(outbox_loaded(&box, key, events, gaps, 2, 3, false));
    event_unref(events[0]);
    event_unref(events[1]);
    outbox_delivered(&box, key);
    outbox_delivered(&box, take(7, 2));
    key = outbox_next(&box, 8, false); // 7/3 is still out there
    assert_non_null(key);
    assert_null(outbox_head(key));
    assert_int_equal(key->from_seq, 3);
    events[0] = make_event(3, 7, 3);
    assert_true(outbox_loaded(&box, key, events, gaps, 1, 4, false));
    event_unref(events[0]);
    outbox_delivered(&box, key);
    assert_int_equal(box.held, 0);
    assert_int_equal(push(4, 7, 4), ERR_OK);
    outbox_delivered(&box, take(7, 4)); // the usual way again
}

static void nothing_wanted_behind_a_hold_ends_it(void **state)
{
    (void)state;
    assert_int_equal(outbox_add_hold(&box, 0, 7, 5, 2, 0, 100, "http-500"), ERR_OK);
    outbox_wake(&box, 100);
    struct outbox_key *key = outbox_next(&box, 8, false);
    assert_false(outbox_loaded(&box, key, NULL, NULL, 0, 9, true)); // the first rows were not for it
    key = outbox_next(&box, 8, false);
    assert_int_equal(key->from_seq, 9);
    assert_false(outbox_loaded(&box, key, NULL, NULL, 0, 9, false));
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
        assert_true(outbox_loaded(&box, key, &e, gaps, 1, 2, true));
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
    outbox_delivered(&box, take(1, 1));
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
    assert_int_equal(outbox_add_lane(&box, 0, 2, ledger, 2), ERR_OK);
    for (int64_t i = 1; i <= 6; i++)
        assert_int_equal(push(i, i, 1), ERR_OK);
    outbox_delivered(&box, take(4, 1));
    outbox_delivered(&box, take(6, 1));
    assert_null(outbox_next(&box, 8, false));
    assert_int_equal(settled(), 6);
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
    outbox_expire_held(&box, SCHEDULE_TOTAL_MS - 1);
    assert_true(list_empty(&box.giving_up));
    outbox_expire_held(&box, SCHEDULE_TOTAL_MS);
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

// ---------------------------------------------------------------- random days

#define LOG_MAX  400
#define DOSSIERS 6
#define FLIGHTS  5

struct noted_key {
    int64_t dossier;
    bool there, giving_up;
    int64_t from_seq, since, next;
    unsigned attempts;
};

struct record {
    bool in_flight, applied;
    struct noted_key keys[DOSSIERS];
    size_t key_count, delivered_count;
    bool told[DOSSIERS];
    int64_t done;
};

static struct {
    uint64_t seed;
    int64_t now;
    // the journey log: position i + 1
    struct {
        int64_t dossier, seq;
        bool wanted;
        unsigned deliveries;
        bool given_up, settled_in_ledger;
    } log[LOG_MAX];
    int64_t count, next_seq[DOSSIERS];
    // the database
    int64_t done;
    struct noted_key holds[DOSSIERS];
    int64_t gaps[DOSSIERS]; // seq given up last, 0 none
    // memory of the process
    struct outbox_key *flights[FLIGHTS];
    int64_t unrecorded[4 * LOG_MAX]; // positions delivered, not yet in the ledger
    size_t unrecorded_count;
    bool told[DOSSIERS]; // gaps told, not yet recorded
    struct record record;
    bool healed;
} day;

static uint64_t chance(uint64_t n)
{
    day.seed ^= day.seed << 13;
    day.seed ^= day.seed >> 7;
    day.seed ^= day.seed << 17;
    return (day.seed >> 11) % n;
}

static int64_t find(int64_t dossier, int64_t seq)
{
    for (int64_t i = 0; i < day.count; i++) {
        if (day.log[i].dossier == dossier && day.log[i].seq == seq)
            return i;
    }
    return -1;
}

static void append(void)
{
    if (day.count == LOG_MAX)
        return;
    int64_t d = (int64_t)chance(DOSSIERS);
    day.log[day.count].dossier = d;
    day.log[day.count].seq = ++day.next_seq[d];
    day.log[day.count].wanted = chance(5) > 0;
    day.count++;
}

static void read_log(void)
{
    int64_t from = outbox_lane(&box, 0)->read_pos;
    for (int64_t pos = from + 1; pos <= day.count && pos <= from + 5; pos++) {
        int64_t d = day.log[pos - 1].dossier;
        if (!day.log[pos - 1].wanted) {
            outbox_read_to(&box, 0, pos);
            continue;
        }
        struct event *e = make_event(pos, d, day.log[pos - 1].seq);
        assert_int_equal(outbox_push(&box, e, day.gaps[d] > 0 && day.gaps[d] < e->seq), ERR_OK);
        event_unref(e);
    }
}

// The events of a held dossier, as the database would answer.
static bool load(struct outbox_key *key)
{
    struct event *events[3];
    bool gaps[3];
    size_t n = 0;
    int64_t next = key->from_seq, rows = 0;
    const int64_t read_pos = outbox_lane(&box, 0)->read_pos;
    for (int64_t i = 0; i < read_pos && rows < 3; i++) {
        if (day.log[i].dossier != key->dossier || day.log[i].seq < key->from_seq)
            continue;
        rows++;
        next = day.log[i].seq + 1;
        if (!day.log[i].wanted)
            continue;
        gaps[n] = day.gaps[key->dossier] > 0 && day.gaps[key->dossier] < day.log[i].seq;
        events[n++] = make_event(i + 1, key->dossier, day.log[i].seq);
    }
    bool some = outbox_loaded(&box, key, events, gaps, n, next, rows == 3);
    for (size_t i = 0; i < n; i++)
        event_unref(events[i]);
    return some;
}

static void launch(void)
{
    for (int i = 0; i < FLIGHTS; i++) {
        if (day.flights[i])
            continue;
        struct outbox_key *key = outbox_next(&box, FLIGHTS, chance(4) == 0);
        if (!key)
            return;
        for (int j = 0; j < FLIGHTS; j++)
            assert_true(!day.flights[j] || day.flights[j]->dossier != key->dossier);
        if (outbox_head(key) || load(key))
            day.flights[i] = key;
        return;
    }
}

// The promise: everything before it was delivered or given up; a gap is told.
static void check_delivery(const struct outbox_delivery *d)
{
    const struct event *e = d->event;
    int64_t last = -1;
    for (int64_t i = 0; i < e->pos - 1; i++) {
        if (day.log[i].dossier != e->dossier || !day.log[i].wanted)
            continue;
        if (!day.log[i].deliveries && !day.log[i].given_up)
            fail_msg("seed %lu: %ld/%ld before %ld", (unsigned long)day.seed, (long)e->dossier, (long)e->seq,
                     (long)day.log[i].seq);
        last = i;
    }
    if (last >= 0 && day.log[last].given_up && !day.log[last].deliveries &&
        day.log[e->pos - 1].deliveries == 0)
        assert_true(d->gap);
}

static void land(void)
{
    int i = (int)chance(FLIGHTS);
    struct outbox_key *key = day.flights[i];
    if (!key)
        return;
    day.flights[i] = NULL;
    struct outbox_delivery *d = outbox_head(key);
    uint64_t luck = day.healed ? 0 : chance(10);
    if (luck < 6 && (day.healed || key->dossier != 0)) { // dossier 0 always fails
        check_delivery(d);
        day.log[d->event->pos - 1].deliveries++;
        assert_true(day.unrecorded_count < 4 * LOG_MAX);
        day.unrecorded[day.unrecorded_count++] = d->event->pos;
        day.told[key->dossier] = day.told[key->dossier] || d->gap;
        outbox_delivered(&box, key);
    } else if (luck == 9) {
        outbox_returned(&box, key);
    } else {
        (void)outbox_failed(&box, key, "http-500", chance(3) == 0 ? 60000 : 0, day.now, chance(1000));
    }
}

// What a record says of a key, as the service copies it when it builds the statement.
static void note_key(const struct outbox_key *key)
{
    bool giving_up = key->state == KEY_GIVING_UP;
    day.record.keys[day.record.key_count++] = (struct noted_key){
        .dossier = key->dossier,
        .there = key->held,
        .giving_up = giving_up,
        .from_seq = key->from_seq + giving_up,
        .attempts = giving_up ? 0 : key->attempts,
        .since = giving_up ? day.now : key->since_ms,
        .next = giving_up ? day.now : key->next_ms,
    };
}

static void apply_key(const struct noted_key *k)
{
    day.holds[k->dossier] = *k;
    int64_t i = find(k->dossier, k->from_seq - 1);
    if (k->giving_up && i >= 0 && day.log[i].wanted) {
        day.log[i].given_up = day.log[i].settled_in_ledger = true;
        day.gaps[k->dossier] = k->from_seq - 1;
    }
}

static void apply_record(void)
{
    if (day.record.applied)
        return;
    day.record.applied = true;
    for (int d = 0; d < DOSSIERS; d++) {
        if (day.record.told[d])
            day.gaps[d] = 0;
    }
    for (size_t i = 0; i < day.record.key_count; i++)
        apply_key(&day.record.keys[i]);
    for (size_t i = 0; i < day.record.delivered_count; i++)
        day.log[day.unrecorded[i] - 1].settled_in_ledger = true;
    if (day.record.done > day.done)
        day.done = day.record.done;
}

static void start_record(void)
{
    outbox_write(&box);
    day.record = (struct record){.in_flight = true,
                                 .done = outbox_lane(&box, 0)->writing_done,
                                 .delivered_count = day.unrecorded_count};
    memcpy(day.record.told, day.told, sizeof day.told);
    memset(day.told, 0, sizeof day.told);
    LIST_FOR(it, &box.writing)
    note_key(CONTAINER_OF(it, struct outbox_key, dirty));
    if (chance(2) == 0)
        apply_record();
}

// It may get lost before or after the database has done it; then nobody knows, and all of it is written
// again.
static void finish_record(void)
{
    uint64_t luck = day.healed ? 0 : chance(6);
    if (luck != 1)
        apply_record();
    bool known = luck != 1 && luck != 2;
    day.record.in_flight = false;
    if (known) {
        size_t n = day.record.delivered_count;
        memmove(day.unrecorded, day.unrecorded + n, (day.unrecorded_count - n) * sizeof day.unrecorded[0]);
        day.unrecorded_count -= n;
    }
    for (int d = 0; d < DOSSIERS && !known; d++)
        day.told[d] = day.told[d] || day.record.told[d];
    outbox_written(&box, known, day.now);
}

static void record_day(void)
{
    if (day.record.in_flight)
        finish_record();
    else
        start_record();
}

static void start_process(void)
{
    int64_t *settled = malloc(sizeof *settled * LOG_MAX);
    size_t n = 0;
    for (int64_t pos = day.done + 1; pos <= day.count; pos++) {
        if (day.log[pos - 1].settled_in_ledger)
            settled[n++] = pos;
    }
    if (n == 0) {
        free(settled);
        settled = NULL;
    }
    outbox_init(&box, 1);
    assert_int_equal(outbox_add_lane(&box, 0, day.done, settled, n), ERR_OK);
    for (int d = 0; d < DOSSIERS; d++) {
        if (day.holds[d].there)
            assert_int_equal(outbox_add_hold(&box, 0, d, day.holds[d].from_seq, day.holds[d].attempts,
                                             day.holds[d].since, day.holds[d].next, ""),
                             ERR_OK);
    }
}

static void crash(void)
{
    outbox_done(&box);
    memset(day.flights, 0, sizeof day.flights);
    day.unrecorded_count = 0;
    memset(day.told, 0, sizeof day.told);
    if (day.record.in_flight && chance(2) == 0)
        apply_record(); // it was on its way
    day.record.in_flight = false;
    start_process();
}

static void step(void)
{
    switch (chance(12)) {
    case 0:
    case 1:
        append();
        break;
    case 2:
    case 3:
        read_log();
        break;
    case 4:
    case 5:
        launch();
        break;
    case 6:
    case 7:
    case 8:
        land();
        break;
    case 9:
        record_day();
        break;
    case 10:
        day.now += (int64_t)chance(chance(20) == 0 ? 90 * 3600 * 1000 : 400 * 1000);
        outbox_wake(&box, day.now);
        if (chance(10) == 0)
            outbox_wake_all(&box, day.now);
        break;
    default:
        if (chance(30) == 0)
            crash();
    }
}

// Everything works again: all that is left must arrive, and every table must come to rest.
static void heal(void)
{
    day.healed = true;
    for (int i = 0; i < 20000; i++) {
        outbox_wake_all(&box, day.now);
        read_log();
        launch();
        land();
        record_day();
    }
    for (int64_t i = 0; i < day.count; i++) {
        if (day.log[i].wanted && !day.log[i].deliveries && !day.log[i].given_up)
            fail_msg("%ld/%ld never came", (long)day.log[i].dossier, (long)day.log[i].seq);
    }
    assert_int_equal(box.held + box.busy + box.events, 0);
    assert_int_equal(day.done, day.count);
    for (int d = 0; d < DOSSIERS; d++)
        assert_false(day.holds[d].there);
    for (size_t i = 0; i < OUTBOX_CHAINS; i++)
        assert_true(list_empty(&box.chains[i]));
}

static void random_days(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        memset(&day, 0, sizeof day);
        day.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        start_process();
        for (int i = 0; i < 6000; i++)
            step();
        heal();
        outbox_done(&box);
    }
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
        CASE(an_endpoint_that_stays_down_loses_events_one_by_one),
        cmocka_unit_test(random_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
