// SPDX-License-Identifier: EUPL-1.2
// Every parser of texts against damage: each prefix and suffix of each example, each single-byte mutation,
// spliced examples, random bytes from a fixed seed. Inputs and outputs lie in heap blocks of exactly their
// size, so the sanitizer build sees one byte too many; here the promises of the headers are checked.
#include "expect.h"

#include <stdlib.h>

#include "domain/attr.h"
#include "domain/code.h"
#include "domain/container_code.h"
#include "domain/extract.h"
#include "domain/gsm7.h"
#include "domain/item_code.h"
#include "domain/money.h"
#include "domain/order_number.h"
#include "domain/phone.h"
#include "domain/sms_text.h"
#include "domain/text.h"
#include "domain/tthc_code.h"
#include "domain/utf8.h"

static const char *const examples[] = {
    "000.17.22.H56-210531-0001",
    "h56.14 -240823-0001",
    "H56.14-240823-123456",
    "H56.14-240823-0001__0.48213",
    "EC521602781VN",
    "]C0ec 521 602 781 vn\r\n",
    "*Đ123456785VN*",
    "CU\xCC\x9B 123456785VN",
    "ＥＣ５２１６０２７８１ＶＮ",
    "000.00.16.H34",
    "H34.16.A.BB.CCC",
    "1.001612.000.00.00.H48",
    "2.002492",
    "+84 (0) 905.123-456",
    "01689123456/02603862345",
    "0260 3862 345 0905 123 456",
    "(00)106141412345678908",
    "VNSGNAVNHANBDUN60001001100125",
    "580000-570000-261121-007",
    "https://x.vn/?hs%3DH56.14-240823-0001&i=EC521602781VN",
    "ma=EC521602781VN|hs=000.17.22.H56-210531-0001|dv=000.00.16.H34",
    "1.250.000",
    "30000.00",
    "Hồ sơ {MHS} “đã nhận”…",
    "{MHS}{IC}[€]",
};

// Zeroed block of exactly n bytes; the sanitizer guards what lies around it.
static void *block(size_t n)
{
    void *p = calloc(1, n > 0 ? n : 1);
    assert_non_null(p);
    return p;
}

static void check_terminated(const char *text, size_t len, size_t max)
{
    assert_true(len <= max);
    assert_int_equal(strnlen(text, max + 1), len);
}

static void feed_text(const char *s, size_t len)
{
    static const enum text_reading readings[] = {TEXT_CODE, TEXT_CODE_UW, TEXT_FREE};
    bool valid = utf8_valid_prefix(s, len) == len;
    for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
        char *buf = block(len + 1);
        size_t out = 0;
        enum code_fault fault = text_normalise(s, len, readings[i], buf, len + 1, &out);
        assert_int_equal(fault, valid ? FAULT_OK : FAULT_NOT_UTF8);
        if (valid) {
            assert_true(out <= len);
            assert_int_equal(buf[out], '\0');
            assert_int_equal(utf8_valid_prefix(buf, out), out);
        }
        free(buf);
    }
}

static void feed_unit(const char *s, size_t len)
{
    struct unit_id unit, other, back;
    struct unit_canonical canonical;
    if (unit_id_parse(s, len, &unit) != FAULT_OK)
        return;
    check_terminated(unit.text, unit.len, UNIT_ID_MAX);
    assert_memory_equal(unit.text, s, len);
    if (unit_id_convert(&unit, &other)) {
        assert_int_not_equal(other.form, unit.form);
        assert_true(unit_id_convert(&other, &back));
        assert_string_equal(back.text, unit.text);
    }
    unit_canonicalise(&unit, NULL, NULL, &canonical);
    assert_int_equal(unit_id_parse(canonical.id.text, canonical.id.len, &other), FAULT_OK);
}

static void feed_dossier(const char *s, size_t len)
{
    struct dossier_code code;
    if (dossier_code_parse(s, len, &code) == FAULT_OK) {
        check_terminated(code.text, code.len, DOSSIER_CODE_MAX);
        assert_memory_equal(code.text, s, len);
    }
    if (order_number_parse(s, len, &code) == FAULT_OK) {
        check_terminated(code.text, code.len, DOSSIER_CODE_MAX);
        assert_memory_equal(code.text, s, code.len);
    }
    assert_true(order_number_head(s, len) <= len);
}

