// SPDX-License-Identifier: EUPL-1.2
// The public key and the signature of a handheld: a key that loads is a point of the curve that prints and
// loads again; no signature that a stranger makes up verifies.
#include "fuzz.h"
#include "io/crypto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto_p256 *device;
    static const unsigned char scalar[32] = {[31] = 5};
    struct crypto_p256 *key, *again;
    unsigned char point[65], same[65];
    if (!device)
        CHECK(crypto_p256_load_private(scalar, &device) == ERR_OK);
    CHECK(crypto_p256_verify(device, "header", 6, data, size) == ERR_CRYPTO);
    if (crypto_p256_load(data, size, &key) != ERR_OK)
        return 0;
    CHECK(crypto_p256_public(key, point) == ERR_OK && point[0] == 4);
    CHECK(crypto_p256_load(point, sizeof point, &again) == ERR_OK);
    CHECK(crypto_p256_public(again, same) == ERR_OK && memcmp(point, same, sizeof point) == 0);
    crypto_p256_free(again);
    crypto_p256_free(key);
    return 0;
}
