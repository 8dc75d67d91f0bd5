// SPDX-License-Identifier: EUPL-1.2
// Parameters in PostgreSQL's binary format (the send/receive functions of its types): integers big-endian,
// timestamptz as microseconds since 2000-01-01 UTC, an array as
//   int32 dimensions, int32 has-null, int32 element type, then per dimension int32 size, int32 lower bound,
//   then per element int32 length (-1 = NULL) and bytes.
// Everything goes into one bounded buffer; a parameter is an offset and a length in it.
#include "base/check.h"
#include "base/err.h"
#include "io/db_private.h"

#include <endian.h>
#include <limits.h>
#include <string.h>

#define PARAMS_MAX_BYTES (32u << 20)
#define PARAMS_FIRST     512 // bytes reserved at once
#define ARRAY_HEADER     20  // bytes before the first element of a one-dimensional array
#define ARRAY_EMPTY      12  // an empty array has no dimension

// What timestamptz can hold, in unix milliseconds: 4714-11-24 BC to 294277 (exclusive), see timestamp.h.
#define PG_EPOCH_MS INT64_C(946684800000)
#define PG_TIME_MIN (INT64_C(-211813488000000) + PG_EPOCH_MS)
#define PG_TIME_MAX (INT64_C(9223371331200000) + PG_EPOCH_MS - 1)

static const uint32_t type_oid[] = {
    [DB_BOOL] = 16, [DB_INT2] = 21,  [DB_INT4] = 23,   [DB_INT8] = 20,
    [DB_TEXT] = 25, [DB_BYTEA] = 17, [DB_UUID] = 2950, [DB_TIMESTAMPTZ] = 1184,
};

int db_params_init(struct db_params *p)
{
    memset(p, 0, sizeof *p);
    buf_init(&p->bytes, PARAMS_MAX_BYTES);
    return buf_try_reserve(&p->bytes, PARAMS_FIRST) ? ERR_OK : ERR_NO_MEMORY;
}

void db_params_done(struct db_params *p)
{
    if (p)
        buf_done(&p->bytes);
}

void db_params_reset(struct db_params *p)
{
    buf_reset(&p->bytes);
    p->count = 0;
    p->error = ERR_OK;
    p->array_open = false;
}

void db_params_bind(const struct db_params *p, struct db_binding *ret_binding)
{
    for (unsigned i = 0; i < p->count; i++) {
        int length = p->at[i].length;
        ret_binding->values[i] = length < 0 ? NULL : p->bytes.data + p->at[i].offset;
        ret_binding->lengths[i] = length;
        ret_binding->formats[i] = 1;
    }
}

static void put_int32(struct buf *b, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    buf_append(b, &be, sizeof be);
}

static void patch_int32(struct buf *b, size_t offset, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    memcpy(b->data + offset, &be, sizeof be);
}

// Appends one parameter; data NULL and length -1 is SQL NULL.
static void put(struct db_params *p, const void *data, size_t len, bool null)
{
    CHECK(!p->array_open);
    if (p->error)
        return;
    if (p->count == ARRAY_LEN(p->at)) {
        p->error = ERR_TOO_BIG;
        return;
    }
    size_t offset = p->bytes.len;
    if (!null)
        buf_append(&p->bytes, data, len);
    p->error = buf_error(&p->bytes);
    if (p->error)
        return;
    p->at[p->count].offset = offset;
    p->at[p->count].length = null ? -1 : (int)len;
    p->count++;
}

void db_put_null(struct db_params *p)
{
    put(p, NULL, 0, true);
}

void db_put_bool(struct db_params *p, bool v)
{
    put(p, &v, 1, false);
}

void db_put_int2(struct db_params *p, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    put(p, &be, sizeof be, false);
}

void db_put_int4(struct db_params *p, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    put(p, &be, sizeof be, false);
}

void db_put_int8(struct db_params *p, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    put(p, &be, sizeof be, false);
}

