// SPDX-License-Identifier: EUPL-1.2
// The endpoints. A refresh reads dt.endpoint whole (it is small), follows what changed, loads the state of
// what is new, and takes the replays that people asked for. An endpoint is NEW until its state is asked for,
// LOADING until it has come, then RUNNING.
#include "webhook/internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "webhook/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct registry {
    struct webhook *webhook;
    struct db_query query; // the list, then the replays
    bool busy;
    bool replays_wanted, replaying;
    uint64_t generation, refresh;
    int64_t epoch; // of the replays under way
};

// Columns of WEBHOOK_Q_ENDPOINTS.
enum {
    COL_ID,
    COL_URL,
    COL_UNITS,
    COL_KINDS,
    COL_LEGS,
    COL_THIN,
    COL_ALLOW,
    COL_STATUS,
    COL_DOWN_AGO,
    COL_SECRETS,
    COL_REPLAY
};
// Columns of WEBHOOK_Q_STATE, and the kinds of its rows.
enum { ST_KIND, ST_LANE, ST_POS, ST_DOSSIER, ST_SEQ, ST_ATTEMPTS, ST_NEXT_IN, ST_SINCE_AGO, ST_WHY };
enum { STATE_CURSOR = 1, STATE_SETTLED = 2, STATE_HOLD = 3 };

int registry_create(struct webhook *w, struct registry **ret_registry)
{
    struct registry *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NO_MEMORY;
    r->webhook = w;
    r->query.owner = r;
    if (db_params_init(&r->query.params) != ERR_OK) {
        free(r);
        return ERR_NO_MEMORY;
    }
    *ret_registry = r;
    return ERR_OK;
}

void registry_destroy(struct registry *r)
{
    if (!r)
        return;
    db_params_done(&r->query.params);
    free(r);
}

// ---------------------------------------------------------------- one endpoint

static struct endpoint *endpoint_new(struct webhook *w, const char id[16])
{
    struct endpoint *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    memcpy(e->id, id, sizeof e->id);
    e->webhook = w;
    e->refs = 1;
    list_init(&e->starved);
    list_init(&e->touched);
    outbox_init(&e->outbox, w->speed);
    breaker_init(&e->breaker, w->speed);
    pace_init(&e->pace, w->per_endpoint, w->speed);
    list_push(&w->endpoints, &e->node);
    w->endpoint_count++;
    return e;
}

void endpoint_unref(struct endpoint *e)
{
    if (--e->refs > 0)
        return;
    outbox_done(&e->outbox);
    crypto_wipe(e->keys, sizeof e->keys);
    fetch_target_unref(e->target);
    free(e->url);
    free(e->units);
    free(e->kinds);
    free(e->allow);
    free(e);
}

void endpoint_reset(struct endpoint *e)
{
    e->generation++;
    e->phase = ENDPOINT_NEW;
    e->reading = false;
    memset(e->attached, 0, sizeof e->attached);
    list_remove(&e->starved);
    list_remove(&e->touched);
    outbox_done(&e->outbox);
    outbox_init(&e->outbox, e->webhook->speed);
}

static void endpoint_drop(struct endpoint *e)
{
    endpoint_reset(e);
    list_remove(&e->node);
    e->webhook->endpoint_count--;
    endpoint_unref(e);
}

bool endpoint_down(const struct endpoint *e)
{
    return e->breaker.state != BREAKER_CLOSED || e->crowded;
}

bool endpoint_silent(const struct endpoint *e)
{
    return endpoint_down(e) && e->down_since_ms != 0 &&
           clock_mono_ms() >= schedule_end(e->down_since_ms, e->webhook->speed);
}

// ---------------------------------------------------------------- status

