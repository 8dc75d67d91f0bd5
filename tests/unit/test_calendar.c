// SPDX-License-Identifier: EUPL-1.2
// Every day from 1970 to 9999, against a plain count of days.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/calendar.h"

static void every_day_there_and_back(void **state)
{
    (void)state;
    int64_t days = 0;
    for (int y = 1970; y <= 9999; y++) {
        for (int m = 1; m <= 12; m++) {
            for (int d = 1; d <= 31; d++) {
                if (!calendar_is_date(y, m, d))
                    continue;
                struct calendar_date back = calendar_date(days);
                if (calendar_days((struct calendar_date){y, m, d}) != days || back.year != y ||
                    back.month != m || back.day != d)
                    fail_msg("%d-%d-%d is not day %ld", y, m, d, (long)days);
                days++;
            }
        }
    }
    assert_int_equal(days, 2932897);
}

static void known_days(void **state)
{
    (void)state;
    assert_int_equal(calendar_weekday(calendar_days((struct calendar_date){2026, 11, 21})), 5); // a Saturday
    assert_int_equal(calendar_weekday(calendar_days((struct calendar_date){2000, 2, 29})), 1);  // a Tuesday
    assert_true(calendar_is_date(2000, 2, 29));
    assert_false(calendar_is_date(2100, 2, 29));
    assert_false(calendar_is_date(2026, 4, 31));
    assert_false(calendar_is_date(1969, 12, 31));
    assert_false(calendar_is_date(2026, 0, 1));
    assert_false(calendar_is_date(2026, 1, 0));
}

static void text(void **state)
{
    (void)state;
    struct calendar_date d = {0, 0, 0};
    assert_true(calendar_parse("2024-02-29", 10, &d));
    assert_int_equal(d.year * 10000 + d.month * 100 + d.day, 20240229);
    static const char *const wrong[] = {"2023-02-29", "2024-2-29", "2024/02/29", "24-02-29",
                                        "2024-02-2a", "",          "2024-02-290"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(calendar_parse(wrong[i], strlen(wrong[i]), &d));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_day_there_and_back),
                                       cmocka_unit_test(known_days), cmocka_unit_test(text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
