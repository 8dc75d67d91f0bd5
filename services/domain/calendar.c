// SPDX-License-Identifier: EUPL-1.2
// Conversions after Howard Hinnant, "chrono-compatible low-level date algorithms" (public domain): years
// begin in March, so the leap day is the last of its year.
#include "domain/calendar.h"

#define EPOCH_DAYS 719468 // from 0000-03-01 to 1970-01-01
#define ERA_DAYS   146097 // of 400 years

bool calendar_is_date(int year, int month, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1970 || year > 9999 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

int64_t calendar_days(struct calendar_date d)
{
    int64_t y = d.year - (d.month <= 2 ? 1 : 0);
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH_DAYS;
}

struct calendar_date calendar_date(int64_t days)
{
    int64_t z = days + EPOCH_DAYS, era = z / ERA_DAYS, of_era = z - era * ERA_DAYS;
    int64_t years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * years + years / 4 - years / 100), march = (5 * of_year + 2) / 153;
    int month = (int)(march < 10 ? march + 3 : march - 9);
    return (struct calendar_date){(int)(years + era * 400) + (month <= 2 ? 1 : 0), month,
                                  (int)(of_year - (153 * march + 2) / 5) + 1};
}

int calendar_weekday(int64_t days)
{
    return (int)((days + 3) % 7); // 1970-01-01 was a Thursday
}

bool calendar_parse(const char *s, size_t len, struct calendar_date *ret)
{
    int n[3] = {0, 0, 0}, part = 0;
    if (len != 10)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (i == 4 || i == 7) {
            if (s[i] != '-')
                return false;
            part++;
        } else if (s[i] < '0' || s[i] > '9') {
            return false;
        } else {
            n[part] = n[part] * 10 + (s[i] - '0');
        }
    }
    if (!calendar_is_date(n[0], n[1], n[2]))
        return false;
    *ret = (struct calendar_date){n[0], n[1], n[2]};
    return true;
}
