// SPDX-License-Identifier: EUPL-1.2
#include "portal/limit.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define WAYS 8

struct slot {
    uint64_t key;                // 0 = free
    int64_t opened[LIMIT_RULES]; // start of the window, ms
    uint32_t used[LIMIT_RULES];  // events counted in it; 0 = no window
    int64_t last_ms;             // newest event that was counted
};
_Static_assert(sizeof(struct slot) == LIMIT_SLOT_BYTES, "the header promises the size");

struct limiter {
    size_t buckets; // a power of two
    struct slot slots[];
};

int limiter_create(size_t slots, struct limiter **ret_limiter)
{
    size_t buckets = 1;
    while (buckets * WAYS < slots)
        buckets *= 2;
    struct limiter *l = calloc(1, sizeof(*l) + buckets * WAYS * sizeof(struct slot));
    if (!l)
        return ERR_NO_MEMORY;
    l->buckets = buckets;
    *ret_limiter = l;
    return ERR_OK;
}

void limiter_destroy(struct limiter *l)
{
    free(l);
}

// The caller's slot, or with take the one it takes over, emptied; NULL: unknown.
static struct slot *find_slot(struct limiter *l, uint64_t key, bool take)
{
    struct slot *bucket = &l->slots[(key & (l->buckets - 1)) * WAYS];
    struct slot *victim = bucket;
    for (size_t i = 0; i < WAYS; i++) {
        if (bucket[i].key == key)
            return &bucket[i];
        if (victim->key != 0 && (bucket[i].key == 0 || bucket[i].last_ms < victim->last_ms))
            victim = &bucket[i];
    }
    if (!take)
        return NULL;
    memset(victim, 0, sizeof(*victim));
    victim->key = key;
    return victim;
}

static bool is_open(const struct slot *s, size_t i, const struct limit_rule *rule, int64_t now_ms)
{
    return s->used[i] > 0 && now_ms - s->opened[i] < rule->window_ms;
}

static struct limit_answer judge(const struct slot *s, const struct limit_rule *rules, int64_t now_ms)
{
    struct limit_answer a = {.left = UINT32_MAX};
    for (size_t i = 0; i < LIMIT_RULES; i++) {
        if (rules[i].count == 0)
            continue;
        bool open = is_open(s, i, &rules[i], now_ms);
        uint32_t used = open ? s->used[i] : 0;
        uint32_t left = used < rules[i].count ? rules[i].count - used : 0;
        if (left < a.left) {
            a.left = left;
            a.reset_ms = rules[i].window_ms - (open ? now_ms - s->opened[i] : 0);
        }
    }
    a.allowed = a.left > 0;
    return a;
}

struct limit_answer limiter_ask(struct limiter *l, uint64_t key, const struct limit_rule *rules,
                                int64_t now_ms, bool take)
{
    static const struct slot unknown;
    struct slot *s = find_slot(l, key ? key : 1, take);
    struct limit_answer a = judge(s ? s : &unknown, rules, now_ms);
    if (!s || !take || !a.allowed)
        return a;
    s->last_ms = now_ms;
    for (size_t i = 0; i < LIMIT_RULES; i++) {
        if (!is_open(s, i, &rules[i], now_ms)) {
            s->opened[i] = now_ms;
            s->used[i] = 0;
        }
        s->used[i]++;
    }
    a.left--;
    return a;
}
