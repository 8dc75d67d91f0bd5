// SPDX-License-Identifier: EUPL-1.2
// JSON that strangers send, read strictly (RFC 8259): one object, UTF-8, no member twice, nothing behind it,
// no deeper than jansson's recursion should go.
#pragma once
#include "base/attr.h"
#include <jansson.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 16 // nested objects and arrays; deeper is an attack on a parser's stack

// The object, the caller's to json_decref(). NULL: data is none, and ret_why (cap bytes, 100 are enough)
// holds a sentence that names the place and quotes nothing: the text may be personal.
MUST_CHECK json_t *json_in_parse(const char *data, size_t len, char *ret_why, size_t cap);
