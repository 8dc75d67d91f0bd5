// SPDX-License-Identifier: EUPL-1.2
// Alphabets, counts and the way from Vietnamese to ASCII.
#include "expect.h"

#include "domain/attr.h"
#include "domain/gsm7.h"
#include "domain/utf8.h"

static void alphabets_are_those_of_23038(void **state)
{
    (void)state;
    static const struct {
        uint32_t cp;
        int septet;
    } rows[] = {
        {'@', 0x00},   {'$', 0x02},   {'\n', 0x0A},  {'\r', 0x0D},     {'_', 0x11},    {' ', 0x20},
        {'A', 0x41},   {'z', 0x7A},   {0xE0, 0x7F},  {0xE8, 0x04},     {0xE9, 0x05},   {0x3A9, 0x15},
        {0xA4, 0x24},  {'^', 0x1B14}, {'{', 0x1B28}, {'}', 0x1B29},    {'\\', 0x1B2F}, {'[', 0x1B3C},
        {'~', 0x1B3D}, {']', 0x1B3E}, {'|', 0x1B40}, {0x20AC, 0x1B65}, {'\f', 0x1B0A}, {'`', -1},
        {0x1B, -1},    {0x09, -1},    {0x1EA5, -1},  {0x111, -1},      {0x300, -1},    {0xFFFF, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (gsm7_septet(rows[i].cp) != rows[i].septet)
            fail_msg("U+%04X: %X", rows[i].cp, (unsigned)gsm7_septet(rows[i].cp));
    }
    bool seen[128] = {false};
    size_t plain = 0, extended = 0;
    for (uint32_t cp = 0; cp < 0x11000; cp++) {
        int septet = gsm7_septet(cp);
        if (septet < 0)
            continue;
        extended += septet > 0x7F ? 1 : 0;
        if (septet > 0x7F)
            continue;
        assert_false(seen[septet]);
        seen[septet] = true;
        plain++;
    }
    assert_int_equal(plain, 127); // and the escape
    assert_int_equal(extended, 10);
}

// Fills buf with n times s and measures it.
static struct gsm7_size measured(const char *s, size_t n, const char *tail)
{
    static char buf[4096];
    struct gsm7_size size = {ALPHABET_GSM7, 9999, 9999};
    size_t len = 0;
    for (size_t i = 0; i < n; i++, len += strlen(s))
        memcpy(buf + len, s, strlen(s));
    memcpy(buf + len, tail, strlen(tail));
    len += strlen(tail);
    assert_true(gsm7_measure(buf, len, &size));
    return size;
}

static void segments_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        size_t n;
        const char *tail;
        enum gsm7_alphabet alphabet;
        size_t units, segments;
    } rows[] = {
        {"a", 0, "", ALPHABET_GSM7, 0, 0},
        {"a", 1, "", ALPHABET_GSM7, 1, 1},
        {"a", 160, "", ALPHABET_GSM7, 160, 1},
        {"a", 161, "", ALPHABET_GSM7, 161, 2},
        {"a", 306, "", ALPHABET_GSM7, 306, 2},
        {"a", 307, "", ALPHABET_GSM7, 307, 3},
        {"[", 80, "", ALPHABET_GSM7, 160, 1},
        {"[", 81, "", ALPHABET_GSM7, 162, 2},
        // 152 + an escape pair that doesn't fit behind them + 152: the pair moves, the rest needs a third
        // segment
        {"a", 152, "[", ALPHABET_GSM7, 154, 1},
        {"[", 153, "", ALPHABET_GSM7, 306, 3},
        {"ư", 70, "", ALPHABET_UCS2, 70, 1},
        {"ư", 71, "", ALPHABET_UCS2, 71, 2},
        {"ư", 134, "", ALPHABET_UCS2, 134, 2},
        {"ư", 135, "", ALPHABET_UCS2, 135, 3},
        {"a", 69, "ư", ALPHABET_UCS2, 70, 1},
        {"a", 160, "ư", ALPHABET_UCS2, 161, 3},
        {"😀", 35, "", ALPHABET_UCS2, 70, 1},
        {"😀", 36, "", ALPHABET_UCS2, 72, 2},
        {"😀", 67, "", ALPHABET_UCS2, 134, 3}, // a surrogate pair is not split: 33 in a segment
        {"è", 160, "", ALPHABET_GSM7, 160, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gsm7_size got = measured(rows[i].s, rows[i].n, rows[i].tail);
        if (got.alphabet != rows[i].alphabet || got.units != rows[i].units ||
            got.segments != rows[i].segments)
            fail_msg("row %zu: alphabet %d, %zu units, %zu segments", i, got.alphabet, got.units,
                     got.segments);
    }
    struct gsm7_size size;
    assert_false(gsm7_measure("a\xFF", 2, &size));
    assert_true(gsm7_measure("a\0b", 3, &size)); // NUL is a character, and not of GSM-7
    assert_int_equal(size.alphabet, ALPHABET_UCS2);
    assert_int_equal(size.units, 3);
}

