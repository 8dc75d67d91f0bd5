// SPDX-License-Identifier: EUPL-1.2
// The three headers of a webhook as a receiver reads them: lines of id, timestamp and signature. Nothing
// verifies that was not signed; a genuine signature verifies whatever strange entries stand beside it.
#include "fuzz.h"
#include "io/standard_webhooks.h"

#define NOW_S INT64_C(1795219200)

static struct standard_webhooks_key secret, stranger;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    secret = stranger = (struct standard_webhooks_key){.kind = STANDARD_WEBHOOKS_HMAC, .len = 32};
    memset(secret.bytes, 7, 32);
    memset(stranger.bytes, 8, 32);
    return 0;
}

static void beside_a_genuine_one(const char *id, const char *entries)
{
    char header[STANDARD_WEBHOOKS_HEADER_MAX], stamp[24];
    if (standard_webhooks_sign(&secret, 1, id, NOW_S, "{}", 2, header) != ERR_OK)
        return;
    CHECK(snprintf(stamp, sizeof stamp, "%lld", (long long)NOW_S) > 0);
    size_t cap = strlen(entries) + sizeof header + 2;
    char *both = malloc(cap);
    CHECK(both != NULL);
    (void)snprintf(both, cap, "%s %s", entries, header);
    CHECK(standard_webhooks_verify(&secret, id, stamp, both, "{}", 2, NOW_S) == ERR_OK);
    CHECK(standard_webhooks_verify(&stranger, id, stamp, both, "{}", 2, NOW_S) == ERR_CRYPTO);
    CHECK(standard_webhooks_verify(&secret, id, stamp, both, "{}", 2, NOW_S + 301) == ERR_TIMEOUT);
    CHECK(standard_webhooks_verify(&secret, id, stamp, both, "{ }", 3, NOW_S) == ERR_CRYPTO);
    free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    char *id = fuzz_line(data, size, &at), *stamp = fuzz_line(data, size, &at),
         *signature = fuzz_line(data, size, &at);
    int err = standard_webhooks_verify(&secret, id, stamp, signature, data, size, NOW_S);
    CHECK(err == ERR_INVALID || err == ERR_TIMEOUT || err == ERR_CRYPTO); // nobody signed that
    CHECK(standard_webhooks_verify(&secret, NULL, stamp, signature, data, size, NOW_S) == ERR_INVALID);
    beside_a_genuine_one(id, signature);
    free(id);
    free(stamp);
    free(signature);
    return 0;
}
