// SPDX-License-Identifier: EUPL-1.2
#include "portal/level.h"

static enum level level_of_status(enum dossier_status status)
{
    switch (status) {
    case STATUS_REFUSED:
    case STATUS_WITHDRAWN:
    case STATUS_STOPPED:
        return LEVEL_CLOSED;
    case STATUS_RECEIVED:
    case STATUS_PROCESSING:
    case STATUS_SUPPLEMENT:
    case STATUS_PAYMENT:
        return LEVEL_PROCESSING;
    case STATUS_DECIDED:
        return LEVEL_DECIDED;
    case STATUS_RETURNED:
        return LEVEL_DONE;
    case STATUS_NONE:
    case STATUS_NEW:
        break;
    }
    return LEVEL_WAITING;
}

// Papers on their way to the office: in postal hands, or there.
static enum level level_of_papers(enum item_state state)
{
    switch (state) {
    case STATE_NONE:
    case STATE_REQUESTED:
    case STATE_ASSIGNED:
    case STATE_PICKUP_REFUSED:
    case STATE_PICKUP_FAILED:
    case STATE_PICKUP_ENDED:
    case STATE_CANCELLED:
    case STATE_RETURNED:
    case STATE_COMPENSATED:
        return LEVEL_WAITING;
    default:
        return LEVEL_RECEIVED;
    }
}

static enum level level_of_result(enum item_state state)
{
    switch (state) {
    case STATE_DELIVERED:
        return LEVEL_DONE;
    case STATE_NONE:
    case STATE_PICKUP_ENDED:
    case STATE_CANCELLED:
        return LEVEL_WAITING; // says nothing
    case STATE_REQUESTED:
    case STATE_ASSIGNED:
    case STATE_PICKUP_REFUSED:
    case STATE_PICKUP_FAILED:
    case STATE_RETURN_PENDING:
    case STATE_RETURNING:
    case STATE_RETURNED:
    case STATE_COMPENSATED:
        return LEVEL_DECIDED; // the result is, or will be, with the office
    default:
        return LEVEL_DELIVERING;
    }
}

enum level level_of(enum dossier_status status, bool ready, const struct level_item *items, size_t count)
{
    enum level level = level_of_status(status);
    if (level == LEVEL_CLOSED)
        return level;
    if (ready && level < LEVEL_DECIDED)
        level = LEVEL_DECIDED;
    for (size_t i = 0; i < count; i++) {
        enum level l = LEVEL_WAITING;
        if (items[i].leg == LEG_K)
            l = level_of_result(items[i].state);
        else if (items[i].leg != LEG_H) // papers that go back say nothing about the result
            l = level_of_papers(items[i].state);
        if (l > level)
            level = l;
    }
    return level;
}
