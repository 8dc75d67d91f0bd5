// SPDX-License-Identifier: EUPL-1.2
#include "base/backoff.h"

#include "base/check.h"
#include "base/clock.h"

#include <limits.h>

void backoff_init(struct backoff *b, int64_t base_ms, int64_t cap_ms)
{
    CHECK(base_ms > 0 && cap_ms >= base_ms);
    *b = (struct backoff){.base_ms = base_ms, .cap_ms = cap_ms};
}

void backoff_reset(struct backoff *b)
{
    b->failures = 0;
}

int64_t backoff_next_ms(struct backoff *b)
{
    if (b->failures < UINT_MAX)
        b->failures++;
    int64_t d = b->base_ms;
    for (unsigned i = 1; i < b->failures && d < b->cap_ms; i++)
        d = d > b->cap_ms / 2 ? b->cap_ms : d * 2;
    int64_t half = d / 2;
    return half + (int64_t)random_below((uint64_t)(d - half) + 1);
}
