// SPDX-License-Identifier: EUPL-1.2
// Bodies of facts: what may be printed, what may be parsed, and that nothing parses which would not print
// back to itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/fact.h"

#define UUID  "018f3a2b-4c5d-7e6f-8a9b-0c1d2e3f4a5b"
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct fact_text text(const char *s)
{
    return (struct fact_text){s, strlen(s)};
}

// Every key once or twice, in order.
static const char full[] =
    "v=1\nseq=17\nid=" UUID "\nat=1795219200123\nboot=b-1\nup=86400000\ntype=delivery.failed\n"
    "code=EC521602781VN\ndossier=H56.14-240823-0001\ndossier=H56.14-240823-0002\n"
    "member=CJ491228825VN\nmember=TUI-580000-1\noffice=008000\nleg=K\nreason=14\n"
    "solution=redeliver\ncharge=26000\nfee=0\nremit=8000\n"
    "retracts=" UUID ":4294967295\nunit=000.00.16.H34\ntthc=1.001612\norder=DH-1\ninto=TUI-2\n"
    "due=2024-02-29\nblob=" UUID "\nphoto=" HEX64 "\nphoto=" HEX64 "\nnote=Nhà đóng cửa = vắng\n"
    "personal=" HEX64 "\n";

static void full_body_round_trips(void **state)
{
    (void)state;
    struct fact f;
    char buf[FACT_BODY_MAX];
    assert_int_equal(fact_parse(full, strlen(full), &f, NULL), FACT_OK);
    assert_int_equal(f.kind, EVENT_DELIVERY_FAILED);
    assert_int_equal(f.seq, 17);
    assert_true(f.at == INT64_C(1795219200123));
    assert_int_equal(f.office, 8000);
    assert_int_equal(f.leg, LEG_K);
    assert_int_equal(f.n_dossiers, 2);
    assert_int_equal(f.n_members, 2);
    assert_int_equal(f.n_photos, 2);
    assert_true(f.fee == 0 && f.charge == 26000 && f.remit == 8000);
    assert_int_equal(f.retracts.seq, UINT32_MAX);
    assert_memory_equal(f.note.ptr, "Nhà đóng cửa = vắng", f.note.len);
    assert_int_equal(f.personal[31], 0xff);
    int len = fact_print(&f, buf, sizeof buf);
    assert_int_equal(len, strlen(full));
    assert_memory_equal(buf, full, strlen(full));
    // One byte too little is refused, the exact size is enough.
    assert_int_equal(fact_print(&f, buf, strlen(full)), (int)strlen(full));
    assert_int_equal(fact_print(&f, buf, strlen(full) - 1), FACT_NO_SPACE);
}

// Each whole line of `full` may be left out (but v and type): absent keys are not printed.
static void any_subset_of_keys_round_trips(void **state)
{
    (void)state;
    srand(7);
    for (int round = 0; round < 2000; round++) {
        char body[sizeof full], buf[FACT_BODY_MAX];
        size_t len = 0;
        for (const char *line = full; *line;) {
            size_t n = (size_t)(strchr(line, '\n') - line) + 1;
            if (strncmp(line, "v=", 2) == 0 || strncmp(line, "type=", 5) == 0 || rand() % 2) {
                memcpy(body + len, line, n);
                len += n;
            }
            line += n;
        }
        struct fact f;
        assert_int_equal(fact_parse(body, len, &f, NULL), FACT_OK);
        assert_int_equal(fact_print(&f, buf, sizeof buf), (int)len);
        assert_memory_equal(buf, body, len);
    }
}

