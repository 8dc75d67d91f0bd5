// SPDX-License-Identifier: EUPL-1.2
// How a plan is put together; private to plan*.c. A script walks one item through the day: it has a time and
// a place, and every step moves both on.
#pragma once
#include "simulate/dice.h"
#include "simulate/plan.h"

#define MINUTE_S 60
#define AT(h, m) (((h)*60 + (m)-7 * 60) * MINUTE_S) // seconds of the day at h:m o'clock

#define TRIP_SLOTS 2 // departures a day, each way

// Items that go with one departure between a post office and the centre.
struct plan_trip {
    int32_t *items;
    size_t count, room;
};

struct plan_builder {
    struct plan *plan;
    struct dice dice;
    size_t room_items, room_boxes, room_scans, room_calls, room_members;
    size_t next_dossier;
    struct plan_trip *trips; // [place][0 to the centre, 1 from there][slot]
    int err;                 // sticky: ERR_NO_MEMORY
};

struct plan_script {
    struct plan_builder *b;
    int32_t dossiers[2];
    int32_t item;
    int32_t at;
    uint16_t place;   // where the item is
    uint16_t postman; // device; chosen when the script begins
};

// Room for one more element; NULL (and b->err) when there is no memory.
void *plan_grow(struct plan_builder *b, void **array, size_t *room, size_t count, size_t size);
struct plan_scan *plan_add_scan(struct plan_builder *b, int32_t at, uint16_t device, enum event_kind kind);
int32_t plan_add_item(struct plan_builder *b, enum leg leg, int32_t first, int32_t second);
void plan_add_call(struct plan_builder *b, int32_t at, enum plan_verb verb, int32_t dossier, int32_t item,
                   uint8_t status);

uint16_t plan_clerk(const struct plan *p, uint16_t place);
uint16_t plan_postman(struct plan_builder *b, uint16_t place);
// The departure that an item ready at `at` catches, to the centre (0) or from there (1); PLAN_NONE: none
// today.
int32_t plan_departure(int way, int32_t at, unsigned *ret_slot);
void plan_board(struct plan_builder *b, uint16_t place, int way, unsigned slot, int32_t item);

// plan_thread.c: what happens to the next dossier, or the next two.
void plan_threads(struct plan_builder *b);
// plan_trip.c: bags and dispatches for what has boarded.
void plan_trips(struct plan_builder *b);
// plan_flaw.c: mistakes of people and machines.
void plan_flaws(struct plan_builder *b);
