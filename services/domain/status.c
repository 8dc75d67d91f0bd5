// SPDX-License-Identifier: EUPL-1.2
#include "domain/status.h"

#include <string.h>

static const char *const digits[STATUS_MAX + 1] = {"", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};

bool status_parse(const char *s, size_t len, enum dossier_status *ret)
{
    for (unsigned i = 1; i <= STATUS_MAX; i++) {
        if (strlen(digits[i]) == len && memcmp(digits[i], s, len) == 0) {
            *ret = (enum dossier_status)i;
            return true;
        }
    }
    return false;
}

const char *status_digits(unsigned status)
{
    return status <= STATUS_MAX ? digits[status] : "";
}