static void wrong_bodies_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum fact_error error;
        size_t at; // offset of the line
    } wrong[] = {
        {"", FACT_NO_VERSION, 0},
        {"v=2\ntype=item.collected\n", FACT_NO_VERSION, 0},
        {"v=01\ntype=item.collected\n", FACT_NO_VERSION, 0},
        {"type=item.collected\n", FACT_NO_VERSION, 0},
        {"v=1\n", FACT_TYPE, 4},
        {"v=1\ntype=item.collected", FACT_LINE, 4},
        {"v=1\n\ntype=item.collected\n", FACT_LINE, 4},
        {"v=1\ntype\n", FACT_LINE, 4},
        {"v=1\nv=1\ntype=item.collected\n", FACT_ORDER, 4},
        {"v=1\ntype=item.collected\nseq=1\n", FACT_ORDER, 24},
        {"v=1\nseq=1\nseq=1\ntype=item.collected\n", FACT_ORDER, 10},
        {"v=1\ntype=item.collected\nphone=0905\n", FACT_KEY, 24},
        {"v=1\nseq=\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nseq=01\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nseq=+1\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nseq= 1\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nseq=4294967296\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nat=-5\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nat=253402300800000\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nat=99999999999999999999\ntype=item.collected\n", FACT_VALUE, 4},
        {"v=1\nid=018F3A2B-4C5D-7E6F-8A9B-0C1D2E3F4A5B\ntype=x\n", FACT_VALUE, 4},
        {"v=1\nid=018f3a2b4c5d7e6f8a9b0c1d2e3f4a5b\ntype=x\n", FACT_VALUE, 4},
        {"v=1\ntype=Item.collected\n", FACT_VALUE, 4},
        {"v=1\ntype=9lives\n", FACT_TYPE, 4},
        {"v=1\ntype=item.\n", FACT_TYPE, 4},
        {"v=1\ntype=item.collected.and.a.very.long.tail\n", FACT_TOO_LONG, 4},
        {"v=1\ntype=x\ncode=\n", FACT_VALUE, 11},
        {"v=1\ntype=x\ncode=a\tb\n", FACT_CONTROL, 11},
        {"v=1\ntype=x\ncode=a\r\n", FACT_CONTROL, 11},
        {"v=1\ntype=x\ncode=a\x7f\n", FACT_CONTROL, 11},
        {"v=1\ntype=x\nnote=\xc2\x85\n", FACT_CONTROL, 11},
        {"v=1\ntype=x\nnote=\xc0\xaf\n", FACT_NOT_UTF8, 11},
        {"v=1\ntype=x\nnote=\xe1\xbb\n", FACT_NOT_UTF8, 11},
        {"v=1\ntype=x\noffice=58000\n", FACT_VALUE, 11},
        {"v=1\ntype=x\noffice=5800000\n", FACT_VALUE, 11},
        {"v=1\ntype=x\noffice=58000a\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nleg=X\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nleg=NB\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nreason=not at home\n", FACT_VALUE, 11},
        {"v=1\ntype=x\ncharge=1.5\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nfee=1000000000001\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nretracts=17\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nretracts=:17\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nretracts=abc:\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nretracts=ABC:1\n", FACT_VALUE, 11},
        {"v=1\ntype=x\ndue=2023-02-29\n", FACT_VALUE, 11},
        {"v=1\ntype=x\ndue=2024-13-01\n", FACT_VALUE, 11},
        {"v=1\ntype=x\ndue=2024-1-01\n", FACT_VALUE, 11},
        {"v=1\ntype=x\nphoto=00\n", FACT_VALUE, 11},
        {"v=1\ntype=x\npersonal=" HEX64 "00\n", FACT_VALUE, 11},
        {"v=1\ntype=x\npersonal=" HEX64 "\npersonal=" HEX64 "\n", FACT_ORDER, 85},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct fact f = {.seq = 4711};
        size_t at = SIZE_MAX;
        enum fact_error e = fact_parse(wrong[i].body, strlen(wrong[i].body), &f, &at);
        if (e != wrong[i].error || at != wrong[i].at)
            fail_msg("%s: error %d at %zu", wrong[i].body, (int)e, at);
        assert_int_equal(f.seq, 4711); // untouched
    }
    struct fact f;
    assert_int_equal(fact_parse("v=1\ntype=x\nnote=a\0b\n", 20, &f, NULL), FACT_CONTROL);
}

static void unknown_types_are_kept(void **state)
{
    (void)state;
    static const char body[] = "v=1\ntype=drone.landed\ncode=EC521602781VN\n";
    struct fact f;
    char buf[FACT_BODY_MAX];
    assert_int_equal(fact_parse(body, strlen(body), &f, NULL), FACT_OK);
    assert_int_equal(f.kind, EVENT_NONE);
    assert_int_equal(fact_print(&f, buf, sizeof buf), (int)strlen(body));
    assert_memory_equal(buf, body, strlen(body));
    assert_int_equal(fact_check(&f, SOURCE_DEVICE), FACT_UNKNOWN_TYPE);
}

