// SPDX-License-Identifier: EUPL-1.2
// One array per column, rows in order of their keys: that is the order in which the database locks them.
#include "correlate/store.h"

#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char store_sql[] =
    "select dt.correlate_append(dt.correlate_put_links(dt.correlate_put_dossiers(dt.correlate_put_containers("
    "dt.correlate_put_items(dt.correlate_begin("
    "$1::bigint, $2::smallint, $3::bigint, $4::integer, $5::bigint, $6::integer, $7::boolean), "
    "$8::bigint, $9::smallint[], $10::bigint[], $11::text[], $12::smallint[], $13::text[], "
    "$14::smallint[], $15::bytea[], $16::integer[], $17::text[], $18::text[], $19::text[], "
    "$20::bigint[], $21::bigint[], $22::bigint[], $23::timestamptz[]), "
    "$24::smallint[], $25::bigint[], $26::text[], $27::bytea[], $28::text[], $29::smallint[], "
    "$30::bigint[], $31::smallint[], $32::bigint[]), "
    "$33::bigint, $34::smallint[], $35::bigint[], $36::text[], $37::boolean[], $38::text[], "
    "$39::smallint[], $40::smallint[], $41::text[], $42::bigint[], $43::bigint[], $44::timestamptz[], "
    "$45::smallint[], $46::text[], $47::bigint[], $48::boolean[], $49::timestamptz[]), "
    "$50::bigint, $51::bigint, $52::smallint[], $53::bigint[], $54::smallint[], $55::bigint[], "
    "$56::text[], $57::timestamptz[], $58::timestamptz[], $59::smallint[], $60::bigint[], $61::text[], "
    "$62::text[], $63::smallint[], $64::bigint[], $65::text[], $66::text[], $67::text[], "
    "$68::smallint[], $69::bigint[], $70::text[]), "
    "$71::smallint[], $72::smallint[], $73::bigint[], $74::integer[], $75::bigint[], $76::bigint[], "
    "$77::smallint[], $78::integer[], $79::timestamptz[], $80::text[], $81::text[], $82::text[], "
    "$83::text[], $84::smallint[], $85::smallint[], $86::bigint[], $87::text[])";

const char store_stick_sql[] = "select dt.correlate_stick($1::bigint, $2::smallint, $3::bigint, $4::integer, "
                               "$5::bigint, $6::text, $7::text, $8::text)";

// A column: one expression for each row.
#define COLUMN(type, count, put)                                                                             \
    do {                                                                                                     \
        db_open_array(p, type);                                                                              \
        for (size_t i = 0; i < (count); i++) {                                                               \
            put;                                                                                             \
        }                                                                                                    \
        db_close_array(p);                                                                                   \
    } while (0)

static void put_text(struct db_params *p, const char *s)
{
    db_item_text(p, s, strlen(s));
}

static void put_text_or_null(struct db_params *p, const char *s)
{
    if (s[0])
        put_text(p, s);
    else
        db_item_null(p);
}

static void put_leg(struct db_params *p, unsigned leg)
{
    char letter = leg_letter(leg);
    db_item_text(p, &letter, letter ? 1 : 0);
}

static void put_number_or_null(struct db_params *p, int64_t n)
{
    if (n)
        db_item_int8(p, n);
    else
        db_item_null(p);
}

static void put_small_or_null(struct db_params *p, unsigned n)
{
    if (n)
        db_item_int2(p, (int16_t)n);
    else
        db_item_null(p);
}

static void put_office(struct db_params *p, uint32_t office)
{
    char text[16];
    snprintf(text, sizeof text, "%06u", (unsigned)office);
    if (office == TRAIL_OFFICE_0)
        db_item_null(p);
    else
        put_text(p, text);
}

// ---- items

static int by_item(const void *a, const void *b)
{
    const struct world_item *x = *(struct world_item *const *)a, *y = *(struct world_item *const *)b;
    return x->lane != y->lane ? (x->lane > y->lane) - (x->lane < y->lane) : (x->id > y->id) - (x->id < y->id);
}

