// SPDX-License-Identifier: EUPL-1.2
// What an endpoint's answer means (Standard Webhooks 1.0, "Delivery"; Svix' webhook-delivery header). Pure.
#pragma once
#include "base/attr.h"
#include "io/fetch.h"
#include <stdbool.h>
#include <stdint.h>

enum answer_verdict {
    ANSWER_DELIVERED, // 2xx
    ANSWER_FAILED,    // everything else, 3xx and no answer included: tried again by the schedule
    ANSWER_GONE,      // 410: the endpoint is disabled
    ANSWER_ABORTED,   // a failure with "webhook-delivery: abort-message": this event is not tried again
    ANSWER_NONE,      // we cancelled the request ourselves: nothing is known, nothing is counted
};

struct answer {
    enum answer_verdict verdict;
    bool throttle;          // 429, 502, 504, or 503 with Retry-After: send less
    bool blames;            // counts against the endpoint's health; 429 is the answer of a living one
    int64_t retry_after_ms; // 0 = none
    const char *why;        // a short word for the ledger: "http-500", "unknown"; valid until the next call
};

struct answer answer_judge(const struct fetch *f, int64_t wall_now_ms);
