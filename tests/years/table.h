// SPDX-License-Identifier: EUPL-1.2
// A table that is filled by binary COPY: rows are put together in memory and leave in blocks. Each table has
// a connection of its own, so that rows of all tables can be made side by side.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

// columns: names, comma between them. Any failure of the database ends the process with a sentence on stderr.
struct table *table_open(const char *conninfo, const char *name, const char *columns);
// What was put is committed; the next row begins another COPY.
void table_commit(struct table *t);
void table_close(struct table *t); // commits
int64_t table_rows(const struct table *t);

// A row: begin, then one put for each column in their order.
void table_begin(struct table *t);
void put_null(struct table *t);
void put_bool(struct table *t, bool value);
void put_int2(struct table *t, int64_t value);
void put_int4(struct table *t, int64_t value);
void put_int8(struct table *t, int64_t value);
void put_time(struct table *t, int64_t unix_ms);                // timestamptz
void put_bytes(struct table *t, const void *bytes, size_t len); // text, bytea, uuid
void put_text(struct table *t, const char *text);
void put_text_or_null(struct table *t, const char *text); // "" is NULL
void put_int2_or_null(struct table *t, int64_t value);    // 0 is NULL
void put_int8_or_null(struct table *t, int64_t value);
