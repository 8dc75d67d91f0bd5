// SPDX-License-Identifier: EUPL-1.2
// Dossier codes: taken ones are what they say, print as they came, and have one canonical form.
#include "domain/dossier_code.h"
#include "fuzz.h"

static void taken(const char *s, size_t size, const struct dossier_code *c)
{
    struct dossier_code same, once, twice;
    CHECK(fuzz_same(c->text, c->len, s, size) && c->text[c->len] == 0);
    CHECK(c->unit.len > 0 && c->unit.len < c->len && strlen(c->serial) >= DOSSIER_SERIAL_MIN);
    CHECK(c->year >= 2000 && c->year <= 2099 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
          c->day <= 31);
    dossier_code_with_unit(c, &c->unit, &same);
    CHECK(strcmp(same.text, c->text) == 0 && same.len == c->len);
    dossier_code_canonical(c, &once);
    dossier_code_canonical(&once, &twice);
    CHECK(strcmp(once.text, twice.text) == 0 && strcmp(once.serial, c->serial) == 0);
    CHECK(dossier_code_parse(once.text, once.len, &twice) == FAULT_OK && strcmp(once.text, twice.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dossier_code c;
    memset(&c, 0x55, sizeof c);
    struct dossier_code before = c;
    enum code_fault fault = dossier_code_parse((const char *)data, size, &c);
    if (fault == FAULT_OK)
        taken((const char *)data, size, &c);
    else
        CHECK(memcmp(&c, &before, sizeof c) == 0);
    return 0;
}
