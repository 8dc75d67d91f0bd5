// SPDX-License-Identifier: EUPL-1.2
// Exponential back-off, half of it jitter, for reconnects and restarts (not for webhook retries, which follow
// a published schedule).
#pragma once
#include "base/attr.h"
#include <stdint.h>

struct backoff {
    int64_t base_ms, cap_ms;
    unsigned failures; // in a row
};

void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms);
void backoff_reset(struct backoff *b);
// Counts one failure; returns the wait before the next try: uniform in [d/2, d] with d = min(cap, base ·
// 2^(failures-1)).
int64_t backoff_next_ms(struct backoff *b);
