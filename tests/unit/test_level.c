// SPDX-License-Identifier: EUPL-1.2
// How far a dossier is, and what the citizen is told to do.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "portal/words.h"

static void levels(void **state)
{
    (void)state;
    static const struct {
        enum dossier_status status;
        bool ready;
        struct level_item items[3];
        size_t count;
        enum level level;
    } rows[] = {
        {STATUS_NONE, false, {{0}}, 0, LEVEL_WAITING},
        {STATUS_NEW, false, {{LEG_N, STATE_ASSIGNED}}, 1, LEVEL_WAITING},
        {STATUS_NEW, false, {{LEG_N, STATE_COLLECTED}}, 1, LEVEL_RECEIVED},
        {STATUS_NONE, false, {{LEG_NONE, STATE_IN_TRANSIT}}, 1, LEVEL_RECEIVED},
        {STATUS_NONE, false, {{LEG_N, STATE_HANDED_OVER}}, 1, LEVEL_RECEIVED},
        {STATUS_NONE, false, {{LEG_N, STATE_RETURNED}}, 1, LEVEL_WAITING},
        {STATUS_RECEIVED, false, {{LEG_N, STATE_HANDED_OVER}}, 1, LEVEL_PROCESSING},
        {STATUS_SUPPLEMENT, false, {{LEG_B, STATE_IN_TRANSIT}}, 1, LEVEL_PROCESSING},
        {STATUS_DECIDED, false, {{LEG_N, STATE_HANDED_OVER}}, 1, LEVEL_DECIDED},
        {STATUS_PROCESSING, true, {{LEG_N, STATE_HANDED_OVER}}, 1, LEVEL_DECIDED},
        {STATUS_NONE, false, {{LEG_K, STATE_REQUESTED}}, 1, LEVEL_DECIDED},
        {STATUS_DECIDED,
         true,
         {{LEG_K, STATE_OUT_FOR_DELIVERY}, {LEG_N, STATE_HANDED_OVER}},
         2,
         LEVEL_DELIVERING},
        {STATUS_DECIDED, true, {{LEG_K, STATE_HELD}}, 1, LEVEL_DELIVERING},
        {STATUS_DECIDED, true, {{LEG_K, STATE_RETURNING}}, 1, LEVEL_DECIDED},
        {STATUS_DECIDED, true, {{LEG_K, STATE_CANCELLED}}, 1, LEVEL_DECIDED},
        // Proof of delivery only proposes status 10, but the citizen has the paper.
        {STATUS_DECIDED, true, {{LEG_K, STATE_DELIVERED}}, 1, LEVEL_DONE},
        {STATUS_RETURNED, false, {{0}}, 0, LEVEL_DONE},
        {STATUS_REFUSED, false, {{LEG_N, STATE_HANDED_OVER}}, 1, LEVEL_CLOSED},
        {STATUS_STOPPED, true, {{LEG_H, STATE_IN_TRANSIT}}, 1, LEVEL_CLOSED},
        {STATUS_NONE, false, {{LEG_H, STATE_DELIVERED}}, 1, LEVEL_WAITING},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(level_of(rows[i].status, rows[i].ready, rows[i].items, rows[i].count),
                         rows[i].level);
}

static void steps(void **state)
{
    (void)state;
    static const struct {
        enum dossier_status status;
        enum level level;
        bool supplement;
        struct level_item items[2];
        size_t count;
        enum step step;
    } rows[] = {
        {STATUS_NONE, LEVEL_WAITING, false, {{LEG_N, STATE_ASSIGNED}}, 1, STEP_MEET},
        {STATUS_NONE, LEVEL_RECEIVED, false, {{LEG_N, STATE_IN_TRANSIT}}, 1, STEP_NOTHING},
        {STATUS_SUPPLEMENT, LEVEL_PROCESSING, false, {{LEG_N, STATE_HANDED_OVER}}, 1, STEP_SUPPLEMENT},
        {STATUS_PROCESSING, LEVEL_PROCESSING, true, {{LEG_N, STATE_HANDED_OVER}}, 1, STEP_SUPPLEMENT},
        {STATUS_NONE, LEVEL_RECEIVED, false, {{LEG_N, STATE_REFUSED_BY_OFFICE}}, 1, STEP_SUPPLEMENT},
        {STATUS_PAYMENT, LEVEL_PROCESSING, false, {{0}}, 0, STEP_PAY},
        {STATUS_DECIDED, LEVEL_DELIVERING, true, {{LEG_K, STATE_OUT_FOR_DELIVERY}}, 1, STEP_HOME},
        {STATUS_DECIDED, LEVEL_DELIVERING, false, {{LEG_K, STATE_WAITING_REDELIVERY}}, 1, STEP_AGAIN},
        {STATUS_DECIDED, LEVEL_DELIVERING, false, {{LEG_K, STATE_HELD}}, 1, STEP_COLLECT},
        {STATUS_DECIDED, LEVEL_DELIVERING, false, {{LEG_K, STATE_LOST}}, 1, STEP_ASK},
        {STATUS_DECIDED, LEVEL_DECIDED, false, {{LEG_K, STATE_RETURNING}}, 1, STEP_ASK},
        {STATUS_DECIDED, LEVEL_DONE, true, {{LEG_K, STATE_DELIVERED}}, 1, STEP_DONE},
        {STATUS_REFUSED, LEVEL_CLOSED, true, {{LEG_N, STATE_LOST}}, 1, STEP_CLOSED},
        {STATUS_RECEIVED, LEVEL_PROCESSING, false, {{LEG_N, STATE_OUT_FOR_DELIVERY}}, 1, STEP_NOTHING},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum step step =
            words_step(rows[i].status, rows[i].level, rows[i].supplement, rows[i].items, rows[i].count);
        assert_int_equal(step, rows[i].step);
        assert_true(strlen(words_step_text(step)) > 20);
    }
}

static void events_have_words(void **state)
{
    (void)state;
    assert_string_equal(words_event(EVENT_ITEM_DELIVERED, LEG_N, STATE_HANDED_OVER, NULL),
                        "Đã giao hồ sơ đến bộ phận một cửa");
    assert_string_equal(words_event(EVENT_ITEM_DELIVERED, LEG_K, STATE_DELIVERED, NULL), "Đã phát kết quả");
    assert_string_equal(words_event(EVENT_ITEM_DELIVERED, LEG_H, STATE_DELIVERED, NULL), "Đã trả giấy tờ");
    assert_string_equal(words_event(EVENT_DOSSIER_STATUS, LEG_NONE, 0, "5"),
                        "Tình trạng hồ sơ: yêu cầu bổ sung giấy tờ");
    assert_null(words_event(EVENT_DOSSIER_STATUS, LEG_NONE, 0, "11"));
    assert_null(words_event(EVENT_DOSSIER_STATUS, LEG_NONE, 0, NULL));
    assert_string_equal(words_event(EVENT_DELIVERY_DECIDED, LEG_K, STATE_HELD, NULL),
                        "Bưu gửi được giữ tại bưu cục chờ đến nhận");
    assert_null(words_event(EVENT_DELIVERY_DECIDED, LEG_K, STATE_DELIVERED, NULL));
    // The inner business of the post and of accounts.
    assert_null(words_event(EVENT_ITEM_PUT_IN, LEG_N, 0, NULL));
    assert_null(words_event(EVENT_FEE_RECONCILED, LEG_N, 0, NULL));
    assert_null(words_event(EVENT_DOSSIER_LINK, LEG_N, 0, NULL));
    assert_null(words_event(200, LEG_N, 0, NULL));
    for (int level = LEVEL_WAITING; level <= LEVEL_CLOSED; level++)
        assert_true(strlen(words_level((enum level)level)) > 10);
    for (int level = LEVEL_RECEIVED; level <= LEVEL_DONE; level++)
        assert_true(strlen(words_stop((enum level)level)) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(levels), cmocka_unit_test(steps),
                                       cmocka_unit_test(events_have_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
