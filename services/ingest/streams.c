// SPDX-License-Identifier: EUPL-1.2
#include "ingest/streams.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

struct streams {
    size_t max, count, mask;
    struct list lru; // least recently used first
    struct stream *buckets[];
};

struct streams *streams_create(size_t max)
{
    size_t buckets = 16;
    while (buckets < max)
        buckets *= 2;
    struct streams *t = calloc(1, sizeof(*t) + buckets * sizeof(struct stream *));
    if (!t)
        return NULL;
    t->max = max;
    t->mask = buckets - 1;
    list_init(&t->lru);
    return t;
}

// Tokens are random, and only those that the database knows get in: no seed needed.
static struct stream **bucket_of(struct streams *t, const uint8_t token[WIRE_UUID])
{
    uint64_t h;
    memcpy(&h, token, sizeof(h));
    return &t->buckets[h & t->mask];
}

static void drop(struct streams *t, struct stream *s)
{
    struct stream **p = bucket_of(t, s->token);
    while (*p != s)
        p = &(*p)->next;
    *p = s->next;
    list_remove(&s->lru);
    crypto_p256_free(s->key);
    free(s);
    t->count--;
}

void streams_destroy(struct streams *t)
{
    if (!t)
        return;
    LIST_FOR(node, &t->lru) drop(t, CONTAINER_OF(node, struct stream, lru));
    free(t);
}

struct stream *streams_find(struct streams *t, const uint8_t token[WIRE_UUID])
{
    struct stream *s = *bucket_of(t, token);
    while (s && memcmp(s->token, token, WIRE_UUID) != 0)
        s = s->next;
    if (s) {
        list_remove(&s->lru);
        list_push(&t->lru, &s->lru);
    }
    return s;
}

static void make_room(struct streams *t)
{
    LIST_FOR(node, &t->lru)
    {
        struct stream *s = CONTAINER_OF(node, struct stream, lru);
        if (t->count < t->max)
            return;
        if (s->pins == 0)
            drop(t, s);
    }
}

int streams_add(struct streams *t, const uint8_t token[WIRE_UUID], const uint8_t device[WIRE_UUID],
                int16_t lane, int64_t number, const void *key, size_t key_len, struct stream **ret_stream)
{
    struct stream *s = streams_find(t, token);
    if (s) {
        *ret_stream = s;
        return ERR_OK;
    }
    make_room(t);
    s = calloc(1, sizeof(*s));
    if (!s)
        return ERR_NO_MEMORY;
    int err = crypto_p256_load(key, key_len, &s->key);
    if (err) {
        free(s);
        return err;
    }
    memcpy(s->token, token, WIRE_UUID);
    memcpy(s->device, device, WIRE_UUID);
    s->lane = lane;
    s->number = number;
    struct stream **bucket = bucket_of(t, token);
    s->next = *bucket;
    *bucket = s;
    list_push(&t->lru, &s->lru);
    t->count++;
    *ret_stream = s;
    return ERR_OK;
}
