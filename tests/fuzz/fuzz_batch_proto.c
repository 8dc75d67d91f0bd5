// SPDX-License-Identifier: EUPL-1.2
// The body of POST /v1/scans as protobuf.
#include "scans.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct batch b;
    struct refusal r = {0};
    batch_init(&b);
    int err = batch_parse_proto(&b, data, size, &r);
    if (err == ERR_OK)
        scans_mean_the_same(&b);
    else
        scans_refused(err, &r);
    batch_done(&b);
    return 0;
}
