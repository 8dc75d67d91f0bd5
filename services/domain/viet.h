// SPDX-License-Identifier: EUPL-1.2
// The 134 letters that Vietnamese adds to ASCII (67 in two cases), taken apart: base letter, shape, tone.
// One table serves the unaccenting of SMS texts and names, and the undoing of Telex damage in scans.
#pragma once
#include "domain/attr.h"
#include <stdbool.h>
#include <stdint.h>

enum viet_shape {
    VIET_PLAIN,
    VIET_CIRCUMFLEX, // â ê ô
    VIET_BREVE,      // ă
    VIET_HORN,       // ơ ư
    VIET_STROKE,     // đ: the only one without a decomposition in Unicode
};

enum viet_tone {
    VIET_LEVEL,
    VIET_GRAVE, // huyền
    VIET_ACUTE, // sắc
    VIET_HOOK,  // hỏi
    VIET_TILDE, // ngã
    VIET_DOT,   // nặng
};

struct viet_letter {
    char base; // ASCII letter, in the case of the original
    enum viet_shape shape;
    enum viet_tone tone;
};

// Takes a precomposed letter (NFC) apart. False, and ret untouched, when cp is not one of the 134.
MUST_CHECK bool viet_decompose(uint32_t cp, struct viet_letter *ret);

// Reads a combining mark (NFD): exactly one of shape and tone is set. U+0340 and U+0341, which Unicode made
// equal to U+0300 and U+0301 for Vietnamese, count as those. False when cp is no mark of Vietnamese.
MUST_CHECK bool viet_mark(uint32_t cp, enum viet_shape *ret_shape, enum viet_tone *ret_tone);
