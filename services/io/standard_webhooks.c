// SPDX-License-Identifier: EUPL-1.2
#include "io/standard_webhooks.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "io/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HMAC_PREFIX   "whsec_"
#define SIGN_PREFIX   "whsk_"
#define VERIFY_PREFIX "whpk_"
#define ID_MAX        64
#define TIMESTAMP_MAX 24

static bool take_prefix(const char **text, size_t *len, const char *prefix)
{
    size_t n = strlen(prefix);
    if (*len < n || memcmp(*text, prefix, n) != 0)
        return false;
    *text += n;
    *len -= n;
    return true;
}

int standard_webhooks_parse(const char *text, size_t len, struct standard_webhooks_key *ret_key)
{
    struct standard_webhooks_key key = {.kind = STANDARD_WEBHOOKS_HMAC};
    if (take_prefix(&text, &len, SIGN_PREFIX))
        key.kind = STANDARD_WEBHOOKS_SIGN;
    else if (take_prefix(&text, &len, VERIFY_PREFIX))
        key.kind = STANDARD_WEBHOOKS_VERIFY;
    else
        (void)take_prefix(&text, &len, HMAC_PREFIX);
    if (crypto_base64_decode(text, len, key.bytes, sizeof key.bytes, &key.len) != ERR_OK || key.len == 0)
        return ERR_INVALID;
    if (key.kind == STANDARD_WEBHOOKS_SIGN && key.len == ED25519_SEED_LEN + ED25519_PUB_LEN) {
        unsigned char pub[ED25519_PUB_LEN];
        crypto_ed25519_public(key.bytes, pub);
        if (!crypto_equal(pub, key.bytes + ED25519_SEED_LEN, sizeof pub))
            return ERR_INVALID;
        key.len = ED25519_SEED_LEN;
    }
    if (key.kind != STANDARD_WEBHOOKS_HMAC && key.len != ED25519_SEED_LEN)
        return ERR_INVALID;
    *ret_key = key;
    return ERR_OK;
}

void standard_webhooks_print(const struct standard_webhooks_key *key, char out[STANDARD_WEBHOOKS_TEXT_MAX])
{
    static const char *const prefixes[] = {
        [STANDARD_WEBHOOKS_HMAC] = HMAC_PREFIX,
        [STANDARD_WEBHOOKS_SIGN] = SIGN_PREFIX,
        [STANDARD_WEBHOOKS_VERIFY] = VERIFY_PREFIX,
    };
    size_t n = strlen(prefixes[key->kind]);
    memcpy(out, prefixes[key->kind], n);
    (void)crypto_base64(key->bytes, key->len, out + n);
}

void standard_webhooks_generate(enum standard_webhooks_kind kind, struct standard_webhooks_key *ret_key)
{
    CHECK(kind != STANDARD_WEBHOOKS_VERIFY);
    *ret_key = (struct standard_webhooks_key){.kind = kind, .len = ED25519_SEED_LEN};
    crypto_random(ret_key->bytes, ret_key->len);
}

void standard_webhooks_public(const struct standard_webhooks_key *key,
                              struct standard_webhooks_key *ret_public)
{
    CHECK(key->kind == STANDARD_WEBHOOKS_SIGN);
    *ret_public = (struct standard_webhooks_key){.kind = STANDARD_WEBHOOKS_VERIFY, .len = ED25519_PUB_LEN};
    crypto_ed25519_public(key->bytes, ret_public->bytes);
}

// The dot separates the signed fields, so neither may hold one; blanks would end the header.
static bool id_ok(const char *id)
{
    size_t len = strnlen(id, ID_MAX + 1);
    if (len == 0 || len > ID_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (id[i] <= ' ' || id[i] > '~' || id[i] == '.')
            return false;
    }
    return true;
}

// The message in one piece, which Ed25519 wants; NULL when there is no memory.
static unsigned char *join(const char *prefix, size_t prefix_len, const void *body, size_t body_len)
{
    unsigned char *message = malloc(prefix_len + body_len + 1);
    if (!message)
        return NULL;
    memcpy(message, prefix, prefix_len);
    if (body_len > 0)
        memcpy(message + prefix_len, body, body_len);
    return message;
}

static int sign_one(const struct standard_webhooks_key *key, const char *prefix, size_t prefix_len,
                    const void *body, size_t body_len, char *out, size_t *ret_len)
{
    unsigned char mac[ED25519_SIG_LEN];
    size_t mac_len;
    const char *version;
    if (key->kind == STANDARD_WEBHOOKS_HMAC) {
        const struct crypto_part parts[] = {{prefix, prefix_len}, {body, body_len}};
        crypto_hmac_sha256(key->bytes, key->len, parts, ARRAY_LEN(parts), mac);
        mac_len = SHA256_LEN;
        version = "v1,";
    } else if (key->kind == STANDARD_WEBHOOKS_SIGN) {
        unsigned char *message = join(prefix, prefix_len, body, body_len);
        if (!message)
            return ERR_NO_MEMORY;
        crypto_ed25519_sign(key->bytes, message, prefix_len + body_len, mac);
        free(message);
        mac_len = ED25519_SIG_LEN;
        version = "v1a,";
    } else {
        return ERR_INVALID;
    }
    size_t n = strlen(version);
    memcpy(out, version, n);
    *ret_len = n + crypto_base64(mac, mac_len, out + n);
    return ERR_OK;
}

