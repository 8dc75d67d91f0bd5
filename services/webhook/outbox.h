// SPDX-License-Identifier: EUPL-1.2
// What one endpoint still has to hear of, in memory: FIFO per dossier, one event of a dossier at a time,
// dossiers independent of each other. Pure: no I/O, no clock; times are monotonic milliseconds. PostgreSQL
// has the truth (cursor, holds, ledger); losing this struct loses nothing.
//
// A dossier (struct outbox_key) is in one of these states:
//
//   READY ──outbox_next──▶ BUSY ──delivered──▶ READY, or gone when it has no more events
//     ▲                     │ └──failed──▶ WAITING: it is held; its events were dropped, they are read again
//     when due │                     └──schedule ended──▶ GIVING_UP ──outbox_written──▶ READY behind that
//     event └──────────── due ──────────── WAITING
//
// A held dossier is outside the cursor: its events count as settled there, and the hold's from_seq says where
// it stands. The hold ends when all it has was delivered and nothing was pushed meanwhile. What the hold says
// outweighs the ledger: events from from_seq on are sent, although they were settled once (a replay).
#pragma once
#include "base/attr.h"
#include "base/list.h"
#include "webhook/event.h"
#include <stdbool.h>
#include <stdint.h>

#define OUTBOX_LANES_MAX  16
#define OUTBOX_EVENTS_MAX 512  // events in memory that the cursor waits for; beyond, the reader waits
#define OUTBOX_HOLDS_MAX  1000 // more held dossiers: the endpoint counts as down (DESIGN §6)
#define OUTBOX_WHY_MAX    40
#define OUTBOX_CHAINS     256

enum key_state { KEY_READY, KEY_BUSY, KEY_WAITING, KEY_GIVING_UP, KEY_GONE };

struct outbox_delivery {
    struct list in_key;
    struct list in_order; // outbox_lane.order, unless the key is held
    struct event *event;
    bool gap;
};

struct outbox_key {
    struct list chain;
    struct list queue; // by state: ready or ready_held, none, waiting, giving_up, none
    struct list dirty; // in outbox.dirty or outbox.writing while it differs from dt.hold
    struct list deliveries;
    enum key_state state;
    int16_t lane;
    int64_t dossier;
    bool held;
    bool busy_held;            // counted in outbox.busy_held
    bool writing, dirty_again; // in a record that is on its way; changed since
    bool written_held;         // what that record says
    bool stored;               // dt.hold has, or may have, a row
    bool more;                 // held: the log may have events behind those loaded
    int64_t from_seq;          // held: the first event that is not settled
    unsigned attempts;         // of the event at from_seq
    int64_t since_ms, next_ms; // its first failure, before that: since when it stands first; when it is due
    char why[OUTBOX_WHY_MAX];
};

struct outbox_lane {
    int16_t lane;
    int64_t replayed_ms;               // wall clock: when people last asked for it again; 0 = never
    int64_t read_pos;                  // everything up to here was pushed or is not wanted
    int64_t stored_done, writing_done; // what dt.endpoint_cursor has and gets
    struct list order;                 // deliveries the cursor waits for, by position
    int64_t *settled; // after a restart: ascending positions beyond the cursor that the ledger has settled
    size_t settled_count;
};

struct outbox {
    struct outbox_lane lanes[OUTBOX_LANES_MAX];
    unsigned lane_count;
    struct list chains[OUTBOX_CHAINS];
    struct list ready, ready_held, waiting, giving_up, dirty, writing;
    unsigned events;          // deliveries in the lanes' order
    unsigned held;            // keys that are held
    unsigned busy, busy_held; // keys BUSY; of them, held when they were taken
    int64_t next_due_ms;      // no WAITING key is due before; INT64_MAX: none waits
    int64_t speed;
};

void outbox_init(struct outbox *o, int64_t speed);
void outbox_done(struct outbox *o);

// ---- loading, before anything else

// ERR_FULL: too many lanes. Takes `settled` over (malloc'd, ascending; may be NULL).
MUST_CHECK int outbox_add_lane(struct outbox *o, int16_t lane, int64_t done, int64_t replayed_ms,
                               int64_t *settled, size_t settled_count);
