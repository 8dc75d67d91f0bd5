// SPDX-License-Identifier: EUPL-1.2
// Base64 (RFC 4648 §4, §5) and hex. Decoding takes what real peers send: either alphabet, padding or none,
// and stray low bits in the last character (the reference libraries of Standard Webhooks accept such
// secrets).
#include "io/crypto.h"

#include "base/err.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(const unsigned char *in, size_t len, const char *alphabet, bool pad, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)in[i] << 16;
        if (left > 1)
            group |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            group |= in[i + 2];
        out[n++] = alphabet[group >> 18 & 63];
        out[n++] = alphabet[group >> 12 & 63];
        if (left > 1)
            out[n++] = alphabet[group >> 6 & 63];
        else if (pad)
            out[n++] = '=';
        if (left > 2)
            out[n++] = alphabet[group & 63];
        else if (pad)
            out[n++] = '=';
    }
    out[n] = '\0';
    return n;
}

size_t crypto_base64(const void *data, size_t len, char *out)
{
    return encode(data, len, standard, true, out);
}

size_t crypto_base64url(const void *data, size_t len, char *out)
{
    return encode(data, len, url_safe, false, out);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

int crypto_base64_decode(const char *s, size_t len, unsigned char *out, size_t cap, size_t *ret_len)
{
    size_t padding = 0;
    while (padding < 2 && padding < len && s[len - 1 - padding] == '=')
        padding++;
    if (padding > 0 && len % 4 != 0)
        return ERR_INVALID;
    size_t digits = len - padding;
    if (digits % 4 == 1)
        return ERR_INVALID;
    if (digits / 4 * 3 + (digits % 4 * 3) / 4 > cap)
        return ERR_TOO_BIG;
    uint32_t bits = 0;
    unsigned held = 0; // bits in `bits` not yet written
    size_t n = 0;
    for (size_t i = 0; i < digits; i++) {
        int digit = base64_digit(s[i]);
        if (digit < 0)
            return ERR_INVALID;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (unsigned char)(bits >> held & 255);
        }
    }
    *ret_len = n;
    return ERR_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int crypto_hex_decode(const char *s, size_t len, unsigned char *out, size_t cap, size_t *ret_len)
{
    if (len % 2 != 0)
        return ERR_INVALID;
    if (len / 2 > cap)
        return ERR_TOO_BIG;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);
        if (high < 0 || low < 0)
            return ERR_INVALID;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    *ret_len = len / 2;
    return ERR_OK;
}
