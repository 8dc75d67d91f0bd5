// SPDX-License-Identifier: EUPL-1.2
// The plan of a postal day: who does what when. A pure function of its options: same seed, same plan. It
// knows no code, no key and no clock; things are numbered, times are seconds since the day's start, and
// whoever plays it (day.c) gives them names and moments.
//
// What is planned is what must come out: plan_item.end is the state the item is in when everything that was
// planned has arrived, in whatever order and however often it arrived.
#pragma once
#include "base/attr.h"
#include "domain/event.h"
#include "domain/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_DAY_S        (10 * 3600 + 1800) // seconds of a postal day: 7:00 to 17:30
#define PLAN_CENTRE       0                  // place and device of the sorting centre
#define PLAN_DOSSIERS_MAX 5000
#define PLAN_DEVICES_MIN  5 // the centre, two counters, two postmen
#define PLAN_DEVICES_MAX  300
#define PLAN_NONE         (-1)
#define PLAN_FOLLOWED     4   // dossiers whose story is told step by step: 0 to 3
#define PLAN_BAG_MAX      200 // items in a bag (proto/README.md: members)

struct plan_options {
    uint64_t seed;
    unsigned day; // 0, 1, …: days of one seed differ
    unsigned dossiers, devices;
    double offline;    // share of postmen without coverage for hours
    double disorder;   // share of devices that send a burst in any order
    double duplicates; // share of scans that are sent again
};

// What happens to a dossier, from end to end.
enum plan_story {
    STORY_CIRCLE,         // handed in, taken, decided, result delivered, all in one day
    STORY_REMOTE,         // handed in far away, by bag through the centre
    STORY_RETRIED,        // nobody at home, delivered in the second attempt
    STORY_REFUSED,        // papers are missing, all goes back to the citizen
    STORY_COUNTER,        // handed in at the counter of the same commune
    STORY_HOME,           // fetched at home
    STORY_PICKUP_RETRIED, // fetched at home in the second attempt
    STORY_SUPPLEMENT,     // the office asks for a supplement, it comes by post
    STORY_RESULT,         // a result delivered in the commune
    STORY_RESULT_REMOTE,  // a result that goes by bag
    STORY_HELD,           // kept at the post office, the citizen fetches it
    STORY_RETURNED,       // two attempts, then back to the office
    STORY_ENVELOPE,       // two dossiers of one citizen in one envelope
    STORY_LATE_LINK,      // scanned without its code; the office says later whose it is
    STORY_CORRECTED,      // a wrong scan is taken back
    STORY_COUNT
};

// What is wrong with a scan, on purpose.
enum plan_flaw {
    FLAW_NONE,
    FLAW_TWICE,        // scanned again within two minutes: accepted, and means nothing new
    FLAW_STRANGER,     // a good code that nobody ever linked to a dossier: accepted, waits in chưa khớp
    FLAW_CHECK_DIGIT,  // misread: quarantined
    FLAW_UNREADABLE,   // no postal code at all: quarantined
    FLAW_INCOMPLETE,   // lacks what its event needs: quarantined
    FLAW_FUTURE,       // from a clock hours ahead that nobody corrected: quarantined
    FLAW_OTHER_CONTENT // the number of an earlier scan again, with other content: quarantined
};

struct plan_dossier {
    uint16_t place;  // whose one-stop office receives it
    uint8_t story;   // enum plan_story
    bool old_code;   // issued by a unit of Kon Tum before 1 July 2025
    bool consent;    // the citizen agreed to SMS
    int32_t citizen; // two dossiers of one envelope have the same
};

struct plan_item {
    uint8_t leg;         // enum leg
    uint8_t end;         // enum item_state; STATE_NONE: nothing is expected
    int32_t dossiers[2]; // or PLAN_NONE
};

// A bag or a dispatch on one ride.
struct plan_box {
    uint16_t from, to; // places
    bool is_dispatch;
};

struct plan_device {
    uint16_t place;
    bool clerk;    // else a postman
    bool protobuf; // else JSON
    bool gzip;
    bool disorder;
    int64_t skew_ms;      // what its clock shows − what it is
    int32_t away, back;   // without coverage from … to; equal: always connected
    int32_t storage_lost; // when it forgets its stream and asks for a new one, or PLAN_NONE
};

struct plan_scan {
    int32_t at;
    uint16_t device;
    uint8_t kind; // enum event_kind
    uint8_t leg;  // enum leg, LEG_NONE = not said
    uint8_t solution;
    uint8_t flaw;               // enum plan_flaw
    bool personal;              // with a personal part
    bool names;                 // says the item's dossiers
    bool unheard;               // the answer to its first upload is lost on the way
    bool again;                 // uploaded once more after it was answered
    uint8_t reason;             // number of a reason, 0 = none
    int32_t item, box;          // what is scanned: one of them, or PLAN_NONE
    int32_t members, n_members; // into plan.members: items of a bag, bags of a dispatch
    int32_t other; // scan that this one takes back (correction), repeats (FLAW_TWICE) or collides with
    int32_t charge, fee, remit; // đồng or PLAN_NONE
};

enum plan_verb {
    VERB_REGISTER,
    VERB_STATUS,
    VERB_LINK,
    VERB_CONFIRM,
    VERB_REFUSE,
    VERB_SUPPLEMENT,
    VERB_RESULT
};

// What an office says of a dossier.
struct plan_call {
    int32_t at;
    uint8_t verb;   // enum plan_verb
    uint8_t status; // VERB_STATUS: 1 to 10 of domain/status.h
    int32_t dossier;
    int32_t item; // or PLAN_NONE: the dossier alone is named
};

struct plan {
    struct plan_options options;
    unsigned places; // 0 is the centre
    struct plan_dossier *dossiers;
    struct plan_item *items;
    struct plan_box *boxes;
    struct plan_device *devices;
    struct plan_scan *scans; // by time; a device numbers its own in this order
    struct plan_call *calls; // by time
    int32_t *members;
    size_t n_dossiers, n_items, n_boxes, n_devices, n_scans, n_calls, n_members;
};

// ERR_OK, ERR_NO_MEMORY; ERR_INVALID when an option is out of its bounds.
MUST_CHECK int plan_build(const struct plan_options *o, struct plan *ret_plan);
void plan_free(struct plan *p); // NULL and zeroed are legal

// "từ chối nhận / refused by the office": for the story. Never NULL.
const char *plan_story_name(unsigned story);
// Does a scan with this flaw get stored as a fact? Otherwise it is quarantined, for this reason of
// domain/wire.h ("" when it is stored).
bool plan_flaw_counts(unsigned flaw);
const char *plan_flaw_reason(unsigned flaw);
