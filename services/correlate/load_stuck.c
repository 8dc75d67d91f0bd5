// SPDX-License-Identifier: EUPL-1.2
// Step of the loader: what is stuck about the objects of the batch. A retry brings the facts that wait for
// it.
#include "base/err.h"
#include "correlate/load_steps.h"

#include <string.h>

bool load_ask_stuck(struct load *l)
{
    load_put_lanes(l);
    load_open_texts(l);
    for (size_t i = 0; i < l->n_wanted; i++) {
        const struct fact *f = load_fact(l, i);
        if (!f)
            continue;
        if (f->code.len)
            load_add_text(l, f->code);
        for (size_t k = 0; k < f->n_members; k++)
            load_add_text(l, f->members[k]);
    }
    return load_close_texts(l);
}

// Does a fact of the batch retry this code?
static bool is_retried(struct load *l, const char *code, size_t len)
{
    for (size_t i = 0; i < l->n_facts; i++) {
        const struct fact *f = load_fact(l, i);
        if (f && f->kind == EVENT_FACT_RETRIED && f->code.len == len && memcmp(f->code.ptr, code, len) == 0)
            return true;
    }
    return false;
}

int load_take_stuck(struct load *l, const struct db_result *r)
{
    for (int row = 0; row < db_rows(r); row++) {
        size_t len, body_len;
        const char *code = db_bytes(r, row, 0, &len), *body = db_bytes(r, row, 8, &body_len);
        struct batch_fact f = {.lane = (int16_t)db_int(r, row, 1),
                               .pos = db_int(r, row, 2),
                               .stream = db_int(r, row, 3),
                               .seq = db_int(r, row, 4),
                               .type = (int)db_int(r, row, 5),
                               .source = (int)db_int(r, row, 6),
                               .at = db_time_ms(r, row, 7),
                               .body = body,
                               .body_len = body_len};
        int err = world_add_stuck(l->world, code, len, &f);
        if (err)
            return err;
        if (is_retried(l, code, len))
            load_want(l, &world_stuck(l->world, code, len)->last->row);
    }
    return l->error;
}
