// SPDX-License-Identifier: EUPL-1.2
// Verdicts on single scans: tables of what handhelds send, and of near misses.
#include "base/attr.h"
#include "ingest/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fact_text text(const char *s)
{
    return (struct fact_text){s, strlen(s)};
}

static void codes(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        const char *scanned;
        enum outcome outcome;
        const char *code; // "" = none stored
        bool item;
    } cases[] = {
        {EVENT_ITEM_COLLECTED, "EA123456785VN", OUTCOME_ACCEPTED, "EA123456785VN", true},
        {EVENT_ITEM_COLLECTED, "ea 123 456 785 vn", OUTCOME_ACCEPTED, "EA123456785VN", true},
        {EVENT_ITEM_COLLECTED, "]C0EA123456785VN\r\n", OUTCOME_ACCEPTED, "EA123456785VN", true},
        {EVENT_ITEM_COLLECTED, "https://vnpost.vn/?c=EA123456785VN", OUTCOME_ACCEPTED, "EA123456785VN", true},
        {EVENT_ITEM_COLLECTED, "EA123456784VN", OUTCOME_CHECK_DIGIT, "EA123456784VN", true},
        {EVENT_ITEM_COLLECTED, "https://vnpost.vn/?c=EA123456784VN", OUTCOME_CHECK_DIGIT, "", true},
        {EVENT_ITEM_COLLECTED, "EA12345678VN", OUTCOME_CODE, "", true},
        {EVENT_ITEM_COLLECTED, "BAG-00012345", OUTCOME_CODE, "", true},
        {EVENT_ITEM_COLLECTED, "H34.16-190102-0007", OUTCOME_CODE, "", true},
        {EVENT_ITEM_COLLECTED, "?", OUTCOME_CODE, "", true},
        {EVENT_ITEM_COLLECTED, "\xff\xfe", OUTCOME_CODE, "", false},
        {EVENT_BAG_OPENED, "bag-00012345", OUTCOME_ACCEPTED, "BAG-00012345", false},
        {EVENT_BAG_OPENED, "(00)106141411234567897", OUTCOME_ACCEPTED, "106141411234567897", false},
        {EVENT_BAG_OPENED, "(00)106141411234567890", OUTCOME_CHECK_DIGIT, "", false},
        {EVENT_BAG_OPENED, "EA123456785VN", OUTCOME_CODE, "", false},
        {EVENT_BAG_OPENED, "A", OUTCOME_CODE, "", false},
        {EVENT_ITEM_TAKEN_OUT, "EA123456785VN", OUTCOME_ACCEPTED, "EA123456785VN", true},
        {EVENT_ITEM_TAKEN_OUT, "EA123456784VN", OUTCOME_CHECK_DIGIT, "EA123456784VN", true},
        {EVENT_ITEM_TAKEN_OUT, "BAG-00012345", OUTCOME_ACCEPTED, "BAG-00012345", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fact f;
        char code[FACT_CODE_MAX + 1];
        int len;
        bool item;
        fact_init(&f);
        f.kind = cases[i].kind;
        f.code = text(cases[i].scanned);
        enum outcome o = judge_event(&f, code, &len, &item);
        if (o != cases[i].outcome)
            print_message("%s\n", cases[i].scanned);
        assert_int_equal(o, cases[i].outcome);
        assert_int_equal(len, cases[i].code[0] ? (int)strlen(cases[i].code) : -1);
        if (len >= 0)
            assert_string_equal(code, cases[i].code);
        if (o == OUTCOME_ACCEPTED)
            assert_int_equal(item, cases[i].item);
    }
}

static void events(void **state)
{
    (void)state;
    struct fact f;
    char code[FACT_CODE_MAX + 1];
    int len;
    bool item;
    fact_init(&f);
    f.kind = EVENT_NONE; // a word we do not know, about an item
    f.code = text("EA123456785VN");
    assert_int_equal(judge_event(&f, code, &len, &item), OUTCOME_EVENT);
    assert_int_equal(len, 13);
    f.kind = EVENT_ITEM_COMPENSATED; // not a handheld's to say
    assert_int_equal(judge_event(&f, code, &len, &item), OUTCOME_EVENT);
    f.kind = EVENT_DELIVERY_DECIDED; // without a solution
    assert_int_equal(judge_event(&f, code, &len, &item), OUTCOME_EVENT);
    f.solution = text("hold");
    assert_int_equal(judge_event(&f, code, &len, &item), OUTCOME_ACCEPTED);
    fact_init(&f);
    f.kind = EVENT_ITEM_DELIVERED; // of what?
    assert_int_equal(judge_event(&f, code, &len, &item), OUTCOME_EVENT);
    assert_int_equal(len, -1);
    f.kind = EVENT_FEE_COLLECTED; // of a dossier
    f.n_dossiers = 1;
    f.dossiers[0] = text("H34.16-190102-0007");
    assert_int_equal(judge_event(&f, code, &len, &item), OUTCOME_ACCEPTED);
    assert_int_equal(len, -1);
}

static void times(void **state)
{
    (void)state;
    const int64_t now = 1795219200000; // 2026-11-21
    static const struct {
        int64_t back, offset; // at = now − back
        enum outcome outcome;
        int64_t corrected; // now − it
        uint32_t flags;
    } cases[] = {
        {0, 0, OUTCOME_ACCEPTED, 0, 0},
        {5000, 0, OUTCOME_ACCEPTED, 5000, 0},
        {-WIRE_FUTURE_MS, 0, OUTCOME_ACCEPTED, -WIRE_FUTURE_MS, 0},
        {-WIRE_FUTURE_MS - 1, 0, OUTCOME_TIME, 0, FACT_FLAG_CLOCK},
        {-WIRE_FUTURE_MS - 1, -1, OUTCOME_ACCEPTED, -WIRE_FUTURE_MS, 0},
        {WIRE_OLD_MS, 0, OUTCOME_ACCEPTED, WIRE_OLD_MS, 0},
        {WIRE_OLD_MS + 1, 0, OUTCOME_ACCEPTED, WIRE_OLD_MS + 1, FACT_FLAG_OLD},
        {WIRE_OLD_MS + 1, 1, OUTCOME_ACCEPTED, WIRE_OLD_MS, 0},
        {-3 * INT64_C(86400000), -3 * INT64_C(86400000), OUTCOME_ACCEPTED, 0, 0}, // three days ahead
    };
    int64_t ms;
    uint32_t flags;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(judge_time(now - cases[i].back, cases[i].offset, now, &ms, &flags),
                         cases[i].outcome);
        assert_int_equal(now - ms, cases[i].corrected);
        assert_int_equal(flags, cases[i].flags);
    }
    // Since 1970 on a device that never had its clock set, and corrected.
    assert_int_equal(judge_time(1000, now - 1000, now, &ms, &flags), OUTCOME_ACCEPTED);
    assert_int_equal(ms, now);
    static const struct {
        int64_t at, offset;
    } absurd[] = {{FACT_ABSENT, 0}, {0, 0},         {WIRE_EPOCH_MS - 1, 0}, {INT64_MAX, 1},
                  {INT64_MAX, 0},   {0, INT64_MIN}, {1, INT64_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
        assert_int_equal(judge_time(absurd[i].at, absurd[i].offset, now, &ms, &flags), OUTCOME_TIME);
        assert_int_equal(ms, now);
        assert_int_equal(flags, FACT_FLAG_CLOCK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(codes), cmocka_unit_test(events),
                                       cmocka_unit_test(times)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
