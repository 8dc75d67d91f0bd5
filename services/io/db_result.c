// SPDX-License-Identifier: EUPL-1.2
// Rows of one answer, in binary. The shape of a row is fixed by our own SQL, so a mismatch is our own bug.
#include "base/check.h"
#include "io/db_private.h"

#include <endian.h>
#include <string.h>

#define OID_BOOL        16
#define OID_INT8        20
#define OID_INT2        21
#define OID_INT4        23
#define OID_TIMESTAMPTZ 1184
#define PG_EPOCH_MS     INT64_C(946684800000)

static const char *cell(const struct db_result *r, int row, int col)
{
    CHECK(row >= 0 && row < r->rows && col >= 0 && col < r->columns);
    return PQgetvalue(r->pg, row, col);
}

static uint32_t big_endian_32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return be32toh(v);
}

static int64_t big_endian_64(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return (int64_t)be64toh(v);
}

int db_rows(const struct db_result *r)
{
    return r->rows;
}

bool db_null(const struct db_result *r, int row, int col)
{
    (void)cell(r, row, col);
    return PQgetisnull(r->pg, row, col) != 0;
}

int64_t db_int(const struct db_result *r, int row, int col)
{
    const char *at = cell(r, row, col);
    CHECK(!PQgetisnull(r->pg, row, col));
    switch (PQftype(r->pg, col)) {
    case OID_INT2: {
        uint16_t v;
        memcpy(&v, at, sizeof v);
        return (int16_t)be16toh(v);
    }
    case OID_INT4:
        return (int32_t)big_endian_32(at);
    default:
        CHECK(PQftype(r->pg, col) == OID_INT8);
        return big_endian_64(at);
    }
}

bool db_bool(const struct db_result *r, int row, int col)
{
    const char *at = cell(r, row, col);
    CHECK(!PQgetisnull(r->pg, row, col) && PQftype(r->pg, col) == OID_BOOL);
    return *at != 0;
}

int64_t db_time_ms(const struct db_result *r, int row, int col)
{
    const char *at = cell(r, row, col);
    CHECK(!PQgetisnull(r->pg, row, col) && PQftype(r->pg, col) == OID_TIMESTAMPTZ);
    int64_t us = big_endian_64(at);
    int64_t ms = us / 1000 - (us % 1000 < 0); // C rounds towards zero, time does not
    return ms + PG_EPOCH_MS;
}

const char *db_bytes(const struct db_result *r, int row, int col, size_t *ret_len)
{
    const char *at = cell(r, row, col);
    if (PQgetisnull(r->pg, row, col)) {
        *ret_len = 0;
        return NULL;
    }
    *ret_len = (size_t)PQgetlength(r->pg, row, col);
    return at;
}

void db_copy_text(const struct db_result *r, int row, int col, char *out, size_t cap)
{
    size_t len;
    const char *at = db_bytes(r, row, col, &len);
    CHECK(cap > 0);
    if (len > cap - 1) {
        len = cap - 1;
        while (len > 0 && ((unsigned char)at[len] & 0xC0) == 0x80)
            len--; // never half a UTF-8 character
    }
    if (len > 0)
        memcpy(out, at, len);
    out[len] = '\0';
}

// An array in binary: see db_params.c.
size_t db_array_length(const struct db_result *r, int row, int col)
{
    const char *at = cell(r, row, col);
    if (PQgetisnull(r->pg, row, col) || big_endian_32(at) == 0)
        return 0;
    CHECK(big_endian_32(at) == 1 && big_endian_32(at + 4) == 0);
    return big_endian_32(at + 12);
}

int64_t db_array_int(const struct db_result *r, int row, int col, size_t index)
{
    CHECK(index < db_array_length(r, row, col));
    const char *at = cell(r, row, col);
    switch (big_endian_32(at + 8)) {
    case OID_INT2: {
        uint16_t v;
        memcpy(&v, at + 20 + index * (4 + sizeof v) + 4, sizeof v);
        return (int16_t)be16toh(v);
    }
    case OID_INT4:
        return (int32_t)big_endian_32(at + 20 + index * 8 + 4);
    default:
        CHECK(big_endian_32(at + 8) == OID_INT8);
        return big_endian_64(at + 20 + index * 12 + 4);
    }
}

const char *db_sqlstate(const struct db_result *r)
{
    const char *state = r ? PQresultErrorField(r->pg, PG_DIAG_SQLSTATE) : NULL;
    return state ? state : "";
}

const char *db_message(const struct db_result *r)
{
    const char *message = r ? PQresultErrorField(r->pg, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    return message ? message : "";
}

bool db_result_failed(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
}

bool db_notice_not_durable(const PGresult *notice)
{
    const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
    const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    return (function && strcmp(function, "SyncRepWaitForLSN") == 0) ||
           (message && strstr(message, "wait for synchronous replication"));
}

bool db_transient(const char *sqlstate)
{
    static const char *const prefixes[] = {
        "08",    // connection exception
        "25006", // read-only: a failover is under way
        "40001", // serialization failure
        "40P01", // deadlock
        "53",    // disk full, out of memory, too many connections
        "55P03", // lock time-out: on a log head it means "not durable now"
        "57P0",  // shutdown, crash, cannot connect now
        "58",    // system or I/O error
    };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (strncmp(sqlstate, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}
