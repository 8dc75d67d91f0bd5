// SPDX-License-Identifier: EUPL-1.2
// The one-stop offices' clerks: say through the office API what happens to their dossiers. What is said of
// one dossier is said one after the other; a lost answer is asked for again under the same Idempotency-Key.
#pragma once
#include "base/backoff.h"
#include "base/buf.h"
#include "io/fetch.h"
#include "simulate/day.h"
#include "simulate/store.h"

#define OFFICE_SLOTS 12 // requests at once

struct sim;
struct office;

struct office_slot {
    struct office *office;
    int32_t call; // of today; PLAN_NONE = free
    struct fetch fetch;
    struct buf body;
    const char *headers[4];
    char authorization[STORE_KEY_MAX + 32], key[80];
};

struct office {
    struct sim *sim;
    int32_t *queue; // calls of today that are due, in their order
    size_t count, room;
    bool *busy;     // per dossier: one is under way
    uint16_t *open; // per dossier: calls that are due and not answered
    struct office_slot slots[OFFICE_SLOTS];
    struct backoff backoff;
    int64_t not_before; // monotonic
};

void office_init(struct office *o, struct sim *sim);
MUST_CHECK int office_begin_day(struct office *o);
// Call i of the day is due.
MUST_CHECK int office_call(struct office *o, int32_t i);
void office_step(struct office *o);
bool office_idle(const struct office *o);
bool office_under_way(const struct office *o); // is a request?
// Is there something about this dossier that the office has said and the system has not answered?
bool office_waits(const struct office *o, int32_t dossier);
// Ends what is under way; its outcome stays unknown.
void office_close(struct office *o);
void office_done(struct office *o);

// The request of a call. url: SIM_URL_MAX + 80 bytes. Pure.
MUST_CHECK int office_print(const struct day *d, int32_t call, const char *portal_url, char *ret_url,
                            size_t cap, const char **ret_method, struct buf *body);
