// SPDX-License-Identifier: EUPL-1.2
// Facts about dossiers and units: registration, what the office asks and decides, mergers. A dossier that
// nobody has registered is made when a fact names it; the office may tell us later whose it is.
#include "base/err.h"
#include "correlate/engine.h"
#include "domain/status.h"

#include <stdlib.h>
#include <string.h>

#define MERGE_TOLD_MS                                                                                        \
    (INT64_C(366) * 24 * 3600 * 1000) // dossiers older than this hear nothing of a merger of units

// ---- whose

static size_t look_up_alias(void *ctx, const char *unit, char ret[UNIT_ID_MAX + 1])
{
    const char *to = world_unit_alias(ctx, unit, strlen(unit));
    if (!to || strlen(to) > UNIT_ID_MAX)
        return 0;
    memcpy(ret, to, strlen(to) + 1);
    return 1;
}

// The unit that answers for this one today; false when it is no unit id.
static bool canonical_unit(struct batch *b, const char *s, size_t len, char ret[UNIT_ID_MAX + 1])
{
    struct unit_id unit;
    struct unit_canonical now;
    if (unit_id_parse(s, len, &unit) != FAULT_OK)
        return false;
    unit_canonicalise(&unit, look_up_alias, b->world, &now);
    memcpy(ret, now.id.text, now.id.len + 1);
    return true;
}

// The unit in the code, for a dossier that has none yet.
static void take_unit(struct batch *b, struct world_dossier *d, const char *key, size_t len)
{
    struct dossier_code code;
    if (!d->unit[0] && dossier_code_parse(key, len, &code) == FAULT_OK)
        (void)canonical_unit(b, code.unit.text, code.unit.len, d->unit);
}

// ---- by which code

static struct world_dossier *find_dossier(const struct batch *b, struct fact_text text)
{
    char key[WORLD_CODE_MAX + 1];
    size_t len = batch_dossier_key(text.ptr, text.len, key);
    struct world_dossier *d = world_dossier(b->world, key, len);
    return d ? d : world_dossier(b->world, text.ptr, text.len);
}

// The code and, where it differs, the way it was written lead to the dossier from now on.
static int add_code(struct batch *b, struct world_dossier *d, struct fact_text text, bool primary)
{
    char key[WORLD_CODE_MAX + 1];
    size_t len = batch_dossier_key(text.ptr, text.len, key);
    int64_t at = b->scratch->cause.trail.at;
    int err = world_add_code(b->world, d, key, len, primary, at, true);
    if (!err && (len != text.len || memcmp(key, text.ptr, len) != 0))
        err = world_add_code(b->world, d, text.ptr, text.len, false, at, true);
    if (!err)
        take_unit(b, d, key, len);
    return err;
}

static struct world_dossier *make_dossier(struct batch *b, struct fact_text text)
{
    struct world_dossier *d = world_add_dossier(b->world);
    if (!d)
        return NULL;
    d->opened_at = b->scratch->cause.trail.at;
    return add_code(b, d, text, true) == ERR_OK ? d : NULL;
}

// One dossier code beside an order number: whichever is known leads to the dossier, the other becomes its
// alias.
static struct world_dossier *dossier_by_both(struct batch *b, struct fact_text code, struct fact_text order)
{
    struct world_dossier *d = find_dossier(b, code);
    bool by_order = false;
    if (!d) {
        d = find_dossier(b, order);
        by_order = d != NULL;
    }
    if (!d)
        d = make_dossier(b, code);
    if (d && by_order && add_code(b, d, code, true) != ERR_OK)
        return NULL;
    return d && world_add_code(b->world, d, order.ptr, order.len, false, b->scratch->cause.trail.at, true) ==
                       ERR_OK
               ? d
               : NULL;
}

