// SPDX-License-Identifier: EUPL-1.2
// One request per struct flight: the letter is printed and signed, sent, and the answer is worked into
// outbox, breaker, pace and ledger. The lease is checked on the monotonic clock before each send.
#include "webhook/internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "webhook/answer.h"
#include "webhook/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_ID        "webhook-id: "
#define HEADER_TIMESTAMP "webhook-timestamp: "
#define HEADER_SIGNATURE "webhook-signature: "

struct flight {
    struct list node; // webhook.flights
    struct fetch fetch;
    struct endpoint *endpoint;
    struct outbox_key *key; // valid while the generation is the endpoint's
    uint64_t generation;
    int64_t pos, at_ms;
    int16_t lane;
    struct buf body; // keeps its memory in the pool
    char id[sizeof HEADER_ID + LETTER_ID_LEN], timestamp[sizeof HEADER_TIMESTAMP + BUF_INT_MAX];
    char signature[sizeof HEADER_SIGNATURE + STANDARD_WEBHOOKS_HEADER_MAX];
    const char *headers[5];
};

static struct metric attempts[] = {
    {.name = "duongthu_webhook_attempts_total",
     .labels = "result=\"delivered\"",
     .help = "requests by what became of them",
     .kind = METRIC_COUNTER},
    {.name = "duongthu_webhook_attempts_total", .labels = "result=\"failed\"", .kind = METRIC_COUNTER},
    {.name = "duongthu_webhook_attempts_total", .labels = "result=\"gone\"", .kind = METRIC_COUNTER},
    {.name = "duongthu_webhook_attempts_total", .labels = "result=\"aborted\"", .kind = METRIC_COUNTER},
    {.name = "duongthu_webhook_attempts_total", .labels = "result=\"cancelled\"", .kind = METRIC_COUNTER},
};
static struct metric given_up = {.name = "duongthu_webhook_given_up_total",
                                 .help = "events given up after 75 h 35 m",
                                 .kind = METRIC_COUNTER};
static struct metric first_answer = {.name = "duongthu_webhook_delivery_seconds",
                                     .help = "from the journey row to the endpoint's 2xx",
                                     .kind = METRIC_HISTOGRAM};
static struct metric in_flight = {
    .name = "duongthu_webhook_in_flight", .help = "requests under way", .kind = METRIC_GAUGE};
static struct metric held = {
    .name = "duongthu_webhook_held", .help = "dossiers held, all endpoints", .kind = METRIC_GAUGE};
static struct metric down = {.name = "duongthu_webhook_endpoints_down",
                             .help = "active endpoints that do not answer well",
                             .kind = METRIC_GAUGE};
static struct metric oldest = {.name = "duongthu_webhook_oldest_undelivered_seconds",
                               .help = "age of the oldest event in memory that is not settled",
                               .kind = METRIC_GAUGE};

void sender_register_metrics(void)
{
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++)
        metric_register(&attempts[i]);
    metric_register(&given_up);
    metric_register(&first_answer);
    metric_register(&in_flight);
    metric_register(&held);
    metric_register(&down);
    metric_register(&oldest);
}

// ---------------------------------------------------------------- the end of a flight

static void record_attempt(const struct flight *f, const struct answer *a)
{
    static const int16_t outcomes[] = {
        [ANSWER_DELIVERED] = ATTEMPT_DELIVERED, [ANSWER_FAILED] = ATTEMPT_FAILED,
        [ANSWER_GONE] = ATTEMPT_FAILED,         [ANSWER_ABORTED] = ATTEMPT_ABORTED,
        [ANSWER_NONE] = ATTEMPT_FAILED,
    };
    struct attempt row = {.lane = f->lane,
                          .outcome = outcomes[a->verdict],
                          .status = (int16_t)f->fetch.status,
                          .pos = f->pos,
                          .at_ms = f->at_ms,
                          .took_ms = (int32_t)f->fetch.took_ms};
    memcpy(row.endpoint, f->endpoint->id, sizeof row.endpoint);
    const char *error = f->fetch.error[0] ? f->fetch.error : a->why;
    if (a->verdict != ANSWER_DELIVERED)
        (void)snprintf(row.error, sizeof row.error, "%s", error);
    recorder_note_attempt(f->endpoint->webhook->recorder, &row);
    metric_add(&attempts[a->verdict], 1);
}

