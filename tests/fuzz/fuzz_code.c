// SPDX-License-Identifier: EUPL-1.2
// The one door for codes: what is recognised is recognised again from the form that is stored, as the same;
// what is not says why.
#include "domain/code.h"
#include "domain/utf8.h"
#include "fuzz.h"

static void recognise(const char *s, size_t len, unsigned kinds)
{
    static struct code code, again;
    code_recognise(s, len, kinds, &code);
    CHECK((code.fault == FAULT_OK) == (code.kind != CODE_NONE));
    CHECK((code.text[0] != '\0') == (code.kind != CODE_NONE));
    CHECK((code.reason[0] == '\0') == (code.kind != CODE_NONE));
    size_t reason = strnlen(code.reason, sizeof code.reason);
    CHECK(reason < sizeof code.reason && utf8_valid_prefix(code.reason, reason) == reason);
    if (code.kind == CODE_NONE)
        return;
    CHECK(kinds & CODE_BIT(code.kind));
    size_t text = strnlen(code.text, sizeof code.text);
    CHECK(text < sizeof code.text);
    // An order number is stored as the dossier in it.
    enum code_kind stored = code.kind == CODE_ORDER ? CODE_DOSSIER : code.kind;
    code_recognise(code.text, text, CODE_ANY, &again);
    CHECK(again.kind == stored && strcmp(again.text, code.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    recognise((const char *)data, size, CODE_ANY);
    for (unsigned kind = CODE_DOSSIER; kind <= CODE_ORDER; kind++)
        recognise((const char *)data, size, CODE_BIT(kind));
    return 0;
}
