// SPDX-License-Identifier: EUPL-1.2
// What a text can be, and what can be wrong with it: the two vocabularies shared by all code parsers.
#pragma once

// Each parser takes text that text_normalise() has cleaned (phone_parse cleans by itself) and leaves its
// result untouched unless it returns FAULT_OK.
enum code_kind {
    CODE_NONE,
    CODE_DOSSIER,   // mã hồ sơ
    CODE_ITEM,      // số hiệu bưu gửi, S10
    CODE_UNIT,      // organisation identifier
    CODE_TTHC,      // administrative procedure
    CODE_PHONE,     // a mobile number
    CODE_ORDER,     // VNPost order number that carries a dossier code
    CODE_CONTAINER, // bag, dispatch, receptacle
};

// FAULT_SHAPE says "nothing like this kind at all"; every other fault says "this kind, but". So a caller
// that tries several kinds reports the first fault that is not FAULT_SHAPE.
enum code_fault {
    FAULT_OK,
    FAULT_NOT_UTF8,
    FAULT_TOO_LONG,
    FAULT_EMPTY,
    FAULT_SHAPE,
    FAULT_AMBIGUOUS,     // several readings that give different codes
    FAULT_CHECK_DIGIT,   // item, SSCC
    FAULT_DIGIT_COUNT,   // item: not nine digits between its letters
    FAULT_UNIT,          // unit, or unit part of a dossier or TTHC code, in neither legal form
    FAULT_DATE,          // dossier: no such day
    FAULT_SERIAL,        // dossier: serial is not 4–6 digits
    FAULT_LANDLINE,      // phone: a fixed line, SMS can't reach it
    FAULT_PHONE_LENGTH,  // phone: too few or too many digits
    FAULT_PHONE_START,   // phone: the leading 0 or +84 is missing, or another country's
    FAULT_PHONE_PREFIX,  // phone: no mobile network has this prefix
    FAULT_NOT_CONTAINER, // container: the text is an item or dossier code
};

// Stable words for APIs, logs and quarantine reasons: "dossier", "none"; "check-digit", "date". Never NULL.
const char *code_kind_name(enum code_kind kind);
const char *code_fault_name(enum code_fault fault);
