// SPDX-License-Identifier: EUPL-1.2
// The twelve texts, filled in as they will be.
#include "expect.h"

#include <stdio.h>

#include "domain/attr.h"
#include "domain/money.h"
#include "domain/sms_text.h"

#define ARG(name, value)                                                                                     \
    {                                                                                                        \
        name, value, sizeof(value) - 1                                                                       \
    }

static const struct sms_arg realistic[] = {
    ARG("MHS", "000.17.22.H56-210531-0001"), // 25 characters
    ARG("IC", "EC521602781VN"),
    ARG("NGAY", "22/11"),
    ARG("LUC", "14:05 22/11"),
    ARG("TIEN", "1.250.000"),
    ARG("HOTLINE", "1900545481"),
    ARG("URL", "https://tracuu.example.vn/t/Ab3dEf6hJk"),
    ARG("BUU_CUC", "Bưu cục Ngọc Lặc"),
};

static void all_twelve_are_one_gsm7_segment(void **state)
{
    (void)state;
    size_t count;
    const struct sms_template *table = sms_template_table(&count);
    assert_int_equal(count, 12);
    for (size_t i = 0; i < count; i++) {
        char buf[SMS_TEXT_MAX + 1], id[24];
        struct sms_text text;
        (void)snprintf(id, sizeof(id), "T%zu", i + 1);
        assert_string_equal(table[i].id, id);
        assert_ptr_equal(sms_template_find(id), &table[i]);
        assert_int_equal(
            sms_text_expand(table[i].text, realistic, ARRAY_LEN(realistic), buf, sizeof(buf), &text), SMS_OK);
        assert_int_equal(text.len, strlen(buf));
        assert_int_equal(text.size.alphabet, ALPHABET_GSM7);
        assert_int_equal(text.size.segments, 1);
        if (text.size.units < 90 || text.size.units > 135)
            fail_msg("%s: %zu septets: %s", id, text.size.units, buf);
        assert_int_equal(text.size.units, text.len); // no extension character
        assert_null(strpbrk(buf, "{}"));
        assert_non_null(strstr(buf, "000.17.22.H56-210531-0001"));
    }
    assert_null(sms_template_find("T0"));
    assert_null(sms_template_find("T13"));
    assert_null(sms_template_find(""));
}

// The law asks for no name, no procedure title, no address; we also send no person's number.
static void texts_name_the_hotline_and_no_person(void **state)
{
    (void)state;
    size_t count;
    const struct sms_template *table = sms_template_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_null(strstr(table[i].text, "SDT"));
        if (strstr(table[i].text, "Buu ta") != NULL)
            assert_non_null(strstr(table[i].text, "{HOTLINE}"));
        for (size_t k = i + 1; k < count; k++)
            assert_string_not_equal(table[i].name, table[k].name);
    }
}

static void a_text_reads_as_it_should(void **state)
{
    (void)state;
    char buf[SMS_TEXT_MAX + 1];
    struct sms_text text;
    assert_int_equal(sms_text_expand(sms_template_find("T10")->text, realistic, ARRAY_LEN(realistic), buf,
                                     sizeof(buf), &text),
                     SMS_OK);
    assert_string_equal(
        buf,
        "Ket qua ho so 000.17.22.H56-210531-0001 (ma EC521602781VN) dang giu tai Buu cuc Ngoc Lac den 22/11. "
        "Mang theo CCCD khi nhan.");
    assert_int_equal(sms_text_expand(sms_template_find("T8")->text, realistic, ARRAY_LEN(realistic), buf,
                                     sizeof(buf), &text),
                     SMS_OK);
    assert_string_equal(
        buf, "Ket qua ho so 000.17.22.H56-210531-0001 dang duoc phat hom nay, ma EC521602781VN. So tien thu: "
             "1.250.000d. LH 1900545481.");
}

