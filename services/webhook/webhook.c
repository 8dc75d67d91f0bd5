// SPDX-License-Identifier: EUPL-1.2
// The service: one lease, then lanes, then endpoints. A tick keeps the lease and is the backstop of NOTIFY;
// every step is idempotent and looks at the state itself.
#include "webhook/webhook.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ready.h"
#include "io/service.h"
#include "webhook/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DB_WAITING_MAX (4 * WEBHOOK_ENDPOINTS_MAX)
#define DRAIN_MS       18000 // longer than a request may take, shorter than the frame's limit

static const struct db_statement statements[WEBHOOK_Q_COUNT] = {
    [WEBHOOK_Q_LEASE] =
        {"lease", "select dt.lease_take('webhook', $1::text, $2::bigint, $3::bigint * interval '1 ms')"},
    [WEBHOOK_Q_RELEASE] = {"release", "select dt.lease_release('webhook', $1::bigint)"},
    [WEBHOOK_Q_FENCE] = {"fence", "select dt.lease_fence('webhook', $1::text, $2::bigint)"},
    [WEBHOOK_Q_LANES] =
        {"lanes", "select h.lane, coalesce((select p.pos from dt.published p where p.lane = h.lane order by "
                  "p.pos desc "
                  "limit 1), 0), i.epoch, i.id from dt.journey_head h cross join "
                  "(select epoch, id from dt.installation order by epoch desc limit 1) i order by h.lane"},
    [WEBHOOK_Q_ENDPOINTS] = {"endpoints",
                             "select endpoint, url, array_to_string(units, ' '), array_to_string(kinds, ' "
                             "'), legs, thin, allow, status, "
                             "(extract(epoch from clock_timestamp() - down_since) * 1000)::bigint, "
                             "array_to_string(array(select encode(s.sealed, 'hex') from unnest(case when "
                             "secret_until > clock_timestamp() then "
                             "secrets else secrets[1:1] end) s (sealed)), ' '), exists (select from "
                             "dt.replay) from dt.endpoint order by endpoint "
                             "limit 1024"},
    [WEBHOOK_Q_STATE] = {"state", "select * from dt.webhook_state($1::uuid)"},
    [WEBHOOK_Q_STATUS] = {"status",
                          "with held as (select dt.lease_check('webhook', $1::bigint)) update "
                          "dt.endpoint set status = case when $3::boolean then 'disabled' else status end, "
                          "why = $4::text, down_since = case when $5::bigint >= 0 then now() - $5::bigint * "
                          "interval '1 ms' end from held where endpoint = $2::uuid"},
    [WEBHOOK_Q_REPLAYS] = {"replays", "select distinct dt.webhook_replays($1::bigint)"},
    [WEBHOOK_Q_READ] = {"read",
                        "select * from dt.webhook_read($1::bigint, $2::smallint, $3::bigint, $4::integer)"},
    [WEBHOOK_Q_SPAN] = {"span",
                        "select * from dt.webhook_span($1::smallint, $2::bigint, $3::bigint, $4::integer, "
                        "string_to_array($5::text, ' '))"},
    [WEBHOOK_Q_DOSSIER] = {"dossier", "select * from dt.webhook_dossier($1::smallint, $2::bigint, "
                                      "$3::bigint, $4::bigint, $5::integer)"},
    [WEBHOOK_Q_RECORD] =
        {"record",
         "select dt.webhook_record($1::bigint, $2::smallint[], $3::uuid[], $4::bigint[], $5::timestamptz[], "
         "$6::smallint[], $7::smallint[], $8::integer[], $9::text[], $10::smallint[], $11::uuid[], "
         "$12::bigint[], $13::bigint[], $14::integer[], $15::bigint[], $16::bigint[], $17::text[], "
         "$18::smallint[], $19::uuid[], $20::bigint[], $21::smallint[], $22::uuid[], $23::bigint[], "
         "$24::bigint[], $25::text[], $26::smallint[], $27::uuid[], $28::bigint[], $29::smallint[], "
         "$30::uuid[], $31::bigint[])"},
};

// ---------------------------------------------------------------- helpers of all parts

int webhook_query_init(struct db_query *q, enum webhook_statement statement, db_done done, void *owner)
{
    q->statement = statement;
    q->done = done;
    q->owner = owner;
    return db_params_init(&q->params);
}

bool webhook_owns(const struct webhook *w)
{
    return w->epoch != 0 && !w->stopping && clock_mono_ms() < w->lease_until_ms - WEBHOOK_MARGIN_MS;
}

