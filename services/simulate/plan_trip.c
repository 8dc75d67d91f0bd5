// SPDX-License-Identifier: EUPL-1.2
// The timetable: twice a day from each post office to the sorting centre and back. What has boarded goes into
// bags, the bags into one dispatch; each is scanned as it is closed, leaves, arrives and is opened.
#include "simulate/plan_build.h"

#include "base/check.h"

#define CUT_OFF  (15 * MINUTE_S) // before departure the bags are made up
#define CLOSING  (10 * MINUTE_S)
#define RIDE     (30 * MINUTE_S)
#define RECEIVED (35 * MINUTE_S)
#define OPENED   (42 * MINUTE_S)

static const int32_t departures[2][TRIP_SLOTS] = {{AT(9, 30), AT(13, 15)}, {AT(10, 50), AT(14, 40)}};

int32_t plan_departure(int way, int32_t at, unsigned *ret_slot)
{
    for (unsigned slot = 0; slot < TRIP_SLOTS; slot++) {
        if (at <= departures[way][slot] - CUT_OFF) {
            *ret_slot = slot;
            return departures[way][slot];
        }
    }
    return PLAN_NONE;
}

static struct plan_trip *trip_of(struct plan_builder *b, uint16_t place, int way, unsigned slot)
{
    CHECK(place < b->plan->places && slot < TRIP_SLOTS);
    return &b->trips[((size_t)place * 2 + (size_t)way) * TRIP_SLOTS + slot];
}

void plan_board(struct plan_builder *b, uint16_t place, int way, unsigned slot, int32_t item)
{
    struct plan_trip *t = trip_of(b, place, way, slot);
    int32_t *room = plan_grow(b, (void **)&t->items, &t->room, t->count, sizeof *t->items);
    if (!room)
        return;
    *room = item;
    t->count++;
}

static int32_t add_box(struct plan_builder *b, uint16_t from, uint16_t to, bool is_dispatch)
{
    struct plan *p = b->plan;
    struct plan_box *box = plan_grow(b, (void **)&p->boxes, &b->room_boxes, p->n_boxes, sizeof *box);
    if (!box)
        return 0;
    *box = (struct plan_box){from, to, is_dispatch};
    return (int32_t)p->n_boxes++;
}

static void add_members(struct plan_builder *b, struct plan_scan *s, const int32_t *members, size_t count)
{
    struct plan *p = b->plan;
    s->members = (int32_t)p->n_members;
    s->n_members = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        int32_t *m = plan_grow(b, (void **)&p->members, &b->room_members, p->n_members, sizeof *m);
        if (!m)
            return;
        *m = members[i];
        p->n_members++;
    }
}

static struct plan_scan *scan_box(struct plan_builder *b, int32_t at, uint16_t place, enum event_kind kind,
                                  int32_t box)
{
    struct plan_scan *s = plan_add_scan(b, at, plan_clerk(b->plan, place), kind);
    s->box = box;
    return s;
}

// One bag of a trip: closed, received, opened. Every other opening names what was found.
static void carry_bag(struct plan_builder *b, const struct plan_box *ride, int32_t leaves, int32_t bag,
                      const int32_t *items, size_t count)
{
    add_members(b, scan_box(b, leaves - CLOSING, ride->from, EVENT_BAG_CLOSED, bag), items, count);
    scan_box(b, leaves + RECEIVED, ride->to, EVENT_BAG_RECEIVED, bag);
    struct plan_scan *opened = scan_box(b, leaves + OPENED, ride->to, EVENT_BAG_OPENED, bag);
    if (bag % 2 == 0)
        add_members(b, opened, items, count);
}

#define BAGS_MAX 32 // of one dispatch: PLAN_DOSSIERS_MAX items fit

static void ride(struct plan_builder *b, const struct plan_trip *t, const struct plan_box *way,
                 int32_t leaves)
{
    int32_t bags[BAGS_MAX];
    size_t n_bags = 0;
    for (size_t i = 0; i < t->count; i += PLAN_BAG_MAX) {
        size_t count = t->count - i < PLAN_BAG_MAX ? t->count - i : PLAN_BAG_MAX;
        CHECK(n_bags < BAGS_MAX);
        bags[n_bags] = add_box(b, way->from, way->to, false);
        carry_bag(b, way, leaves, bags[n_bags++], t->items + i, count);
    }
    int32_t dispatch = add_box(b, way->from, way->to, true);
    add_members(b, scan_box(b, leaves, way->from, EVENT_DISPATCH_DEPARTED, dispatch), bags, n_bags);
    scan_box(b, leaves + RIDE, way->to, EVENT_DISPATCH_ARRIVED, dispatch);
}

void plan_trips(struct plan_builder *b)
{
    for (unsigned n = 1; n < b->plan->places; n++) {
        uint16_t place = (uint16_t)n;
        for (int way = 0; way < 2; way++) {
            for (unsigned slot = 0; slot < TRIP_SLOTS; slot++) {
                const struct plan_trip *t = trip_of(b, place, way, slot);
                const struct plan_box box = {way == 0 ? place : PLAN_CENTRE, way == 0 ? PLAN_CENTRE : place,
                                             false};
                if (t->count > 0 && b->err == 0)
                    ride(b, t, &box, departures[way][slot]);
            }
        }
    }
}
