// SPDX-License-Identifier: EUPL-1.2
// The chain of queries that fills a world. A step writes its parameters from the facts and from what is in
// the world by then; a step that has nothing to ask is skipped. States: idle, or under way at one step.
#include "correlate/load.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

const struct db_statement load_statements[LOAD_STATEMENTS] = {
    [LOAD_DOSSIERS] = {"load_dossiers",
                       "select * from dt.correlate_dossiers($1::smallint[], $2::bigint[], $3::text[])"},
    [LOAD_UNITS] = {"load_units", "select alias, unit from dt.unit_alias order by alias limit 100000"},
    [LOAD_UNIT_DOSSIERS] = {"load_unit_dossiers",
                            "select dossier from dt.correlate_unit($1::smallint[], $2::text, $3::integer)"},
    [LOAD_STREAMS] =
        {"load_streams",
         "select s.token::text, s.stream from dt.stream s where s.lane = any ($1::smallint[]) and "
         "s.token = any ($2::uuid[])"},
    [LOAD_BOXES] = {"load_boxes",
                    "select * from dt.correlate_containers($1::smallint[], $2::text[], $3::bigint[])"},
    [LOAD_CONTENTS] = {"load_contents", "select * from dt.correlate_contents($1::smallint[], $2::bigint[])"},
    [LOAD_ITEMS] = {"load_items",
                    "select * from dt.correlate_items($1::smallint[], $2::text[], $3::bigint[])"},
    [LOAD_LINKS] = {"load_links",
                    "select * from dt.correlate_links($1::smallint[], $2::bigint[], $3::bigint[])"},
    [LOAD_TOLD] = {"load_told",
                   "select * from dt.correlate_told($1::smallint[], $2::bigint[], $3::smallint[], "
                   "$4::bigint[])"},
};

// A growing list of numbers.
struct numbers {
    int64_t *at;
    size_t n, cap;
};

struct content {
    int64_t box, member;
    uint8_t kind;
};

struct stored_link {
    int64_t item, dossier, from, to, cause_pos;
    uint8_t leg, source;
};

struct load {
    struct db *db;
    struct db_query query;
    struct world *world;
    struct batch *batch;
    const struct batch_fact *facts;
    size_t n_facts;
    int32_t part;
    load_done done;
    void *owner;
    unsigned step;
    bool busy;
    int error; // of the parameters or the memory, kept until the step is over
    struct batch_needs needs;
    struct numbers items, dossiers; // to load by number
    struct content *contents;
    size_t n_contents, cap_contents;
    struct stored_link *links;
    size_t n_links, cap_links;
};

static void *grow(void *array, size_t *cap, size_t size)
{
    size_t wanted = *cap ? 2 * *cap : 64;
    void *bigger = realloc(array, wanted * size);
    if (bigger)
        *cap = wanted;
    return bigger;
}

static void add_number(struct load *l, struct numbers *list, int64_t n)
{
    if (list->n == list->cap) {
        void *bigger = grow(list->at, &list->cap, sizeof *list->at);
        if (!bigger) {
            l->error = ERR_NO_MEMORY;
            return;
        }
        list->at = bigger;
    }
    list->at[list->n++] = n;
}

// ---- parameters

static struct db_params *params(struct load *l)
{
    return &l->query.params;
}

static void put_lanes(struct load *l)
{
    db_open_array(params(l), DB_INT2);
    for (size_t i = 0; i < l->world->n_lanes; i++)
        db_item_int2(params(l), l->world->lanes[i]);
    db_close_array(params(l));
}

static void put_numbers(struct load *l, const struct numbers *list)
{
    db_open_array(params(l), DB_INT8);
    for (size_t i = 0; i < list->n; i++)
        db_item_int8(params(l), list->at[i]);
    db_close_array(params(l));
}

static void put_no_texts(struct load *l)
{
    db_open_array(params(l), DB_TEXT);
    db_close_array(params(l));
}

// Reads fact i into l->needs; false when it needs nothing.
static bool read_fact(struct load *l, size_t i)
{
    batch_needs(&l->facts[i], &l->needs);
    return l->needs.error == FACT_OK;
}