void db_put_text(struct db_params *p, const char *s, size_t len)
{
    put(p, s, len, false);
}

void db_put_cstr(struct db_params *p, const char *s)
{
    put(p, s, s ? strlen(s) : 0, !s);
}

void db_put_bytea(struct db_params *p, const void *data, size_t len)
{
    put(p, data, len, false);
}

void db_put_uuid(struct db_params *p, const unsigned char id[16])
{
    put(p, id, 16, false);
}

// A time PostgreSQL cannot hold must not wrap into one it can: sticky error.
static int64_t pg_time(struct db_params *p, int64_t unix_ms)
{
    if (unix_ms < PG_TIME_MIN || unix_ms > PG_TIME_MAX) {
        if (!p->error)
            p->error = ERR_INVALID;
        return 0;
    }
    return (unix_ms - PG_EPOCH_MS) * 1000;
}

void db_put_time_ms(struct db_params *p, int64_t unix_ms)
{
    db_put_int8(p, pg_time(p, unix_ms));
}

void db_open_array(struct db_params *p, enum db_type type)
{
    CHECK(!p->array_open);
    CHECK((size_t)type < ARRAY_LEN(type_oid));
    static const char header[ARRAY_HEADER];
    put(p, header, sizeof header, false);
    p->array_open = true;
    p->array_has_null = false;
    p->array_type = (int)type;
    p->array_count = 0;
}

static void item(struct db_params *p, enum db_type type, const void *data, size_t len)
{
    CHECK(p->array_open && p->array_type == (int)type);
    if (p->error)
        return;
    if (len > PARAMS_MAX_BYTES) {
        p->error = ERR_TOO_BIG;
        return;
    }
    put_int32(&p->bytes, (int32_t)len);
    buf_append(&p->bytes, data, len);
    p->error = buf_error(&p->bytes);
    p->array_count++; // bounded by the buffer: four bytes each at least
}

void db_item_null(struct db_params *p)
{
    CHECK(p->array_open);
    if (p->error)
        return;
    put_int32(&p->bytes, -1);
    p->error = buf_error(&p->bytes);
    p->array_has_null = true;
    p->array_count++;
}

void db_item_bool(struct db_params *p, bool v)
{
    item(p, DB_BOOL, &v, 1);
}

void db_item_int2(struct db_params *p, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    item(p, DB_INT2, &be, sizeof be);
}

void db_item_int4(struct db_params *p, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    item(p, DB_INT4, &be, sizeof be);
}

void db_item_int8(struct db_params *p, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);
    item(p, DB_INT8, &be, sizeof be);
}

void db_item_text(struct db_params *p, const char *s, size_t len)
{
    item(p, DB_TEXT, s, len);
}

void db_item_bytea(struct db_params *p, const void *data, size_t len)
{
    item(p, DB_BYTEA, data, len);
}

void db_item_uuid(struct db_params *p, const unsigned char id[16])
{
    item(p, DB_UUID, id, 16);
}

void db_item_time_ms(struct db_params *p, int64_t unix_ms)
{
    uint64_t be = htobe64((uint64_t)pg_time(p, unix_ms));
    item(p, DB_TIMESTAMPTZ, &be, sizeof be);
}

void db_close_array(struct db_params *p)
{
    CHECK(p->array_open);
    p->array_open = false;
    if (p->error)
        return;
    size_t at = p->at[p->count - 1].offset;
    patch_int32(&p->bytes, at, p->array_count > 0 ? 1 : 0);
    patch_int32(&p->bytes, at + 4, p->array_has_null);
    patch_int32(&p->bytes, at + 8, (int32_t)type_oid[p->array_type]);
    if (p->array_count > 0) {
        patch_int32(&p->bytes, at + 12, p->array_count);
        patch_int32(&p->bytes, at + 16, 1);
    } else {
        p->bytes.len = at + ARRAY_EMPTY;
    }
    p->at[p->count - 1].length = (int)(p->bytes.len - at);
}
