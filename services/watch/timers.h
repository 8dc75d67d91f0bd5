// SPDX-License-Identifier: EUPL-1.2
// Timers over items (reference/domain.md 7.5). One that runs out becomes a fact, once: the table dt.timer
// remembers item, timer and the fact since which nothing was heard. Private to watch/.
#pragma once
#include "domain/fact.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMER_BATCH 500 // timers fired by one statement

enum timer_kind { TIMER_SILENCE = 1, TIMER_PICKUP = 2 }; // stored

struct timer_due {
    int16_t lane, generation;
    char code[FACT_CODE_MAX + 1];
    int64_t since_us;    // the item's newest fact, microseconds since 1970: exact, it is part of a key
    int64_t occurred_ms; // when the timer ran out
    bool alarm;          // false: nothing to say, only not to be looked at again
};

struct timer_batch {
    enum timer_kind kind;
    size_t count;
    struct timer_due due[TIMER_BATCH];
};
