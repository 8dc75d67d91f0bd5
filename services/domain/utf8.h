// SPDX-License-Identifier: EUPL-1.2
// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once
#include "domain/attr.h"
#include <stddef.h>
#include <stdint.h>

#define UTF8_MAX 4 // bytes of one code point

// Decodes the code point that starts at s. Returns its length in bytes (1–4), or 0 when the bytes are not
// UTF-8 or end in the middle of it. len may be 0.
MUST_CHECK size_t utf8_decode(const char *s, size_t len, uint32_t *ret_cp);

// Writes cp into buf; returns its length in bytes, or 0 when cp is no Unicode scalar value.
MUST_CHECK size_t utf8_encode(uint32_t cp, char buf[UTF8_MAX]);

// How many of the first bytes are whole valid code points: len when all of s is valid.
MUST_CHECK size_t utf8_valid_prefix(const char *s, size_t len);
