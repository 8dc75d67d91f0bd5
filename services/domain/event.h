// SPDX-License-Identifier: EUPL-1.2
// The vocabulary: every kind of event the two logs know, in one const table. The numbers are stored in the
// database and never renumbered; a retired kind keeps its row. Ranks decide the order of facts that carry the
// same time, so a rank of a kind that is in use is as fixed as its number. Source of the item kinds:
// each state of state.h has the events that lead into it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Who states a fact. Stored in the fact log.
enum event_source {
    SOURCE_DEVICE = 1,   // a postman's or clerk's handheld
    SOURCE_OFFICE = 2,   // a one-stop office, by API or desk page
    SOURCE_OPERATOR = 3, // a person of the postal operator, by CLI or operator page
    SOURCE_CARRIER = 4,  // another carrier's or the postal back office's feed
    SOURCE_TIMER = 5,    // our own clockwork (silence, expiry)
};

// What the fact's `code` or `dossier` key names.
enum event_subject {
    SUBJECT_ITEM = 1, // one postal item; needs `code`
    SUBJECT_CONTAINER =
        2, // a bag or a dispatch; needs `code`; what it says holds for all that is inside at that time
    SUBJECT_DOSSIER = 3, // one or more dossiers; needs `dossier`
    SUBJECT_UNIT = 4,    // an organisational unit; needs `unit`
    SUBJECT_ANY = 5,     // an item when `code` is there, else the named dossiers
};

enum event_kind {
    EVENT_NONE = 0,
    // Before the item is in postal hands; it may have no code yet, then these are about the dossier or order
    EVENT_ORDER_CREATED = 1,
    EVENT_ORDER_CANCELLED = 2,
    EVENT_PICKUP_ASSIGNED = 3,
    EVENT_PICKUP_CONFIRMED = 4,
    EVENT_PICKUP_REJECTED = 5,
    EVENT_PICKUP_FAILED = 6,
    EVENT_PICKUP_CANCELLED = 7,
    EVENT_PICKUP_ABANDONED = 8,
    EVENT_PICKUP_PARTIAL =
        9, // some of the papers or items were collected; this item is on its way (handheld status P7)
    // On its way
    EVENT_ITEM_COLLECTED = 10,
    EVENT_ITEM_ACCEPTED = 11,
    EVENT_ITEM_PUT_IN = 12, // `code` was put into container `into`; the code may itself be a bag
    EVENT_ITEM_TAKEN_OUT =
        13, // `code` was taken out of container `into`, or out of all when `into` is absent
    EVENT_ITEM_ARRIVED = 14,
    EVENT_ITEM_FORWARDED = 15,
    // Containers
    EVENT_BAG_CLOSED = 20, // `member` lists what was put in
    EVENT_BAG_RECEIVED = 21,
    EVENT_BAG_OPENED = 22, // `member` lists what was found; without a list everything inside counts as found
    EVENT_DISPATCH_DEPARTED = 23,
    EVENT_DISPATCH_ARRIVED = 24,
    // Delivery and hand-over
    EVENT_DELIVERY_STARTED = 30,
    EVENT_DELIVERY_FAILED = 31,
    EVENT_DELIVERY_PARTIAL = 32,
    EVENT_DELIVERY_DECIDED =
        33, // what happens after a failure or refusal, when it was not said with it: `solution`
    EVENT_ITEM_DELIVERED = 34,
    EVENT_HANDOVER_CONFIRMED = 35,
    EVENT_HANDOVER_REFUSED = 36,
    // Return, loss, damage
    EVENT_RETURN_REQUESTED = 40,
    EVENT_RETURN_STARTED = 41,
    EVENT_RETURN_COMPLETED = 42,
    EVENT_ITEM_LOST = 43, // by a person, or by the timer of silence
    EVENT_ITEM_FOUND = 44,
    EVENT_ITEM_DAMAGED = 45,
    EVENT_ITEM_COMPENSATED = 46,
    // Alarms of our timers: they ask people to look, move nothing and are no news of the item
    EVENT_ITEM_SILENT = 47,    // on its way, and no scan for too long
    EVENT_PICKUP_OVERDUE = 48, // assigned, and the postman has not confirmed
    // Money: three amounts that are never added up (charge, fee, remit)
    EVENT_FEE_COLLECTED = 50,
    EVENT_FEE_REMITTED_OFFICE = 51, // paid in at the post office
    EVENT_FEE_TRANSFERRED = 52,     // transferred to the agency with its list
    EVENT_FEE_RECONCILED = 53,      // compared; equal or different is worked out from the amounts
    EVENT_FEE_REFUNDED = 54,
    // Dossiers and units
    EVENT_DOSSIER_REGISTERED = 60,
    EVENT_DOSSIER_LINK = 61,
    EVENT_DOSSIER_UNLINK = 62,
    EVENT_SUPPLEMENT_REQUESTED = 63,
    EVENT_RESULT_READY = 64,
    EVENT_DOSSIER_WITHDRAWN = 65,
    EVENT_DOSSIER_MERGED = 66, // `dossier` is the loser, `into` the survivor
    EVENT_UNIT_MERGED = 67,    // `unit` is closed, `into` its successor
    EVENT_DOSSIER_STATUS = 68, // the office says the legal status, 1 to 10, in `reason` (domain/status.h)
    EVENT_STREAM_RESET = 69, // a new epoch, its number in `reason`: what the dossier told after this under an
                             // older one is void
    // Any fact can be taken back by naming it; a fact of another kind that carries `retracts` replaces it
    EVENT_CORRECTION = 70,
    EVENT_FACT_RETRIED =
        71, // what could not be digested about `code` is tried again; no news of the item itself
    // Told in journeys only, never appended as facts
    EVENT_DOSSIER_ABSORBED = 80, // the survivor of a merge goes on
    EVENT_ITEM_MISSING = 81,     // a container was opened and the item was not in it
    EVENT_ITEM_EXTRA = 82,       // a container was opened and the item was in it unannounced
};
#define EVENT_KIND_MAX 127

