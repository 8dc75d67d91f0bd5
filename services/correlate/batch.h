// SPDX-License-Identifier: EUPL-1.2
// The engine: facts in log order in, changes of a world and journey rows out. No SQL, no clock, no chance:
// the service, rebuild and the tests run the same code. One fact at a time, so the size of a batch changes
// nothing.
//
// A fact that makes no sense is never an error here: it is flagged in a row, or listed as a stuck fact when
// it can't even be read. The only errors are our own limits: ERR_NO_MEMORY, and ERR_TOO_BIG when one fact
// means more rows than can be numbered. After an error the world is of no use any more.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include "correlate/world.h"

#define BATCH_ROWS_MAX 2000 // journey rows after which a batch is written, whatever is left of it
#define BATCH_PART_STRIDE                                                                                    \
    16384 // journey rows of one object of a fan-out; a row's part = object × stride + row
#define BATCH_DETAILS_MAX 2048 // bytes of a row's JSON

// A row of dt.journey but for its position and recorded_at.
struct batch_row {
    int16_t lane, cause_lane;
    int64_t cause_pos;
    int32_t cause_part;
    int64_t dossier, seq, at;
    uint8_t kind, flags, leg, state, sms;
    int64_t retracts; // journey seq, 0 = none
    char unit[UNIT_ID_MAX + 1], code[WORLD_CODE_MAX + 1], item[WORLD_CODE_MAX + 1];
    char *details; // JSON
};

struct batch_stuck {
    int16_t lane;
    int64_t pos;
    char code[WORLD_CODE_MAX + 1];
    const char *sqlstate, *error; // literals; see dt.stuck
};

// A unit that unit.merged closed, and its successor.
struct batch_alias {
    char alias[UNIT_ID_MAX + 1], unit[UNIT_ID_MAX + 1];
};

struct batch {
    struct world *world;
    size_t max_rows; // BATCH_ROWS_MAX, or fewer
    struct batch_row *rows;
    size_t n_rows, cap_rows;
    struct batch_stuck *stuck;
    size_t n_stuck, cap_stuck;
    struct batch_stuck *solved; // sqlstate and error are NULL
    size_t n_solved, cap_solved;
    struct batch_alias aliases[1]; // a merger stands alone in its batch
    size_t n_aliases;
    struct batch_scratch *scratch; // private
};

MUST_CHECK int batch_create(struct world *w, struct batch **ret_batch);
void batch_destroy(struct batch *b);
// Forgets rows and stuck facts: they have been written.
void batch_clear(struct batch *b);

// Applies one fact, from object `part` of its fan-out on (0 = from its beginning). *ret_part is 0 when it is
// done, else the object to go on with: BATCH_ROWS_MAX rows are there, or the next object is not in the world.
MUST_CHECK int batch_apply(struct batch *b, const struct batch_fact *f, int32_t part, int32_t *ret_part);

// What correlate could not write: what it is about is frozen, and it waits for a retry. The writer does the
// same in the database.
MUST_CHECK int batch_stick_fact(struct batch *b, const struct batch_fact *f);
// What a fact is listed under when it is stuck: its item or container, else its first dossier or order; len 0
// when it can't be read.
struct fact_text batch_stuck_code(const struct fact *f);
// Works out an item's `now` and `inside` from the trail that was loaded. False: the trail is corrupt.
MUST_CHECK bool batch_refresh(struct batch *b, struct world_item *item);

// What a fact of this body needs in its world; the loader asks before it loads. Texts point into the body.
// Codes are those of items and containers alike, dossiers are dossier codes and order numbers, as written.
struct batch_needs {
    struct fact fact;
    enum fact_error error; // not FACT_OK: nothing is needed, the fact is stuck
};
void batch_needs(const struct batch_fact *f, struct batch_needs *ret);

// The code under which a dossier is stored (unit in its new form where the rule can give it), from any way to
// write it or from an order number; the text itself when it is no dossier code. Returns its length; out holds
// WORLD_CODE_MAX + 1 bytes.
size_t batch_dossier_key(const char *s, size_t len, char *out);
// Is it the code of an item (S10)? Everything else that is scanned is a container.
bool batch_is_item(const char *s, size_t len);
// The form under which dossiers carry a unit, from any legal way to write it; aliases are not followed.
// False: no unit id. ret holds UNIT_ID_MAX + 1 bytes.
MUST_CHECK bool batch_unit_key(const char *s, size_t len, char *ret);
// Notes why an object is frozen, in WORLD_FROZEN_MAX bytes.
void batch_freeze(char *frozen, const char *why);
