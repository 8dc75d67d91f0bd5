// SPDX-License-Identifier: EUPL-1.2
// The verdict on a day that never left memory: what is right passes, and each kind of damage is named.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "simulate/verdict.h"

#define BEGAN_MS INT64_C(1795300000000)

static struct day day;
static struct ledger ledger;
static struct notes wrong, missing;

// ---- a system that does everything right, for one dossier whose item never sees a bag

static void answer_everything(void)
{
    for (size_t i = 0; i < day.plan.n_scans; i++) {
        const char *reason;
        assert_int_equal(scan_number(&day, i, 1, (uint32_t)i + 1), ERR_OK);
        day.scans[i].phase = SCAN_ANSWERED;
        day.scans[i].status = (uint8_t)scan_expected(&day, i, &reason);
        (void)snprintf(day.scans[i].reason, sizeof day.scans[i].reason, "%s", reason);
    }
    for (size_t i = 0; i < day.plan.n_calls; i++) {
        day.calls[i].phase = CALL_ANSWERED;
        day.calls[i].status = day.plan.calls[i].verb == VERB_REGISTER ? 201 : 202;
    }
}

static void add_row(uint8_t kind, int64_t at_ms, int32_t item, uint8_t leg)
{
    struct news n = {.kind = kind, .at_ms = at_ms, .recorded_ms = BEGAN_MS, .item = item, .leg = leg};
    n.seq = (int64_t)ledger.dossiers[0].n_rows + 1;
    ledger_add_row(&ledger, 0, &n);
    assert_false(ledger.full);
}

