// SPDX-License-Identifier: EUPL-1.2
// Creation and look-up of the world's objects; see world.h. No rules live here.
#include "correlate/world.h"

#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

// S10 item numbers may be used again; UPU S10 asks for twelve months, postal practice is shorter. Six months
// after its end an item of the same code is another one.
#define GENERATION_MS (INT64_C(183) * 24 * 3600 * 1000)

struct owned {
    struct owned *next;
    max_align_t bytes[];
};

static void *own(struct world *w, size_t len)
{
    struct owned *o = calloc(1, sizeof *o + len);
    if (!o)
        return NULL;
    o->next = w->owned;
    w->owned = o;
    return o->bytes;
}

void world_init(struct world *w, const struct world_ids *ids, const int16_t *lanes, size_t n_lanes)
{
    memset(w, 0, sizeof *w);
    CHECK(n_lanes > 0 && n_lanes <= WORLD_LANES_MAX);
    w->ids = *ids;
    memcpy(w->lanes, lanes, n_lanes * sizeof *lanes);
    w->n_lanes = n_lanes;
}

void world_done(struct world *w)
{
    struct map *maps[] = {&w->items,          &w->items_by_id, &w->boxes, &w->boxes_by_number, &w->dossiers,
                          &w->dossiers_by_id, &w->stuck,       &w->units, &w->streams,         &w->told};
    for (size_t i = 0; i < ARRAY_LEN(maps); i++)
        map_done(maps[i]);
    for (struct world_item *it = w->all_items; it; it = it->next_all)
        free(it->trail.bytes);
    for (struct world_box *b = w->all_boxes; b; b = b->next_all) {
        free(b->trail.bytes);
        free(b->members);
    }
    while (w->owned) {
        struct owned *o = w->owned;
        w->owned = o->next;
        free(o);
    }
    memset(w, 0, sizeof *w);
}

static void copy_code(char *to, const char *code, size_t len)
{
    CHECK(len <= WORLD_CODE_MAX);
    memcpy(to, code, len);
    to[len] = '\0';
}

// Objects are spread over the lanes by number; the lane is stored and never worked out again.
static int16_t lane_of(const struct world *w, int64_t id)
{
    return w->lanes[(uint64_t)id % w->n_lanes];
}

// ---- items

// The time from which on a fact belongs to the next generation; WORLD_OPEN while the item has not ended.
static int64_t generation_ends(const struct world_item *it)
{
    return state_is_end(it->now.state) ? it->now.since + GENERATION_MS : WORLD_OPEN;
}

struct world_item *world_item(const struct world *w, const char *code, size_t len, int64_t at)
{
    struct world_item *it = map_get(&w->items, code, len);
    if (it && at >= generation_ends(it))
        return NULL;
    while (it && it->next_generation && at < generation_ends(it->next_generation))
        it = it->next_generation;
    return it;
}

struct world_item *world_item_by_id(const struct world *w, int64_t id)
{
    return map_get(&w->items_by_id, &id, sizeof id);
}

struct world_item *world_load_item(struct world *w, const char *code, size_t len, int64_t id, int16_t lane,
                                   int16_t generation)
{
    struct world_item *it = own(w, sizeof *it), *other = map_get(&w->items, code, len);
    if (!it)
        return NULL;
    it->id = id;
    it->lane = lane;
    it->generation = generation;
    it->office = TRAIL_OFFICE_0;
    copy_code(it->code, code, len);
    if (map_put(&w->items_by_id, &id, sizeof id, it) != ERR_OK)
        return NULL;
    if (!other && map_put(&w->items, code, len, it) != ERR_OK)
        return NULL;
    if (other && other->generation < generation) {
        it->next_generation = other;
        map_replace(&w->items, code, len, it);
    } else if (other) {
        while (other->next_generation && other->next_generation->generation > generation)
            other = other->next_generation;
        it->next_generation = other->next_generation;
        other->next_generation = it;
    }
    it->next_all = w->all_items;
    w->all_items = it;
    return it;
}

struct world_item *world_add_item(struct world *w, const char *code, size_t len)
{
    struct world_item *newest = map_get(&w->items, code, len);
    int64_t id = w->ids.item + 1;
    int16_t generation = newest ? (int16_t)(newest->generation + 1) : 1;
    struct world_item *it = world_load_item(w, code, len, id, lane_of(w, id), generation);
    if (!it)
        return NULL;
    w->ids.item = id;
    world_touch_item(w, it);
    return it;
}

void world_touch_item(struct world *w, struct world_item *item)
{
    if (item->dirty)
        return;
    item->dirty = true;
    item->next_dirty = w->dirty_items;
    w->dirty_items = item;
}

int64_t world_last_at(const struct world_item *item)
{
    return item->now.newest || !item->links ? item->now.newest : item->links->from;
}

// ---- containers

struct world_box *world_box(const struct world *w, const char *code, size_t len)
{
    return map_get(&w->boxes, code, len);
}

struct world_box *world_box_by_number(const struct world *w, uint32_t number)
{
    return map_get(&w->boxes_by_number, &number, sizeof number);
}

