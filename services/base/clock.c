// SPDX-License-Identifier: EUPL-1.2
#include "base/clock.h"

#include "base/check.h"

#include <errno.h>
#include <stddef.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    CHECK(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_wall_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_REALTIME);
}

static int64_t real_mono_ms(void *ctx)
{
    (void)ctx;
    return read_ms(CLOCK_MONOTONIC);
}

static void real_random(void *ctx, void *out, size_t len)
{
    (void)ctx;
    unsigned char *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        at += n;
        len -= (size_t)n;
    }
}

static const struct clock_source real_source = {real_wall_ms, real_mono_ms, real_random, NULL};
static struct clock_source source = {real_wall_ms, real_mono_ms, real_random, NULL};

void clock_use(const struct clock_source *s)
{
    source = s ? *s : real_source;
}

int64_t clock_wall_ms(void)
{
    return source.wall_ms(source.ctx);
}

int64_t clock_mono_ms(void)
{
    return source.mono_ms(source.ctx);
}

void random_bytes(void *out, size_t len)
{
    source.random(source.ctx, out, len);
}

uint64_t random_below(uint64_t bound)
{
    CHECK(bound > 0);
    // Values below 2^64 mod bound would make the first results likelier: draw again.
    uint64_t skip = (UINT64_MAX - bound + 1) % bound;
    uint64_t v;
    do {
        random_bytes(&v, sizeof v);
    } while (v < skip);
    return v % bound;
}

void random_uuid7(unsigned char out[16])
{
    uint64_t ms = (uint64_t)clock_wall_ms();
    random_bytes(out, 16);
    for (int i = 0; i < 6; i++)
        out[i] = (unsigned char)(ms >> (40 - 8 * i));
    out[6] = (unsigned char)(0x70 | (out[6] & 0x0F)); // version 7
    out[8] = (unsigned char)(0x80 | (out[8] & 0x3F)); // variant 10
}
