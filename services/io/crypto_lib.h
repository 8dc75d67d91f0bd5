// SPDX-License-Identifier: EUPL-1.2
// Private to io/crypto_*.c and io/keyring.c: the algorithm objects of OpenSSL, fetched once (an implicit
// fetch per call costs more than hashing a kilobyte), and libsodium started. A process has one thread;
// nothing here is locked.
#pragma once
#include <openssl/evp.h>
#include <stdint.h>

struct keyring;

struct crypto_lib {
    EVP_MD *sha256;
    EVP_MD_CTX *md;
    EVP_MAC_CTX *hmac; // SHA-256 set, no key yet
    EVP_CIPHER *aead;  // AES-256-GCM
    EVP_CIPHER_CTX *cipher;
};

// Ready on the first call; aborts when the library has no such algorithm (a broken installation).
const struct crypto_lib *crypto_lib(void);
// The id of the wrapping key that seals now, and any wrapping key by id (NULL: the ring has none such).
uint32_t keyring_wrap_id(const struct keyring *ring);
const unsigned char *keyring_wrap_key(const struct keyring *ring, uint32_t id);
