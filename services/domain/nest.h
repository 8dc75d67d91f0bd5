// SPDX-License-Identifier: EUPL-1.2
// Items in bags in dispatches: a tree with times. Closing a bag copies nothing;
// what happens to a container holds for what was in it then, also when the scan "put into bag" comes later.
// So the trail of an object is its own facts and, worked out here, those of each container while the object
// was inside:
// - inside from item.put_in (the list of a bag.closed or dispatch.departed is one put_in for each member),
// - until item.taken_out, the next put_in, a scan of the object by itself that can't happen inside, or
// bag.opened. An opening
//   without a list is inherited too (everything inside was found); with a list it is a fact of those that it
//   names.
// A function of the sets of facts: no order of arrival changes it.
#pragma once
#include "domain/trail.h"

#define NEST_DEPTH     3  // item in bag in dispatch; deeper or circular claims are not followed
#define NEST_BOXES_MAX 64 // containers one object was ever in

// A container that the object was put into at some time.
struct nest_box {
    uint32_t number;
    const struct trail_fact *facts; // its whole trail: own and inherited, sorted
    size_t n;
};

// The distinct container numbers of the put_in facts among n own facts. Returns how many, at most
// NEST_BOXES_MAX.
size_t nest_boxes(const struct trail_fact *own, size_t n, uint32_t ret[NEST_BOXES_MAX]);

// The whole trail: own facts (sorted, none inherited) and what the boxes hand down, sorted, into
// ret[TRAIL_MAX]. A box that is missing from boxes hands nothing down. TRAIL_FULL when it is too much; ret is
// then undefined.
MUST_CHECK enum trail_error nest_trail(const struct trail_fact *own, size_t n, const struct nest_box *boxes,
                                       size_t n_boxes, struct trail_fact *ret, size_t *ret_n);

// Was the object inside the box just before fact f of that box?
bool nest_was_inside(const struct trail_fact *own, size_t n, const struct nest_box *box,
                     const struct trail_fact *f);

// The number of the container the object is in after all these facts, or 0. The last claim counts.
uint32_t nest_inside(const struct trail_fact *own, size_t n, const struct nest_box *boxes, size_t n_boxes);