static void vietnamese_loses_its_accents(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"Hồ sơ đã được tiếp nhận", "Ho so da duoc tiep nhan"},
        {"Ho\xCC\x82\xCC\x80 so\xCC\x9B \xC4\x91"
         "a\xCC\x83",
         "Ho so da"},                // decomposed
        {"h\xC3\xB4\xCC\x80", "ho"}, // half composed
        {"NGHỊ ĐỊNH ỨNG HÒA", "NGHI DINH UNG HOA"},
        {"àáảãạăằắẳẵặâầấẩẫậ", "aaaaaaaaaaaaaaaaa"},
        {"èéẻẽẹêềếểễệìíỉĩị", "eeeeeeeeeeeiiiii"},
        {"òóỏõọôồốổỗộơờớởỡợ", "ooooooooooooooooo"},
        {"ùúủũụưừứửữựỳýỷỹỵđ", "uuuuuuuuuuuyyyyyd"},
        {"“Bưu điện” – ‘50.000₫’…", "\"Buu dien\" - '50.000d'..."},
        {"a\xC2\xA0"
         "b\tc\xE2\x80\x8B",
         "a b c"},
        {"Müller, señor, 中", "Müller, señor, 中"}, // not ours to change
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[256];
        size_t len = 0;
        assert_true(gsm7_unaccent(rows[i].in, strlen(rows[i].in), buf, sizeof(buf), &len));
        expect_text(rows[i].in, buf, rows[i].out);
        assert_int_equal(len, strlen(buf));
        assert_true(len <= strlen(rows[i].in));
    }
}

static void unaccented_vietnamese_is_gsm7(void **state)
{
    (void)state;
    // Half-accented text passes a naive check: à and é are in the alphabet, the rest of the word would not
    // be.
    static const char text[] = "Hà Nội: hồ sơ đã nhận, lệ phí 50.000đ";
    char buf[sizeof(text)];
    size_t len;
    struct gsm7_size size;
    assert_true(gsm7_measure("Hà", strlen("Hà"), &size));
    assert_int_equal(size.alphabet, ALPHABET_GSM7);
    assert_true(gsm7_measure(text, strlen(text), &size));
    assert_int_equal(size.alphabet, ALPHABET_UCS2);
    assert_true(gsm7_unaccent(text, strlen(text), buf, sizeof(buf), &len));
    assert_true(gsm7_measure(buf, len, &size));
    assert_int_equal(size.alphabet, ALPHABET_GSM7);
    assert_int_equal(size.units, strlen("Ha Noi: ho so da nhan, le phi 50.000d"));
}

static void bounds_are_kept(void **state)
{
    (void)state;
    char buf[8];
    size_t len = 77;
    assert_false(gsm7_unaccent("abcd", 4, buf, 4, &len));
    assert_false(gsm7_unaccent("a\xE1\xBA", 3, buf, sizeof(buf), &len));
    assert_int_equal(len, 77);
    assert_true(gsm7_unaccent("abcd", 4, buf, 5, &len));
    assert_int_equal(len, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alphabets_are_those_of_23038),
        cmocka_unit_test(segments_are_counted),
        cmocka_unit_test(vietnamese_loses_its_accents),
        cmocka_unit_test(unaccented_vietnamese_is_gsm7),
        cmocka_unit_test(bounds_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