static void bounds_of_repeats(void **state)
{
    (void)state;
    static struct fact f;
    static char buf[FACT_BODY_MAX], code[FACT_CODE_MAX + 1];
    memset(code, 'A', FACT_CODE_MAX);
    fact_init(&f);
    f.kind = EVENT_BAG_CLOSED;
    f.code = text(code);
    for (f.n_members = 0; f.n_members < FACT_MEMBERS_MAX; f.n_members++)
        f.members[f.n_members] = text(code);
    for (f.n_dossiers = 0; f.n_dossiers < FACT_DOSSIERS_MAX; f.n_dossiers++)
        f.dossiers[f.n_dossiers] = text(code);
    f.n_photos = FACT_PHOTOS_MAX;
    f.unit = f.tthc = f.order = f.into = text(code);
    int len = fact_print(&f, buf, sizeof buf);
    assert_true(len > 0 && len < FACT_BODY_MAX - 1024); // the keys that are not set here fit into the rest
    struct fact g;
    assert_int_equal(fact_parse(buf, (size_t)len, &g, NULL), FACT_OK);
    assert_int_equal(g.n_members, FACT_MEMBERS_MAX);
    f.n_members = FACT_MEMBERS_MAX + 1;
    assert_int_equal(fact_print(&f, buf, sizeof buf), FACT_TOO_LONG);
    f.n_members = 0;
    f.n_dossiers = FACT_DOSSIERS_MAX + 1;
    assert_int_equal(fact_print(&f, buf, sizeof buf), FACT_TOO_LONG);

    static char body[FACT_BODY_MAX];
    int n = snprintf(body, sizeof body, "v=1\ntype=bag.closed\n");
    for (int i = 0; i <= FACT_MEMBERS_MAX; i++)
        n += snprintf(body + n, sizeof body - (size_t)n, "member=B%d\n", i);
    size_t at;
    assert_int_equal(fact_parse(body, (size_t)n, &g, &at), FACT_TOO_LONG);
    assert_memory_equal(body + at, "member=B200\n", 12);
    static char huge[FACT_BODY_MAX + 1];
    memset(huge, 'a', sizeof huge);
    assert_int_equal(fact_parse(huge, sizeof huge, &g, NULL), FACT_TOO_LONG);
}

static void printer_refuses_what_the_parser_refuses(void **state)
{
    (void)state;
    char buf[FACT_BODY_MAX], code[FACT_CODE_MAX + 2];
    struct fact f, ok;
    fact_init(&ok);
    ok.kind = EVENT_ITEM_COLLECTED;
    ok.code = text("EC521602781VN");
    assert_true(fact_print(&ok, buf, sizeof buf) > 0);
    memset(code, 'A', sizeof code);
#define REFUSED(change, error)                                                                               \
    do {                                                                                                     \
        f = ok;                                                                                              \
        change;                                                                                              \
        assert_int_equal(fact_print(&f, buf, sizeof buf), error);                                            \
    } while (0)
    REFUSED(f.code = text("A\nnote=x"), FACT_CONTROL);
    REFUSED((f.code = (struct fact_text){code, FACT_CODE_MAX + 1}), FACT_TOO_LONG);
    REFUSED(f.kind = EVENT_NONE, FACT_TYPE);
    REFUSED(f.type = text("item.delivered"), FACT_TYPE);
    REFUSED(f.charge = FACT_MONEY_MAX + 1, FACT_VALUE);
    REFUSED(f.fee = -2, FACT_VALUE);
    REFUSED(f.at = FACT_TIME_MAX + 1, FACT_VALUE);
    REFUSED((f.office = 1000000, f.has_office = true), FACT_VALUE);
    REFUSED(f.leg = (enum leg)9, FACT_VALUE);
    REFUSED(f.due = text("2026-02-30"), FACT_VALUE);
    REFUSED((f.dossiers[0] = text(""), f.n_dossiers = 1), FACT_VALUE);
    REFUSED(f.retracts.stream = text("a:b"), FACT_VALUE);
    REFUSED(f.note = text("\xff"), FACT_NOT_UTF8);
#undef REFUSED
}

