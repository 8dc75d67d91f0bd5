// SPDX-License-Identifier: EUPL-1.2
// A small JSON printer for bodies of fixed shape that go out (JSON that comes in is parsed by jansson).
// Commas are automatic. Keys are literals and are not escaped; strings are: control characters, quotes and
// backslashes; bytes that are not UTF-8 become U+FFFD, so the output is always valid JSON. Errors are those
// of the buffer: check buf_error() once at the end.
#pragma once
#include "base/buf.h"

struct json {
    struct buf *out;
    unsigned depth;  // ≤ 31
    uint32_t filled; // bit d: the container at depth d already has a member
};

void json_init(struct json *j, struct buf *out);
// key is NULL inside an array and at the top.
void json_open_object(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *key);
void json_close_array(struct json *j);
// s NULL prints null.
void json_string(struct json *j, const char *key, const char *s);
void json_string_n(struct json *j, const char *key, const char *s, size_t len);
void json_int(struct json *j, const char *key, int64_t v);
void json_bool(struct json *j, const char *key, bool v);
void json_null(struct json *j, const char *key);
// RFC 3339 UTC with milliseconds ("2026-11-21T01:02:03.004Z"); ms: unix milliseconds.
void json_time(struct json *j, const char *key, int64_t ms);
// Already valid JSON, copied as it is.
void json_raw(struct json *j, const char *key, const char *text, size_t len);
