// SPDX-License-Identifier: EUPL-1.2
// The recogniser: which code a text is, and the sentence that says why it is none.
#include "expect.h"

#include "domain/attr.h"
#include "domain/code.h"
#include "domain/text.h"

struct row {
    const char *in;
    enum code_kind kind;
    const char *text; // or, for CODE_NONE, words that the reason must hold
};

static void expect_code(const struct row *row, unsigned kinds)
{
    struct code code;
    memset(&code, 0xAA, sizeof(code));
    code_recognise(row->in, strlen(row->in), kinds, &code);
    if (code.kind != row->kind)
        fail_msg("'%s': %s (%s), expected %s", row->in, code_kind_name(code.kind), code.reason,
                 code_kind_name(row->kind));
    assert_int_equal(code.fault == FAULT_OK, code.kind != CODE_NONE);
    if (code.kind != CODE_NONE) {
        expect_text(row->in, code.text, row->text);
        expect_text(row->in, code.reason, "");
        return;
    }
    expect_text(row->in, code.text, "");
    if (strstr(code.reason, row->text) == NULL)
        fail_msg("'%s': reason '%s' lacks '%s'", row->in, code.reason, row->text);
}

static void every_kind_is_recognised(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"000.17.22.H56-210531-0001", CODE_DOSSIER, "000.17.22.H56-210531-0001"},
        {"h56.14 -240823-0001", CODE_DOSSIER, "H56.14-240823-0001"},
        {"000.00.53.H48-220921-0099", CODE_DOSSIER, "000.00.53.H48-220921-0099"},
        {"H56.14-240823-10234", CODE_DOSSIER, "H56.14-240823-10234"},
        {"H56.14–240823–0001\r\n", CODE_DOSSIER, "H56.14-240823-0001"},
        {"https://x.vn/?hs=H56.14-240823-0001", CODE_DOSSIER, "H56.14-240823-0001"},
        {"H56.14-240823-0001__0.48213", CODE_ORDER, "H56.14-240823-0001"},
        {"h56.14-240823-0001__a-b-c", CODE_ORDER, "H56.14-240823-0001"},
        {"EC521602781VN", CODE_ITEM, "EC521602781VN"},
        {"ec 521 602 781 vn", CODE_ITEM, "EC521602781VN"},
        {"]C0ec521602781vn\r", CODE_ITEM, "EC521602781VN"},
        {"Đ123456785VN", CODE_ITEM, "DD123456785VN"},
        {"CƯ123456785VN", CODE_ITEM, "CW123456785VN"}, // the length says: one key
        {"Ư123456785VN", CODE_ITEM, "UW123456785VN"},  // the length says: two keys
        {"(EC521602781VN)", CODE_ITEM, "EC521602781VN"},
        {"000.00.16.H34", CODE_UNIT, "000.00.16.H34"},
        {"h34.16", CODE_UNIT, "H34.16"},
        {"H34", CODE_UNIT, "H34"},
        {"2.002492", CODE_TTHC, "2.002492"},
        {"1.001612.000.00.00.H48", CODE_TTHC, "1.001612.000.00.00.H48"},
        {"0905123456", CODE_PHONE, "+84905123456"},
        {"+84 905.123.456", CODE_PHONE, "+84905123456"},
        {"01689123456", CODE_PHONE, "+84389123456"},
        {"02603862345/0905123456", CODE_PHONE, "+84905123456"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_code(&rows[i], CODE_ANY);
}

static void a_dossier_wins_over_an_item(void **state)
{
    (void)state;
    static const char both[] = "ma=EC521602781VN|hs=H56.14-240823-0001|dv=000.00.16.H34";
    const struct row rows[] = {
        {both, CODE_DOSSIER, "H56.14-240823-0001"},
        {both, CODE_ITEM, "EC521602781VN"},
        {both, CODE_UNIT, "000.00.16.H34"},
        {both, CODE_NONE, "no TTHC code found, such as 2.002492"},
    };
    expect_code(&rows[0], CODE_ANY);
    expect_code(&rows[1], CODE_BIT(CODE_ITEM));
    expect_code(&rows[2], CODE_BIT(CODE_UNIT));
    expect_code(&rows[3], CODE_BIT(CODE_TTHC));
}

