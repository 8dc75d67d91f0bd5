// SPDX-License-Identifier: EUPL-1.2
// A hash map from bytes to pointers: what the world of a batch is found by. Keys are copied; values belong to
// the caller.
#pragma once
#include "base/attr.h"
#include <stdint.h>

struct map_entry;

struct map {
    struct map_entry **slots;
    size_t cap, n;
};

void map_init(struct map *m);
void map_done(struct map *m);
// NULL when the key is not there.
void *map_get(const struct map *m, const void *key, size_t len);
// The key must not be there yet. ERR_NO_MEMORY: nothing changed.
MUST_CHECK int map_put(struct map *m, const void *key, size_t len, void *value);
// Puts another value under a key that is there.
void map_replace(struct map *m, const void *key, size_t len, void *value);
