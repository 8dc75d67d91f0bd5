// SPDX-License-Identifier: EUPL-1.2
// What citizens read, in plain Vietnamese: levels, events, next steps. Fixed words of the public service (mã
// hồ sơ, ngày hẹn trả, bộ phận một cửa) are used as the law uses them. Pure tables.
#pragma once
#include "portal/level.h"
#include <stdint.h>

// The stop's name in the progress bar; level LEVEL_RECEIVED to LEVEL_DONE.
const char *words_stop(enum level level);
// The sentence that answers "where is my dossier?".
const char *words_level(enum level level);
// A sentence for an event, or NULL when it is of no use to a citizen. reason: the fact's reason, for
// dossier.status the digits of the status; may be NULL. state: the item's state after it, 0 when there is
// none.
const char *words_event(unsigned kind, enum leg leg, unsigned state, const char *reason);

// What the citizen should do now.
enum step {
    STEP_NOTHING,    // wait
    STEP_MEET,       // a postman will come for the papers
    STEP_SUPPLEMENT, // send what is missing
    STEP_PAY,        // a financial duty
    STEP_HOME,       // the result comes today
    STEP_AGAIN,      // another attempt will be made
    STEP_COLLECT,    // fetch it at the post office
    STEP_ASK,        // something went wrong: call
    STEP_DONE,       // all done; say so if not
    STEP_CLOSED,     // ask the office why
};
// status, level: as for level_of(); supplement: the newest word of the office is a request for papers; items:
// newest first.
enum step words_step(enum dossier_status status, enum level level, bool supplement,
                     const struct level_item *items, size_t count);
// A sentence; never NULL.
const char *words_step_text(enum step step);
