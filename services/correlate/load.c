// SPDX-License-Identifier: EUPL-1.2
// The chain of queries that fills a world. A step writes its parameters from the facts and from what is in
// the world by then; a step that has nothing to ask is skipped. States: idle, or under way at one step.
#include "base/check.h"
#include "base/err.h"
#include "correlate/load_steps.h"

#include <stdlib.h>

const struct db_statement load_statements[LOAD_STATEMENTS] = {
    [LOAD_STUCK] = {"load_stuck", "select * from dt.correlate_stuck($1::smallint[], $2::text[])"},
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

void *load_grow(void *array, size_t *cap, size_t size)
{
    size_t wanted = *cap ? 2 * *cap : 64;
    void *bigger = realloc(array, wanted * size);
    if (bigger)
        *cap = wanted;
    return bigger;
}

void load_add_number(struct load *l, struct numbers *list, int64_t n)
{
    if (list->n == list->cap) {
        void *bigger = load_grow(list->at, &list->cap, sizeof *list->at);
        if (!bigger) {
            l->error = ERR_NO_MEMORY;
            return;
        }
        list->at = bigger;
    }
    list->at[list->n++] = n;
}

// ---- parameters

void load_want(struct load *l, const struct batch_fact *f)
{
    if (l->n_wanted == l->cap_wanted) {
        void *bigger = load_grow(l->wanted, &l->cap_wanted, sizeof *l->wanted);
        if (!bigger) {
            l->error = ERR_NO_MEMORY;
            return;
        }
        l->wanted = bigger;
    }
    l->wanted[l->n_wanted].row = f;
    batch_needs(f, &l->wanted[l->n_wanted++].needs);
}

struct db_params *load_params(struct load *l)
{
    return &l->query.params;
}

void load_put_lanes(struct load *l)
{
    db_open_array(load_params(l), DB_INT2);
    for (size_t i = 0; i < l->world->n_lanes; i++)
        db_item_int2(load_params(l), l->world->lanes[i]);
    db_close_array(load_params(l));
}

void load_put_numbers(struct load *l, const struct numbers *list)
{
    db_open_array(load_params(l), DB_INT8);
    for (size_t i = 0; i < list->n; i++)
        db_item_int8(load_params(l), list->at[i]);
    db_close_array(load_params(l));
}

void load_put_no_numbers(struct load *l)
{
    db_open_array(load_params(l), DB_INT8);
    db_close_array(load_params(l));
}

void load_put_no_texts(struct load *l)
{
    db_open_array(load_params(l), DB_TEXT);
    db_close_array(load_params(l));
}

void load_open_texts(struct load *l)
{
    map_init(&l->texts);
    l->n_texts = 0;
    db_open_array(load_params(l), DB_TEXT);
}

void load_add_text(struct load *l, struct fact_text text)
{
    if (map_get(&l->texts, text.ptr, text.len))
        return;
    if (map_put(&l->texts, text.ptr, text.len, l) != ERR_OK)
        l->error = ERR_NO_MEMORY;
    db_item_text(load_params(l), text.ptr, text.len);
    l->n_texts++;
}

bool load_close_texts(struct load *l)
{
    map_done(&l->texts);
    db_close_array(load_params(l));
    return l->n_texts > 0;
}

const struct fact *load_fact(const struct load *l, size_t i)
{
    return l->wanted[i].needs.error == FACT_OK ? &l->wanted[i].needs.fact : NULL;
}

// ---- the chain

struct load_step {
    enum load_statement statement;
    bool (*ask)(struct load *l); // writes the parameters; false: nothing to ask
    int (*take)(struct load *l, const struct db_result *r);
    int (*after)(struct load *l); // also when nothing was asked; may be NULL
};

static const struct load_step steps[] = {
    {LOAD_STUCK, load_ask_stuck, load_take_stuck, NULL},
    {LOAD_DOSSIERS, load_ask_dossiers_by_code, load_take_dossiers, NULL},
    {LOAD_UNITS, load_ask_units, load_take_units, NULL},
    {LOAD_UNIT_DOSSIERS, load_ask_unit_dossiers, load_take_unit_dossiers, NULL},
    {LOAD_DOSSIERS, load_ask_dossiers_by_number, load_take_dossiers, NULL},
    {LOAD_STREAMS, load_ask_streams, load_take_streams, NULL},
    {LOAD_BOXES, load_ask_boxes_by_code, load_take_boxes, NULL},
    {LOAD_CONTENTS, load_ask_contents, load_take_contents, NULL},
    {LOAD_BOXES, load_ask_boxes_inside, load_take_boxes, load_take_members},
    {LOAD_LINKS, load_ask_links_of_merged, load_take_items_of_merged, NULL},
    {LOAD_ITEMS, load_ask_items, load_take_items, NULL},
    {LOAD_BOXES, load_ask_boxes_around, load_take_boxes, NULL},
    {LOAD_BOXES, load_ask_boxes_around, load_take_boxes, NULL},
    {LOAD_BOXES, load_ask_boxes_around, load_take_boxes, NULL},
    {LOAD_LINKS, load_ask_links, load_take_links, NULL},
    {LOAD_DOSSIERS, load_ask_dossiers_by_number, load_take_dossiers, load_join_links},
    {LOAD_TOLD, load_ask_told, load_take_told, NULL},
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
        db_params_reset(load_params(l));
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
    free(l->wanted);
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
        if (load_fact(l, i) && load_fact(l, i)->kind == EVENT_UNIT_MERGED)
            return i > 0 ? i : 1;
    return n;
}

int load_read(struct load *l, const struct batch_fact *facts, size_t n)
{
    CHECK(!l->busy);
    l->error = ERR_OK;
    l->n_wanted = 0;
    for (size_t i = 0; i < n && !l->error; i++)
        load_want(l, &facts[i]);
    l->n_facts = l->n_wanted;
    return l->error;
}

const struct batch_needs *load_needs(const struct load *l, size_t i)
{
    CHECK(i < l->n_wanted);
    return &l->wanted[i].needs;
}

int load_start(struct load *l, size_t n, int32_t part, struct world *w, struct batch *b, load_done done,
               void *owner)
{
    CHECK(!l->busy && n > 0 && n <= l->n_facts);
    l->part = part;
    l->world = w;
    l->batch = b;
    l->done = done;
    l->owner = owner;
    l->step = 0;
    l->error = ERR_OK;
    l->items.n = l->dossiers.n = l->n_contents = l->n_links = 0;
    l->n_facts = l->n_wanted = cut_before_merger(l, n);
    int err = advance(l);
    if (!err && l->step == ARRAY_LEN(steps))
        return LOAD_EMPTY;
    l->busy = !err;
    return err;
}
