// SPDX-License-Identifier: EUPL-1.2
#include "ingest/batch.h"

#include "domain/dossier_code.h"
#include "domain/text.h"
#include "ingest/judge.h"
#include "io/crypto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int refuse(struct refusal *r, int status, const char *code, const char *title, const char *detail_format, ...)
{
    va_list args;
    va_start(args, detail_format);
    (void)vsnprintf(r->detail, sizeof(r->detail), detail_format, args);
    va_end(args);
    r->status = status;
    r->code = code;
    r->title = title;
    return ERR_INVALID;
}

void batch_init(struct batch *b)
{
    memset(b, 0, sizeof(*b));
    arena_init(&b->arena, BATCH_ARENA_MAX);
}

void batch_done(struct batch *b)
{
    arena_done(&b->arena);
}

int batch_reserve(struct batch *b, size_t scans, size_t parts, struct refusal *r)
{
    if (scans == 0)
        return REFUSE_BATCH(r, "There are no scans.");
    if (scans > WIRE_SCANS_MAX)
        return refuse(r, 400, "too-many-scans", "Too many scans", "At most %d scans a batch.",
                      WIRE_SCANS_MAX);
    if (parts > scans)
        return REFUSE_BATCH(r, "There are more personal parts than scans.");
    b->scans = arena_try_zero(&b->arena, scans, sizeof(*b->scans));
    b->by_seq = arena_try_zero(&b->arena, scans, sizeof(struct scan *));
    b->digests = arena_try_zero(&b->arena, scans, FACT_DIGEST);
    b->parts = arena_try_zero(&b->arena, parts, sizeof(*b->parts));
    return b->scans && b->by_seq && b->digests && b->parts ? ERR_OK : ERR_NO_MEMORY;
}

// ---- texts of the wire ----

int fact_take_office(struct fact *f, const char *s, size_t len)
{
    uint32_t office = 0;
    if (len != 6)
        return ERR_INVALID;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return ERR_INVALID;
        office = office * 10 + (uint32_t)(s[i] - '0');
    }
    f->office = office;
    f->has_office = true;
    return ERR_OK;
}

int fact_take_leg(struct fact *f, const char *s, size_t len)
{
    f->leg = len == 1 ? leg_parse(s[0]) : LEG_NONE;
    return f->leg == LEG_NONE ? ERR_INVALID : ERR_OK;
}

int fact_take_retracts(struct fact *f, const char *s, size_t len)
{
    const char *colon = memchr(s, ':', len);
    if (!colon)
        return ERR_INVALID;
    uint64_t seq = 0;
    const char *p = colon + 1, *end = s + len;
    if (p == end || *p == '0')
        return ERR_INVALID;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9' || (seq = seq * 10 + (uint64_t)(*p - '0')) > FACT_SEQ_MAX)
            return ERR_INVALID;
    }
    f->retracts.stream = (struct fact_text){s, (size_t)(colon - s)};
    f->retracts.seq = (uint32_t)seq;
    return f->retracts.stream.len ? ERR_OK : ERR_INVALID;
}

// ---- scans ----

// The stream that a correction names: its number as enrolment told it, 0 for the UUID of the batch's own
// stream, -1 for anything else.
static int64_t corrected_stream(const struct batch *b, const struct fact_text *t)
{
    int64_t n = 0;
    uint8_t id[WIRE_UUID];
    if (t->len > 0 && wire_parse_uuid(t->ptr, t->len, id))
        return memcmp(id, b->header.stream, WIRE_UUID) == 0 ? 0 : -1;
    if (t->len == 0 || t->len > 18)
        return -1;
    for (size_t i = 0; i < t->len; i++) {
        if (t->ptr[i] < '0' || t->ptr[i] > '9')
            return -1;
        n = n * 10 + (t->ptr[i] - '0');
    }
    return n;
}

// Under whose name the personal part of a scan without an item code is kept.
static int take_dossier(struct batch *b, struct scan *s, const struct fact *f)
{
    char clean[FACT_CODE_MAX + 1];
    size_t len;
    struct dossier_code code;
    if (f->n_dossiers == 0 ||
        text_normalise(f->dossiers[0].ptr, f->dossiers[0].len, TEXT_CODE, clean, sizeof(clean), &len) !=
            FAULT_OK ||
        dossier_code_parse(clean, len, &code) != FAULT_OK)
        return ERR_OK;
    dossier_code_canonical(&code, &code);
    s->dossier = arena_try_copy(&b->arena, code.text, code.len);
    return s->dossier ? ERR_OK : ERR_NO_MEMORY;
}