bool webhook_writes(const struct webhook *w)
{
    return w->epoch != 0 && !w->fencing;
}

// What was known under a lease is forgotten; requests under way end as cancelled.
static void forget(struct webhook *w)
{
    w->generation++;
    w->fencing = false;
    w->tip_count = 0;
    recorder_reset(w->recorder);
    LIST_FOR(it, &w->endpoints)
    endpoint_reset(CONTAINER_OF(it, struct endpoint, node));
    sender_cancel_all(w);
}

void webhook_lost_lease(struct webhook *w)
{
    if (w->epoch == 0)
        return;
    log_warn("webhook.lease-lost", LOG_INT("epoch", w->epoch));
    w->epoch = 0;
    forget(w);
}

void webhook_query_failed(struct webhook *w, const char *step, int64_t epoch, int err,
                          const struct db_result *res)
{
    const char *state = res ? db_sqlstate(res) : "";
    bool current = epoch != 0 && epoch == w->epoch;
    if (strcmp(state, "DT001") == 0) {
        // Sent before a fence, or refused by one whose answer is awaited, which will tell whose the lease is.
        if (current && !w->fencing)
            webhook_lost_lease(w);
        return;
    }
    w->fencing = w->fencing || (current && (err == ERR_DB_LOST || err == ERR_TIMEOUT));
    if (err == ERR_DB_REFUSED && !db_transient(state))
        log_error("webhook.step-refused", LOG_STR("step", step), LOG_STR("sqlstate", state),
                  LOG_STR("message", db_message(res)));
    else if (err != ERR_CLOSED)
        log_warn("webhook.step-failed", LOG_STR("step", step), LOG_ERR(err), LOG_STR("sqlstate", state));
}

// ---------------------------------------------------------------- the lease, and what is read under it

static void submit_own(struct webhook *w, enum webhook_statement statement, db_done done)
{
    w->lease_query.statement = statement;
    w->lease_query.done = done;
    w->lease_busy = db_submit(w->db, &w->lease_query) == ERR_OK;
}

static void on_lanes(struct db_query *q, int err, const struct db_result *r)
{
    struct webhook *w = q->owner;
    size_t len;
    w->lease_busy = false;
    if (w->epoch == 0)
        return;
    if (err != ERR_OK) {
        webhook_query_failed(w, "lanes", 0, err, r);
        return;
    }
    int rows = db_rows(r);
    for (int i = 0; i < rows && i < WEBHOOK_LANES_MAX; i++) {
        w->tips[i].lane = (int16_t)db_int(r, i, 0);
        w->tips[i].pos = db_int(r, i, 1);
        w->tips[i].again = true;
        w->from.epoch = (uint32_t)db_int(r, i, 2);
        memcpy(w->from.installation, db_bytes(r, i, 3, &len), sizeof w->from.installation);
    }
    w->tip_count = rows < WEBHOOK_LANES_MAX ? (unsigned)rows : WEBHOOK_LANES_MAX;
    registry_refresh(w);
}

static void read_lanes(struct webhook *w)
{
    db_params_reset(&w->lease_query.params);
    submit_own(w, WEBHOOK_Q_LANES, on_lanes);
}

static void on_lease(struct db_query *q, int err, const struct db_result *r)
{
    struct webhook *w = q->owner;
    w->lease_busy = false;
    if (w->closing)
        return;
    if (err != ERR_OK) {
        webhook_query_failed(w, "lease", 0, err, r);
        return;
    }
    if (db_null(r, 0, 0)) { // a standby: another process sends
        webhook_lost_lease(w);
        return;
    }
    int64_t epoch = db_int(r, 0, 0);
    w->lease_until_ms = w->asked_ms + WEBHOOK_LEASE_MS; // counted from before it was asked for
    if (epoch != w->epoch) {
        webhook_lost_lease(w);
        forget(w);
        w->epoch = epoch;
        log_info("webhook.lease-taken", LOG_INT("epoch", epoch));
    }
    if (w->tip_count == 0)
        read_lanes(w);
}

static void on_fenced(struct db_query *q, int err, const struct db_result *r)
{
    struct webhook *w = q->owner;
    w->lease_busy = false;
    if (w->closing)
        return;
    if (err != ERR_OK) { // the tick asks again
        webhook_query_failed(w, "fence", 0, err, r);
        return;
    }
    if (db_null(r, 0, 0)) {
        webhook_lost_lease(w);
        return;
    }
    w->epoch = db_int(r, 0, 0);
    w->fencing = false;
    log_info("webhook.fenced", LOG_INT("epoch", w->epoch));
    recorder_step(w->recorder);
}

