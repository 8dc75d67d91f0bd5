// SPDX-License-Identifier: EUPL-1.2
// Group commit (DESIGN §3): uploads wait here until a connection is idle at the end of a loop turn, then as
// many as fit go to dt.append_scans in one call, one lane a call, one stream never twice. While that is under
// way the next collect; there is no timer to wait for.
#pragma once
#include "base/list.h"
#include "ingest/batch.h"
#include "ingest/streams.h"
#include "io/db.h"

struct appender;
struct upload;

// err: ERR_OK: every scan that was sent has its outcome (upload->status 0), or nothing was stored
// (UPLOAD_SPARSE, UPLOAD_UNKNOWN). ERR_DB_REFUSED: PostgreSQL refuses it for a lasting reason. Anything else:
// not known to be stored, the device must send it again.
typedef void (*upload_done)(struct upload *u, int err);

enum upload_status { UPLOAD_STORED = 0, UPLOAD_SPARSE = 1, UPLOAD_UNKNOWN = 2 }; // of dt.append_scans

struct upload {
    struct batch batch;
    struct stream *stream; // pinned while the upload lives
    upload_done done;
    enum upload_status status;
    int64_t server_ms; // of the commit
    // private
    struct list node;
    int64_t queued_ms;
    unsigned scans; // that go to the database
    size_t bytes;
    bool alone; // a commit with others was refused
    bool again; // was tried once more already
};

struct appender_options {
    uv_loop_t *loop;
    struct db *db;                    // of appender_statements; depth 1
    unsigned connections;             // of db
    unsigned batch;                   // scans of a commit; grows to APPEND_SCANS_MAX while commits are slow
    unsigned max_waiting;             // scans; above: ERR_FULL
    void (*on_segments)(void *owner); // the log has no room: make segments
    void *owner;
};

#define APPEND_SCANS_MAX   2000
#define APPEND_BYTES_MAX   ((size_t)8 << 20)   // of the bodies in one commit
#define APPEND_WAITING_MAX ((size_t)128 << 20) // bytes of all that wait
#define APPEND_WAIT_MS     5000                // longest wait for a connection
#define APPEND_TIMEOUT_MS  10000               // of a commit
#define APPEND_SLOW_MS     40                  // a commit beyond this is slow: the next may be larger …
#define APPEND_FAST_MS     10                  // … and below this smaller again

extern const struct db_statement appender_statements[];
extern const size_t appender_statement_count;

MUST_CHECK int appender_create(const struct appender_options *o, struct appender **ret_appender);
// After the pool was closed, so nothing is under way: ends what waits with ERR_CLOSED. Frees itself when its
// handles are closed.
void appender_close(struct appender *a);
// ERR_OK: `done` will be called once, later. ERR_FULL, ERR_DB_DOWN: it will not.
MUST_CHECK int appender_add(struct appender *a, struct upload *u);
// Would appender_add() say ERR_FULL?
bool appender_full(const struct appender *a);
// Milliseconds that the oldest waiting upload has waited; 0 when none does.
int64_t appender_oldest_ms(const struct appender *a);
// Monotonic time of the last commit that failed, 0 when the last one succeeded; for readiness.
int64_t appender_failed_at(const struct appender *a);
