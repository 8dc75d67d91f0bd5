// SPDX-License-Identifier: EUPL-1.2
// Facts about one item: its trail, what its containers hand down, its links.
#include "base/err.h"
#include "correlate/engine.h"

#include <string.h>

static void freeze(struct batch *b, struct world_item *it, const char *why)
{
    batch_freeze(it->frozen, why);
    world_touch_item(b->world, it);
}

// Facts of the old trail that are in the new one too, into work. Both are sorted.
static size_t keep_common(struct batch_scratch *s, size_t n_old, size_t n_whole)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < n_old && k < n_whole;) {
        int order = trail_compare(&s->old[i], &s->whole[k]);
        if (order == 0 && s->old[i].inherited == s->whole[k].inherited)
            s->work[n++] = s->old[i];
        i += order <= 0;
        k += order >= 0;
    }
    return n;
}

// Folds one fact into work and tells what it changes. removed_newest: the newest fact that was folded before,
// when containers took facts away; else 0.
static int fold_one(struct batch *b, struct world_item *it, size_t *n, struct journey_item *now,
                    const struct trail_fact *f, int64_t removed_newest)
{
    struct batch_scratch *s = b->scratch;
    struct journey_row row;
    if (journey_add(s->work, n, s->entries, now, f, &row) != TRAIL_OK)
        return ERR_TOO_BIG; // whole fits, so work does: not reached
    if (row.kind != EVENT_NONE && row.kind != EVENT_CORRECTION && f->at < removed_newest)
        journey_mark_late(&row);
    return tell_linked(b, it, f, &row);
}

// Containers took facts away and gave none instead: the present may have changed without any fact of the
// item.
static int tell_removal(struct batch *b, struct world_item *it, size_t n, struct journey_item *now)
{
    struct batch_scratch *s = b->scratch;
    struct journey_item before = *now;
    journey_fold(s->work, n, s->entries, now);
    if (before.state == now->state)
        return ERR_OK;
    struct journey_row row = journey_revision(s->cause.trail.kind, &before, now);
    return tell_linked(b, it, &s->cause.trail, &row);
}

static void note_box(struct batch *b, struct world_item *it, size_t n_own)
{
    const struct batch_scratch *s = b->scratch;
    const struct world_box *box =
        world_box_by_number(b->world, nest_inside(s->own, n_own, s->nest, s->n_nest));
    const char *code = box ? box->code : "";
    if (strcmp(it->inside, code) == 0)
        return;
    memcpy(it->inside, code, strlen(code) + 1);
    world_touch_item(b->world, it);
}

// The newest fact that names a post office.
static void note_office(struct world_item *it, const struct batch_scratch *s, size_t n)
{
    for (size_t i = n; i-- > 0;)
        if (s->work[i].office != TRAIL_OFFICE_0 && s->work[i].kind != EVENT_CORRECTION) {
            it->office = s->work[i].office;
            break;
        }
}

static int change(struct batch *b, struct world_item *it, const struct trail_fact *add, size_t n_old,
                  size_t n_own, size_t n_whole)
{
    struct batch_scratch *s = b->scratch;
    struct journey_item now = it->now;
    size_t n = keep_common(s, n_old, n_whole);
    size_t removed = n_old - n, common = n;
    int64_t newest = removed > 0 ? it->now.newest : 0;
    note_box(b, it, n_own);
    if (!add && removed == 0 && n_whole == n)
        return ERR_OK;
    int err = add ? fold_one(b, it, &n, &now, add, newest) : ERR_OK;
    for (size_t i = 0; i < n_whole && !err; i++)
        if (trail_find(s->work, n, &s->whole[i]) == n)
            err = fold_one(b, it, &n, &now, &s->whole[i], newest);
    if (!err && removed > 0 && n == common)
        err = tell_removal(b, it, n, &now);
    if (err)
        return err;
    it->now = now;
    note_office(it, s, n);
    world_touch_item(b->world, it);
    return world_set_trail(&it->trail, s->packed, trail_pack(s->work, n, s->packed));
}

int item_change(struct batch *b, struct world_item *it, const struct trail_fact *add)
{
    struct batch_scratch *s = b->scratch;
    size_t n_old, n_own, n_whole;
    if (it->frozen[0])
        return ERR_OK;
    if (!batch_unpack_own(b, &it->trail, &n_own)) {
        freeze(b, it, "stored facts are corrupt");
        return ERR_OK;
    }
    if (trail_unpack(it->trail.bytes, it->trail.len, s->old, &n_old) != TRAIL_OK)
        return ERR_IO; // was readable a line above: not reached
    enum trail_error e = add ? trail_insert(s->own, &n_own, add, NULL) : TRAIL_OK;
    if (e == TRAIL_KNOWN)
        return ERR_OK;
    if (!e && !batch_gather_boxes(b, n_own)) {
        freeze(b, it, "stored facts of its container are corrupt");
        return ERR_OK;
    }
    if (!e)
        e = nest_trail(s->own, n_own, s->nest, s->n_nest, s->whole, &n_whole);
    if (e) {
        freeze(b, it, "more than 500 facts");
        return ERR_OK;
    }
    return change(b, it, add, n_old, n_own, n_whole);
}

