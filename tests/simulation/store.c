// SPDX-License-Identifier: EUPL-1.2
// Parameters in, rows out, and the lease. The binary format is that of io/db_params.c.
#include "simulation/store.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PG_EPOCH_MS INT64_C(946684800000)

struct cell {
    int64_t number;
    size_t offset, len; // of text and bytes
    bool null;
};

struct db_result {
    struct cell *cells;
    char *bytes;
    size_t cell_count, cell_cap, byte_count, byte_cap;
    int rows, columns;
    const char *sqlstate;
};

const struct store *db_store;
struct lease lease;

// ---------------------------------------------------------------- parameters

static int64_t big_endian(const char *at, int len)
{
    uint64_t v = 0;
    for (int i = 0; i < len; i++)
        v = v << 8 | (unsigned char)at[i];
    return len == 2 ? (int16_t)v : len == 4 ? (int32_t)v : (int64_t)v;
}

static const char *param(const struct db_op *op, unsigned i, int *ret_len)
{
    SIM_CHECK(i < op->params.count && op->params.at[i].length >= 0, "statement %u: no parameter %u",
              op->statement, i + 1);
    *ret_len = op->params.at[i].length;
    return op->params.bytes.data + op->params.at[i].offset;
}

int64_t in_int(const struct db_op *op, unsigned i)
{
    int len;
    const char *at = param(op, i, &len);
    return big_endian(at, len);
}

bool in_bool(const struct db_op *op, unsigned i)
{
    int len;
    return param(op, i, &len)[0] != 0;
}

int64_t in_time_ms(const struct db_op *op, unsigned i)
{
    return in_int(op, i) / 1000 + PG_EPOCH_MS;
}

const unsigned char *in_uuid(const struct db_op *op, unsigned i)
{
    int len;
    const char *at = param(op, i, &len);
    SIM_CHECK(len == 16, "statement %u: parameter %u is no uuid", op->statement, i + 1);
    return (const unsigned char *)at;
}

void in_text(const struct db_op *op, unsigned i, char *out, size_t cap)
{
    int len;
    const char *at = param(op, i, &len);
    (void)snprintf(out, cap, "%.*s", len, at);
}

struct in_array in_array(const struct db_op *op, unsigned i)
{
    int len;
    const char *at = param(op, i, &len);
    if (big_endian(at, 4) == 0)
        return (struct in_array){0};
    return (struct in_array){.at = at + 20, .left = (int32_t)big_endian(at + 12, 4)};
}

const char *take_bytes(struct in_array *a)
{
    SIM_CHECK(a->left > 0, "arrays of different lengths");
    const char *at = a->at + 4;
    a->len = (int32_t)big_endian(a->at, 4);
    a->at = at + (a->len > 0 ? a->len : 0);
    a->left--;
    return a->len < 0 ? NULL : at;
}

int64_t take_int(struct in_array *a)
{
    const char *at = take_bytes(a);
    return at ? big_endian(at, a->len) : 0;
}

int64_t take_time_ms(struct in_array *a)
{
    return take_int(a) / 1000 + PG_EPOCH_MS;
}

void take_text(struct in_array *a, char *out, size_t cap)
{
    const char *at = take_bytes(a);
    (void)snprintf(out, cap, "%.*s", at ? a->len : 0, at ? at : "");
}

// ---------------------------------------------------------------- rows

static void *grown(void *at, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return at;
    *cap = need * 2 > 64 ? need * 2 : 64;
    void *bigger = realloc(at, *cap * size);
    if (!bigger)
        abort();
    return bigger;
}

static struct cell *new_cell(struct db_op *op)
{
    struct db_result *r = op->result;
    r->cells = grown(r->cells, &r->cell_cap, r->cell_count + 1, sizeof *r->cells);
    struct cell *c = &r->cells[r->cell_count++];
    *c = (struct cell){0};
    return c;
}

void out_row(struct db_op *op, int columns)
{
    struct db_result *r = op->result;
    r->rows++;
    r->columns = columns;
}

void out_int(struct db_op *op, int64_t v)
{
    new_cell(op)->number = v;
}

void out_null(struct db_op *op)
{
    new_cell(op)->null = true;
}

void out_bytes(struct db_op *op, const void *data, size_t len)
{
    struct db_result *r = op->result;
    struct cell *c = new_cell(op);
    r->bytes = grown(r->bytes, &r->byte_cap, r->byte_count + len + 1, 1);
    c->offset = r->byte_count;
    c->len = len;
    if (len > 0)
        memcpy(r->bytes + c->offset, data, len);
    r->bytes[c->offset + len] = '\0';
    r->byte_count += len + 1;
}

