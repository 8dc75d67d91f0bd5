// SPDX-License-Identifier: EUPL-1.2
// Character classes of codes, independent of the locale, and the little patterns they are made of.
#pragma once
#include <stdbool.h>
#include <stddef.h>

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static inline bool ascii_is_code(char c)
{
    return ascii_is_digit(c) || ascii_is_upper(c);
}

// s has the form of pattern, to the last character: '9' is a digit, 'A' a letter, 'X' either, anything else
// itself. All upper case.
bool ascii_matches(const char *s, size_t len, const char *pattern);

// s begins with the form of pattern.
bool ascii_starts(const char *s, size_t len, const char *pattern);

// How many of the first characters are digits.
size_t ascii_digit_span(const char *s, size_t len);
