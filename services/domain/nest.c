// SPDX-License-Identifier: EUPL-1.2
// Spans inside containers, and inheritance; see nest.h.
#include "domain/nest.h"

#include <string.h>

static bool is_retracted(const struct trail_fact *facts, size_t n, const struct trail_fact *f)
{
    for (size_t i = 0; i < n; i++)
        if (facts[i].kind == EVENT_CORRECTION && facts[i].stream == f->stream && facts[i].seq == f->seq)
            return true;
    return false;
}

// A scan of the object by itself that shows that it is in no container any more.
static bool is_outside(unsigned kind)
{
    switch (kind) {
    case EVENT_ITEM_ARRIVED:
    case EVENT_ITEM_FORWARDED:
    case EVENT_DELIVERY_STARTED:
    case EVENT_DELIVERY_FAILED:
    case EVENT_DELIVERY_PARTIAL:
    case EVENT_ITEM_DELIVERED:
    case EVENT_HANDOVER_CONFIRMED:
    case EVENT_HANDOVER_REFUSED:
    case EVENT_RETURN_STARTED:
    case EVENT_RETURN_COMPLETED:
    case EVENT_BAG_CLOSED: // of the object itself: a bag that is scanned alone has left its dispatch
    case EVENT_BAG_RECEIVED:
    case EVENT_BAG_OPENED:
        return true;
    default:
        return false;
    }
}

static bool hands_down(unsigned kind)
{
    switch (kind) {
    case EVENT_BAG_CLOSED:
    case EVENT_BAG_RECEIVED:
    case EVENT_BAG_OPENED:
    case EVENT_DISPATCH_DEPARTED:
    case EVENT_DISPATCH_ARRIVED:
        return true;
    default:
        return false;
    }
}

// The first own fact after put_in `from` that takes the object out of that container; n when none does.
static size_t own_end(const struct trail_fact *own, size_t n, size_t from)
{
    for (size_t i = from + 1; i < n; i++) {
        bool out = own[i].kind == EVENT_ITEM_TAKEN_OUT &&
                   (own[i].container == 0 || own[i].container == own[from].container);
        if ((out || own[i].kind == EVENT_ITEM_PUT_IN || is_outside(own[i].kind)) &&
            !is_retracted(own, n, &own[i]))
            return i;
    }
    return n;
}

// Is box fact i inside the span that starts at own fact `from`? The opening that ends a span belongs to it.
// The own fact that ends it does so as itself (a listed opening, say), and is inside only when asked to_end.
static bool in_span(const struct trail_fact *own, size_t n, size_t from, const struct nest_box *box, size_t i,
                    bool to_end)
{
    size_t end = own_end(own, n, from);
    const struct trail_fact *f = &box->facts[i];
    if (trail_compare(f, &own[from]) <= 0 || (end < n && trail_compare(f, &own[end]) >= (to_end ? 1 : 0)))
        return false;
    for (size_t k = i; k-- > 0 && trail_compare(&box->facts[k], &own[from]) > 0;) {
        const struct trail_fact *g = &box->facts[k];
        if (g->kind == EVENT_BAG_OPENED && !g->inherited && !is_retracted(box->facts, box->n, g))
            return false;
    }
    return true;
}

static bool is_put_in(const struct trail_fact *own, size_t n, size_t i)
{
    return own[i].kind == EVENT_ITEM_PUT_IN && !is_retracted(own, n, &own[i]);
}

size_t nest_boxes(const struct trail_fact *own, size_t n, uint32_t ret[NEST_BOXES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        bool known = own[i].kind != EVENT_ITEM_PUT_IN;
        for (size_t k = 0; k < count && !known; k++)
            known = ret[k] == own[i].container;
        if (!known && count < NEST_BOXES_MAX)
            ret[count++] = own[i].container;
    }
    return count;
}

static enum trail_error inherit_span(const struct trail_fact *own, size_t n, size_t from,
                                     const struct nest_box *box, struct trail_fact *ret, size_t *ret_n)
{
    for (size_t i = 0; i < box->n; i++) {
        struct trail_fact f = box->facts[i];
        if (!hands_down(f.kind) || (f.kind == EVENT_BAG_OPENED && f.listed) ||
            !in_span(own, n, from, box, i, false) || is_retracted(box->facts, box->n, &f))
            continue;
        f.inherited = true;
        enum trail_error e = trail_insert(ret, ret_n, &f, NULL);
        if (e == TRAIL_FULL)
            return e;
    }
    return TRAIL_OK;
}

enum trail_error nest_trail(const struct trail_fact *own, size_t n, const struct nest_box *boxes,
                            size_t n_boxes, struct trail_fact *ret, size_t *ret_n)
{
    size_t count = n;
    if (n > TRAIL_MAX)
        return TRAIL_FULL;
    memcpy(ret, own, n * sizeof *own);
    for (size_t from = 0; from < n; from++) {
        if (!is_put_in(own, n, from))
            continue;
        for (size_t b = 0; b < n_boxes; b++) {
            if (boxes[b].number != own[from].container)
                continue;
            enum trail_error e = inherit_span(own, n, from, &boxes[b], ret, &count);
            if (e)
                return e;
        }
    }
    *ret_n = count;
    return TRAIL_OK;
}

bool nest_was_inside(const struct trail_fact *own, size_t n, const struct nest_box *box,
                     const struct trail_fact *f)
{
    size_t i = trail_find(box->facts, box->n, f);
    if (i == box->n)
        return false;
    for (size_t from = 0; from < n; from++)
        if (is_put_in(own, n, from) && own[from].container == box->number &&
            in_span(own, n, from, box, i, true))
            return true;
    return false;
}

static bool is_open_after(const struct nest_box *box, const struct trail_fact *put_in)
{
    for (size_t i = box->n; i-- > 0 && trail_compare(&box->facts[i], put_in) > 0;) {
        const struct trail_fact *f = &box->facts[i];
        if (f->kind == EVENT_BAG_OPENED && !f->inherited && !is_retracted(box->facts, box->n, f))
            return false;
    }
    return true;
}

uint32_t nest_inside(const struct trail_fact *own, size_t n, const struct nest_box *boxes, size_t n_boxes)
{
    for (size_t i = n; i-- > 0;) {
        if (!is_put_in(own, n, i))
            continue;
        if (own_end(own, n, i) < n)
            return 0;
        for (size_t b = 0; b < n_boxes; b++)
            if (boxes[b].number == own[i].container && !is_open_after(&boxes[b], &own[i]))
                return 0;
        return own[i].container;
    }
    return 0;
}
