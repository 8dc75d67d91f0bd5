// SPDX-License-Identifier: EUPL-1.2
// One configuration value: from text to number, and what is allowed in words. Private to base/conf*.c.
#pragma once
#include "base/buf.h"
#include "base/conf.h"

// *ret_number: INT, MS, BYTES, TIME (minutes), BOOL (0, 1); 0 for the textual types. ERR_OK or ERR_INVALID.
MUST_CHECK int conf_value_parse(const struct conf_key *k, const char *s, size_t len, int64_t *ret_number);
// "a whole number from 1 to 2000", "one of: file, http-json".
void conf_value_allowed(const struct conf_key *k, struct buf *out);
// How many single-letter edits lie between a and b; lengths beyond 63 count as far away.
unsigned conf_distance(const char *a, size_t a_len, const char *b, size_t b_len);