// ---- dossiers

// Every text of a fact that may lead to a dossier, as written and as stored. Returns how many.
static size_t put_dossier_texts(struct load *l, const struct fact *f)
{
    struct fact_text texts[FACT_DOSSIERS_MAX + 2];
    char key[WORLD_CODE_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < f->n_dossiers; i++)
        texts[n++] = f->dossiers[i];
    if (f->order.len)
        texts[n++] = f->order;
    if (f->kind == EVENT_DOSSIER_MERGED)
        texts[n++] = f->into;
    for (size_t i = 0; i < n; i++) {
        size_t len = batch_dossier_key(texts[i].ptr, texts[i].len, key);
        db_item_text(params(l), key, len);
        db_item_text(params(l), texts[i].ptr, texts[i].len);
    }
    return n;
}

static bool ask_dossiers_by_code(struct load *l)
{
    size_t n = 0;
    put_lanes(l);
    put_numbers(l, &(struct numbers){NULL, 0, 0});
    db_open_array(params(l), DB_TEXT);
    for (size_t i = 0; i < l->n_facts; i++)
        if (read_fact(l, i))
            n += put_dossier_texts(l, &l->needs.fact);
    db_close_array(params(l));
    return n > 0;
}

static bool ask_dossiers_by_number(struct load *l)
{
    put_lanes(l);
    put_numbers(l, &l->dossiers);
    put_no_texts(l);
    return l->dossiers.n > 0;
}

static struct world_dossier *take_dossier(struct load *l, const struct db_result *r, int row)
{
    struct world_dossier *d = world_load_dossier(l->world, db_int(r, row, 1), (int16_t)db_int(r, row, 0));
    if (!d)
        return NULL;
    db_copy_text(r, row, 2, d->unit, sizeof d->unit);
    d->registered = db_bool(r, row, 3);
    db_copy_text(r, row, 4, d->tthc, sizeof d->tthc);
    d->status = db_null(r, row, 5) ? 0 : (uint8_t)db_int(r, row, 5);
    d->proposed = db_null(r, row, 6) ? 0 : (uint8_t)db_int(r, row, 6);
    db_copy_text(r, row, 7, d->due, sizeof d->due);
    d->seq = db_int(r, row, 8);
    d->merged_into = db_null(r, row, 9) ? 0 : db_int(r, row, 9);
    d->opened_at = db_time_ms(r, row, 10);
    return d;
}

static int take_dossiers(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++) {
        struct world_dossier *d = world_dossier_by_id(l->world, db_int(r, row, 1));
        size_t len;
        if (!d)
            d = take_dossier(l, r, row);
        if (!d)
            return ERR_NO_MEMORY;
        if (db_null(r, row, 11))
            continue;
        const char *code = db_bytes(r, row, 11, &len);
        int err = len > WORLD_CODE_MAX ? ERR_IO
                                       : world_add_code(l->world, d, code, len, db_bool(r, row, 12),
                                                        db_time_ms(r, row, 13), false);
        if (err)
            return err;
    }
    return ERR_OK;
}

// ---- units and streams

// Only a dossier that is not there yet, or one that is told its unit, asks which unit answers today.
static bool ask_units(struct load *l)
{
    char key[WORLD_CODE_MAX + 1];
    for (size_t i = 0; i < l->n_facts; i++) {
        if (!read_fact(l, i))
            continue;
        const struct fact *f = &l->needs.fact;
        if (f->unit.len || f->kind == EVENT_DOSSIER_MERGED)
            return true;
        for (size_t k = 0; k < f->n_dossiers; k++)
            if (!world_dossier(l->world, key, batch_dossier_key(f->dossiers[k].ptr, f->dossiers[k].len, key)))
                return true;
        if (f->n_dossiers == 0 && f->order.len)
            return true;
    }
    return false;
}

static int take_units(struct load *l, const struct db_result *r)
{
    int err = ERR_OK;
    for (int row = 0; row < db_rows(r) && !err; row++) {
        size_t len, unit_len;
        const char *alias = db_bytes(r, row, 0, &len), *unit = db_bytes(r, row, 1, &unit_len);
        err = world_add_unit_alias(l->world, alias, len, unit, unit_len);
    }
    return err;
}