void endpoint_id_text(const struct endpoint *e, char out[ENDPOINT_ID_TEXT])
{
    const unsigned char *u = e->id;
    (void)snprintf(out, ENDPOINT_ID_TEXT,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0], u[1], u[2],
                   u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

static void note_status(struct endpoint *e, const char *event, const char *why)
{
    char id[ENDPOINT_ID_TEXT];
    endpoint_id_text(e, id);
    (void)snprintf(e->why, sizeof e->why, "%s", why);
    e->status_dirty = true;
    log_warn(event, LOG_STR("endpoint", id), LOG_STR("why", why), LOG_INT("held", e->outbox.held));
    endpoint_store_status(e);
}

void endpoint_check_down(struct endpoint *e)
{
    unsigned held = e->outbox.held;
    e->crowded = held >= OUTBOX_HOLDS_MAX || (e->crowded && held >= OUTBOX_HOLDS_MAX * 9 / 10);
    bool down = endpoint_down(e);
    if (down && e->down_since_ms == 0) {
        e->down_since_ms = clock_mono_ms();
        memset(e->attached, 0, sizeof e->attached);
        note_status(e, "endpoint.down", e->crowded ? "too many dossiers held" : "its answers fail");
    } else if (!down && e->down_since_ms != 0) {
        e->down_since_ms = 0;
        pace_restart(&e->pace);
        outbox_wake_all(&e->outbox, clock_mono_ms());
        note_status(e, "endpoint.up", "");
    }
}

void endpoint_answered(struct endpoint *e)
{
    e->answered_ms = clock_mono_ms();
    if (e->down_since_ms != 0)
        e->down_since_ms = e->answered_ms;
}

void endpoint_disable(struct endpoint *e, const char *why)
{
    e->status = ENDPOINT_DISABLED;
    memset(e->attached, 0, sizeof e->attached);
    note_status(e, "endpoint.disabled", why);
}

struct status_write {
    struct db_query query;
    struct endpoint *endpoint;
    int64_t epoch, down_since_ms;
};

static void on_status_written(struct db_query *q, int err, const struct db_result *r)
{
    struct status_write *s = q->owner;
    struct endpoint *e = s->endpoint;
    struct webhook *w = e->webhook;
    e->status_writing = false;
    w->queries--;
    if (err == ERR_OK) {
        e->status_from_refresh = w->registry->refresh + 1; // one under way may have read the old row
        e->down_written_ms = s->down_since_ms;
    } else {
        e->status_dirty = true; // the next refresh tries again
        webhook_query_failed(w, "status", s->epoch, err, r);
    }
    endpoint_unref(e);
    db_params_done(&q->params);
    free(s);
}

// It has answered while it was down, so long after what dt.endpoint says that it is worth a write.
static bool silence_lags(const struct endpoint *e)
{
    return e->down_since_ms - e->down_written_ms > WEBHOOK_SILENCE_MS / e->webhook->speed;
}

void endpoint_store_status(struct endpoint *e)
{
    struct webhook *w = e->webhook;
    if ((!e->status_dirty && !silence_lags(e)) || e->status_writing || !webhook_writes(w))
        return;
    struct status_write *s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->endpoint = e;
    s->epoch = w->epoch;
    if (webhook_query_init(&s->query, WEBHOOK_Q_STATUS, on_status_written, s) != ERR_OK) {
        free(s);
        return;
    }
    db_put_int8(&s->query.params, w->epoch);
    db_put_uuid(&s->query.params, e->id);
    db_put_bool(&s->query.params, e->status == ENDPOINT_DISABLED);
    db_put_cstr(&s->query.params, e->why);
    s->down_since_ms = e->down_since_ms;
    db_put_int8(&s->query.params, e->down_since_ms != 0 ? clock_mono_ms() - e->down_since_ms : -1);
    if (db_submit(w->db, &s->query) != ERR_OK) {
        db_params_done(&s->query.params);
        free(s);
        return;
    }
    e->status_dirty = false;
    e->status_writing = true;
    e->refs++;
    w->queries++;
}

// ---------------------------------------------------------------- loading what is known of an endpoint

struct state_load {
    struct db_query query;
    struct endpoint *endpoint;
    uint64_t generation;
};

// The settled positions of one lane, from row `first` on; they come in order.
static int take_settled(const struct db_result *r, int16_t lane, int64_t **ret_settled, size_t *ret_count)
{
    size_t n = 0;
    for (int i = 0; i < db_rows(r); i++)
        n += db_int(r, i, ST_KIND) == STATE_SETTLED && db_int(r, i, ST_LANE) == lane;
    int64_t *settled = n > 0 ? malloc(n * sizeof *settled) : NULL;
    if (n > 0 && !settled)
        return ERR_NO_MEMORY;
    *ret_count = n;
    n = 0;
    for (int i = 0; settled && i < db_rows(r); i++) {
        if (db_int(r, i, ST_KIND) == STATE_SETTLED && db_int(r, i, ST_LANE) == lane)
            settled[n++] = db_int(r, i, ST_POS);
    }
    *ret_settled = settled;
    return ERR_OK;
}

// Of a lane's cursor: when people last asked for it again, 0 = never.
static int64_t replayed_ms(const struct db_result *r, int row)
{
    return db_null(r, row, ST_SINCE_AGO) ? 0 : clock_wall_ms() - db_int(r, row, ST_SINCE_AGO);
}

static int take_state(struct endpoint *e, const struct db_result *r)
{
    int64_t now = clock_mono_ms();
    for (int i = 0; i < db_rows(r); i++) {
        int16_t lane = (int16_t)db_int(r, i, ST_LANE);
        int err = ERR_OK;
        if (db_int(r, i, ST_KIND) == STATE_CURSOR) {
            int64_t *settled = NULL;
            size_t count = 0;
            err = take_settled(r, lane, &settled, &count);
            if (!err)
                err = outbox_add_lane(&e->outbox, lane, db_int(r, i, ST_POS), replayed_ms(r, i), settled,
                                      count);
        } else if (db_int(r, i, ST_KIND) == STATE_HOLD) {
            char why[OUTBOX_WHY_MAX];
            db_copy_text(r, i, ST_WHY, why, sizeof why);
            err = outbox_add_hold(&e->outbox, lane, db_int(r, i, ST_DOSSIER), db_int(r, i, ST_SEQ),
                                  (unsigned)db_int(r, i, ST_ATTEMPTS), now - db_int(r, i, ST_SINCE_AGO),
                                  now + db_int(r, i, ST_NEXT_IN), why);
        }
        if (err)
            return err;
    }
    return ERR_OK;
}

static void on_state(struct db_query *q, int err, const struct db_result *r)
{
    struct state_load *s = q->owner;
    struct endpoint *e = s->endpoint;
    struct webhook *w = e->webhook;
    w->queries--;
    if (s->generation == e->generation) {
        if (err == ERR_OK)
            err = take_state(e, r);
        else
            webhook_query_failed(w, "state", 0, err, r);
        if (err == ERR_OK && s->generation == e->generation) {
            e->phase = ENDPOINT_RUNNING;
            endpoint_check_down(e);
            reader_step(w);
            sender_serve(e);
        } else if (s->generation == e->generation) {
            endpoint_reset(e); // the next refresh tries again
        }
    }
    endpoint_unref(e);
    db_params_done(&q->params);
    free(s);
}

// Not while requests of the outbox before this one are under way: a dossier would have two at once; nor while
// the ledger lacks what became of them: it would settle later what a replay has put in line here, and the
// next owner would skip that. Nor before what may still be written is fenced off. The next refresh tries
// again.
static void load_state(struct endpoint *e)
{
    struct webhook *w = e->webhook;
    if (e->flights > 0 || recorder_owes(w->recorder, e) || !webhook_writes(w))
        return;
    struct state_load *s = calloc(1, sizeof *s);
    if (!s)
        return;
    s->endpoint = e;
    s->generation = e->generation;
    if (webhook_query_init(&s->query, WEBHOOK_Q_STATE, on_state, s) != ERR_OK) {
        free(s);
        return;
    }
    db_put_uuid(&s->query.params, e->id);
    if (db_submit(w->db, &s->query) != ERR_OK) {
        db_params_done(&s->query.params);
        free(s);
        return;
    }
    e->phase = ENDPOINT_LOADING;
    e->refs++;
    w->queries++;
}

// ---------------------------------------------------------------- refreshing

// Replaces *at by the column's text when it is another one. False: no memory.
static bool take_text(char **at, const struct db_result *r, int row, int col)
{
    size_t len;
    const char *text = db_bytes(r, row, col, &len);
    if (*at && strlen(*at) == len && memcmp(*at, text, len) == 0)
        return true;
    char *copy = strndup(text, len);
    if (!copy)
        return false;
    free(*at);
    *at = copy;
    return true;
}

// Secrets as hex, separated by blanks; each opens to the text of a key.
static int take_secrets(struct endpoint *e, const struct db_result *r, int row)
{
    size_t len, n = 0;
    const char *hex = db_bytes(r, row, COL_SECRETS, &len);
    while (len > 0 && n < STANDARD_WEBHOOKS_KEYS_MAX) {
        const char *blank = memchr(hex, ' ', len);
        size_t word = blank ? (size_t)(blank - hex) : len;
        unsigned char sealed[256], text[256];
        size_t sealed_len, text_len;
        int err = crypto_hex_decode(hex, word, sealed, sizeof sealed, &sealed_len);
        if (!err)
            err = open_secret(e->webhook->ring, e->id, sealed, sealed_len, text, &text_len);
        if (!err)
            err = standard_webhooks_parse((char *)text, text_len, &e->keys[n]);
        crypto_wipe(text, sizeof text);
        if (err)
            return err;
        n++;
        hex += word + (blank != NULL);
        len -= word + (blank != NULL);
    }
    e->key_count = n;
    return n > 0 ? ERR_OK : ERR_NOT_FOUND;
}

static enum endpoint_status parse_status(const struct db_result *r, int row)
{
    char text[16];
    db_copy_text(r, row, COL_STATUS, text, sizeof text);
    return strcmp(text, "active") == 0   ? ENDPOINT_ACTIVE
           : strcmp(text, "paused") == 0 ? ENDPOINT_PAUSED
                                         : ENDPOINT_DISABLED;
}

static void follow_status(struct endpoint *e, enum endpoint_status now)
{
    if (now == e->status)
        return;
    if (now == ENDPOINT_ACTIVE) { // a fresh start
        breaker_init(&e->breaker, e->webhook->speed);
        pace_init(&e->pace, e->webhook->per_endpoint, e->webhook->speed);
        pace_restart(&e->pace);
        outbox_wake_all(&e->outbox, clock_mono_ms());
        e->down_since_ms = 0;
        char id[ENDPOINT_ID_TEXT];
        endpoint_id_text(e, id);
        log_info("endpoint.resumed", LOG_STR("endpoint", id));
    } else {
        memset(e->attached, 0, sizeof e->attached);
    }
    e->status = now;
}

static bool take_address(struct endpoint *e, const struct db_result *r, int row)
{
    const char *url = e->url, *allow = e->allow;
    char why[160];
    if (!take_text(&e->url, r, row, COL_URL) || !take_text(&e->allow, r, row, COL_ALLOW))
        return false;
    if (e->target && e->url == url && e->allow == allow)
        return true;
    fetch_target_unref(e->target);
    // What the guard refuses is tried by its URL, each time: the ledger then has the sentence.
    if (fetch_target_create(e->url, e->allow, e->webhook->ports, &e->target, why, sizeof why) != ERR_OK)
        e->target = NULL;
    return true;
}

// Under a lease that is new to the endpoint: another process may have sent to it meanwhile.
static void take_status(struct endpoint *e, const struct db_result *r, int row)
{
    int64_t now = clock_mono_ms();
    e->epoch = e->webhook->epoch;
    e->status = parse_status(r, row);
    e->status_dirty = false;
    e->down_since_ms = 0;
    if (!db_null(r, row, COL_DOWN_AGO)) {
        if (e->breaker.state == BREAKER_CLOSED)
            breaker_init_open(&e->breaker, e->webhook->speed, now);
        int64_t since = now - db_int(r, row, COL_DOWN_AGO);
        e->down_written_ms = since;
        e->down_since_ms = since > e->answered_ms ? since : e->answered_ms;
        e->down_since_ms = e->down_since_ms != 0 ? e->down_since_ms : 1;
    } // one that is down in our eyes only is so from when its state has come
}

static int take_row(struct registry *reg, struct endpoint *e, const struct db_result *r, int row)
{
    if (!take_address(e, r, row) || !take_text(&e->units, r, row, COL_UNITS) ||
        !take_text(&e->kinds, r, row, COL_KINDS))
        return ERR_NO_MEMORY;
    db_copy_text(r, row, COL_LEGS, e->legs, sizeof e->legs);
    e->thin = db_bool(r, row, COL_THIN);
    if (e->epoch != e->webhook->epoch)
        take_status(e, r, row);
    else if (!e->status_dirty && !e->status_writing && reg->refresh >= e->status_from_refresh)
        follow_status(e, parse_status(r, row));
    return take_secrets(e, r, row);
}

static struct endpoint *find(struct webhook *w, const char *id)
{
    LIST_FOR(it, &w->endpoints)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, node);
        if (memcmp(e->id, id, sizeof e->id) == 0)
            return e;
    }
    return NULL;
}

