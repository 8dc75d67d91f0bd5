// SPDX-License-Identifier: EUPL-1.2
// Steps of the loader: containers, what is in them, items.
#include "base/err.h"
#include "correlate/load_steps.h"

#include <stdlib.h>
#include <string.h>

static void add_box_texts(struct load *l, const struct fact *f)
{
    if (f->code.len && !batch_is_item(f->code.ptr, f->code.len))
        load_add_text(l, f->code);
    if (f->kind == EVENT_ITEM_PUT_IN || f->kind == EVENT_ITEM_TAKEN_OUT)
        load_add_text(l, f->into);
    for (size_t i = 0; i < f->n_members; i++)
        if (!batch_is_item(f->members[i].ptr, f->members[i].len))
            load_add_text(l, f->members[i]);
}

bool load_ask_boxes_by_code(struct load *l)
{
    load_put_lanes(l);
    load_open_texts(l);
    for (size_t i = 0; i < l->n_wanted; i++)
        if (load_fact(l, i))
            add_box_texts(l, load_fact(l, i));
    bool any = load_close_texts(l);
    load_put_no_numbers(l);
    return any;
}

int load_take_boxes(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++) {
        uint32_t number = (uint32_t)db_int(r, row, 1);
        size_t len, facts_len;
        const char *code = db_bytes(r, row, 2, &len), *facts = db_bytes(r, row, 3, &facts_len);
        if (world_box_by_number(l->world, number))
            continue;
        if (len > WORLD_CODE_MAX)
            return ERR_IO;
        struct world_box *box = world_load_box(l->world, code, len, number, (int16_t)db_int(r, row, 0));
        if (!box || world_set_trail(&box->trail, (const uint8_t *)facts, facts_len) != ERR_OK)
            return ERR_NO_MEMORY;
        db_copy_text(r, row, 4, box->frozen, sizeof box->frozen);
    }
    return ERR_OK;
}

static size_t put_family(struct load *l, struct fact_text code)
{
    struct world_box *box = code.len ? world_box(l->world, code.ptr, code.len) : NULL;
    if (!box)
        return 0;
    box->whole = true;
    db_item_int8(load_params(l), box->number);
    return 1;
}

// The containers that facts are about, and those that they list: their contents hear of it.
bool load_ask_contents(struct load *l)
{
    size_t n = 0;
    load_put_lanes(l);
    db_open_array(load_params(l), DB_INT8);
    for (size_t i = 0; i < l->n_wanted; i++) {
        const struct fact *f = load_fact(l, i);
        if (!f)
            continue;
        n += put_family(l, f->code);
        for (size_t k = 0; k < f->n_members; k++)
            n += put_family(l, f->members[k]);
    }
    db_close_array(load_params(l));
    return n > 0;
}

int load_take_contents(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++) {
        if (l->n_contents == l->cap_contents) {
            void *bigger = load_grow(l->contents, &l->cap_contents, sizeof *l->contents);
            if (!bigger)
                return ERR_NO_MEMORY;
            l->contents = bigger;
        }
        l->contents[l->n_contents++] =
            (struct content){db_int(r, row, 0), db_int(r, row, 2), (uint8_t)db_int(r, row, 1)};
    }
    return ERR_OK;
}

bool load_ask_boxes_inside(struct load *l)
{
    struct numbers boxes = {NULL, 0, 0};
    for (size_t i = 0; i < l->n_contents; i++) {
        if (!world_box_by_number(l->world, (uint32_t)l->contents[i].box))
            load_add_number(l, &boxes, l->contents[i].box);
        if (l->contents[i].kind == MEMBER_BOX &&
            !world_box_by_number(l->world, (uint32_t)l->contents[i].member))
            load_add_number(l, &boxes, l->contents[i].member);
    }
    load_put_lanes(l);
    load_put_no_texts(l);
    load_put_numbers(l, &boxes);
    free(boxes.at);
    return boxes.n > 0;
}

static bool add_boxes_of_trail(struct load *l, const struct world_trail *t, struct numbers *boxes)
{
    uint32_t numbers[NEST_BOXES_MAX];
    struct trail_fact facts[TRAIL_MAX];
    size_t n;
    if (trail_unpack(t->bytes, t->len, facts, &n) != TRAIL_OK)
        return false;
    size_t count = nest_boxes(facts, n, numbers);
    for (size_t i = 0; i < count; i++)
        if (!world_box_by_number(l->world, numbers[i]))
            load_add_number(l, boxes, numbers[i]);
    return true;
}