static void settle_failed(struct flight *f, const struct answer *a, int64_t now)
{
    struct endpoint *e = f->endpoint;
    uint64_t random;
    random_bytes(&random, sizeof random);
    if (!outbox_failed(&e->outbox, f->key, a->why, a->retry_after_ms, now, random)) {
        metric_add(&given_up, 1);
        char id[ENDPOINT_ID_TEXT];
        endpoint_id_text(e, id);
        log_warn("event.given-up", LOG_STR("endpoint", id), LOG_INT("lane", f->lane), LOG_INT("pos", f->pos),
                 LOG_STR("why", a->why));
    }
}

// The receiver has it, or does not want it.
static void settle_done(struct flight *f, bool delivered, int64_t now, int64_t wall_now)
{
    struct endpoint *e = f->endpoint;
    const struct outbox_delivery *d = outbox_head(f->key);
    if (delivered)
        metric_observe_ms(&first_answer, wall_now - d->event->recorded_ms);
    if (d->gap)
        recorder_note_told(e->webhook->recorder, e, d->event);
    outbox_delivered(&e->outbox, f->key, now);
}

static void settle(struct flight *f, const struct answer *a, int64_t now, int64_t wall_now)
{
    struct endpoint *e = f->endpoint;
    switch (a->verdict) {
    case ANSWER_DELIVERED:
    case ANSWER_ABORTED:
        settle_done(f, a->verdict == ANSWER_DELIVERED, now, wall_now);
        break;
    case ANSWER_FAILED:
        settle_failed(f, a, now);
        break;
    case ANSWER_GONE: // nothing is lost: when the endpoint is made active again the event goes first
    case ANSWER_NONE:
        outbox_returned(&e->outbox, f->key);
        break;
    }
    recorder_touch(e);
}

// What the answer tells of the endpoint holds whatever has become of the outbox since (a replay).
static void note_health(const struct flight *f, const struct answer *a, int64_t now)
{
    struct endpoint *e = f->endpoint;
    if (a->verdict == ANSWER_DELIVERED)
        pace_success(&e->pace, f->fetch.took_ms);
    else if (a->throttle)
        pace_throttle(&e->pace, a->retry_after_ms, now);
    if (a->blames || a->verdict == ANSWER_DELIVERED)
        (void)breaker_note(&e->breaker, a->verdict == ANSWER_DELIVERED || a->verdict == ANSWER_ABORTED, now);
    if (a->verdict == ANSWER_DELIVERED || a->verdict == ANSWER_ABORTED)
        endpoint_answered(e);
    if (a->verdict == ANSWER_GONE)
        endpoint_disable(e, "410 Gone");
    else
        endpoint_check_down(e);
}

// Flights are used again: most of their time went into memory.
static struct flight *flight_new(struct webhook *w)
{
    struct list *spare = list_pop(&w->spare_flights);
    if (spare)
        return CONTAINER_OF(spare, struct flight, node);
    struct flight *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    buf_init(&f->body, LETTER_MAX);
    memcpy(f->id, HEADER_ID, sizeof HEADER_ID);
    memcpy(f->timestamp, HEADER_TIMESTAMP, sizeof HEADER_TIMESTAMP);
    memcpy(f->signature, HEADER_SIGNATURE, sizeof HEADER_SIGNATURE);
    f->headers[0] = "Content-Type: " LETTER_MEDIA;
    f->headers[1] = f->id;
    f->headers[2] = f->timestamp;
    f->headers[3] = f->signature;
    return f;
}

static void flight_free(struct flight *f)
{
    list_remove(&f->node);
    list_push(&f->endpoint->webhook->spare_flights, &f->node);
    endpoint_unref(f->endpoint);
}

void sender_free_spare(struct webhook *w)
{
    LIST_FOR(it, &w->spare_flights)
    {
        struct flight *f = CONTAINER_OF(it, struct flight, node);
        buf_done(&f->body);
        free(f);
    }
    list_init(&w->spare_flights);
}

