// SPDX-License-Identifier: EUPL-1.2
// The webhook service's own parts. One owner for all lanes (lease "webhook"):
//
//   registry  keeps the endpoints as dt.endpoint has them, loads what is known of each, takes replays
//   reader    journey log → outboxes: one reader at the tip for all, one of its own for who lags, and the
//   events of held dossiers sender    outboxes → HTTP, and what the answers mean recorder  ledger, holds,
//   gaps and cursors → database, one record at a time
//
// An endpoint's outbox may be thrown away at any time (lost lease, replay, deletion): its generation then
// changes, and whatever is under way for an older generation only cleans up after itself.
#pragma once
#include "base/list.h"
#include "io/crypto.h"
#include "io/db.h"
#include "io/fetch.h"
#include "io/service.h"
#include "io/standard_webhooks.h"
#include "webhook/breaker.h"
#include "webhook/letter.h"
#include "webhook/match.h"
#include "webhook/outbox.h"
#include "webhook/pace.h"

#define WEBHOOK_LANES_MAX     OUTBOX_LANES_MAX
#define WEBHOOK_ENDPOINTS_MAX 1024
#define WEBHOOK_READ_MAX      512   // journey rows a read takes
#define WEBHOOK_ROOM_HUNGRY   384   // an endpoint with more room than this needs the next read
#define WEBHOOK_ROOM_LEAST    128   // one with less is not waited for by the reader at the tip
#define WEBHOOK_SPAN_MAX      8192  // positions that a lagging endpoint's read looks through
#define WEBHOOK_HOLD_READ_MAX 16    // rows of a held dossier a read takes
#define WEBHOOK_LAG_READS     4     // own reads of lagging endpoints at once
#define WEBHOOK_TICK_MS       100   // held dossiers, pauses, probes
#define WEBHOOK_POLL_MS       500   // backstop of the wake-ups
#define WEBHOOK_REFRESH_MS    1000  // how soon a changed endpoint or a replay is seen
#define WEBHOOK_SILENCE_MS    60000 // how far dt.endpoint.down_since may lag behind an answer
#define WEBHOOK_PASSIVE_MS    2000  // cursors of endpoints to which nothing was sent
#define WEBHOOK_RECORD_MAX    4096  // attempts not yet recorded; above, nothing is sent
#define WEBHOOK_LEASE_MS      15000
#define WEBHOOK_MARGIN_MS     3000 // sending stops this long before the lease ends

enum webhook_statement {
    WEBHOOK_Q_LEASE,
    WEBHOOK_Q_RELEASE,
    WEBHOOK_Q_FENCE,
    WEBHOOK_Q_LANES,
    WEBHOOK_Q_ENDPOINTS,
    WEBHOOK_Q_STATE,
    WEBHOOK_Q_STATUS,
    WEBHOOK_Q_REPLAYS,
    WEBHOOK_Q_READ,
    WEBHOOK_Q_SPAN,
    WEBHOOK_Q_DOSSIER,
    WEBHOOK_Q_RECORD,
    WEBHOOK_Q_COUNT,
};

enum endpoint_phase { ENDPOINT_NEW, ENDPOINT_LOADING, ENDPOINT_RUNNING };
enum endpoint_status { ENDPOINT_ACTIVE, ENDPOINT_PAUSED, ENDPOINT_DISABLED };

struct webhook;

struct endpoint {
    struct list node;    // webhook.endpoints
    struct list starved; // webhook.starved: no global place was free
    struct list touched; // webhook.touched: something is to be recorded
    struct webhook *webhook;
    unsigned refs;    // the registry's and one per operation under way
    unsigned flights; // requests under way, of any generation
    unsigned char id[16];
    uint64_t generation;
    enum endpoint_phase phase;
    bool listed; // seen in the refresh under way

    // as in dt.endpoint
    char *url, *units, *kinds, *allow;
    struct fetch_target *target; // of url and allow; NULL: the guard refuses it
    char legs[8];
    bool thin;
    enum endpoint_status status;
    struct standard_webhooks_key keys[STANDARD_WEBHOOKS_KEYS_MAX];
    size_t key_count;

