// SPDX-License-Identifier: EUPL-1.2
// Start and stop of the service. Stop: no new connections, requests in flight are answered (their commits are
// under way), then pools, appender and timer close, then the loop runs dry.
#include "ingest/ingest.h"

#include "base/conf.h"
#include "base/log.h"
#include "ingest/internal.h"
#include "io/service.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_BODY     4096  // bytes of an enrolment or a stream request
#define DRAIN_LIMIT_MS 15000 // a commit ends within APPEND_TIMEOUT_MS

static const struct http_route routes[] = {
    {"POST", "/v1/scans", on_scans, BATCH_BYTES_MAX},
    {"POST", "/v1/enrol", on_enrol, SMALL_BODY},
    {"POST", "/v1/streams", on_streams, SMALL_BODY},
};

const struct db_statement side_statements[] = {
    [SIDE_LOOKUP] = {"lookup", "select s.lane, s.stream, d.public_key from dt.device d"
                               " join dt.stream s on s.device = d.device"
                               " where d.device = $1::uuid and s.token = $2::uuid"},
    [SIDE_DEVICE] = {"device", "select d.public_key, d.revoked_at is not null,"
                               " (select count(*) from dt.stream s where s.device = d.device"
                               " and s.opened_at > clock_timestamp() - interval '1 day')"
                               " from dt.device d where d.device = $1::uuid"},
    [SIDE_ENROL] = {"enrol", "select device, lane, stream, token from dt.enrol($1::bytea, $2::bytea)"},
    [SIDE_ENROL_FAILED] = {"enrol_failed", "select dt.enrol_failed($1::bytea)"},
    [SIDE_OPEN_STREAM] = {"open_stream", "select lane, stream, token from dt.open_stream($1::uuid)"},
    [SIDE_HEALTH] = {"health", "select dt.segments_ahead('fact'),"
                               " (extract(epoch from clock_timestamp()) * 1000)::bigint, i.epoch,"
                               " (extract(epoch from greatest(i.sure_at - interval '" RESEND_MARGIN "',"
                               " timestamptz '1970-01-01 00:00:01Z')) * 1000)::bigint"
                               " from dt.installation i order by i.epoch desc limit 1"},
    [SIDE_SEGMENTS] = {"segments", "select dt.make_segments('fact', $1::integer)"},
};
const size_t side_statement_count = ARRAY_LEN(side_statements);

static struct ingest service;

// ---- start ----

static int open_keys(struct ingest *s)
{
    char error[200];
    int err = keyring_open(conf_text("keys", "dir"), KEY_WRAP | KEY_RECEIPT, &s->ring, error, sizeof(error));
    if (err)
        log_error("keys.unusable", LOG_STR("why", error));
    return err;
}

static int open_pools(struct ingest *s)
{
    struct db_options o = {.conninfo = service_database_url(),
                           .service = "ingest",
                           .connections = (unsigned)conf_int("ingest", "connections"),
                           .depth = 1,
                           .max_waiting = 1, // the appender queues, not the pool
                           .generic_plan = true,
                           .allow_unsafe = conf_bool("safety", "allow_unsafe_database"),
                           .statements = appender_statements,
                           .statement_count = appender_statement_count,
                           .on_state = health_writer_state,
                           .owner = s};
    int err = db_create(s->loop, &o, &s->writer);
    if (err)
        return err;
    o.connections = 1;
    o.depth = 16;
    o.max_waiting = 1000;
    o.generic_plan = false;
    o.statements = side_statements;
    o.statement_count = side_statement_count;
    o.on_state = health_side_state;
    return db_create(s->loop, &o, &s->side);
}

static int open_appender(struct ingest *s)
{
    struct appender_options o = {.loop = s->loop,
                                 .db = s->writer,
                                 .connections = (unsigned)conf_int("ingest", "connections"),
                                 .batch = (unsigned)conf_int("ingest", "batch"),
                                 .max_waiting = (unsigned)conf_int("ingest", "waiting"),
                                 .on_segments = health_make_segments,
                                 .owner = s};
    return appender_create(&o, &s->appender);
}

static int start(uv_loop_t *loop, void *ctx)
{
    struct ingest *s = ctx;
    s->loop = loop;
    scans_init();
    enrol_init();
    int err = open_keys(s);
    if (err)
        return err;
    s->streams = streams_create(STREAMS_KNOWN);
    err = s->streams ? open_pools(s) : ERR_NO_MEMORY;
    if (!err)
        err = open_appender(s);
    if (!err)
        err = health_start(s);
    struct http_options o = {.listen = conf_text("ingest", "listen"),
                             .routes = routes,
                             .route_count = ARRAY_LEN(routes),
                             .owner = s,
                             .max_in_flight = (unsigned)conf_int("ingest", "requests"),
                             .max_connections = (unsigned)conf_int("ingest", "max_connections"),
                             .reuse_port = true};
    if (!err)
        err = http_create(loop, &o, &s->http);
    if (err)
        log_error("ingest.start", LOG_ERR(err), LOG_STR("listen", o.listen));
    else
        log_info("ingest.listening", LOG_STR("listen", o.listen), LOG_INT("port", http_port(s->http)));
    return err;
}

// ---- stop ----

// Look-ups end before the commits they would lead to, commits before the appender that owns them.
static void on_writer_closed(void *owner)
{
    struct ingest *s = owner;
    appender_close(s->appender);
    streams_destroy(s->streams);
    keyring_close(s->ring);
    health_done(s);
    service_stopped();
}

static void on_side_closed(void *owner)
{
    struct ingest *s = owner;
    db_close(s->writer, on_writer_closed, s);
}

static void on_drained(void *owner)
{
    struct ingest *s = owner;
    health_stop(s);
    db_close(s->side, on_side_closed, s);
}

static void stop(void *ctx)
{
    struct ingest *s = ctx;
    http_drain(s->http, DRAIN_LIMIT_MS, on_drained, s);
}

int ingest_run(int argc, char **argv)
{
    static const struct service frame = {.name = "ingest", .start = start, .stop = stop, .ctx = &service};
    return service_run(&frame, argc, argv);
}
