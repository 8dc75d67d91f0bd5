// SPDX-License-Identifier: EUPL-1.2
// Reads back, as the offices could at any time, what the system knows of the day's dossiers: journey rows and
// where the items are. One pass asks for every dossier; rows that are known are not asked for again.
#pragma once
#include "io/fetch.h"
#include "simulate/day.h"
#include "simulate/store.h"

#define AUDIT_SLOTS 8

struct sim;
struct audit;

struct audit_slot {
    struct audit *audit;
    int32_t dossier; // PLAN_NONE = free
    bool journey;    // reads the journey, else the dossier itself
    struct fetch fetch;
    const char *headers[2];
    char authorization[STORE_KEY_MAX + 32];
};

struct audit {
    struct sim *sim;
    bool running;
    size_t next; // dossier to ask for next
    unsigned under_way;
    unsigned failed; // requests of this pass without a good answer
    struct audit_slot slots[AUDIT_SLOTS];
    void (*done)(void *owner, unsigned failed);
    void *owner;
};

void audit_init(struct audit *a, struct sim *sim);
// One pass. done(failed): how many dossiers could not be read. Called once; at once only when no request
// could be started.
void audit_start(struct audit *a, void (*done)(void *owner, unsigned failed), void *owner);
// Ends the pass early; done is still called.
void audit_stop(struct audit *a);