// ERR_NO_MEMORY.
MUST_CHECK int outbox_add_hold(struct outbox *o, int16_t lane, int64_t dossier, int64_t from_seq,
                               unsigned attempts, int64_t since_ms, int64_t next_ms, const char *why);

// ---- reading the log

// NULL when there is no such lane.
struct outbox_lane *outbox_lane(struct outbox *o, int16_t lane);
// The next event that the endpoint wants; takes a reference. Events at or before the lane's read_pos are
// passed over. ERR_FULL: nothing changed, try again when there is room; ERR_NO_MEMORY likewise.
MUST_CHECK int outbox_push(struct outbox *o, struct event *e, bool gap);
// Everything up to pos was looked at.
void outbox_read_to(struct outbox *o, int16_t lane, int64_t pos);
// Every event up to here is settled or held.
int64_t outbox_settled_to(const struct outbox_lane *l);
// How many more events fit.
unsigned outbox_room(const struct outbox *o);
// Would this event be put in line by outbox_push()? Not when it was passed, is settled, or its dossier is
// held.
bool outbox_expects(const struct outbox *o, const struct event *e);

// ---- sending

// Puts held dossiers that are due among the ready ones.
void outbox_wake(struct outbox *o, int64_t now_ms);
// After an outage: every held dossier is due now, those that failed first first.
void outbox_wake_all(struct outbox *o, int64_t now_ms);
// The dossier to be served next, now BUSY; NULL: none is ready. Held ones get at most half of `most` places
// while others are ready; held_first is for probes, which should not make new holds. A held one without a
// head must be read first: outbox_loaded().
struct outbox_key *outbox_next(struct outbox *o, unsigned most, bool held_first);
// How far the log is to be read for a held dossier: to where the reader stands, and to the last position that
// the ledger settled, since what the hold has of it will come in no other way.
int64_t outbox_hold_end(const struct outbox *o, const struct outbox_key *key);
// Its first event, or NULL.
struct outbox_delivery *outbox_head(const struct outbox_key *key);
// Events of a BUSY held dossier from from_seq on, in order, those that the endpoint wants; takes references.
// next_seq: where the log goes on behind them; more: there may be others. Returns true when there is
// something to send; else the dossier is no longer BUSY. ERR_NO_MEMORY is handled as if fewer had been read;
// so is an event that the reader has yet to bring.
bool outbox_loaded(struct outbox *o, struct outbox_key *key, struct event *const *events, const bool *gaps,
                   size_t count, int64_t next_seq, bool more, int64_t now_ms);

// ---- what became of a BUSY dossier's head; after it the key may be freed

// Also for an event that the receiver aborted.
void outbox_delivered(struct outbox *o, struct outbox_key *key, int64_t now_ms);
// True: held and tried again by the schedule. False: the schedule has ended, the key is GIVING_UP.
bool outbox_failed(struct outbox *o, struct outbox_key *key, const char *why, int64_t retry_after_ms,
                   int64_t now_ms, uint64_t random);
// Nothing is known (cancelled, could not be read): ready again.
void outbox_returned(struct outbox *o, struct outbox_key *key);

// ---- an endpoint that is down

// Held dossiers whose schedule has ended although nothing could be sent become GIVING_UP. Those whose first
// event was never tried do so only when the endpoint is `silent`: it took nothing for a whole schedule.
// And only when that event was read: a dossier that has no more events yet would skip its next one.
void outbox_expire_held(struct outbox *o, int64_t now_ms, bool silent);
// Since when the event waits, wall clock: since it was recorded, or since people asked for its lane again.
int64_t outbox_waits_since(const struct outbox *o, const struct event *e);
// The first ready event, not held, that has waited since before this wall time; the caller gives it up (and
// unrefs it). NULL: none.
struct event *outbox_expire_ready(struct outbox *o, int64_t before_ms);

// ---- recording, one record at a time

// The dirty keys move to `writing`, the lanes' cursors are noted: the caller writes them as they are now.
void outbox_write(struct outbox *o);
// ok: what was noted is in the database: keys GIVING_UP go on behind the event. Not ok: all of it is dirty
// again.
void outbox_written(struct outbox *o, bool ok, int64_t now_ms);