struct world_box *world_load_box(struct world *w, const char *code, size_t len, uint32_t number, int16_t lane)
{
    struct world_box *b = own(w, sizeof *b);
    if (!b)
        return NULL;
    b->number = number;
    b->lane = lane;
    copy_code(b->code, code, len);
    if (map_put(&w->boxes_by_number, &number, sizeof number, b) != ERR_OK ||
        map_put(&w->boxes, code, len, b) != ERR_OK)
        return NULL;
    b->next_all = w->all_boxes;
    w->all_boxes = b;
    return b;
}

struct world_box *world_add_box(struct world *w, const char *code, size_t len)
{
    int64_t id = w->ids.box + 1;
    struct world_box *b = world_load_box(w, code, len, (uint32_t)id, lane_of(w, id));
    if (!b)
        return NULL;
    w->ids.box = id;
    b->whole = true;
    world_touch_box(w, b);
    return b;
}

void world_touch_box(struct world *w, struct world_box *box)
{
    if (box->dirty)
        return;
    box->dirty = true;
    box->next_dirty = w->dirty_boxes;
    w->dirty_boxes = box;
}

int world_add_member(struct world *w, struct world_box *box, enum world_member_kind kind, int64_t id,
                     bool fresh)
{
    size_t lo = 0, hi = box->n_members;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct world_member *m = &box->members[mid];
        if (m->kind < kind || (m->kind == kind && m->id < id))
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < box->n_members && box->members[lo].kind == kind && box->members[lo].id == id)
        return ERR_OK;
    if (box->n_members == box->cap_members) {
        size_t cap = box->cap_members ? 2 * box->cap_members : 16;
        struct world_member *members = realloc(box->members, cap * sizeof *members);
        if (!members)
            return ERR_NO_MEMORY;
        box->members = members;
        box->cap_members = cap;
    }
    memmove(&box->members[lo + 1], &box->members[lo], (box->n_members - lo) * sizeof *box->members);
    box->members[lo] = (struct world_member){(uint8_t)kind, fresh, id};
    box->n_members++;
    if (fresh)
        world_touch_box(w, box);
    return ERR_OK;
}

// ---- dossiers

struct world_dossier *world_dossier(const struct world *w, const char *code, size_t len)
{
    return map_get(&w->dossiers, code, len);
}

struct world_dossier *world_dossier_by_id(const struct world *w, int64_t id)
{
    return map_get(&w->dossiers_by_id, &id, sizeof id);
}

struct world_dossier *world_load_dossier(struct world *w, int64_t id, int16_t lane)
{
    struct world_dossier *d = own(w, sizeof *d);
    if (!d || map_put(&w->dossiers_by_id, &id, sizeof id, d) != ERR_OK)
        return NULL;
    d->id = id;
    d->lane = lane;
    d->next_all = w->all_dossiers;
    w->all_dossiers = d;
    return d;
}

struct world_dossier *world_add_dossier(struct world *w)
{
    int64_t id = w->ids.dossier + 1;
    struct world_dossier *d = world_load_dossier(w, id, lane_of(w, id));
    if (!d)
        return NULL;
    w->ids.dossier = id;
    world_touch_dossier(w, d);
    return d;
}

void world_touch_dossier(struct world *w, struct world_dossier *d)
{
    if (d->dirty)
        return;
    d->dirty = true;
    d->next_dirty = w->dirty_dossiers;
    w->dirty_dossiers = d;
}

int world_add_code(struct world *w, struct world_dossier *d, const char *code, size_t len, bool primary,
                   int64_t from, bool fresh)
{
    if (map_get(&w->dossiers, code, len))
        return ERR_OK;
    struct world_code *c = own(w, sizeof *c);
    if (!c || map_put(&w->dossiers, code, len, d) != ERR_OK)
        return ERR_NO_MEMORY;
    copy_code(c->text, code, len);
    c->primary = primary || !d->codes;
    c->dirty = fresh;
    c->from = from;
    if (c->primary) {
        for (struct world_code *o = d->codes; o; o = o->next) {
            o->dirty = o->dirty || o->primary;
            o->primary = false;
        }
        c->next = d->codes;
        d->codes = c;
    } else {
        c->next = d->codes->next;
        d->codes->next = c;
    }
    if (fresh)
        world_touch_dossier(w, d);
    return ERR_OK;
}

void world_move_codes(struct world *w, struct world_dossier *loser, struct world_dossier *survivor)
{
    while (loser->codes) {
        struct world_code *c = loser->codes;
        loser->codes = c->next;
        map_replace(&w->dossiers, c->text, strlen(c->text), survivor);
        c->dirty = true;
        if (!survivor->codes) {
            c->primary = true;
            c->next = NULL;
            survivor->codes = c;
        } else {
            c->primary = false;
            c->next = survivor->codes->next;
            survivor->codes->next = c;
        }
    }
    world_touch_dossier(w, loser);
    world_touch_dossier(w, survivor);
}

const char *world_primary_code(const struct world_dossier *d)
{
    return d->codes ? d->codes->text : "";
}

