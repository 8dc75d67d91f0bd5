// SPDX-License-Identifier: EUPL-1.2
#include "webhook/schedule.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t waits_ms[SCHEDULE_ATTEMPTS - 1] = {
    5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR};

static int64_t scaled(int64_t ms, int64_t speed)
{
    return ms / speed > 0 ? ms / speed : 1;
}

int64_t schedule_end(int64_t since_ms, int64_t speed)
{
    return since_ms + scaled(SCHEDULE_TOTAL_MS, speed);
}

bool schedule_next(int64_t since_ms, int64_t now_ms, int64_t retry_after_ms, int64_t speed, uint64_t random,
                   int64_t *ret_at)
{
    int64_t elapsed = now_ms - since_ms, slot = 0, wait = 0;
    for (unsigned i = 0; i < SCHEDULE_ATTEMPTS - 1; i++) {
        wait = waits_ms[i];
        slot += wait;
        if (scaled(slot, speed) > elapsed)
            break;
    }
    if (scaled(slot, speed) <= elapsed)
        return false;
    int64_t jitter = scaled(wait, speed) * SCHEDULE_JITTER_PERCENT / 100;
    int64_t at = since_ms + scaled(slot, speed) + (int64_t)(random % (uint64_t)(jitter + 1));
    int64_t asked = now_ms + retry_after_ms;
    int64_t end = schedule_end(since_ms, speed);
    if (retry_after_ms > 0 && asked > at)
        at = asked < end ? asked : end > at ? end : at;
    *ret_at = at;
    return true;
}