static void missing_arguments_are_refused(void **state)
{
    (void)state;
    size_t count;
    const struct sms_template *table = sms_template_table(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t gone = 0; gone < ARRAY_LEN(realistic); gone++) {
            char buf[SMS_TEXT_MAX + 1], placeholder[16], name[16] = "";
            struct sms_text text = {.len = 77};
            struct sms_arg args[ARRAY_LEN(realistic)];
            memcpy(args, realistic, sizeof(args));
            (void)snprintf(placeholder, sizeof(placeholder), "{%s}", args[gone].name);
            bool used = strstr(table[i].text, placeholder) != NULL;
            args[gone].len = 0; // empty
            assert_int_equal(sms_text_expand(table[i].text, args, ARRAY_LEN(args), buf, sizeof(buf), &text),
                             used ? SMS_MISSING : SMS_OK);
            assert_int_equal(text.len == 77, used);
            assert_int_equal(sms_text_missing(table[i].text, args, ARRAY_LEN(args), name, sizeof(name)),
                             used);
            expect_text(table[i].id, name, used ? args[gone].name : "");
            args[gone].name = "OTHER"; // not there at all
            args[gone].len = 1;
            assert_int_equal(sms_text_expand(table[i].text, args, ARRAY_LEN(args), buf, sizeof(buf), &text),
                             used ? SMS_MISSING : SMS_OK);
        }
    }
}

static void odd_texts_and_values(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sms_fault fault;
        const char *out;
    } rows[] = {
        {"", SMS_OK, ""},
        {"Hồ sơ {A}{A}", SMS_OK, "Ho so xx"},
        {"{B}", SMS_OK, "{A}"}, // a value is not expanded again
        {"{C}", SMS_OK, "Ngoc Lac"},
        {"{D}", SMS_BAD_VALUE, ""},
        {"{E}", SMS_BAD_VALUE, ""},
        {"{", SMS_BAD_TEXT, ""},
        {"}", SMS_BAD_TEXT, ""},
        {"{}", SMS_BAD_TEXT, ""},
        {"{A", SMS_BAD_TEXT, ""},
        {"A}", SMS_BAD_TEXT, ""},
        {"{a}", SMS_BAD_TEXT, ""},
        {"{DD/MM}", SMS_BAD_TEXT, ""},
        {"{{A}}", SMS_BAD_TEXT, ""},
        {"a\xFF", SMS_BAD_TEXT, ""},
        {"{AA}", SMS_MISSING, ""},
        {"{F}", SMS_MISSING, ""},
    };
    static const struct sms_arg args[] = {
        ARG("A", "x"),    ARG("B", "{A}"),       ARG("C", "Ngọc Lặc"),
        ARG("D", "a\nb"), ARG("E", "a\xE1\xBA"), {"F", NULL, 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char buf[64] = "";
        struct sms_text text;
        enum sms_fault fault = sms_text_expand(rows[i].text, args, ARRAY_LEN(args), buf, sizeof(buf), &text);
        if (fault != rows[i].fault)
            fail_msg("'%s': %d", rows[i].text, fault);
        if (fault == SMS_OK)
            expect_text(rows[i].text, buf, rows[i].out);
    }
}

static void length_is_bounded(void **state)
{
    (void)state;
    static char long_value[SMS_TEXT_MAX + 2];
    char buf[SMS_TEXT_MAX + 8];
    struct sms_text text;
    memset(long_value, 'a', sizeof(long_value));
    struct sms_arg arg = {"A", long_value, SMS_TEXT_MAX};
    assert_int_equal(sms_text_expand("{A}", &arg, 1, buf, sizeof(buf), &text), SMS_OK);
    assert_int_equal(text.size.segments, 6);
    arg.len++;
    assert_int_equal(sms_text_expand("{A}", &arg, 1, buf, sizeof(buf), &text), SMS_TOO_LONG);
    assert_int_equal(sms_text_expand("{A}{A}{A}{A}", &arg, 1, buf, sizeof(buf), &text), SMS_TOO_LONG);
    arg.len = 5;
    assert_int_equal(sms_text_expand("{A}", &arg, 1, buf, 5, &text), SMS_TOO_LONG);
    assert_int_equal(sms_text_expand("{A}", &arg, 1, buf, 6, &text), SMS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_twelve_are_one_gsm7_segment),
        cmocka_unit_test(texts_name_the_hotline_and_no_person),
        cmocka_unit_test(a_text_reads_as_it_should),
        cmocka_unit_test(missing_arguments_are_refused),
        cmocka_unit_test(odd_texts_and_values),
        cmocka_unit_test(length_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
