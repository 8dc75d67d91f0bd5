// SPDX-License-Identifier: EUPL-1.2
// Writes what a batch changed: one statement, one transaction, with the cursor.
#pragma once
#include "base/attr.h"
#include "correlate/batch.h"
#include "io/db.h"

// Where a lane stands: everything up to pos is done, and `part` objects of the fan-out of the next fact.
struct store_cursor {
    int64_t pos;
    int32_t part;
};

extern const char store_sql[];       // parameters by store_fill(); answers the number of journey rows
extern const char store_stick_sql[]; // parameters by store_fill_stuck()

// Fills the parameters of store_sql. turn: the batch before this one was of another lane. known: the last
// numbers given before this batch; what has a higher one is not stored yet. ERR_NO_MEMORY; errors of the
// parameters come from db_submit().
MUST_CHECK int store_fill(struct db_params *p, int64_t epoch, int16_t lane, struct store_cursor from,
                          struct store_cursor to, bool turn, const struct world_ids *known,
                          const struct world *w, const struct batch *b);

// One fact that can't be digested: it is listed, what it is about is frozen, the cursor goes on to it.
void store_fill_stuck(struct db_params *p, int64_t epoch, const struct batch_fact *f,
                      struct store_cursor from, const char *code, size_t code_len, const char *sqlstate,
                      const char *error);
