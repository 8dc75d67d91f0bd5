// SPDX-License-Identifier: EUPL-1.2
// Codes of administrative procedures (thủ tục hành chính): "2.002492", or with the unit in its old form
// "1.001612.000.00.00.H48".
#pragma once
#include "domain/unit.h"

#define TTHC_CODE_MAX (8 + 1 + 13) // characters

struct tthc_code {
    char text[TTHC_CODE_MAX + 1];
    size_t len;
    char procedure[9];   // "1.001612"
    struct unit_id unit; // len 0: none
};

// s: normalised. FAULT_UNIT when what follows the number is not a unit in the old form; FAULT_SHAPE.
MUST_CHECK enum code_fault tthc_code_parse(const char *s, size_t len, struct tthc_code *ret);
