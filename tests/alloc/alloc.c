// SPDX-License-Identifier: EUPL-1.2
// Memory that runs out at a chosen moment. A unit test linked with this and with the library whose
// allocations were renamed (tests/alloc/symbols, objcopy) behaves as ever, until the environment says:
//   ALLOC_FAIL=N     the N-th allocation of our code or of jansson fails
//   ALLOC_STICKY=1   and all that follow
//   ALLOC_LIST=FILE  nothing fails; FILE gets one line an allocation: a hash of the calls that led to it
//   ALLOC_TEST=NAME  only this test of the program
// Allocations of the test itself never fail. h2o ends the process when it gets no memory; that is not ours to
// mend, so the process then leaves with ALLOC_H2O instead of a crash.
#include "base/attr.h"
#include "base/check.h"

#include <errno.h>
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

#define ALLOC_H2O 77        // exit code
#define DEPTH_MAX 12        // calls that tell one place from another
#define FRAME_MAX (1 << 20) // bytes; more between two frames is no frame

extern const char __executable_start; // of the linker
extern void *__libc_stack_end;        // of glibc

void *alloc_malloc(size_t size);
void *alloc_calloc(size_t count, size_t size);
void *alloc_realloc(void *p, size_t size);
void *alloc_reallocarray(void *p, size_t count, size_t size);
char *alloc_strdup(const char *s);
char *alloc_strndup(const char *s, size_t len);
FILE *alloc_open_memstream(char **ret_text, size_t *ret_len);
_Noreturn void h2o__fatal(const char *why);

static long fail_at, seen;
static bool sticky;
static FILE *list;

// Frame pointers are kept in this build; a library without them ends the walk, or adds a frame that is none.
__attribute__((no_sanitize("address"))) static uint32_t hash_of_calls(void)
{
    uint32_t hash = 2166136261u;
    void *const *frame = __builtin_frame_address(0);
    for (int depth = 0; depth < DEPTH_MAX && frame < (void *const *)__libc_stack_end; depth++) {
        uintptr_t where = (uintptr_t)frame[1] - (uintptr_t)&__executable_start;
        if (where < (uintptr_t)1 << 28) // else in a shared library, which lies elsewhere each time
            hash = (hash ^ (uint32_t)where) * 16777619u;
        void *const *next = frame[0];
        if (next <= frame || (uintptr_t)next - (uintptr_t)frame > FRAME_MAX ||
            (uintptr_t)next % sizeof(void *))
            break;
        frame = next;
    }
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
    const char *at = getenv("ALLOC_FAIL"), *path = getenv("ALLOC_LIST"), *test = getenv("ALLOC_TEST");
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
