// SPDX-License-Identifier: EUPL-1.2
// The model of the database: what the SQL functions of migrations/ promise, over plain arrays. A statement
// runs at one instant, as a transaction that has its locks does; its parameters are read from the bytes that
// would have gone to PostgreSQL.
#pragma once
#include "io/db.h"
#include "simulation/sim.h"

struct db_op { // a statement on its way
    struct list node;
    struct db *db;
    struct process *process;
    struct db_query *query; // the caller's; valid until it was answered
    unsigned statement;
    struct db_params params; // a copy
    bool sent, replied;
    bool skip;            // never reaches the server
    bool late;            // reaches it after its caller has given it up
    uint64_t server_life; // of the server that has received it
    unsigned refs;        // events that still name it
    int err;              // what the caller will hear
    char sqlstate[6];
    struct db_result *result;
};

// ---- reading parameters (from 0)
int64_t in_int(const struct db_op *op, unsigned param);
const unsigned char *in_uuid(const struct db_op *op, unsigned param);
bool in_bool(const struct db_op *op, unsigned param);
int64_t in_time_ms(const struct db_op *op, unsigned param);
void in_text(const struct db_op *op, unsigned param, char *out, size_t cap);

struct in_array {
    const char *at;
    int32_t left;
    int32_t len; // of the element that was taken, -1 = NULL
};
struct in_array in_array(const struct db_op *op, unsigned param);
const char *take_bytes(struct in_array *a);
int64_t take_int(struct in_array *a);
int64_t take_time_ms(struct in_array *a);
void take_text(struct in_array *a, char *out, size_t cap);

// ---- writing rows
void out_row(struct db_op *op, int columns);
void out_int(struct db_op *op, int64_t v); // also bool and times in ms
void out_null(struct db_op *op);
void out_bytes(struct db_op *op, const void *data, size_t len);
void out_text(struct db_op *op, const char *s);

// ---- the tables of a run: one service's
struct store {
    void (*execute)(struct db_op *op); // may set op->sqlstate: refused, rolled back
};
extern const struct store *db_store;
void op_refuse(struct db_op *op, const char *sqlstate);

// ---- the lease (migrations/0001_ground.sql, 0016_fence.sql), one of each run
struct lease {
    int64_t epoch, until, taken_at;
    char holder[96];
    const struct process *owner;
    uint64_t owner_life;
};
extern struct lease lease;
void lease_reset(void);
void lease_take(struct db_op *op);
void lease_release(struct db_op *op);
void lease_fence(struct db_op *op);
bool lease_check(struct db_op *op, int64_t epoch); // refuses with DT001
