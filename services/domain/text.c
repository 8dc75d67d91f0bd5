// SPDX-License-Identifier: EUPL-1.2
#include "domain/text.h"

#include "domain/ascii.h"
#include "domain/utf8.h"
#include "domain/viet.h"

#include <stdbool.h>
#include <string.h>

struct out {
    char *buf; // at least as large as the input + 1
    size_t len;
    enum text_reading reading;
    bool marked; // the last letter already carries a Vietnamese mark
};

static bool is_space(uint32_t cp)
{
    return (cp >= 0x09 && cp <= 0x0D) || cp == ' ' || cp == 0x85 || cp == 0xA0 || cp == 0x1680 ||
           (cp >= 0x2000 && cp <= 0x200A) || cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F ||
           cp == 0x3000;
}

static bool is_control(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp <= 0x9F);
}

// Zero-width spaces and joiners, direction marks, soft hyphen, byte order mark.
static bool is_invisible(uint32_t cp)
{
    return cp == 0xAD || cp == 0x180E || (cp >= 0x200B && cp <= 0x200F) || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2060 && cp <= 0x2064) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0xFEFF;
}

static uint32_t to_ascii(uint32_t cp)
{
    if (cp >= 0xFF01 && cp <= 0xFF5E)
        cp -= 0xFF01 - 0x21;
    else if ((cp >= 0x2010 && cp <= 0x2015) || cp == 0x2212 || cp == 0xFE58 || cp == 0xFE63)
        cp = '-';
    return cp >= 'a' && cp <= 'z' ? cp - 'a' + 'A' : cp;
}

static void put(struct out *out, char c)
{
    out->buf[out->len++] = c;
}

static char tone_key(enum viet_tone tone)
{
    static const char keys[] = {
        [VIET_LEVEL] = 0,  [VIET_GRAVE] = 'F', [VIET_ACUTE] = 'S',
        [VIET_HOOK] = 'R', [VIET_TILDE] = 'X', [VIET_DOT] = 'J',
    };
    return keys[tone];
}

// The keys that Telex turned into this letter. False when it is no such letter or has several spellings.
static bool put_letter_keys(struct out *out, uint32_t cp)
{
    struct viet_letter letter;
    if (!viet_decompose(cp, &letter) || (letter.shape != VIET_PLAIN && letter.tone != VIET_LEVEL))
        return false;
    char base = (char)(letter.base & ~0x20);
    if (letter.shape == VIET_PLAIN) {
        put(out, base);
        put(out, tone_key(letter.tone));
    } else if (letter.shape == VIET_CIRCUMFLEX || letter.shape == VIET_STROKE) {
        put(out, base);
        put(out, base);
    } else {
        if (base != 'U' || out->reading == TEXT_CODE_UW)
            put(out, base);
        put(out, 'W');
    }
    out->marked = true;
    return true;
}

// The same for a letter in two code points: its base is already in the buffer.
static bool put_mark_key(struct out *out, uint32_t cp)
{
    enum viet_shape shape;
    enum viet_tone tone;
    if (out->marked || out->len == 0 || !viet_mark(cp, &shape, &tone))
        return false;
    char base = out->buf[out->len - 1];
    const char *bases = shape == VIET_CIRCUMFLEX ? "AEO"
                        : shape == VIET_BREVE    ? "A"
                        : shape == VIET_HORN     ? "OU"
                                                 : "AEIOUY";
    if (base == '\0' || strchr(bases, base) == NULL)
        return false;
    if (shape == VIET_HORN && base == 'U' && out->reading == TEXT_CODE)
        out->len--;
    put(out, shape == VIET_PLAIN ? tone_key(tone) : shape == VIET_CIRCUMFLEX ? base : 'W');
    out->marked = true;
    return true;
}

static void put_separator(struct out *out)
{
    if (out->reading == TEXT_FREE && out->len > 0 && out->buf[out->len - 1] != ' ')
        put(out, ' ');
}

// bytes, n: the code point as it stands in the input.
static void put_code_point(struct out *out, uint32_t cp, const char *bytes, size_t n)
{
    bool free_text = out->reading == TEXT_FREE;
    if (is_invisible(cp))
        return;
    if (is_space(cp) || (is_control(cp) && (free_text || out->len == 0))) {
        put_separator(out);
        return;
    }
    cp = to_ascii(cp);
    if (cp < 0x80) {
        put(out, (char)cp);
        out->marked = false;
        return;
    }
    if (!free_text && (put_letter_keys(out, cp) || put_mark_key(out, cp)))
        return;
    memcpy(out->buf + out->len, bytes, n);
    out->len += n;
    out->marked = true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A percent-escape at s? Then *ret_cp is what it stands for, a space unless it is printable ASCII.
static bool read_escape(const char *s, size_t len, uint32_t *ret_cp)
{
    if (len < 3 || s[0] != '%' || hex_value(s[1]) < 0 || hex_value(s[2]) < 0)
        return false;
    int byte = hex_value(s[1]) * 16 + hex_value(s[2]);
    *ret_cp = byte > ' ' && byte < 0x7F ? (uint32_t)byte : ' ';
    return true;
}

// On bytes: U+0080–009F are two bytes in UTF-8, so they are not looked for here.
static bool is_ascii_control(char c)
{
    return (c >= 0 && c < ' ') || c == 0x7F;
}

// Drops what a scanner puts around one code. ISO/IEC 15424: "]", a letter for the symbology, a modifier; all
// modifiers of Code 39, Code 128, Data Matrix and QR are digits.
static void strip_frame(struct out *out)
{
    size_t at = 0, end = out->len;
    const char *b = out->buf;
    while (end > 0 && is_ascii_control(b[end - 1]))
        end--;
    if (end >= 3 && b[0] == ']' && ascii_is_upper(b[1]) && ascii_is_digit(b[2]))
        at = 3;
    while (at < end && is_ascii_control(b[at])) // FNC1 of GS1 symbols arrives as GS
        at++;
    if (at < end && b[at] == '+')
        at++;
    if (end - at >= 2 && b[at] == '*' && b[end - 1] == '*') {
        at++;
        end--;
    }
    memmove(out->buf, b + at, end - at);
    out->len = end - at;
}

enum code_fault text_normalise(const char *s, size_t len, enum text_reading reading, char *buf, size_t cap,
                               size_t *ret_len)
{
    if (len > TEXT_SCAN_MAX || cap <= len)
        return FAULT_TOO_LONG;
    struct out out = {.buf = buf, .reading = reading};
    bool is_url = reading == TEXT_FREE && len > 0 && memmem(s, len, "://", 3) != NULL;
    for (size_t at = 0; at < len;) {
        uint32_t cp;
        size_t n = utf8_decode(s + at, len - at, &cp);
        if (n == 0)
            return FAULT_NOT_UTF8;
        if (is_url && read_escape(s + at, len - at, &cp))
            n = 3;
        put_code_point(&out, cp, s + at, n);
        at += n;
    }
    if (reading != TEXT_FREE)
        strip_frame(&out);
    else if (out.len > 0 && buf[out.len - 1] == ' ')
        out.len--;
    buf[out.len] = '\0';
    *ret_len = out.len;
    return FAULT_OK;
}
