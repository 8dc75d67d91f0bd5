// SPDX-License-Identifier: EUPL-1.2
#include "ingest/judge.h"

#include "domain/code.h"
#include "domain/container_code.h"
#include "domain/item_code.h"
#include "domain/text.h"

#include <string.h>

// Which kinds of code an event may be about. Bags travel in bags, so moves take both.
enum { ABOUT_ITEM = 1, ABOUT_CONTAINER = 2 };

static unsigned about(const struct fact *f)
{
    const struct event_def *def = event_find(f->kind);
    switch (f->kind) {
    case EVENT_ITEM_PUT_IN:
    case EVENT_ITEM_TAKEN_OUT:
    case EVENT_CORRECTION: // of any earlier scan
        return ABOUT_ITEM | ABOUT_CONTAINER;
    default:
        return def && def->subject == SUBJECT_CONTAINER ? ABOUT_CONTAINER : ABOUT_ITEM;
    }
}

// An item code as scanned, alone or inside a longer text (a QR code with an address).
static enum outcome judge_item(const struct fact_text *raw, const char *s, size_t len, char *code,
                               int *ret_len)
{
    struct item_code item;
    enum code_fault fault = item_code_parse(s, len, &item);
    if (fault == FAULT_OK) {
        memcpy(code, item.text, ITEM_CODE_LEN + 1);
        *ret_len = ITEM_CODE_LEN;
        return item_code_judge(&item, ITEM_SCANNED) == ITEM_ACCEPT ? OUTCOME_ACCEPTED : OUTCOME_CHECK_DIGIT;
    }
    struct code found;
    code_recognise(raw->ptr, raw->len, CODE_BIT(CODE_ITEM), &found);
    if (found.kind != CODE_ITEM)
        return found.fault == FAULT_CHECK_DIGIT ? OUTCOME_CHECK_DIGIT : OUTCOME_CODE;
    *ret_len = (int)strlen(found.text);
    memcpy(code, found.text, (size_t)*ret_len + 1);
    return OUTCOME_ACCEPTED;
}

static enum outcome judge_container(const char *s, size_t len, char *code, int *ret_len)
{
    struct container_code container;
    enum code_fault fault = container_code_parse(s, len, &container);
    if (fault != FAULT_OK)
        return fault == FAULT_CHECK_DIGIT ? OUTCOME_CHECK_DIGIT : OUTCOME_CODE;
    memcpy(code, container.text, container.len + 1);
    *ret_len = (int)container.len;
    return OUTCOME_ACCEPTED;
}

static enum outcome judge_code(const struct fact *f, char *code, int *ret_len, bool *ret_item)
{
    char clean[FACT_CODE_MAX + 1];
    size_t len;
    if (text_normalise(f->code.ptr, f->code.len, TEXT_CODE, clean, sizeof(clean), &len) != FAULT_OK)
        return OUTCOME_CODE;
    unsigned kinds = about(f);
    enum outcome as_item = OUTCOME_CODE;
    if (kinds & ABOUT_ITEM) {
        as_item = judge_item(&f->code, clean, len, code, ret_len);
        *ret_item = true;
        if (as_item != OUTCOME_CODE)
            return as_item;
    }
    if (!(kinds & ABOUT_CONTAINER))
        return as_item;
    *ret_item = false;
    return judge_container(clean, len, code, ret_len);
}

enum outcome judge_event(const struct fact *f, char *code, int *ret_len, bool *ret_item)
{
    *ret_len = -1;
    *ret_item = false;
    enum outcome code_outcome = OUTCOME_ACCEPTED;
    if (f->code.len > 0)
        code_outcome = judge_code(f, code, ret_len, ret_item);
    // What it is comes before what it is about: an unknown event may have codes of its own.
    return fact_check(f, SOURCE_DEVICE) != FACT_OK ? OUTCOME_EVENT : code_outcome;
}

enum outcome judge_time(int64_t at, int64_t offset, int64_t now, int64_t *ret_ms, uint32_t *ret_flags)
{
    int64_t ms;
    if (at < 0 || __builtin_add_overflow(at, offset, &ms) || ms < WIRE_EPOCH_MS ||
        ms > now + WIRE_FUTURE_MS) {
        *ret_ms = now;
        *ret_flags = FACT_FLAG_CLOCK;
        return OUTCOME_TIME;
    }
    *ret_ms = ms;
    *ret_flags = ms < now - WIRE_OLD_MS ? FACT_FLAG_OLD : 0;
    return OUTCOME_ACCEPTED;
}
