// SPDX-License-Identifier: EUPL-1.2
// Order numbers of the carrier: the head before the first "__", read as a dossier code.
#include "domain/order_number.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    struct dossier_code whole, head;
    size_t n = order_number_head(s, size);
    CHECK(n <= size && (n == size || (n + 2 <= size && s[n] == '_' && s[n + 1] == '_')));
    CHECK(order_number_head(s, n) == n);
    enum code_fault fault = order_number_parse(s, size, &whole);
    CHECK(dossier_code_parse(s, n, &head) == fault);
    CHECK(fault != FAULT_OK || strcmp(whole.text, head.text) == 0);
    return 0;
}
