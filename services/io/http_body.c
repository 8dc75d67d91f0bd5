// SPDX-License-Identifier: EUPL-1.2
// gzip bodies: a bounded inflate. The output never exceeds what the route allows for a plain body, so a bomb
// costs no more than an honest upload.
#include "base/err.h"
#include "io/http_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GUNZIP_FIRST 16384            // bytes of the first output buffer
#define GUNZIP_BITS  (MAX_WBITS + 16) // gzip framing only, no zlib or raw deflate

// Room for at least one more byte, doubling up to max + 1: the byte above max proves the bomb.
static int grow(char **out, size_t *cap, size_t used, size_t max)
{
    if (used < *cap)
        return ERR_OK;
    if (used > max)
        return ERR_TOO_BIG;
    size_t want = *cap ? *cap * 2 : GUNZIP_FIRST;
    if (want > max + 1)
        want = max + 1;
    char *bigger = realloc(*out, want);
    if (!bigger)
        return ERR_NO_MEMORY;
    *out = bigger;
    *cap = want;
    return ERR_OK;
}

// One file of several members is one body (RFC 1952 §2.2); anything else behind the last member is an error.
static int inflate_members(z_stream *z, size_t max, char **out, size_t *used)
{
    size_t cap = 0;
    for (;;) {
        int err = grow(out, &cap, *used, max);
        if (err)
            return err;
        z->next_out = (unsigned char *)*out + *used;
        z->avail_out = (unsigned)(cap - *used);
        int rc = inflate(z, Z_NO_FLUSH);
        *used = cap - z->avail_out;
        if (*used > max)
            return ERR_TOO_BIG;
        if (rc == Z_MEM_ERROR)
            return ERR_NO_MEMORY;
        if (rc == Z_STREAM_END) {
            if (z->avail_in == 0)
                return ERR_OK;
            if (inflateReset(z) != Z_OK)
                return ERR_INVALID;
        } else if (rc != Z_OK || (z->avail_in == 0 && z->avail_out > 0)) {
            return ERR_INVALID; // broken, or the input ended too early
        }
    }
}

int http_gunzip(const char *in, size_t len, size_t max, char **ret_out, size_t *ret_len)
{
    if (len == 0 || len > UINT32_MAX || max >= UINT32_MAX)
        return ERR_INVALID;
    z_stream z = {.next_in = (z_const unsigned char *)in, .avail_in = (unsigned)len};
    if (inflateInit2(&z, GUNZIP_BITS) != Z_OK)
        return ERR_NO_MEMORY;
    char *out = NULL;
    size_t used = 0;
    int err = inflate_members(&z, max, &out, &used);
    (void)inflateEnd(&z);
    if (err) {
        free(out);
        return err;
    }
    *ret_out = out;
    *ret_len = used;
    return ERR_OK;
}