static void feed_item_container_tthc(const char *s, size_t len)
{
    struct item_code item;
    struct container_code container;
    struct tthc_code tthc;
    if (item_code_parse(s, len, &item) == FAULT_OK) {
        check_terminated(item.text, ITEM_CODE_LEN, ITEM_CODE_LEN);
        assert_int_equal(len, ITEM_CODE_LEN);
    }
    if (container_code_parse(s, len, &container) == FAULT_OK)
        check_terminated(container.text, container.len, CONTAINER_CODE_MAX);
    if (tthc_code_parse(s, len, &tthc) == FAULT_OK)
        check_terminated(tthc.text, tthc.len, TTHC_CODE_MAX);
}

static void feed_phone(const char *s, size_t len)
{
    struct phone phone, again;
    char buf[PHONE_E164_LEN + 1];
    if (phone_parse(s, len, &phone) != FAULT_OK)
        return;
    check_terminated(phone.e164, PHONE_E164_LEN, PHONE_E164_LEN);
    for (enum phone_form form = PHONE_E164; form <= PHONE_NATIONAL; form++) {
        phone_format(&phone, form, buf);
        assert_int_equal(phone_parse(buf, strlen(buf), &again), FAULT_OK);
        assert_string_equal(again.e164, phone.e164);
    }
}

static void feed_extract(const char *s, size_t len)
{
    struct extract_hit hit;
    for (size_t pos = 0, before = 0; extract_next(s, len, &pos, &hit); before = pos) {
        assert_true(pos > before && pos <= len && hit.at >= before && hit.at + hit.len == pos);
        check_terminated(hit.text, hit.len, EXTRACT_TEXT_MAX);
        assert_memory_equal(hit.text, s + hit.at, hit.len);
    }
}

// What was recognised is recognised again, as the same.
static void feed_code(const char *s, size_t len)
{
    struct code code, again;
    code_recognise(s, len, CODE_ANY, &code);
    assert_true(strnlen(code.text, sizeof(code.text)) <= CODE_TEXT_MAX);
    assert_true(strnlen(code.reason, sizeof(code.reason)) <= CODE_REASON_MAX);
    assert_int_equal(code.kind == CODE_NONE, code.fault != FAULT_OK);
    assert_int_equal(code.text[0] == '\0', code.kind == CODE_NONE);
    assert_int_equal(code.reason[0] == '\0', code.kind != CODE_NONE);
    if (code.kind != CODE_NONE) {
        code_recognise(code.text, strlen(code.text), CODE_ANY, &again);
        assert_int_equal(again.kind, code.kind == CODE_ORDER ? CODE_DOSSIER : code.kind);
        assert_string_equal(again.text, code.text);
    }
}

static void feed_gsm7(const char *s, size_t len)
{
    struct gsm7_size size;
    char *once = block(len + 1);
    size_t out;
    bool valid = utf8_valid_prefix(s, len) == len;
    assert_int_equal(gsm7_measure(s, len, &size), valid);
    assert_int_equal(gsm7_unaccent(s, len, once, len + 1, &out), valid);
    if (valid) {
        size_t part = size.alphabet == ALPHABET_GSM7 ? GSM7_PART : UCS2_PART;
        assert_int_equal(size.segments == 0, size.units == 0);
        assert_true(size.segments <= 1 || (size.units <= size.segments * part && size.units > part));
        assert_true(out <= len);
        char *twice = block(out + 1);
        size_t same;
        assert_true(gsm7_unaccent(once, out, twice, out + 1, &same));
        assert_int_equal(same, out);
        assert_memory_equal(twice, once, out);
        free(twice);
    }
    free(once);
}

static void feed_money_and_sms(const char *s, size_t len)
{
    int64_t amount;
    if (money_from_text(s, len, &amount))
        assert_in_range(amount, 0, MONEY_MAX);
    // As a template and as a value.
    char *text = block(len + 1), *name = block(len + 1);
    char buf[64];
    struct sms_text result;
    memcpy(text, s, len);
    const struct sms_arg args[] = {{"MHS", s, len}, {"IC", "EC521602781VN", 13}};
    enum sms_fault fault = sms_text_expand(text, args, ARRAY_LEN(args), buf, sizeof(buf), &result);
    if (fault == SMS_OK)
        check_terminated(buf, result.len, sizeof(buf) - 1);
    if (fault == SMS_MISSING)
        assert_true(sms_text_missing(text, args, ARRAY_LEN(args), name, len + 1));
    if (sms_text_expand("{MHS}", args, ARRAY_LEN(args), buf, sizeof(buf), &result) == SMS_OK)
        check_terminated(buf, result.len, sizeof(buf) - 1);
    free(name);
    free(text);
}

