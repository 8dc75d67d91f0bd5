// SPDX-License-Identifier: EUPL-1.2
// A row of the journey log in memory, shared by all endpoints that still have to hear of it.
#pragma once
#include "base/attr.h"
#include "domain/fact.h"
#include <stdint.h>

struct event {
    unsigned refs;
    int16_t lane, cause_lane;
    int32_t cause_part;
    int64_t pos, cause_pos;
    int64_t dossier, seq;
    unsigned kind, flags; // domain/event.h, domain/journey.h
    int64_t occurred_ms, recorded_ms;
    int state;        // domain/state.h, -1 = none
    char leg;         // 'N' 'B' 'K' 'H', 0 = none
    int64_t retracts; // seq of the row that is taken back, 0 = none
    char unit[FACT_CODE_MAX + 1], code[FACT_CODE_MAX + 1], item[FACT_CODE_MAX + 1]; // item "" = none
    size_t details_len;
    char details[]; // a JSON object
};

// One reference; details are copied, the other members are the caller's to fill. NULL: no memory.
struct event *event_new(const char *details, size_t details_len);
struct event *event_ref(struct event *e);
// NULL is legal.
void event_unref(struct event *e);
