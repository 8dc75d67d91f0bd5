// SPDX-License-Identifier: EUPL-1.2
// The migrations as files in memory: those of migrations/ are compiled in (the Makefile makes the C file), so
// a bare binary can migrate; a folder can stand in for them.
#pragma once
#include "base/attr.h"

#include <stdbool.h>
#include <stdio.h>

struct migration {
    const char *file; // "0001_ground.sql"
    const char *sql;  // NUL-terminated
    size_t len;
};

// Ends with an entry whose file is NULL.
extern const struct migration migrations_embedded[];

struct migrations {
    struct migration *list; // numbers 1, 2, 3, … without a gap
    size_t count;
    bool loaded; // from a folder: names and texts are ours to free
};

// folder NULL: the embedded ones. Wrong names, gaps and numbers used twice are told to `errors`, all of them:
// ERR_INVALID; a folder that cannot be read: ERR_IO.
MUST_CHECK int migrations_load(const char *folder, struct migrations *ret_m, FILE *errors);
void migrations_done(struct migrations *m);
// 1 … 9999, or 0 when the name is not NNNN_name.sql.
unsigned migration_number(const char *file);
