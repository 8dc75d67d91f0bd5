// SPDX-License-Identifier: EUPL-1.2
// The receipt of an SMS provider: what is taken names a message and one of two ends, and means the same when
// it is written plainly.
#include "domain/wire.h"
#include "fuzz.h"
#include "sms/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char id[16], same[16];
    char uuid[37], plain[128];
    bool delivered, again;
    if (!receipt_parse((const char *)data, size, id, &delivered))
        return 0;
    wire_print_uuid(id, uuid);
    int n = snprintf(plain, sizeof plain, "{\"state\":\"%s\",\"reference\":\"%s\"}",
                     delivered ? "delivered" : "undelivered", uuid);
    CHECK(receipt_parse(plain, (size_t)n, same, &again));
    CHECK(again == delivered && memcmp(id, same, sizeof id) == 0);
    return 0;
}
