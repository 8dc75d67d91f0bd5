// SPDX-License-Identifier: EUPL-1.2
#include "io/contact_seal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

#include <string.h>

static void print_plain(struct buf *out, const struct contact_fields *c)
{
    struct jout j;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    if (c->phone)
        jout_string(&j, "phone", c->phone);
    if (c->name)
        jout_string(&j, "name", c->name);
    if (c->address)
        jout_string(&j, "address", c->address);
    jout_close_object(&j);
}

int contact_seal(const struct keyring *ring, const char *subject, const struct contact_fields *c,
                 struct contact_seal *ret)
{
    struct contact_seal s = {0};
    unsigned char key[AEAD_KEY_LEN];
    struct buf plain;
    buf_init(&plain, CONTACT_PLAIN_MAX);
    // Room for all of it at once: a buffer that grows would leave copies behind.
    int err = buf_try_reserve(&plain, CONTACT_PLAIN_MAX) ? ERR_OK : buf_error(&plain);
    if (err == ERR_OK) {
        print_plain(&plain, c);
        err = buf_error(&plain);
    }
    if (err == ERR_OK) {
        random_uuid7(s.blob);
        random_bytes(key, sizeof(key));
        s.sealed_len = plain.len + AEAD_OVERHEAD;
        err = seal_blob(key, s.blob, plain.data, plain.len, s.sealed);
    }
    if (err == ERR_OK)
        err = wrap_key(ring, s.blob, subject, key, s.wrapped);
    if (plain.data)
        crypto_wipe(plain.data, plain.cap);
    buf_done(&plain);
    crypto_wipe(key, sizeof(key));
    if (err == ERR_OK)
        *ret = s;
    return err;
}

int32_t contact_phone_index(const struct keyring *ring, const char *e164)
{
    static const char label[] = "phone-v1";
    unsigned char mac[SHA256_LEN];
    const struct crypto_part parts[] = {{label, sizeof(label) - 1}, {e164, strlen(e164)}};
    crypto_hmac_sha256(keyring_key(ring, KEY_INDEX), 32, parts, ARRAY_LEN(parts), mac);
    return (int32_t)((uint32_t)mac[0] << 12 | (uint32_t)mac[1] << 4 | (uint32_t)mac[2] >> 4);
}