static void take_endpoint(struct registry *reg, const struct db_result *r, int row)
{
    struct webhook *w = reg->webhook;
    size_t len;
    const char *id = db_bytes(r, row, COL_ID, &len);
    struct endpoint *e = find(w, id);
    if (!e && w->endpoint_count < WEBHOOK_ENDPOINTS_MAX)
        e = endpoint_new(w, id);
    if (!e)
        return;
    int err = take_row(reg, e, r, row);
    e->listed = true;
    if (err != ERR_OK) {
        char text[ENDPOINT_ID_TEXT];
        endpoint_id_text(e, text);
        log_error("endpoint.unusable", LOG_STR("endpoint", text), LOG_ERR(err));
        e->key_count = 0; // nothing is sent unsigned
    }
    endpoint_store_status(e);
    if (e->phase == ENDPOINT_NEW && e->key_count > 0)
        load_state(e);
}

static void on_replays(struct db_query *q, int err, const struct db_result *r);

bool registry_replaying(const struct registry *reg)
{
    return reg->replaying;
}

void registry_take_replays(struct registry *reg)
{
    struct webhook *w = reg->webhook;
    if (!reg->replays_wanted || reg->busy || recorder_busy(w->recorder) || !webhook_owns(w) ||
        !webhook_writes(w))
        return;
    db_params_reset(&reg->query.params);
    db_put_int8(&reg->query.params, w->epoch);
    reg->epoch = w->epoch;
    reg->query.statement = WEBHOOK_Q_REPLAYS;
    reg->query.done = on_replays;
    reg->busy = reg->replaying = db_submit(w->db, &reg->query) == ERR_OK;
    reg->replays_wanted = false;
}

