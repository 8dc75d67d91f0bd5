// SPDX-License-Identifier: EUPL-1.2
// Authorization and Idempotency-Key of the office API: what is taken is within its bounds and its alphabet.
#include "fuzz.h"
#include "portal/office.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char id[OFFICE_KEY_ID_MAX + 1] = "untouched", idem[OFFICE_IDEM_MAX + 1] = "untouched";
    unsigned char hash[SHA256_LEN], same[SHA256_LEN];
    char *header = fuzz_string(data, size);
    if (office_parse_bearer(header, id, hash)) {
        char again[OFFICE_KEY_ID_MAX + OFFICE_SECRET_MAX + 16], id2[OFFICE_KEY_ID_MAX + 1];
        const char *secret = strrchr(header, '.') + 1;
        CHECK(strlen(id) > 0 && strlen(id) <= OFFICE_KEY_ID_MAX);
        CHECK(snprintf(again, sizeof again, "bearer %s.%s", id, secret) < (int)sizeof again);
        CHECK(office_parse_bearer(again, id2, same) && strcmp(id, id2) == 0 &&
              memcmp(hash, same, SHA256_LEN) == 0);
    } else {
        CHECK(strcmp(id, "untouched") == 0);
    }
    if (office_parse_idem(header, idem)) {
        char quoted[OFFICE_IDEM_MAX + 3], again[OFFICE_IDEM_MAX + 1];
        CHECK(strlen(idem) >= OFFICE_IDEM_MIN && strlen(idem) <= OFFICE_IDEM_MAX && !strpbrk(idem, " \"\\"));
        (void)snprintf(quoted, sizeof quoted, "\"%s\"", idem);
        CHECK(office_parse_idem(quoted, again) && strcmp(again, idem) == 0);
    } else {
        CHECK(strcmp(idem, "untouched") == 0);
    }
    free(header);
    return 0;
}