static bool ask_unit_dossiers(struct load *l)
{
    char unit[UNIT_ID_MAX + 1];
    if (!read_fact(l, 0) || l->needs.fact.kind != EVENT_UNIT_MERGED ||
        !batch_unit_key(l->needs.fact.unit.ptr, l->needs.fact.unit.len, unit))
        return false;
    put_lanes(l);
    db_put_cstr(params(l), unit);
    db_put_int4(params(l), BATCH_ROWS_MAX);
    return true;
}

static int take_unit_dossiers(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++)
        add_number(l, &l->dossiers, db_int(r, row, 0));
    return l->error;
}

static bool ask_streams(struct load *l)
{
    size_t n = 0;
    put_lanes(l);
    db_open_array(params(l), DB_UUID);
    for (size_t i = 0; i < l->n_facts; i++) {
        unsigned char token[FACT_UUID];
        if (!read_fact(l, i) || !fact_uuid(l->needs.fact.retracts.stream, token))
            continue;
        db_item_uuid(params(l), token);
        n++;
    }
    db_close_array(params(l));
    return n > 0;
}

static int take_streams(struct load *l, const struct db_result *r)
{
    int err = ERR_OK;
    for (int row = 0; row < db_rows(r) && !err; row++) {
        size_t len;
        const char *token = db_bytes(r, row, 0, &len);
        err = world_add_stream(l->world, token, len, db_int(r, row, 1));
    }
    return err;
}

// ---- containers

static size_t put_box_texts(struct load *l, const struct fact *f)
{
    size_t n = 0;
    if (f->code.len && !batch_is_item(f->code.ptr, f->code.len)) {
        db_item_text(params(l), f->code.ptr, f->code.len);
        n++;
    }
    if (f->kind == EVENT_ITEM_PUT_IN || f->kind == EVENT_ITEM_TAKEN_OUT) {
        db_item_text(params(l), f->into.ptr, f->into.len);
        n++;
    }
    for (size_t i = 0; i < f->n_members; i++)
        if (!batch_is_item(f->members[i].ptr, f->members[i].len)) {
            db_item_text(params(l), f->members[i].ptr, f->members[i].len);
            n++;
        }
    return n;
}

static bool ask_boxes_by_code(struct load *l)
{
    size_t n = 0;
    put_lanes(l);
    db_open_array(params(l), DB_TEXT);
    for (size_t i = 0; i < l->n_facts; i++)
        if (read_fact(l, i))
            n += put_box_texts(l, &l->needs.fact);
    db_close_array(params(l));
    put_numbers(l, &(struct numbers){NULL, 0, 0});
    return n > 0;
}

static int take_boxes(struct load *l, const struct db_result *r)
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

// The containers that facts are about: their contents hear of it.
static bool ask_contents(struct load *l)
{
    size_t n = 0;
    put_lanes(l);
    db_open_array(params(l), DB_INT8);
    for (size_t i = 0; i < l->n_facts; i++) {
        const struct fact *f = &l->needs.fact;
        struct world_box *box =
            read_fact(l, i) && f->code.len ? world_box(l->world, f->code.ptr, f->code.len) : NULL;
        if (!box)
            continue;
        db_item_int8(params(l), box->number);
        n++;
    }
    db_close_array(params(l));
    return n > 0;
}

static int take_contents(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++) {
        if (l->n_contents == l->cap_contents) {
            void *bigger = grow(l->contents, &l->cap_contents, sizeof *l->contents);
            if (!bigger)
                return ERR_NO_MEMORY;
            l->contents = bigger;
        }
        l->contents[l->n_contents++] =
            (struct content){db_int(r, row, 0), db_int(r, row, 2), (uint8_t)db_int(r, row, 1)};
    }
    return ERR_OK;
}

