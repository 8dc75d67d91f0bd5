// SPDX-License-Identifier: EUPL-1.2
// The token of a citizen's link as somebody types it: sixteen symbols of the alphabet, or nothing.
#include "fuzz.h"
#include "io/link_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char token[LINK_TOKEN_LEN + 1] = "untouched", again[LINK_TOKEN_LEN + 1];
    int err = link_token_normalise((const char *)data, size, token);
    if (err != ERR_OK) {
        CHECK(err == ERR_INVALID && strcmp(token, "untouched") == 0);
        return 0;
    }
    CHECK(size >= LINK_TOKEN_LEN && strlen(token) == LINK_TOKEN_LEN);
    CHECK(strspn(token, "0123456789abcdefghjkmnpqrstvwxyz") == LINK_TOKEN_LEN);
    CHECK(link_token_normalise(token, LINK_TOKEN_LEN, again) == ERR_OK && strcmp(token, again) == 0);
    return 0;
}