static void on_answer(struct fetch *fetch)
{
    struct flight *f = fetch->owner;
    struct endpoint *e = f->endpoint;
    struct webhook *w = e->webhook;
    int64_t now = clock_mono_ms(), wall_now = clock_wall_ms();
    const struct answer a = answer_judge(fetch, wall_now);
    bool current = f->generation == e->generation;
    w->flight_count--;
    e->flights--;
    if (w->epoch != 0 && a.verdict != ANSWER_NONE)
        record_attempt(f, &a);
    if (current)
        settle(f, &a, now, wall_now);
    if (w->epoch != 0 && a.verdict != ANSWER_NONE)
        note_health(f, &a, now);
    e->refs++;
    flight_free(f);
    recorder_step(w->recorder);
    if (current)
        sender_serve(e);
    bool hungry = reader_would_feed(e);
    endpoint_unref(e);
    sender_feed_starved(w);
    if (hungry)
        reader_step(w);
}

// ---------------------------------------------------------------- the start of a flight

static int write_letter(struct flight *f, const struct outbox_delivery *d)
{
    const struct endpoint *e = f->endpoint;
    const struct webhook *w = e->webhook;
    char *id = f->id + sizeof HEADER_ID - 1;
    int64_t at_s = f->at_ms / 1000;
    letter_id(&w->from, d->event, e->id, id);
    int err = letter_print(&w->from, d->event, id, e->thin, d->gap, &f->body);
    if (!err)
        err = standard_webhooks_sign(e->keys, e->key_count, id, at_s, f->body.data, f->body.len,
                                     f->signature + sizeof HEADER_SIGNATURE - 1);
    (void)buf_format_int(at_s, f->timestamp + sizeof HEADER_TIMESTAMP - 1);
    return err;
}

// The lease again, on the monotonic clock, when the first byte is about to leave: the process may have been
// frozen since.
static bool still_ours(const struct fetch *fetch)
{
    const struct flight *f = fetch->owner;
    const struct webhook *w = f->endpoint->webhook;
    return f->generation == f->endpoint->generation && w->epoch != 0 &&
           clock_mono_ms() < w->lease_until_ms - WEBHOOK_MARGIN_MS;
}

static int launch(struct flight *f)
{
    const struct endpoint *e = f->endpoint;
    const struct webhook *w = e->webhook;
    int err = write_letter(f, outbox_head(f->key));
    if (err)
        return err;
    f->fetch = (struct fetch){.method = "POST",
                              .url = e->url,
                              .target = e->target,
                              .headers = f->headers,
                              .body = f->body.data,
                              .body_len = f->body.len,
                              .allow = e->allow,
                              .ports = w->ports,
                              .connect_ms = w->connect_ms,
                              .total_ms = w->timeout_ms,
                              .still = still_ours,
                              .done = on_answer,
                              .owner = f};
    return fetch_start(w->fetcher, &f->fetch);
}

// What was asked before a held dossier's events were read may have changed meanwhile.
static bool is_welcome(const struct endpoint *e)
{
    const struct webhook *w = e->webhook;
    return w->flight_count < w->in_flight_max && e->status == ENDPOINT_ACTIVE &&
           e->breaker.state != BREAKER_OPEN && clock_mono_ms() >= e->pace.paused_until_ms;
}

bool sender_go(struct endpoint *e, struct outbox_key *key)
{
    struct webhook *w = e->webhook;
    const struct outbox_delivery *d = outbox_head(key);
    struct flight *f = webhook_owns(w) && is_welcome(e) ? flight_new(w) : NULL;
    if (!f) {
        outbox_returned(&e->outbox, key);
        return false;
    }
    buf_reset(&f->body);
    f->endpoint = e;
    f->key = key;
    f->generation = e->generation;
    f->lane = key->lane;
    f->pos = d->event->pos;
    f->at_ms = clock_wall_ms();
    e->refs++;
    list_push(&w->flights, &f->node);
    int err = launch(f);
    if (err == ERR_OK) {
        w->flight_count++;
        e->flights++;
        return true;
    }
    char id[ENDPOINT_ID_TEXT];
    endpoint_id_text(e, id);
    log_error("event.unsendable", LOG_STR("endpoint", id), LOG_INT("lane", f->lane), LOG_INT("pos", f->pos),
              LOG_ERR(err));
    // Our own limits or memory: it is held like any failure, so that it is seen and holds up nobody else.
    (void)outbox_failed(&e->outbox, key, err_name(err), 0, clock_mono_ms(), 0);
    recorder_touch(e);
    flight_free(f);
    return true;
}

