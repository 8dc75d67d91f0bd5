// SPDX-License-Identifier: EUPL-1.2
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT   16
#define FIRST_CHUNK 4096  // bytes; each further chunk doubles …
#define LAST_CHUNK  65536 // … up to this, unless one allocation needs more

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void arena_done(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    a->chunks = NULL;
    a->total = 0;
}

static struct arena_chunk *add_chunk(struct arena *a, size_t size)
{
    size_t want = a->chunks ? a->chunks->size * 2 : FIRST_CHUNK;
    if (want > LAST_CHUNK)
        want = LAST_CHUNK;
    if (want < size)
        want = size;
    if (want > a->max - a->total)
        want = size;
    if (want > a->max - a->total || want > SIZE_MAX - sizeof(struct arena_chunk))
        return NULL;
    struct arena_chunk *c = malloc(sizeof(*c) + want);
    if (!c)
        return NULL;
    *c = (struct arena_chunk){.next = a->chunks, .size = want};
    a->chunks = c;
    a->total += want;
    return c;
}

void *arena_try_alloc(struct arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGNMENT)
        return NULL;
    size = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct arena_chunk *c = a->chunks;
    if (!c || size > c->size - c->used)
        c = add_chunk(a, size);
    if (!c)
        return NULL;
    void *p = c->bytes + c->used;
    c->used += size;
    return p;
}

void *arena_try_zero(struct arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *p = arena_try_alloc(a, total);
    return p ? memset(p, 0, total) : NULL;
}

char *arena_try_copy(struct arena *a, const void *data, size_t len)
{
    char *p = len < SIZE_MAX ? arena_try_alloc(a, len + 1) : NULL;
    if (!p)
        return NULL;
    if (len)
        memcpy(p, data, len);
    p[len] = '\0';
    return p;
}