// The containers that what is loaded was ever put into. Asked once for each level of nesting.
bool load_ask_boxes_around(struct load *l)
{
    struct numbers boxes = {NULL, 0, 0};
    for (const struct world_item *it = l->world->all_items; it; it = it->next_all)
        (void)add_boxes_of_trail(l, &it->trail, &boxes); // a corrupt trail freezes its item, later
    for (const struct world_box *b = l->world->all_boxes; b; b = b->next_all)
        (void)add_boxes_of_trail(l, &b->trail, &boxes);
    load_put_lanes(l);
    load_put_no_texts(l);
    load_put_numbers(l, &boxes);
    free(boxes.at);
    return boxes.n > 0;
}

// ---- items

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void sort_distinct(struct numbers *list)
{
    size_t n = 0;
    qsort(list->at, list->n, sizeof *list->at, by_value);
    for (size_t i = 0; i < list->n; i++)
        if (n == 0 || list->at[n - 1] != list->at[i])
            list->at[n++] = list->at[i];
    list->n = n;
}

// Contents of all containers of the batch become members. When they are too many, the batch is one fact, and
// its items are a window behind those that are done: they are in the order of their numbers, as the engine
// counts them (batch_box.c).
int load_take_members(struct load *l)
{
    for (size_t i = 0; i < l->n_contents; i++) {
        struct world_box *box = world_box_by_number(l->world, (uint32_t)l->contents[i].box);
        if (!box)
            return ERR_IO;
        box->whole = true;
        if (l->contents[i].kind == MEMBER_BOX) {
            struct world_box *inner = world_box_by_number(l->world, (uint32_t)l->contents[i].member);
            if (!inner)
                return ERR_IO;
            inner->whole =
                true; // empty, or its own contents are in the list; the deepest level is not looked into
        }
        int err = world_add_member(l->world, box, (enum world_member_kind)l->contents[i].kind,
                                   l->contents[i].member, false);
        if (err)
            return err;
        if (l->contents[i].kind == MEMBER_ITEM)
            load_add_number(l, &l->items, l->contents[i].member);
    }
    if (l->items.n > 0)
        sort_distinct(&l->items);
    if (l->items.n <= LOAD_ITEMS_MAX)
        return l->error;
    l->n_facts = 1;
    size_t from = l->part > 0 ? (size_t)(l->part - 1) : 0;
    from = from < l->items.n ? from : l->items.n;
    l->items.n -= from;
    memmove(l->items.at, l->items.at + from, l->items.n * sizeof *l->items.at);
    l->items.n = l->items.n < LOAD_ITEMS_MAX ? l->items.n : LOAD_ITEMS_MAX;
    return l->error;
}

bool load_ask_items(struct load *l)
{
    load_put_lanes(l);
    load_open_texts(l);
    for (size_t i = 0; i < l->n_wanted; i++) {
        const struct fact *f = load_fact(l, i);
        if (!f)
            continue;
        if (f->code.len && batch_is_item(f->code.ptr, f->code.len))
            load_add_text(l, f->code);
        for (size_t k = 0; k < f->n_members; k++)
            if (batch_is_item(f->members[k].ptr, f->members[k].len))
                load_add_text(l, f->members[k]);
    }
    bool any = load_close_texts(l);
    load_put_numbers(l, &l->items);
    return any || l->items.n > 0;
}

int load_take_items(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++) {
        size_t len, facts_len;
        const char *code = db_bytes(r, row, 2, &len), *facts = db_bytes(r, row, 4, &facts_len);
        char office[8];
        if (len > WORLD_CODE_MAX)
            return ERR_IO;
        struct world_item *it = world_load_item(l->world, code, len, db_int(r, row, 1),
                                                (int16_t)db_int(r, row, 0), (int16_t)db_int(r, row, 3));
        if (!it || world_set_trail(&it->trail, (const uint8_t *)facts, facts_len) != ERR_OK)
            return ERR_NO_MEMORY;
        db_copy_text(r, row, 5, it->frozen, sizeof it->frozen);
        db_copy_text(r, row, 6, office, sizeof office);
        it->office = office[0] ? (uint32_t)strtoul(office, NULL, 10) : TRAIL_OFFICE_0;
        db_copy_text(r, row, 7, it->inside, sizeof it->inside);
        if (!batch_refresh(l->batch, it))
            batch_freeze(it->frozen, "stored facts are corrupt");
    }
    return ERR_OK;
}