int dossiers_of(struct batch *b, struct world_dossier **ret_dossiers, size_t *ret_n)
{
    const struct fact *f = b->scratch->cause.fact;
    size_t n = 0;
    for (size_t i = 0; i < f->n_dossiers || (i == 0 && f->order.len); i++) {
        struct fact_text text = i < f->n_dossiers ? f->dossiers[i] : f->order;
        struct world_dossier *d;
        if (f->n_dossiers == 1 && f->order.len) {
            d = dossier_by_both(b, text, f->order);
        } else {
            d = find_dossier(b, text);
            d = d ? d : make_dossier(b, text);
        }
        if (!d)
            return ERR_NO_MEMORY;
        bool known = false;
        for (size_t k = 0; k < n; k++)
            known = known || ret_dossiers[k] == d;
        if (!known)
            ret_dossiers[n++] = d;
    }
    *ret_n = n;
    return ERR_OK;
}

// ---- what happened to it

static void copy_text(char *to, size_t cap, struct fact_text t)
{
    if (t.len == 0 || t.len >= cap)
        return;
    memcpy(to, t.ptr, t.len);
    to[t.len] = '\0';
}

static uint8_t told_status(const struct fact *f, uint8_t present)
{
    enum dossier_status status;
    switch (f->kind) {
    case EVENT_DOSSIER_STATUS:
        return status_parse(f->reason.ptr, f->reason.len, &status) ? (uint8_t)status : present;
    case EVENT_SUPPLEMENT_REQUESTED:
        return STATUS_SUPPLEMENT;
    case EVENT_RESULT_READY:
        return STATUS_DECIDED;
    case EVENT_DOSSIER_WITHDRAWN:
        return STATUS_WITHDRAWN;
    default:
        return present; // a hand-over only proposes
    }
}

static void note_office_word(struct batch *b, struct world_dossier *d)
{
    const struct fact *f = b->scratch->cause.fact;
    if (f->kind == EVENT_DOSSIER_REGISTERED) {
        d->registered = true;
        if (f->unit.len)
            (void)canonical_unit(b, f->unit.ptr, f->unit.len, d->unit);
        copy_text(d->due, sizeof d->due,
                  f->due); // of any other fact it is another day: for papers, for a visit
    }
    copy_text(d->tthc, sizeof d->tthc, f->tthc);
    uint8_t status = told_status(f, d->status);
    if (status == d->proposed)
        d->proposed = 0; // the office has decided what we proposed
    d->status = status;
    world_touch_dossier(b->world, d);
}

static int merge(struct batch *b, struct world_dossier *loser)
{
    struct cause *c = &b->scratch->cause;
    struct world_dossier *survivor = find_dossier(b, c->fact->into);
    if (!survivor)
        survivor = make_dossier(b, c->fact->into);
    if (!survivor)
        return ERR_NO_MEMORY;
    if (survivor == loser)
        return ERR_OK; // they are one already
    struct journey_row row = journey_dossier(EVENT_DOSSIER_MERGED, LEG_NONE);
    int err = tell_dossier(b, loser, NULL, NULL, &row);
    if (err)
        return err;
    row = journey_dossier(EVENT_DOSSIER_ABSORBED, LEG_NONE);
    char from[WORLD_CODE_MAX + 1];
    memcpy(from, world_primary_code(loser), strlen(world_primary_code(loser)) + 1);
    c->from = from;
    c->last_seq = loser->seq;
    err = tell_dossier(b, survivor, NULL, NULL, &row);
    c->from = NULL;
    if (err)
        return err;
    loser->merged_into = survivor->id;
    survivor->registered = survivor->registered || loser->registered;
    world_move_codes(b->world, loser, survivor);
    for (struct world_link *l = loser->links; l; l = l->next_of_dossier) {
        if (l->to != WORLD_OPEN)
            continue;
        // The survivor hears of these items from here on; what was told to the loser is referred to by
        // last_seq.
        if (!world_open_link(l->item, survivor)) {
            struct world_link *moved =
                world_add_link(b->world, l->item, survivor, c->trail.at, WORLD_OPEN, true);
            if (!moved)
                return ERR_NO_MEMORY;
            moved->leg = l->leg;
            moved->source = l->source;
            moved->cause_pos = c->row->pos;
        }
        l->to = c->trail.at > l->from ? c->trail.at : l->from;
        world_touch_link(b->world, l);
    }
    return ERR_OK;
}

