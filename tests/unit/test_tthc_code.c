// SPDX-License-Identifier: EUPL-1.2
// Codes of administrative procedures.
#include "expect.h"

#include "domain/attr.h"
#include "domain/tthc_code.h"

static void procedures_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum code_fault fault;
        const char *procedure, *unit;
    } rows[] = {
        {"2.002492", FAULT_OK, "2.002492", ""},
        {"1.001612.000.00.00.H48", FAULT_OK, "1.001612", "000.00.00.H48"},
        {"3.000181.000.00.00.H22", FAULT_OK, "3.000181", "000.00.00.H22"},
        {"1.001612.000.00.H48", FAULT_UNIT, "", ""},
        {"1.001612.H48", FAULT_UNIT, "", ""}, // the list has units in the old form only
        {"1.001612.", FAULT_UNIT, "", ""},
        {"1.0016121", FAULT_SHAPE, "", ""},
        {"2.00249", FAULT_SHAPE, "", ""},
        {"12.002492", FAULT_SHAPE, "", ""},
        {"2002492", FAULT_SHAPE, "", ""},
        {"A.002492", FAULT_SHAPE, "", ""},
        {"", FAULT_SHAPE, "", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tthc_code code = {.procedure = ""};
        expect_fault(rows[i].s, tthc_code_parse(rows[i].s, strlen(rows[i].s), &code), rows[i].fault);
        expect_text(rows[i].s, code.procedure, rows[i].procedure);
        expect_text(rows[i].s, code.unit.text, rows[i].unit);
        expect_text(rows[i].s, code.text, rows[i].fault == FAULT_OK ? rows[i].s : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(procedures_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
