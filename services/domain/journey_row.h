// SPDX-License-Identifier: EUPL-1.2
// From a difference in the fold to the row that tells it. Private to journey*.c.
#pragma once
#include "domain/journey.h"

// The row of an event of this kind that changed the item from before to after, with its flags.
struct journey_row journey_row_make(unsigned kind, unsigned flags, const struct journey_item *before,
                                    const struct journey_item *after);
