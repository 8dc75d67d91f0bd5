// SPDX-License-Identifier: EUPL-1.2
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *condition)
{
    (void)fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
    abort();
}