int standard_webhooks_sign(const struct standard_webhooks_key *keys, size_t count, const char *id,
                           int64_t timestamp_s, const void *body, size_t body_len,
                           char ret_header[STANDARD_WEBHOOKS_HEADER_MAX])
{
    // "v1a," and the base64 of 64 bytes are 92 characters; with the blank and the NUL all fit.
    _Static_assert(STANDARD_WEBHOOKS_KEYS_MAX * (92 + 1) <= STANDARD_WEBHOOKS_HEADER_MAX, "header size");
    char prefix[ID_MAX + TIMESTAMP_MAX + 3], header[STANDARD_WEBHOOKS_HEADER_MAX];
    size_t at = 0;
    if (!id_ok(id) || count == 0 || count > STANDARD_WEBHOOKS_KEYS_MAX)
        return ERR_INVALID;
    size_t prefix_len = strlen(id);
    memcpy(prefix, id, prefix_len);
    prefix[prefix_len++] = '.';
    prefix_len += buf_format_int(timestamp_s, prefix + prefix_len);
    prefix[prefix_len++] = '.';
    for (size_t i = 0; i < count; i++) {
        size_t len;
        if (i > 0)
            header[at++] = ' ';
        int err = sign_one(&keys[i], prefix, prefix_len, body, body_len, header + at, &len);
        if (err)
            return err;
        at += len;
    }
    memcpy(ret_header, header, at + 1);
    return ERR_OK;
}

// ---------------------------------------------------------------- the receiver's side

static bool hmac_matches(const struct standard_webhooks_key *key, const char *prefix, size_t prefix_len,
                         const void *body, size_t body_len, const unsigned char *mac, size_t mac_len)
{
    unsigned char want[SHA256_LEN];
    const struct crypto_part parts[] = {{prefix, prefix_len}, {body, body_len}};
    if (mac_len != sizeof want)
        return false;
    crypto_hmac_sha256(key->bytes, key->len, parts, ARRAY_LEN(parts), want);
    return crypto_equal(want, mac, sizeof want);
}

static bool entry_matches(const struct standard_webhooks_key *key, const char *prefix, size_t prefix_len,
                          const void *body, size_t body_len, const char *entry, size_t entry_len)
{
    const char *version = key->kind == STANDARD_WEBHOOKS_HMAC ? "v1," : "v1a,";
    unsigned char mac[ED25519_SIG_LEN];
    size_t mac_len;
    if (!take_prefix(&entry, &entry_len, version) ||
        crypto_base64_decode(entry, entry_len, mac, sizeof mac, &mac_len) != ERR_OK)
        return false;
    if (key->kind == STANDARD_WEBHOOKS_HMAC)
        return hmac_matches(key, prefix, prefix_len, body, body_len, mac, mac_len);
    if (mac_len != ED25519_SIG_LEN)
        return false;
    struct standard_webhooks_key pub = *key;
    if (key->kind == STANDARD_WEBHOOKS_SIGN)
        standard_webhooks_public(key, &pub);
    unsigned char *message = join(prefix, prefix_len, body, body_len);
    bool ok = message && crypto_ed25519_verify(pub.bytes, message, prefix_len + body_len, mac) == ERR_OK;
    free(message);
    return ok;
}

int standard_webhooks_verify(const struct standard_webhooks_key *key, const char *id, const char *timestamp,
                             const char *signature, const void *body, size_t body_len, int64_t now_s)
{
    char prefix[ID_MAX + TIMESTAMP_MAX + 3];
    char *end;
    if (!id || !timestamp || !signature || !id_ok(id) || !*signature)
        return ERR_INVALID;
    errno = 0;
    long long at = strtoll(timestamp, &end, 10);
    if (errno || *timestamp < '0' || *timestamp > '9' || *end || strlen(timestamp) > TIMESTAMP_MAX)
        return ERR_INVALID;
    if (at < now_s - STANDARD_WEBHOOKS_TOLERANCE_S || at > now_s + STANDARD_WEBHOOKS_TOLERANCE_S)
        return ERR_TIMEOUT;
    int prefix_len = snprintf(prefix, sizeof prefix, "%s.%s.", id, timestamp);
    while (*signature) {
        size_t len = strcspn(signature, " ");
        if (entry_matches(key, prefix, (size_t)prefix_len, body, body_len, signature, len))
            return ERR_OK;
        signature += len;
        signature += strspn(signature, " ");
    }
    return ERR_CRYPTO;
}
