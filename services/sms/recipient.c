// SPDX-License-Identifier: EUPL-1.2
// The person behind a dossier: its sealed contact is opened only at the moment a number is needed and wiped
// right after.
#include "sms/internal.h"

#include "base/err.h"
#include "domain/phone.h"
#include "io/contact_seal.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static int open_plain(const struct keyring *ring, const struct db_result *r, int row, int first,
                      unsigned char *out, size_t *ret_len)
{
    size_t name_len, id_len, sealed_len, wrapped_len;
    unsigned char key[AEAD_KEY_LEN];
    char subject[128];
    const char *name = db_bytes(r, row, first, &name_len);
    const unsigned char *id = (const unsigned char *)db_bytes(r, row, first + 1, &id_len);
    const char *sealed = db_bytes(r, row, first + 2, &sealed_len);
    const char *wrapped = db_bytes(r, row, first + 3, &wrapped_len);
    int n = snprintf(subject, sizeof subject, "dossier:%.*s", (int)name_len, name);
    if (id_len != 16 || n < 0 || (size_t)n >= sizeof subject ||
        sealed_len > CONTACT_PLAIN_MAX + AEAD_OVERHEAD)
        return ERR_CRYPTO;
    int err = unwrap_key(ring, id, subject, wrapped, wrapped_len, key);
    if (err == ERR_OK)
        err = open_blob(key, id, sealed, sealed_len, out, ret_len);
    crypto_wipe(key, sizeof key);
    return err;
}

// The number in {"phone":…}. jansson's copy of the text lives in freed memory of a process that is not
// dumpable (io/keyring.c).
static bool find_number(const unsigned char *plain, size_t len, struct phone *ret)
{
    json_t *json = json_loadb((const char *)plain, len, 0, NULL);
    const char *field = json_string_value(json_object_get(json, "phone"));
    bool found = field && phone_parse(field, strlen(field), ret) == FAULT_OK;
    json_decref(json);
    return found;
}

int recipient_open(const struct keyring *ring, const struct db_result *r, int row, int first,
                   struct recipient *ret_recipient, const char **ret_why)
{
    unsigned char plain[CONTACT_PLAIN_MAX];
    size_t len = 0;
    struct phone phone;
    if (db_null(r, row, first) || db_null(r, row, first + 1)) {
        *ret_why = "no-contact";
        return ERR_NOT_FOUND;
    }
    if (db_null(r, row, first + 2) || db_null(r, row, first + 3)) {
        *ret_why = "forgotten";
        return ERR_NOT_FOUND;
    }
    int err = open_plain(ring, r, row, first, plain, &len);
    if (err != ERR_OK) {
        *ret_why = "unreadable-contact";
    } else if (!find_number(plain, len, &phone)) {
        *ret_why = "no-mobile-number";
        err = ERR_NOT_FOUND;
    } else {
        snprintf(ret_recipient->phone, sizeof ret_recipient->phone, "%s", phone.e164);
        const struct crypto_part part = {phone.e164, strlen(phone.e164)};
        crypto_hmac_sha256(keyring_key(ring, KEY_SMS), 32, &part, 1, ret_recipient->hmac);
    }
    crypto_wipe(plain, sizeof plain);
    crypto_wipe(&phone, sizeof phone);
    return err;
}
