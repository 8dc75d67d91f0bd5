// SPDX-License-Identifier: EUPL-1.2
// Steps of the loader: dossiers, the units behind them, streams that corrections name.
#include "base/err.h"
#include "correlate/load_steps.h"

#include <stdlib.h>
#include <string.h>

// Every text of a fact that may lead to a dossier, as written and as stored.
static void add_dossier_texts(struct load *l, const struct fact *f)
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
        load_add_text(l, (struct fact_text){key, len});
        load_add_text(l, texts[i]);
    }
}

bool load_ask_dossiers_by_code(struct load *l)
{
    load_put_lanes(l);
    load_put_no_numbers(l);
    load_open_texts(l);
    for (size_t i = 0; i < l->n_wanted; i++)
        if (load_fact(l, i))
            add_dossier_texts(l, load_fact(l, i));
    return load_close_texts(l);
}

bool load_ask_dossiers_by_number(struct load *l)
{
    load_put_lanes(l);
    load_put_numbers(l, &l->dossiers);
    load_put_no_texts(l);
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

int load_take_dossiers(struct load *l, const struct db_result *r)
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
bool load_ask_units(struct load *l)
{
    char key[WORLD_CODE_MAX + 1];
    for (size_t i = 0; i < l->n_wanted; i++) {
        const struct fact *f = load_fact(l, i);
        if (!f)
            continue;
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

int load_take_units(struct load *l, const struct db_result *r)
{
    int err = ERR_OK;
    for (int row = 0; row < db_rows(r) && !err; row++) {
        size_t len, unit_len;
        const char *alias = db_bytes(r, row, 0, &len), *unit = db_bytes(r, row, 1, &unit_len);
        err = world_add_unit_alias(l->world, alias, len, unit, unit_len);
    }
    return err;
}

bool load_ask_unit_dossiers(struct load *l)
{
    char unit[UNIT_ID_MAX + 1];
    const struct fact *f = load_fact(l, 0);
    if (!f || f->kind != EVENT_UNIT_MERGED || !batch_unit_key(f->unit.ptr, f->unit.len, unit))
        return false;
    load_put_lanes(l);
    db_put_cstr(load_params(l), unit);
    db_put_int4(load_params(l), BATCH_ROWS_MAX);
    return true;
}

int load_take_unit_dossiers(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++)
        load_add_number(l, &l->dossiers, db_int(r, row, 0));
    return l->error;
}

bool load_ask_streams(struct load *l)
{
    size_t n = 0;
    load_put_lanes(l);
    db_open_array(load_params(l), DB_UUID);
    for (size_t i = 0; i < l->n_wanted; i++) {
        unsigned char token[FACT_UUID];
        if (!load_fact(l, i) || !fact_uuid(load_fact(l, i)->retracts.stream, token))
            continue;
        db_item_uuid(load_params(l), token);
        n++;
    }
    db_close_array(load_params(l));
    return n > 0;
}

int load_take_streams(struct load *l, const struct db_result *r)
{
    int err = ERR_OK;
    for (int row = 0; row < db_rows(r) && !err; row++) {
        size_t len;
        const char *token = db_bytes(r, row, 0, &len);
        err = world_add_stream(l->world, token, len, db_int(r, row, 1));
    }
    return err;
}
