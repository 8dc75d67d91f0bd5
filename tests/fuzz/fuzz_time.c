// SPDX-License-Identifier: EUPL-1.2
// Dates, RFC 3339 times of the office API and Retry-After: days of the calendar, and what is printed reads
// back as the same moment.
#include "base/json.h"
#include "domain/calendar.h"
#include "fuzz.h"
#include "io/http.h"
#include "portal/body.h"

#define NOW_MS  INT64_C(1795219200000)
#define LAST_MS INT64_C(253402300799999) // of the year 9999

static void a_date(const char *s, size_t size)
{
    struct calendar_date d;
    if (!calendar_parse(s, size, &d))
        return;
    char text[16];
    CHECK(size == 10 && calendar_is_date(d.year, d.month, d.day));
    CHECK(snprintf(text, sizeof text, "%04d-%02d-%02d", d.year, d.month, d.day) == 10);
    CHECK(memcmp(text, s, 10) == 0);
    int64_t days = calendar_days(d);
    struct calendar_date again = calendar_date(days);
    CHECK(days >= 0 && days <= 2932896 && calendar_weekday(days) >= 0 && calendar_weekday(days) <= 6);
    CHECK(again.year == d.year && again.month == d.month && again.day == d.day);
}

static void a_time(const char *s, size_t size)
{
    int64_t ms = -1, again;
    if (!body_parse_time(s, size, &ms)) {
        CHECK(ms == -1);
        return;
    }
    CHECK(ms >= 0 && ms <= LAST_MS + CALENDAR_DAY_MS);
    if (ms > LAST_MS)
        return; // in the year 10000 by Greenwich: RFC 3339 cannot print it
    struct buf text;
    struct jout j;
    buf_init(&text, 64);
    jout_init(&j, &text);
    jout_time(&j, NULL, ms);
    CHECK(buf_error(&text) == ERR_OK && text.len == 26);
    CHECK(body_parse_time(text.data + 1, text.len - 2, &again) && again == ms);
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    a_date((const char *)data, size);
    a_time((const char *)data, size);
    char *value = fuzz_string(data, size);
    int64_t seconds = http_parse_retry_after(value, NOW_MS);
    CHECK(seconds >= -1);
    CHECK(seconds < 0 || strspn(value, " ") == strlen(value) || strpbrk(value, "0123456789"));
    free(value);
    return 0;
}
