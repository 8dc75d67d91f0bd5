// SPDX-License-Identifier: EUPL-1.2
// What the files of the engine (batch*.c, tell.c) share; nobody else includes it.
#pragma once
#include "correlate/batch.h"

// The fact being applied.
struct cause {
    const struct batch_fact *log; // whose position the rows name as their cause
    const struct batch_fact *row; // what is applied: the same, or a stuck fact that it retries
    const struct fact *fact;
    struct trail_fact trail;      // of the fact itself
    struct trail_fact correction; // of what it takes back
    bool corrects;
    int32_t object, n; // object of the fan-out, rows it has told so far
    const char *from;  // of a merger: code of the merged dossier or unit, for the details
    int64_t last_seq;  // of a merged dossier
};

struct batch_scratch {
    struct cause cause;
    struct batch_needs needs; // of a fact that came without
    struct trail_fact old[TRAIL_MAX], own[TRAIL_MAX], whole[TRAIL_MAX], work[TRAIL_MAX];
    struct journey_entry entries[TRAIL_MAX];
    struct trail_fact boxes[NEST_BOXES_MAX][TRAIL_MAX];
    struct nest_box nest[NEST_BOXES_MAX];
    size_t n_nest;
    uint8_t packed[TRAIL_PACK_MAX];
    struct buf details;
};

// ---- batch.c
// Lists the fact as stuck: nothing of it was applied. error is a literal.
MUST_CHECK int batch_stick(struct batch *b, const char *error);
// The fact is (also) about this code, and that is stuck: it waits with the others.
MUST_CHECK int batch_wait(struct batch *b, struct fact_text code);
// Own facts of a trail into scratch->own, their number in *ret_n. False: corrupt.
MUST_CHECK bool batch_unpack_own(struct batch *b, const struct world_trail *t, size_t *ret_n);
// The boxes that the n facts in scratch->own name, into scratch->nest. False: one of them is corrupt.
MUST_CHECK bool batch_gather_boxes(struct batch *b, size_t n);

// A stuck fact was applied.
MUST_CHECK int batch_solve(struct batch *b, const struct batch_fact *row, struct fact_text code);
// Reads a fact into scratch->cause. NULL, or why it makes no sense.
MUST_CHECK const char *batch_read(struct batch *b, const struct batch_fact *f);
// Applies what was read.
MUST_CHECK int batch_apply_read(struct batch *b, int32_t part, int32_t *ret_part);

// ---- batch_item.c
// Adds a fact to the item (NULL: works out what its containers hand down now) and tells what that changes.
MUST_CHECK int item_change(struct batch *b, struct world_item *it, const struct trail_fact *add);
// The item of that code and time, made when it is not there. NULL: no memory.
struct world_item *item_of(struct batch *b, struct fact_text code);
// Links the item to a dossier and tells the dossier what happened so far. Nothing when the link is open
// already.
MUST_CHECK int item_link(struct batch *b, struct world_item *it, struct world_dossier *d);
// A fact whose code is an item's.
MUST_CHECK int item_apply(struct batch *b, int32_t *ret_part);

// ---- batch_box.c
struct world_box *box_of(struct batch *b, struct fact_text code);
// A fact whose code is a container's, from object `part` on.
MUST_CHECK int box_apply(struct batch *b, int32_t part, int32_t *ret_part);

// What the list of a container's fact says of this one member: a retry, the others have heard it.
MUST_CHECK int box_apply_member(struct batch *b, struct fact_text code);

// ---- batch_stuck.c
// fact.retried.
MUST_CHECK int stuck_apply(struct batch *b);

// ---- batch_dossier.c
// The dossiers that the fact names, made when they are not there; room for FACT_DOSSIERS_MAX.
MUST_CHECK int dossiers_of(struct batch *b, struct world_dossier **ret_dossiers, size_t *ret_n);
// A fact about dossiers only.
MUST_CHECK int dossier_apply(struct batch *b);
// unit.merged, from object `part` on.
MUST_CHECK int unit_apply(struct batch *b, int32_t part, int32_t *ret_part);

// ---- tell.c
// Adds a row to the journey of one dossier. it may be NULL; about: the trail fact that is told, or NULL when
// it is the cause as such.
MUST_CHECK int tell_dossier(struct batch *b, struct world_dossier *d, const struct world_item *it,
                            const struct trail_fact *about, const struct journey_row *row);
// Adds a row to the journey of every dossier that was linked to the item at that time. Nothing for a row of
// kind EVENT_NONE.
MUST_CHECK int tell_linked(struct batch *b, const struct world_item *it, const struct trail_fact *about,
                           const struct journey_row *row);
