// SPDX-License-Identifier: EUPL-1.2
// Sealing (DESIGN §4): AES-256-GCM with a random 96-bit nonce, laid out nonce ‖ ciphertext ‖ tag. Blob keys
// seal one blob each; the wrapping and webhook keys stay far below the 2³² messages that random nonces allow.
// Keys and nonces come from the kernel, never from the seam of base/clock.h: a simulated nonce would repeat.
#include "io/crypto.h"

#include "base/err.h"
#include "io/crypto_lib.h"

#include <limits.h>
#include <openssl/err.h>
#include <sodium.h>
#include <string.h>

#define NONCE_LEN   12
#define TAG_LEN     16
#define KEY_ID_LEN  4
#define SUBJECT_MAX 200
_Static_assert(NONCE_LEN + TAG_LEN == AEAD_OVERHEAD, "layout of a sealed message");

struct aad {
    const struct crypto_part *parts;
    size_t count;
};

static bool feed_aad(EVP_CIPHER_CTX *ctx, const struct aad *aad)
{
    int len;
    for (size_t i = 0; i < aad->count; i++) {
        if (EVP_CipherUpdate(ctx, NULL, &len, aad->parts[i].data, (int)aad->parts[i].len) != 1)
            return false;
    }
    return true;
}

static int seal(const unsigned char *key, const struct aad *aad, const void *data, size_t len,
                unsigned char *out)
{
    const struct crypto_lib *lib = crypto_lib();
    unsigned char *text = out + NONCE_LEN;
    int n = 0, last = 0;
    if (len > INT_MAX - AEAD_OVERHEAD)
        return ERR_TOO_BIG;
    randombytes_buf(out, NONCE_LEN);
    bool ok = EVP_CipherInit_ex2(lib->cipher, lib->aead, key, out, 1, NULL) == 1 &&
              feed_aad(lib->cipher, aad) &&
              (len == 0 || EVP_CipherUpdate(lib->cipher, text, &n, data, (int)len) == 1) &&
              EVP_CipherFinal_ex(lib->cipher, text + n, &last) == 1 &&
              EVP_CIPHER_CTX_ctrl(lib->cipher, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, text + len) == 1;
    ERR_clear_error();
    return ok ? ERR_OK : ERR_CRYPTO;
}

// What a wrong tag has left in out is wiped.
static int unseal(const unsigned char *key, const struct aad *aad, const unsigned char *sealed, size_t len,
                  unsigned char *out, size_t *ret_len)
{
    const struct crypto_lib *lib = crypto_lib();
    if (len < AEAD_OVERHEAD)
        return ERR_CRYPTO;
    if (len > INT_MAX)
        return ERR_TOO_BIG;
    size_t text = len - AEAD_OVERHEAD;
    unsigned char tag[TAG_LEN];
    int n = 0, last = 0;
    memcpy(tag, sealed + len - TAG_LEN, sizeof tag);
    bool ok = EVP_CipherInit_ex2(lib->cipher, lib->aead, key, sealed, 0, NULL) == 1 &&
              feed_aad(lib->cipher, aad) &&
              (text == 0 || EVP_CipherUpdate(lib->cipher, out, &n, sealed + NONCE_LEN, (int)text) == 1) &&
              EVP_CIPHER_CTX_ctrl(lib->cipher, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1 &&
              EVP_CipherFinal_ex(lib->cipher, out + n, &last) == 1;
    ERR_clear_error();
    if (!ok) {
        crypto_wipe(out, text);
        return ERR_CRYPTO;
    }
    *ret_len = text;
    return ERR_OK;
}

int seal_blob(const unsigned char key[AEAD_KEY_LEN], const unsigned char id[16], const void *data, size_t len,
              unsigned char *out)
{
    const struct crypto_part parts[] = {{"blob", 4}, {id, 16}};
    return seal(key, &(struct aad){parts, ARRAY_LEN(parts)}, data, len, out);
}

int open_blob(const unsigned char key[AEAD_KEY_LEN], const unsigned char id[16], const void *sealed,
              size_t len, unsigned char *out, size_t *ret_len)
{
    const struct crypto_part parts[] = {{"blob", 4}, {id, 16}};
    return unseal(key, &(struct aad){parts, ARRAY_LEN(parts)}, sealed, len, out, ret_len);
}

int wrap_key(const struct keyring *ring, const unsigned char id[16], const char *subject,
             const unsigned char key[AEAD_KEY_LEN], unsigned char out[WRAP_LEN])
{
    size_t subject_len = strnlen(subject, SUBJECT_MAX + 1);
    if (subject_len == 0 || subject_len > SUBJECT_MAX)
        return ERR_INVALID;
    uint32_t key_id = keyring_wrap_id(ring);
    for (unsigned i = 0; i < KEY_ID_LEN; i++)
        out[i] = (unsigned char)(key_id >> (24 - 8 * i));
    const struct crypto_part parts[] = {{"wrap", 4}, {out, KEY_ID_LEN}, {id, 16}, {subject, subject_len}};
    return seal(keyring_key(ring, KEY_WRAP), &(struct aad){parts, ARRAY_LEN(parts)}, key, AEAD_KEY_LEN,
                out + KEY_ID_LEN);
}

int unwrap_key(const struct keyring *ring, const unsigned char id[16], const char *subject,
               const void *wrapped, size_t len, unsigned char out[AEAD_KEY_LEN])
{
    size_t subject_len = strnlen(subject, SUBJECT_MAX + 1);
    if (len != WRAP_LEN || subject_len == 0 || subject_len > SUBJECT_MAX)
        return ERR_INVALID;
    const unsigned char *bytes = wrapped;
    uint32_t key_id = 0;
    for (unsigned i = 0; i < KEY_ID_LEN; i++)
        key_id = key_id << 8 | bytes[i];
    const unsigned char *kek = keyring_wrap_key(ring, key_id);
    if (!kek)
        return ERR_NOT_FOUND;
    const struct crypto_part parts[] = {{"wrap", 4}, {bytes, KEY_ID_LEN}, {id, 16}, {subject, subject_len}};
    size_t key_len;
    return unseal(kek, &(struct aad){parts, ARRAY_LEN(parts)}, bytes + KEY_ID_LEN, len - KEY_ID_LEN, out,
                  &key_len);
}

int seal_secret(const struct keyring *ring, const unsigned char id[16], const void *data, size_t len,
                unsigned char *out)
{
    const struct crypto_part parts[] = {{"secret", 6}, {id, 16}};
    return seal(keyring_key(ring, KEY_WEBHOOK), &(struct aad){parts, ARRAY_LEN(parts)}, data, len, out);
}

int open_secret(const struct keyring *ring, const unsigned char id[16], const void *sealed, size_t len,
                unsigned char *out, size_t *ret_len)
{
    const struct crypto_part parts[] = {{"secret", 6}, {id, 16}};
    return unseal(keyring_key(ring, KEY_WEBHOOK), &(struct aad){parts, ARRAY_LEN(parts)}, sealed, len, out,
                  ret_len);
}

void crypto_random(void *out, size_t len)
{
    crypto_lib();
    randombytes_buf(out, len);
}
