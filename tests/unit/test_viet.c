// SPDX-License-Identifier: EUPL-1.2
// The letter table, against letters written out here by hand.
#include "expect.h"

#include "domain/attr.h"
#include "domain/utf8.h"
#include "domain/viet.h"

// In each string: a base letter, then its forms.
static const char *const families[] = {
    "aàáảãạăằắẳẵặâầấẩẫậ", "eèéẻẽẹêềếểễệ", "iìíỉĩị", "oòóỏõọôồốổỗộơờớởỡợ", "uùúủũụưừứửữự", "yỳýỷỹỵ", "dđ",
    "AÀÁẢÃẠĂẰẮẲẴẶÂẦẤẨẪẬ", "EÈÉẺẼẸÊỀẾỂỄỆ", "IÌÍỈĨỊ", "OÒÓỎÕỌÔỒỐỔỖỘƠỜỚỞỠỢ", "UÙÚỦŨỤƯỪỨỬỮỰ", "YỲÝỶỸỴ", "DĐ",
};

static void all_134_letters_have_their_base(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const char *s = families[i];
        size_t len = strlen(s);
        for (size_t at = 1; at < len; count++) {
            uint32_t cp = 0;
            struct viet_letter letter;
            size_t n = utf8_decode(s + at, len - at, &cp);
            assert_true(n > 0);
            assert_true(viet_decompose(cp, &letter));
            assert_int_equal(letter.base, s[0]);
            at += n;
        }
    }
    assert_int_equal(count, 134);
    size_t known = 0;
    struct viet_letter letter;
    for (uint32_t cp = 0; cp < 0x11000; cp++)
        known += viet_decompose(cp, &letter) ? 1 : 0;
    assert_int_equal(known, 134);
}

// Tones come in the same order in every family above.
static void shape_and_tone_are_told_apart(void **state)
{
    (void)state;
    static const enum viet_tone tones[] = {VIET_LEVEL, VIET_GRAVE, VIET_ACUTE,
                                           VIET_HOOK,  VIET_TILDE, VIET_DOT};
    static const enum viet_shape shapes_of_a[] = {VIET_PLAIN, VIET_BREVE, VIET_CIRCUMFLEX};
    const char *s = families[0];
    size_t at = 1;
    for (size_t i = 1; i < 18; i++) {
        uint32_t cp = 0;
        struct viet_letter letter;
        at += utf8_decode(s + at, strlen(s) - at, &cp);
        assert_true(viet_decompose(cp, &letter));
        assert_int_equal(letter.shape, shapes_of_a[i / 6]);
        assert_int_equal(letter.tone, tones[i % 6]);
    }
    struct viet_letter d;
    assert_true(viet_decompose(0x110, &d)); // Đ
    assert_int_equal(d.shape, VIET_STROKE);
    assert_true(viet_decompose(0x1EF1, &d)); // ự
    assert_int_equal(d.shape, VIET_HORN);
    assert_int_equal(d.tone, VIET_DOT);
}

static void neighbours_are_not_vietnamese(void **state)
{
    (void)state;
    static const uint32_t others[] = {'a',  0xC4, 0xC5, 0xC7,  0xCB,   0xD1,
                                      0xD0, 0xF0, 0xFC, 0x101, 0x1E9F, 0x1EFA};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        struct viet_letter letter;
        assert_false(viet_decompose(others[i], &letter));
    }
}

static void marks_are_the_eight_and_two_aliases(void **state)
{
    (void)state;
    static const uint32_t marks[] = {0x300, 0x301, 0x302, 0x303, 0x306, 0x309, 0x31B, 0x323, 0x340, 0x341};
    size_t found = 0;
    for (uint32_t cp = 0; cp < 0x3000; cp++) {
        enum viet_shape shape;
        enum viet_tone tone;
        if (viet_mark(cp, &shape, &tone)) {
            assert_int_equal(cp, marks[found++]);
            assert_true((shape == VIET_PLAIN) != (tone == VIET_LEVEL));
        }
    }
    assert_int_equal(found, ARRAY_LEN(marks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_134_letters_have_their_base),
        cmocka_unit_test(shape_and_tone_are_told_apart),
        cmocka_unit_test(neighbours_are_not_vietnamese),
        cmocka_unit_test(marks_are_the_eight_and_two_aliases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
