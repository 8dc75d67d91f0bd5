// SPDX-License-Identifier: EUPL-1.2
// One dossier, one stored code, in whichever legal form its unit was written.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/dossier_code.h"

static void both_forms_of_a_unit_meet(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"000.00.16.H34-190102-0007", "H34.16-190102-0007"},
        {"H34.16-190102-0007", "H34.16-190102-0007"},
        {"000.17.22.H56-210531-0001", "H56.22.17-210531-0001"},
        {"000.00.00.G22-210531-10234", "G22-210531-10234"},
        {"001.00.16.H34-190102-0007", "H34.16.001-190102-0007"},
        {"000.00.12.H05-240229-0001", "H05.12-240229-0001"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct dossier_code code;
        assert_int_equal(dossier_code_parse(pairs[i][0], strlen(pairs[i][0]), &code), FAULT_OK);
        dossier_code_canonical(&code, &code);
        assert_string_equal(code.text, pairs[i][1]);
        assert_int_equal(code.len, strlen(pairs[i][1]));
        struct dossier_code again = code;
        dossier_code_canonical(&code, &again);
        assert_string_equal(again.text, code.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_forms_of_a_unit_meet)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
