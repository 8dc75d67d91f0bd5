// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/ready.h"

#include <string.h>

static void prints(const char *expected)
{
    struct buf b;
    buf_init(&b, 4000);
    ready_print(&b);
    assert_int_equal(buf_error(&b), ERR_OK);
    assert_string_equal(buf_str(&b), expected);
    buf_done(&b);
}

static void ready_means_no_unmet_condition(void **state)
{
    (void)state;
    assert_true(ready_all());
    ready_set("db", "connecting");
    ready_set("segments", NULL);
    assert_false(ready_all());
    prints("{\"ready\":false,\"reasons\":[{\"condition\":\"db\",\"reason\":\"connecting\"}]}");
    ready_set("segments", "1 left");
    ready_set("db", NULL);
    prints("{\"ready\":false,\"reasons\":[{\"condition\":\"segments\",\"reason\":\"1 left\"}]}");
    ready_set("segments", NULL);
    assert_true(ready_all());
    prints("{\"ready\":true,\"reasons\":[]}");
}

static void reasons_are_copied_and_cut(void **state)
{
    (void)state;
    char why[400];
    memset(why, 'x', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    ready_set("db", why);
    memset(why, 'y', sizeof why - 1);
    struct buf b;
    buf_init(&b, 4000);
    ready_print(&b);
    assert_null(strstr(buf_str(&b), "yy"));
    const char *first = strstr(buf_str(&b), "xxx");
    assert_non_null(first);
    size_t run = strspn(first, "x");
    assert_int_equal(run, 200);
    buf_done(&b);
    ready_set("db", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ready_means_no_unmet_condition),
        cmocka_unit_test(reasons_are_copied_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
