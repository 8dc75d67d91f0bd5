// SPDX-License-Identifier: EUPL-1.2
// How many requests an endpoint gets at once: a slow start after an outage, half as many when it is slow or
// says that it has too much, none while it asked for a pause. Pure; times are monotonic milliseconds.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

#define PACE_SLOW_MS      5000             // an answer that takes longer halves the number
#define PACE_PAUSE_MS     1000             // after 429, 502 or 504 without Retry-After
#define PACE_PAUSE_MAX_MS (60 * 60 * 1000) // the longest pause a Retry-After gets for the whole endpoint

struct pace {
    unsigned most, now; // at once: configured, and at present (≥ 1)
    int64_t speed;
    int64_t paused_until_ms;
};

void pace_init(struct pace *p, unsigned most, int64_t speed);
bool pace_allows(const struct pace *p, int64_t now_ms, unsigned in_flight);
// After an outage: one at a time, then one more with each success.
void pace_restart(struct pace *p);
void pace_success(struct pace *p, int64_t took_ms);
// retry_after_ms ≤ 0: the answer named no time.
void pace_throttle(struct pace *p, int64_t retry_after_ms, int64_t now_ms);
