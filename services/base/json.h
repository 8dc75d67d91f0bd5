// SPDX-License-Identifier: EUPL-1.2
// jout_*: a small JSON printer (the prefix keeps clear of jansson, whose json_string() is linked into the
// same process) for bodies of fixed shape that go out (JSON that comes in is parsed by jansson). Commas are
// automatic. Keys are literals and are not escaped; strings are: control characters, quotes and backslashes;
// bytes that are not UTF-8 become U+FFFD, so the output is always valid JSON. Errors are those of the buffer:
// check buf_error() once at the end.
#pragma once
#include "base/buf.h"

struct jout {
    struct buf *out;
    unsigned depth;  // ≤ 31
    uint32_t filled; // bit d: the container at depth d already has a member
};

void jout_init(struct jout *j, struct buf *out);
// key is NULL inside an array and at the top.
void jout_open_object(struct jout *j, const char *key);
void jout_close_object(struct jout *j);
void jout_open_array(struct jout *j, const char *key);
void jout_close_array(struct jout *j);
// s NULL prints null.
void jout_string(struct jout *j, const char *key, const char *s);
void jout_string_n(struct jout *j, const char *key, const char *text, size_t len);
void jout_int(struct jout *j, const char *key, int64_t v);
void jout_bool(struct jout *j, const char *key, bool v);
void jout_null(struct jout *j, const char *key);
// RFC 3339 UTC with milliseconds ("2026-11-21T01:02:03.004Z"); ms: unix milliseconds.
void jout_time(struct jout *j, const char *key, int64_t ms);
// Already valid JSON, copied as it is.
void jout_raw(struct jout *j, const char *key, const char *text, size_t len);
