// SPDX-License-Identifier: EUPL-1.2
// The fold of an item's trail, and the journey: what one more fact changes. State and history are functions
// of the trail as a set, so no order of arrival changes them. The journey is a function of log order: one
// fact is folded in at a time, and its row is the difference before → after.
//
// Rules of the fold, beside the table of moves in state.c:
// - A move that is not in the table is flagged ILLEGAL. It is still made when somebody saw the item
// (event_def.evidence):
//   skipped scans are normal in the countryside, and a parcel that was delivered is delivered. A decision
//   that is not allowed (an order cancelled after collection) is only noted.
// - In an end state nothing moves: CONTRADICTION, a person looks. Handed over (S18) becomes final when the
// office confirms:
//   until then the office alone may refuse, because the minutes of hand-over bind when both have signed (TT
//   17/2017/TT-BTTTT art. 5). After either side's word the other side's word is no contradiction.
// - delivery.failed with a solution passes S13 and goes on: redeliver S14, hold S15, return S21, forward S16.
// Without one it
//   stays S13 until delivery.decided.
// - While an item is going back (S22) bags, dispatches, arrivals and attempts are its way back and keep S22;
// item.delivered is
//   then the hand-back (S23).
// - item.found goes back to the state before the loss. Any scan of a lost item finds it too.
// - The same kind at the same place within two minutes is one event sent twice (a handheld that sends in bulk
// again): REPEAT, no effect.
// - A correction takes back the fact it names, before or after that arrives. Corrections are not taken back;
// say the fact again.
#pragma once
#include "domain/attr.h"
#include "domain/fee.h"
#include "domain/state.h"
#include "domain/trail.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNEY_REPEAT_MS 120000 // at most so far apart; a chain of repeats is one event

enum journey_flag {            // of history entries and of journey rows; stored as bits
    JOURNEY_LATE = 1,          // row: older in fold order than the newest fact already folded
    JOURNEY_REVISED = 2,       // row: changes the present although it is late, or by taking something back
    JOURNEY_ILLEGAL = 4,       // not in the table of moves, or money out of order
    JOURNEY_CONTRADICTION = 8, // after an end state
    JOURNEY_RETRACTED = 16,    // entry: taken back by a correction
    JOURNEY_REPEAT = 32,       // entry: the same event sent twice
    JOURNEY_REPLAY = 64,       // row: told because the link to the dossier came after the fact
};

enum journey_notify { // who is told of it; bits
    NOTIFY_OFFICE = 1,
    NOTIFY_CITIZEN = 2,
    NOTIFY_POSTAL = 4,
};

// One line of an item's history, beside the trail_fact with the same index.
struct journey_entry {
    uint8_t before, after; // enum item_state
    uint8_t flags;         // enum journey_flag
};

// What the whole trail says.
struct journey_item {
    uint8_t state;      // enum item_state
    uint8_t leg;        // enum leg: of the first fact that states one
    uint8_t attempts;   // failed attempts since the last return decision, at most 255
    bool confirmed;     // the office has signed for the hand-over
    bool handed;        // the postman has scanned the hand-over
    bool partial;       // only a part was collected or delivered
    uint8_t lost_state; // state before the loss, while lost
    uint16_t contradictions, illegals;
    int64_t since;  // corrected time of the fact that made the state; 0 = none
    int64_t newest; // corrected time of the newest fact that is no correction and no alarm; 0 = none
    struct fee fee;
};

// What one more fact means. kind EVENT_NONE: nothing to tell (a repeat, or taken back before it came).
struct journey_row {
    uint8_t kind;          // enum event_kind
    uint8_t flags;         // enum journey_flag
    uint8_t before, after; // present state of the item before and after
    uint8_t leg;
    uint8_t notify;    // enum journey_notify
    uint8_t template;  // 1–12 = SMS T1–T12 of sms_text.h, 0 = none
    uint8_t proposes;  // legal dossier status 2, 3 or 10 that the office may want to set (status.h), 0 = none
    uint8_t fee_state; // enum fee_state after
};

// Folds n sorted facts. ret_entries (may be NULL) gets n entries.
void journey_fold(const struct trail_fact *facts, size_t n, struct journey_entry *ret_entries,
                  struct journey_item *ret_item);

// Puts one fact into the trail of *n facts (room for TRAIL_MAX) and says what that changes. *item is the fold
// of the trail before and becomes the fold after; entries has room for TRAIL_MAX and is rewritten. On error
// nothing has changed.
MUST_CHECK enum trail_error journey_add(struct trail_fact *facts, size_t *n, struct journey_entry *entries,
                                        struct journey_item *item, const struct trail_fact *f,
                                        struct journey_row *ret_row);

// The row that tells a dossier about history entry i of a trail, because the link came late. Only the last
// entry that moved the item may call for an SMS.
struct journey_row journey_replay(const struct trail_fact *facts, size_t n,
                                  const struct journey_entry *entries, const struct journey_item *item,
                                  size_t i);

// The row for a fact that is about a dossier as a whole and moves no item (supplement.requested, a hand-over
// said by dossier code alone, a pick-up before the item has a code, …). leg as the fact states it.
struct journey_row journey_dossier(unsigned kind, unsigned leg);

// The row when the present changed without a new fact of the item itself: its container was not where it
// seemed to be.
struct journey_row journey_revision(unsigned kind, const struct journey_item *before,
                                    const struct journey_item *after);

// Marks a row as late after all: the facts that were newer have been taken away by the fact that it tells.
void journey_mark_late(struct journey_row *row);

// May this source take back facts of that stream? A device only its own; timers and carriers nothing.
bool journey_may_retract(enum event_source source, uint64_t own_stream, uint64_t target_stream);
