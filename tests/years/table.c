// SPDX-License-Identifier: EUPL-1.2
#include "table.h"

#include "base/check.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES   (256u << 10) // sent at once
#define ROW_BYTES_MAX (64u << 10)
#define EPOCH_MS      INT64_C(946684800000) // 2000-01-01, PostgreSQL's

struct table {
    PGconn *pg;
    char sql[400];
    char *bytes;
    size_t len, fields_at;
    int columns, left; // of the row that is being put
    int64_t rows;
    bool copying;
};

_Noreturn static void die(const struct table *t)
{
    (void)fprintf(stderr, "generate: %s: %s", t->sql, PQerrorMessage(t->pg));
    exit(1);
}

static void expect(struct table *t, PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted)
        die(t);
    PQclear(result);
}

struct table *table_open(const char *conninfo, const char *name, const char *columns)
{
    struct table *t = calloc(1, sizeof *t);
    CHECK(t);
    t->bytes = malloc(BLOCK_BYTES + ROW_BYTES_MAX);
    CHECK(t->bytes);
    int n = snprintf(t->sql, sizeof t->sql, "copy %s (%s) from stdin (format binary)", name, columns);
    CHECK(n > 0 && (size_t)n < sizeof t->sql);
    t->columns = 1;
    for (const char *c = columns; *c; c++)
        t->columns += *c == ',';
    t->pg = PQconnectdb(conninfo);
    if (PQstatus(t->pg) != CONNECTION_OK)
        die(t);
    // Nothing is acknowledged to anybody: what a crash takes away is generated again.
    expect(t, PQexecParams(t->pg, "set synchronous_commit = off", 0, NULL, NULL, NULL, NULL, 0),
           PGRES_COMMAND_OK);
    return t;
}

static void send_block(struct table *t)
{
    if (t->len > 0 && PQputCopyData(t->pg, t->bytes, (int)t->len) != 1)
        die(t);
    t->len = 0;
}

void table_commit(struct table *t)
{
    if (!t->copying)
        return;
    CHECK(t->left == 0);
    send_block(t);
    if (PQputCopyData(t->pg, "\377\377", 2) != 1 || PQputCopyEnd(t->pg, NULL) != 1)
        die(t);
    expect(t, PQgetResult(t->pg), PGRES_COMMAND_OK);
    CHECK(PQgetResult(t->pg) == NULL);
    t->copying = false;
}

void table_close(struct table *t)
{
    table_commit(t);
    PQfinish(t->pg);
    free(t->bytes);
    free(t);
}

int64_t table_rows(const struct table *t)
{
    return t->rows;
}

// ---- rows

static void put_raw(struct table *t, const void *bytes, size_t len)
{
    CHECK(t->len + len <= BLOCK_BYTES + ROW_BYTES_MAX);
    memcpy(t->bytes + t->len, bytes, len);
    t->len += len;
}

void table_begin(struct table *t)
{
    static const char head[19] = "PGCOPY\n\377\r\n\0"; // signature, no flags, no extension
    CHECK(t->left == 0);
    if (!t->copying) {
        expect(t, PQexecParams(t->pg, t->sql, 0, NULL, NULL, NULL, NULL, 0), PGRES_COPY_IN);
        t->copying = true;
        put_raw(t, head, sizeof head);
    } else if (t->len >= BLOCK_BYTES) {
        send_block(t);
    }
    uint16_t columns = htobe16((uint16_t)t->columns);
    put_raw(t, &columns, sizeof columns);
    t->left = t->columns;
    t->rows++;
}

void put_bytes(struct table *t, const void *bytes, size_t len)
{
    CHECK(t->left-- > 0);
    uint32_t n = htobe32((uint32_t)len);
    put_raw(t, &n, sizeof n);
    put_raw(t, bytes, len);
}

void put_null(struct table *t)
{
    static const uint32_t none = UINT32_MAX;
    CHECK(t->left-- > 0);
    put_raw(t, &none, sizeof none);
}

void put_bool(struct table *t, bool value)
{
    put_bytes(t, value ? "\1" : "\0", 1);
}

void put_int2(struct table *t, int64_t value)
{
    uint16_t n = htobe16((uint16_t)value);
    put_bytes(t, &n, sizeof n);
}

void put_int4(struct table *t, int64_t value)
{
    uint32_t n = htobe32((uint32_t)value);
    put_bytes(t, &n, sizeof n);
}

void put_int8(struct table *t, int64_t value)
{
    uint64_t n = htobe64((uint64_t)value);
    put_bytes(t, &n, sizeof n);
}

void put_time(struct table *t, int64_t unix_ms)
{
    put_int8(t, (unix_ms - EPOCH_MS) * 1000);
}

void put_text(struct table *t, const char *text)
{
    put_bytes(t, text, strlen(text));
}

void put_text_or_null(struct table *t, const char *text)
{
    if (text[0])
        put_text(t, text);
    else
        put_null(t);
}

void put_int2_or_null(struct table *t, int64_t value)
{
    if (value)
        put_int2(t, value);
    else
        put_null(t);
}

void put_int8_or_null(struct table *t, int64_t value)
{
    if (value)
        put_int8(t, value);
    else
        put_null(t);
}
