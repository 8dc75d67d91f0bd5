// SPDX-License-Identifier: EUPL-1.2
#include "domain/gsm7.h"

#include "domain/utf8.h"
#include "domain/viet.h"

#include <string.h>

#define ESCAPE       0x1B
#define NO_CHARACTER 0xFFFF // the escape itself

// 3GPP TS 23.038 table 6.2.1, by septet.
static const uint16_t default_alphabet[128] = {
    '@',    0xA3,         '$',  0xA5,   0xE8, 0xE9,   0xF9,   0xEC,   0xF2,   0xC7,   '\n',   0xD8,   0xF8,
    '\r',   0xC5,         0xE5, 0x0394, '_',  0x03A6, 0x0393, 0x039B, 0x03A9, 0x03A0, 0x03A8, 0x03A3, 0x0398,
    0x039E, NO_CHARACTER, 0xC6, 0xE6,   0xDF, 0xC9,   ' ',    '!',    '"',    '#',    0xA4,   '%',    '&',
    '\'',   '(',          ')',  '*',    '+',  ',',    '-',    '.',    '/',    '0',    '1',    '2',    '3',
    '4',    '5',          '6',  '7',    '8',  '9',    ':',    ';',    '<',    '=',    '>',    '?',    0xA1,
    'A',    'B',          'C',  'D',    'E',  'F',    'G',    'H',    'I',    'J',    'K',    'L',    'M',
    'N',    'O',          'P',  'Q',    'R',  'S',    'T',    'U',    'V',    'W',    'X',    'Y',    'Z',
    0xC4,   0xD6,         0xD1, 0xDC,   0xA7, 0xBF,   'a',    'b',    'c',    'd',    'e',    'f',    'g',
    'h',    'i',          'j',  'k',    'l',  'm',    'n',    'o',    'p',    'q',    'r',    's',    't',
    'u',    'v',          'w',  'x',    'y',  'z',    0xE4,   0xF6,   0xF1,   0xFC,   0xE0,
};

// Table 6.2.1.1.
static const struct {
    uint16_t cp;
    uint8_t septet;
} extension[] = {
    {'\f', 0x0A}, {'^', 0x14}, {'{', 0x28}, {'}', 0x29}, {'\\', 0x2F},
    {'[', 0x3C},  {'~', 0x3D}, {']', 0x3E}, {'|', 0x40}, {0x20AC, 0x65},
};

int gsm7_septet(uint32_t cp)
{
    for (int i = 0; i < 128; i++) {
        if (default_alphabet[i] == cp && cp != NO_CHARACTER)
            return i;
    }
    for (size_t i = 0; i < ARRAY_LEN(extension); i++) {
        if (extension[i].cp == cp)
            return ESCAPE << 8 | extension[i].septet;
    }
    return -1;
}

// Units of one code point in an alphabet; 0 when the alphabet lacks it.
static size_t units_of(uint32_t cp, enum gsm7_alphabet alphabet)
{
    if (alphabet == ALPHABET_UCS2)
        return cp > 0xFFFF ? 2 : 1;
    int septet = gsm7_septet(cp);
    return septet < 0 ? 0 : septet > 0x7F ? 2 : 1;
}

// False when the alphabet lacks a character. s is valid UTF-8.
static bool measure(const char *s, size_t len, enum gsm7_alphabet alphabet, struct gsm7_size *ret)
{
    const size_t single = alphabet == ALPHABET_GSM7 ? GSM7_SINGLE : UCS2_SINGLE;
    const size_t part = alphabet == ALPHABET_GSM7 ? GSM7_PART : UCS2_PART;
    size_t units = 0, segments = 0, used = part;
    for (size_t at = 0; at < len;) {
        uint32_t cp;
        at += utf8_decode(s + at, len - at, &cp);
        size_t n = units_of(cp, alphabet);
        if (n == 0)
            return false;
        if (used + n > part) { // a pair that doesn't fit goes to the next segment whole
            segments++;
            used = 0;
        }
        used += n;
        units += n;
    }
    *ret = (struct gsm7_size){alphabet, units, units > 0 && units <= single ? 1 : segments};
    return true;
}

bool gsm7_measure(const char *s, size_t len, struct gsm7_size *ret)
{
    if (utf8_valid_prefix(s, len) != len)
        return false;
    return measure(s, len, ALPHABET_GSM7, ret) || measure(s, len, ALPHABET_UCS2, ret);
}

// ASCII for typography that word processors put in; NULL when cp is no such thing. Never longer than the
// UTF-8 of cp.
static const char *plain_typography(uint32_t cp)
{
    if (cp == 0x200B || cp == 0x200C || cp == 0x200D || cp == 0x2060 || cp == 0xFEFF)
        return "";
    if (cp == '\t' || cp == 0xA0 || (cp >= 0x2000 && cp <= 0x200A) || cp == 0x202F || cp == 0x205F ||
        cp == 0x3000)
        return " ";
    if (cp == '`' || cp == 0xB4 || (cp >= 0x2018 && cp <= 0x201B) || cp == 0x2032)
        return "'";
    if ((cp >= 0x201C && cp <= 0x201F) || cp == 0x2033 || cp == 0xAB || cp == 0xBB)
        return "\"";
    if ((cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 || cp == 0x2022)
        return "-";
    if (cp == 0x2026)
        return "...";
    return cp == 0x20AB ? "d" : NULL; // đồng sign
}

bool gsm7_unaccent(const char *s, size_t len, char *buf, size_t cap, size_t *ret_len)
{
    size_t out = 0;
    if (cap <= len)
        return false;
    for (size_t at = 0; at < len;) {
        uint32_t cp;
        struct viet_letter letter;
        enum viet_shape shape;
        enum viet_tone tone;
        size_t n = utf8_decode(s + at, len - at, &cp);
        if (n == 0)
            return false;
        const char *plain = plain_typography(cp);
        if (plain != NULL) {
            size_t plain_len = strlen(plain);
            memcpy(buf + out, plain, plain_len);
            out += plain_len;
        } else if (viet_decompose(cp, &letter)) {
            buf[out++] = letter.base;
        } else if (!viet_mark(cp, &shape, &tone)) {
            memcpy(buf + out, s + at, n);
            out += n;
        }
        at += n;
    }
    buf[out] = '\0';
    *ret_len = out;
    return true;
}
