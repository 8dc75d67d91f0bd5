// SPDX-License-Identifier: EUPL-1.2
// How far a dossier is, worked out from the office's status and the states of its items. This and the code
// are all that anybody may see who knows the code (Kon Tum 256/KH-UBND 2022: anonymous look-up shows the
// dossier code and the completion level only). Pure.
#pragma once
#include "domain/event.h"
#include "domain/state.h"
#include "domain/status.h"
#include <stdbool.h>
#include <stddef.h>

// The stops of the progress bar, in order.
enum level {
    LEVEL_WAITING,    // registered; the post has nothing in hands yet
    LEVEL_RECEIVED,   // the papers are on their way to the office or there
    LEVEL_PROCESSING, // the office has taken it
    LEVEL_DECIDED,    // there is a result
    LEVEL_DELIVERING, // the result is in postal hands
    LEVEL_DONE,       // the result has been handed over
    LEVEL_CLOSED,     // refused, withdrawn or stopped: there will be no result
};
#define LEVEL_STOPS 5 // LEVEL_RECEIVED to LEVEL_DONE

struct level_item {
    enum leg leg;
    enum item_state state;
};

// status: as the office told it, STATUS_NONE when it has not. ready: the office has said that the result is.
enum level level_of(enum dossier_status status, bool ready, const struct level_item *items, size_t count);
