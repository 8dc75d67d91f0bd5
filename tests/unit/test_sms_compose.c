// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sms/compose.h"
#include "sms/gateway.h"

#include <stdio.h>
#include <string.h>

// 2026-11-21 14:05 in Vietnam.
#define MOMENT 1795244700000LL

static struct compose_news news(unsigned template_no)
{
    return (struct compose_news){.template_no = template_no,
                                 .code = "000.17.22.H56-210531-0001",
                                 .item = "EC521602781VN",
                                 .office = "Bưu cục Quảng Ngãi",
                                 .details = "{}",
                                 .details_len = 2,
                                 .occurred_ms = MOMENT,
                                 .hotline = "1900561563",
                                 .url = "https://hcc.vn/t/0123456789abcdef"};
}

static void every_template_fits_one_segment(void **state)
{
    (void)state;
    for (unsigned t = 1; t <= 12; t++) {
        struct compose_news n = news(t);
        n.others = "2";
        char buf[SMS_TEXT_MAX + 1];
        struct sms_text text;
        assert_int_equal(compose_text(&n, buf, sizeof buf, &text), SMS_OK);
        assert_int_equal(text.size.segments, 1);
        assert_int_equal(text.size.alphabet, ALPHABET_GSM7);
        assert_null(strchr(buf, '{'));
    }
}

static void days_and_amounts_are_filled_in(void **state)
{
    (void)state;
    static const struct {
        unsigned template_no;
        const char *details, *want;
    } rows[] = {
        {2, "{}", " 22/11"},                        // tomorrow, when the postman named no day
        {9, "{\"next\":\"2026-11-25\"}", " 25/11"}, // the day he named
        {9, "{\"next\":\"25 th\"}", " 22/11"},      // nonsense is not a day
        {10, "{}", " 01/12"},                       // ten days in the office
        {10, "{\"until\":\"2026-11-30\"}", " 30/11"},
        {4, "{\"next\":\"2026-11-25\"}", " 21/11"}, // the hand-over's own day
        {8, "{\"fee\":50000,\"charge\":26000}", "76.000"},
        {8, "{}", " 0d"},
        {11, "{}", "14:05 21/11"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct compose_news n = news(rows[i].template_no);
        n.details = rows[i].details;
        n.details_len = strlen(rows[i].details);
        char buf[SMS_TEXT_MAX + 1];
        struct sms_text text;
        assert_int_equal(compose_text(&n, buf, sizeof buf, &text), SMS_OK);
        if (!strstr(buf, rows[i].want))
            fail_msg("row %zu: '%s' lacks '%s'", i, buf, rows[i].want);
    }
}

static void two_segments_are_refused(void **state)
{
    (void)state;
    struct compose_news n = news(3);
    char url[180];
    memset(url, 'x', sizeof url - 1);
    url[sizeof url - 1] = '\0';
    n.url = url;
    char buf[SMS_TEXT_MAX + 1];
    struct sms_text text;
    assert_int_equal(compose_text(&n, buf, sizeof buf, &text), SMS_TOO_LONG);
}

static void provider_answers_are_judged(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *body;
        enum sms_answer want;
        const char *id;
    } rows[] = {
        {200, "{\"id\":\"abc\"}", SMS_ANSWER_ACCEPTED, "abc"},
        {202, "", SMS_ANSWER_ACCEPTED, ""},
        {200, "{}", SMS_ANSWER_ACCEPTED, ""},
        {200, "<html>busy</html>", SMS_ANSWER_LOST, ""}, // a proxy's page: it may have been taken
        {200, "[]", SMS_ANSWER_LOST, ""},
        {409, "{\"error\":\"duplicate\"}", SMS_ANSWER_ACCEPTED, ""},
        {400, "", SMS_ANSWER_REFUSED, ""},
        {422, "", SMS_ANSWER_REFUSED, ""},
        {401, "", SMS_ANSWER_LATER, ""}, // our token is wrong: not the message's fault
        {429, "", SMS_ANSWER_LATER, ""},
        {503, "", SMS_ANSWER_LATER, ""},
        {500, "", SMS_ANSWER_LOST, ""},
        {502, "", SMS_ANSWER_LOST, ""},
        {302, "", SMS_ANSWER_LOST, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char id[16];
        assert_int_equal(
            gateway_json_judge(rows[i].status, rows[i].body, strlen(rows[i].body), id, sizeof id),
            rows[i].want);
        assert_string_equal(id, rows[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_template_fits_one_segment),
        cmocka_unit_test(days_and_amounts_are_filled_in),
        cmocka_unit_test(two_segments_are_refused),
        cmocka_unit_test(provider_answers_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