static void feed_utf8(const char *s, size_t len)
{
    size_t valid = utf8_valid_prefix(s, len);
    assert_true(valid <= len);
    uint32_t cp;
    if (valid < len)
        assert_int_equal(utf8_decode(s + valid, len - valid, &cp), 0);
}

static void feed_all(const char *bytes, size_t len)
{
    static void (*const feeds[])(const char *, size_t) = {
        feed_utf8,  feed_text,    feed_unit, feed_dossier, feed_item_container_tthc,
        feed_phone, feed_extract, feed_code, feed_gsm7,    feed_money_and_sms,
    };
    char *s = block(len);
    memcpy(s, bytes, len);
    for (size_t i = 0; i < ARRAY_LEN(feeds); i++)
        feeds[i](s, len);
    free(s);
}

static void prefixes_and_suffixes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        size_t len = strlen(examples[i]);
        for (size_t cut = 0; cut <= len; cut++) {
            feed_all(examples[i], cut);
            feed_all(examples[i] + cut, len - cut);
        }
    }
}

static void single_byte_mutations(void **state)
{
    (void)state;
    char s[128];
    for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
        size_t len = strlen(examples[i]);
        assert_true(len <= sizeof(s));
        memcpy(s, examples[i], len);
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                s[at] = (char)byte;
                feed_all(s, len);
            }
            s[at] = examples[i][at];
        }
    }
}

// xorshift64*: the same bytes on every machine.
static uint32_t next_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)(*seed * 0x2545F4914F6CDD1DULL >> 32);
}

static void random_bytes(void **state)
{
    (void)state;
    static const char likely[] =
        "0123456789012345678901234567890123456789ABCDEHNVWZadehnvwz...---__++  %%{}()\xC4\x91\xCC\x81";
    uint64_t seed = 20261121;
    char s[96];
    for (int round = 0; round < 40000; round++) {
        size_t len = next_random(&seed) % (sizeof(s) + 1);
        for (size_t i = 0; i < len; i++) {
            uint32_t r = next_random(&seed);
            s[i] = round % 2 == 0 ? (char)r : likely[r % (sizeof(likely) - 1)];
        }
        feed_all(s, len);
    }
}

// The head of one example behind or before the tail of another, with and without a separator.
static void spliced_examples(void **state)
{
    (void)state;
    uint64_t seed = 42;
    char s[256];
    for (int round = 0; round < 40000; round++) {
        const char *a = examples[next_random(&seed) % ARRAY_LEN(examples)];
        const char *b = examples[next_random(&seed) % ARRAY_LEN(examples)];
        size_t head = next_random(&seed) % (strlen(a) + 1), skip = next_random(&seed) % (strlen(b) + 1);
        size_t tail = strlen(b) - skip, gap = next_random(&seed) % 2;
        memcpy(s, a, head);
        s[head] = " -./_|="[next_random(&seed) % 7];
        memcpy(s + head + gap, b + skip, tail);
        feed_all(s, head + gap + tail);
    }
}

static void long_inputs(void **state)
{
    (void)state;
    static const char *const fillers[] = {"1", ".",  "-",           "A", "_",        "H56.", "-1",
                                          "{", "%4", "0905123456 ", "Ư", "\xCC\x81", "1.",   "(00)"};
    static char s[TEXT_SCAN_MAX + 2];
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        size_t n = strlen(fillers[i]);
        for (size_t at = 0; at < sizeof(s); at++)
            s[at] = fillers[i][at % n];
        size_t whole = TEXT_SCAN_MAX / n * n;
        feed_all(s, whole);
        feed_all(s, whole / n / 2 * n);
        struct code code;
        code_recognise(s, TEXT_SCAN_MAX + 1, CODE_ANY, &code);
        assert_int_equal(code.fault, FAULT_TOO_LONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_and_suffixes), cmocka_unit_test(single_byte_mutations),
        cmocka_unit_test(random_bytes),          cmocka_unit_test(spliced_examples),
        cmocka_unit_test(long_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
