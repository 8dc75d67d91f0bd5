// SPDX-License-Identifier: EUPL-1.2
// Invariants: len ≤ max; data is NULL (cap 0) or has cap > len bytes, so there is always room for the NUL.
#include "base/buf.h"

#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_CAP 256 // bytes of the first allocation

void buf_init(struct buf *b, size_t max)
{
    // Half the address space, so that sums of lengths cannot wrap.
    *b = (struct buf){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void buf_done(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    b->data = NULL;
    b->len = b->cap = 0;
    b->error = ERR_OK;
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->error = ERR_OK;
    if (b->data)
        b->data[0] = '\0';
}

char *buf_try_reserve(struct buf *b, size_t len)
{
    if (b->error)
        return NULL;
    if (len > b->max - b->len) {
        b->error = ERR_TOO_BIG;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        // Doubling, but never beyond what the maximum allows to be used.
        size_t cap = b->cap > b->max / 2 ? b->max + 1 : b->cap * 2;
        if (cap < BUF_FIRST_CAP)
            cap = BUF_FIRST_CAP;
        if (cap < need)
            cap = need;
        char *data = realloc(b->data, cap);
        if (!data) {
            b->error = ERR_NO_MEMORY;
            return NULL;
        }
        b->data = data;
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_append(struct buf *b, const void *data, size_t len)
{
    char *at = buf_try_reserve(b, len);
    if (!at)
        return;
    if (len > 0)
        memcpy(at, data, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    if (b->error)
        return;
    size_t room = b->cap > b->len ? b->cap - b->len : 0;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(room ? b->data + b->len : NULL, room, format, args);
    va_end(args);
    if (n < 0) {
        b->error = ERR_INVALID;
        return;
    }
    if ((size_t)n >= room || (size_t)n > b->max - b->len) {
        char *at = buf_try_reserve(b, (size_t)n);
        if (!at) {
            if (b->data)
                b->data[b->len] = '\0'; // the first attempt may have written there
            return;
        }
        va_start(args, format);
        n = vsnprintf(at, (size_t)n + 1, format, args);
        va_end(args);
        if (n < 0) {
            b->error = ERR_INVALID;
            return;
        }
    }
    b->len += (size_t)n;
}

size_t buf_format_int(int64_t v, char out[BUF_INT_MAX])
{
    char digits[BUF_INT_MAX];
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    size_t at = sizeof digits, len = 0;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        out[len++] = '-';
    memcpy(out + len, digits + at, sizeof digits - at);
    len += sizeof digits - at;
    out[len] = '\0';
    return len;
}

void buf_put_int(struct buf *b, int64_t v)
{
    char text[BUF_INT_MAX];
    buf_append(b, text, buf_format_int(v, text));
}

void buf_put_hex(struct buf *b, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    if (len > SIZE_MAX / 2) {
        b->error = b->error ? b->error : ERR_TOO_BIG;
        return;
    }
    char *at = buf_try_reserve(b, len * 2);
    if (!at)
        return;
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++) {
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    b->len += len * 2;
    b->data[b->len] = '\0';
}

const char *buf_str(struct buf *b)
{
    if (!b->data)
        return "";
    b->data[b->len] = '\0';
    return b->data;
}

int buf_error(const struct buf *b)
{
    return b->error;
}
