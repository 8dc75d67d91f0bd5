// SPDX-License-Identifier: EUPL-1.2
// Cleans what scanners, keyboards and QR codes really emit, into plain upper-case ASCII that the code
// parsers understand. What can't be cleaned without guessing is left as it is, so that the parser refuses it.
#pragma once
#include "domain/attr.h"
#include "domain/code_kind.h"
#include <stddef.h>

// The longest text that is read: bytes. A QR code of the largest version holds 2,953.
#define TEXT_SCAN_MAX 4096

enum text_reading {
    // One code and nothing else: all white space, an AIM symbology prefix ("]C0"), the '+' of wedge scanners
    // and the '*' of Code 39 are dropped, Telex damage is undone with Ư read as the single key W.
    TEXT_CODE,
    // The same with Ư read as the keys U W. Telex makes the same letter of both, so the caller tries both
    // readings and refuses if both are codes.
    TEXT_CODE_UW,
    // Words around codes: white space and control characters become single spaces, Vietnamese letters
    // stay, and if the text holds "://" percent-escapes are decoded (to a space when not printable ASCII).
    TEXT_FREE,
};

// In every reading: upper case for ASCII, full-width forms to ASCII, U+2010–2015, U+2212, U+FE58 and U+FE63
// to
// '-', NBSP and the other Unicode spaces as spaces, zero-width and direction marks dropped, ends trimmed of
// spaces and control characters (CR, LF, TAB and STX/ETX of scanners).
//
// Telex damage is a scanner's keystrokes gone through a Vietnamese input method: "DD" became Đ, "EE" Ê, "AS"
// Á. A letter with one mark has one spelling (Ư has two, see above) and is undone; a letter with a shape and
// a tone (Ấ: AAS or ASA) has several and stays.
//
// buf must hold len + 1 bytes: the result is never longer than the input, and NUL-terminated. ret_len: bytes
// without the NUL. s and buf may not overlap. Errors: FAULT_NOT_UTF8, FAULT_TOO_LONG (len > TEXT_SCAN_MAX or
// buf too small). An empty result is FAULT_OK.
MUST_CHECK enum code_fault text_normalise(const char *s, size_t len, enum text_reading reading, char *buf,
                                          size_t cap, size_t *ret_len);
