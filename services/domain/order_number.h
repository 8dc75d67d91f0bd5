// SPDX-License-Identifier: EUPL-1.2
// VNPost order numbers: free text that is often a dossier code. One-stop software appends "__" and a random
// number to the code for collection orders ("H56.14-240823-0001__0.48213").
#pragma once
#include "domain/dossier_code.h"

// Length of the part before the first "__"; len when there is none.
MUST_CHECK size_t order_number_head(const char *s, size_t len);

// s: normalised. The dossier code in the order number; faults are those of the head (dossier_code_parse()).
MUST_CHECK enum code_fault order_number_parse(const char *s, size_t len, struct dossier_code *ret);
