// SPDX-License-Identifier: EUPL-1.2
// gzip bodies: never more than the limit, whatever the bytes claim; and what an honest client packs comes out
// as it was. The last byte chooses how the honest body is cut into members.
#include "fuzz.h"
#include "io/http_internal.h"

#include <zlib.h>

#define BODY_MAX 65536

static size_t pack(const uint8_t *data, size_t len, uint8_t *out, size_t cap)
{
    z_stream z = {.next_in = (z_const unsigned char *)data,
                  .avail_in = (unsigned)len,
                  .next_out = out,
                  .avail_out = (unsigned)cap};
    CHECK(deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    CHECK(deflateEnd(&z) == Z_OK);
    return cap - z.avail_out;
}

static void hostile(const uint8_t *data, size_t size, size_t max)
{
    char *out = NULL;
    size_t len = SIZE_MAX;
    int err = http_gunzip((const char *)data, size, max, &out, &len);
    CHECK(err == ERR_OK || err == ERR_TOO_BIG || err == ERR_INVALID);
    CHECK(err != ERR_OK ? out == NULL && len == SIZE_MAX : len <= max);
    free(out);
}

static void honest(const uint8_t *data, size_t size, size_t cut)
{
    static uint8_t packed[2 * BODY_MAX];
    size_t n = pack(data, cut, packed, sizeof packed), len;
    n += pack(data + cut, size - cut, packed + n, sizeof packed - n);
    char *out;
    CHECK(http_gunzip((char *)packed, n, size, &out, &len) == ERR_OK);
    CHECK(fuzz_same(out, len, data, size));
    free(out);
    if (size > 0)
        CHECK(http_gunzip((char *)packed, n, size - 1, &out, &len) == ERR_TOO_BIG);
    CHECK(http_gunzip((char *)packed, n - 1, size, &out, &len) == ERR_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hostile(data, size, BODY_MAX);
    hostile(data, size, 100);
    hostile(data, size, 0);
    if (size > 0 && size <= BODY_MAX / 2)
        honest(data, size, data[size - 1] % size);
    return 0;
}
