// SPDX-License-Identifier: EUPL-1.2
// The signature scheme of Standard Webhooks 1.0.0 (standardwebhooks.com): v1 = HMAC-SHA-256, v1a = Ed25519
// over "id.timestamp.body". Bodies are bytes; nothing here reads a clock.
#pragma once
#include "base/attr.h"
#include <stdint.h>

#define STANDARD_WEBHOOKS_SECRET_MAX  64  // bytes of key, as the standard has it
#define STANDARD_WEBHOOKS_TEXT_MAX    104 // characters of a secret as text, NUL included
#define STANDARD_WEBHOOKS_KEYS_MAX    4   // signatures in one header
#define STANDARD_WEBHOOKS_HEADER_MAX  384 // characters of such a header, NUL included
#define STANDARD_WEBHOOKS_TOLERANCE_S 300 // how far a receiver's clock may be off

enum standard_webhooks_kind {
    STANDARD_WEBHOOKS_HMAC,   // whsec_…, 1–64 bytes (24–64 by the standard)
    STANDARD_WEBHOOKS_SIGN,   // whsk_…, Ed25519 seed
    STANDARD_WEBHOOKS_VERIFY, // whpk_…, Ed25519 public key; cannot sign
};

struct standard_webhooks_key {
    enum standard_webhooks_kind kind;
    unsigned char bytes[STANDARD_WEBHOOKS_SECRET_MAX];
    size_t len;
};

// Reads a secret as it is handed around: whsec_ and base64, base64 alone (then HMAC), whsk_ and the base64 of
// 32 bytes (the seed) or 64 (seed and public key, which must belong together), whpk_ and 32; padding may be
// missing. ERR_INVALID also when it is empty.
MUST_CHECK int standard_webhooks_parse(const char *text, size_t len, struct standard_webhooks_key *ret_key);
// The secret as text: whsec_, whsk_ (32 bytes) or whpk_, padded.
void standard_webhooks_print(const struct standard_webhooks_key *key, char out[STANDARD_WEBHOOKS_TEXT_MAX]);
// A fresh secret: 32 random bytes, for kind HMAC or SIGN.
void standard_webhooks_generate(enum standard_webhooks_kind kind, struct standard_webhooks_key *ret_key);
// The whpk_ half of a whsk_ key.
void standard_webhooks_public(const struct standard_webhooks_key *key,
                              struct standard_webhooks_key *ret_public);

// The value of webhook-signature: one entry per key, in the order given (rotation: new key first, old ones
// while they are still honoured). id: 1–64 characters without dot, blank or control. ERR_INVALID: bad id, no
// key, too many or one that can't sign.
MUST_CHECK int standard_webhooks_sign(const struct standard_webhooks_key *keys, size_t count, const char *id,
                                      int64_t timestamp_s, const void *body, size_t body_len,
                                      char ret_header[STANDARD_WEBHOOKS_HEADER_MAX]);

// What a receiver does with the three headers. ERR_INVALID: a header is missing (NULL or ""), the timestamp
// is no number; ERR_TIMEOUT: timestamp further than the tolerance from now; ERR_CRYPTO: no entry verifies.
// Entries of unknown versions are passed over.
MUST_CHECK int standard_webhooks_verify(const struct standard_webhooks_key *key, const char *id,
                                        const char *timestamp, const char *signature, const void *body,
                                        size_t body_len, int64_t now_s);
