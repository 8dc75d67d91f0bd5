// SPDX-License-Identifier: EUPL-1.2
#include "base/json.h"

#include "base/check.h"

#include <string.h>
#include <time.h>

#define JSON_DEPTH_MAX 31

void jout_init(struct jout *j, struct buf *out)
{
    *j = (struct jout){.out = out};
}

// The comma and the key that go before any value.
static void begin_value(struct jout *j, const char *key)
{
    uint32_t bit = UINT32_C(1) << j->depth;
    bool comma = j->filled & bit;
    size_t len = key ? strlen(key) : 0, need = (comma ? 1 : 0) + (key ? len + 3 : 0);
    j->filled |= bit;
    char *at = buf_try_reserve(j->out, need);
    if (!at)
        return;
    if (comma)
        *at++ = ',';
    if (key) {
        *at++ = '"';
        memcpy(at, key, len);
        memcpy(at + len, "\":", 2);
        at += len + 2;
    }
    *at = '\0';
    j->out->len += need;
}

static void open_container(struct jout *j, const char *key, char bracket)
{
    begin_value(j, key);
    CHECK(j->depth < JSON_DEPTH_MAX);
    j->depth++;
    j->filled &= ~(UINT32_C(1) << j->depth);
    buf_putc(j->out, bracket);
}

static void close_container(struct jout *j, char bracket)
{
    CHECK(j->depth > 0);
    j->depth--;
    buf_putc(j->out, bracket);
}

void jout_open_object(struct jout *j, const char *key)
{
    open_container(j, key, '{');
}

void jout_close_object(struct jout *j)
{
    close_container(j, '}');
}

void jout_open_array(struct jout *j, const char *key)
{
    open_container(j, key, '[');
}

void jout_close_array(struct jout *j)
{
    close_container(j, ']');
}

// Length of the well-formed UTF-8 sequence at s (RFC 3629 §4: no overlong forms, no surrogates, ≤ U+10FFFF),
// or 0.
static size_t utf8_length(const unsigned char *s, size_t len)
{
    unsigned char c = s[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xC2 && c <= 0xDF ? 2 : c >= 0xE0 && c <= 0xEF ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    bool overlong = (c == 0xE0 && s[1] < 0xA0) || (c == 0xF0 && s[1] < 0x90);
    bool beyond = (c == 0xED && s[1] > 0x9F) || (c == 0xF4 && s[1] > 0x8F);
    return overlong || beyond ? 0 : n;
}

// The two-character escape of c, or 0 when it has none.
static char short_escape(unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_escaped(struct buf *out, unsigned char c)
{
    char e = short_escape(c);
    if (e) {
        char pair[2] = {'\\', e};
        buf_append(out, pair, sizeof pair);
    } else {
        buf_append(out, "\\u00", 4);
        buf_put_hex(out, &c, 1);
    }
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

void jout_string_n(struct jout *j, const char *key, const char *text, size_t len)
{
    if (!text) {
        jout_null(j, key);
        return;
    }
    begin_value(j, key);
    buf_putc(j->out, '"');
    const unsigned char *s = (const unsigned char *)text;
    size_t plain = 0; // start of the run that needs no change
    size_t i = 0;
    while (i < len) {
        if (is_plain(s[i])) { // nearly all there is
            i++;
            continue;
        }
        size_t n = utf8_length(s + i, len - i);
        if (n > 1) {
            i += n;
            continue;
        }
        buf_append(j->out, s + plain, i - plain);
        if (n == 0)
            buf_puts(j->out, "\xEF\xBF\xBD"); // U+FFFD
        else
            put_escaped(j->out, s[i]);
        plain = ++i;
    }
    buf_append(j->out, s + plain, len - plain);
    buf_putc(j->out, '"');
}

void jout_string(struct jout *j, const char *key, const char *s)
{
    jout_string_n(j, key, s, s ? strlen(s) : 0);
}

void jout_int(struct jout *j, const char *key, int64_t v)
{
    begin_value(j, key);
    buf_put_int(j->out, v);
}

void jout_bool(struct jout *j, const char *key, bool v)
{
    begin_value(j, key);
    buf_puts(j->out, v ? "true" : "false");
}

void jout_null(struct jout *j, const char *key)
{
    begin_value(j, key);
    buf_puts(j->out, "null");
}

// snprintf() took a tenth of the time of a webhook's body.
static void put_digits(char *out, unsigned width, unsigned value)
{
    for (unsigned i = width; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
}

void jout_time(struct jout *j, const char *key, int64_t ms)
{
    int64_t milli = ms % 1000;
    time_t seconds = (time_t)(ms / 1000);
    if (milli < 0) {
        milli += 1000;
        seconds--;
    }
    struct tm tm;
    // RFC 3339 has four digits for the year.
    if (!gmtime_r(&seconds, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099) {
        jout_null(j, key);
        return;
    }
    begin_value(j, key);
    char text[] = "\"yyyy-mm-ddThh:mm:ss.mmmZ\"";
    put_digits(text + 1, 4, (unsigned)(tm.tm_year + 1900));
    put_digits(text + 6, 2, (unsigned)(tm.tm_mon + 1));
    put_digits(text + 9, 2, (unsigned)tm.tm_mday);
    put_digits(text + 12, 2, (unsigned)tm.tm_hour);
    put_digits(text + 15, 2, (unsigned)tm.tm_min);
    put_digits(text + 18, 2, (unsigned)tm.tm_sec);
    put_digits(text + 21, 3, (unsigned)milli);
    buf_append(j->out, text, sizeof text - 1);
}

void jout_raw(struct jout *j, const char *key, const char *text, size_t len)
{
    begin_value(j, key);
    buf_append(j->out, text, len);
}
