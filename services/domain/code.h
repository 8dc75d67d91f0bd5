// SPDX-License-Identifier: EUPL-1.2
// Says what code a text is, or why it is none: the one door for scans, search boxes and forms.
#pragma once
#include "domain/code_kind.h"
#include "domain/dossier_code.h"
#include <stddef.h>

#define CODE_TEXT_MAX   DOSSIER_CODE_MAX // characters, the longest of all kinds
#define CODE_REASON_MAX 191              // bytes

struct code {
    enum code_kind kind;
    enum code_fault fault;            // FAULT_OK exactly when kind is not CODE_NONE
    char text[CODE_TEXT_MAX + 1];     // as it is stored and compared; "" when none
    char reason[CODE_REASON_MAX + 1]; // one English sentence for a person; "" when recognised
};

#define CODE_BIT(kind) (1u << (kind))
// What code_recognise() can tell apart by form. Containers can't be: their labels are opaque
// (container_code.h).
#define CODE_ANY                                                                                             \
    (CODE_BIT(CODE_DOSSIER) | CODE_BIT(CODE_ITEM) | CODE_BIT(CODE_UNIT) | CODE_BIT(CODE_TTHC) |              \
     CODE_BIT(CODE_PHONE) | CODE_BIT(CODE_ORDER))

// Reads raw text (UTF-8, ≤ TEXT_SCAN_MAX bytes) as one of the kinds of the set `kinds` (CODE_BIT() of each,
// or CODE_ANY). First the whole text as one code; then, if it is none, the codes in it (extract.h), of which
// the first kind of dossier, order, item, TTHC, unit wins. Two different codes of that kind, or two readings
// that both make sense, are FAULT_AMBIGUOUS: never a guess. text is: the dossier code for dossier and order
// (an order number is looked up by the dossier in it), +84… for phone, the code in upper case otherwise. A
// wrong check digit is always none here.
void code_recognise(const char *s, size_t len, unsigned kinds, struct code *ret);