struct world_item *item_of(struct batch *b, struct fact_text code)
{
    struct world_item *it = world_item(b->world, code.ptr, code.len, b->scratch->cause.trail.at);
    return it ? it : world_add_item(b->world, code.ptr, code.len);
}

// ---- links

static int replay(struct batch *b, struct world_item *it, const struct world_link *link)
{
    struct batch_scratch *s = b->scratch;
    struct journey_item now;
    size_t n;
    if (trail_unpack(it->trail.bytes, it->trail.len, s->old, &n) != TRAIL_OK)
        return ERR_OK; // the item freezes at its next change
    journey_fold(s->old, n, s->entries, &now);
    for (size_t i = 0; i < n; i++) {
        struct journey_row row = journey_replay(s->old, n, s->entries, &now, i);
        if (row.kind == EVENT_NONE || s->old[i].at < link->since)
            continue;
        int err = tell_dossier(b, link->dossier, it, &s->old[i], &row);
        if (err)
            return err;
    }
    return ERR_OK;
}

static bool has_link_from(const struct world_item *it, const struct world_dossier *d, int64_t from)
{
    for (const struct world_link *l = it->links; l; l = l->next_of_item)
        if (l->dossier == d && l->from == from)
            return true;
    return false;
}

int item_link(struct batch *b, struct world_item *it, struct world_dossier *d)
{
    const struct cause *c = &b->scratch->cause;
    int64_t from = c->trail.at;
    if (world_open_link(it, d))
        return ERR_OK;
    while (has_link_from(it, d, from))
        from++;
    struct world_link *link = world_add_link(b->world, it, d, from, WORLD_OPEN, true);
    if (!link)
        return ERR_NO_MEMORY;
    link->leg = c->trail.leg ? c->trail.leg : it->now.leg;
    link->source = c->trail.source;
    link->cause_pos = c->row->pos;
    if (c->fact->kind == EVENT_DOSSIER_LINK) {
        struct journey_row row = journey_dossier(EVENT_DOSSIER_LINK, it->now.leg);
        row.before = row.after = it->now.state;
        int err = tell_dossier(b, d, it, NULL, &row);
        if (err)
            return err;
    }
    return replay(b, it, link);
}

static int unlink_item(struct batch *b, struct world_item *it, struct world_dossier *d)
{
    struct world_link *link = world_open_link(it, d);
    if (!link)
        return ERR_OK;
    link->to = b->scratch->cause.trail.at > link->from ? b->scratch->cause.trail.at : link->from;
    world_touch_link(b->world, link);
    struct journey_row row = journey_dossier(EVENT_DOSSIER_UNLINK, it->now.leg);
    row.before = row.after = it->now.state;
    return tell_dossier(b, d, it, NULL, &row);
}

static int apply_links(struct batch *b, struct world_item *it)
{
    struct world_dossier *dossiers[FACT_DOSSIERS_MAX];
    size_t n = 0;
    bool ends = b->scratch->cause.fact->kind == EVENT_DOSSIER_UNLINK;
    int err = dossiers_of(b, dossiers, &n);
    for (size_t i = 0; i < n && !err; i++)
        err = ends ? unlink_item(b, it, dossiers[i]) : item_link(b, it, dossiers[i]);
    return err;
}

// ---- one fact

// item.put_in and item.taken_out name a container.
static int enter_box(struct batch *b, struct world_item *it)
{
    struct cause *c = &b->scratch->cause;
    if ((c->fact->kind != EVENT_ITEM_PUT_IN && c->fact->kind != EVENT_ITEM_TAKEN_OUT) ||
        c->fact->into.len == 0)
        return ERR_OK;
    struct world_box *box = box_of(b, c->fact->into);
    if (!box)
        return ERR_NO_MEMORY;
    c->trail.container = box->number;
    return c->fact->kind == EVENT_ITEM_PUT_IN ? world_add_member(b->world, box, MEMBER_ITEM, it->id, true)
                                              : ERR_OK;
}

int item_apply(struct batch *b, int32_t *ret_part)
{
    struct cause *c = &b->scratch->cause;
    struct world_item *it = item_of(b, c->fact->code);
    if (!it)
        return ERR_NO_MEMORY;
    *ret_part = 0;
    int err = ERR_OK;
    // The leg that a link states is part of what is known of the item: at a one-stop office it may be the
    // only word on whether a delivery hands over (N, B) or brings the result (K).
    if (c->fact->kind == EVENT_DOSSIER_LINK && c->trail.leg != LEG_NONE)
        err = item_change(b, it, &c->trail);
    if (!err)
        err = apply_links(b, it);
    if (err || c->fact->kind == EVENT_DOSSIER_LINK || c->fact->kind == EVENT_DOSSIER_UNLINK)
        return err;
    err = enter_box(b, it);
    if (!err && c->corrects)
        err = item_change(b, it, &c->correction);
    if (!err && c->fact->kind != EVENT_CORRECTION)
        err = item_change(b, it, &c->trail);
    return err;
}
