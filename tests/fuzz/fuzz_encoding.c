// SPDX-License-Identifier: EUPL-1.2
// Base64 and hex: every byte string survives the way there and back; what decodes is within its bounds.
#include "fuzz.h"
#include "io/crypto.h"

static void there_and_back(const uint8_t *data, size_t size)
{
    char *text = malloc(4 * ((size + 2) / 3) + 1);
    unsigned char *bytes = malloc(size + 1);
    size_t len, n;
    CHECK(text && bytes);
    n = crypto_base64(data, size, text);
    CHECK(n == strlen(text) && crypto_base64_decode(text, n, bytes, size, &len) == ERR_OK);
    CHECK(fuzz_same(bytes, len, data, size));
    n = crypto_base64url(data, size, text);
    CHECK(n == strlen(text) && crypto_base64_decode(text, n, bytes, size, &len) == ERR_OK);
    CHECK(fuzz_same(bytes, len, data, size));
    if (size > 0)
        CHECK(crypto_base64_decode(text, n, bytes, size - 1, &len) == ERR_INVALID ||
              crypto_base64_decode(text, n, bytes, size - 1, &len) == ERR_TOO_BIG);
    free(text);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    unsigned char *bytes = malloc(size + 1);
    char hex[3];
    size_t len;
    CHECK(bytes != NULL);
    if (crypto_hex_decode(text, size, bytes, size, &len) == ERR_OK) {
        CHECK(len * 2 == size);
        for (size_t i = 0; i < len; i++) {
            (void)snprintf(hex, sizeof hex, "%02x", bytes[i]);
            CHECK((text[2 * i] | 0x20) == (hex[0] | 0x20) && (text[2 * i + 1] | 0x20) == (hex[1] | 0x20));
        }
    }
    if (crypto_base64_decode(text, size, bytes, size, &len) == ERR_OK)
        CHECK(len <= size / 4 * 3 + 2);
    free(bytes);
    there_and_back(data, size);
    return 0;
}
