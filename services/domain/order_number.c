// SPDX-License-Identifier: EUPL-1.2
#include "domain/order_number.h"

#include <string.h>

size_t order_number_head(const char *s, size_t len)
{
    const char *cut = len > 0 ? memmem(s, len, "__", 2) : NULL;
    return cut == NULL ? len : (size_t)(cut - s);
}

enum code_fault order_number_parse(const char *s, size_t len, struct dossier_code *ret)
{
    return dossier_code_parse(s, order_number_head(s, len), ret);
}
