// SPDX-License-Identifier: EUPL-1.2
// The service: one lease, one planner, one sender, one gateway. A tick each SMS_POLL_MS keeps the lease and
// is the backstop of NOTIFY; every step is idempotent and looks at the state itself.
#include "sms/sms.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "io/http.h"
#include "io/service.h"
#include "sms/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEASE_MARGIN_MS 3000 // sending stops this long before the lease ends
#define DRAIN_MS        15000

static const struct db_statement statements[SMS_Q_COUNT] = {
    [SMS_Q_LANES] = {"lanes",
                     "select h.lane, coalesce((select c.pos from dt.cursor c where c.lane = h.lane and "
                     "c.consumer = 'sms' order by c.pos desc limit 1), 0), "
                     "i.epoch, i.floor, i.started_at from dt.journey_head h cross join (select * from "
                     "dt.installation order by epoch desc limit 1) i order by h.lane"},
    [SMS_Q_LEASE] = {"lease",
                     "select dt.lease_take('sms', $1::text, $2::bigint, $3::bigint * interval '1 ms')"},
    [SMS_Q_RELEASE] = {"release", "select dt.lease_release('sms', $1::bigint)"},
    [SMS_Q_FENCE] = {"fence", "select dt.lease_fence('sms', $1::text, $2::bigint)"},
    [SMS_Q_RECOVER] = {"recover", "select dt.sms_recover($1::bigint, $2::bigint * interval '1 ms')"},
    [SMS_Q_READ] = {"read", "select * from dt.sms_read($1::smallint, $2::bigint, $3::integer)"},
    [SMS_Q_PLAN] = {"plan", "select dt.sms_plan($1::bigint, $2::smallint, $3::bigint, $4::smallint[], "
                            "$5::bigint[], $6::text[], $7::bytea[], $8::smallint[], $9::uuid[], "
                            "$10::bigint[], $11::text[], $12::text[], $13::smallint[], $14::text[], "
                            "$15::timestamptz[], $16::timestamptz[], $17::bytea[], $18::boolean[])"},
    [SMS_Q_CLAIM] = {"claim", "select * from dt.sms_claim($1::bigint, $2::integer)"},
    [SMS_Q_SETTLE] = {"settle", "select dt.sms_settle($1::bigint, $2::uuid, $3::text, $4::text, $5::text, "
                                "$6::timestamptz, $7::boolean)"},
    [SMS_Q_RECEIPT] = {"receipt", "select dt.sms_receipt($1::uuid, $2::boolean)"},
};

static void on_tick(uv_timer_t *t);
static void on_lease(struct db_query *q, int err, const struct db_result *r);
static void on_fenced(struct db_query *q, int err, const struct db_result *r);

bool sms_owns(const struct sms *s)
{
    return s->epoch != 0 && clock_mono_ms() < s->lease_until_ms - LEASE_MARGIN_MS;
}

bool sms_writes(const struct sms *s)
{
    return sms_owns(s) && !s->fencing;
}

void sms_lost_lease(struct sms *s)
{
    if (s->epoch != 0)
        log_warn("sms.lease-lost", LOG_INT("epoch", s->epoch));
    s->epoch = 0;
    s->fencing = false;
}

bool sms_query_failed(struct sms *s, const char *step, int64_t epoch, int err, const struct db_result *res)
{
    const char *state = res ? db_sqlstate(res) : "";
    bool current = epoch != 0 && epoch == s->epoch;
    if (strcmp(state, "DT001") == 0) {
        // Sent before a fence, or refused by one whose answer is awaited, which will tell whose the lease is.
        if (current && !s->fencing)
            sms_lost_lease(s);
        return true;
    }
    s->fencing = s->fencing || (current && (err == ERR_DB_LOST || err == ERR_TIMEOUT));
    bool again = err != ERR_DB_REFUSED || db_transient(state);
    if (again)
        log_warn("sms.step-failed", LOG_STR("step", step), LOG_ERR(err), LOG_STR("sqlstate", state));
    else
        log_error("sms.step-refused", LOG_STR("step", step), LOG_STR("sqlstate", state),
                  LOG_STR("message", db_message(res)));
    return again;
}

static void step(struct sms *s)
{
    planner_step(s->planner);
    sender_step(s->sender);
}

