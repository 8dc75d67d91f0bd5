// SPDX-License-Identifier: EUPL-1.2
// What keeps this process from doing its job, as named conditions. /readyz answers 503 with every unmet one;
// ready means none is.
#pragma once
#include "base/json.h"

#define READY_CONDITIONS_MAX 16

// name: a literal ("db", "segments"). why: what is wrong in words, copied (≤ 200 bytes, no personal data);
// NULL = met. Setting the same name again replaces it.
void ready_set(const char *name, const char *why);
bool ready_all(void);
// {"ready":false,"reasons":[{"condition":"db","reason":"…"}]}
void ready_print(struct buf *out);
