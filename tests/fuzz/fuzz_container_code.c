// SPDX-License-Identifier: EUPL-1.2
// Codes of containers: what is stored reads as the same container, and never as an item or a dossier.
#include "domain/container_code.h"
#include "fuzz.h"

#include "domain/dossier_code.h"
#include "domain/item_code.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct container_code c, again;
    struct item_code item;
    struct dossier_code dossier;
    if (container_code_parse((const char *)data, size, &c) != FAULT_OK)
        return 0;
    CHECK(c.len >= CONTAINER_CODE_MIN && c.len <= CONTAINER_CODE_MAX && strlen(c.text) == c.len);
    CHECK(c.len <= size);
    CHECK(container_code_parse(c.text, c.len, &again) == FAULT_OK);
    CHECK(again.kind == c.kind && strcmp(again.text, c.text) == 0);
    CHECK(c.kind != CONTAINER_SSCC || container_sscc_check_digit(c.text) == c.text[17]);
    CHECK(item_code_parse(c.text, c.len, &item) != FAULT_OK || !item.check_ok);
    CHECK(dossier_code_parse(c.text, c.len, &dossier) != FAULT_OK);
    return 0;
}
