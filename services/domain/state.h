// SPDX-License-Identifier: EUPL-1.2
// The states of an item and the moves between them: what QĐ 45/2016/QĐ-TTg and TT 17/2017/TT-BTTTT ask of the
// post, in the steps that carriers report (EMSEVT codes, VNPost's own status list). The numbers are stored;
// S06 is 6.
#pragma once
#include <stdbool.h>

enum item_state {
    STATE_NONE = 0, // nothing is known yet
    STATE_REQUESTED = 1,
    STATE_ASSIGNED = 2,
    STATE_PICKUP_REFUSED = 3,
    STATE_PICKUP_FAILED = 4,
    STATE_PICKUP_ENDED = 5, // end
    STATE_COLLECTED = 6,
    STATE_ACCEPTED = 7,
    STATE_BAGGED = 8,
    STATE_IN_TRANSIT = 9,
    STATE_AT_CENTRE = 10,
    STATE_AT_DELIVERY_OFFICE = 11,
    STATE_OUT_FOR_DELIVERY = 12,
    STATE_ATTEMPT_FAILED = 13,
    STATE_WAITING_REDELIVERY = 14,
    STATE_HELD = 15,
    STATE_FORWARDED = 16,
    STATE_PARTLY_DELIVERED = 17,
    STATE_HANDED_OVER = 18, // end, once the office has confirmed (see journey.h)
    STATE_DELIVERED = 19,   // end
    STATE_REFUSED_BY_OFFICE = 20,
    STATE_RETURN_PENDING = 21,
    STATE_RETURNING = 22,
    STATE_RETURNED = 23, // end
    STATE_LOST = 24,
    STATE_DAMAGED = 25,
    STATE_COMPENSATED = 26, // end
    STATE_CANCELLED = 27,   // end
};
#define STATE_MAX 27

// "S06"; "S00" for nothing known. Never NULL.
const char *state_code(unsigned state);
// A stable English word for APIs ("collected", "out-for-delivery"). Never NULL.
const char *state_name(unsigned state);
// The Vietnamese words that people read. Never NULL.
const char *state_name_vi(unsigned state);
bool state_is_end(unsigned state);
// Is the move in the table? A move to the same state is not.
bool state_may_move(unsigned from, unsigned to);
