// SPDX-License-Identifier: EUPL-1.2
// Finds codes inside longer text: URLs and key=value text of QR codes, notes, subject lines. By pattern,
// never by position.
#pragma once
#include "domain/dossier_code.h"

#define EXTRACT_TEXT_MAX DOSSIER_CODE_MAX // characters of a hit

// One code found, or one thing that is shaped like a code but has a fault (FAULT_CHECK_DIGIT, FAULT_DATE).
struct extract_hit {
    enum code_kind
        kind; // CODE_DOSSIER, CODE_ORDER (a dossier code with "__" behind), CODE_ITEM, CODE_TTHC, CODE_UNIT
    enum code_fault fault;
    size_t at; // offset in s
    size_t len;
    char text[EXTRACT_TEXT_MAX + 1]; // the code alone
};

// s: text_normalise() with TEXT_FREE. Looks from *pos on and moves *pos behind the hit; false at the end. A
// code is taken only if it stands alone: no letter or digit touches it, and a dossier code or unit is not the
// tail or head of a longer dotted or dashed one. TTHC codes are found only with their unit, and units only in
// the old form: "9.176823" may be a coordinate and "H34" anything.
MUST_CHECK bool extract_next(const char *s, size_t len, size_t *pos, struct extract_hit *ret);
