// SPDX-License-Identifier: EUPL-1.2
// Memory that runs out at a chosen moment. A unit test linked with this and with the library whose
// allocations were renamed (tests/alloc/symbols, objcopy) behaves as ever, until the environment says:
//   ALLOC_FAIL=N     the N-th allocation of our code or of jansson fails
//   ALLOC_STICKY=1   and all that follow
//   ALLOC_LIST=FILE  FILE gets one line an allocation: a hash of the ALLOC_DEPTH calls that led to it
//   ALLOC_TEST=NAME  only this test of the program
// Allocations of the test itself never fail. h2o ends the process when it gets no memory; that is not ours to
// mend, so the process then leaves with ALLOC_H2O instead of a crash.
#include "base/attr.h"
#include "base/check.h"

#include <errno.h>
#include <execinfo.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ALLOC_H2O 77 // exit code
#define DEPTH_MAX 32 // calls that tell one place from another, at most

void *alloc_malloc(size_t size);
void *alloc_calloc(size_t count, size_t size);
void *alloc_realloc(void *p, size_t size);
void *alloc_reallocarray(void *p, size_t count, size_t size);
char *alloc_strdup(const char *s);
char *alloc_strndup(const char *s, size_t len);
FILE *alloc_open_memstream(char **ret_text, size_t *ret_len);
_Noreturn void h2o__fatal(const char *why);

static long fail_at, seen;
static int depth = 20;
static bool sticky;
static FILE *list;

static uint32_t hash_of_calls(void)
{
    void *calls[DEPTH_MAX];
    int n = backtrace(calls, depth);
    uint32_t hash = 2166136261u; // FNV-1a
    for (int i = 0; i < n; i++)
        hash = (hash ^ (uint32_t)(uintptr_t)calls[i]) * 16777619u;
    return hash;
}

static bool fails(void)
{
    seen++;
    if (list)
        CHECK(fprintf(list, "%08x\n", hash_of_calls()) > 0);
    bool now = fail_at && (seen == fail_at || (sticky && seen > fail_at));
    if (now)
        errno = ENOMEM;
    return now;
}

void *alloc_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void *alloc_calloc(size_t count, size_t size)
{
    return fails() ? NULL : calloc(count, size);
}

void *alloc_realloc(void *p, size_t size)
{
    return fails() ? NULL : realloc(p, size);
}

void *alloc_reallocarray(void *p, size_t count, size_t size)
{
    return fails() ? NULL : reallocarray(p, count, size);
}

char *alloc_strdup(const char *s)
{
    return fails() ? NULL : strdup(s);
}

char *alloc_strndup(const char *s, size_t len)
{
    return fails() ? NULL : strndup(s, len);
}

FILE *alloc_open_memstream(char **ret_text, size_t *ret_len)
{
    return fails() ? NULL : open_memstream(ret_text, ret_len);
}

// In place of libh2o's.
void h2o__fatal(const char *why)
{
    (void)fprintf(stderr, "h2o gives up: %s\n", why);
    _exit(ALLOC_H2O);
}

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("ALLOC_FAIL"), *path = getenv("ALLOC_LIST"), *test = getenv("ALLOC_TEST"),
               *calls = getenv("ALLOC_DEPTH");
    if (calls)
        depth = (int)strtol(calls, NULL, 10) + 2; // behind fails() and the allocation
    CHECK(depth > 0 && depth <= DEPTH_MAX);
    fail_at = at ? strtol(at, NULL, 10) : 0;
    sticky = getenv("ALLOC_STICKY") != NULL;
    if (path)
        CHECK((list = fopen(path, "we")) != NULL);
    if (test)
        cmocka_set_test_filter(test);
    json_set_alloc_funcs(alloc_malloc, free);
}

// Before leaks are looked for; a stream that is not closed would be none of the program's.
__attribute__((destructor)) static void end(void)
{
    if (list)
        CHECK(fclose(list) == 0);
}
