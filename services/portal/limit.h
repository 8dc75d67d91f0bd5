// SPDX-License-Identifier: EUPL-1.2
// Counts what a caller does in a window and says when it is too much. Memory is fixed: a table of slots,
// eight to a bucket; when a bucket is full the caller that was away longest is forgotten. Pure: time and key
// come from the caller of these functions.
//
// A window opens with the first event after the last one ended, so a limit of 10 a minute never means more
// than 10 in the 60 s that follow an event, and never more than 20 in any 60 s.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

#define LIMIT_RULES      2
#define LIMIT_SLOT_BYTES 40

struct limit_rule {
    uint32_t count;    // events in a window; 0 = no such rule
    int64_t window_ms; //
};

struct limit_answer {
    bool allowed;
    uint32_t left;    // events that would still be allowed, of the rule that is nearest its end
    int64_t reset_ms; // until that rule's window ends
};

struct limiter;

// slots: rounded up to a power of two, LIMIT_SLOT_BYTES each. ERR_NO_MEMORY.
MUST_CHECK int limiter_create(size_t slots, struct limiter **ret_limiter);
void limiter_destroy(struct limiter *l);

// key: a hash under a secret of the process (an attacker must not choose buckets); rules: LIMIT_RULES of
// them; now_ms: monotonic. take: counts the event when it is allowed; an event that is not allowed is never
// counted. Without take only the answer: would it be allowed?
struct limit_answer limiter_ask(struct limiter *l, uint64_t key, const struct limit_rule *rules,
                                int64_t now_ms, bool take);