static void check_asks_for_what_the_type_needs(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum event_source source;
        enum fact_error error;
    } cases[] = {
        {"v=1\ntype=item.collected\ncode=A\n", SOURCE_DEVICE, FACT_OK},
        {"v=1\ntype=item.collected\n", SOURCE_DEVICE, FACT_SUBJECT},
        {"v=1\ntype=item.collected\ncode=A\n", SOURCE_OFFICE, FACT_SOURCE},
        {"v=1\ntype=item.put_in\ncode=A\n", SOURCE_DEVICE, FACT_SUBJECT},
        {"v=1\ntype=item.put_in\ncode=A\ninto=B\n", SOURCE_DEVICE, FACT_OK},
        {"v=1\ntype=dossier.link\ncode=A\n", SOURCE_OFFICE, FACT_SUBJECT},
        {"v=1\ntype=dossier.link\ncode=A\ndossier=D\n", SOURCE_OFFICE, FACT_OK},
        {"v=1\ntype=dossier.link\ncode=A\norder=O\n", SOURCE_OFFICE, FACT_OK},
        {"v=1\ntype=dossier.registered\norder=O\n", SOURCE_OFFICE, FACT_OK},
        {"v=1\ntype=dossier.registered\n", SOURCE_OFFICE, FACT_SUBJECT},
        {"v=1\ntype=dossier.merged\ndossier=D\ninto=E\n", SOURCE_OFFICE, FACT_OK},
        {"v=1\ntype=dossier.merged\ndossier=D\ndossier=F\ninto=E\n", SOURCE_OFFICE, FACT_SUBJECT},
        {"v=1\ntype=unit.merged\nunit=H34\n", SOURCE_OPERATOR, FACT_SUBJECT},
        {"v=1\ntype=unit.merged\nunit=H34\ninto=H48\n", SOURCE_OPERATOR, FACT_OK},
        {"v=1\ntype=handover.confirmed\ndossier=D\n", SOURCE_OFFICE, FACT_OK},
        {"v=1\ntype=handover.confirmed\n", SOURCE_OFFICE, FACT_SUBJECT},
        {"v=1\ntype=delivery.failed\ncode=A\n", SOURCE_DEVICE, FACT_OK},
        {"v=1\ntype=delivery.failed\ncode=A\nsolution=hold\n", SOURCE_DEVICE, FACT_OK},
        {"v=1\ntype=delivery.failed\ncode=A\nsolution=burn\n", SOURCE_DEVICE, FACT_DETAIL},
        {"v=1\ntype=delivery.decided\ncode=A\n", SOURCE_OFFICE, FACT_DETAIL},
        {"v=1\ntype=correction\ncode=A\n", SOURCE_OPERATOR, FACT_DETAIL},
        {"v=1\ntype=correction\ncode=A\nretracts=s:1\n", SOURCE_OPERATOR, FACT_OK},
        {"v=1\ntype=stream.reset\ndossier=D\nreason=2\n", SOURCE_OPERATOR, FACT_OK},
        {"v=1\ntype=stream.reset\ndossier=D\nreason=2\n", SOURCE_OFFICE, FACT_SOURCE},
        {"v=1\ntype=stream.reset\ndossier=D\n", SOURCE_OPERATOR, FACT_DETAIL},
        {"v=1\ntype=dossier.status\ndossier=D\nreason=10\n", SOURCE_OFFICE, FACT_OK},
        {"v=1\ntype=dossier.status\ndossier=D\nreason=10\n", SOURCE_DEVICE, FACT_SOURCE},
        {"v=1\ntype=dossier.status\ndossier=D\nreason=11\n", SOURCE_OFFICE, FACT_DETAIL},
        {"v=1\ntype=dossier.status\ndossier=D\nreason=01\n", SOURCE_OFFICE, FACT_DETAIL},
        {"v=1\ntype=dossier.status\ndossier=D\n", SOURCE_OFFICE, FACT_DETAIL},
        {"v=1\ntype=order.created\norder=O\n", SOURCE_CARRIER, FACT_OK},
        {"v=1\ntype=pickup.assigned\n", SOURCE_CARRIER, FACT_SUBJECT},
        {"v=1\ntype=dossier.absorbed\ndossier=D\n", SOURCE_OPERATOR, FACT_SOURCE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fact f;
        assert_int_equal(fact_parse(cases[i].body, strlen(cases[i].body), &f, NULL), FACT_OK);
        enum fact_error e = fact_check(&f, cases[i].source);
        if (e != cases[i].error)
            fail_msg("%s from %d: %s", cases[i].body, (int)cases[i].source, fact_error_name(e));
    }
}

// Mutated bodies either fail or print back to exactly themselves; run under the sanitizers this is also a
// small fuzzer.
static void what_parses_prints_back(void **state)
{
    (void)state;
    size_t parsed = 0;
    srand(11);
    for (int round = 0; round < 20000; round++) {
        char body[sizeof full], buf[FACT_BODY_MAX];
        size_t len = strlen(full);
        memcpy(body, full, len);
        for (int m = rand() % 3; m >= 0; m--)
            body[(size_t)rand() % len] = (char)(rand() % 4 ? "0a=\n-:. V"[rand() % 9] : rand() % 256);
        struct fact f;
        if (fact_parse(body, len, &f, NULL))
            continue;
        parsed++;
        assert_int_equal(fact_print(&f, buf, sizeof buf), (int)len);
        assert_memory_equal(buf, body, len);
    }
    assert_true(parsed > 1000); // the test would prove nothing if all mutations failed
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_body_round_trips),
        cmocka_unit_test(any_subset_of_keys_round_trips),
        cmocka_unit_test(wrong_bodies_are_refused),
        cmocka_unit_test(unknown_types_are_kept),
        cmocka_unit_test(bounds_of_repeats),
        cmocka_unit_test(printer_refuses_what_the_parser_refuses),
        cmocka_unit_test(check_asks_for_what_the_type_needs),
        cmocka_unit_test(what_parses_prints_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
