// SPDX-License-Identifier: EUPL-1.2
// Is an endpoint alive? A circuit breaker with Convoy's numbers (quality A1). Pure; times are monotonic
// milliseconds.
//
//   CLOSED ──70 % of ≥ 10 in 5 min, or 10 in a row, failed──▶ OPEN ──30 s──▶ HALF_OPEN ──5 successes──▶
//   CLOSED
//                                                             ▲                 │
//                                                             └──one failure────┘  the wait doubles up to 5
//                                                             min
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

#define BREAKER_SAMPLE_MS        30000
#define BREAKER_SAMPLES          10 // a window of 5 minutes
#define BREAKER_TRIP_PERCENT     70
#define BREAKER_TRIP_REQUESTS    10
#define BREAKER_TRIP_CONSECUTIVE 10
#define BREAKER_WAIT_MS          30000
#define BREAKER_WAIT_MAX_MS      300000
#define BREAKER_CLOSE_SUCCESSES  5

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    enum breaker_state state;
    int64_t speed; // waits and window are divided by it
    struct {
        unsigned ok, failed;
    } samples[BREAKER_SAMPLES];
    unsigned sample;           // the one being filled
    int64_t sample_ends_ms;    // 0: none yet
    unsigned failed_in_a_row;  // CLOSED
    unsigned successes;        // HALF_OPEN
    int64_t wait_ms, probe_ms; // OPEN: the current wait and when it ends
};

void breaker_init(struct breaker *b, int64_t speed);
// Starts OPEN, for an endpoint that was down when we started; a probe may go at once.
void breaker_init_open(struct breaker *b, int64_t speed, int64_t now_ms);
// May a request start now, with so many in flight? Turns OPEN into HALF_OPEN when its wait is over; then one
// at a time.
bool breaker_allows(struct breaker *b, int64_t now_ms, unsigned in_flight);
// The end of a request. True when the state is another one now.
bool breaker_note(struct breaker *b, bool ok, int64_t now_ms);
