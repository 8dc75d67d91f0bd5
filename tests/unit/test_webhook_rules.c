// SPDX-License-Identifier: EUPL-1.2
// The small rules of the webhook service: schedule, breaker, pace, what an answer means, who wants an event.
#include "base/err.h"
#include "domain/event.h"
#include "webhook/answer.h"
#include "webhook/breaker.h"
#include "webhook/match.h"
#include "webhook/pace.h"
#include "webhook/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

// ---------------------------------------------------------------- schedule

// Every attempt fails at once and nothing jitters: the published times.
static void the_published_schedule(void **state)
{
    (void)state;
    static const int64_t waits[] = {5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR,
                                    10 * HOUR,  14 * HOUR,  20 * HOUR,   24 * HOUR};
    int64_t now = 7777, at = 0;
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_true(schedule_next(7777, now, 0, 1, 0, &at));
        assert_int_equal(at - now, waits[i]);
        now = at;
    }
    assert_int_equal(now - 7777, SCHEDULE_TOTAL_MS);
    assert_int_equal(now, schedule_end(7777, 1));
    at = 42;
    assert_false(schedule_next(7777, now, 0, 1, 0, &at));
    assert_int_equal(at, 42);
}

// The promise is a time, not a count: attempts at other times take nothing away.
static void attempts_out_of_turn_change_nothing(void **state)
{
    (void)state;
    static const struct {
        int64_t now, at;
    } cases[] = {
        {0, 5 * SECOND},
        {4999, 5 * SECOND},
        {5000, 5 * MINUTE + 5 * SECOND},
        {6 * MINUTE, 35 * MINUTE + 5 * SECOND},
        {50 * HOUR, 51 * HOUR + 35 * MINUTE + 5 * SECOND},
        {52 * HOUR, SCHEDULE_TOTAL_MS},
        {SCHEDULE_TOTAL_MS - 1, SCHEDULE_TOTAL_MS},
        {SCHEDULE_TOTAL_MS, -1},
        {200 * HOUR, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t at = -1;
        assert_int_equal(schedule_next(0, cases[i].now, 0, 1, 0, &at), cases[i].at >= 0);
        assert_int_equal(at, cases[i].at);
    }
}

static void jitter_only_lengthens(void **state)
{
    (void)state;
    int64_t most = 0;
    for (uint64_t random = 0; random < 100000; random += 7) {
        int64_t at;
        assert_true(schedule_next(0, 5 * SECOND, 0, 1, random, &at));
        assert_in_range(at, 305 * SECOND, 305 * SECOND + 30 * SECOND);
        most = at > most ? at : most;
    }
    assert_true(most > 305 * SECOND + 29 * SECOND);
}

static void retry_after_delays_but_never_beyond_the_end(void **state)
{
    (void)state;
    static const struct {
        int64_t now, after, at;
    } cases[] = {
        {0, 1 * SECOND, 5 * SECOND},
        {0, 60 * SECOND, 60 * SECOND},
        {6 * MINUTE, 10 * HOUR, 10 * HOUR + 6 * MINUTE},
        {60 * HOUR, 100 * HOUR, SCHEDULE_TOTAL_MS},
        {0, -5, 5 * SECOND},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t at = -1;
        assert_true(schedule_next(0, cases[i].now, cases[i].after, 1, 0, &at));
        assert_int_equal(at, cases[i].at);
    }
}

static void speed_divides_every_wait(void **state)
{
    (void)state;
    int64_t at, now = 0;
    unsigned attempts = 1;
    while (schedule_next(0, now, 0, 1000, 0, &at)) {
        assert_true(at > now);
        now = at;
        attempts++;
    }
    assert_int_equal(attempts, SCHEDULE_ATTEMPTS);
    assert_int_equal(now, SCHEDULE_TOTAL_MS / 1000);
}

// ---------------------------------------------------------------- breaker

static void ten_failures_in_a_row_open_it(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b, 1);
    for (int i = 0; i < 9; i++)
        assert_false(breaker_note(&b, false, i));
    assert_false(breaker_note(&b, true, 9)); // a success in between starts the count again
    for (int i = 0; i < 3; i++)
        (void)breaker_note(&b, true, 10); // and keeps the share below 70 %
    for (int i = 0; i < 5; i++)
        (void)breaker_note(&b, true, 10);
    for (int i = 0; i < 9; i++)
        assert_false(breaker_note(&b, false, 20));
    assert_true(breaker_note(&b, false, 30));
    assert_int_equal(b.state, BREAKER_OPEN);
}

