// SPDX-License-Identifier: EUPL-1.2
// Assertions over tables of inputs: a failure names the row, not only the line.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/code_kind.h"

static inline void expect_fault(const char *input, enum code_fault got, enum code_fault want)
{
    if (got != want)
        fail_msg("'%s': %s, expected %s", input, code_fault_name(got), code_fault_name(want));
}

static inline void expect_text(const char *input, const char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fail_msg("'%s': '%s', expected '%s'", input, got, want);
}
