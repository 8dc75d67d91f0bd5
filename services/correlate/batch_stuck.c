// SPDX-License-Identifier: EUPL-1.2
// Facts that correlate could not write, and their retry. What they are about is frozen, and whatever comes
// about it waits in line, so that a retry applies all of it in log order. The rows then name fact.retried as
// their cause: they are told now.
#include "base/err.h"
#include "correlate/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define STUCK_WORDS "a fact is stuck: " // dt.correlate_stick() writes the same

static void freeze(char *frozen, const struct batch_fact *f)
{
    char why[WORLD_FROZEN_MAX];
    snprintf(why, sizeof why, STUCK_WORDS "%d:%" PRId64, f->lane, f->pos);
    if (!frozen[0])
        batch_freeze(frozen, why);
}

int batch_stick_fact(struct batch *b, const struct batch_fact *f)
{
    struct batch_needs needs;
    batch_needs(f, &needs);
    struct fact_text code = batch_stuck_code(&needs.fact);
    if (code.len == 0)
        return ERR_OK;
    for (struct world_item *it = map_get(&b->world->items, code.ptr, code.len); it; it = it->next_generation)
        freeze(it->frozen, f);
    struct world_box *box = world_box(b->world, code.ptr, code.len);
    if (box)
        freeze(box->frozen, f);
    return world_add_stuck(b->world, code.ptr, code.len, f);
}

static bool thaw(char *frozen)
{
    bool stuck = strncmp(frozen, STUCK_WORDS, strlen(STUCK_WORDS)) == 0;
    if (stuck)
        frozen[0] = '\0';
    return stuck;
}

// The objects of the code move again, and hear what their containers did meanwhile.
static int thaw_objects(struct batch *b, struct fact_text code)
{
    int err = ERR_OK;
    struct world_box *box = world_box(b->world, code.ptr, code.len);
    if (box && thaw(box->frozen))
        world_touch_box(b->world, box);
    for (struct world_item *it = map_get(&b->world->items, code.ptr, code.len); it && !err;
         it = it->next_generation) {
        if (!thaw(it->frozen))
            continue;
        world_touch_item(b->world, it);
        err = item_change(b, it, NULL);
    }
    return err;
}

static bool is_same(struct fact_text a, struct fact_text b)
{
    return a.len == b.len && memcmp(a.ptr, b.ptr, a.len) == 0;
}

// One of the facts in line, as object n of the retry.
static int retry_one(struct batch *b, const struct batch_fact *row, struct fact_text code, int32_t object)
{
    struct cause *c = &b->scratch->cause;
    int32_t part = 0;
    const char *error = batch_read(b, row);
    if (error)
        return batch_stick(b, error);
    if (c->fact->kind == EVENT_FACT_RETRIED)
        return ERR_OK; // an earlier try that was refused as well
    c->object = object;
    c->n = 0;
    if (!is_same(batch_stuck_code(c->fact), code))
        return box_apply_member(b, code);
    int err = batch_apply_read(b, 0, &part);
    return !err && part ? ERR_TOO_BIG : err; // a fan-out that one transaction can't carry stays stuck
}

int stuck_apply(struct batch *b)
{
    const struct cause *c = &b->scratch->cause;
    char text[WORLD_CODE_MAX + 1];
    struct fact_text code = {memcpy(text, c->fact->code.ptr, c->fact->code.len), c->fact->code.len};
    struct world_stuck *line = world_stuck(b->world, code.ptr, code.len);
    if (!line)
        return ERR_OK;
    const struct world_stuck_fact *one = line->first;
    line->first = line->last = NULL;
    int err = thaw_objects(b, code);
    for (int32_t object = 1; one && !err; one = one->next, object++) {
        err = retry_one(b, &one->row, code, object);
        if (!err)
            err = batch_solve(b, &one->row, code);
    }
    return err;
}
