// SPDX-License-Identifier: EUPL-1.2
// What the files of `duongthu rebuild` share; nobody else includes it.
#pragma once
#include "base/attr.h"
#include "correlate/batch.h"
#include "io/dbsync.h"

#define REBUILD_FACTS_MAX 2000000 // facts are held in memory, for the random orders
#define REBUILD_LINE_MAX  4096    // bytes of a line that is compared
#define REBUILD_TOLD_MAX  20      // differences that are printed

struct rebuild_fact {
    struct batch_fact row; // body points into memory of its own
    bool poison;           // correlate could not write it (dt.stuck): what it is about is frozen instead
};

struct rebuild_text { // of a stream or a unit alias
    char *key, *value;
};

struct rebuild {
    struct dbsync *db;
    size_t orders, rows; // random orders; journey rows of a batch
    uint64_t seed;
    // What is replayed, in the order in which correlate read it
    struct rebuild_fact *facts;
    size_t n_facts, cap_facts;
    int16_t lanes[WORLD_LANES_MAX]; // of the journey log
    size_t n_lanes;
    struct rebuild_text *streams, *units;
    size_t n_streams, n_units;
    size_t differences;
};

// Says what went wrong on stderr; returns the exit code for it.
int rebuild_fail(int err, const struct db_result *r, const char *what);

// ---- rebuild_read.c: all return an exit code, 0 = fine, after having said what is wrong
MUST_CHECK int rebuild_begin(struct rebuild *rb); // one snapshot for everything, with no fan-out half done
MUST_CHECK int rebuild_read(struct rebuild *rb);
void rebuild_forget(struct rebuild *rb);

// ---- rebuild_compare.c
struct rebuild_rows; // compares journey rows as they come
MUST_CHECK int rebuild_rows_open(struct rebuild *rb, struct rebuild_rows **ret_rows);
MUST_CHECK int rebuild_rows_take(struct rebuild_rows *rows, const struct batch *b);
MUST_CHECK int rebuild_rows_close(struct rebuild_rows *rows,
                                  size_t *ret_n); // rows that are in the log only are differences
MUST_CHECK int rebuild_compare_world(struct rebuild *rb, struct world *w);
// Notes a difference; prints the first ones.
void rebuild_differs(struct rebuild *rb, const char *what, const char *stored, const char *rebuilt);
