// SPDX-License-Identifier: EUPL-1.2
// Codes of what items travel in: UPU S8 despatch, UPU S9 receptacle, GS1 SSCC, and the operator's own bag
// labels.
#pragma once
#include "domain/attr.h"
#include "domain/code_kind.h"
#include <stddef.h>

#define CONTAINER_CODE_MIN 8  // characters, domestic bag
#define CONTAINER_CODE_MAX 40 // characters, domestic bag

enum container_kind {
    CONTAINER_DESPATCH,   // S8, 20 characters: two IMPC offices, category, sub-class, year, serial
    CONTAINER_RECEPTACLE, // S9, 29 characters: S8, receptacle serial, two indicators, weight
    CONTAINER_SSCC,       // 18 digits, the last a check digit
    CONTAINER_BAG,        // anything of [0-9A-Z.-]: opaque, the operator's format is not public
};

struct container_code {
    char text[CONTAINER_CODE_MAX + 1]; // an SSCC without its application identifier
    size_t len;
    enum container_kind kind;
};

// s: normalised. "(00)" + 18 digits must be an SSCC (FAULT_CHECK_DIGIT); 18 digits, or "00" + 18, whose check
// digit fails are a bag, because bag labels made of post codes and dates look like that. FAULT_NOT_CONTAINER:
// a valid item code or dossier code in the wrong field. FAULT_SHAPE, FAULT_TOO_LONG.
MUST_CHECK enum code_fault container_code_parse(const char *s, size_t len, struct container_code *ret);

// The check digit of 17 digits: weights 3 1 3 … from the right, to the next ten (GS1 General Specifications).
MUST_CHECK char container_sscc_check_digit(const char digits[17]);
