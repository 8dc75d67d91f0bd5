// SPDX-License-Identifier: EUPL-1.2
// Seals the contact of a dossier for dt.sealed, dt.wrap and dt.contact (DESIGN §4). The plain text is a JSON
// object: {"phone":"+84905123456","name":"…","address":"…"}, absent members left out. The sms service alone
// opens it.
#pragma once
#include "base/attr.h"
#include "io/crypto.h"

#define CONTACT_NAME_MAX    160  // bytes
#define CONTACT_ADDRESS_MAX 480  // bytes
#define CONTACT_PLAIN_MAX   4096 // bytes of JSON: room for every byte of name and address escaped

struct contact_fields {
    const char *phone;   // E.164; NULL = none
    const char *name;    // UTF-8, NULL = none
    const char *address; // UTF-8, NULL = none
};

struct contact_seal {
    unsigned char blob[16]; // dt.sealed.blob, a uuid
    unsigned char sealed[CONTACT_PLAIN_MAX + AEAD_OVERHEAD];
    size_t sealed_len;
    unsigned char wrapped[WRAP_LEN]; // the blob's key for `subject`
};

// subject: "dossier:<canonical code>". A fresh key per blob; the plain text and the key are wiped before
// returning. ERR_TOO_BIG, ERR_CRYPTO. ring needs KEY_WRAP.
MUST_CHECK int contact_seal(const struct keyring *ring, const char *subject, const struct contact_fields *c,
                            struct contact_seal *ret);

// dt.contact.phone_index: 20 bits of HMAC(KEY_INDEX, "phone-v1" ‖ E.164). Equal numbers have equal indexes;
// equal indexes prove nothing (quality B4).
int32_t contact_phone_index(const struct keyring *ring, const char *e164);
