// SPDX-License-Identifier: EUPL-1.2
// The letters, sorted by code point. TCVN 6909:2001 takes them from ISO/IEC 10646 as they stand here.
#include "domain/viet.h"

#include <stddef.h>

static const struct {
    uint16_t cp;
    struct viet_letter letter;
} letters[] = {
    // clang-format off
    {0x00C0, {'A', VIET_PLAIN, VIET_GRAVE}}, // À
    {0x00C1, {'A', VIET_PLAIN, VIET_ACUTE}}, // Á
    {0x00C2, {'A', VIET_CIRCUMFLEX, VIET_LEVEL}}, // Â
    {0x00C3, {'A', VIET_PLAIN, VIET_TILDE}}, // Ã
    {0x00C8, {'E', VIET_PLAIN, VIET_GRAVE}}, // È
    {0x00C9, {'E', VIET_PLAIN, VIET_ACUTE}}, // É
    {0x00CA, {'E', VIET_CIRCUMFLEX, VIET_LEVEL}}, // Ê
    {0x00CC, {'I', VIET_PLAIN, VIET_GRAVE}}, // Ì
    {0x00CD, {'I', VIET_PLAIN, VIET_ACUTE}}, // Í
    {0x00D2, {'O', VIET_PLAIN, VIET_GRAVE}}, // Ò
    {0x00D3, {'O', VIET_PLAIN, VIET_ACUTE}}, // Ó
    {0x00D4, {'O', VIET_CIRCUMFLEX, VIET_LEVEL}}, // Ô
    {0x00D5, {'O', VIET_PLAIN, VIET_TILDE}}, // Õ
    {0x00D9, {'U', VIET_PLAIN, VIET_GRAVE}}, // Ù
    {0x00DA, {'U', VIET_PLAIN, VIET_ACUTE}}, // Ú
    {0x00DD, {'Y', VIET_PLAIN, VIET_ACUTE}}, // Ý
    {0x00E0, {'a', VIET_PLAIN, VIET_GRAVE}}, // à
    {0x00E1, {'a', VIET_PLAIN, VIET_ACUTE}}, // á
    {0x00E2, {'a', VIET_CIRCUMFLEX, VIET_LEVEL}}, // â
    {0x00E3, {'a', VIET_PLAIN, VIET_TILDE}}, // ã
    {0x00E8, {'e', VIET_PLAIN, VIET_GRAVE}}, // è
    {0x00E9, {'e', VIET_PLAIN, VIET_ACUTE}}, // é
    {0x00EA, {'e', VIET_CIRCUMFLEX, VIET_LEVEL}}, // ê
    {0x00EC, {'i', VIET_PLAIN, VIET_GRAVE}}, // ì
    {0x00ED, {'i', VIET_PLAIN, VIET_ACUTE}}, // í
    {0x00F2, {'o', VIET_PLAIN, VIET_GRAVE}}, // ò
    {0x00F3, {'o', VIET_PLAIN, VIET_ACUTE}}, // ó
    {0x00F4, {'o', VIET_CIRCUMFLEX, VIET_LEVEL}}, // ô
    {0x00F5, {'o', VIET_PLAIN, VIET_TILDE}}, // õ
    {0x00F9, {'u', VIET_PLAIN, VIET_GRAVE}}, // ù
    {0x00FA, {'u', VIET_PLAIN, VIET_ACUTE}}, // ú
    {0x00FD, {'y', VIET_PLAIN, VIET_ACUTE}}, // ý
    {0x0102, {'A', VIET_BREVE, VIET_LEVEL}}, // Ă
    {0x0103, {'a', VIET_BREVE, VIET_LEVEL}}, // ă
    {0x0110, {'D', VIET_STROKE, VIET_LEVEL}}, // Đ
    {0x0111, {'d', VIET_STROKE, VIET_LEVEL}}, // đ
    {0x0128, {'I', VIET_PLAIN, VIET_TILDE}}, // Ĩ
    {0x0129, {'i', VIET_PLAIN, VIET_TILDE}}, // ĩ
    {0x0168, {'U', VIET_PLAIN, VIET_TILDE}}, // Ũ
    {0x0169, {'u', VIET_PLAIN, VIET_TILDE}}, // ũ
    {0x01A0, {'O', VIET_HORN, VIET_LEVEL}}, // Ơ
    {0x01A1, {'o', VIET_HORN, VIET_LEVEL}}, // ơ
    {0x01AF, {'U', VIET_HORN, VIET_LEVEL}}, // Ư
    {0x01B0, {'u', VIET_HORN, VIET_LEVEL}}, // ư
    {0x1EA0, {'A', VIET_PLAIN, VIET_DOT}}, // Ạ
    {0x1EA1, {'a', VIET_PLAIN, VIET_DOT}}, // ạ
    {0x1EA2, {'A', VIET_PLAIN, VIET_HOOK}}, // Ả
    {0x1EA3, {'a', VIET_PLAIN, VIET_HOOK}}, // ả
    {0x1EA4, {'A', VIET_CIRCUMFLEX, VIET_ACUTE}}, // Ấ
    {0x1EA5, {'a', VIET_CIRCUMFLEX, VIET_ACUTE}}, // ấ
    {0x1EA6, {'A', VIET_CIRCUMFLEX, VIET_GRAVE}}, // Ầ
    {0x1EA7, {'a', VIET_CIRCUMFLEX, VIET_GRAVE}}, // ầ
    {0x1EA8, {'A', VIET_CIRCUMFLEX, VIET_HOOK}}, // Ẩ
    {0x1EA9, {'a', VIET_CIRCUMFLEX, VIET_HOOK}}, // ẩ
    {0x1EAA, {'A', VIET_CIRCUMFLEX, VIET_TILDE}}, // Ẫ
    {0x1EAB, {'a', VIET_CIRCUMFLEX, VIET_TILDE}}, // ẫ
    {0x1EAC, {'A', VIET_CIRCUMFLEX, VIET_DOT}}, // Ậ
    {0x1EAD, {'a', VIET_CIRCUMFLEX, VIET_DOT}}, // ậ
    {0x1EAE, {'A', VIET_BREVE, VIET_ACUTE}}, // Ắ
    {0x1EAF, {'a', VIET_BREVE, VIET_ACUTE}}, // ắ
    {0x1EB0, {'A', VIET_BREVE, VIET_GRAVE}}, // Ằ
    {0x1EB1, {'a', VIET_BREVE, VIET_GRAVE}}, // ằ
    {0x1EB2, {'A', VIET_BREVE, VIET_HOOK}}, // Ẳ
    {0x1EB3, {'a', VIET_BREVE, VIET_HOOK}}, // ẳ
    {0x1EB4, {'A', VIET_BREVE, VIET_TILDE}}, // Ẵ
    {0x1EB5, {'a', VIET_BREVE, VIET_TILDE}}, // ẵ
    {0x1EB6, {'A', VIET_BREVE, VIET_DOT}}, // Ặ
    {0x1EB7, {'a', VIET_BREVE, VIET_DOT}}, // ặ
    {0x1EB8, {'E', VIET_PLAIN, VIET_DOT}}, // Ẹ
    {0x1EB9, {'e', VIET_PLAIN, VIET_DOT}}, // ẹ
    {0x1EBA, {'E', VIET_PLAIN, VIET_HOOK}}, // Ẻ
    {0x1EBB, {'e', VIET_PLAIN, VIET_HOOK}}, // ẻ
    {0x1EBC, {'E', VIET_PLAIN, VIET_TILDE}}, // Ẽ
    {0x1EBD, {'e', VIET_PLAIN, VIET_TILDE}}, // ẽ
    {0x1EBE, {'E', VIET_CIRCUMFLEX, VIET_ACUTE}}, // Ế
    {0x1EBF, {'e', VIET_CIRCUMFLEX, VIET_ACUTE}}, // ế
    {0x1EC0, {'E', VIET_CIRCUMFLEX, VIET_GRAVE}}, // Ề
    {0x1EC1, {'e', VIET_CIRCUMFLEX, VIET_GRAVE}}, // ề
    {0x1EC2, {'E', VIET_CIRCUMFLEX, VIET_HOOK}}, // Ể
    {0x1EC3, {'e', VIET_CIRCUMFLEX, VIET_HOOK}}, // ể
    {0x1EC4, {'E', VIET_CIRCUMFLEX, VIET_TILDE}}, // Ễ
    {0x1EC5, {'e', VIET_CIRCUMFLEX, VIET_TILDE}}, // ễ
    {0x1EC6, {'E', VIET_CIRCUMFLEX, VIET_DOT}}, // Ệ
    {0x1EC7, {'e', VIET_CIRCUMFLEX, VIET_DOT}}, // ệ
    {0x1EC8, {'I', VIET_PLAIN, VIET_HOOK}}, // Ỉ
    {0x1EC9, {'i', VIET_PLAIN, VIET_HOOK}}, // ỉ
    {0x1ECA, {'I', VIET_PLAIN, VIET_DOT}}, // Ị
    {0x1ECB, {'i', VIET_PLAIN, VIET_DOT}}, // ị
    {0x1ECC, {'O', VIET_PLAIN, VIET_DOT}}, // Ọ
    {0x1ECD, {'o', VIET_PLAIN, VIET_DOT}}, // ọ
    {0x1ECE, {'O', VIET_PLAIN, VIET_HOOK}}, // Ỏ
    {0x1ECF, {'o', VIET_PLAIN, VIET_HOOK}}, // ỏ
    {0x1ED0, {'O', VIET_CIRCUMFLEX, VIET_ACUTE}}, // Ố
    {0x1ED1, {'o', VIET_CIRCUMFLEX, VIET_ACUTE}}, // ố
    {0x1ED2, {'O', VIET_CIRCUMFLEX, VIET_GRAVE}}, // Ồ
    {0x1ED3, {'o', VIET_CIRCUMFLEX, VIET_GRAVE}}, // ồ
    {0x1ED4, {'O', VIET_CIRCUMFLEX, VIET_HOOK}}, // Ổ
    {0x1ED5, {'o', VIET_CIRCUMFLEX, VIET_HOOK}}, // ổ
    {0x1ED6, {'O', VIET_CIRCUMFLEX, VIET_TILDE}}, // Ỗ
    {0x1ED7, {'o', VIET_CIRCUMFLEX, VIET_TILDE}}, // ỗ
    {0x1ED8, {'O', VIET_CIRCUMFLEX, VIET_DOT}}, // Ộ
    {0x1ED9, {'o', VIET_CIRCUMFLEX, VIET_DOT}}, // ộ
    {0x1EDA, {'O', VIET_HORN, VIET_ACUTE}}, // Ớ
    {0x1EDB, {'o', VIET_HORN, VIET_ACUTE}}, // ớ
    {0x1EDC, {'O', VIET_HORN, VIET_GRAVE}}, // Ờ
    {0x1EDD, {'o', VIET_HORN, VIET_GRAVE}}, // ờ
    {0x1EDE, {'O', VIET_HORN, VIET_HOOK}}, // Ở
    {0x1EDF, {'o', VIET_HORN, VIET_HOOK}}, // ở
    {0x1EE0, {'O', VIET_HORN, VIET_TILDE}}, // Ỡ
    {0x1EE1, {'o', VIET_HORN, VIET_TILDE}}, // ỡ
    {0x1EE2, {'O', VIET_HORN, VIET_DOT}}, // Ợ
    {0x1EE3, {'o', VIET_HORN, VIET_DOT}}, // ợ
    {0x1EE4, {'U', VIET_PLAIN, VIET_DOT}}, // Ụ
    {0x1EE5, {'u', VIET_PLAIN, VIET_DOT}}, // ụ
    {0x1EE6, {'U', VIET_PLAIN, VIET_HOOK}}, // Ủ
    {0x1EE7, {'u', VIET_PLAIN, VIET_HOOK}}, // ủ
    {0x1EE8, {'U', VIET_HORN, VIET_ACUTE}}, // Ứ
    {0x1EE9, {'u', VIET_HORN, VIET_ACUTE}}, // ứ
    {0x1EEA, {'U', VIET_HORN, VIET_GRAVE}}, // Ừ
    {0x1EEB, {'u', VIET_HORN, VIET_GRAVE}}, // ừ
    {0x1EEC, {'U', VIET_HORN, VIET_HOOK}}, // Ử
    {0x1EED, {'u', VIET_HORN, VIET_HOOK}}, // ử
    {0x1EEE, {'U', VIET_HORN, VIET_TILDE}}, // Ữ
    {0x1EEF, {'u', VIET_HORN, VIET_TILDE}}, // ữ
    {0x1EF0, {'U', VIET_HORN, VIET_DOT}}, // Ự
    {0x1EF1, {'u', VIET_HORN, VIET_DOT}}, // ự
    {0x1EF2, {'Y', VIET_PLAIN, VIET_GRAVE}}, // Ỳ
    {0x1EF3, {'y', VIET_PLAIN, VIET_GRAVE}}, // ỳ
    {0x1EF4, {'Y', VIET_PLAIN, VIET_DOT}}, // Ỵ
    {0x1EF5, {'y', VIET_PLAIN, VIET_DOT}}, // ỵ
    {0x1EF6, {'Y', VIET_PLAIN, VIET_HOOK}}, // Ỷ
    {0x1EF7, {'y', VIET_PLAIN, VIET_HOOK}}, // ỷ
    {0x1EF8, {'Y', VIET_PLAIN, VIET_TILDE}}, // Ỹ
    {0x1EF9, {'y', VIET_PLAIN, VIET_TILDE}}, // ỹ
    // clang-format on
};

