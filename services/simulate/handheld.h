// SPDX-License-Identifier: EUPL-1.2
// One handheld: numbers what is scanned, keeps it until the server has answered for good, uploads whenever it
// has a line. Its habits are those of the plan: hours without coverage, a wrong clock, bursts in any order,
// scans sent again, answers that were never heard.
//
//   READY → SENDING → READY (answered), WAITING (back-off, then READY)
//   READY → OPENING (a new stream) → READY, WAITING
#pragma once
#include "base/backoff.h"
#include "base/buf.h"
#include "io/fetch.h"
#include "simulate/dice.h"
#include "simulate/upload.h"

#include <uv.h>

struct sim;

enum handheld_state { HANDHELD_READY, HANDHELD_SENDING, HANDHELD_OPENING, HANDHELD_WAITING };

struct handheld {
    struct sim *sim;
    unsigned index; // of the plan's and the store's device
    enum handheld_state state;
    struct crypto_p256 *key;
    struct dice dice;
    int32_t *queue; // scans of today, in the order they will be sent
    size_t count, room;
    bool was_away;          // since the last upload
    bool storage_due;       // will lose its storage today
    bool offset_known;      // told by a 409 clock-skew
    int64_t offset_ms;      // server's time − its clock
    struct upload upload;   // under way, or to be sent again as it is
    bool again;             // upload is to be sent again as it is
    struct buf body;        // of what is under way
    const char *headers[4]; //
    struct fetch fetch;     // while SENDING or OPENING
    struct backoff backoff;
    uv_timer_t timer; // while WAITING
    bool timer_open;
};

MUST_CHECK int handheld_init(struct handheld *h, struct sim *sim, unsigned index);
// A new day: nothing is queued, habits are thrown anew.
void handheld_begin_day(struct handheld *h);
// Scan i of the day happens on this device.
MUST_CHECK int handheld_scan(struct handheld *h, int32_t i);
// Does the next thing that can be done; called after every event and on every tick.
void handheld_step(struct handheld *h);
// Nothing is queued, nothing is under way.
bool handheld_idle(const struct handheld *h);
// Ends what is under way (its outcome stays unknown) and closes the timer; call once, when the loop is to
// end.
void handheld_close(struct handheld *h);
// Frees what is left; after the loop has run dry.
void handheld_done(struct handheld *h);
