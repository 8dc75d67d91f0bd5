// SPDX-License-Identifier: EUPL-1.2
// The texts that are signed, byte for byte; UUIDs; enrolment codes; and that proto/README.md lists exactly
// the events a handheld may send.
#include "base/attr.h"
#include "domain/event.h"
#include "domain/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void fill(uint8_t *id, uint8_t first)
{
    for (unsigned i = 0; i < WIRE_UUID; i++)
        id[i] = (uint8_t)(first + i);
}

static void header(void **state)
{
    (void)state;
    struct wire_header h = {.sent = 1763700000000, .count = 2};
    fill(h.batch, 0x00);
    fill(h.device, 0x10);
    fill(h.stream, 0xf0);
    memset(h.digests, 0xab, sizeof(h.digests));
    char text[WIRE_HEADER_MAX];
    size_t n = wire_print_header(&h, text, sizeof(text));
    assert_int_equal(n, strlen(text));
    assert_string_equal(text, "duongthu-batch-v1\n"
                              "batch=00010203-0405-0607-0809-0a0b0c0d0e0f\n"
                              "device=10111213-1415-1617-1819-1a1b1c1d1e1f\n"
                              "stream=f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff\n"
                              "sent=1763700000000\n"
                              "count=2\n"
                              "digests=abababababababababababababababababababababababababababababababab\n");
    h.has_offset = true;
    h.offset = INT64_MIN;
    h.sent = INT64_MIN;
    h.count = WIRE_SCANS_MAX;
    n = wire_print_header(&h, text, sizeof(text)); // the longest there is
    assert_true(n > 0);
    assert_non_null(strstr(text, "\nsent=-9223372036854775808\noffset=-9223372036854775808\ncount=500\n"));
    for (size_t cap = 0; cap <= n; cap++)
        assert_int_equal(wire_print_header(&h, text, cap), 0);
}

static void receipt(void **state)
{
    (void)state;
    uint8_t a[WIRE_UUID], b[WIRE_UUID];
    char text[WIRE_RECEIPT_HEAD_MAX], result[WIRE_RESULT_MAX];
    fill(a, 0);
    fill(b, 0xf0);
    assert_true(wire_print_receipt(a, b, INT64_MIN, text, sizeof(text)) > 0);
    assert_true(wire_print_receipt(a, b, 5, text, sizeof(text)) > 0);
    assert_string_equal(text, "duongthu-receipt-v1\nbatch=00010203-0405-0607-0809-0a0b0c0d0e0f\n"
                              "stream=f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff\nserver=5\nresults=");
    assert_true(wire_print_result(true, 1, WIRE_ACCEPTED, "", result, sizeof(result)) > 0);
    assert_string_equal(result, "1:accepted");
    assert_true(
        wire_print_result(false, UINT32_MAX, WIRE_QUARANTINED, "check-digit", result, sizeof(result)) > 0);
    assert_string_equal(result, ",4294967295:quarantined:check-digit");
    // The longest that can be said fits.
    for (unsigned outcome = 0; outcome < 256; outcome++)
        assert_true(wire_print_result(false, UINT32_MAX, WIRE_QUARANTINED, outcome_reason(outcome), result,
                                      sizeof(result)) > 0);
    assert_true(wire_print_stream(a, 7, text, sizeof(text)) > 0);
    assert_string_equal(text, "duongthu-stream-v1\ndevice=00010203-0405-0607-0809-0a0b0c0d0e0f\nsent=7\n");
}

static void outcomes(void **state)
{
    (void)state;
    assert_int_equal(outcome_status(OUTCOME_ACCEPTED), WIRE_ACCEPTED);
    for (unsigned o = OUTCOME_CHECK_DIGIT; o <= OUTCOME_EVENT; o++) {
        assert_int_equal(outcome_status(o), WIRE_QUARANTINED);
        assert_string_not_equal(outcome_reason(o), "unknown");
    }
    assert_int_equal(outcome_status(OUTCOME_PERSONAL), WIRE_REFUSED);
    assert_string_equal(outcome_reason(OUTCOME_ACCEPTED), "");
    assert_string_equal(outcome_reason(99), "unknown");
    assert_string_equal(wire_status_name(WIRE_REFUSED), "refused");
    assert_string_equal(wire_status_name((enum wire_status)9), "unknown");
}

static void uuids(void **state)
{
    (void)state;
    static const char good[] = "019381a0-1B2c-7abc-8def-0123456789AB";
    uint8_t id[WIRE_UUID];
    char text[37];
    assert_true(wire_parse_uuid(good, 36, id));
    wire_print_uuid(id, text);
    assert_string_equal(text, "019381a0-1b2c-7abc-8def-0123456789ab");
    static const char *const bad[] = {"",
                                      "019381a01b2c7abc8def0123456789ab",
                                      "019381a0-1b2c-7abc-8def-0123456789a",
                                      "019381a0-1b2c-7abc-8def-0123456789abc",
                                      "019381a01-b2c-7abc-8def-0123456789ab",
                                      "019381a0-1b2c-7abc-8def-0123456789ag",
                                      "{19381a0-1b2c-7abc-8def-0123456789ab",
                                      "019381a0 1b2c 7abc 8def 0123456789ab"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(wire_parse_uuid(bad[i], strlen(bad[i]), id));
}

static void invites(void **state)
{
    (void)state;
    char code[WIRE_INVITE_LEN + 1];
    wire_print_invite((const uint8_t[]){0, 0, 0, 0, 0}, code);
    assert_string_equal(code, "00000000");
    wire_print_invite((const uint8_t[]){0xff, 0xff, 0xff, 0xff, 0xff}, code);
    assert_string_equal(code, "ZZZZZZZZ");
    wire_print_invite((const uint8_t[]){0x00, 0x44, 0x32, 0x14, 0xc7}, code);
    assert_string_equal(code, "01234567");
    static const struct {
        const char *typed, *code;
    } cases[] = {{"01234567", "01234567"},  {"0123-4567", "01234567"}, {" oIl2 34-5-6 ", "01123456"},
                 {"abcd-efgh", "ABCDEFGH"}, {"ABCDEFG", NULL},         {"ABCDEFGHJ", NULL},
                 {"ABCDEFGU", NULL},        {"ABCD_FGH", NULL},        {"", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool ok = wire_parse_invite(cases[i].typed, strlen(cases[i].typed), code);
        assert_int_equal(ok, cases[i].code != NULL);
        if (ok)
            assert_string_equal(code, cases[i].code);
    }
    assert_false(wire_parse_invite("ABC\0EFGH", 8, code));
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 65536);
    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, 65535, f) > 0);
    assert_int_equal(fclose(f), 0);
    return text;
}

static void events(void **state)
{
    (void)state;
    char *readme = read_file("proto/README.md");
    for (unsigned kind = 1; kind <= EVENT_KIND_MAX; kind++) {
        const struct event_def *def = event_find(kind);
        if (!def)
            continue;
        char quoted[EVENT_NAME_MAX + 3];
        (void)snprintf(quoted, sizeof(quoted), "`%s`", def->name);
        if ((strstr(readme, quoted) != NULL) != event_allows(kind, SOURCE_DEVICE))
            print_message("%s\n", def->name);
        assert_int_equal(strstr(readme, quoted) != NULL, event_allows(kind, SOURCE_DEVICE));
    }
    free(readme);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header), cmocka_unit_test(receipt), cmocka_unit_test(outcomes),
        cmocka_unit_test(uuids),  cmocka_unit_test(invites), cmocka_unit_test(events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