int batch_add(struct batch *b, struct fact *f, struct refusal *r)
{
    char body[FACT_BODY_MAX], code[FACT_CODE_MAX + 1];
    unsigned position = b->header.count;
    if (!f->has_seq || f->seq == 0)
        return REFUSE_SCAN(r, "Scan %u of the batch has no seq from 1 to 4294967295.", position + 1);
    if (!f->has_id || f->type.len == 0)
        return REFUSE_SCAN(r, "Scan %u needs id and type.", f->seq);
    const struct event_def *def = event_parse(f->type.ptr, f->type.len);
    f->kind = def ? (enum event_kind)def->kind : EVENT_NONE;
    int n = fact_print(f, body, sizeof(body));
    if (n < 0)
        return REFUSE_SCAN(r, "Scan %u: a value breaks the rule '%s'.", f->seq,
                           fact_error_name((enum fact_error)n));

    struct scan *s = &b->scans[position];
    uint8_t *digest = b->digests + (size_t)position * FACT_DIGEST;
    crypto_sha256(body, (size_t)n, digest);
    s->seq = f->seq;
    s->kind = (uint8_t)f->kind;
    s->position = s->repeats = (uint16_t)position;
    s->at = f->at;
    s->retracts = corrected_stream(b, &f->retracts.stream);
    s->digest = digest;
    s->body = arena_try_copy(&b->arena, body, (size_t)n);
    s->body_len = (size_t)n;
    s->outcome = (uint8_t)judge_event(f, code, &s->code_len, &s->code_is_item);
    s->has_personal = f->has_personal;
    memcpy(s->personal, f->personal, sizeof(s->personal));
    if (s->code_len >= 0)
        s->code = arena_try_copy(&b->arena, code, (size_t)s->code_len);
    if (!s->body || (s->code_len >= 0 && !s->code))
        return ERR_NO_MEMORY;
    b->by_seq[position] = s;
    b->header.count++;
    return take_dossier(b, s, f);
}

int batch_add_part(struct batch *b, uint64_t seq, const void *salt, size_t salt_len, const void *part,
                   size_t part_len, struct refusal *r)
{
    if (seq == 0 || seq > FACT_SEQ_MAX || salt_len != WIRE_SALT || part_len == 0 || part_len > WIRE_PART_MAX)
        return REFUSE_BATCH(r, "A personal part needs seq, a salt of %d bytes and 1 to %d bytes of part.",
                            WIRE_SALT, WIRE_PART_MAX);
    uint8_t *copy = arena_try_alloc(&b->arena, salt_len + part_len);
    if (!copy)
        return ERR_NO_MEMORY;
    memcpy(copy, salt, salt_len);
    memcpy(copy + salt_len, part, part_len);
    b->parts[b->part_count++] = (struct part){.seq = (uint32_t)seq, .salt = copy, .data_len = part_len};
    return ERR_OK;
}

// ---- finish ----

static int by_seq(const void *a, const void *b)
{
    const struct scan *x = *(struct scan *const *)a, *y = *(struct scan *const *)b;
    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position; // qsort alone is not stable
}

static void order_scans(struct batch *b)
{
    unsigned n = b->header.count;
    bool sorted = true;
    for (unsigned i = 1; i < n && sorted; i++)
        sorted = b->by_seq[i - 1]->seq < b->by_seq[i]->seq;
    if (sorted)
        return; // hence distinct, too
    qsort(b->by_seq, n, sizeof(struct scan *), by_seq);
    // The first of a number counts. A later one with the same content repeats it or an earlier one.
    for (unsigned i = 1, first = 0; i < n; i++) {
        if (b->by_seq[i]->seq != b->by_seq[first]->seq) {
            first = i;
            continue;
        }
        struct scan *s = b->by_seq[i];
        s->outcome = OUTCOME_CONFLICT;
        for (unsigned k = first; k < i; k++) {
            if (memcmp(b->by_seq[k]->digest, s->digest, FACT_DIGEST) == 0) {
                s->repeats = b->by_seq[k]->repeats;
                break;
            }
        }
    }
}

// The parts belong to numbers; a part that does not fit its digest is not the device's word.
static int join_parts(struct batch *b, struct refusal *r)
{
    for (unsigned i = 0; i < b->part_count; i++) {
        struct part *p = &b->parts[i];
        uint8_t digest[FACT_DIGEST];
        crypto_sha256(p->salt, WIRE_SALT + p->data_len, digest);
        struct scan *fits = NULL, *named = NULL;
        for (unsigned k = 0; k < b->header.count && !fits; k++) {
            if (b->scans[k].seq != p->seq || b->scans[k].part)
                continue;
            named = &b->scans[k];
            if (named->has_personal && memcmp(named->personal, digest, sizeof(digest)) == 0)
                fits = named;
        }
        if (!named)
            return REFUSE_BATCH(r, "A personal part names number %u, which has no scan or another part.",
                                p->seq);
        if (fits)
            fits->part = p;
        else
            named->outcome = OUTCOME_PERSONAL;
    }
    return ERR_OK;
}

int batch_finish(struct batch *b, struct refusal *r)
{
    order_scans(b);
    int err = join_parts(b, r);
    if (err)
        return err;
    crypto_sha256(b->digests, (size_t)b->header.count * FACT_DIGEST, b->header.digests);
    b->header_text = arena_try_alloc(&b->arena, WIRE_HEADER_MAX);
    if (!b->header_text)
        return ERR_NO_MEMORY;
    b->header_len = wire_print_header(&b->header, b->header_text, WIRE_HEADER_MAX);
    return b->header_len ? ERR_OK : ERR_INVALID;
}