bool viet_decompose(uint32_t cp, struct viet_letter *ret)
{
    size_t low = 0, high = ARRAY_LEN(letters);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (letters[middle].cp == cp) {
            *ret = letters[middle].letter;
            return true;
        }
        if (letters[middle].cp < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool viet_mark(uint32_t cp, enum viet_shape *ret_shape, enum viet_tone *ret_tone)
{
    static const struct {
        uint16_t cp;
        enum viet_shape shape;
        enum viet_tone tone;
    } marks[] = {
        {0x0300, VIET_PLAIN, VIET_GRAVE}, {0x0340, VIET_PLAIN, VIET_GRAVE},
        {0x0301, VIET_PLAIN, VIET_ACUTE}, {0x0341, VIET_PLAIN, VIET_ACUTE},
        {0x0309, VIET_PLAIN, VIET_HOOK},  {0x0303, VIET_PLAIN, VIET_TILDE},
        {0x0323, VIET_PLAIN, VIET_DOT},   {0x0302, VIET_CIRCUMFLEX, VIET_LEVEL},
        {0x0306, VIET_BREVE, VIET_LEVEL}, {0x031B, VIET_HORN, VIET_LEVEL},
    };
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        if (marks[i].cp == cp) {
            *ret_shape = marks[i].shape;
            *ret_tone = marks[i].tone;
            return true;
        }
    }
    return false;
}