static void seventy_percent_of_ten_open_it(void **state)
{
    (void)state;
    static const struct {
        unsigned ok, failed;
        bool open;
    } cases[] = {{3, 7, true}, {4, 6, false}, {2, 7, false}, {6, 12, false}, {6, 13, false}, {6, 14, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct breaker b;
        breaker_init(&b, 1);
        unsigned ok = cases[i].ok, failed = cases[i].failed;
        for (unsigned n = 0; ok + failed > 0; n++) { // mixed, so that no ten fail in a row
            bool good = ok > 0 && (n % 3 == 0 || failed == 0);
            ok -= good;
            failed -= !good;
            if (breaker_note(&b, good, n))
                break;
        }
        if ((b.state == BREAKER_OPEN) != cases[i].open)
            fail_msg("%u ok, %u failed", cases[i].ok, cases[i].failed);
    }
}

static void old_failures_are_forgotten(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init(&b, 1);
    for (int i = 0; i < 9; i++)
        (void)breaker_note(&b, false, 0);
    (void)breaker_note(&b, true, 1);
    for (int i = 0; i < 5; i++)
        assert_false(breaker_note(&b, true, 6 * MINUTE));
    for (int i = 0; i < 4; i++)
        assert_false(breaker_note(&b, false, 6 * MINUTE));
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void an_open_breaker_probes_with_growing_waits(void **state)
{
    (void)state;
    static const int64_t waits[] = {30 * SECOND,  60 * SECOND,  120 * SECOND,
                                    240 * SECOND, 300 * SECOND, 300 * SECOND};
    struct breaker b;
    int64_t now = 1000;
    breaker_init(&b, 1);
    for (int i = 0; i < 10; i++)
        (void)breaker_note(&b, false, now);
    assert_false(breaker_note(&b, false, now)); // one that was still in flight
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_false(breaker_allows(&b, now + waits[i] - 1, 0));
        now += waits[i];
        assert_false(breaker_allows(&b, now, 1)); // one at a time
        assert_true(breaker_allows(&b, now, 0));
        assert_true(breaker_note(&b, false, now));
        assert_int_equal(b.state, BREAKER_OPEN);
    }
}

static void five_successes_close_it(void **state)
{
    (void)state;
    struct breaker b;
    breaker_init_open(&b, 1, 5000);
    for (int i = 0; i < 4; i++) {
        assert_true(breaker_allows(&b, 5000, 0));
        assert_false(breaker_allows(&b, 5000, 1));
        assert_false(breaker_note(&b, true, 5000));
    }
    assert_true(breaker_note(&b, true, 5000));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_true(breaker_allows(&b, 5000, 100));
    for (int i = 0; i < 9; i++) // the old count is gone
        assert_false(breaker_note(&b, false, 5000));
}

// ---------------------------------------------------------------- pace

static void a_slow_start_after_an_outage(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 4, 1);
    assert_true(pace_allows(&p, 0, 3));
    assert_false(pace_allows(&p, 0, 4));
    pace_restart(&p);
    assert_false(pace_allows(&p, 0, 1));
    for (unsigned n = 2; n <= 4; n++) {
        pace_success(&p, 10);
        assert_true(pace_allows(&p, 0, n - 1));
        assert_false(pace_allows(&p, 0, n));
    }
    pace_success(&p, 10);
    assert_int_equal(p.now, 4);
}

