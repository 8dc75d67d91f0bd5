// SPDX-License-Identifier: EUPL-1.2
// The pump: read facts, load what they touch, apply them, write all of it in one transaction, begin again. It
// runs while it holds the lease that its owner keeps for it.
#pragma once
#include "base/attr.h"
#include "correlate/load.h"
#include "io/db.h"

struct pump;

struct pump_options {
    struct db *db;
    size_t facts;                    // in one batch, at most LOAD_FACTS_MAX
    size_t rows;                     // journey rows in one transaction
    void (*lost_lease)(void *owner); // a statement said that another process holds it
    void *owner;
};

enum pump_statement {
    PUMP_STATE = LOAD_STATEMENTS,
    PUMP_READ,
    PUMP_WRITE,
    PUMP_STICK,
    PUMP_NOTIFY,
    PUMP_SEGMENTS,
    PUMP_STATEMENTS,
};
// Those of the loader first; the owner's own may follow.
void pump_fill_statements(struct db_statement *statements);

MUST_CHECK int pump_create(const struct pump_options *o, struct pump **ret_pump);
void pump_destroy(struct pump *p); // not while it is busy
// A new lease: where it stands is read again. 0: it has none and does nothing.
void pump_set_epoch(struct pump *p, int64_t epoch);
// Does the next thing if there is one and it is not busy. Idempotent; called after every event and on every
// tick.
void pump_step(struct pump *p);
// Begins nothing new from here on.
void pump_stop(struct pump *p);
bool pump_busy(const struct pump *p);
