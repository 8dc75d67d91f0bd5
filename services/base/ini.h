// SPDX-License-Identifier: EUPL-1.2
// The ini dialect of duongthu.ini, read from memory one item at a time:
//   [section]
//   # a comment is a line of its own; so is one with ;
//   name = value        the value is everything up to the end of the line, without the blanks around it
// No quoting, no escapes, no continuation, no comment behind a value: what stands there is the value. A UTF-8
// byte order mark and CRLF are tolerated. (Debian's libinih cuts lines at 200 bytes, which a connection
// string of several hosts with certificates exceeds, and its handler is not told the line number.)
#pragma once
#include <stddef.h>

#define INI_LINE_MAX 4096 // bytes of one line

enum ini_kind { INI_END, INI_SECTION, INI_PAIR, INI_BAD };

struct ini {
    const char *at, *end;
    unsigned line; // of the item returned last, from 1
};

struct ini_item {
    const char *name; // section or key; points into the text, not NUL-terminated
    size_t name_len;
    const char *value; // INI_PAIR
    size_t value_len;
    const char *wrong; // INI_BAD: a sentence
};

void ini_init(struct ini *ini, const char *text, size_t len);
// Fills *ret_item unless INI_END. After INI_BAD the next line follows.
enum ini_kind ini_next(struct ini *ini, struct ini_item *ret_item);