static void slowness_and_throttling_halve_it(void **state)
{
    (void)state;
    struct pace p;
    pace_init(&p, 8, 1);
    pace_success(&p, PACE_SLOW_MS + 1);
    assert_int_equal(p.now, 4);
    pace_throttle(&p, 0, 1000);
    assert_int_equal(p.now, 2);
    assert_false(pace_allows(&p, 1999, 0));
    assert_true(pace_allows(&p, 2000, 0));
    pace_throttle(&p, 120 * SECOND, 2000);
    pace_throttle(&p, 1 * SECOND, 2000); // a shorter pause does not end a longer one
    assert_int_equal(p.now, 1);
    assert_false(pace_allows(&p, 121999, 0));
    assert_true(pace_allows(&p, 122000, 0));
    pace_throttle(&p, 1000 * HOUR, 0);
    assert_true(pace_allows(&p, PACE_PAUSE_MAX_MS, 0));
}

// ---------------------------------------------------------------- answers

static void what_answers_mean(void **state)
{
    (void)state;
    static const struct {
        enum fetch_outcome outcome;
        int status;
        const char *retry_after, *directive;
        enum answer_verdict verdict;
        bool throttle, blames;
        int64_t after;
        const char *why;
    } cases[] = {
        {FETCH_ANSWERED, 200, "", "", ANSWER_DELIVERED, false, true, 0, "http-200"},
        {FETCH_ANSWERED, 204, "", "", ANSWER_DELIVERED, false, true, 0, "http-204"},
        {FETCH_ANSWERED, 299, "", "abort-message", ANSWER_DELIVERED, false, true, 0, "http-299"},
        {FETCH_ANSWERED, 302, "", "", ANSWER_FAILED, false, true, 0, "http-302"},
        {FETCH_ANSWERED, 400, "", "", ANSWER_FAILED, false, true, 0, "http-400"},
        {FETCH_ANSWERED, 400, "", "Abort-Message", ANSWER_ABORTED, false, true, 0, "http-400"},
        {FETCH_ANSWERED, 400, "", "abort", ANSWER_FAILED, false, true, 0, "http-400"},
        {FETCH_ANSWERED, 410, "", "", ANSWER_GONE, false, true, 0, "http-410"},
        {FETCH_ANSWERED, 429, "", "", ANSWER_FAILED, true, false, 0, "http-429"},
        {FETCH_ANSWERED, 429, "120", "", ANSWER_FAILED, true, false, 120 * SECOND, "http-429"},
        {FETCH_ANSWERED, 429, "Sat, 21 Nov 2026 00:01:40 GMT", "", ANSWER_FAILED, true, false, 100 * SECOND,
         "http-429"},
        {FETCH_ANSWERED, 429, "Fri, 20 Nov 2026 00:00:00 GMT", "", ANSWER_FAILED, true, false, 0, "http-429"},
        {FETCH_ANSWERED, 429, "soon", "", ANSWER_FAILED, true, false, 0, "http-429"},
        {FETCH_ANSWERED, 429, "99999999999", "", ANSWER_FAILED, true, false, 7 * 24 * HOUR, "http-429"},
        {FETCH_ANSWERED, 500, "30", "", ANSWER_FAILED, false, true, 30 * SECOND, "http-500"},
        {FETCH_ANSWERED, 502, "", "", ANSWER_FAILED, true, true, 0, "http-502"},
        {FETCH_ANSWERED, 503, "", "", ANSWER_FAILED, false, true, 0, "http-503"},
        {FETCH_ANSWERED, 503, "7", "", ANSWER_FAILED, true, true, 7 * SECOND, "http-503"},
        {FETCH_ANSWERED, 504, "", "", ANSWER_FAILED, true, true, 0, "http-504"},
        {FETCH_NOT_SENT, 0, "", "", ANSWER_FAILED, false, true, 0, "not-sent"},
        {FETCH_REFUSED, 0, "", "", ANSWER_FAILED, false, true, 0, "refused"},
        {FETCH_UNKNOWN, 200, "", "", ANSWER_FAILED, false, true, 0, "unknown"},
        {FETCH_CANCELLED, 0, "", "", ANSWER_NONE, false, false, 0, "cancelled"},
    };
    const int64_t midnight = INT64_C(1795219200000); // 2026-11-21T00:00:00Z
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch f = {.outcome = cases[i].outcome, .status = cases[i].status};
        (void)snprintf(f.retry_after, sizeof f.retry_after, "%s", cases[i].retry_after);
        (void)snprintf(f.directive, sizeof f.directive, "%s", cases[i].directive);
        struct answer a = answer_judge(&f, midnight);
        if (a.verdict != cases[i].verdict || a.throttle != cases[i].throttle || a.blames != cases[i].blames ||
            a.retry_after_ms != cases[i].after || strcmp(a.why, cases[i].why) != 0)
            fail_msg("case %zu: %d %d %d %ld %s", i, a.verdict, a.throttle, a.blames, (long)a.retry_after_ms,
                     a.why);
    }
}

