// SPDX-License-Identifier: EUPL-1.2
// The Gregorian calendar as numbers: days are counted from 1970-01-01. Vietnam has one time zone, UTC+7,
// without daylight saving, so local time is plain addition.
#pragma once
#include "domain/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALENDAR_DAY_MS  86400000
#define CALENDAR_ZONE_MS (7 * 3600000) // Asia/Ho_Chi_Minh

struct calendar_date {
    int year, month, day; // 1970–9999, 1–12, 1–31
};

MUST_CHECK bool calendar_is_date(int year, int month, int day);
// d: a date of the calendar.
int64_t calendar_days(struct calendar_date d);
// days: 0 (1970-01-01) to 2932896 (9999-12-31).
struct calendar_date calendar_date(int64_t days);
// 0 = Monday … 6 = Sunday.
int calendar_weekday(int64_t days);
// "YYYY-MM-DD", a real day of 1970–9999.
MUST_CHECK bool calendar_parse(const char *s, size_t len, struct calendar_date *ret);