int dossier_apply(struct batch *b)
{
    const struct cause *c = &b->scratch->cause;
    struct world_dossier *dossiers[FACT_DOSSIERS_MAX];
    size_t n = 0;
    int err = dossiers_of(b, dossiers, &n);
    for (size_t i = 0; i < n && !err; i++) {
        if (c->fact->kind == EVENT_DOSSIER_MERGED) {
            err = merge(b, dossiers[i]);
            continue;
        }
        note_office_word(b, dossiers[i]);
        struct journey_row row = journey_dossier(c->fact->kind, c->fact->leg);
        err = tell_dossier(b, dossiers[i], NULL, NULL, &row);
    }
    return err;
}

// ---- units

static int by_id(const void *a, const void *b)
{
    const struct world_dossier *const *x = a, *const *y = b;
    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

// The dossiers of a unit that the world holds, in order; the caller frees them. NULL: no memory.
static struct world_dossier **dossiers_of_unit(const struct world *w, const char *unit, size_t *ret_n)
{
    size_t n = 0;
    for (const struct world_dossier *d = w->all_dossiers; d; d = d->next_all)
        n += strcmp(d->unit, unit) == 0 && d->merged_into == 0;
    struct world_dossier **found = malloc((n + 1) * sizeof(struct world_dossier *));
    *ret_n = n;
    n = 0;
    for (struct world_dossier *d = w->all_dossiers; d && found; d = d->next_all)
        if (strcmp(d->unit, unit) == 0 && d->merged_into == 0)
            found[n++] = d;
    if (found)
        qsort(found, n, sizeof(struct world_dossier *), by_id);
    return found;
}

static bool hears_of_merger(const struct batch *b, const struct world_dossier *d)
{
    bool closed = d->status == STATUS_REFUSED || d->status == STATUS_WITHDRAWN ||
                  d->status == STATUS_STOPPED || d->status == STATUS_RETURNED;
    return !closed && d->opened_at > b->scratch->cause.trail.at - MERGE_TOLD_MS;
}

static int move_unit(struct batch *b, struct world_dossier *d, const char *into)
{
    memcpy(d->unit, into, strlen(into) + 1);
    world_touch_dossier(b->world, d);
    if (!hears_of_merger(b, d))
        return ERR_OK;
    struct journey_row row = journey_dossier(EVENT_UNIT_MERGED, LEG_NONE);
    return tell_dossier(b, d, NULL, NULL, &row);
}

int unit_apply(struct batch *b, int32_t part, int32_t *ret_part)
{
    struct cause *c = &b->scratch->cause;
    char closed[UNIT_ID_MAX + 1], successor[UNIT_ID_MAX + 1];
    size_t n, i = 0;
    if (!batch_unit_key(c->fact->unit.ptr, c->fact->unit.len, closed) ||
        !batch_unit_key(c->fact->into.ptr, c->fact->into.len, successor))
        return batch_stick(b, "no unit id");
    if (strcmp(closed, successor) == 0)
        return ERR_OK;
    int err = world_add_unit_alias(b->world, closed, strlen(closed), successor, strlen(successor));
    if (err)
        return err;
    b->n_aliases = 1;
    memcpy(b->aliases[0].alias, closed, sizeof closed);
    memcpy(b->aliases[0].unit, successor, sizeof successor);
    struct world_dossier **found = dossiers_of_unit(b->world, closed, &n);
    if (!found)
        return ERR_NO_MEMORY;
    c->from = closed;
    for (; i < n && !err && b->n_rows < b->max_rows; i++) {
        c->object = part + (int32_t)i + 1;
        c->n = 0;
        err = move_unit(b, found[i], successor);
    }
    c->from = NULL;
    free(found);
    // The moved ones are not found again: when none is left, the fact is done.
    *ret_part = n > 0 ? part + (int32_t)i : 0;
    return err;
}
