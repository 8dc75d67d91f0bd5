// SPDX-License-Identifier: EUPL-1.2
// Rows of the journey: numbers them per dossier, keeps the dossier's proposal, and prints their details:
//   office "580000" · reason "13" · solution "redeliver" · charge, fee, remit (đồng) · next "YYYY-MM-DD"
//   (next attempt), until (end of holding, last day for papers), due (of a registration) · note (an office's
//   words; a postman's stay inside, they may speak of the receiver) · before "S12" (state before) · proposes
//   10 · fee_state "collected" · container "TUI-1" · into "…" (survivor, successor, container) · from,
//   last_seq (of the merged dossier) · status 9 (told by the office) · source "device" · fact "0:17"
//   (position of the fact told, when it is not the cause)
// Nothing personal: names, phones and places of people never reach a fact's body.
#include "base/check.h"
#include "base/err.h"
#include "base/json.h"
#include "correlate/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_money(struct jout *j, const char *key, int64_t amount)
{
    if (amount >= 0)
        jout_int(j, key, amount);
}

static void print_text(struct jout *j, const char *key, struct fact_text t)
{
    if (t.len)
        jout_string_n(j, key, t.ptr, t.len);
}

static const char *due_name(const struct fact *f, unsigned solution)
{
    if (f->kind == EVENT_DOSSIER_REGISTERED)
        return "due";
    return solution == SOLUTION_HOLD || f->kind == EVENT_SUPPLEMENT_REQUESTED ? "until" : "next";
}

// What only the body knows, so only of the cause itself.
static void print_body(struct jout *j, const struct fact *f, unsigned solution, unsigned source)
{
    print_text(j, "reason", f->reason);
    print_text(j, due_name(f, solution), f->due);
    if (source == SOURCE_OFFICE || source == SOURCE_OPERATOR)
        print_text(j, "note", f->note);
    print_text(j, "into", f->into);
    print_text(j, "order", f->order);
}

static void print_trail(struct jout *j, const struct batch *b, const struct trail_fact *t, bool is_cause,
                        bool retried)
{
    char text[32];
    if (t->office != TRAIL_OFFICE_0) {
        snprintf(text, sizeof text, "%06" PRIu32, t->office);
        jout_string(j, "office", text);
    }
    if (!is_cause && t->reason > 0 && t->reason < TRAIL_REASON_X) {
        snprintf(text, sizeof text, "%u", t->reason - 1U);
        jout_string(j, "reason", text);
    }
    if (t->solution)
        jout_string(j, "solution", solution_name(t->solution));
    print_money(j, "charge", t->charge);
    print_money(j, "fee", t->fee);
    print_money(j, "remit", t->remit);
    if (t->container) {
        const struct world_box *box = world_box_by_number(b->world, t->container);
        jout_string(j, "container", box ? box->code : NULL);
    }
    jout_string(j, "source", event_source_name(t->source));
    if (!is_cause || retried) {
        snprintf(text, sizeof text, "%u:%" PRId64, t->lane, t->pos);
        jout_string(j, "fact", text);
    }
}

// The legal status, when the row is the office telling it.
static uint8_t status_in(const struct world_dossier *d, const struct journey_row *row)
{
    switch (row->kind) {
    case EVENT_DOSSIER_STATUS:
    case EVENT_SUPPLEMENT_REQUESTED:
    case EVENT_RESULT_READY:
    case EVENT_DOSSIER_WITHDRAWN:
        return d->status;
    default:
        return 0;
    }
}

// NULL: no memory.
static char *print_details(struct batch *b, const struct trail_fact *about, const struct journey_row *row,
                           uint8_t status)
{
    struct batch_scratch *s = b->scratch;
    const struct cause *c = &s->cause;
    bool is_cause = !about || (about->lane == c->trail.lane && about->pos == c->trail.pos);
    bool retried = c->log != c->row;
    struct jout j;
    buf_reset(&s->details);
    jout_init(&j, &s->details);
    jout_open_object(&j, NULL);
    print_trail(&j, b, about ? about : &c->trail, is_cause, retried);
    if (is_cause)
        print_body(&j, c->fact, c->trail.solution, c->trail.source);
    if (row->before != row->after)
        jout_string(&j, "before", state_code(row->before));
    if (row->proposes)
        jout_int(&j, "proposes", row->proposes);
    if (row->fee_state)
        jout_string(&j, "fee_state", fee_state_name(row->fee_state));
    if (status)
        jout_int(&j, "status", status);
    if (c->from) {
        jout_string(&j, "from", c->from);
        if (row->kind == EVENT_DOSSIER_ABSORBED)
            jout_int(&j, "last_seq", c->last_seq);
    }
    jout_close_object(&j);
    CHECK(buf_error(&s->details) != ERR_TOO_BIG); // the parts are bounded and fit
    return buf_error(&s->details) ? NULL : strdup(buf_str(&s->details));
}

