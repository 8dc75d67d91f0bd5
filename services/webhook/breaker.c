// SPDX-License-Identifier: EUPL-1.2
#include "webhook/breaker.h"

#include <string.h>

static int64_t scaled(const struct breaker *b, int64_t ms)
{
    return ms / b->speed > 0 ? ms / b->speed : 1;
}

void breaker_init(struct breaker *b, int64_t speed)
{
    *b = (struct breaker){.state = BREAKER_CLOSED, .speed = speed};
}

static void forget(struct breaker *b)
{
    memset(b->samples, 0, sizeof b->samples);
    b->sample_ends_ms = 0;
    b->failed_in_a_row = b->successes = 0;
}

static void open_for(struct breaker *b, int64_t wait_ms, int64_t now_ms)
{
    int64_t most = scaled(b, BREAKER_WAIT_MAX_MS);
    b->state = BREAKER_OPEN;
    b->wait_ms = wait_ms < most ? wait_ms : most;
    b->probe_ms = now_ms + b->wait_ms;
    b->successes = 0;
}

void breaker_init_open(struct breaker *b, int64_t speed, int64_t now_ms)
{
    breaker_init(b, speed);
    open_for(b, scaled(b, BREAKER_WAIT_MS), now_ms);
    b->probe_ms = now_ms;
}

bool breaker_allows(struct breaker *b, int64_t now_ms, unsigned in_flight)
{
    if (b->state == BREAKER_CLOSED)
        return true;
    if (b->state == BREAKER_OPEN && now_ms >= b->probe_ms) {
        b->state = BREAKER_HALF_OPEN;
        b->successes = 0;
    }
    return b->state == BREAKER_HALF_OPEN && in_flight == 0;
}

static void turn_window(struct breaker *b, int64_t now_ms)
{
    int64_t length = scaled(b, BREAKER_SAMPLE_MS);
    if (b->sample_ends_ms == 0 || now_ms >= b->sample_ends_ms + length * BREAKER_SAMPLES) {
        memset(b->samples, 0, sizeof b->samples);
        b->sample_ends_ms = now_ms + length;
    }
    while (now_ms >= b->sample_ends_ms) {
        b->sample = (b->sample + 1) % BREAKER_SAMPLES;
        b->samples[b->sample].ok = b->samples[b->sample].failed = 0;
        b->sample_ends_ms += length;
    }
}

static bool should_trip(const struct breaker *b)
{
    unsigned ok = 0, failed = 0;
    for (unsigned i = 0; i < BREAKER_SAMPLES; i++) {
        ok += b->samples[i].ok;
        failed += b->samples[i].failed;
    }
    return b->failed_in_a_row >= BREAKER_TRIP_CONSECUTIVE ||
           (ok + failed >= BREAKER_TRIP_REQUESTS && failed * 100 >= (ok + failed) * BREAKER_TRIP_PERCENT);
}

static bool note_closed(struct breaker *b, bool ok, int64_t now_ms)
{
    turn_window(b, now_ms);
    if (ok)
        b->samples[b->sample].ok++;
    else
        b->samples[b->sample].failed++;
    b->failed_in_a_row = ok ? 0 : b->failed_in_a_row + 1;
    if (ok || !should_trip(b))
        return false;
    forget(b);
    open_for(b, scaled(b, BREAKER_WAIT_MS), now_ms);
    return true;
}

bool breaker_note(struct breaker *b, bool ok, int64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        return note_closed(b, ok, now_ms);
    if (!ok) {
        if (b->state == BREAKER_OPEN) // one that was in flight when the breaker opened
            return false;
        open_for(b, b->wait_ms * 2, now_ms);
        return true;
    }
    b->state = BREAKER_HALF_OPEN; // also after a late success while OPEN
    if (++b->successes < BREAKER_CLOSE_SUCCESSES)
        return false;
    forget(b);
    b->state = BREAKER_CLOSED;
    return true;
}