static bool ask_boxes_inside(struct load *l)
{
    struct numbers boxes = {NULL, 0, 0};
    for (size_t i = 0; i < l->n_contents; i++) {
        if (!world_box_by_number(l->world, (uint32_t)l->contents[i].box))
            add_number(l, &boxes, l->contents[i].box);
        if (l->contents[i].kind == MEMBER_BOX &&
            !world_box_by_number(l->world, (uint32_t)l->contents[i].member))
            add_number(l, &boxes, l->contents[i].member);
    }
    put_lanes(l);
    put_no_texts(l);
    put_numbers(l, &boxes);
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
            add_number(l, boxes, numbers[i]);
    return true;
}

// The containers that what is loaded was ever put into. Asked once for each level of nesting.
static bool ask_boxes_around(struct load *l)
{
    struct numbers boxes = {NULL, 0, 0};
    for (const struct world_item *it = l->world->all_items; it; it = it->next_all)
        (void)add_boxes_of_trail(l, &it->trail, &boxes); // a corrupt trail freezes its item, later
    for (const struct world_box *b = l->world->all_boxes; b; b = b->next_all)
        (void)add_boxes_of_trail(l, &b->trail, &boxes);
    put_lanes(l);
    put_no_texts(l);
    put_numbers(l, &boxes);
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
static int take_members(struct load *l)
{
    for (size_t i = 0; i < l->n_contents; i++) {
        struct world_box *box = world_box_by_number(l->world, (uint32_t)l->contents[i].box);
        if (!box)
            return ERR_IO;
        int err = world_add_member(l->world, box, (enum world_member_kind)l->contents[i].kind,
                                   l->contents[i].member, false);
        if (err)
            return err;
        if (l->contents[i].kind == MEMBER_ITEM)
            add_number(l, &l->items, l->contents[i].member);
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

// A merged dossier's items go on with the survivor.
static bool ask_links_of_merged(struct load *l)
{
    size_t n = 0;
    char key[WORLD_CODE_MAX + 1];
    put_lanes(l);
    put_numbers(l, &(struct numbers){NULL, 0, 0});
    db_open_array(params(l), DB_INT8);
    for (size_t i = 0; i < l->n_facts; i++) {
        if (!read_fact(l, i) || l->needs.fact.kind != EVENT_DOSSIER_MERGED)
            continue;
        const struct fact_text *t = &l->needs.fact.dossiers[0];
        struct world_dossier *d = world_dossier(l->world, key, batch_dossier_key(t->ptr, t->len, key));
        d = d ? d : world_dossier(l->world, t->ptr, t->len);
        if (!d)
            continue;
        db_item_int8(params(l), d->id);
        n++;
    }
    db_close_array(params(l));
    return n > 0;
}

static int take_items_of_merged(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++)
        add_number(l, &l->items, db_int(r, row, 0));
    return l->error;
}

static bool ask_items(struct load *l)
{
    size_t n = l->items.n;
    put_lanes(l);
    db_open_array(params(l), DB_TEXT);
    for (size_t i = 0; i < l->n_facts; i++) {
        const struct fact *f = &l->needs.fact;
        if (!read_fact(l, i))
            continue;
        if (f->code.len && batch_is_item(f->code.ptr, f->code.len)) {
            db_item_text(params(l), f->code.ptr, f->code.len);
            n++;
        }
        for (size_t k = 0; k < f->n_members; k++)
            if (batch_is_item(f->members[k].ptr, f->members[k].len)) {
                db_item_text(params(l), f->members[k].ptr, f->members[k].len);
                n++;
            }
    }
    db_close_array(params(l));
    put_numbers(l, &l->items);
    return n > 0;
}

static int take_items(struct load *l, const struct db_result *r)
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

// ---- links

static bool ask_links(struct load *l)
{
    size_t n = 0;
    put_lanes(l);
    db_open_array(params(l), DB_INT8);
    for (const struct world_item *it = l->world->all_items; it; it = it->next_all, n++)
        db_item_int8(params(l), it->id);
    db_close_array(params(l));
    put_numbers(l, &(struct numbers){NULL, 0, 0});
    return n > 0;
}

static int take_links(struct load *l, const struct db_result *r)
{
    l->dossiers.n = 0;
    for (int row = 0; row < db_rows(r); row++) {
        char leg[4];
        if (l->n_links == l->cap_links) {
            void *bigger = grow(l->links, &l->cap_links, sizeof *l->links);
            if (!bigger)
                return ERR_NO_MEMORY;
            l->links = bigger;
        }
        db_copy_text(r, row, 2, leg, sizeof leg);
        l->links[l->n_links++] =
            (struct stored_link){.item = db_int(r, row, 0),
                                 .dossier = db_int(r, row, 1),
                                 .leg = (uint8_t)leg_parse(leg[0]),
                                 .from = db_time_ms(r, row, 3),
                                 .to = db_null(r, row, 4) ? WORLD_OPEN : db_time_ms(r, row, 4),
                                 .source = (uint8_t)db_int(r, row, 5),
                                 .cause_pos = db_int(r, row, 6)};
        if (!world_dossier_by_id(l->world, db_int(r, row, 1)))
            add_number(l, &l->dossiers, db_int(r, row, 1));
    }
    return l->error;
}

static int by_start(const void *a, const void *b)
{
    const struct stored_link *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

// In order of time, so that a link finds the end of the one before it.
static int join_links(struct load *l)
{
    if (l->n_links > 0)
        qsort(l->links, l->n_links, sizeof *l->links, by_start);
    for (size_t i = 0; i < l->n_links; i++) {
        const struct stored_link *s = &l->links[i];
        struct world_item *it = world_item_by_id(l->world, s->item);
        struct world_dossier *d = world_dossier_by_id(l->world, s->dossier);
        if (!it || !d)
            return ERR_IO;
        struct world_link *link = world_add_link(l->world, it, d, s->from, s->to, false);
        if (!link)
            return ERR_NO_MEMORY;
        link->leg = s->leg;
        link->source = s->source;
        link->cause_pos = s->cause_pos;
    }
    return ERR_OK;
}

// ---- what corrections take back

static void put_told(struct load *l, bool lanes, size_t *n)
{
    struct trail_fact facts[TRAIL_MAX];
    db_open_array(params(l), lanes ? DB_INT2 : DB_INT8);
    for (size_t i = 0; i < l->n_facts; i++) {
        const struct fact *f = &l->needs.fact;
        if (!read_fact(l, i) || !f->retracts.stream.len)
            continue;
        size_t count;
        const struct world_item *it = world_item(l->world, f->code.ptr, f->code.len, l->facts[i].at);
        if (!it || trail_unpack(it->trail.bytes, it->trail.len, facts, &count) != TRAIL_OK)
            continue;
        for (size_t k = 0; k < count; k++) {
            if (facts[k].seq != f->retracts.seq || facts[k].kind == EVENT_CORRECTION)
                continue;
            if (lanes)
                db_item_int2(params(l), facts[k].lane);
            else
                db_item_int8(params(l), facts[k].pos);
            ++*n;
        }
    }
    db_close_array(params(l));
}

static bool ask_told(struct load *l)
{
    size_t n = 0;
    put_lanes(l);
    db_open_array(params(l), DB_INT8);
    for (size_t i = 0; i < l->n_facts; i++) {
        const struct fact *f = &l->needs.fact;
        if (!read_fact(l, i) || !f->retracts.stream.len)
            continue;
        const struct world_item *it = world_item(l->world, f->code.ptr, f->code.len, l->facts[i].at);
        for (const struct world_link *link = it ? it->links : NULL; link; link = link->next_of_item)
            db_item_int8(params(l), link->dossier->id);
    }
    db_close_array(params(l));
    put_told(l, true, &n);
    put_told(l, false, &n);
    return n > 0;
}

static int take_told(struct load *l, const struct db_result *r)
{
    int err = ERR_OK;
    for (int row = 0; row < db_rows(r) && !err; row++)
        err = world_tell(l->world, db_int(r, row, 0), (int16_t)db_int(r, row, 1), db_int(r, row, 2),
                         db_int(r, row, 3));
    return err;
}

// ---- the chain

struct load_step {
    enum load_statement statement;
    bool (*ask)(struct load *l); // writes the parameters; false: nothing to ask
    int (*take)(struct load *l, const struct db_result *r);
    int (*after)(struct load *l); // also when nothing was asked; may be NULL
};

static const struct load_step steps[] = {
    {LOAD_DOSSIERS, ask_dossiers_by_code, take_dossiers, NULL},
    {LOAD_UNITS, ask_units, take_units, NULL},
    {LOAD_UNIT_DOSSIERS, ask_unit_dossiers, take_unit_dossiers, NULL},
    {LOAD_DOSSIERS, ask_dossiers_by_number, take_dossiers, NULL},
    {LOAD_STREAMS, ask_streams, take_streams, NULL},
    {LOAD_BOXES, ask_boxes_by_code, take_boxes, NULL},
    {LOAD_CONTENTS, ask_contents, take_contents, NULL},
    {LOAD_BOXES, ask_boxes_inside, take_boxes, take_members},
    {LOAD_LINKS, ask_links_of_merged, take_items_of_merged, NULL},
    {LOAD_ITEMS, ask_items, take_items, NULL},
    {LOAD_BOXES, ask_boxes_around, take_boxes, NULL},
    {LOAD_BOXES, ask_boxes_around, take_boxes, NULL},
    {LOAD_BOXES, ask_boxes_around, take_boxes, NULL},
    {LOAD_LINKS, ask_links, take_links, NULL},
    {LOAD_DOSSIERS, ask_dossiers_by_number, take_dossiers, join_links},
    {LOAD_TOLD, ask_told, take_told, NULL},
};

static void finish(struct load *l, int err, const struct db_result *res)
{
    l->busy = false;
    l->done(l->owner, err, res, l->n_facts);
}

static void on_rows(struct db_query *q, int err, const struct db_result *r);

// Submits the next step that has something to ask. ERR_OK with l->step at the end: the world is complete.
static int advance(struct load *l)
{
    for (; l->step < ARRAY_LEN(steps); l->step++) {
        const struct load_step *s = &steps[l->step];
        db_params_reset(params(l));
        bool asks = s->ask(l);
        if (l->error)
            return l->error;
        if (asks) {
            l->query.statement = s->statement;
            l->query.done = on_rows;
            return db_submit(l->db, &l->query);
        }
        int err = s->after ? s->after(l) : ERR_OK;
        if (err)
            return err;
    }
    return ERR_OK;
}

static void on_rows(struct db_query *q, int err, const struct db_result *r)
{
    struct load *l = q->owner;
    const struct load_step *s = &steps[l->step];
    if (err) {
        finish(l, err, r);
        return;
    }
    err = s->take(l, r);
    if (!err && s->after)
        err = s->after(l);
    l->step++;
    if (!err)
        err = advance(l);
    if (err || l->step == ARRAY_LEN(steps))
        finish(l, err, NULL);
}

int load_create(struct db *db, struct load **ret_load)
{
    struct load *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_NO_MEMORY;
    int err = db_params_init(&l->query.params);
    if (err) {
        free(l);
        return err;
    }
    l->db = db;
    l->query.owner = l;
    *ret_load = l;
    return ERR_OK;
}

void load_destroy(struct load *l)
{
    if (!l)
        return;
    CHECK(!l->busy);
    db_params_done(&l->query.params);
    free(l->items.at);
    free(l->dossiers.at);
    free(l->contents);
    free(l->links);
    free(l);
}

// unit.merged moves dossiers that no other fact of the batch names: it stands alone.
static size_t cut_before_merger(struct load *l, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (read_fact(l, i) && l->needs.fact.kind == EVENT_UNIT_MERGED)
            return i > 0 ? i : 1;
    return n;
}

int load_start(struct load *l, const struct batch_fact *facts, size_t n, int32_t part, struct world *w,
               struct batch *b, load_done done, void *owner)
{
    CHECK(!l->busy && n > 0);
    l->facts = facts;
    l->part = part;
    l->world = w;
    l->batch = b;
    l->done = done;
    l->owner = owner;
    l->step = 0;
    l->error = ERR_OK;
    l->items.n = l->dossiers.n = l->n_contents = l->n_links = 0;
    l->n_facts = cut_before_merger(l, n);
    int err = advance(l);
    if (!err && l->step == ARRAY_LEN(steps))
        return LOAD_EMPTY;
    l->busy = !err;
    return err;
}
