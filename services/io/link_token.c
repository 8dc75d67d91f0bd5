// SPDX-License-Identifier: EUPL-1.2
#include "io/link_token.h"

#include "base/err.h"

#include <string.h>

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; // Crockford: no i, l, o, u

static void put_big_endian(unsigned char *out, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (unsigned char)(v >> (8 * (bytes - 1 - i)));
}

void link_token_make(const struct keyring *ring, uint32_t epoch, int16_t lane, int64_t dossier,
                     char out[LINK_TOKEN_LEN + 1])
{
    unsigned char subject[14], mac[SHA256_LEN];
    put_big_endian(subject, epoch, 4);
    put_big_endian(subject + 4, (uint16_t)lane, 2);
    put_big_endian(subject + 6, (uint64_t)dossier, 8);
    crypto_hmac_sha256(keyring_key(ring, KEY_TOKEN), 32, &(struct crypto_part){subject, sizeof subject}, 1,
                       mac);
    for (unsigned i = 0; i < LINK_TOKEN_LEN; i++) {
        unsigned bit = i * 5, byte = bit / 8;
        unsigned pair = (unsigned)mac[byte] << 8 | mac[byte + 1];
        out[i] = alphabet[pair >> (11 - bit % 8) & 31];
    }
    out[LINK_TOKEN_LEN] = '\0';
}

static int normal_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        c = (char)(c - 'A' + 'a');
    if (c == 'i' || c == 'l')
        return '1';
    if (c == 'o')
        return '0';
    return c != '\0' && strchr(alphabet, c) ? c : -1;
}

int link_token_normalise(const char *s, size_t len, char out[LINK_TOKEN_LEN + 1])
{
    char token[LINK_TOKEN_LEN + 1];
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '-')
            continue;
        int c = normal_char(s[i]);
        if (c < 0 || n == LINK_TOKEN_LEN)
            return ERR_INVALID;
        token[n++] = (char)c;
    }
    if (n != LINK_TOKEN_LEN)
        return ERR_INVALID;
    token[n] = '\0';
    memcpy(out, token, sizeof token);
    return ERR_OK;
}

void link_token_hash(const char token[LINK_TOKEN_LEN + 1], unsigned char out[SHA256_LEN])
{
    crypto_sha256(token, LINK_TOKEN_LEN, out);
}
