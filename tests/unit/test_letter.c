// SPDX-License-Identifier: EUPL-1.2
// webhook/letter: the bytes an office gets, and the id that stays the same over retries.
#include "base/err.h"
#include "domain/event.h"
#include "domain/journey.h"
#include "webhook/letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct letter_from from = {
    .epoch = 3,
    .installation = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd,
                     0xef},
};
static const unsigned char office[16] = {1}, other_office[16] = {2};

static struct event *sample(void)
{
    static const char details[] = "{\"reason\":\"không gặp người nhận\",\"attempt\":2}";
    struct event *e = event_new(details, sizeof details - 1);
    assert_non_null(e);
    e->cause_pos = 77;
    e->cause_part = 16384;
    e->dossier = 9;
    e->seq = 4;
    e->kind = EVENT_DELIVERY_FAILED;
    e->flags = JOURNEY_LATE;
    e->occurred_ms = INT64_C(1795222861004);
    e->recorded_ms = INT64_C(1795222862000);
    e->state = 13;
    e->leg = 'K';
    (void)snprintf(e->unit, sizeof e->unit, "H48.16");
    (void)snprintf(e->code, sizeof e->code, "H48.16-261120-0001");
    (void)snprintf(e->item, sizeof e->item, "EB125966897VN");
    return e;
}

#define HEAD                                                                                                 \
    "{\"specversion\":\"1.0\",\"id\":\"msg_x\",\"source\":\"urn:duongthu:01234567-89ab-cdef-0123-"           \
    "456789abcdef:3\","                                                                                      \
    "\"type\":\"vn.duongthu.delivery.failed\",\"subject\":\"H48.16-261120-0001\",\"time\":\"2026-11-21T01:"  \
    "01:01.004Z\","                                                                                          \
    "\"datacontenttype\":\"application/json\",\"sequence\":\"4\",\"sequencetype\":\"Integer\",\"data\":{"    \
    "\"dossier\":\"H48.16-261120-0001\",\"sequence\":4,\"event\":\"delivery.failed\",\"unit\":\"H48.16\","   \
    "\"occurred_at\":\"2026-11-21T01:01:01.004Z\",\"recorded_at\":\"2026-11-21T01:01:02.000Z\""

static void assert_letter(const struct event *e, bool thin, bool gap, const char *want)
{
    struct buf b;
    buf_init(&b, LETTER_MAX);
    assert_int_equal(letter_print(&from, e, "msg_x", thin, gap, &b), ERR_OK);
    assert_string_equal(buf_str(&b), want);
    buf_done(&b);
}

static void full_and_thin_letters(void **state)
{
    (void)state;
    struct event *e = sample();
    assert_letter(
        e, false, false,
        HEAD ",\"item\":\"EB125966897VN\",\"leg\":\"K\",\"state\":\"attempt-failed\",\"state_code\":\"S13\","
             "\"late\":true,\"details\":{\"reason\":\"không gặp người nhận\",\"attempt\":2}}}");
    assert_letter(e, true, false, HEAD "}}");
    assert_letter(e, true, true, HEAD ",\"gap_before\":true}}");
    event_unref(e);
}

static void a_reset_says_which_number_still_stands(void **state)
{
    (void)state;
    struct event *e = sample();
    e->kind = EVENT_STREAM_RESET;
    struct buf full, thin;
    buf_init(&full, LETTER_MAX);
    buf_init(&thin, LETTER_MAX);
    assert_int_equal(letter_print(&from, e, "msg_x", false, false, &full), ERR_OK);
    assert_int_equal(letter_print(&from, e, "msg_x", true, false, &thin), ERR_OK);
    assert_non_null(strstr(buf_str(&full), "\"event\":\"stream.reset\""));
    assert_non_null(strstr(buf_str(&full), "\"sequence\":4,"));
    assert_non_null(strstr(buf_str(&full), ",\"last_sequence\":3,"));
    assert_non_null(strstr(buf_str(&thin), ",\"last_sequence\":3}}"));
    buf_done(&full);
    buf_done(&thin);
    event_unref(e);
}

static void what_is_absent_is_left_out(void **state)
{
    (void)state;
    struct event *e = sample(), *bare = event_new("{}", 2);
    assert_non_null(bare);
    *bare = *e;
    bare->details_len = 2;
    memcpy(bare->details, "{}", 2);
    bare->state = -1;
    bare->leg = 0;
    bare->item[0] = '\0';
    bare->flags = 0;
    bare->retracts = 2;
    assert_letter(bare, false, false, HEAD ",\"retracts\":2}}");
    event_unref(e);
    event_unref(bare);
}

static void ids_tell_events_apart_and_nothing_else(void **state)
{
    (void)state;
    char a[LETTER_ID_LEN + 1], b[LETTER_ID_LEN + 1];
    struct event *e = sample(), *f = sample();
    struct letter_from restored = from;
    letter_id(&from, e, office, a);
    assert_int_equal(strlen(a), LETTER_ID_LEN);
    assert_memory_equal(a, "msg_", 4);
    assert_null(strchr(a, '.'));
    f->pos = 12345; // where the row stands and when it was read does not matter
    f->recorded_ms++;
    letter_id(&from, f, office, b);
    assert_string_equal(a, b);
    letter_id(&from, e, other_office, b);
    assert_string_not_equal(a, b);
    restored.epoch = 4;
    letter_id(&restored, e, office, b);
    assert_string_not_equal(a, b);
    f->cause_part++;
    letter_id(&from, f, office, b);
    assert_string_not_equal(a, b);
    f->cause_part = e->cause_part;
    f->cause_pos++;
    letter_id(&from, f, office, b);
    assert_string_not_equal(a, b);
    f->cause_pos = e->cause_pos;
    f->cause_lane++;
    letter_id(&from, f, office, b);
    assert_string_not_equal(a, b);
    event_unref(e);
    event_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_and_thin_letters),
        cmocka_unit_test(a_reset_says_which_number_still_stands),
        cmocka_unit_test(what_is_absent_is_left_out),
        cmocka_unit_test(ids_tell_events_apart_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
