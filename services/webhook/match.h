// SPDX-License-Identifier: EUPL-1.2
// Does an endpoint want an event? Pure.
#pragma once
#include "base/attr.h"
#include "webhook/event.h"
#include <stdbool.h>

// Words separated by blanks, as the columns of dt.endpoint arrive.
struct match {
    const char *units; // canonical unit codes; a unit covers those below it: "H48" covers "H48.16"
    const char *kinds; // event names or their first part: "item", "item.delivered"; "" = all
    const char *legs;  // letters; an event without a leg suits every list
};

// stream.reset goes to everybody who hears of the unit: it is about the numbers themselves.
bool match_event(const struct match *m, const struct event *e);
