// SPDX-License-Identifier: EUPL-1.2
#include "domain/ascii.h"

#include <string.h>

static bool fits(char c, char pattern)
{
    switch (pattern) {
    case '9':
        return ascii_is_digit(c);
    case 'A':
        return ascii_is_upper(c);
    case 'X':
        return ascii_is_code(c);
    default:
        return c == pattern;
    }
}

bool ascii_starts(const char *s, size_t len, const char *pattern)
{
    for (size_t i = 0; pattern[i] != '\0'; i++) {
        if (i >= len || !fits(s[i], pattern[i]))
            return false;
    }
    return true;
}

bool ascii_matches(const char *s, size_t len, const char *pattern)
{
    return len == strlen(pattern) && ascii_starts(s, len, pattern);
}

size_t ascii_digit_span(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && ascii_is_digit(s[n]))
        n++;
    return n;
}
