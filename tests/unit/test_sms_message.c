// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sms/message.h"

#define HOUR_MS 3600000LL
// 2026-11-21 00:00 in Vietnam.
#define MIDNIGHT (1795194000000LL)

static void answers_lead_to_states(void **state)
{
    (void)state;
    static const struct {
        enum sms_answer answer;
        unsigned tries;
        enum sms_state want;
        int64_t wait_ms;
    } rows[] = {
        {SMS_ANSWER_ACCEPTED, 1, SMS_ACCEPTED, 0},   {SMS_ANSWER_REFUSED, 1, SMS_FAILED, 0},
        {SMS_ANSWER_LATER, 1, SMS_WAITING, 5000},    {SMS_ANSWER_LATER, 3, SMS_WAITING, 20000},
        {SMS_ANSWER_LATER, 40, SMS_WAITING, 600000}, {SMS_ANSWER_LOST, 1, SMS_UNKNOWN, SMS_UNKNOWN_MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sms_step s = sms_after_answer(rows[i].answer, rows[i].tries, 1000);
        assert_int_equal(s.state, rows[i].want);
        assert_int_equal(s.not_before_ms, 1000 + rows[i].wait_ms);
    }
}

static void quiet_hours_end_in_the_morning(void **state)
{
    (void)state;
    const struct sms_quiet night = {22 * 60, 7 * 60}, noon = {12 * 60, 13 * 60}, none = {0, 0};
    static const struct {
        int64_t at, want;
    } rows[] = {
        {MIDNIGHT + 21 * HOUR_MS + 59 * 60000, MIDNIGHT + 21 * HOUR_MS + 59 * 60000},
        {MIDNIGHT + 22 * HOUR_MS, MIDNIGHT + 31 * HOUR_MS},
        {MIDNIGHT + 23 * HOUR_MS + 5, MIDNIGHT + 31 * HOUR_MS},
        {MIDNIGHT, MIDNIGHT + 7 * HOUR_MS},
        {MIDNIGHT + 7 * HOUR_MS - 1, MIDNIGHT + 7 * HOUR_MS},
        {MIDNIGHT + 7 * HOUR_MS, MIDNIGHT + 7 * HOUR_MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(sms_next_loud_ms(&night, rows[i].at), rows[i].want);
        assert_int_equal(sms_next_loud_ms(&none, rows[i].at), rows[i].at);
    }
    assert_int_equal(sms_next_loud_ms(&noon, MIDNIGHT + 12 * HOUR_MS + 30 * 60000), MIDNIGHT + 13 * HOUR_MS);
}

static void messages_expire(void **state)
{
    (void)state;
    int64_t ten = MIDNIGHT + 10 * HOUR_MS;
    assert_int_equal(sms_expires_ms(8, ten), MIDNIGHT + 24 * HOUR_MS); // "today" ends at midnight
    assert_int_equal(sms_expires_ms(11, ten), ten + 24 * HOUR_MS);
    assert_int_equal(sms_expires_ms(8, MIDNIGHT), MIDNIGHT + 24 * HOUR_MS);
    assert_int_equal(sms_expires_ms(8, MIDNIGHT - 1), MIDNIGHT);
}

// Epoch 3 began at noon; facts up to position 2^33 survived.
static void what_a_restore_may_have_lost_may_have_been_sent(void **state)
{
    (void)state;
    const int64_t noon = MIDNIGHT + 12 * HOUR_MS, floor = INT64_C(1) << 33;
    const struct sms_epoch first = {1, 0, noon}, third = {3, floor, noon};
    static const struct {
        int64_t pos_behind_floor, after_noon_ms; // of the fact, of the event
        bool by_device, want;
    } rows[] = {
        {0, HOUR_MS, true, true}, // survived, and was perhaps told after the restore point
        {-5000, 48 * HOUR_MS, false, true},
        {1, -1, true, true},            // comes again, or for the first time: nobody knows
        {1, -20 * HOUR_MS, true, true}, // was uploaded late, in the lost time
        {1, 0, true, true},
        {1, SMS_SKEW_MS, true, true}, // by a clock that is a little fast
        {1, SMS_SKEW_MS + 1, true, false},
        {1, HOUR_MS, true, false},
        {1, HOUR_MS, false, true}, // an office says again, without a time
        {1, SMS_AGAIN_MS, false, true},
        {1, SMS_AGAIN_MS + 1, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t pos = floor + rows[i].pos_behind_floor, at = noon + rows[i].after_noon_ms;
        if (sms_maybe_told(&third, pos, at, rows[i].by_device) != rows[i].want)
            fail_msg("row %zu", i);
        assert_false(sms_maybe_told(&first, pos, at, rows[i].by_device));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_lead_to_states),
        cmocka_unit_test(quiet_hours_end_in_the_morning),
        cmocka_unit_test(messages_expire),
        cmocka_unit_test(what_a_restore_may_have_lost_may_have_been_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
