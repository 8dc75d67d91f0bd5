// SPDX-License-Identifier: EUPL-1.2
// Seals the contact of a dossier for dt.sealed, dt.wrap and dt.contact, and opens it again (DESIGN §4). What
// is sealed is text of domain/contact.h; this file does not read it.
#pragma once
#include "base/attr.h"
#include "io/crypto.h"

#define CONTACT_PLAIN_MAX   1024 // bytes that can be sealed
#define CONTACT_SUBJECT_MAX 96   // bytes of "dossier:<canonical code>"

struct contact_seal {
    unsigned char blob[16]; // dt.sealed.blob, a uuid
    unsigned char sealed[CONTACT_PLAIN_MAX + AEAD_OVERHEAD];
    size_t sealed_len;
    unsigned char wrapped[WRAP_LEN]; // the blob's key for `subject`
};

// A fresh key per blob, wiped before returning. ERR_TOO_BIG above CONTACT_PLAIN_MAX, ERR_CRYPTO. ring needs
// KEY_WRAP.
MUST_CHECK int contact_seal(const struct keyring *ring, const char *subject, const void *plain, size_t len,
                            struct contact_seal *ret);

// The plain text into out (cap ≥ sealed_len - AEAD_OVERHEAD). ERR_CRYPTO when key, subject or bytes do not
// belong together.
MUST_CHECK int contact_open(const struct keyring *ring, const unsigned char blob[16], const char *subject,
                            const void *wrapped, size_t wrapped_len, const void *sealed, size_t sealed_len,
                            unsigned char *out, size_t cap, size_t *ret_len);

// dt.contact.phone_index: 20 bits of HMAC(KEY_INDEX, "phone-v1" ‖ E.164). Equal numbers have equal indexes;
// equal indexes prove nothing (quality B4).
int32_t contact_phone_index(const struct keyring *ring, const char *e164, size_t len);