static void submit_own(struct sms *s, enum sms_statement statement, db_done done)
{
    s->lease_query.statement = statement;
    s->lease_query.done = done;
    s->lease_busy = db_submit(s->db, &s->lease_query) == ERR_OK;
}

// While a fence is wanted the lease is not renewed: who asks under the old epoch would hear that it is
// another's.
static void keep_lease(struct sms *s)
{
    if (s->lease_busy || (s->stopping && !s->fencing) ||
        (!s->fencing && s->epoch != 0 && s->lease_until_ms - clock_mono_ms() > SMS_LEASE_MS / 2))
        return;
    db_params_reset(&s->lease_query.params);
    db_put_cstr(&s->lease_query.params, service_holder());
    db_put_int8(&s->lease_query.params, s->epoch);
    if (s->fencing) {
        submit_own(s, SMS_Q_FENCE, on_fenced);
        return;
    }
    db_put_int8(&s->lease_query.params, SMS_LEASE_MS);
    s->lease_asked_ms = clock_mono_ms();
    submit_own(s, SMS_Q_LEASE, on_lease);
}

static void on_fenced(struct db_query *q, int err, const struct db_result *r)
{
    struct sms *s = q->owner;
    s->lease_busy = false;
    if (err != ERR_OK) { // the tick asks again
        (void)sms_query_failed(s, "fence", 0, err, r);
        return;
    }
    if (db_null(r, 0, 0)) {
        sms_lost_lease(s);
        return;
    }
    s->epoch = db_int(r, 0, 0);
    s->fencing = false;
    log_info("sms.fenced", LOG_INT("epoch", s->epoch));
    step(s);
}

static void on_lease(struct db_query *q, int err, const struct db_result *r)
{
    struct sms *s = q->owner;
    s->lease_busy = false;
    if (err != ERR_OK) {
        (void)sms_query_failed(s, "lease", 0, err, r);
        return;
    }
    if (db_null(r, 0, 0)) {
        sms_lost_lease(s);
        return; // a standby: another process sends
    }
    bool fresh = s->epoch != db_int(r, 0, 0);
    s->epoch = db_int(r, 0, 0);
    s->fencing = s->fencing && !fresh;
    s->lease_until_ms = s->lease_asked_ms + SMS_LEASE_MS; // counted from before it was asked for
    if (fresh) {
        log_info("sms.lease-taken", LOG_INT("epoch", s->epoch));
        planner_reset(s->planner);
        sender_reset(s->sender);
    }
    step(s);
}

static void on_tick(uv_timer_t *t)
{
    struct sms *s = t->data;
    keep_lease(s);
    step(s);
}

static void on_notify(void *owner, const char *channel)
{
    (void)channel;
    step(owner);
}

static void on_state(void *owner, bool up, const char *why)
{
    ready_set("db", up ? NULL : why);
    if (up)
        keep_lease(owner);
}

static void read_quiet_hours(void *ctx)
{
    struct sms *s = ctx;
    s->quiet = (struct sms_quiet){(int)conf_int("sms", "quiet_from"), (int)conf_int("sms", "quiet_to")};
}

static int open_gateway(struct sms *s)
{
    char error[256] = "";
    const struct gateway_options o = {.kind = conf_text("sms", "gateway"),
                                      .file = conf_text("sms", "file"),
                                      .url = conf_text("sms", "url"),
                                      .token_file = conf_text("sms", "token_file"),
                                      .sender = conf_text("sms", "sender"),
                                      .allow = conf_text("sms", "allow"),
                                      .window = (unsigned)conf_int("sms", "window")};
    int err = gateway_create(s->loop, &o, &s->gateway, error, sizeof error);
    if (err != ERR_OK)
        log_error("sms.gateway", LOG_ERR(err), LOG_STR("why", error));
    return err;
}

static int open_database(struct sms *s)
{
    static const char *const channels[] = {"dt_journey", NULL};
    const struct db_options o = {.conninfo = service_database_url(),
                                 .service = "sms",
                                 .connections = 2,
                                 .depth = 1,
                                 .max_waiting = 256,
                                 .allow_unsafe = conf_bool("safety", "allow_unsafe_database"),
                                 .statements = statements,
                                 .statement_count = SMS_Q_COUNT,
                                 .channels = channels,
                                 .on_notify = on_notify,
                                 .on_state = on_state,
                                 .owner = s};
    return db_create(s->loop, &o, &s->db);
}