// Which way an item travels through the post. Stored.
enum leg {
    LEG_NONE = 0,
    LEG_N = 1, // nộp: citizen to one-stop office
    LEG_B = 2, // bổ sung: citizen to one-stop office, supplement
    LEG_K = 3, // kết quả: one-stop office to citizen
    LEG_H = 4, // hoàn: papers back to the citizen
};

// What the postman or the clerk decided after a failed attempt (SolutionCode of the handheld). Stored.
enum solution {
    SOLUTION_NONE = 0,
    SOLUTION_REDELIVER = 1,
    SOLUTION_HOLD = 2,
    SOLUTION_RETURN = 3,
    SOLUTION_FORWARD = 4,
};

struct event_def {
    const char *name; // dotted, at most EVENT_NAME_MAX bytes
    uint8_t kind;     // enum event_kind
    uint8_t rank;     // order at equal time, small first
    uint8_t subject;  // enum event_subject; 0 for kinds that are only told
    uint8_t sources;  // bit (1 << enum event_source) for each source that may state it
    bool evidence;    // somebody saw the item: moves the state even when a scan before it was skipped
};
#define EVENT_NAME_MAX 32

// The definition of a kind, or NULL for a number that is not in the table.
const struct event_def *event_find(unsigned kind);
// The definition by its dotted name (len bytes, not terminated), or NULL.
const struct event_def *event_parse(const char *name, size_t len);
// The dotted name; "unknown" for a number that is not in the table. Never NULL.
const char *event_name(unsigned kind);
// May this source state this kind?
bool event_allows(unsigned kind, enum event_source source);
// A remark about the item (an alarm of our timers; a link, which may say the leg): it moves nothing and is no
// news of the item, so it makes no later scan late.
bool event_is_remark(unsigned kind);
// The rank; 255 for an unknown kind.
uint8_t event_rank(unsigned kind);

// "device", "office", …; "unknown" otherwise.
const char *event_source_name(unsigned source);
// 'N' 'B' 'K' 'H', or 0 for none.
char leg_letter(unsigned leg);
// LEG_NONE for any other letter.
enum leg leg_parse(char letter);
// "redeliver", …; "" for SOLUTION_NONE and unknown numbers.
const char *solution_name(unsigned solution);
// SOLUTION_NONE for a word that is not in the list.
enum solution solution_parse(const char *word, size_t len);
