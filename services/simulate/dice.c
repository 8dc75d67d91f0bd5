// SPDX-License-Identifier: EUPL-1.2
#include "simulate/dice.h"

#include "base/check.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void dice_init(struct dice *d, uint64_t seed, uint64_t which)
{
    uint64_t state = seed;
    state = splitmix(&state) ^ which;
    for (int i = 0; i < 4; i++)
        d->s[i] = splitmix(&state);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t dice_next(struct dice *d)
{
    uint64_t result = rotate(d->s[1] * 5, 7) * 9, t = d->s[1] << 17;
    d->s[2] ^= d->s[0];
    d->s[3] ^= d->s[1];
    d->s[1] ^= d->s[2];
    d->s[0] ^= d->s[3];
    d->s[2] ^= t;
    d->s[3] = rotate(d->s[3], 45);
    return result;
}

// Multiply-shift; the bias of at most bound / 2³² is far below what a plan can show.
uint32_t dice_below(struct dice *d, uint32_t bound)
{
    CHECK(bound > 0);
    return (uint32_t)(((dice_next(d) >> 32) * bound) >> 32);
}

int32_t dice_between(struct dice *d, int32_t low, int32_t high)
{
    CHECK(low <= high);
    return low + (int32_t)dice_below(d, (uint32_t)(high - low) + 1);
}

bool dice_share(struct dice *d, double share)
{
    return (double)(dice_next(d) >> 11) * 0x1p-53 < share;
}