    struct outbox outbox;
    struct breaker breaker;
    struct pace pace;
    bool attached[WEBHOOK_LANES_MAX]; // by index of webhook.tips: fed by the reader at the tip
    bool reading;                     // a read of its own is under way
    bool unreadable;                  // the last one failed
    bool crowded;                     // too many held dossiers
    int64_t epoch;                    // of the lease under which dt.endpoint was last believed
    int64_t down_since_ms;            // monotonic, since when it takes nothing while it is down; 0 = it is up
    int64_t answered_ms;              // monotonic, when it last took something; 0 = never
    int64_t down_written_ms;          // what dt.endpoint says of it
    int64_t expired_ms;               // when expiry was looked at last
    bool status_dirty, status_writing; // status, why, or whether it is down, differ from dt.endpoint
    uint64_t status_from_refresh;      // refreshes before this one know an older status
    char why[80];
};

// The reader at the tip of one lane.
struct tip {
    struct webhook *webhook;
    int16_t lane;
    int64_t pos; // published and handed to all attached endpoints
    struct db_query query;
    bool busy, again; // again: woken while busy, or there is more
    unsigned asked;   // rows the read under way may bring
    uint64_t generation;
    int64_t epoch; // of the read under way, which also publishes
};

struct recorder;
struct registry;

struct webhook {
    uv_loop_t *loop;
    struct db *db;
    struct fetcher *fetcher;
    struct keyring *ring;
    struct registry *registry;
    struct recorder *recorder;
    uv_timer_t tick;
    int64_t asked_ms, refreshed_ms, passive_ms, woken_ms; // monotonic, of the last time
    int64_t drain_until_ms;
    // the lease
    struct db_query lease_query;
    bool lease_busy;
    int64_t epoch;          // 0: not ours
    int64_t lease_until_ms; // monotonic: after it nothing may be sent
    bool fencing; // what became of a write is unknown: no more is written until our epoch has been raised
    uint64_t generation; // rises with each lease taken or lost
    // known under this lease
    struct letter_from from;
    struct tip tips[WEBHOOK_LANES_MAX];
    unsigned tip_count;
    struct list endpoints;
    unsigned endpoint_count;
    struct list starved, touched;
    struct list flights, spare_flights;        // sends under way, of any generation; memory of ended ones
    unsigned flight_count, lag_reads, queries; // queries: operations with memory of their own
    // configuration
    unsigned in_flight_max, per_endpoint;
    int64_t timeout_ms, connect_ms, speed;
    const char *ports; // of endpoint URLs, beside 443
    bool stopping, closing;
    unsigned open; // parts that stop() still waits for
};

// ---- webhook.c

// The service around a zeroed struct, which lives as long as the process: webhook_run() runs one, the
// simulation (tests/simulation) several.
struct service webhook_service(struct webhook *w);
// The lease is ours now and for a while, and we are not stopping: checked before each send.
bool webhook_owns(const struct webhook *w);
// May a writing statement be submitted, and what is written be read? Not while one that was given up may
// still run.
bool webhook_writes(const struct webhook *w);
// Another process owns the lease, or we must start anew: every outbox is thrown away.
void webhook_lost_lease(struct webhook *w);
// Logs a failed statement once, with its SQL state. epoch: under which it was to write; 0: it only reads. A
// lost lease is acted upon; an unknown outcome is fenced (services/README.md, "Late is not never").
void webhook_query_failed(struct webhook *w, const char *step, int64_t epoch, int err,
                          const struct db_result *res);
// A query with memory of its own (malloc'd by the caller, who frees it in `done`), ready for its parameters.
// ERR_NO_MEMORY.
MUST_CHECK int webhook_query_init(struct db_query *q, enum webhook_statement statement, db_done done,
                                  void *owner);

// ---- registry.c