static int by_time(const void *a, const void *b)
{
    const struct news *x = a, *y = b;
    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

static void tell_journey(void)
{
    static const uint8_t kinds[] = {
        [VERB_REGISTER] = EVENT_DOSSIER_REGISTERED, [VERB_STATUS] = EVENT_DOSSIER_STATUS,
        [VERB_LINK] = EVENT_DOSSIER_LINK,           [VERB_CONFIRM] = EVENT_HANDOVER_CONFIRMED,
        [VERB_REFUSE] = EVENT_HANDOVER_REFUSED,     [VERB_SUPPLEMENT] = EVENT_SUPPLEMENT_REQUESTED,
        [VERB_RESULT] = EVENT_RESULT_READY};
    for (size_t i = 0; i < day.plan.n_scans; i++) {
        const struct plan_scan *p = &day.plan.scans[i];
        if (p->flaw == FLAW_NONE)
            add_row(p->kind, day.scans[i].at_ms - day.plan.devices[p->device].skew_ms, p->item, p->leg);
    }
    for (size_t i = 0; i < day.plan.n_calls; i++) {
        const struct plan_call *p = &day.plan.calls[i];
        bool about = p->verb == VERB_CONFIRM || p->verb == VERB_REFUSE || p->verb == VERB_LINK;
        add_row(kinds[p->verb], day.calls[i].at_ms, about ? p->item : PLAN_NONE, LEG_NONE);
    }
    struct ledger_dossier *l = &ledger.dossiers[0];
    qsort(l->rows, l->n_rows, sizeof *l->rows, by_time);
    for (size_t i = 0; i < l->n_rows; i++)
        l->rows[i].seq = (int64_t)i + 1;
    for (int32_t i = 0; i < (int32_t)day.plan.n_items && l->n_items < 4; i++) {
        if (day.plan.items[i].end == STATE_NONE)
            continue;
        l->items[l->n_items] = i;
        l->states[l->n_items++] = day.plan.items[i].end;
    }
}

static struct arrival arrival_of(unsigned endpoint, size_t row)
{
    struct arrival a = {.news = ledger.dossiers[0].rows[row], .dossier = 0, .endpoint = (uint8_t)endpoint};
    a.id = 100 * (endpoint + 1) + row;
    a.body = a.id;
    return a;
}

static void tell_offices(void)
{
    for (unsigned e = 0; e < STORE_ENDPOINTS; e++) {
        if (!verdict_subscribes(e, day.plan.dossiers[0].place))
            continue;
        for (size_t i = 0; i < ledger.dossiers[0].n_rows; i++) {
            struct arrival a = arrival_of(e, i);
            ledger_add_arrival(&ledger, &a);
            assert_false(ledger.full);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    struct plan plan;
    const struct plan_options o = {.seed = 3, .dossiers = 1, .devices = 5}; // one dossier: a full circle
    const struct day_numbers numbers = {1000, 2000, 30000, 0};
    assert_int_equal(plan_build(&o, &plan), ERR_OK);
    assert_int_equal(day_init(&day, &plan, BEGAN_MS, &numbers), ERR_OK);
    assert_int_equal(ledger_init(&ledger, &day), ERR_OK);
    notes_init(&wrong);
    notes_init(&missing);
    answer_everything();
    tell_journey();
    tell_offices();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    notes_done(&wrong);
    notes_done(&missing);
    ledger_done(&ledger);
    day_done(&day);
    return 0;
}

static void judge(void)
{
    const struct verdict_input in = {&day, &ledger, false};
    notes_done(&wrong);
    notes_done(&missing);
    assert_int_equal(verdict_check(&in, &wrong, &missing), ERR_OK);
}

static void expect_note(const struct notes *n, const char *words)
{
    for (size_t i = 0; i < n->kept; i++)
        if (strstr(n->list[i], words))
            return;
    fail_msg("nobody said '%s' (first of %zu: %s)", words, n->count, n->kept ? n->list[0] : "-");
}

// ---- the tests

static void a_good_day_passes(void **state)
{
    (void)state;
    judge();
    if (wrong.count || missing.count)
        fail_msg("%s", wrong.count ? wrong.list[0] : missing.list[0]);
    assert_true(ledger.n_arrivals > 10);
}

static void scans_are_answered_as_they_must(void **state)
{
    (void)state;
    day.scans[0].status = WIRE_QUARANTINED;
    (void)snprintf(day.scans[0].reason, sizeof day.scans[0].reason, "check-digit");
    day.scans[1].phase = SCAN_QUEUED;
    day.calls[0].status = 403;
    judge();
    expect_note(&wrong, "was answered quarantined check-digit instead of accepted");
    expect_note(&wrong, "registration of");
    expect_note(&missing, "was not answered");
}

static void a_journey_tells_what_was_played(void **state)
{
    (void)state;
    struct ledger_dossier *l = &ledger.dossiers[0];
    l->rows[2].kind = EVENT_ITEM_LOST; // something that nobody did, instead of what was done
    judge();
    expect_note(&wrong, "tells of item.lost, which nobody played");
    expect_note(&missing, "does not tell of");
    expect_note(&wrong, "was told other news"); // the offices heard the truth
}

static void a_journey_counts_without_gaps(void **state)
{
    (void)state;
    ledger.dossiers[0].rows[3].seq = 9;
    judge();
    expect_note(&wrong, "#4 of its journey is numbered 9");
}

static void old_news_must_say_so(void **state)
{
    (void)state;
    struct ledger_dossier *l = &ledger.dossiers[0];
    size_t last = l->n_rows;
    int64_t at = 0;
    for (size_t i = 0; i < l->n_rows; i++) // the first scan of the item, told once more at the end
        if (l->rows[i].kind == EVENT_ITEM_COLLECTED && !at)
            at = l->rows[i].at_ms;
    add_row(EVENT_ITEM_COLLECTED, at, 0, LEG_N);
    judge();
    expect_note(&wrong, "and was told as new");
    l->rows[last].flags = JOURNEY_LATE;
    judge();
    for (size_t i = 0; i < wrong.kept; i++)
        assert_null(strstr(wrong.list[i], "told as new"));
}

static void items_end_where_they_were_left(void **state)
{
    (void)state;
    ledger.dossiers[0].states[0] = STATE_LOST;
    judge();
    expect_note(&missing, "is S24 (lost) and should be");
}

static void every_office_is_told_everything_in_order(void **state)
{
    (void)state;
    struct arrival swap = ledger.arrivals[4];
    ledger.arrivals[4] = ledger.arrivals[5];
    ledger.arrivals[5] = swap;
    judge();
    expect_note(&wrong, "right after #4");
    expect_note(&wrong, "for the first time after #6");
    ledger.arrivals[5] = ledger.arrivals[4]; // and one is lost
    judge();
    expect_note(&missing, "was not told #5");
    expect_note(&wrong, "once more although it had answered well");
}

static void a_gap_that_is_announced_is_none(void **state)
{
    (void)state;
    ledger.arrivals[4].answer = ARRIVAL_500;
    ledger.arrivals[5].gap_before = true;
    judge();
    assert_int_equal(wrong.count, 0);
    expect_note(&missing, "was not told #5");
}

static void a_repeat_needs_a_reason_and_the_same_words(void **state)
{
    (void)state;
    struct arrival again = ledger.arrivals[0];
    ledger.arrivals[0].answer = ARRIVAL_CUT; // the first answer was lost: told again, rightly
    ledger_add_arrival(&ledger, &again);
    memmove(ledger.arrivals + 2, ledger.arrivals + 1, (ledger.n_arrivals - 2) * sizeof *ledger.arrivals);
    ledger.arrivals[1] = again;
    judge();
    assert_int_equal(wrong.count + missing.count, 0);
    ledger.arrivals[1].body++;
    judge();
    expect_note(&wrong, "again in other words");
}

static void what_is_not_in_the_journey_is_a_phantom(void **state)
{
    (void)state;
    struct arrival a = arrival_of(0, 0);
    a.news.seq = 500;
    ledger_add_arrival(&ledger, &a);
    judge();
    expect_note(&missing, "#500 of");
}

static void citizens_get_one_sms_per_cause_and_only_with_consent(void **state)
{
    (void)state;
    struct text_message t = {.dossier = 0, .item = 0, .template = 6, .to_citizen = true, .reference = 1};
    ledger_add_text(&ledger, &t); // nobody asked for a supplement
    judge();
    expect_note(&wrong, "1 SMS (T6) about");
    ledger_add_text(&ledger, &t);
    judge();
    expect_note(&wrong, "left twice under one reference");
    ledger.texts[0].to_citizen = false;
    day.plan.dossiers[0].consent = false;
    judge();
    expect_note(&wrong, "although the citizen had not agreed");
    expect_note(&wrong, "not its citizen's");
}

static void the_newest_sms_must_leave(void **state)
{
    (void)state;
    const struct verdict_input in = {&day, &ledger, true};
    struct ledger_dossier *l = &ledger.dossiers[0];
    for (size_t i = 0; i < l->n_rows; i++) {
        struct news *n = &l->rows[i];
        n->has_state = n->kind == EVENT_ITEM_DELIVERED && n->leg == LEG_K;
        n->before = STATE_OUT_FOR_DELIVERY;
        n->after = STATE_DELIVERED;
    }
    notes_done(&missing);
    assert_int_equal(verdict_check(&in, &wrong, &missing), ERR_OK);
    expect_note(&missing, "the newest SMS (T11)");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_day_passes),
        TEST(scans_are_answered_as_they_must),
        TEST(a_journey_tells_what_was_played),
        TEST(a_journey_counts_without_gaps),
        TEST(old_news_must_say_so),
        TEST(items_end_where_they_were_left),
        TEST(every_office_is_told_everything_in_order),
        TEST(a_gap_that_is_announced_is_none),
        TEST(a_repeat_needs_a_reason_and_the_same_words),
        TEST(what_is_not_in_the_journey_is_a_phantom),
        TEST(citizens_get_one_sms_per_cause_and_only_with_consent),
        TEST(the_newest_sms_must_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
