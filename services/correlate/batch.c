// SPDX-License-Identifier: EUPL-1.2
// The engine's frame: reads a fact, decides whom it is about, and hands it on. See batch.h.
#include "correlate/batch.h"

#include "base/check.h"
#include "base/err.h"
#include "correlate/engine.h"
#include "domain/item_code.h"
#include "domain/order_number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int batch_create(struct world *w, struct batch **ret_batch)
{
    struct batch *b = calloc(1, sizeof *b);
    if (b)
        b->scratch = calloc(1, sizeof *b->scratch);
    if (!b || !b->scratch) {
        free(b);
        return ERR_NO_MEMORY;
    }
    b->world = w;
    b->max_rows = BATCH_ROWS_MAX;
    buf_init(&b->scratch->details, BATCH_DETAILS_MAX);
    *ret_batch = b;
    return ERR_OK;
}

void batch_destroy(struct batch *b)
{
    if (!b)
        return;
    batch_clear(b);
    free(b->rows);
    free(b->stuck);
    free(b->solved);
    buf_done(&b->scratch->details);
    free(b->scratch);
    free(b);
}

void batch_clear(struct batch *b)
{
    for (size_t i = 0; i < b->n_rows; i++)
        free(b->rows[i].details);
    b->n_rows = b->n_stuck = b->n_solved = b->n_aliases = 0;
}

static int add_stuck(struct batch_stuck **list, size_t *n, size_t *cap, const struct batch_stuck *one)
{
    if (*n == *cap) {
        size_t wanted = *cap ? 2 * *cap : 8;
        struct batch_stuck *bigger = realloc(*list, wanted * sizeof **list);
        if (!bigger)
            return ERR_NO_MEMORY;
        *list = bigger;
        *cap = wanted;
    }
    (*list)[(*n)++] = *one;
    return ERR_OK;
}

struct fact_text batch_stuck_code(const struct fact *f)
{
    return f->code.len ? f->code : f->n_dossiers ? f->dossiers[0] : f->order;
}

static int list_stuck(struct batch *b, struct fact_text code, const char *sqlstate, const char *error)
{
    const struct batch_fact *row = b->scratch->cause.row;
    struct batch_stuck s = {.lane = row->lane, .pos = row->pos, .sqlstate = sqlstate, .error = error};
    snprintf(s.code, sizeof s.code, "%.*s", (int)code.len, code.len ? code.ptr : "");
    return add_stuck(&b->stuck, &b->n_stuck, &b->cap_stuck, &s);
}

int batch_stick(struct batch *b, const char *error)
{
    return list_stuck(b, batch_stuck_code(b->scratch->cause.fact), "", error);
}

int batch_wait(struct batch *b, struct fact_text code)
{
    int err = world_add_stuck(b->world, code.ptr, code.len, b->scratch->cause.row);
    return err ? err : list_stuck(b, code, "DT004", "what it is about is stuck");
}

int batch_solve(struct batch *b, const struct batch_fact *row, struct fact_text code)
{
    struct batch_stuck s = {.lane = row->lane, .pos = row->pos};
    snprintf(s.code, sizeof s.code, "%.*s", (int)code.len, code.ptr);
    return add_stuck(&b->solved, &b->n_solved, &b->cap_solved, &s);
}

void batch_freeze(char *frozen, const char *why)
{
    snprintf(frozen, WORLD_FROZEN_MAX, "%s", why);
}

// ---- trails

bool batch_unpack_own(struct batch *b, const struct world_trail *t, size_t *ret_n)
{
    struct batch_scratch *s = b->scratch;
    size_t n, own = 0;
    if (trail_unpack(t->bytes, t->len, s->old, &n) != TRAIL_OK)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!s->old[i].inherited)
            s->own[own++] = s->old[i];
    *ret_n = own;
    return true;
}

bool batch_gather_boxes(struct batch *b, size_t n)
{
    struct batch_scratch *s = b->scratch;
    uint32_t numbers[NEST_BOXES_MAX];
    size_t count = nest_boxes(s->own, n, numbers);
    s->n_nest = 0;
    for (size_t i = 0; i < count; i++) {
        const struct world_box *box = world_box_by_number(b->world, numbers[i]);
        size_t facts = 0;
        if (!box)
            continue;
        if (trail_unpack(box->trail.bytes, box->trail.len, s->boxes[i], &facts) != TRAIL_OK)
            return false;
        s->nest[s->n_nest++] = (struct nest_box){numbers[i], s->boxes[i], facts};
    }
    return true;
}

bool batch_refresh(struct batch *b, struct world_item *item)
{
    struct batch_scratch *s = b->scratch;
    size_t n;
    if (trail_unpack(item->trail.bytes, item->trail.len, s->old, &n) != TRAIL_OK)
        return false;
    journey_fold(s->old, n, s->entries, &item->now);
    return true;
}

// ---- what a fact is about

bool batch_is_item(const char *s, size_t len)
{
    struct item_code code;
    return item_code_parse(s, len, &code) == FAULT_OK;
}