static int put_items(struct db_params *p, const struct world *w, const struct world_ids *known)
{
    size_t n = 0;
    for (const struct world_item *it = w->dirty_items; it; it = it->next_dirty)
        n++;
    const struct world_item **all = malloc((n + 1) * sizeof(struct world_item *));
    if (!all)
        return ERR_NO_MEMORY;
    n = 0;
    for (const struct world_item *it = w->dirty_items; it; it = it->next_dirty)
        all[n++] = it;
    qsort(all, n, sizeof(struct world_item *), by_item);
    db_put_int8(p, known->item);
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->lane));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->id));
    COLUMN(DB_TEXT, n, put_text(p, all[i]->code));
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->generation));
    COLUMN(DB_TEXT, n, put_leg(p, all[i]->now.leg));
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->now.state));
    COLUMN(DB_BYTEA, n, db_item_bytea(p, all[i]->trail.bytes, all[i]->trail.len));
    COLUMN(DB_INT4, n, db_item_int4(p, all[i]->now.contradictions));
    COLUMN(DB_TEXT, n, put_text_or_null(p, all[i]->inside));
    COLUMN(DB_TEXT, n, put_text_or_null(p, all[i]->frozen));
    COLUMN(DB_TEXT, n, put_office(p, all[i]->office));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->now.fee.collected.charge));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->now.fee.collected.fee));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->now.fee.collected.remit));
    COLUMN(DB_TIMESTAMPTZ, n, db_item_time_ms(p, world_last_at(all[i])));
    free(all);
    return ERR_OK;
}

// ---- containers

static int by_box(const void *a, const void *b)
{
    const struct world_box *x = *(struct world_box *const *)a, *y = *(struct world_box *const *)b;
    return x->lane != y->lane ? (x->lane > y->lane) - (x->lane < y->lane)
                              : (x->number > y->number) - (x->number < y->number);
}

enum member_column { MEMBER_LANE, MEMBER_CONTAINER, MEMBER_KIND, MEMBER_ID };

static void put_member(struct db_params *p, const struct world_box *b, const struct world_member *m,
                       enum member_column column)
{
    switch (column) {
    case MEMBER_LANE:
        db_item_int2(p, b->lane);
        break;
    case MEMBER_CONTAINER:
        db_item_int8(p, b->number);
        break;
    case MEMBER_KIND:
        db_item_int2(p, m->kind);
        break;
    case MEMBER_ID:
        db_item_int8(p, m->id);
        break;
    }
}

static void put_members(struct db_params *p, const struct world_box *const *all, size_t n, enum db_type type,
                        enum member_column column)
{
    db_open_array(p, type);
    for (size_t i = 0; i < n; i++)
        for (size_t m = 0; m < all[i]->n_members; m++)
            if (all[i]->members[m].dirty)
                put_member(p, all[i], &all[i]->members[m], column);
    db_close_array(p);
}

static int put_boxes(struct db_params *p, const struct world *w)
{
    size_t n = 0;
    for (const struct world_box *b = w->dirty_boxes; b; b = b->next_dirty)
        n++;
    const struct world_box **all = malloc((n + 1) * sizeof(struct world_box *));
    if (!all)
        return ERR_NO_MEMORY;
    n = 0;
    for (const struct world_box *b = w->dirty_boxes; b; b = b->next_dirty)
        all[n++] = b;
    qsort(all, n, sizeof(struct world_box *), by_box);
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->lane));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->number));
    COLUMN(DB_TEXT, n, put_text(p, all[i]->code));
    COLUMN(DB_BYTEA, n, db_item_bytea(p, all[i]->trail.bytes, all[i]->trail.len));
    COLUMN(DB_TEXT, n, put_text_or_null(p, all[i]->frozen));
    put_members(p, all, n, DB_INT2, MEMBER_LANE);
    put_members(p, all, n, DB_INT8, MEMBER_CONTAINER);
    put_members(p, all, n, DB_INT2, MEMBER_KIND);
    put_members(p, all, n, DB_INT8, MEMBER_ID);
    free(all);
    return ERR_OK;
}

// ---- dossiers

static int by_dossier(const void *a, const void *b)
{
    const struct world_dossier *x = *(struct world_dossier *const *)a, *y = *(struct world_dossier *const *)b;
    return x->lane != y->lane ? (x->lane > y->lane) - (x->lane < y->lane) : (x->id > y->id) - (x->id < y->id);
}

enum code_column { CODE_LANE, CODE_TEXT, CODE_OWNER, CODE_PRIMARY, CODE_FROM };

