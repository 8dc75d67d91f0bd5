// SPDX-License-Identifier: EUPL-1.2
// A growable byte buffer born with a maximum. It fails softly: after the first refusal (maximum or memory)
// every further append is a no-op and buf_error() says why, so a printer appends freely and checks once at
// the end.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

#define BUF_INT_MAX 21 // bytes of the longest number, with its NUL

struct buf {
    char *data; // NUL-terminated whenever len > 0 or after buf_str()
    size_t len; // bytes in use, without the NUL
    size_t cap; // bytes allocated
    size_t max; // len never exceeds this
    int error;  // 0, ERR_TOO_BIG or ERR_NO_MEMORY; sticky until buf_reset()
};

// max: upper bound of len in bytes. Allocates nothing.
void buf_init(struct buf *b, size_t max);
// Frees the bytes; the struct may be initialised again. NULL and a zeroed struct are legal.
void buf_done(struct buf *b);
// len = 0 and error = 0; keeps the memory.
void buf_reset(struct buf *b);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_put_int(struct buf *b, int64_t v);
// Decimal digits with a sign where needed; returns the length, without the NUL. snprintf takes three times as
// long.
size_t buf_format_int(int64_t v, char out[BUF_INT_MAX]);
// Lower-case hex of len bytes.
void buf_put_hex(struct buf *b, const void *data, size_t len);
// The bytes as a C string (never NULL; "" when empty or failed before the first byte).
const char *buf_str(struct buf *b);
// Room for len more bytes at the end, or NULL (error set). The caller writes and then adds to b->len.
MUST_CHECK char *buf_try_reserve(struct buf *b, size_t len);
MUST_CHECK int buf_error(const struct buf *b);
