// SPDX-License-Identifier: EUPL-1.2
#include "domain/money.h"

#include "domain/ascii.h"

#include <string.h>

bool money_from_double(double value, int64_t *ret)
{
    // Written so that NaN fails; MONEY_MAX is far below 2^53, so the cast is exact.
    if (!(value >= 0 && value <= (double)MONEY_MAX))
        return false;
    int64_t whole = (int64_t)value;
    if ((double)whole < value)
        return false;
    *ret = whole;
    return true;
}

static bool is_zero_fraction(const char *s, size_t len)
{
    return (len == 2 && memcmp(s, ".0", 2) == 0) || (len == 3 && memcmp(s, ".00", 3) == 0);
}

// One group of three behind a dot, and no digit after it.
static bool is_thousands(const char *s, size_t len)
{
    return ascii_starts(s, len, ".999") && !(len > 4 && ascii_is_digit(s[4]));
}

bool money_from_text(const char *s, size_t len, int64_t *ret)
{
    size_t at = ascii_digit_span(s, len);
    if (at == 0 || len > MONEY_TEXT_MAX)
        return false;
    size_t first = at;
    if (first <= 3 && s[0] != '0') { // "0.500" is a fraction
        while (is_thousands(s + at, len - at))
            at += 4;
    }
    if (at < len && !(at == first && is_zero_fraction(s + at, len - at)))
        return false;
    int64_t value = 0;
    for (size_t i = 0; i < at; i++) {
        if (s[i] == '.')
            continue;
        value = value * 10 + (s[i] - '0'); // ≤ 17 digits
    }
    if (value > MONEY_MAX)
        return false;
    *ret = value;
    return true;
}

size_t money_format(int64_t amount, char buf[MONEY_TEXT_MAX + 1])
{
    char reversed[MONEY_TEXT_MAX];
    size_t n = 0;
    if (amount < 0 || amount > MONEY_MAX) {
        memcpy(buf, "?", 2);
        return 1;
    }
    for (int digits = 0; amount > 0 || digits == 0; digits++) {
        if (digits > 0 && digits % 3 == 0)
            reversed[n++] = '.';
        reversed[n++] = (char)('0' + amount % 10);
        amount /= 10;
    }
    for (size_t i = 0; i < n; i++)
        buf[i] = reversed[n - 1 - i];
    buf[n] = '\0';
    return n;
}