static int start(uv_loop_t *loop, void *ctx)
{
    struct sms *s = ctx;
    char error[256] = "";
    s->loop = loop;
    read_quiet_hours(s);
    ready_set("db", "not connected yet");
    int err =
        keyring_open(conf_text("keys", "dir"), KEY_WRAP | KEY_SMS | KEY_TOKEN, &s->ring, error, sizeof error);
    if (err != ERR_OK) {
        log_error("sms.keys", LOG_ERR(err), LOG_STR("why", error));
        return err;
    }
    s->lease_query.owner = s;
    err = db_params_init(&s->lease_query.params);
    if (err == ERR_OK)
        err = open_gateway(s);
    if (err == ERR_OK)
        err = planner_create(s, &s->planner);
    if (err == ERR_OK)
        err = sender_create(s, &s->sender);
    if (err == ERR_OK)
        err = open_database(s);
    if (err == ERR_OK && conf_text("sms", "receipts_listen")[0])
        err = receipts_open(s, conf_text("sms", "receipts_listen"), conf_text("sms", "receipts_token_file"));
    if (err == ERR_OK)
        err = uv_timer_init(loop, &s->tick);
    s->tick.data = s;
    if (err == ERR_OK)
        err = uv_timer_start(&s->tick, on_tick, SMS_POLL_MS, SMS_POLL_MS);
    if (err != ERR_OK)
        log_error("sms.start", LOG_ERR(err));
    return err;
}

// ---- stopping: the listener first, then what is at the gateway, then the lease, then the handles

static void on_part_closed(void *owner)
{
    struct sms *s = owner;
    if (--s->open > 0)
        return;
    planner_destroy(s->planner);
    sender_destroy(s->sender);
    db_params_done(&s->lease_query.params);
    keyring_close(s->ring);
    service_stopped();
}

static void on_tick_closed(uv_handle_t *h)
{
    on_part_closed(h->data);
}

static void close_parts(struct sms *s)
{
    s->open = 3;
    uv_close((uv_handle_t *)&s->tick, on_tick_closed);
    db_close(s->db, on_part_closed, s);
    gateway_close(s->gateway, on_part_closed, s);
}

static void on_released(struct db_query *q, int err, const struct db_result *r)
{
    (void)err; // the lease ends by itself
    (void)r;
    close_parts(q->owner);
}

// Not while the query is under way: it would end as this one, too.
static int release_lease(struct sms *s)
{
    db_params_reset(&s->lease_query.params);
    db_put_int8(&s->lease_query.params, s->epoch);
    s->lease_query.statement = SMS_Q_RELEASE;
    s->lease_query.done = on_released;
    s->lease_query.timeout_ms = 2000;
    return db_submit(s->db, &s->lease_query);
}

// Waits for the gateway's answers, so that a planned stop leaves nothing unknown.
static void on_drain_tick(uv_timer_t *t)
{
    struct sms *s = t->data;
    bool late = clock_mono_ms() > s->drain_until_ms;
    keep_lease(s);
    sender_step(s->sender); // answers that are not written yet
    if ((planner_busy(s->planner) || sender_busy(s->sender) || s->lease_busy) && !late)
        return;
    (void)uv_timer_stop(t);
    if (s->epoch == 0 || s->lease_busy || release_lease(s) != ERR_OK)
        close_parts(s);
}

static void on_listener_drained(void *owner)
{
    struct sms *s = owner;
    s->drain_until_ms = clock_mono_ms() + DRAIN_MS;
    (void)uv_timer_start(&s->tick, on_drain_tick, 0, 20);
}

static void stop(void *ctx)
{
    struct sms *s = ctx;
    s->stopping = true;
    if (s->receipts)
        http_drain(s->receipts, 5000, on_listener_drained, s);
    else
        on_listener_drained(s);
}

struct service sms_service(struct sms *s)
{
    return (struct service){
        .name = "sms", .start = start, .stop = stop, .reload = read_quiet_hours, .ctx = s};
}

int sms_run(int argc, char **argv)
{
    static struct sms sms;
    const struct service service = sms_service(&sms);
    return service_run(&service, argc, argv);
}
