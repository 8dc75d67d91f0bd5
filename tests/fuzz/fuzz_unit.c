// SPDX-License-Identifier: EUPL-1.2
// Unit codes in both legal forms: the rule that rewrites one leads back, and aliases end.
#include "domain/unit.h"
#include "fuzz.h"

// A table in which every unit has a successor: what it is asked, backwards, until it is none.
static size_t alias(void *ctx, const char *unit, char ret[UNIT_ID_MAX + 1])
{
    unsigned *asked = ctx;
    size_t len = strlen(unit);
    CHECK(len <= UNIT_ID_MAX);
    CHECK(++*asked <= 2 * (UNIT_ALIAS_HOPS_MAX + 1));
    for (size_t i = 0; i < len; i++)
        ret[i] = unit[len - 1 - i];
    ret[len] = 0;
    return len % 3;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unit_id id, other, back;
    struct unit_canonical c;
    if (unit_id_parse((const char *)data, size, &id) != FAULT_OK)
        return 0;
    CHECK(fuzz_same(id.text, id.len, data, size) && id.len <= UNIT_ID_MAX && strlen(id.level1) == 3);
    if (unit_id_convert(&id, &other)) {
        CHECK(other.form != id.form && strcmp(other.level1, id.level1) == 0);
        CHECK(unit_id_convert(&other, &back) && strcmp(back.text, id.text) == 0);
        CHECK(unit_id_parse(other.text, other.len, &back) == FAULT_OK && back.form == other.form);
    }
    unsigned asked = 0;
    unit_canonicalise(&id, NULL, NULL, &c);
    CHECK(c.basis == UNIT_AS_WRITTEN || c.basis == UNIT_BY_RULE);
    CHECK(unit_id_parse(c.id.text, c.id.len, &back) == FAULT_OK);
    unit_canonicalise(&id, alias, &asked, &c);
    CHECK(c.id.len <= UNIT_ID_MAX && c.id.text[c.id.len] == 0);
    return 0;
}
