// SPDX-License-Identifier: EUPL-1.2
// What the files of the ingest service share: ingest.c (start, stop), scans.c (/v1/scans), enrol.c
// (/v1/enrol, /v1/streams), health.c (readiness, segments).
#pragma once
#include "ingest/appender.h"
#include "ingest/reply.h"
#include "ingest/streams.h"
#include "io/crypto.h"
#include "io/db.h"
#include "io/http.h"

#define STREAMS_KNOWN     20000 // streams kept in memory, about 2 KiB each
#define SIDE_TIMEOUT_MS   5000  // of a look-up, an enrolment
#define HEALTH_TICK_MS    1000
#define HEALTH_TIMEOUT_MS 2000 // with the tick: a database that hangs is seen within 4 s
#define CLOCK_DRIFT_MS    5000 // between this machine's clock and the database's
// Two ingest processes commit side by side, and their clocks differ: that much before the newest fact that
// survived a restore an answer may still have been lost.
#define RESEND_MARGIN   "10 minutes"
#define SEGMENTS_MADE   4    // ahead, when nobody else made them
#define SEGMENTS_LOW    2    // fewer: not ready
#define STREAMS_A_DAY   20   // new streams of one device
#define ENROL_BURST     10   // wrong codes of one address at once …
#define ENROL_REFILL_MS 6000 // … and one more in so long

struct ingest {
    uv_loop_t *loop;
    struct http_server *http;
    struct db *writer, *side; // appends; look-ups, enrolment, health
    struct appender *appender;
    struct streams *streams;
    struct keyring *ring;
    uv_timer_t tick;
    struct db_query health, segments;
    bool health_busy, segments_busy;
    struct reply_epoch epoch; // read with each look at the database
};

extern const struct db_statement side_statements[];
extern const size_t side_statement_count;
enum side_statement {
    SIDE_LOOKUP,
    SIDE_DEVICE,
    SIDE_ENROL,
    SIDE_ENROL_FAILED,
    SIDE_OPEN_STREAM,
    SIDE_HEALTH,
    SIDE_SEGMENTS
};

void on_scans(struct http_request *req, void *owner);
void on_enrol(struct http_request *req, void *owner);
void on_streams(struct http_request *req, void *owner);
void scans_init(void); // metrics
void enrol_init(void);

// Starts and ends the second's look at database, segments and clocks.
MUST_CHECK int health_start(struct ingest *s);
void health_stop(struct ingest *s);
void health_done(struct ingest *s); // frees; after the loop is done with it
// The pools tell.
void health_writer_state(void *owner, bool up, const char *why);
void health_side_state(void *owner, bool up, const char *why);
// The log has no room.
void health_make_segments(void *owner);

// Answers with a refusal; clock-skew carries the server's time.
void reply_refusal(struct http_request *req, const struct refusal *r);
// 503 for an error of db_submit() or of a statement.
void reply_database_error(struct http_request *req, int err);
