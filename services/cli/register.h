// SPDX-License-Identifier: EUPL-1.2
// Registering by hand and by CSV: one table of kinds (units, post offices, dossiers, …), each with its
// columns, a check of one row and what it writes. `add` takes one row from options, `import` many from a
// file; both go the same way: every row is checked first, then all is written in one transaction or nothing
// is.
#pragma once
#include "base/attr.h"
#include "io/crypto.h"
#include "io/dbsync.h"
#include <stdbool.h>
#include <stdint.h>

#define REGISTER_COLUMNS_MAX 12
#define REGISTER_WHY_MAX     320

struct register_column {
    const char *name;
    const char *help; // form and an example; NULL ends the list
    bool required;
    bool personal; // never taken from the command line (it shows in process lists): asked on stdin
};

// One row, after its check: normalised values in the order of the columns, "" when absent.
struct register_row {
    char *value[REGISTER_COLUMNS_MAX]; // owned; the check may replace one with register_set()
};

// Facts of a run are collected and appended in one call right before the commit: the log's head is locked for
// a moment, not for the length of an import.
struct register_run {
    struct dbsync *db;
    const struct keyring *ring; // only for kinds that seal
    struct register_facts *facts;
    struct buf out;             // lines for standard output, printed when all is committed
    char why[REGISTER_WHY_MAX]; // of the last failure
};

struct register_kind {
    const char *noun, *one, *what; // "link", "link", "links"
    const struct register_column *columns;
    bool seals; // needs the key ring
    // Is the row acceptable? Normalises values in place. false: `why` says in the caller's terms what is
    // wrong with which column.
    bool (*check)(struct register_row *row, char why[REGISTER_WHY_MAX]);
    // Writes it (inside the transaction). Not ERR_OK: run->why is filled, all is rolled back.
    int (*write)(struct register_run *run, const struct register_row *row);
    const char *list_sql; // for `list`: text columns, at most 1,000 rows; NULL: not listed here
};

extern const struct register_kind register_kinds[];
extern const size_t register_kind_count;

MUST_CHECK bool register_set(struct register_row *row, unsigned column, const char *value);
// Runs one statement with text parameters; fills run->why on error.
MUST_CHECK int register_exec(struct register_run *run, const char *sql, const char *const *values,
                             size_t count);
// Adds a fact of the operator ("cli") to the run. kind: enum event_kind; code may be NULL; body is copied.
MUST_CHECK int register_fact(struct register_run *run, int16_t kind, const char *code, const char *body,
                             size_t len);

// register_endpoint.c
extern const struct register_column register_endpoint_columns[];
MUST_CHECK bool register_endpoint_check(struct register_row *row, char why[REGISTER_WHY_MAX]);
MUST_CHECK int register_endpoint_write(struct register_run *run, const struct register_row *row);
