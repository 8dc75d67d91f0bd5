// SPDX-License-Identifier: EUPL-1.2
// UTF-8 and the Vietnamese letters in it: decoding, encoding, NFC and NFD.
#include "domain/utf8.h"
#include "fuzz.h"

#include "domain/gsm7.h"
#include "domain/viet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    size_t at = 0, n;
    uint32_t cp;
    struct viet_letter letter;
    enum viet_shape shape;
    enum viet_tone tone;
    for (; at < size && (n = utf8_decode(s + at, size - at, &cp)) > 0; at += n) {
        char bytes[UTF8_MAX];
        CHECK(n <= UTF8_MAX && at + n <= size && cp <= 0x10FFFF && (cp < 0xD800 || cp > 0xDFFF));
        CHECK(utf8_encode(cp, bytes) == n && memcmp(bytes, s + at, n) == 0);
        for (size_t cut = 0; cut < n; cut++)
            CHECK(utf8_decode(s + at, cut, &cp) == 0);
        CHECK(utf8_decode(s + at, n, &cp) == n);
        bool is_letter = viet_decompose(cp, &letter), is_mark = viet_mark(cp, &shape, &tone);
        CHECK(!(is_letter && is_mark) && !(cp < 0x80 && (is_letter || is_mark)));
        CHECK(!is_letter || letter.shape != VIET_PLAIN || letter.tone != VIET_LEVEL);
        CHECK(!is_mark || (shape == VIET_PLAIN) != (tone == VIET_LEVEL));
        int septet = gsm7_septet(cp);
        CHECK(septet >= -1 && (septet & 0xFF) < 0x80 + 0x80 * (septet < 0) &&
              (septet < 0 || (septet & ~0x1B7F) == 0));
    }
    CHECK(utf8_valid_prefix(s, size) == at);
    for (cp = 0xD800; cp < 0xE000; cp += 0x3FF)
        CHECK(utf8_encode(cp, (char[UTF8_MAX]){0}) == 0);
    return 0;
}
