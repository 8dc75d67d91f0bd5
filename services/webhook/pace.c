// SPDX-License-Identifier: EUPL-1.2
#include "webhook/pace.h"

void pace_init(struct pace *p, unsigned most, int64_t speed)
{
    *p = (struct pace){.most = most, .now = most, .speed = speed};
}

bool pace_allows(const struct pace *p, int64_t now_ms, unsigned in_flight)
{
    return now_ms >= p->paused_until_ms && in_flight < p->now;
}

void pace_restart(struct pace *p)
{
    p->now = 1;
}

static void halve(struct pace *p)
{
    p->now = p->now > 1 ? p->now / 2 : 1;
}

void pace_success(struct pace *p, int64_t took_ms)
{
    if (took_ms > PACE_SLOW_MS)
        halve(p);
    else if (p->now < p->most)
        p->now++;
}

void pace_throttle(struct pace *p, int64_t retry_after_ms, int64_t now_ms)
{
    int64_t pause = retry_after_ms > 0 ? retry_after_ms : PACE_PAUSE_MS / p->speed;
    if (pause > PACE_PAUSE_MAX_MS)
        pause = PACE_PAUSE_MAX_MS;
    halve(p);
    if (now_ms + pause > p->paused_until_ms)
        p->paused_until_ms = now_ms + pause;
}