// ---------------------------------------------------------------- subscriptions

static void who_wants_an_event(void **state)
{
    (void)state;
    static const struct {
        const char *units, *kinds, *legs, *unit;
        unsigned kind;
        char leg;
        bool wants;
    } cases[] = {
        {"H48", "", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', true},
        {"H48", "", "NBKH", "H48.16", EVENT_ITEM_DELIVERED, 'K', true},
        {"H48", "", "NBKH", "H48.16.3", EVENT_ITEM_DELIVERED, 'K', true},
        {"H48", "", "NBKH", "H481", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48", "", "NBKH", "H4", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48.16", "", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48.16 H49", "", "NBKH", "H49.2", EVENT_ITEM_DELIVERED, 'K', true},
        {"", "", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48", "item", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', true},
        {"H48", "item.delivered", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', true},
        {"H48", "item.lost delivery", "NBKH", "H48", EVENT_DELIVERY_FAILED, 'K', true},
        {"H48", "item.lost", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48", "item.deliver", "NBKH", "H48", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48", "", "NB", "H48", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48", "", "K", "H48", EVENT_ITEM_DELIVERED, 'K', true},
        {"H48", "", "", "H48", EVENT_ITEM_DELIVERED, 'K', false},
        {"H48", "", "", "H48", EVENT_DOSSIER_REGISTERED, 0, true},
        {"H48", "item", "NBKH", "H48", EVENT_DOSSIER_REGISTERED, 0, false},
        {"H48", "item", "NBKH", "H48", EVENT_STREAM_RESET, 0, true},
        {"H49", "item", "NBKH", "H48", EVENT_STREAM_RESET, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event *e = event_new("{}", 2);
        assert_non_null(e);
        const struct match m = {cases[i].units, cases[i].kinds, cases[i].legs};
        (void)snprintf(e->unit, sizeof e->unit, "%s", cases[i].unit);
        e->kind = cases[i].kind;
        e->leg = cases[i].leg;
        if (match_event(&m, e) != cases[i].wants)
            fail_msg("case %zu", i);
        event_unref(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_schedule),
        cmocka_unit_test(attempts_out_of_turn_change_nothing),
        cmocka_unit_test(jitter_only_lengthens),
        cmocka_unit_test(retry_after_delays_but_never_beyond_the_end),
        cmocka_unit_test(speed_divides_every_wait),
        cmocka_unit_test(ten_failures_in_a_row_open_it),
        cmocka_unit_test(seventy_percent_of_ten_open_it),
        cmocka_unit_test(old_failures_are_forgotten),
        cmocka_unit_test(an_open_breaker_probes_with_growing_waits),
        cmocka_unit_test(five_successes_close_it),
        cmocka_unit_test(a_slow_start_after_an_outage),
        cmocka_unit_test(slowness_and_throttling_halve_it),
        cmocka_unit_test(what_answers_mean),
        cmocka_unit_test(who_wants_an_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
