// SPDX-License-Identifier: EUPL-1.2
// Steps of the loader: links between items and dossiers, and what dossiers were told of facts that are taken
// back now.
#include "base/err.h"
#include "correlate/load_steps.h"

#include <stdlib.h>
#include <string.h>

bool load_ask_links(struct load *l)
{
    size_t n = 0;
    load_put_lanes(l);
    db_open_array(load_params(l), DB_INT8);
    for (const struct world_item *it = l->world->all_items; it; it = it->next_all, n++)
        db_item_int8(load_params(l), it->id);
    db_close_array(load_params(l));
    load_put_no_numbers(l);
    return n > 0;
}

int load_take_links(struct load *l, const struct db_result *r)
{
    l->dossiers.n = 0;
    for (int row = 0; row < db_rows(r); row++) {
        char leg[4];
        if (l->n_links == l->cap_links) {
            void *bigger = load_grow(l->links, &l->cap_links, sizeof *l->links);
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
            load_add_number(l, &l->dossiers, db_int(r, row, 1));
    }
    return l->error;
}

static int by_start(const void *a, const void *b)
{
    const struct stored_link *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

// In order of time, so that a link finds the end of the one before it.
int load_join_links(struct load *l)
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

// A merged dossier's items go on with the survivor.
bool load_ask_links_of_merged(struct load *l)
{
    size_t n = 0;
    char key[WORLD_CODE_MAX + 1];
    load_put_lanes(l);
    load_put_no_numbers(l);
    db_open_array(load_params(l), DB_INT8);
    for (size_t i = 0; i < l->n_wanted; i++) {
        if (!load_fact(l, i) || load_fact(l, i)->kind != EVENT_DOSSIER_MERGED)
            continue;
        const struct fact_text *t = &load_fact(l, i)->dossiers[0];
        struct world_dossier *d = world_dossier(l->world, key, batch_dossier_key(t->ptr, t->len, key));
        d = d ? d : world_dossier(l->world, t->ptr, t->len);
        if (!d)
            continue;
        db_item_int8(load_params(l), d->id);
        n++;
    }
    db_close_array(load_params(l));
    return n > 0;
}

int load_take_items_of_merged(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++)
        load_add_number(l, &l->items, db_int(r, row, 0));
    return l->error;
}

// ---- what corrections take back

static void put_told(struct load *l, bool lanes, size_t *n)
{
    struct trail_fact facts[TRAIL_MAX];
    db_open_array(load_params(l), lanes ? DB_INT2 : DB_INT8);
    for (size_t i = 0; i < l->n_wanted; i++) {
        const struct fact *f = load_fact(l, i);
        if (!f || !f->retracts.stream.len)
            continue;
        size_t count;
        const struct world_item *it = world_item(l->world, f->code.ptr, f->code.len, l->wanted[i].row->at);
        if (!it || trail_unpack(it->trail.bytes, it->trail.len, facts, &count) != TRAIL_OK)
            continue;
        for (size_t k = 0; k < count; k++) {
            if (facts[k].seq != f->retracts.seq || facts[k].kind == EVENT_CORRECTION)
                continue;
            if (lanes)
                db_item_int2(load_params(l), facts[k].lane);
            else
                db_item_int8(load_params(l), facts[k].pos);
            ++*n;
        }
    }
    db_close_array(load_params(l));
}

bool load_ask_told(struct load *l)
{
    size_t n = 0;
    load_put_lanes(l);
    db_open_array(load_params(l), DB_INT8);
    for (size_t i = 0; i < l->n_wanted; i++) {
        const struct fact *f = load_fact(l, i);
        if (!f || !f->retracts.stream.len)
            continue;
        const struct world_item *it = world_item(l->world, f->code.ptr, f->code.len, l->wanted[i].row->at);
        for (const struct world_link *link = it ? it->links : NULL; link; link = link->next_of_item)
            db_item_int8(load_params(l), link->dossier->id);
    }
    db_close_array(load_params(l));
    put_told(l, true, &n);
    put_told(l, false, &n);
    return n > 0;
}

int load_take_told(struct load *l, const struct db_result *r)
{
    int err = ERR_OK;
    for (int row = 0; row < db_rows(r) && !err; row++)
        err = world_tell(l->world, db_int(r, row, 0), (int16_t)db_int(r, row, 1), db_int(r, row, 2),
                         db_int(r, row, 3));
    return err;
}
