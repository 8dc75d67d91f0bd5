// SPDX-License-Identifier: EUPL-1.2
// What a text costs as SMS: 3GPP TS 23.038 (alphabets), 23.040 (segments). Vietnamese has no national shift
// table, so accented text is UCS-2: 70 units a message instead of 160.
#pragma once
#include "domain/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GSM7_SINGLE 160 // septets of a lone message
#define GSM7_PART   153 // septets of one of several, behind a header with an 8-bit reference
#define UCS2_SINGLE 70  // UTF-16 code units
#define UCS2_PART   67

enum gsm7_alphabet { ALPHABET_GSM7, ALPHABET_UCS2 };

struct gsm7_size {
    enum gsm7_alphabet alphabet;
    size_t units;    // septets (an extension character counts two) or UTF-16 code units
    size_t segments; // 0 for an empty text; no escape pair or surrogate pair is split
};

// The septet of a code point in the default alphabet (0–127), 0x1B00 | septet in the extension table, -1 in
// neither.
MUST_CHECK int gsm7_septet(uint32_t cp);

// Measures UTF-8 text as it stands. False, ret untouched, when it is not UTF-8. A combining mark is not in
// GSM-7: unaccent first, or bring the text to NFC, for a fair count.
MUST_CHECK bool gsm7_measure(const char *s, size_t len, struct gsm7_size *ret);

// Vietnamese without accents, from NFC and NFD alike; typographic quotes, dashes, dots and spaces become
// ASCII. Always do this for a gateway's "unaccented" type: à è é ì ò ù are in GSM-7, so half-accented text
// passes a naive check. Other characters stay. The result is never longer than the input; buf must hold len +
// 1 bytes and gets a NUL. False when it doesn't or s is not UTF-8.
MUST_CHECK bool gsm7_unaccent(const char *s, size_t len, char *buf, size_t cap, size_t *ret_len);
