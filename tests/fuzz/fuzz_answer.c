// SPDX-License-Identifier: EUPL-1.2
// What an office's system answers to a webhook: a status, then lines of Retry-After and webhook-delivery.
// Whatever it says, an event is never taken as delivered without a 2xx, and no pause is longer than a week.
#include "fuzz.h"
#include "webhook/answer.h"

#define WEEK_MS INT64_C(604800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fetch f;
    if (size < 2)
        return 0;
    f.outcome = (enum fetch_outcome)(data[0] % (FETCH_CANCELLED + 1));
    f.status = data[0] * 8 + data[1] % 8;
    size_t at = 2;
    char *after = fuzz_line(data, size, &at), *directive = fuzz_line(data, size, &at);
    (void)snprintf(f.retry_after, sizeof f.retry_after, "%s", after);
    (void)snprintf(f.directive, sizeof f.directive, "%s", directive);
    struct answer a = answer_judge(&f, INT64_C(1795219200000));
    bool good = f.outcome == FETCH_ANSWERED && f.status >= 200 && f.status < 300;
    CHECK((a.verdict == ANSWER_DELIVERED) == good);
    CHECK((a.verdict == ANSWER_NONE) == (f.outcome == FETCH_CANCELLED));
    CHECK(a.retry_after_ms >= 0 && a.retry_after_ms <= WEEK_MS);
    CHECK(a.why && a.why[0] != '\0' && strlen(a.why) < 24);
    CHECK(a.verdict != ANSWER_GONE || f.status == 410);
    CHECK(a.verdict != ANSWER_ABORTED || f.status >= 300 || f.status < 200);
    free(after);
    free(directive);
    return 0;
}
