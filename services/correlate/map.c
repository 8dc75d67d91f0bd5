// SPDX-License-Identifier: EUPL-1.2
// Chained buckets, FNV-1a, doubling at three quarters. Keys come from scans: an attacker who makes chains
// long slows one batch of at most 1,000 facts, so the hash needs no secret.
#include "correlate/map.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

struct map_entry {
    struct map_entry *next;
    void *value;
    uint64_t hash;
    size_t len;
    unsigned char key[];
};

void map_init(struct map *m)
{
    *m = (struct map){NULL, 0, 0};
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        while (m->slots[i]) {
            struct map_entry *e = m->slots[i];
            m->slots[i] = e->next;
            free(e);
        }
    free(m->slots);
    map_init(m);
}

static uint64_t hash_bytes(const void *key, size_t len)
{
    const unsigned char *p = key;
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static struct map_entry *find(const struct map *m, const void *key, size_t len)
{
    if (m->cap == 0)
        return NULL;
    uint64_t h = hash_bytes(key, len);
    for (struct map_entry *e = m->slots[h % m->cap]; e; e = e->next)
        if (e->hash == h && e->len == len && (len == 0 || memcmp(e->key, key, len) == 0))
            return e;
    return NULL;
}

void *map_get(const struct map *m, const void *key, size_t len)
{
    struct map_entry *e = find(m, key, len);
    return e ? e->value : NULL;
}

static int grow(struct map *m)
{
    size_t cap = m->cap ? 2 * m->cap : 64;
    struct map_entry **slots = calloc(cap, sizeof(struct map_entry *));
    if (!slots)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < m->cap; i++)
        while (m->slots[i]) {
            struct map_entry *e = m->slots[i];
            m->slots[i] = e->next;
            e->next = slots[e->hash % cap];
            slots[e->hash % cap] = e;
        }
    free(m->slots);
    m->slots = slots;
    m->cap = cap;
    return ERR_OK;
}

int map_put(struct map *m, const void *key, size_t len, void *value)
{
    if (4 * m->n >= 3 * m->cap && grow(m) != ERR_OK)
        return ERR_NO_MEMORY;
    struct map_entry *e = malloc(sizeof *e + len);
    if (!e)
        return ERR_NO_MEMORY;
    e->hash = hash_bytes(key, len);
    e->len = len;
    e->value = value;
    if (len > 0) // what a fact does not name has no address either
        memcpy(e->key, key, len);
    e->next = m->slots[e->hash % m->cap];
    m->slots[e->hash % m->cap] = e;
    m->n++;
    return ERR_OK;
}

void map_replace(struct map *m, const void *key, size_t len, void *value)
{
    struct map_entry *e = find(m, key, len);
    CHECK(e);
    e->value = value;
}
