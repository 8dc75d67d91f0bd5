// SPDX-License-Identifier: EUPL-1.2
// A life written as facts at minutes of a day, for the tests of the fold.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/journey.h"

#define MINUTE INT64_C(60000)

struct life {
    struct trail_fact facts[TRAIL_MAX];
    struct journey_entry entries[TRAIL_MAX];
    struct journey_item item;
    struct journey_row row; // of the newest fact
    size_t n;
};

static struct life life; // 60 KB: not on the stack

static inline struct trail_fact fact(int minute, unsigned kind)
{
    static uint32_t seq;
    struct trail_fact f;
    trail_fact_init(&f);
    f.at = minute * MINUTE;
    f.kind = (uint8_t)kind;
    f.source = SOURCE_DEVICE;
    f.stream = 1;
    f.seq = ++seq;
    f.pos = seq;
    return f;
}

static inline void begin(unsigned leg)
{
    memset(&life, 0, sizeof life);
    journey_fold(life.facts, 0, life.entries, &life.item);
    if (leg) {
        struct trail_fact f = fact(0, EVENT_ORDER_CREATED);
        f.leg = (uint8_t)leg;
        assert_int_equal(journey_add(life.facts, &life.n, life.entries, &life.item, &f, &life.row), TRAIL_OK);
    }
}

static inline const struct journey_row *tell(const struct trail_fact *f)
{
    assert_int_equal(journey_add(life.facts, &life.n, life.entries, &life.item, f, &life.row), TRAIL_OK);
    return &life.row;
}

static inline const struct journey_row *say(int minute, unsigned kind)
{
    struct trail_fact f = fact(minute, kind);
    return tell(&f);
}

static inline const struct journey_row *solve(int minute, unsigned kind, enum solution solution)
{
    struct trail_fact f = fact(minute, kind);
    f.solution = (uint8_t)solution;
    return tell(&f);
}

static inline const struct journey_row *retract(int minute, const struct trail_fact *what)
{
    struct trail_fact f = fact(minute, EVENT_CORRECTION);
    f.source = SOURCE_OPERATOR;
    f.stream = what->stream;
    f.seq = what->seq;
    return tell(&f);
}
