// SPDX-License-Identifier: EUPL-1.2
// Codes inside words: hits lie in the text, in order, stand alone, and each reads as what it claims to be.
#include "domain/ascii.h"
#include "domain/extract.h"
#include "domain/item_code.h"
#include "domain/text.h"
#include "domain/tthc_code.h"
#include "fuzz.h"

static void judge(const struct extract_hit *h)
{
    struct dossier_code dossier;
    struct item_code item;
    struct tthc_code tthc;
    struct unit_id unit;
    size_t len = strnlen(h->text, sizeof h->text);
    CHECK(len > 0 && len <= EXTRACT_TEXT_MAX);
    switch (h->kind) {
    case CODE_DOSSIER:
    case CODE_ORDER:
        CHECK(dossier_code_parse(h->text, len, &dossier) == h->fault);
        break;
    case CODE_ITEM:
        CHECK(item_code_parse(h->text, len, &item) == FAULT_OK);
        CHECK(h->fault == (item.check_ok ? FAULT_OK : FAULT_CHECK_DIGIT));
        break;
    case CODE_TTHC:
        CHECK(tthc_code_parse(h->text, len, &tthc) == h->fault && tthc.unit.len > 0);
        break;
    default:
        CHECK(h->kind == CODE_UNIT);
        CHECK(unit_id_parse(h->text, len, &unit) == h->fault && unit.form == UNIT_OLD);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_SCAN_MAX + 1];
    struct extract_hit hit;
    size_t len, pos = 0, last = 0;
    if (text_normalise((const char *)data, size, TEXT_FREE, text, sizeof text, &len) != FAULT_OK)
        return 0;
    char *exact = malloc(len + 1); // so that one byte too far is seen
    CHECK(exact != NULL);
    memcpy(exact, text, len);
    while (extract_next(exact, len, &pos, &hit)) {
        CHECK(hit.at >= last && hit.len > 0 && hit.at + hit.len <= len && pos > last && pos <= len);
        CHECK(hit.at == 0 || !ascii_is_code(exact[hit.at - 1]));
        CHECK(hit.kind == CODE_ORDER || hit.at + hit.len == len || !ascii_is_code(exact[hit.at + hit.len]));
        judge(&hit);
        last = hit.at + 1;
    }
    free(exact);
    return 0;
}
