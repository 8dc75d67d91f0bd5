// SPDX-License-Identifier: EUPL-1.2
// Procedure codes: the number, and behind it a unit in the old form or nothing.
#include "domain/tthc_code.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tthc_code c;
    struct unit_id unit;
    if (tthc_code_parse((const char *)data, size, &c) != FAULT_OK)
        return 0;
    CHECK(fuzz_same(c.text, c.len, data, size) && c.len <= TTHC_CODE_MAX && strlen(c.procedure) == 8);
    CHECK(strncmp(c.text, c.procedure, 8) == 0);
    CHECK(c.len == (c.unit.len ? 8 + 1 + c.unit.len : 8));
    if (c.unit.len)
        CHECK(unit_id_parse(c.unit.text, c.unit.len, &unit) == FAULT_OK && unit.form == UNIT_OLD);
    return 0;
}