MUST_CHECK int registry_create(struct webhook *w, struct registry **ret_registry);
void registry_destroy(struct registry *r);
// Reads the endpoints, and loads what is new; retries what failed.
void registry_refresh(struct webhook *w);
// Takes the replays that a refresh has seen. Replays and records exclude each other: a record that was built
// before would undo what a replay has written.
void registry_take_replays(struct registry *r);
bool registry_replaying(const struct registry *r);
void endpoint_unref(struct endpoint *e);
#define ENDPOINT_ID_TEXT 37 // bytes of a UUID as text, with its end
void endpoint_id_text(const struct endpoint *e, char out[ENDPOINT_ID_TEXT]);
// Throws the outbox away; the next refresh loads it anew.
void endpoint_reset(struct endpoint *e);
bool endpoint_down(const struct endpoint *e);
// Down, and it took nothing for a whole schedule: what has waited as long is given up.
bool endpoint_silent(const struct endpoint *e);
// It took something, or refused it for good. While it counts as down the clock of its silence starts again.
void endpoint_answered(struct endpoint *e);
// After each answer, and when holds came or went: notes and logs a change between up and down.
void endpoint_check_down(struct endpoint *e);
void endpoint_disable(struct endpoint *e, const char *why);
// Writes status, why and down_since when they have changed.
void endpoint_store_status(struct endpoint *e);

// ---- reader.c

// Reads on at the tips and for who lags. Idempotent.
void reader_step(struct webhook *w);
// An endpoint that has just got room: is there anything for reader_step() to do about it?
bool reader_would_feed(const struct endpoint *e);
// NOTIFY or poll: there may be new rows.
void reader_wake(struct webhook *w);
// Reads the events of a BUSY held dossier; ends in sender_go() or in the key's return to READY. On error
// nothing was done.
MUST_CHECK int reader_load_hold(struct endpoint *e, struct outbox_key *key);

// ---- sender.c

// Starts what may be started for this endpoint. Idempotent.
void sender_serve(struct endpoint *e);
// A BUSY key with a head: sends it. False: it could not be tried now and is ready again.
bool sender_go(struct endpoint *e, struct outbox_key *key);
void sender_register_metrics(void);
// Time has passed: held dossiers, pauses, probes, expiry.
void sender_tick(struct webhook *w);
// Frees the memory of ended flights; none may be under way.
void sender_free_spare(struct webhook *w);
// Forgets all flights: each ends as cancelled.
void sender_cancel_all(struct webhook *w);
// A place has become free: the next starved endpoint gets it.
void sender_feed_starved(struct webhook *w);

// ---- recorder.c

struct attempt {
    int16_t lane, outcome, status; // outcome as in dt.attempt; status 0 = none
    unsigned char endpoint[16];
    int64_t pos, at_ms; // wall clock
    int32_t took_ms;
    char error[160];
};
enum { ATTEMPT_DELIVERED = 1, ATTEMPT_FAILED = 2, ATTEMPT_GIVEN_UP = 3, ATTEMPT_ABORTED = 4 };

MUST_CHECK int recorder_create(struct webhook *w, struct recorder **ret_recorder);
void recorder_destroy(struct recorder *r);
// Room for what one more send may produce.
bool recorder_has_room(const struct recorder *r);
void recorder_note_attempt(struct recorder *r, const struct attempt *a);
// There are attempts at this endpoint that the ledger has not got yet.
bool recorder_owes(const struct recorder *r, const struct endpoint *e);
// A delivered event said that there was a gap before it.
void recorder_note_told(struct recorder *r, const struct endpoint *e, const struct event *event);
// An event that was never sent is given up.
void recorder_note_given_up(struct recorder *r, const struct endpoint *e, const struct event *event,
                            const char *why);
bool recorder_has_given_up(const struct recorder *r);
// Events of this endpoint are given up and that is not recorded yet: nothing behind them may be sent.
bool recorder_gives_up(const struct recorder *r, const struct endpoint *e);
// The endpoint's holds or cursors have changed.
void recorder_touch(struct endpoint *e);
// Writes what there is, unless a record is on its way. Idempotent.
void recorder_step(struct recorder *r);
bool recorder_idle(const struct recorder *r);
bool recorder_busy(const struct recorder *r);
// Nothing of a lost lease is written.
void recorder_reset(struct recorder *r);
