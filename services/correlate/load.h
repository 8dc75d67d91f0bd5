// SPDX-License-Identifier: EUPL-1.2
// Loads the part of the projection that a batch of facts touches into an empty world: a chain of set queries,
// each made from what the ones before it brought. One owner, one batch at a time.
#pragma once
#include "base/attr.h"
#include "correlate/batch.h"
#include "io/db.h"

#define LOAD_FACTS_MAX 1000 // facts of one batch
#define LOAD_ITEMS_MAX 4000 // items that containers bring into one batch; a larger fan-out comes in parts

struct load;

// err: ERR_OK; what io/db.h answers for a failed statement (res as there); ERR_NO_MEMORY; ERR_IO for stored
// facts that are corrupt. n_facts: how many of the facts the world suffices for, at least 1.
typedef void (*load_done)(void *owner, int err, const struct db_result *res, size_t n_facts);

MUST_CHECK int load_create(struct db *db, struct load **ret_load);
void load_destroy(struct load *l); // not while one is under way

// Parses facts, in log order, all of one lane, for the next load_start(). They stay the caller's and must
// live until that is done. Not while one is under way. ERR_NO_MEMORY.
MUST_CHECK int load_read(struct load *l, const struct batch_fact *facts, size_t n);
// The first n of the facts that were read; with part > 0 the first one goes on from that object. World and
// batch stay the caller's and must live until done. Errors (those of db_submit()) and LOAD_EMPTY, when there
// was nothing to ask and the world is complete as it is, come back at once: then done is not called.
#define LOAD_EMPTY 1
MUST_CHECK int load_start(struct load *l, size_t n, int32_t part, struct world *w, struct batch *b,
                          load_done done, void *owner);
// What fact i of those says, until the next load_read().
const struct batch_needs *load_needs(const struct load *l, size_t i);

enum load_statement {
    LOAD_STUCK,
    LOAD_DOSSIERS,
    LOAD_UNITS,
    LOAD_UNIT_DOSSIERS,
    LOAD_STREAMS,
    LOAD_BOXES,
    LOAD_CONTENTS,
    LOAD_ITEMS,
    LOAD_LINKS,
    LOAD_TOLD,
    LOAD_STATEMENTS,
};
// To stand first in the owner's table of statements.
extern const struct db_statement load_statements[LOAD_STATEMENTS];
