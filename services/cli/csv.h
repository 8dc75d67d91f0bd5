// SPDX-License-Identifier: EUPL-1.2
// A CSV file (RFC 4180, UTF-8, comma or semicolon, first line = column names) held in memory. Bounded:
// CSV_ROWS_MAX rows, CSV_COLUMNS_MAX columns, CSV_FIELD_MAX bytes a field. Spreadsheets' byte order mark and
// CRLF are taken.
#pragma once
#include "base/attr.h"

#define CSV_ROWS_MAX    1000000
#define CSV_COLUMNS_MAX 16
#define CSV_FIELD_MAX   4096

struct csv {
    char *names[CSV_COLUMNS_MAX];
    size_t columns;
    char **fields; // rows × columns, NUL-terminated, never NULL
    size_t *lines; // line of the file each row begins on
    size_t rows;
    size_t room; // rows allocated
};

// error: one sentence with the line. The caller frees with csv_done(), also after an error.
MUST_CHECK int csv_read(const char *path, struct csv *ret_csv, char *error, size_t cap);
void csv_done(struct csv *c);
// The column of this name (case-insensitive), or CSV_COLUMNS_MAX.
size_t csv_column(const struct csv *c, const char *name);
const char *csv_field(const struct csv *c, size_t row, size_t column);