static void put_code(struct db_params *p, const struct world_dossier *d, const struct world_code *c,
                     enum code_column column)
{
    switch (column) {
    case CODE_LANE:
        db_item_int2(p, d->lane);
        break;
    case CODE_TEXT:
        put_text(p, c->text);
        break;
    case CODE_OWNER:
        db_item_int8(p, d->id);
        break;
    case CODE_PRIMARY:
        db_item_bool(p, c->primary);
        break;
    case CODE_FROM:
        db_item_time_ms(p, c->from);
        break;
    }
}

static void put_codes(struct db_params *p, const struct world_dossier *const *all, size_t n,
                      enum db_type type, enum code_column column)
{
    db_open_array(p, type);
    for (size_t i = 0; i < n; i++)
        for (const struct world_code *c = all[i]->codes; c; c = c->next)
            if (c->dirty)
                put_code(p, all[i], c, column);
    db_close_array(p);
}

static int put_dossiers(struct db_params *p, const struct world *w, const struct world_ids *known)
{
    size_t n = 0;
    for (const struct world_dossier *d = w->dirty_dossiers; d; d = d->next_dirty)
        n++;
    const struct world_dossier **all = malloc((n + 1) * sizeof(struct world_dossier *));
    if (!all)
        return ERR_NO_MEMORY;
    n = 0;
    for (const struct world_dossier *d = w->dirty_dossiers; d; d = d->next_dirty)
        all[n++] = d;
    qsort(all, n, sizeof(struct world_dossier *), by_dossier);
    db_put_int8(p, known->dossier);
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->lane));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->id));
    COLUMN(DB_TEXT, n, put_text(p, all[i]->unit));
    COLUMN(DB_BOOL, n, db_item_bool(p, all[i]->registered));
    COLUMN(DB_TEXT, n, put_text_or_null(p, all[i]->tthc));
    COLUMN(DB_INT2, n, put_small_or_null(p, all[i]->status));
    COLUMN(DB_INT2, n, put_small_or_null(p, all[i]->proposed));
    COLUMN(DB_TEXT, n, put_text_or_null(p, all[i]->due));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->seq));
    COLUMN(DB_INT8, n, put_number_or_null(p, all[i]->merged_into));
    COLUMN(DB_TIMESTAMPTZ, n, db_item_time_ms(p, all[i]->opened_at));
    put_codes(p, all, n, DB_INT2, CODE_LANE);
    put_codes(p, all, n, DB_TEXT, CODE_TEXT);
    put_codes(p, all, n, DB_INT8, CODE_OWNER);
    put_codes(p, all, n, DB_BOOL, CODE_PRIMARY);
    put_codes(p, all, n, DB_TIMESTAMPTZ, CODE_FROM);
    free(all);
    return ERR_OK;
}

// ---- links, unit aliases, stuck facts

static int by_link(const void *a, const void *b)
{
    const struct world_link *x = *(struct world_link *const *)a, *y = *(struct world_link *const *)b;
    if (x->item->id != y->item->id)
        return (x->item->id > y->item->id) - (x->item->id < y->item->id);
    if (x->dossier->id != y->dossier->id)
        return (x->dossier->id > y->dossier->id) - (x->dossier->id < y->dossier->id);
    return (x->from > y->from) - (x->from < y->from);
}

