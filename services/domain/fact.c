// SPDX-License-Identifier: EUPL-1.2
// The parser of bodies, and what each type of fact needs. The printer is fact_print.c; both read the table in
// fact_value.c.
#include "domain/fact.h"

#include "domain/fact_value.h"
#include "domain/status.h"

#include <stddef.h>
#include <string.h>

void fact_init(struct fact *f)
{
    memset(f, 0, offsetof(struct fact, members)); // which come last: n_members of them count
    f->at = f->up = f->charge = f->fee = f->remit = FACT_ABSENT;
}

static enum fact_error parse_text(const struct fact_key *k, const char *s, size_t len, struct fact_text *ret)
{
    enum fact_error e = fact_value_check(k, s, len);
    if (!e)
        *ret = (struct fact_text){s, len};
    return e;
}

static enum fact_error parse_repeated(const struct fact_key *k, const char *s, size_t len, char *value,
                                      size_t *count)
{
    if (*count >= k->max)
        return FACT_TOO_LONG;
    enum fact_error e =
        k->shape == SHAPE_TEXTS
            ? parse_text(k, s, len, (struct fact_text *)(void *)value + *count)
            : fact_value_parse_hex(s, len, (uint8_t *)value + *count * FACT_DIGEST, FACT_DIGEST);
    if (!e)
        ++*count;
    return e;
}

static enum fact_error parse_value(const struct fact_key *k, const char *s, size_t len, struct fact *f)
{
    char *value = (char *)f + k->offset;
    enum fact_error e = FACT_OK;
    uint64_t number = 0;
    switch (k->shape) {
    case SHAPE_VERSION:
        return len == 1 && s[0] == '0' + FACT_VERSION ? FACT_OK : FACT_NO_VERSION;
    case SHAPE_U32:
        e = fact_value_parse_number(s, len, k->max, &number);
        *(uint32_t *)(void *)value = (uint32_t)number;
        break;
    case SHAPE_INT:
        e = fact_value_parse_number(s, len, k->max, &number);
        *(int64_t *)(void *)value = (int64_t)number;
        break;
    case SHAPE_UUID:
        e = fact_value_parse_uuid(s, len, (uint8_t *)value);
        break;
    case SHAPE_DIGEST:
        e = fact_value_parse_hex(s, len, (uint8_t *)value, FACT_DIGEST);
        break;
    case SHAPE_TEXT:
    case SHAPE_TYPE:
    case SHAPE_WORD:
    case SHAPE_DAY:
        return parse_text(k, s, len, (struct fact_text *)(void *)value);
    case SHAPE_OFFICE:
        e = fact_value_parse_office(s, len, (uint32_t *)(void *)value);
        break;
    case SHAPE_LEG:
        f->leg = len == 1 ? leg_parse(s[0]) : LEG_NONE;
        return f->leg == LEG_NONE ? FACT_VALUE : FACT_OK;
    case SHAPE_REF:
        return fact_value_parse_ref(s, len, &f->retracts);
    case SHAPE_TEXTS:
    case SHAPE_DIGESTS:
        return parse_repeated(k, s, len, value, (size_t *)(void *)((char *)f + k->present));
    }
    if (!e && k->present)
        *(bool *)((char *)f + k->present) = true;
    return e;
}

// The index of the key that starts the line, or a negative error. Keys only go forward.
static int find_key(const char *name, size_t len, size_t from)
{
    for (size_t i = 0; i < FACT_KEYS; i++)
        if (strlen(fact_keys[i].name) == len && memcmp(fact_keys[i].name, name, len) == 0)
            return i >= from ? (int)i : FACT_ORDER;
    return FACT_KEY;
}

static enum fact_error parse_line(const char *line, size_t len, size_t *next, struct fact *f)
{
    const char *eq = memchr(line, '=', len);
    if (!eq)
        return FACT_LINE;
    size_t name = (size_t)(eq - line);
    int i = find_key(line, name, *next);
    if (i < 0)
        return (enum fact_error)i;
    if (*next == 0 && i != 0)
        return FACT_NO_VERSION;
    const struct fact_key *k = &fact_keys[i];
    bool repeats = k->shape == SHAPE_TEXTS || k->shape == SHAPE_DIGESTS;
    *next = (size_t)i + (repeats ? 0 : 1);
    return parse_value(k, eq + 1, len - name - 1, f);
}

