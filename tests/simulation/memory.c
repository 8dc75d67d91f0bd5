// SPDX-License-Identifier: EUPL-1.2
// malloc() and its kin, wrapped by the linker (-Wl,--wrap): every block belongs to the process whose code
// asked for it, so a killed process gives back all it had, and one that stopped by itself is seen to have
// freed everything.
#include "simulation/sim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct block {
    struct list node;
    size_t size;
    uint64_t mark; // keeps the user's bytes aligned to 16, and knows a foreign pointer
};
#define MARK UINT64_C(0x6D656D6F72792E63)

struct list memory_of_world = {&memory_of_world, &memory_of_world};

void *__real_malloc(size_t size);
void __real_free(void *at);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
void __wrap_free(void *at);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t max);
pid_t __wrap_getpid(void);

static bool refuses(void)
{
    return process_now && process_now->ctx && sim_has(FAULT_NO_MEMORY) && sim_below(4000) == 0;
}

void *__wrap_malloc(size_t size)
{
    struct block *b = refuses() ? NULL : __real_malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->mark = MARK;
    list_push(process_now ? &process_now->memory : &memory_of_world, &b->node);
    return b + 1;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *at = size > 0 && count > SIZE_MAX / size ? NULL : __wrap_malloc(count * size);
    if (at)
        memset(at, 0, count * size);
    return at;
}

static struct block *block_of(void *at)
{
    struct block *b = (struct block *)at - 1;
    if (b->mark != MARK)
        abort();
    return b;
}

void __wrap_free(void *at)
{
    if (!at)
        return;
    struct block *b = block_of(at);
    list_remove(&b->node);
    b->mark = 0;
    __real_free(b);
}

void *__wrap_realloc(void *at, size_t size)
{
    if (!at)
        return __wrap_malloc(size);
    if (refuses())
        return NULL;
    struct block *b = block_of(at);
    list_remove(&b->node);
    struct block *bigger = __real_realloc(b, sizeof *b + size);
    if (!bigger)
        abort();
    bigger->size = size;
    list_push(process_now ? &process_now->memory : &memory_of_world, &bigger->node);
    return bigger + 1;
}

char *__wrap_strndup(const char *s, size_t max)
{
    size_t len = strnlen(s, max);
    char *copy = __wrap_malloc(len + 1);
    if (!copy)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *__wrap_strdup(const char *s)
{
    return __wrap_strndup(s, strlen(s));
}

size_t memory_count(const struct list *owner, size_t *ret_bytes)
{
    size_t count = 0, bytes = 0;
    for (const struct list *it = owner->next; it != owner; it = it->next, count++)
        bytes += CONTAINER_OF((struct list *)(uintptr_t)it, struct block, node)->size;
    *ret_bytes = bytes;
    return count;
}

void memory_free_all(struct list *owner)
{
    struct list *node;
    while ((node = list_pop(owner)) != NULL)
        __real_free(CONTAINER_OF(node, struct block, node));
}

// Two services of one machine must not look like one.
pid_t __wrap_getpid(void)
{
    return process_now ? (pid_t)process_now->pid : 1;
}
