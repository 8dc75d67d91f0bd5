// SPDX-License-Identifier: EUPL-1.2
// Facts about containers. Object 0 of the fan-out is the container itself with the members that the fact
// lists; then come, in order of their numbers, all items that were ever inside it or inside a container
// inside it. Each works out anew what is handed down to it, so doing an object twice does nothing the second
// time.
#include "base/err.h"
#include "correlate/engine.h"

#include <stdlib.h>
#include <string.h>

struct world_box *box_of(struct batch *b, struct fact_text code)
{
    struct world_box *box = world_box(b->world, code.ptr, code.len);
    return box ? box : world_add_box(b->world, code.ptr, code.len);
}

// Adds a fact to the container (NULL: works out what its own containers hand down now).
static int box_change(struct batch *b, struct world_box *box, const struct trail_fact *add)
{
    struct batch_scratch *s = b->scratch;
    size_t n_own, n_whole;
    if (box->frozen[0])
        return ERR_OK;
    bool readable = batch_unpack_own(b, &box->trail, &n_own);
    enum trail_error e = readable && add ? trail_insert(s->own, &n_own, add, NULL) : TRAIL_OK;
    if (e == TRAIL_KNOWN)
        return ERR_OK;
    readable = readable && (e || batch_gather_boxes(b, n_own));
    if (readable && !e)
        e = nest_trail(s->own, n_own, s->nest, s->n_nest, s->whole, &n_whole);
    if (!readable || e) {
        batch_freeze(box->frozen, readable ? "more than 500 facts" : "stored facts are corrupt");
        world_touch_box(b->world, box);
        return ERR_OK;
    }
    size_t len = trail_pack(s->whole, n_whole, s->packed);
    if (len == box->trail.len && memcmp(s->packed, box->trail.bytes, len) == 0)
        return ERR_OK;
    world_touch_box(b->world, box);
    return world_set_trail(&box->trail, s->packed, len);
}