// ---- links

static bool comes_before(const struct world_link *a, const struct world_link *b)
{
    return a->dossier->id != b->dossier->id ? a->dossier->id < b->dossier->id : a->from < b->from;
}

// Each link of the two tells from where the one before it ended, in whatever order they became known.
static void order_links(const struct world_item *item, const struct world_dossier *d)
{
    int64_t since = 0;
    for (struct world_link *l = item->links; l; l = l->next_of_item) {
        if (l->dossier != d)
            continue;
        l->since = since;
        since = l->to;
    }
}

struct world_link *world_add_link(struct world *w, struct world_item *item, struct world_dossier *d,
                                  int64_t from, int64_t to, bool fresh)
{
    struct world_link *l = own(w, sizeof *l), **place = &item->links;
    if (!l)
        return NULL;
    l->item = item;
    l->dossier = d;
    l->from = from;
    l->to = to;
    while (*place && comes_before(*place, l))
        place = &(*place)->next_of_item;
    l->next_of_item = *place;
    *place = l;
    order_links(item, d);
    l->next_of_dossier = d->links;
    d->links = l;
    if (fresh)
        world_touch_link(w, l);
    return l;
}

void world_touch_link(struct world *w, struct world_link *link)
{
    order_links(link->item, link->dossier);
    if (link->dirty)
        return;
    link->dirty = true;
    link->next_dirty = w->dirty_links;
    w->dirty_links = link;
}

struct world_link *world_open_link(const struct world_item *item, const struct world_dossier *d)
{
    for (struct world_link *l = item->links; l; l = l->next_of_item)
        if (l->dossier == d && l->to == WORLD_OPEN)
            return l;
    return NULL;
}

// ---- stuck facts

int world_add_stuck(struct world *w, const char *code, size_t len, const struct batch_fact *row)
{
    struct world_stuck *s = map_get(&w->stuck, code, len);
    struct world_stuck_fact *copy = own(w, sizeof *copy);
    char *body = own(w, row->body_len + 1);
    if (!copy || !body)
        return ERR_NO_MEMORY;
    if (!s) {
        s = own(w, sizeof *s);
        if (!s || map_put(&w->stuck, code, len, s) != ERR_OK)
            return ERR_NO_MEMORY;
    }
    copy->row = *row;
    copy->row.body = memcpy(body, row->body, row->body_len);
    copy->row.needs = NULL; // not ours to keep
    if (s->last)
        s->last->next = copy;
    else
        s->first = copy;
    s->last = copy;
    return ERR_OK;
}

struct world_stuck *world_stuck(const struct world *w, const char *code, size_t len)
{
    struct world_stuck *s = map_get(&w->stuck, code, len);
    return s && s->first ? s : NULL;
}

// ---- small maps

int world_add_unit_alias(struct world *w, const char *alias, size_t len, const char *unit, size_t unit_len)
{
    char *copy = own(w, unit_len + 1);
    if (!copy)
        return ERR_NO_MEMORY;
    memcpy(copy, unit, unit_len);
    if (map_get(&w->units, alias, len)) {
        map_replace(&w->units, alias, len, copy);
        return ERR_OK;
    }
    return map_put(&w->units, alias, len, copy);
}

const char *world_unit_alias(const struct world *w, const char *alias, size_t len)
{
    return map_get(&w->units, alias, len);
}

int world_add_stream(struct world *w, const char *token, size_t len, int64_t stream)
{
    if (map_get(&w->streams, token, len))
        return ERR_OK;
    int64_t *copy = own(w, sizeof *copy);
    if (!copy)
        return ERR_NO_MEMORY;
    *copy = stream;
    return map_put(&w->streams, token, len, copy);
}

bool world_stream(const struct world *w, const char *token, size_t len, int64_t *ret_stream)
{
    const int64_t *stream = map_get(&w->streams, token, len);
    if (stream)
        *ret_stream = *stream;
    return stream != NULL;
}

struct told_key {
    int64_t dossier, lane, pos;
};

int64_t world_told(const struct world *w, int64_t dossier, int16_t lane, int64_t pos)
{
    struct told_key key = {dossier, lane, pos};
    const int64_t *seq = map_get(&w->told, &key, sizeof key);
    return seq ? *seq : 0;
}

int world_tell(struct world *w, int64_t dossier, int16_t lane, int64_t pos, int64_t seq)
{
    struct told_key key = {dossier, lane, pos};
    if (map_get(&w->told, &key, sizeof key))
        return ERR_OK; // the first telling counts
    int64_t *copy = own(w, sizeof *copy);
    if (!copy)
        return ERR_NO_MEMORY;
    *copy = seq;
    return map_put(&w->told, &key, sizeof key, copy);
}

int world_set_trail(struct world_trail *t, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len + 1);
    if (!copy)
        return ERR_NO_MEMORY;
    if (len > 0) // then bytes may be NULL
        memcpy(copy, bytes, len);
    free(t->bytes);
    t->bytes = copy;
    t->len = len;
    return ERR_OK;
}