static int put_links(struct db_params *p, const struct world *w, const struct world_ids *known,
                     const struct batch *b)
{
    size_t n = 0;
    for (const struct world_link *l = w->dirty_links; l; l = l->next_dirty)
        n++;
    const struct world_link **all = malloc((n + 1) * sizeof(struct world_link *));
    if (!all)
        return ERR_NO_MEMORY;
    n = 0;
    for (const struct world_link *l = w->dirty_links; l; l = l->next_dirty)
        all[n++] = l;
    qsort(all, n, sizeof(struct world_link *), by_link);
    db_put_int8(p, known->item);
    db_put_int8(p, known->dossier);
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->item->lane));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->item->id));
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->dossier->lane));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->dossier->id));
    COLUMN(DB_TEXT, n, put_leg(p, all[i]->leg));
    COLUMN(DB_TIMESTAMPTZ, n, db_item_time_ms(p, all[i]->from));
    COLUMN(DB_TIMESTAMPTZ, n, if (all[i]->to == WORLD_OPEN) db_item_null(p);
           else db_item_time_ms(p, all[i]->to));
    COLUMN(DB_INT2, n, db_item_int2(p, all[i]->source));
    COLUMN(DB_INT8, n, db_item_int8(p, all[i]->cause_pos));
    COLUMN(DB_TEXT, b->n_aliases, put_text(p, b->aliases[i].alias));
    COLUMN(DB_TEXT, b->n_aliases, put_text(p, b->aliases[i].unit));
    COLUMN(DB_INT2, b->n_stuck, db_item_int2(p, b->stuck[i].lane));
    COLUMN(DB_INT8, b->n_stuck, db_item_int8(p, b->stuck[i].pos));
    COLUMN(DB_TEXT, b->n_stuck, put_text(p, b->stuck[i].code));
    COLUMN(DB_TEXT, b->n_stuck, put_text(p, b->stuck[i].sqlstate));
    COLUMN(DB_TEXT, b->n_stuck, put_text(p, b->stuck[i].error));
    COLUMN(DB_INT2, b->n_solved, db_item_int2(p, b->solved[i].lane));
    COLUMN(DB_INT8, b->n_solved, db_item_int8(p, b->solved[i].pos));
    COLUMN(DB_TEXT, b->n_solved, put_text(p, b->solved[i].code));
    free(all);
    return ERR_OK;
}

// ---- rows

static void put_rows(struct db_params *p, const struct batch *b)
{
    const struct batch_row *rows = b->rows;
    size_t n = b->n_rows;
    COLUMN(DB_INT2, n, db_item_int2(p, rows[i].lane));
    COLUMN(DB_INT2, n, db_item_int2(p, rows[i].cause_lane));
    COLUMN(DB_INT8, n, db_item_int8(p, rows[i].cause_pos));
    COLUMN(DB_INT4, n, db_item_int4(p, rows[i].cause_part));
    COLUMN(DB_INT8, n, db_item_int8(p, rows[i].dossier));
    COLUMN(DB_INT8, n, db_item_int8(p, rows[i].seq));
    COLUMN(DB_INT2, n, db_item_int2(p, rows[i].kind));
    COLUMN(DB_INT4, n, db_item_int4(p, rows[i].flags));
    COLUMN(DB_TIMESTAMPTZ, n, db_item_time_ms(p, rows[i].at));
    COLUMN(DB_TEXT, n, put_text(p, rows[i].unit));
    COLUMN(DB_TEXT, n, put_text(p, rows[i].code));
    COLUMN(DB_TEXT, n, put_text_or_null(p, rows[i].item));
    COLUMN(DB_TEXT, n, put_leg(p, rows[i].leg));
    COLUMN(DB_INT2, n, put_small_or_null(p, rows[i].state));
    COLUMN(DB_INT2, n, put_small_or_null(p, rows[i].sms));
    COLUMN(DB_INT8, n, put_number_or_null(p, rows[i].retracts));
    COLUMN(DB_TEXT, n, put_text(p, rows[i].details));
}

int store_fill(struct db_params *p, int64_t epoch, int16_t lane, struct store_cursor from,
               struct store_cursor to, bool turn, const struct world_ids *known, const struct world *w,
               const struct batch *b)
{
    db_params_reset(p);
    db_put_int8(p, epoch);
    db_put_int2(p, lane);
    db_put_int8(p, from.pos);
    db_put_int4(p, from.part);
    db_put_int8(p, to.pos);
    db_put_int4(p, to.part);
    db_put_bool(p, turn);
    int err = put_items(p, w, known);
    if (!err)
        err = put_boxes(p, w);
    if (!err)
        err = put_dossiers(p, w, known);
    if (!err)
        err = put_links(p, w, known, b);
    if (!err)
        put_rows(p, b);
    return err;
}

void store_fill_stuck(struct db_params *p, int64_t epoch, const struct batch_fact *f,
                      struct store_cursor from, const char *code, size_t code_len, const char *sqlstate,
                      const char *error)
{
    db_params_reset(p);
    db_put_int8(p, epoch);
    db_put_int2(p, f->lane);
    db_put_int8(p, from.pos);
    db_put_int4(p, from.part);
    db_put_int8(p, f->pos);
    db_put_text(p, code_len ? code : "", code_len);
    db_put_cstr(p, sqlstate);
    db_put_cstr(p, error);
}