void out_text(struct db_op *op, const char *s)
{
    out_bytes(op, s, strlen(s));
}

void op_refuse(struct db_op *op, const char *sqlstate)
{
    (void)snprintf(op->sqlstate, sizeof op->sqlstate, "%s", sqlstate);
}

// ---- io/db.h, results

static const struct cell *cell_of(const struct db_result *r, int row, int col)
{
    SIM_CHECK(row >= 0 && row < r->rows && col >= 0 && col < r->columns, "row %d, column %d of %d×%d", row,
              col, r->rows, r->columns);
    return &r->cells[(size_t)row * (size_t)r->columns + (size_t)col];
}

int db_rows(const struct db_result *r)
{
    return r->rows;
}

bool db_null(const struct db_result *r, int row, int col)
{
    return cell_of(r, row, col)->null;
}

int64_t db_int(const struct db_result *r, int row, int col)
{
    const struct cell *c = cell_of(r, row, col);
    SIM_CHECK(!c->null, "a NULL is read as a number");
    return c->number;
}

bool db_bool(const struct db_result *r, int row, int col)
{
    return db_int(r, row, col) != 0;
}

int64_t db_time_ms(const struct db_result *r, int row, int col)
{
    return db_int(r, row, col);
}

const char *db_bytes(const struct db_result *r, int row, int col, size_t *ret_len)
{
    const struct cell *c = cell_of(r, row, col);
    *ret_len = c->len;
    return c->null ? NULL : r->bytes + c->offset;
}

void db_copy_text(const struct db_result *r, int row, int col, char *out, size_t cap)
{
    const struct cell *c = cell_of(r, row, col);
    (void)snprintf(out, cap, "%.*s", c->null ? 0 : (int)c->len, c->null ? "" : r->bytes + c->offset);
}

const char *db_sqlstate(const struct db_result *r)
{
    return r && r->sqlstate ? r->sqlstate : "";
}

const char *db_message(const struct db_result *r)
{
    (void)r;
    return "the model refuses";
}

bool db_transient(const char *sqlstate)
{
    return strcmp(sqlstate, "DT001") != 0; // the model knows no other lasting reason
}

void result_create(struct db_op *op);
void result_create(struct db_op *op)
{
    op->result = calloc(1, sizeof *op->result);
    if (!op->result)
        abort();
    op->result->sqlstate = op->sqlstate;
}

void result_destroy(struct db_result *r);
void result_destroy(struct db_result *r)
{
    if (!r)
        return;
    free(r->cells);
    free(r->bytes);
    free(r);
}

// ---------------------------------------------------------------- the lease

void lease_reset(void)
{
    lease = (struct lease){.until = INT64_MIN};
}

static void lease_granted(struct db_op *op, int64_t ttl)
{
    lease.until = sim_wall() + ttl;
    lease.owner = op->process;
    out_row(op, 1);
    out_int(op, lease.epoch);
}

void lease_take(struct db_op *op)
{
    char holder[sizeof lease.holder];
    in_text(op, 0, holder, sizeof holder);
    if (lease.epoch == in_int(op, 1) && strcmp(lease.holder, holder) == 0) {
        lease_granted(op, in_int(op, 2));
    } else if (lease.until < sim_wall()) {
        lease.epoch++;
        lease.taken_at = sim_now();
        memcpy(lease.holder, holder, sizeof holder);
        lease_granted(op, in_int(op, 2));
        sim_trace("lease: epoch %" PRId64 " for %s", lease.epoch, op->process->name);
    } else {
        out_row(op, 1);
        out_null(op);
    }
}

void lease_release(struct db_op *op)
{
    if (lease.epoch == in_int(op, 0))
        lease.until = INT64_MIN;
    out_row(op, 1);
    out_null(op);
}

void lease_fence(struct db_op *op)
{
    char holder[sizeof lease.holder];
    int64_t epoch = in_int(op, 1);
    in_text(op, 0, holder, sizeof holder);
    out_row(op, 1);
    if (strcmp(lease.holder, holder) == 0 && (lease.epoch == epoch || lease.epoch == epoch + 1)) {
        lease.epoch = epoch + 1;
        out_int(op, lease.epoch);
        sim_trace("lease: fenced, epoch %" PRId64 " for %s", lease.epoch, holder);
    } else {
        out_null(op);
    }
}

bool lease_check(struct db_op *op, int64_t epoch)
{
    if (epoch == lease.epoch)
        return true;
    op_refuse(op, "DT001");
    return false;
}
