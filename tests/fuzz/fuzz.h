// SPDX-License-Identifier: EUPL-1.2
// What the fuzz targets share. A target is one parser of bytes that strangers send. It states with CHECK what
// must hold for every input, beyond not crashing: bounds, and that what is printed reads back as the same.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// libFuzzer calls the first for every input, the second once.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

// The input as a string of its own, up to its first NUL; to be freed. Every byte read behind it is seen.
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
    char *s = strndup((const char *)data, size);
    CHECK(s != NULL);
    return s;
}

// The same of a part of it: [*at, to the next line break), and *at moves behind. "" at the end.
static inline char *fuzz_line(const uint8_t *data, size_t size, size_t *at)
{
    const uint8_t *start = data + *at, *lf = *at < size ? memchr(start, '\n', size - *at) : NULL;
    size_t len = lf ? (size_t)(lf - start) : size - *at;
    *at += len + (lf != NULL);
    return fuzz_string(start, len);
}

// An input as a file, for parsers that open one.
struct fuzz_file {
    int fd;
    char path[32];
};

static inline void fuzz_file_write(struct fuzz_file *f, const void *data, size_t len)
{
    f->fd = memfd_create("fuzz", MFD_CLOEXEC);
    CHECK(f->fd >= 0 && write(f->fd, data, len) == (ssize_t)len);
    CHECK(snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd) > 0);
}

static inline void fuzz_file_close(struct fuzz_file *f)
{
    CHECK(close(f->fd) == 0);
}

// Are two buffers of bytes equal? memcmp() may not see NULL, which an empty one may be.
static inline bool fuzz_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}
