// SPDX-License-Identifier: EUPL-1.2
// The life of one SMS (DESIGN §7). States are those of dt.sms. Here is what needs no other row: what an
// answer leads to, when one may speak, until when. What depends on the stored state is decided where it is
// locked: dt.sms_plan (superseded), dt.sms_claim (copies, expiry), dt.sms_receipt. Pure: no clock of its own.
//
//   waiting ──claim──▶ submitting ──accepted──▶ accepted ──receipt──▶ delivered | undelivered
//      ▲ │                 │ ├──refused for good──▶ failed
//      │ │cancel           │ └──not sent, try later──▶ waiting
//      │ ▼                 ▼ lost answer, or a crash in between
//      │ cancelled      unknown ──receipt──▶ delivered | undelivered
//      └─── 15 min without a receipt, copies < 2 (marked possible_duplicate); at 2 copies it stays unknown
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>

enum sms_state {
    SMS_WAITING,
    SMS_SUBMITTING,
    SMS_ACCEPTED,
    SMS_DELIVERED,
    SMS_UNDELIVERED,
    SMS_UNKNOWN,
    SMS_FAILED,
    SMS_CANCELLED,
};
#define SMS_STATE_COUNT (SMS_CANCELLED + 1)

#define SMS_UNKNOWN_MS     (15 * 60 * 1000) // how long a lost answer waits for a receipt (quality R5)
#define SMS_SKEW_MS        (5 * 60 * 1000) // how wrong the time of a scan may be (proto/README.md, clock-skew)
#define SMS_AGAIN_MS       (24 * 3600 * 1000) // so long people say again what a restore has lost
#define SMS_ZONE_MS        (7 * 3600 * 1000)  // Asia/Ho_Chi_Minh, UTC+7, no daylight saving
#define SMS_TEMPLATE_COUNT 12

const char *sms_state_name(enum sms_state s);

// What became of one submission.
enum sms_answer {
    SMS_ANSWER_ACCEPTED, // the gateway took it
    SMS_ANSWER_REFUSED,  // it said no for good (bad number, bad template)
    SMS_ANSWER_LATER,    // it said no for now, or could not be reached: it cannot have the message
    SMS_ANSWER_LOST,     // it may have the message: nobody knows
};

struct sms_step {
    enum sms_state state;
    int64_t not_before_ms; // meaningful for waiting and unknown
};

// After a submission. tries: submissions so far that ended in "later", this one included (back-off 5 s · 2^n,
// at most 10 min).
struct sms_step sms_after_answer(enum sms_answer answer, unsigned tries, int64_t now_ms);
// Quiet hours in local minutes of the day, from > to means over midnight (22:00–07:00 by default; NĐ 91/2020
// asks it of advertising only, we keep it for all).
struct sms_quiet {
    int from_min, to_min; // equal: none
};
// The installation's newest epoch (DESIGN §3 Epoch).
struct sms_epoch {
    uint32_t number;  // 1: nothing was ever lost
    int64_t floor;    // facts up to this position survived the restore
    int64_t began_ms; // nothing that the lost time sent left later
};

// May this news have been sent in a time that a restore has lost? Everything that is planned in the new epoch
// and happened before it: a fact that survived was perhaps told after the restore point; one that comes again
// is new to us, and perhaps not to the citizen. There is no lower bound: a handheld may have been offline for
// long and uploaded in the lost time. Who has no clock of his own (an office, an operator) says again later
// what he had said before: a day long we can't tell it from news.
bool sms_maybe_told(const struct sms_epoch *e, int64_t cause_pos, int64_t occurred_ms, bool by_device);

// The first moment ≥ t_ms that is not quiet.
int64_t sms_next_loud_ms(const struct sms_quiet *quiet, int64_t t_ms);
// When a message of this template (1–12) stops meaning anything: "out for delivery today" dies with the day,
// others with their own age (domain.md §7.2 rule 7: a replayed link still tells within 24 h, later it does
// not). event_ms: when the thing happened.
int64_t sms_expires_ms(unsigned template_no, int64_t event_ms);
