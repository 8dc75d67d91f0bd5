// SPDX-License-Identifier: EUPL-1.2
// Postal item codes: UPU S10, two letters of service, eight digits, check digit, two letters of country.
// VNPost uses the same form inside Vietnam (E express, C parcel, P heavy, R registered).
#pragma once
#include "domain/attr.h"
#include "domain/code_kind.h"
#include <stdbool.h>
#include <stddef.h>

#define ITEM_CODE_LEN 13 // characters

struct item_code {
    char text[ITEM_CODE_LEN + 1];
    bool check_ok;
};

// s: normalised. FAULT_DIGIT_COUNT when letters enclose another number of digits than nine. A wrong check
// digit is not a fault here: item_code_judge() knows what it means for the source.
MUST_CHECK enum code_fault item_code_parse(const char *s, size_t len, struct item_code *ret);

// The check digit ('0'–'9') of eight digits: weights 8 6 4 2 3 5 9 7, 11 − (sum mod 11), 10 → 0, 11 → 5 (UPU
// S10).
MUST_CHECK char item_code_check_digit(const char digits[8]);

enum item_source { ITEM_SCANNED, ITEM_KEYED, ITEM_FROM_PARTNER };
enum item_verdict {
    ITEM_ACCEPT,
    ITEM_ACCEPT_FLAGGED, // partner's feed: older and partners' ranges may not follow S10
    ITEM_ASK_AGAIN,      // keyed: the person is still there
    ITEM_MISREAD,        // scanned: quarantine, the event itself happened
};

MUST_CHECK enum item_verdict item_code_judge(const struct item_code *item, enum item_source source);