static void on_endpoints(struct db_query *q, int err, const struct db_result *r)
{
    struct registry *reg = q->owner;
    struct webhook *w = reg->webhook;
    reg->busy = false;
    if (reg->generation != w->generation)
        return;
    if (err != ERR_OK) {
        webhook_query_failed(w, "endpoints", 0, err, r);
        return;
    }
    LIST_FOR(it, &w->endpoints)
    CONTAINER_OF(it, struct endpoint, node)->listed = false;
    for (int i = 0; i < db_rows(r); i++) {
        take_endpoint(reg, r, i);
        reg->replays_wanted = reg->replays_wanted || db_bool(r, i, COL_REPLAY);
    }
    LIST_FOR(it, &w->endpoints)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, node);
        if (!e->listed)
            endpoint_drop(e);
    }
    registry_take_replays(reg);
    reader_step(w);
}

static void on_replays(struct db_query *q, int err, const struct db_result *r)
{
    struct registry *reg = q->owner;
    struct webhook *w = reg->webhook;
    reg->busy = reg->replaying = false;
    if (reg->generation != w->generation)
        return;
    if (err != ERR_OK) { // when nobody knows whether it was done, the rows are there or the holds are: both
                         // are read again
        webhook_query_failed(w, "replays", reg->epoch, err, r);
        LIST_FOR(it, &w->endpoints)
        endpoint_reset(CONTAINER_OF(it, struct endpoint, node));
        return;
    }
    for (int i = 0; i < db_rows(r); i++) {
        size_t len;
        struct endpoint *e = find(w, db_bytes(r, i, 0, &len));
        char text[ENDPOINT_ID_TEXT];
        if (!e)
            continue;
        endpoint_id_text(e, text);
        log_info("endpoint.replay", LOG_STR("endpoint", text));
        endpoint_reset(e);
        load_state(e);
    }
    recorder_step(w->recorder);
}

void registry_refresh(struct webhook *w)
{
    struct registry *reg = w->registry;
    if (reg->busy || w->epoch == 0 || w->stopping || w->tip_count == 0)
        return;
    reg->generation = w->generation;
    reg->refresh++;
    db_params_reset(&reg->query.params);
    reg->query.statement = WEBHOOK_Q_ENDPOINTS;
    reg->query.done = on_endpoints;
    reg->busy = db_submit(w->db, &reg->query) == ERR_OK;
}
