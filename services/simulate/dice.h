// SPDX-License-Identifier: EUPL-1.2
// Chance that can be played again: xoshiro256** (Blackman and Vigna), seeded through splitmix64. For plans
// only; keys, salts and identifiers come from the kernel.
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t s[4];
};

// Dice of one seed and different `which` are independent: each device and each sink throws its own, so that
// what one does never shifts the throws of another.
void dice_init(struct dice *d, uint64_t seed, uint64_t which);
uint64_t dice_next(struct dice *d);
// Uniform in [0, bound), bound > 0.
uint32_t dice_below(struct dice *d, uint32_t bound);
// Uniform in [low, high].
int32_t dice_between(struct dice *d, int32_t low, int32_t high);
// True in `share` of all throws, 0 to 1.
bool dice_share(struct dice *d, double share);
