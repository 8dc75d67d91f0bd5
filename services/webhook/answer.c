// SPDX-License-Identifier: EUPL-1.2
#include "webhook/answer.h"

#include "io/http.h"

#include <strings.h>

#define HTTP_PREFIX       "http-"
#define RETRY_AFTER_MAX_S (7 * 24 * 3600) // beyond the whole schedule; keeps the sum small

static bool is_throttle(int status, int64_t retry_after_ms)
{
    return status == 429 || status == 502 || status == 504 || (status == 503 && retry_after_ms > 0);
}

struct answer answer_judge(const struct fetch *f, int64_t wall_now_ms)
{
    static char why[sizeof HTTP_PREFIX + BUF_INT_MAX] = HTTP_PREFIX;
    struct answer a = {.verdict = ANSWER_FAILED, .blames = true};
    if (f->outcome == FETCH_CANCELLED) {
        a.verdict = ANSWER_NONE;
        a.blames = false;
    }
    if (f->outcome != FETCH_ANSWERED) {
        a.why = fetch_outcome_name(f->outcome);
        return a;
    }
    (void)buf_format_int(f->status, why + sizeof HTTP_PREFIX - 1);
    a.why = why;
    if (f->status >= 200 && f->status < 300) {
        a.verdict = ANSWER_DELIVERED;
        return a;
    }
    int64_t after_s = f->retry_after[0] ? http_parse_retry_after(f->retry_after, wall_now_ms) : 0;
    if (after_s > RETRY_AFTER_MAX_S)
        after_s = RETRY_AFTER_MAX_S;
    a.retry_after_ms = after_s > 0 ? after_s * 1000 : 0;
    a.throttle = is_throttle(f->status, a.retry_after_ms);
    a.blames = f->status != 429;
    if (f->status == 410)
        a.verdict = ANSWER_GONE;
    else if (strcasecmp(f->directive, "abort-message") == 0)
        a.verdict = ANSWER_ABORTED;
    return a;
}
