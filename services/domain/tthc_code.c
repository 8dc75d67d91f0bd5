// SPDX-License-Identifier: EUPL-1.2
#include "domain/tthc_code.h"

#include "domain/ascii.h"

#include <string.h>

#define NUMBER_PATTERN "9.999999"
#define NUMBER_LEN     8

enum code_fault tthc_code_parse(const char *s, size_t len, struct tthc_code *ret)
{
    if (!ascii_starts(s, len, NUMBER_PATTERN))
        return FAULT_SHAPE;
    struct tthc_code code = {.len = len};
    if (len > NUMBER_LEN) {
        if (s[NUMBER_LEN] != '.')
            return FAULT_SHAPE;
        if (unit_id_parse(s + NUMBER_LEN + 1, len - NUMBER_LEN - 1, &code.unit) != FAULT_OK ||
            code.unit.form != UNIT_OLD)
            return FAULT_UNIT;
    }
    memcpy(code.text, s, len);
    memcpy(code.procedure, s, NUMBER_LEN);
    *ret = code;
    return FAULT_OK;
}