// Not renewed meanwhile: who asks under the old epoch would hear that the lease is another's.
static void raise_fence(struct webhook *w)
{
    db_params_reset(&w->lease_query.params);
    db_put_cstr(&w->lease_query.params, service_holder());
    db_put_int8(&w->lease_query.params, w->epoch);
    submit_own(w, WEBHOOK_Q_FENCE, on_fenced);
}

static void keep_lease(struct webhook *w)
{
    if (w->lease_busy || w->closing || !db_up(w->db))
        return;
    if (w->fencing) {
        raise_fence(w);
        return;
    }
    if (w->epoch != 0 && w->lease_until_ms - clock_mono_ms() > WEBHOOK_LEASE_MS / 2) {
        if (w->tip_count == 0)
            read_lanes(w);
        return;
    }
    db_params_reset(&w->lease_query.params);
    db_put_cstr(&w->lease_query.params, service_holder());
    db_put_int8(&w->lease_query.params, w->epoch);
    db_put_int8(&w->lease_query.params, WEBHOOK_LEASE_MS);
    w->asked_ms = clock_mono_ms();
    submit_own(w, WEBHOOK_Q_LEASE, on_lease);
}

// ---------------------------------------------------------------- time and wake-ups

static bool due(int64_t *last_ms, int64_t every_ms)
{
    int64_t now = clock_mono_ms();
    if (now - *last_ms < every_ms)
        return false;
    *last_ms = now;
    return true;
}

static void on_tick(uv_timer_t *timer)
{
    struct webhook *w = timer->data;
    keep_lease(w);
    if (w->epoch == 0)
        return;
    if (due(&w->refreshed_ms, WEBHOOK_REFRESH_MS))
        registry_refresh(w);
    if (due(&w->passive_ms, WEBHOOK_PASSIVE_MS)) {
        LIST_FOR(it, &w->endpoints)
        recorder_touch(CONTAINER_OF(it, struct endpoint, node));
    }
    sender_tick(w);
    recorder_step(w->recorder);
    if (due(&w->woken_ms, WEBHOOK_POLL_MS))
        reader_wake(w);
}

static void on_notify(void *owner, const char *channel)
{
    struct webhook *w = owner;
    if (strcmp(channel, "dt_endpoint") == 0)
        registry_refresh(w);
    else
        reader_wake(w);
}

static void on_state(void *owner, bool up, const char *why)
{
    ready_set("db", up ? NULL : why);
    if (up)
        keep_lease(owner);
}

// ---------------------------------------------------------------- start

static void configure(struct webhook *w)
{
    w->in_flight_max = (unsigned)conf_int("webhook", "in_flight");
    w->per_endpoint = (unsigned)conf_int("webhook", "per_endpoint");
    w->timeout_ms = conf_int("webhook", "timeout");
    w->connect_ms = conf_int("webhook", "connect_timeout");
    w->speed = conf_int("webhook", "speed");
    w->ports = conf_text("webhook", "ports");
    list_init(&w->endpoints);
    list_init(&w->starved);
    list_init(&w->touched);
    list_init(&w->flights);
    list_init(&w->spare_flights);
    for (unsigned i = 0; i < WEBHOOK_LANES_MAX; i++) {
        w->tips[i].webhook = w;
        w->tips[i].query.owner = &w->tips[i];
    }
}

static int open_params(struct webhook *w)
{
    w->lease_query.owner = w;
    int err = db_params_init(&w->lease_query.params);
    for (unsigned i = 0; i < WEBHOOK_LANES_MAX && err == ERR_OK; i++)
        err = db_params_init(&w->tips[i].query.params);
    return err;
}

static int open_database(struct webhook *w)
{
    static const char *const channels[] = {"dt_journey", "dt_endpoint", NULL};
    const struct db_options o = {.conninfo = service_database_url(),
                                 .service = "webhook",
                                 .connections = 3,
                                 .depth = 1,
                                 .max_waiting = DB_WAITING_MAX,
                                 .allow_unsafe = conf_bool("safety", "allow_unsafe_database"),
                                 .statements = statements,
                                 .statement_count = WEBHOOK_Q_COUNT,
                                 .channels = channels,
                                 .on_notify = on_notify,
                                 .on_state = on_state,
                                 .owner = w};
    return db_create(w->loop, &o, &w->db);
}

