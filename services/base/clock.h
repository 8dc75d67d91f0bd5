// SPDX-License-Identifier: EUPL-1.2
// Time and chance behind one seam, so that schedulers, breakers and state machines run under a seeded
// simulation. Real by default; a test or the simulator swaps the functions with clock_use().
// Nothing that decides retries or leases inside a process uses the wall clock.
#pragma once
#include "base/attr.h"
#include <stdint.h>

struct clock_source {
    int64_t (*wall_ms)(void *ctx);                    // unix milliseconds
    int64_t (*mono_ms)(void *ctx);                    // monotonic milliseconds, arbitrary zero
    void (*random)(void *ctx, void *out, size_t len); // cryptographically strong in production
    void *ctx;
};

// NULL restores the real clock. Not thread-safe: call before the loop starts.
void clock_use(const struct clock_source *source);
int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);
// Aborts when the kernel has no entropy source (our own bug or a broken machine; never the peer's doing).
void random_bytes(void *out, size_t len);
// Uniform in [0, bound); bound > 0.
uint64_t random_below(uint64_t bound);
// A UUIDv7 (RFC 9562 §5.7): an identifier, never a secret.
void random_uuid7(unsigned char out[16]);
