// SPDX-License-Identifier: EUPL-1.2
// The crypto port: every use of OpenSSL and libsodium. One purpose, one function; algorithms are fixed by
// DESIGN §3, §4, §6 and quality B1–B7.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

#define SHA256_LEN       32
#define ED25519_SEED_LEN 32
#define ED25519_PUB_LEN  32
#define ED25519_SIG_LEN  64
#define AEAD_KEY_LEN     32
#define AEAD_OVERHEAD    28                                 // 12 nonce + 16 tag (AES-256-GCM)
#define WRAP_LEN         (AEAD_KEY_LEN + AEAD_OVERHEAD + 4) // key id (4, big-endian) ‖ nonce ‖ ciphertext ‖ tag

void crypto_sha256(const void *data, size_t len, unsigned char out[SHA256_LEN]);
// Several parts as one message.
struct crypto_part {
    const void *data;
    size_t len;
};
void crypto_sha256_parts(const struct crypto_part *parts, size_t count, unsigned char out[SHA256_LEN]);
void crypto_hmac_sha256(const void *key, size_t key_len, const struct crypto_part *parts, size_t count,
                        unsigned char out[SHA256_LEN]);
// Keys, tokens, salts: always the kernel's randomness, also under a simulated clock_source.
void crypto_random(void *out, size_t len);
bool crypto_equal(const void *a, const void *b, size_t len); // constant time
void crypto_wipe(void *p, size_t len);

// Base64. encode: out needs 4*((len+2)/3)+1 bytes. decode: standard or URL alphabet, padding optional, no
// blanks; ERR_INVALID otherwise.
size_t crypto_base64(const void *data, size_t len, char *out);
size_t crypto_base64url(const void *data, size_t len, char *out); // unpadded
MUST_CHECK int crypto_base64_decode(const char *s, size_t len, unsigned char *out, size_t cap,
                                    size_t *ret_len);
MUST_CHECK int crypto_hex_decode(const char *s, size_t len, unsigned char *out, size_t cap,
                                 size_t *ret_len); // either case

// ECDSA P-256 over SHA-256(message) (handhelds). key: 65-byte uncompressed point, 33-byte compressed point or
// SubjectPublicKeyInfo DER.
struct crypto_p256;
MUST_CHECK int crypto_p256_load(const void *key, size_t len, struct crypto_p256 **ret_key);
void crypto_p256_free(struct crypto_p256 *key);
// sig: 64-byte r‖s (WebCrypto) or DER. ERR_CRYPTO when it does not verify.
MUST_CHECK int crypto_p256_verify(struct crypto_p256 *key, const void *msg, size_t msg_len, const void *sig,
                                  size_t sig_len);
// For simulate and tests: a fresh private key; sign gives 64 bytes; public gives the 65-byte point.
MUST_CHECK int crypto_p256_generate(struct crypto_p256 **ret_key);
MUST_CHECK int crypto_p256_public(struct crypto_p256 *key, unsigned char out[65]);
// The private key as a number of 32 bytes, for a device that keeps it; ERR_CRYPTO when there is none, or it
// is no key.
MUST_CHECK int crypto_p256_private(struct crypto_p256 *key, unsigned char out[32]);
MUST_CHECK int crypto_p256_load_private(const unsigned char scalar[32], struct crypto_p256 **ret_key);
MUST_CHECK int crypto_p256_sign(struct crypto_p256 *key, const void *msg, size_t msg_len,
                                unsigned char out[64]);

void crypto_ed25519_public(const unsigned char seed[ED25519_SEED_LEN], unsigned char out[ED25519_PUB_LEN]);
void crypto_ed25519_sign(const unsigned char seed[ED25519_SEED_LEN], const void *msg, size_t len,
                         unsigned char out[ED25519_SIG_LEN]);
MUST_CHECK int crypto_ed25519_verify(const unsigned char pub[ED25519_PUB_LEN], const void *msg, size_t len,
                                     const unsigned char sig[ED25519_SIG_LEN]);

// The key ring of an installation: files of 32 random bytes in a directory (0700, files 0600): wrap.<id>
// (key-encryption keys, newest id seals), index (blind index of phones), sms (HMAC of phones in messages),
// receipt (Ed25519 seed), token (links of citizens), webhook (seals endpoint secrets). A service loads only
// what it needs.
enum crypto_key {
    KEY_WRAP = 1,
    KEY_INDEX = 2,
    KEY_SMS = 4,
    KEY_RECEIPT = 8,
    KEY_TOKEN = 16,
    KEY_WEBHOOK = 32
};
struct keyring;
// need: or of enum crypto_key. Missing, short or world-readable files: ERR_CONFIG with a sentence in error.
// Access by the file's group is tolerated (systemd's LoadCredential= shows its ACL there), writing by it is
// not. Memory is locked and not dumped.
MUST_CHECK int keyring_open(const char *dir, unsigned need, struct keyring **ret_ring, char *error,
                            size_t cap);
void keyring_close(struct keyring *ring);
// Creates what is missing and never overwrites, even when two run at once; prints nothing.
MUST_CHECK int keyring_init(const char *dir, char *error, size_t cap);
// Adds wrap.<newest + 1>, which seals from the next keyring_open() on; older keys keep opening.
MUST_CHECK int keyring_rotate_wrap(const char *dir, uint32_t *ret_id, char *error, size_t cap);
// 32 bytes; KEY_WRAP: the newest. A key that was not in `need` is our own bug and aborts.
const unsigned char *keyring_key(const struct keyring *ring, enum crypto_key which);

// Personal data (DESIGN §4). A blob has its own random key; the key is wrapped once per subject
// ("dossier:<code>" or "item:<code>:<generation>"), so forgetting a subject is deleting its wraps. aad binds
// the ciphertext to its row. out needs len + AEAD_OVERHEAD bytes.
MUST_CHECK int seal_blob(const unsigned char key[AEAD_KEY_LEN], const unsigned char id[16], const void *data,
                         size_t len, unsigned char *out);
MUST_CHECK int open_blob(const unsigned char key[AEAD_KEY_LEN], const unsigned char id[16],
                         const void *sealed, size_t len, unsigned char *out, size_t *ret_len);
MUST_CHECK int wrap_key(const struct keyring *ring, const unsigned char id[16], const char *subject,
                        const unsigned char key[AEAD_KEY_LEN], unsigned char out[WRAP_LEN]);
MUST_CHECK int unwrap_key(const struct keyring *ring, const unsigned char id[16], const char *subject,
                          const void *wrapped, size_t len, unsigned char out[AEAD_KEY_LEN]);
// Seals a small secret (webhook secret) under KEY_WEBHOOK; aad = id.
MUST_CHECK int seal_secret(const struct keyring *ring, const unsigned char id[16], const void *data,
                           size_t len, unsigned char *out);
MUST_CHECK int open_secret(const struct keyring *ring, const unsigned char id[16], const void *sealed,
                           size_t len, unsigned char *out, size_t *ret_len);