static int64_t retracted_seq(const struct batch *b, const struct world_dossier *d,
                             const struct world_item *it)
{
    const struct batch_scratch *s = b->scratch;
    struct trail_fact facts[TRAIL_MAX];
    size_t n;
    if (!it || !s->cause.corrects || trail_unpack(it->trail.bytes, it->trail.len, facts, &n) != TRAIL_OK)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (facts[i].kind != EVENT_CORRECTION && facts[i].stream == s->cause.correction.stream &&
            facts[i].seq == s->cause.correction.seq)
            return world_told(b->world, d->id, facts[i].lane, facts[i].pos);
    return 0;
}

static struct batch_row *new_row(struct batch *b)
{
    if (b->n_rows == b->cap_rows) {
        size_t cap = b->cap_rows ? 2 * b->cap_rows : 256;
        struct batch_row *rows = realloc(b->rows, cap * sizeof *rows);
        if (!rows)
            return NULL;
        b->rows = rows;
        b->cap_rows = cap;
    }
    return &b->rows[b->n_rows];
}

static void note_proposal(struct world_dossier *d, const struct journey_row *row)
{
    bool was_end = row->before == STATE_HANDED_OVER || row->before == STATE_DELIVERED ||
                   row->before == STATE_REFUSED_BY_OFFICE;
    if (row->proposes)
        d->proposed = row->proposes;
    else if ((row->flags & JOURNEY_REVISED) && was_end && row->after != row->before)
        d->proposed = 0; // what it rested on was taken back
}

int tell_dossier(struct batch *b, struct world_dossier *d, const struct world_item *it,
                 const struct trail_fact *about, const struct journey_row *row)
{
    struct cause *c = &b->scratch->cause;
    if (c->n >= BATCH_PART_STRIDE || c->object >= INT32_MAX / BATCH_PART_STRIDE)
        return ERR_TOO_BIG;
    struct batch_row *out = new_row(b);
    char *details = out ? print_details(b, about, row, status_in(d, row)) : NULL;
    if (!details)
        return ERR_NO_MEMORY;
    *out = (struct batch_row){
        .lane = d->lane,
        .cause_lane = c->log->lane,
        .cause_pos = c->log->pos,
        .cause_part = c->object * BATCH_PART_STRIDE + c->n++,
        .dossier = d->id,
        .seq = ++d->seq,
        .at = about ? about->at : c->trail.at,
        .kind = row->kind,
        .flags = row->flags,
        .leg = row->leg,
        .state = row->after,
        .sms = row->template,
        .retracts = row->kind == EVENT_CORRECTION ? retracted_seq(b, d, it) : 0,
        .details = details,
    };
    memcpy(out->unit, d->unit, sizeof out->unit);
    snprintf(out->code, sizeof out->code, "%s", world_primary_code(d));
    snprintf(out->item, sizeof out->item, "%s", it ? it->code : "");
    b->n_rows++;
    note_proposal(d, row);
    world_touch_dossier(b->world, d);
    const struct trail_fact *told = about ? about : &c->trail;
    return world_tell(b->world, d->id, told->lane, told->pos, out->seq);
}

int tell_linked(struct batch *b, const struct world_item *it, const struct trail_fact *about,
                const struct journey_row *row)
{
    if (row->kind == EVENT_NONE)
        return ERR_OK;
    for (struct world_link *l = it->links; l; l = l->next_of_item) {
        if (about->at < l->since || about->at >= l->to || l->dossier->merged_into)
            continue;
        int err = tell_dossier(b, l->dossier, it, about, row);
        if (err)
            return err;
    }
    return ERR_OK;
}
