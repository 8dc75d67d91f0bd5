// SPDX-License-Identifier: EUPL-1.2
// The world of a webhook run: the tables as the database has them, the offices as they are, and the truth:
// what really happened to each event at each office.
#pragma once
#include "simulation/store.h"

#define ENDPOINTS 4
#define LANES     3
#define DOSSIERS  40
#define ROWS_MAX  3000
#define UNITS     3
#define KINDS     3

struct row { // of the journey log
    int16_t lane;
    int64_t pos, seq, recorded_ms; // wall
    unsigned dossier, kind;
};

struct dossier {
    int16_t lane;
    unsigned unit;
    char leg;
    int64_t seq; // of its newest row
    bool poison; // no office ever takes it
    unsigned rows[ROWS_MAX / 8];
};

struct endpoint_row { // dt.endpoint and what hangs on it
    unsigned char id[16];
    char url[64], secret_hex[256];
    const char *units, *kinds, *legs;
    bool unit_wanted[UNITS], kind_wanted[KINDS];
    bool thin;
    char status[12], why[80];
    int64_t down_since; // wall, 0 = NULL
    struct {
        int64_t done, since, n;
    } cursor[LANES];
    struct {
        bool there;
        int64_t from_seq, attempts, since, next_at; // wall
        char why[40];
    } hold[DOSSIERS];
    int64_t gap[DOSSIERS]; // seq, 0 = none
};

// What is true of one event at one endpoint.
struct truth {
    bool wanted;
    uint16_t requests, taken; // requests that arrived; of them answered 2xx
    bool aborted;
    bool flagged;         // a request of it that was taken said gap_before
    bool given_up;        // dt.attempt says so
    bool replay_due;      // asked for again and not taken since
    int64_t first_failed; // monotonic, when a try first came to nothing, also for want of memory; 0 = never
    int64_t asked_at;     // wall, when people last asked for it again; 0 = never
    int64_t settled_at;   // wall, of the newest ledger row that settles it; 0 = none
    int64_t ledger_at;    // monotonic, when that row was committed
    const struct process *told; // who knows that it was taken
    uint64_t told_life, told_generation;
};

struct webhook_tables {
    struct row rows[ROWS_MAX];
    unsigned row_count, lane_count, endpoint_count, dossier_count;
    unsigned lane_rows[LANES][ROWS_MAX], lane_len[LANES];
    int64_t published[LANES];
    struct dossier dossiers[DOSSIERS];
    struct endpoint_row endpoints[ENDPOINTS];
    struct truth truth[ENDPOINTS][ROWS_MAX];
    struct {
        unsigned endpoint, dossier; // DOSSIERS: all
        int16_t lane;
        int64_t from;
    } replays[16];
    unsigned replay_count;
    bool replayed;                  // ever
    int64_t sure[ENDPOINTS][LANES]; // the check of the cursors need not look behind it again
    struct {                        // when a process last heard that the office took something, and which
        int64_t at;                 // monotonic; -1 never
        const struct process *by;
        uint64_t life;
    } last_taken[ENDPOINTS];
};
extern struct webhook_tables *tables;
extern const struct store webhook_store;
extern const unsigned webhook_kinds[KINDS];

static inline bool is_settled(const struct truth *t)
{
    return t->taken > 0 || t->aborted || t->given_up;
}

static inline unsigned endpoint_index(const unsigned char id[16])
{
    return id[15];
}

// dt.journey by position; NULL: none.
const struct row *row_at(unsigned lane, int64_t pos);
unsigned row_number(const struct row *r);

// ---- webhook_office.c: the peers
enum office_mood { OFFICE_OK, OFFICE_ERROR, OFFICE_THROTTLE, OFFICE_SLOW, OFFICE_DEAD, OFFICE_GONE };
void office_reset(void);
void office_set(unsigned endpoint, enum office_mood mood);
// A process says that its breaker opens, or that it starts anew, as an operator wanted.
void office_breaker_said(unsigned endpoint, const struct process *by, bool opens);
extern const struct peer webhook_offices;

// ---- webhook_truth.c: the invariants
void truth_recorded(void); // after each commit of dt.webhook_record
void truth_given_up(unsigned endpoint, unsigned row);
void truth_heard(const char *event, const struct log_field *fields);
void truth_end(bool but_poison); // says what is left
bool truth_drained(bool but_poison);
