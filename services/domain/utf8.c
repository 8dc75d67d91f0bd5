// SPDX-License-Identifier: EUPL-1.2
#include "domain/utf8.h"

size_t utf8_decode(const char *s, size_t len, uint32_t *ret_cp)
{
    // The smallest code point that may use a sequence of this length; below it the form is overlong.
    static const uint32_t least[UTF8_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *u = (const unsigned char *)s;
    if (len == 0)
        return 0;
    if (u[0] < 0x80) {
        *ret_cp = u[0];
        return 1;
    }
    size_t n = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : 2;
    if (u[0] < 0xC2 || u[0] > 0xF4 || n > len)
        return 0;
    uint32_t cp = u[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xC0) != 0x80)
            return 0;
        cp = cp << 6 | (u[i] & 0x3Fu);
    }
    if (cp < least[n] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    *ret_cp = cp;
    return n;
}

size_t utf8_encode(uint32_t cp, char buf[UTF8_MAX])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    if (cp < 0x80) {
        buf[0] = (char)cp;
        return 1;
    }
    size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        buf[i] = (char)(0x80 | (cp & 0x3F));
        cp >>= 6;
    }
    buf[0] = (char)((0xF00u >> n & 0xF0) | cp);
    return n;
}

size_t utf8_valid_prefix(const char *s, size_t len)
{
    size_t at = 0;
    uint32_t cp;
    while (at < len) {
        size_t n = utf8_decode(s + at, len - at, &cp);
        if (n == 0)
            break;
        at += n;
    }
    return at;
}
