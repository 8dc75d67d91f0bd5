// SPDX-License-Identifier: EUPL-1.2
// An intrusive doubly linked ring. The owner embeds `struct list` nodes; a node that is on no list points to
// itself, so list_remove() is idempotent.
#pragma once
#include "base/attr.h"
#include <stdbool.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

// Appends at the tail (FIFO order when taken from the front).
static inline void list_push(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}

// Removes and returns the first node, or NULL.
static inline struct list *list_pop(struct list *head)
{
    if (list_empty(head))
        return NULL;
    struct list *node = head->next;
    list_remove(node);
    return node;
}

// The current node may be removed inside the body.
#define LIST_FOR(it, head)                                                                                   \
    for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                                \
         it = it##_next, it##_next = it->next)
