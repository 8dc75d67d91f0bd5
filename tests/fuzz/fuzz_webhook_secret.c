// SPDX-License-Identifier: EUPL-1.2
// Secrets of Standard Webhooks as they are handed around: parse, print, parse.
#include "fuzz.h"
#include "io/standard_webhooks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct standard_webhooks_key key, again, public;
    char text[STANDARD_WEBHOOKS_TEXT_MAX], header[STANDARD_WEBHOOKS_HEADER_MAX];
    int err = standard_webhooks_parse((const char *)data, size, &key);
    CHECK(err == ERR_OK || err == ERR_INVALID);
    if (err)
        return 0;
    CHECK(key.len > 0 && key.len <= STANDARD_WEBHOOKS_SECRET_MAX);
    standard_webhooks_print(&key, text);
    CHECK(strnlen(text, sizeof text) < sizeof text);
    CHECK(standard_webhooks_parse(text, strlen(text), &again) == ERR_OK);
    CHECK(again.kind == key.kind && fuzz_same(key.bytes, key.len, again.bytes, again.len));
    if (key.kind == STANDARD_WEBHOOKS_VERIFY) {
        CHECK(standard_webhooks_sign(&key, 1, "msg_1", 1, "x", 1, header) == ERR_INVALID);
        return 0;
    }
    CHECK(standard_webhooks_sign(&key, 1, "msg_1", 1, "x", 1, header) == ERR_OK);
    public = key;
    if (key.kind == STANDARD_WEBHOOKS_SIGN)
        standard_webhooks_public(&key, &public);
    CHECK(standard_webhooks_verify(&public, "msg_1", "1", header, "x", 1, 1) == ERR_OK);
    CHECK(standard_webhooks_verify(&public, "msg_1", "1", header, "y", 1, 1) == ERR_CRYPTO);
    return 0;
}
