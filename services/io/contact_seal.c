// SPDX-License-Identifier: EUPL-1.2
#include "io/contact_seal.h"

#include "base/clock.h"
#include "base/err.h"

int contact_seal(const struct keyring *ring, const char *subject, const void *plain, size_t len,
                 struct contact_seal *ret)
{
    unsigned char key[AEAD_KEY_LEN];
    if (len > CONTACT_PLAIN_MAX)
        return ERR_TOO_BIG;
    struct contact_seal s = {.sealed_len = len + AEAD_OVERHEAD};
    random_uuid7(s.blob);
    random_bytes(key, sizeof(key));
    int err = seal_blob(key, s.blob, plain, len, s.sealed);
    if (err == ERR_OK)
        err = wrap_key(ring, s.blob, subject, key, s.wrapped);
    crypto_wipe(key, sizeof(key));
    if (err == ERR_OK)
        *ret = s;
    return err;
}

int contact_open(const struct keyring *ring, const unsigned char blob[16], const char *subject,
                 const void *wrapped, size_t wrapped_len, const void *sealed, size_t sealed_len,
                 unsigned char *out, size_t cap, size_t *ret_len)
{
    unsigned char key[AEAD_KEY_LEN];
    if (sealed_len < AEAD_OVERHEAD || sealed_len - AEAD_OVERHEAD > cap)
        return ERR_CRYPTO;
    int err = unwrap_key(ring, blob, subject, wrapped, wrapped_len, key);
    if (err == ERR_OK)
        err = open_blob(key, blob, sealed, sealed_len, out, ret_len);
    crypto_wipe(key, sizeof(key));
    return err;
}

int32_t contact_phone_index(const struct keyring *ring, const char *e164, size_t len)
{
    static const char label[] = "phone-v1";
    unsigned char mac[SHA256_LEN];
    const struct crypto_part parts[] = {{label, sizeof(label) - 1}, {e164, len}};
    crypto_hmac_sha256(keyring_key(ring, KEY_INDEX), 32, parts, ARRAY_LEN(parts), mac);
    return (int32_t)((uint32_t)mac[0] << 12 | (uint32_t)mac[1] << 4 | (uint32_t)mac[2] >> 4);
}