static bool may_send(struct endpoint *e)
{
    const struct webhook *w = e->webhook;
    int64_t now = clock_mono_ms();
    return e->phase == ENDPOINT_RUNNING && e->status == ENDPOINT_ACTIVE && e->key_count > 0 &&
           webhook_owns(w) && recorder_has_room(w->recorder) && !recorder_gives_up(w->recorder, e) &&
           pace_allows(&e->pace, now, e->outbox.busy) && breaker_allows(&e->breaker, now, e->outbox.busy);
}

void sender_serve(struct endpoint *e)
{
    struct webhook *w = e->webhook;
    while (may_send(e)) {
        if (w->flight_count >= w->in_flight_max) {
            if (list_empty(&e->starved) &&
                (!list_empty(&e->outbox.ready) || !list_empty(&e->outbox.ready_held)))
                list_push(&w->starved, &e->starved);
            return;
        }
        struct outbox_key *key = outbox_next(&e->outbox, e->pace.now, endpoint_down(e));
        if (!key)
            return;
        if (outbox_head(key)) {
            if (!sender_go(e, key))
                return;
        } else if (reader_load_hold(e, key) != ERR_OK) {
            outbox_returned(&e->outbox, key);
            return;
        }
    }
}

void sender_feed_starved(struct webhook *w)
{
    struct list *node;
    while (w->flight_count < w->in_flight_max && (node = list_pop(&w->starved)) != NULL)
        sender_serve(CONTAINER_OF(node, struct endpoint, starved));
}

// ---------------------------------------------------------------- time passes

static void expire(struct endpoint *e)
{
    struct webhook *w = e->webhook;
    if (!endpoint_down(e) || e->status != ENDPOINT_ACTIVE || e->phase != ENDPOINT_RUNNING)
        return;
    bool silent = endpoint_silent(e);
    outbox_expire_held(&e->outbox, clock_mono_ms(), silent);
    if (!list_empty(&e->outbox.giving_up))
        recorder_touch(e);
    int64_t before = clock_wall_ms() - schedule_end(0, w->speed);
    struct event *event;
    while (silent && recorder_has_room(w->recorder) &&
           (event = outbox_expire_ready(&e->outbox, before)) != NULL) {
        recorder_note_given_up(w->recorder, e, event, "endpoint down");
        metric_add(&given_up, 1);
        event_unref(event);
        recorder_touch(e);
    }
}

static int64_t oldest_age_ms(const struct endpoint *e)
{
    int64_t age = 0;
    for (unsigned i = 0; i < e->outbox.lane_count; i++) {
        const struct list *order = &e->outbox.lanes[i].order;
        if (order->next == order)
            continue;
        int64_t since = CONTAINER_OF(order->next, struct outbox_delivery, in_order)->event->recorded_ms;
        if (clock_wall_ms() - since > age)
            age = clock_wall_ms() - since;
    }
    return age;
}

void sender_tick(struct webhook *w)
{
    unsigned down_count = 0, held_count = 0;
    int64_t age = 0;
    LIST_FOR(it, &w->endpoints)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, node);
        if (e->phase != ENDPOINT_RUNNING || e->status != ENDPOINT_ACTIVE)
            continue;
        expire(e);
        outbox_wake(&e->outbox, clock_mono_ms());
        sender_serve(e);
        down_count += endpoint_down(e);
        held_count += e->outbox.held;
        int64_t own = oldest_age_ms(e);
        age = own > age ? own : age;
    }
    metric_set(&down, down_count);
    metric_set(&held, held_count);
    metric_set(&in_flight, w->flight_count);
    metric_set(&oldest, (double)age / 1000);
}

void sender_cancel_all(struct webhook *w)
{
    LIST_FOR(it, &w->flights)
    fetch_cancel(&CONTAINER_OF(it, struct flight, node)->fetch);
}
