// SPDX-License-Identifier: EUPL-1.2
// When a failed event is tried again: the published schedule of Standard Webhooks, counted from its first
// failure, so attempts made at other times (a probe, a drain after an outage) neither shorten nor lengthen
// the promise. Pure.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

// 0, 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h after each other: ten attempts in 75 h 35 m 5 s.
#define SCHEDULE_ATTEMPTS 10
#define SCHEDULE_TOTAL_MS ((int64_t)(75 * 3600 + 35 * 60 + 5) * 1000)
// Jitter only lengthens a wait, by at most this share of it.
#define SCHEDULE_JITTER_PERCENT 10

// speed: all waits are divided by it (1 in production). random: any 64 bits. retry_after_ms: what the
// receiver asked for, from now, ≤ 0 = nothing; it delays an attempt, never beyond the last one. False: the
// schedule has ended, the event is given up. Else *ret_at ≥ now + 1.
bool schedule_next(int64_t since_ms, int64_t now_ms, int64_t retry_after_ms, int64_t speed, uint64_t random,
                   int64_t *ret_at);
// Monotonic time of the last attempt; after it an event is given up.
int64_t schedule_end(int64_t since_ms, int64_t speed);
