// SPDX-License-Identifier: EUPL-1.2
// Memory that is taken in pieces and given back at once, with a maximum: what one request needs while it is
// parsed and answered. A peer decides how much is asked for, so every allocation may fail.
#pragma once
#include "base/attr.h"

struct arena {
    struct arena_chunk *chunks; // newest first
    size_t total, max;          // bytes taken from malloc, and their limit
};

// Takes nothing yet.
void arena_init(struct arena *a, size_t max);
// Gives everything back. A zeroed struct is legal.
void arena_done(struct arena *a);
// size bytes, aligned for any type, not zeroed; NULL when the maximum or memory is reached. size 0 gives a
// pointer too.
MUST_CHECK void *arena_try_alloc(struct arena *a, size_t size);
// The same, zeroed; NULL also when count × size overflows.
MUST_CHECK void *arena_try_zero(struct arena *a, size_t count, size_t size);
// A copy of len bytes with a NUL behind.
MUST_CHECK char *arena_try_copy(struct arena *a, const void *data, size_t len);
