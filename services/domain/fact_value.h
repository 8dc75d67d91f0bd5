// SPDX-License-Identifier: EUPL-1.2
// The one table of body keys and the checkers of their values. Private to fact.c and fact_print.c: because
// both read this table, parser and printer know the same order and the same rules, and each value is checked
// by the same function on its way in and out.
#pragma once
#include "domain/fact.h"

enum fact_shape {
    SHAPE_VERSION, // "1"
    SHAPE_U32,     // decimal, uint32_t
    SHAPE_INT,     // decimal, int64_t, FACT_ABSENT when missing
    SHAPE_UUID,    // lower-case with dashes, uint8_t[FACT_UUID]
    SHAPE_DIGEST,  // lower-case hex, uint8_t[FACT_DIGEST]
    SHAPE_DIGESTS, // the same, repeated
    SHAPE_OFFICE,  // six digits, uint32_t
    SHAPE_LEG,     // one letter
    SHAPE_REF,     // stream:seq
    SHAPE_TEXT,    // from here on struct fact_text: any words
    SHAPE_TEXTS,   // a code, repeated
    SHAPE_TYPE,    // dotted name
    SHAPE_WORD,    // dictionary code
    SHAPE_DAY,     // YYYY-MM-DD
};

struct fact_key {
    const char *name;
    enum fact_shape shape;
    size_t offset;  // of the value in struct fact
    size_t present; // of its has_ flag or its counter in struct fact; 0 when the value itself says so
    uint64_t max;   // bytes of a text, largest number, or number of repeats
};

#define FACT_KEYS 27
extern const struct fact_key fact_keys[FACT_KEYS]; // in the order of the body

// FACT_OK when the bytes may stand as the text value of this key (SHAPE_TEXT and below).
MUST_CHECK enum fact_error fact_value_check(const struct fact_key *key, const char *s, size_t len);
// May the bytes stand as a stream id?
MUST_CHECK enum fact_error fact_value_check_stream(const char *s, size_t len);
// Decimal without sign or leading zero, at most max.
MUST_CHECK enum fact_error fact_value_parse_number(const char *s, size_t len, uint64_t max, uint64_t *ret);
// 2n lower-case hex digits.
MUST_CHECK enum fact_error fact_value_parse_hex(const char *s, size_t len, uint8_t *ret, size_t n);
MUST_CHECK enum fact_error fact_value_parse_uuid(const char *s, size_t len, uint8_t ret[FACT_UUID]);
MUST_CHECK enum fact_error fact_value_parse_office(const char *s, size_t len, uint32_t *ret);
MUST_CHECK enum fact_error fact_value_parse_ref(const char *s, size_t len, struct fact_ref *ret);
