// SPDX-License-Identifier: EUPL-1.2
#include "domain/code_kind.h"

#include "domain/attr.h"

const char *code_kind_name(enum code_kind kind)
{
    static const char *const names[] = {
        [CODE_NONE] = "none",   [CODE_DOSSIER] = "dossier",     [CODE_ITEM] = "item",
        [CODE_UNIT] = "unit",   [CODE_TTHC] = "tthc",           [CODE_PHONE] = "phone",
        [CODE_ORDER] = "order", [CODE_CONTAINER] = "container",
    };
    return (unsigned)kind < ARRAY_LEN(names) ? names[kind] : "unknown";
}

const char *code_fault_name(enum code_fault fault)
{
    static const char *const names[] = {
        [FAULT_OK] = "ok",
        [FAULT_NOT_UTF8] = "not-utf8",
        [FAULT_TOO_LONG] = "too-long",
        [FAULT_EMPTY] = "empty",
        [FAULT_SHAPE] = "shape",
        [FAULT_AMBIGUOUS] = "ambiguous",
        [FAULT_CHECK_DIGIT] = "check-digit",
        [FAULT_DIGIT_COUNT] = "digit-count",
        [FAULT_UNIT] = "unit",
        [FAULT_DATE] = "date",
        [FAULT_SERIAL] = "serial",
        [FAULT_LANDLINE] = "landline",
        [FAULT_PHONE_LENGTH] = "phone-length",
        [FAULT_PHONE_START] = "phone-start",
        [FAULT_PHONE_PREFIX] = "phone-prefix",
        [FAULT_NOT_CONTAINER] = "not-container",
    };
    return (unsigned)fault < ARRAY_LEN(names) ? names[fault] : "unknown";
}