// The own fact of a trail that this correction takes back?
static bool states_target(struct batch *b, const struct world_trail *t, const struct trail_fact *correction)
{
    struct batch_scratch *s = b->scratch;
    size_t n;
    if (!batch_unpack_own(b, t, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (s->own[i].kind != EVENT_CORRECTION && s->own[i].stream == correction->stream &&
            s->own[i].seq == correction->seq)
            return true;
    return false;
}

// The waiting correction in a container's trail that takes back the cause, if there is one.
static bool find_waiting(struct batch *b, const struct world_box *box, struct trail_fact *ret)
{
    struct batch_scratch *s = b->scratch;
    size_t n;
    if (!batch_unpack_own(b, &box->trail, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (s->own[i].kind == EVENT_CORRECTION && s->own[i].stream == s->cause.trail.stream &&
            s->own[i].seq == s->cause.trail.seq) {
            *ret = s->own[i];
            return true;
        }
    return false;
}

static bool was_inside(struct batch *b, const struct world_trail *t, const struct world_box *box)
{
    struct batch_scratch *s = b->scratch;
    size_t n;
    if (!batch_unpack_own(b, t, &n) || !batch_gather_boxes(b, n))
        return false;
    for (size_t i = 0; i < s->n_nest; i++)
        if (s->nest[i].number == box->number)
            return nest_was_inside(s->own, n, &s->nest[i], &s->cause.trail);
    return false;
}

static int tell_difference(struct batch *b, const struct world_item *it, enum event_kind kind)
{
    struct journey_row row = journey_dossier(kind, it->now.leg);
    row.before = row.after = it->now.state;
    return tell_linked(b, it, &b->scratch->cause.trail, &row);
}

// ---- object 0: the container and what the fact lists

// What the list says of each member: it was put in, or it was found.
static struct trail_fact member_fact(const struct cause *c, const struct world_box *box)
{
    struct trail_fact f = c->trail;
    f.leg = LEG_NONE;
    f.charge = f.fee = f.remit = TRAIL_ABSENT;
    if (f.kind != EVENT_BAG_OPENED) {
        f.kind = EVENT_ITEM_PUT_IN;
        f.container = box->number;
        f.office = TRAIL_OFFICE_0;
        f.reason = 0;
        f.solution = 0;
    }
    return f;
}

static int apply_listed_item(struct batch *b, struct world_box *box, struct fact_text code, bool had_members,
                             const struct trail_fact *correction)
{
    struct cause *c = &b->scratch->cause;
    struct trail_fact f = member_fact(c, box);
    struct world_item *it = item_of(b, code);
    int err = it ? world_add_member(b->world, box, MEMBER_ITEM, it->id, true) : ERR_NO_MEMORY;
    if (!err && correction)
        err = item_change(b, it, correction);
    bool extra = !err && c->trail.kind == EVENT_BAG_OPENED && had_members && !was_inside(b, &it->trail, box);
    if (!err)
        err = item_change(b, it, &f);
    return !err && extra ? tell_difference(b, it, EVENT_ITEM_EXTRA) : err;
}

static int apply_listed_box(struct batch *b, struct world_box *box, struct fact_text code,
                            const struct trail_fact *correction)
{
    struct trail_fact f = member_fact(&b->scratch->cause, box);
    struct world_box *inner = box_of(b, code);
    if (inner == box)
        return ERR_OK; // a container in itself
    int err = inner ? world_add_member(b->world, box, MEMBER_BOX, inner->number, true) : ERR_NO_MEMORY;
    if (!err && correction)
        err = box_change(b, inner, correction);
    // The opening of the outer container is not an opening of the inner one: it was only seen.
    if (f.kind == EVENT_BAG_OPENED)
        f.kind = EVENT_BAG_RECEIVED;
    return err ? err : box_change(b, inner, &f);
}

static int apply_listed(struct batch *b, struct world_box *box, struct fact_text code, bool had_members,
                        const struct trail_fact *correction)
{
    return batch_is_item(code.ptr, code.len) ? apply_listed_item(b, box, code, had_members, correction)
                                             : apply_listed_box(b, box, code, correction);
}

static bool lists_members(unsigned kind)
{
    switch (kind) {
    case EVENT_BAG_CLOSED:
    case EVENT_BAG_RECEIVED:
    case EVENT_BAG_OPENED:
    case EVENT_DISPATCH_DEPARTED:
    case EVENT_DISPATCH_ARRIVED:
        return true;
    default:
        return false;
    }
}

static int apply_list(struct batch *b, struct world_box *box)
{
    struct cause *c = &b->scratch->cause;
    struct trail_fact waiting;
    const struct trail_fact *correction = find_waiting(b, box, &waiting) ? &waiting : NULL;
    bool had_members = box->n_members > 0;
    int err = ERR_OK;
    for (size_t i = 0; i < c->fact->n_members && lists_members(c->fact->kind) && !err; i++) {
        struct fact_text code = c->fact->members[i];
        if (world_stuck(b->world, code.ptr, code.len))
            err = batch_wait(b, code);
        else
            err = apply_listed(b, box, code, had_members, correction);
    }
    return err;
}

int box_apply_member(struct batch *b, struct fact_text code)
{
    struct trail_fact waiting;
    struct world_box *box = box_of(b, b->scratch->cause.fact->code);
    if (!box)
        return ERR_NO_MEMORY;
    return apply_listed(b, box, code, false, find_waiting(b, box, &waiting) ? &waiting : NULL);
}

// A bag that is put into a dispatch, or taken out.
static int enter_outer(struct batch *b, struct world_box *box)
{
    struct cause *c = &b->scratch->cause;
    if ((c->fact->kind != EVENT_ITEM_PUT_IN && c->fact->kind != EVENT_ITEM_TAKEN_OUT) ||
        c->fact->into.len == 0)
        return ERR_OK;
    struct world_box *outer = box_of(b, c->fact->into);
    if (!outer)
        return ERR_NO_MEMORY;
    c->trail.container = outer->number;
    if (c->fact->kind != EVENT_ITEM_PUT_IN || outer == box)
        return ERR_OK;
    return world_add_member(b->world, outer, MEMBER_BOX, box->number, true);
}

static int apply_self(struct batch *b, struct world_box *box)
{
    struct cause *c = &b->scratch->cause;
    int err = enter_outer(b, box);
    if (!err && c->corrects)
        err = box_change(b, box, &c->correction);
    if (!err && c->fact->kind != EVENT_CORRECTION)
        err = box_change(b, box, &c->trail);
    return err ? err : apply_list(b, box);
}

// ---- the objects after it: everything that was ever inside

struct family {
    struct world_box **boxes; // breadth first, the container itself first
    size_t n_boxes, cap_boxes;
    int64_t *items; // sorted, distinct
    size_t n_items;
};

static int by_number(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int add_box(struct family *f, struct world_box *box)
{
    if (box && !box->whole)
        return ERR_IO; // the loader's mistake: nobody may be forgotten silently
    if (!box || box->visited)
        return ERR_OK;
    if (f->n_boxes == f->cap_boxes) {
        size_t cap = f->cap_boxes ? 2 * f->cap_boxes : 16;
        struct world_box **boxes = realloc(f->boxes, cap * sizeof(struct world_box *));
        if (!boxes)
            return ERR_NO_MEMORY;
        f->boxes = boxes;
        f->cap_boxes = cap;
    }
    box->visited = true;
    f->boxes[f->n_boxes++] = box;
    return ERR_OK;
}

static int find_boxes(struct batch *b, struct world_box *root, struct family *f)
{
    int err = add_box(f, root);
    size_t level = 0;
    for (int depth = 1; depth < NEST_DEPTH && !err; depth++) {
        size_t end = f->n_boxes;
        for (size_t i = level; i < end; i++)
            for (size_t m = 0; m < f->boxes[i]->n_members && !err; m++)
                if (f->boxes[i]->members[m].kind == MEMBER_BOX)
                    err = add_box(f, world_box_by_number(b->world, (uint32_t)f->boxes[i]->members[m].id));
        level = end;
    }
    for (size_t i = 0; i < f->n_boxes; i++)
        f->boxes[i]->visited = false;
    return err;
}

static int find_items(struct family *f)
{
    size_t n = 0, all = 0;
    for (size_t i = 0; i < f->n_boxes; i++)
        all += f->boxes[i]->n_members;
    f->items = malloc((all + 1) * sizeof *f->items);
    if (!f->items)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < f->n_boxes; i++)
        for (size_t m = 0; m < f->boxes[i]->n_members; m++)
            if (f->boxes[i]->members[m].kind == MEMBER_ITEM)
                f->items[n++] = f->boxes[i]->members[m].id;
    qsort(f->items, n, sizeof *f->items, by_number);
    for (size_t i = 0; i < n; i++)
        if (f->n_items == 0 || f->items[f->n_items - 1] != f->items[i])
            f->items[f->n_items++] = f->items[i];
    return ERR_OK;
}

// A correction of a list takes it back for those it listed.
static const struct trail_fact *correction_for(struct batch *b, const struct world_trail *t)
{
    const struct cause *c = &b->scratch->cause;
    return c->corrects && states_target(b, t, &c->correction) ? &c->correction : NULL;
}

static int apply_item(struct batch *b, struct world_box *root, struct world_item *it)
{
    struct cause *c = &b->scratch->cause;
    bool asked = c->fact->kind == EVENT_BAG_OPENED && c->trail.listed;
    int err = item_change(b, it, correction_for(b, &it->trail));
    if (err || !asked || !was_inside(b, &it->trail, root))
        return err;
    size_t n;
    if (!batch_unpack_own(b, &it->trail, &n) || trail_find(b->scratch->own, n, &c->trail) < n)
        return ERR_OK; // it was in the list
    return tell_difference(b, it, EVENT_ITEM_MISSING);
}

// *ret_part: 0 when all are done, else the object to go on with.
static int apply_family(struct batch *b, struct world_box *root, const struct family *f, int32_t from,
                        int32_t *ret_part)
{
    struct cause *c = &b->scratch->cause;
    for (size_t i = 1; i < f->n_boxes; i++) {
        int err = box_change(b, f->boxes[i], correction_for(b, &f->boxes[i]->trail));
        if (err)
            return err;
    }
    for (size_t i = (size_t)(from - 1); i < f->n_items; i++) {
        struct world_item *it = world_item_by_id(b->world, f->items[i]);
        if (!it || b->n_rows >= b->max_rows) {
            *ret_part = (int32_t)i + 1;
            return ERR_OK;
        }
        c->object = (int32_t)i + 1;
        c->n = 0;
        int err = apply_item(b, root, it);
        if (err)
            return err;
    }
    *ret_part = 0;
    return ERR_OK;
}

int box_apply(struct batch *b, int32_t part, int32_t *ret_part)
{
    struct family f = {.boxes = NULL};
    enum event_kind kind = b->scratch->cause.fact->kind;
    if (kind == EVENT_DOSSIER_LINK || kind == EVENT_DOSSIER_UNLINK)
        return batch_stick(b, "a container has no dossier");
    struct world_box *root = box_of(b, b->scratch->cause.fact->code);
    int err = root ? ERR_OK : ERR_NO_MEMORY;
    if (!err && part == 0)
        err = apply_self(b, root);
    if (err)
        return err;
    err = find_boxes(b, root, &f);
    if (!err)
        err = find_items(&f);
    if (!err)
        err = apply_family(b, root, &f, part > 0 ? part : 1, ret_part);
    free(f.boxes);
    free(f.items);
    return err;
}