enum fact_error fact_parse(const char *body, size_t len, struct fact *ret_f, size_t *ret_at)
{
    struct fact f;
    size_t next = 0, line = 0;
    enum fact_error e = len > FACT_BODY_MAX ? FACT_TOO_LONG : FACT_OK;
    fact_init(&f);
    while (!e && line < len) {
        const char *end = memchr(body + line, '\n', len - line);
        if (!end) {
            e = FACT_LINE;
            break;
        }
        e = parse_line(body + line, (size_t)(end - body) - line, &next, &f);
        if (!e)
            line = (size_t)(end - body) + 1;
    }
    if (!e && next == 0)
        e = FACT_NO_VERSION;
    if (!e && f.type.len == 0)
        e = FACT_TYPE;
    if (e) {
        if (ret_at)
            *ret_at = line;
        return e;
    }
    const struct event_def *def = event_parse(f.type.ptr, f.type.len);
    f.kind = def ? (enum event_kind)def->kind : EVENT_NONE;
    memcpy(ret_f, &f, offsetof(struct fact, members) + f.n_members * sizeof *f.members);
    return FACT_OK;
}

static enum fact_error check_subject(const struct fact *f, const struct event_def *def)
{
    bool dossier =
        f->n_dossiers > 0 || f->order.len > 0; // an order number stands for a dossier without a code
    switch (def->subject) {
    case SUBJECT_ITEM:
    case SUBJECT_CONTAINER:
        return f->code.len > 0 ? FACT_OK : FACT_SUBJECT;
    case SUBJECT_DOSSIER:
        return dossier ? FACT_OK : FACT_SUBJECT;
    case SUBJECT_UNIT:
        return f->unit.len > 0 && f->into.len > 0 ? FACT_OK : FACT_SUBJECT;
    default:
        return f->code.len > 0 || dossier ? FACT_OK : FACT_SUBJECT;
    }
}

static enum fact_error check_detail(const struct fact *f)
{
    enum solution solution = solution_parse(f->solution.ptr, f->solution.len);
    enum dossier_status status;
    switch (f->kind) {
    case EVENT_ITEM_PUT_IN:
        return f->into.len > 0 ? FACT_OK : FACT_SUBJECT;
    case EVENT_DOSSIER_LINK:
    case EVENT_DOSSIER_UNLINK:
        return f->n_dossiers > 0 || f->order.len > 0 ? FACT_OK : FACT_SUBJECT;
    case EVENT_DOSSIER_MERGED:
        return f->n_dossiers == 1 && f->into.len > 0 ? FACT_OK : FACT_SUBJECT;
    case EVENT_DELIVERY_FAILED:
    case EVENT_DELIVERY_DECIDED: // a failure may leave the decision open, a decision may not
        if (f->solution.len == 0 && f->kind == EVENT_DELIVERY_FAILED)
            return FACT_OK;
        return solution == SOLUTION_NONE ? FACT_DETAIL : FACT_OK;
    case EVENT_CORRECTION:
        return f->retracts.stream.len > 0 ? FACT_OK : FACT_DETAIL;
    case EVENT_STREAM_RESET:
        return f->reason.len > 0 ? FACT_OK : FACT_DETAIL;
    case EVENT_DOSSIER_STATUS:
        return status_parse(f->reason.ptr, f->reason.len, &status) ? FACT_OK : FACT_DETAIL;
    default:
        return FACT_OK;
    }
}

enum fact_error fact_check(const struct fact *f, enum event_source source)
{
    const struct event_def *def = event_find(f->kind);
    if (!def)
        return FACT_UNKNOWN_TYPE;
    if (!event_allows(f->kind, source))
        return FACT_SOURCE;
    enum fact_error e = check_subject(f, def);
    return e ? e : check_detail(f);
}

bool fact_uuid(struct fact_text text, uint8_t ret[FACT_UUID])
{
    return fact_value_parse_uuid(text.ptr, text.len, ret) == FACT_OK;
}

const char *fact_error_name(enum fact_error error)
{
    static const char *const names[] = {
        "ok",       "too-long", "line",    "key",  "key-order", "control-character",
        "not-utf8", "value",    "version", "type", "no-space",  "unknown-type",
        "source",   "subject",  "detail"};
    size_t i = (size_t) - (int)error;
    return i < ARRAY_LEN(names) ? names[i] : "unknown";
}