size_t batch_dossier_key(const char *s, size_t len, char *out)
{
    struct dossier_code code, canonical;
    if (dossier_code_parse(s, len, &code) == FAULT_OK || order_number_parse(s, len, &code) == FAULT_OK) {
        dossier_code_canonical(&code, &canonical);
        memcpy(out, canonical.text, canonical.len + 1);
        return canonical.len;
    }
    CHECK(len <= WORLD_CODE_MAX);
    memcpy(out, s, len);
    out[len] = '\0';
    return len;
}

bool batch_unit_key(const char *s, size_t len, char *ret)
{
    struct unit_id unit;
    struct unit_canonical now;
    if (unit_id_parse(s, len, &unit) != FAULT_OK)
        return false;
    unit_canonicalise(&unit, NULL, NULL, &now);
    memcpy(ret, now.id.text, now.id.len + 1);
    return true;
}

void batch_needs(const struct batch_fact *f, struct batch_needs *ret)
{
    enum fact_error e = fact_parse(f->body, f->body_len, &ret->fact, NULL);
    if (e)
        fact_init(&ret->fact);
    else
        e = fact_check(&ret->fact, (enum event_source)f->source);
    ret->error = e;
}

// "17" or the uuid of a stream.
static bool find_stream(const struct world *w, struct fact_text text, int64_t *ret_stream)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || text.len > 18)
            return world_stream(w, text.ptr, text.len, ret_stream);
        n = n * 10 + (text.ptr[i] - '0');
    }
    *ret_stream = n;
    return true;
}

static void fill_trail(const struct batch_fact *row, const struct fact *f, struct trail_fact *t)
{
    trail_fact_init(t);
    t->at = row->at < 0 ? 0 : row->at > FACT_TIME_MAX ? FACT_TIME_MAX : row->at;
    t->stream = (uint64_t)row->stream;
    t->seq = (uint32_t)row->seq;
    t->lane = (uint8_t)row->lane;
    t->pos = row->pos;
    t->kind = (uint8_t)f->kind;
    t->source = (uint8_t)row->source;
    t->leg = (uint8_t)f->leg;
    t->solution = (uint8_t)solution_parse(f->solution.ptr, f->solution.len);
    t->listed = f->kind == EVENT_BAG_OPENED && f->n_members > 0;
    t->office = f->has_office ? f->office : TRAIL_OFFICE_0;
    t->reason = trail_reason(f->reason.ptr, f->reason.len);
    t->charge = f->charge;
    t->fee = f->fee;
    t->remit = f->remit;
}

// NULL, or why the retraction can't stand.
static const char *fill_correction(const struct batch *b, struct cause *c)
{
    int64_t stream;
    if (!find_stream(b->world, c->fact->retracts.stream, &stream))
        return "retracts an unknown stream";
    if (!journey_may_retract((enum event_source)c->row->source, (uint64_t)c->row->stream, (uint64_t)stream))
        return "may not take back facts of others";
    c->correction = c->trail;
    c->correction.kind = EVENT_CORRECTION;
    c->correction.stream = (uint64_t)stream;
    c->correction.seq = c->fact->retracts.seq;
    c->correction.charge = c->correction.fee = c->correction.remit = TRAIL_ABSENT;
    c->corrects = true;
    return NULL;
}

const char *batch_read(struct batch *b, const struct batch_fact *f)
{
    struct cause *c = &b->scratch->cause;
    const struct batch_needs *needs = f->needs;
    if (!needs) {
        batch_needs(f, &b->scratch->needs);
        needs = &b->scratch->needs;
    }
    c->row = f;
    c->fact = &needs->fact;
    c->corrects = false;
    if (needs->error)
        return fact_error_name(needs->error);
    if (f->lane < 0 || f->lane > TRAIL_LANE_MAX || f->pos < 0 || f->pos > TRAIL_POS_MAX || f->seq < 0 ||
        f->seq > FACT_SEQ_MAX)
        return "position or number out of range";
    fill_trail(f, c->fact, &c->trail);
    return c->fact->retracts.stream.len ? fill_correction(b, c) : NULL;
}

int batch_apply_read(struct batch *b, int32_t part, int32_t *ret_part)
{
    const struct fact *f = b->scratch->cause.fact;
    const struct event_def *def = event_find(f->kind);
    *ret_part = 0;
    if (f->kind == EVENT_UNIT_MERGED)
        return unit_apply(b, part, ret_part);
    if (def->subject == SUBJECT_DOSSIER || f->code.len == 0)
        return dossier_apply(b);
    if (batch_is_item(f->code.ptr, f->code.len))
        return item_apply(b, ret_part);
    return box_apply(b, part, ret_part);
}

int batch_apply(struct batch *b, const struct batch_fact *f, int32_t part, int32_t *ret_part)
{
    struct cause *c = &b->scratch->cause;
    *c = (struct cause){.log = f};
    *ret_part = 0;
    const char *error = batch_read(b, f);
    if (error)
        return batch_stick(b, error);
    if (c->fact->kind == EVENT_FACT_RETRIED)
        return stuck_apply(b);
    if (c->fact->code.len && world_stuck(b->world, c->fact->code.ptr, c->fact->code.len))
        return batch_wait(b, c->fact->code);
    return batch_apply_read(b, part, ret_part);
}
