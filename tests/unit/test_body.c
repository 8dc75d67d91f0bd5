// SPDX-License-Identifier: EUPL-1.2
// Strict reading of JSON bodies: each way to be wrong has its own word.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json_in.h"
#include "portal/body.h"

struct sample {
    struct body_text name;
    int64_t fee;
    int8_t consent;
    json_t *contact;
};

static const struct body_member members[] = {
    {"name", offsetof(struct sample, name), BODY_TEXT, 10, BODY_REQUIRED},
    {"fee", offsetof(struct sample, fee), BODY_INT, 1000, 0},
    {"consent", offsetof(struct sample, consent), BODY_BOOL, 0, 0},
    {"contact", offsetof(struct sample, contact), BODY_OBJECT, 0, BODY_NULLABLE},
};

static void read_sample(const char *text, struct sample *out, struct faults *faults)
{
    char why[120] = "";
    json_t *root = json_in_parse(text, strlen(text), why, sizeof(why));
    assert_string_equal(why, "");
    memset(faults, 0, sizeof(*faults));
    body_read(root, "", members, ARRAY_LEN(members), out, faults);
    json_decref(root);
}

static void absent_members_say_so(void **state)
{
    (void)state;
    struct sample s;
    struct faults f;
    read_sample("{\"name\":\"x\"}", &s, &f);
    assert_int_equal(f.count, 0);
    assert_int_equal(s.fee, BODY_ABSENT);
    assert_int_equal(s.consent, BODY_ABSENT);
    assert_null(s.contact);
    assert_int_equal(s.name.len, 1);
    read_sample("{\"name\":\"x\",\"fee\":0,\"consent\":false,\"contact\":null}", &s, &f);
    assert_int_equal(f.count, 0);
    assert_int_equal(s.fee, 0);
    assert_int_equal(s.consent, 0);
    assert_non_null(s.contact);
}

static void every_fault_has_its_word(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"{}", "/name", "member-missing"},
        {"{\"name\":1}", "/name", "member-type"},
        {"{\"name\":null}", "/name", "member-type"},
        {"{\"name\":\"\"}", "/name", "member-range"},
        {"{\"name\":\"01234567890\"}", "/name", "member-range"},
        {"{\"name\":\"a\\u001fb\"}", "/name", "member-range"},
        {"{\"name\":\"a\\u0085b\"}", "/name", "member-range"},
        {"{\"name\":\"x\",\"fee\":-1}", "/fee", "member-range"},
        {"{\"name\":\"x\",\"fee\":1001}", "/fee", "member-range"},
        {"{\"name\":\"x\",\"fee\":1.5}", "/fee", "member-type"},
        {"{\"name\":\"x\",\"fee\":1.0}", "/fee", "member-type"},
        {"{\"name\":\"x\",\"fee\":\"1\"}", "/fee", "member-type"},
        {"{\"name\":\"x\",\"consent\":1}", "/consent", "member-type"},
        {"{\"name\":\"x\",\"consent\":null}", "/consent", "member-type"},
        {"{\"name\":\"x\",\"contact\":[]}", "/contact", "member-type"},
        {"{\"name\":\"x\",\"Name\":\"x\"}", "/Name", "member-unknown"},
        {"{\"name\":\"x\",\"a/b~c\":1}", "/a~1b~0c", "member-unknown"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sample s;
        struct faults f;
        read_sample(rows[i][0], &s, &f);
        assert_int_equal(f.count, 1);
        assert_string_equal(f.list[0].pointer, rows[i][1]);
        assert_string_equal(f.list[0].code, rows[i][2]);
    }
}

static void many_faults_are_counted_and_bounded(void **state)
{
    (void)state;
    char text[1024] = "{\"name\":\"x\"";
    for (int i = 0; i < 30; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, ",\"extra%d\":%d", i, i);
    }
    strncat(text, "}", sizeof(text) - strlen(text) - 1);
    struct sample s;
    struct faults f;
    read_sample(text, &s, &f);
    assert_int_equal(f.count, 30);
    assert_string_equal(f.list[0].pointer, "/extra0");
    assert_string_equal(f.list[FAULTS_MAX - 1].pointer, "/extra15");

    // A name of a caller, cut between characters.
    char path[2 * FAULT_PATH_MAX] = "/";
    for (size_t i = 0; i < 60; i++)
        memcpy(path + 1 + 2 * i, "đ", 3);
    memset(&f, 0, sizeof(f));
    faults_add(&f, path, "member-unknown", "%s", path);
    assert_int_equal(strlen(f.list[0].pointer), FAULT_PATH_MAX);
    assert_string_equal(f.list[0].pointer + FAULT_PATH_MAX - 2, "đ");
}

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; // -1: refused
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-21T14:05:00+07:00", 1795244700000},
        {"2026-11-21T07:05:00z", 1795244700000},
        {"2026-11-21t07:05:00.5Z", 1795244700500},
        {"2026-11-21T07:05:00.123456789Z", 1795244700123},
        {"2026-11-20T23:05:00-08:00", 1795244700000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2023-02-29T00:00:00Z", -1},
        {"2026-11-21T24:00:00Z", -1},
        {"2026-11-21T23:59:60Z", -1},
        {"2026-11-21T07:05:00", -1},
        {"2026-11-21T07:05Z", -1},
        {"2026-11-21 07:05:00Z", -1},
        {"2026-11-21T07:05:00.Z", -1},
        {"2026-11-21T07:05:00+0700", -1},
        {"2026-11-21T07:05:00Zx", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"1970-01-01T00:00:00+07:00", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;
        bool ok = body_parse_time(rows[i].text, strlen(rows[i].text), &ms);
        assert_int_equal(ok, rows[i].ms >= 0);
        if (ok)
            assert_int_equal(ms, rows[i].ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_members_say_so),
        cmocka_unit_test(every_fault_has_its_word),
        cmocka_unit_test(many_faults_are_counted_and_bounded),
        cmocka_unit_test(times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