static void reasons_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"EC521602782VN", CODE_NONE, "check digit is 2, expected 1"},
        {"see EC521602782VN", CODE_NONE, "check digit is 2, expected 1"},
        {"EB123456789VN", CODE_NONE, "check digit is 9, expected 5"},
        {"EC52160278VN", CODE_NONE, "8 digits between the letters"},
        {"H56.14-240231-0001", CODE_NONE, "no day 31/02/2024"},
        {"H56.14-240231-0001__0-4-8", CODE_NONE, "no day 31/02/2024"},
        {"x=H56.14-240231-0001", CODE_NONE, "no day 31/02/2024"},
        {"H56.14-24O823-0001", CODE_NONE, "six digits, YYMMDD"},
        {"000.00.H48-220921-0099", CODE_NONE, "dossier code: the unit fits neither"},
        {"H56.14-240823-001", CODE_NONE, "the serial has 3 digits"},
        {"H56.14-240823-00A1", CODE_NONE, "serial must be 4 to 6 digits"},
        {"H34..16", CODE_NONE, "unit code: fits neither"},
        {"H34.AAAAA.BBBBB.CCCCC.DDDDD.EEEEE.12", CODE_NONE, "36 characters, the limit is 35"},
        {"1.001612.000.00.H48", CODE_NONE, "TTHC code"},
        {"02603862345", CODE_NONE, "landline"},
        {"0805123456", CODE_NONE, "no Vietnamese mobile network has this prefix"},
        {"090512345", CODE_NONE, "number of digits"},
        {"905123456", CODE_NONE, "begins with 0 or +84"},
        {"106141412345678908", CODE_NONE, "SSCC"},
        {"VNSGNAVNHANBACN60001", CODE_NONE, "S8 despatch"},
        {"VNSGNAVNHANBDUN60001001100125", CODE_NONE, "S9 receptacle"},
        {"hello", CODE_NONE, "no dossier, item, unit, TTHC or phone code found"},
        {"XEC521602781VN", CODE_NONE, "no dossier"},
        {"", CODE_NONE, "empty"},
        {" \r\n", CODE_NONE, "empty"},
        {"EC\xFF", CODE_NONE, "not valid UTF-8 at byte 3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_code(&rows[i], CODE_ANY);
}

static void two_readings_are_no_code(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"H56.14-240823-0001 02", CODE_NONE, "two different dossier codes"}, // not …-000102
        {"H56.14-240823-0001 H56.14-240823-0002", CODE_NONE, "two different dossier codes"},
        {"EC521602781VN EG680005116VN", CODE_NONE, "two different item codes"},
        {"H56.Ư1", CODE_NONE, "two different unit codes"}, // W1 or UW1
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_code(&rows[i], CODE_ANY);
    static const struct row same[] = {
        {"EC521602781VN EC521602781VN", CODE_ITEM, "EC521602781VN"},
        {"EC521602781VN H56.14-240823-0001 H56.14-240823-0001", CODE_DOSSIER, "H56.14-240823-0001"},
        {"EC521602782VN EG680005116VN", CODE_ITEM, "EG680005116VN"}, // one is misread, one is good
    };
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        expect_code(&same[i], CODE_ANY);
}

static void kinds_that_are_not_wanted_are_not_found(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"H56.14-240823-0001__0.5", CODE_DOSSIER, "H56.14-240823-0001"}, // an order number in a dossier field
        {"x H56.14-240823-0001__0.5 y", CODE_DOSSIER, "H56.14-240823-0001"},
        {"EC521602781VN", CODE_NONE, "no dossier code found, such as H48.16-261121-0001"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_code(&rows[i], CODE_BIT(CODE_DOSSIER));
    static const struct row unit = {"hello", CODE_NONE, "no unit code found, such as H48.16"};
    expect_code(&unit, CODE_BIT(CODE_UNIT));
    static const struct row phone = {"ĐT chị A: 0905123456", CODE_PHONE, "+84905123456"};
    static const struct row words = {"ĐT chị A: 0905123456", CODE_NONE, "no dossier"};
    expect_code(&phone, CODE_BIT(CODE_PHONE)); // a phone field may hold words
    expect_code(&words, CODE_ANY);             // words with a phone number in them are no code
}

static void length_is_bounded(void **state)
{
    (void)state;
    static char big[TEXT_SCAN_MAX + 2];
    memset(big, ' ', sizeof(big) - 1);
    memcpy(big + TEXT_SCAN_MAX - 13, "EC521602781VN", 13);
    struct code code;
    code_recognise(big, TEXT_SCAN_MAX, CODE_ANY, &code);
    assert_int_equal(code.kind, CODE_ITEM);
    code_recognise(big, TEXT_SCAN_MAX + 1, CODE_ANY, &code);
    assert_int_equal(code.fault, FAULT_TOO_LONG);
    assert_string_equal(code.reason, "4097 bytes, the limit is 4096");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_recognised),
        cmocka_unit_test(a_dossier_wins_over_an_item),
        cmocka_unit_test(reasons_name_what_is_wrong),
        cmocka_unit_test(two_readings_are_no_code),
        cmocka_unit_test(kinds_that_are_not_wanted_are_not_found),
        cmocka_unit_test(length_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
