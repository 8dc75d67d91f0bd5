// SPDX-License-Identifier: EUPL-1.2
// The trail of an item or container: what the fold needs of each of its facts, sorted in fold order, and the
// 32-byte records in which the item's row keeps it (measured: reading old log rows on
// the hot path costs a factor of ten). Fold order is (corrected time, rank, stream, seq); state and history
// are functions of the trail as a set.
#pragma once
#include "domain/attr.h"
#include "domain/event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAIL_MAX      500 // facts of one item or container; above that it is frozen and listed
#define TRAIL_RECORD   32  // bytes of a packed record; a fact with amounts takes two
#define TRAIL_PACK_MAX (2 * TRAIL_MAX * TRAIL_RECORD)
#define TRAIL_LANE_MAX 255
#define TRAIL_POS_MAX  ((INT64_C(1) << 48) - 1)
#define TRAIL_ABSENT   (-1)    // of the three amounts
#define TRAIL_REASON_X 4095    // a reason that is not a number below it: read the fact for its words
#define TRAIL_OFFICE_0 1000000 // no office

enum trail_error {
    TRAIL_OK = 0,
    TRAIL_FULL = -1,    // TRAIL_MAX facts
    TRAIL_KNOWN = -2,   // this fact is there already
    TRAIL_CORRUPT = -3, // packed bytes that nobody packed
};

struct trail_fact {
    int64_t at;      // corrected time, unix ms, 0 to FACT_TIME_MAX
    uint64_t stream; // its number in the log
    uint32_t seq;    // of a correction: stream and seq of the fact it takes back
    uint8_t lane;    // where the fact is in the log
    int64_t pos;
    uint8_t kind;       // enum event_kind
    uint8_t source;     // enum event_source
    uint8_t leg;        // enum leg
    uint8_t solution;   // enum solution
    bool inherited;     // a fact of a container the object was in at that time
    bool listed;        // of bag.opened: names what was found, so what it does not name was not there
    uint32_t container; // of item.put_in and item.taken_out: number of the container, 0 = all
    uint32_t office;    // of all other kinds: post office or TRAIL_OFFICE_0
    uint16_t reason; // of all other kinds: reason + 1 when it is a small number, TRAIL_REASON_X, or 0 = none
    int64_t charge, fee, remit; // đồng or TRAIL_ABSENT
};

// A fact with no time, no office and no amounts.
void trail_fact_init(struct trail_fact *f);

// The reason field of a reason code (len bytes): "13" and "13" alike, words become TRAIL_REASON_X, none 0.
uint16_t trail_reason(const char *code, size_t len);

// Fold order: negative, 0 or positive. 0 only for the same fact.
int trail_compare(const struct trail_fact *a, const struct trail_fact *b);

// Puts a fact into the sorted array of *n facts that has room for TRAIL_MAX. *ret_index (may be NULL) is its
// place.
MUST_CHECK enum trail_error trail_insert(struct trail_fact *facts, size_t *n, const struct trail_fact *f,
                                         size_t *ret_index);

// The place of the same fact, or n.
size_t trail_find(const struct trail_fact *facts, size_t n, const struct trail_fact *f);

// Packs n facts (n ≤ TRAIL_MAX) into buf of TRAIL_PACK_MAX bytes; returns the number of bytes. A fact whose
// fields are out of their ranges is our own bug and stops the process.
size_t trail_pack(const struct trail_fact *facts, size_t n, uint8_t *buf);

// Unpacks len bytes into facts[TRAIL_MAX]; *ret_n untouched on error. Checks order and ranges: the bytes come
// from a database.
MUST_CHECK enum trail_error trail_unpack(const uint8_t *bytes, size_t len, struct trail_fact *facts,
                                         size_t *ret_n);
