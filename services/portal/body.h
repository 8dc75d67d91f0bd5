// SPDX-License-Identifier: EUPL-1.2
// Reads the members of JSON bodies strictly (base/json_in.h parses them): none that the table does not name,
// every type as it says. All faults of a body are told at once.
#pragma once
#include "base/attr.h"
#include "portal/problem.h"
#include <jansson.h>
#include <stdint.h>

#define BODY_MAX 65536 // bytes

// A string of the body; lives as long as the body. ptr NULL = absent. NUL-terminated and free of NUL.
struct body_text {
    const char *ptr;
    size_t len;
};

enum body_type {
    BODY_TEXT,   // struct body_text: 1 … max bytes, no control characters
    BODY_INT,    // int64_t, 0 … max; BODY_ABSENT when absent
    BODY_BOOL,   // int8_t: 0, 1; BODY_ABSENT when absent
    BODY_OBJECT, // json_t *: an object; NULL when absent; JSON null where BODY_NULLABLE
};
#define BODY_ABSENT (-1)

#define BODY_REQUIRED 1
#define BODY_NULLABLE 2 // BODY_OBJECT only

struct body_member {
    const char *name;
    size_t offset; // of its value in the caller's struct
    enum body_type type;
    int64_t max;    // bytes or value
    unsigned flags; // BODY_REQUIRED, BODY_NULLABLE
};

// Takes the members of an object into the struct at `out`, absent ones as said above. path: pointer of the
// object, "" for the top. Faults: "member-unknown", "member-missing", "member-type", "member-range".
void body_read(json_t *object, const char *path, const struct body_member *members, size_t count, void *out,
               struct faults *faults);

// "2026-11-21T08:30:00+07:00" or "…Z", RFC 3339 with optional fraction → unix ms. False for anything else,
// leap seconds included.
MUST_CHECK bool body_parse_time(const char *s, size_t len, int64_t *ret_ms);
