// SPDX-License-Identifier: EUPL-1.2
// Vietnamese mobile numbers out of the fields people fill in. Ranges as in libphonenumber; the 11-digit
// numbers of before 2018 are moved to the prefixes they got under Bộ TT&TT's plan of that year.
#pragma once
#include "domain/attr.h"
#include "domain/code_kind.h"
#include <stddef.h>

#define PHONE_FIELD_MAX 256 // bytes of a field that is read
#define PHONE_E164_LEN  12  // "+84" and nine digits

struct phone {
    char e164[PHONE_E164_LEN + 1];
};

// s: the field as it came, UTF-8, not normalised. Takes the first valid mobile number of several
// ("0905123456/0914…", also separated by ; , | or words). A number may be written with spaces, dots, dashes
// and brackets, and begin with 0, 84, +84, 0084 or "+84 (0)". Faults describe the first number found:
// FAULT_LANDLINE, FAULT_PHONE_LENGTH, FAULT_PHONE_START, FAULT_PHONE_PREFIX; FAULT_SHAPE when the field holds
// nothing like a number; FAULT_EMPTY, FAULT_NOT_UTF8, FAULT_TOO_LONG.
MUST_CHECK enum code_fault phone_parse(const char *s, size_t len, struct phone *ret);

enum phone_form {
    PHONE_E164,     // +84905123456
    PHONE_84,       // 84905123456: Viettel, VinaPhone
    PHONE_NATIONAL, // 0905123456: eSMS
};

// Writes the number in the form a gateway wants.
void phone_format(const struct phone *phone, enum phone_form form, char buf[PHONE_E164_LEN + 1]);