static int open_fetcher(struct webhook *w)
{
    const char *ca = conf_text("webhook", "ca_file");
    const struct fetch_options o = {.max_in_flight = w->in_flight_max,
                                    .max_waiting = w->in_flight_max,
                                    .max_per_host = w->in_flight_max, // our own limit is per endpoint
                                    .ca_file = ca[0] ? ca : NULL,
                                    .user_agent = "duongthu/1 (+webhook)"};
    return fetch_create(w->loop, &o, &w->fetcher);
}

static int start(uv_loop_t *loop, void *ctx)
{
    struct webhook *w = ctx;
    char error[256] = "";
    w->loop = loop;
    configure(w);
    sender_register_metrics();
    ready_set("db", "not connected yet");
    int err = keyring_open(conf_text("keys", "dir"), KEY_WEBHOOK, &w->ring, error, sizeof error);
    if (err != ERR_OK) {
        log_error("webhook.keys", LOG_ERR(err), LOG_STR("why", error));
        return err;
    }
    err = open_params(w);
    if (err == ERR_OK)
        err = registry_create(w, &w->registry);
    if (err == ERR_OK)
        err = recorder_create(w, &w->recorder);
    if (err == ERR_OK)
        err = open_fetcher(w);
    if (err == ERR_OK)
        err = open_database(w);
    if (err == ERR_OK)
        err = uv_timer_init(loop, &w->tick);
    w->tick.data = w;
    if (err == ERR_OK)
        err = uv_timer_start(&w->tick, on_tick, WEBHOOK_TICK_MS, WEBHOOK_TICK_MS);
    if (err != ERR_OK)
        log_error("webhook.start", LOG_ERR(err));
    return err;
}

// ---------------------------------------------------------------- stop: nothing new, then the answers, then
// the ledger, then the lease, then the handles

static void on_part_closed(void *owner)
{
    struct webhook *w = owner;
    if (--w->open > 0)
        return;
    LIST_FOR(it, &w->endpoints)
    endpoint_unref(CONTAINER_OF(it, struct endpoint, node));
    sender_free_spare(w);
    registry_destroy(w->registry);
    recorder_destroy(w->recorder);
    db_params_done(&w->lease_query.params);
    for (unsigned i = 0; i < WEBHOOK_LANES_MAX; i++)
        db_params_done(&w->tips[i].query.params);
    keyring_close(w->ring);
    service_stopped();
}

static void on_tick_closed(uv_handle_t *handle)
{
    on_part_closed(handle->data);
}

static void close_parts(struct webhook *w)
{
    w->epoch = 0;
    forget(w);
    w->open = 3;
    uv_close((uv_handle_t *)&w->tick, on_tick_closed);
    fetch_close(w->fetcher, on_part_closed, w);
    db_close(w->db, on_part_closed, w);
}

static void on_released(struct db_query *q, int err, const struct db_result *r)
{
    (void)err; // the lease ends by itself
    (void)r;
    close_parts(q->owner);
}

// Not while the query is under way: it would end as this one, too.
static int release_lease(struct webhook *w)
{
    db_params_reset(&w->lease_query.params);
    db_put_int8(&w->lease_query.params, w->epoch);
    w->lease_query.statement = WEBHOOK_Q_RELEASE;
    w->lease_query.done = on_released;
    w->lease_query.timeout_ms = 2000;
    return db_submit(w->db, &w->lease_query);
}

static void on_drain_tick(uv_timer_t *timer)
{
    struct webhook *w = timer->data;
    bool late = clock_mono_ms() > w->drain_until_ms;
    keep_lease(w);
    if (w->epoch != 0)
        recorder_step(w->recorder);
    bool written = w->epoch == 0 || recorder_idle(w->recorder);
    if (!late && (w->flight_count > 0 || w->lease_busy || !written))
        return;
    (void)uv_timer_stop(timer);
    w->closing = true;
    if (w->epoch == 0 || w->lease_busy || release_lease(w) != ERR_OK)
        close_parts(w);
}

static void stop(void *ctx)
{
    struct webhook *w = ctx;
    w->stopping = true;
    w->drain_until_ms = clock_mono_ms() + DRAIN_MS;
    LIST_FOR(it, &w->endpoints)
    recorder_touch(CONTAINER_OF(it, struct endpoint, node));
    (void)uv_timer_start(&w->tick, on_drain_tick, 0, 20);
}

struct service webhook_service(struct webhook *w)
{
    return (struct service){.name = "webhook", .start = start, .stop = stop, .ctx = w};
}

int webhook_run(int argc, char **argv)
{
    static struct webhook webhook;
    const struct service service = webhook_service(&webhook);
    return service_run(&service, argc, argv);
}
