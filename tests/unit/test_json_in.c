// SPDX-License-Identifier: EUPL-1.2
// Strict JSON: what is no object is told with its place.
#include "base/json_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void what_is_not_an_object_is_said(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "Line 1, column 0: the body ends too early."},
        {"{", "Line 1, column 1: the body ends too early."},
        {"{\"a\":1,}", "Line 1, column 8: this is not JSON."},
        {"{\"a\":1} x", "Line 1, column 9: something stands behind the object."},
        {"{\"a\":1,\"a\":2}", "Line 1, column 10: a member stands twice in one object."},
        {"{\"a\":\"\xff\"}", "Line 1, column 6: the text is not UTF-8."},
        {"{\"a\":\"\\u0000\"}", "Line 1, column 13: a string holds U+0000."},
        {"{\"\\u0000\":1}", "Line 1, column 9: a string holds U+0000."},
        {"{\"a\":99999999999999999999}", "Line 1, column 25: a number is too large."},
        {"[1]", "The body is an array, not an object."},
        {"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", "Objects and arrays are nested deeper than 16."},
        {"17", "Line 1, column 2: this is not JSON."},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char why[120] = "";
        json_t *root = json_in_parse(rows[i][0], strlen(rows[i][0]), why, sizeof(why));
        assert_null(root);
        assert_string_equal(why, rows[i][1]);
    }
    char why[120];
    static const char brackets[] = "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[ \\\" [\"}"; // in a string: no depth
    json_t *root = json_in_parse(brackets, strlen(brackets), why, sizeof(why));
    assert_non_null(root);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_not_an_object_is_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
