// SPDX-License-Identifier: EUPL-1.2
// Three ways to read the journey log. At the tip one read per lane serves all attached endpoints, and its
// commit publishes what it returns. An endpoint that has no room, is down, paused or new lags: it reads what
// is published by itself until it reaches the tip. A held dossier is read by its number.
#include "webhook/internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "webhook/schedule.h"

#include <stdlib.h>
#include <string.h>

// Columns of dt.webhook_event.
enum {
    EV_LANE,
    EV_POS,
    EV_CAUSE_LANE,
    EV_CAUSE_POS,
    EV_CAUSE_PART,
    EV_DOSSIER,
    EV_SEQ,
    EV_KIND,
    EV_FLAGS,
    EV_OCCURRED,
    EV_RECORDED,
    EV_UNIT,
    EV_CODE,
    EV_ITEM,
    EV_LEG,
    EV_STATE,
    EV_RETRACTS,
    EV_DETAILS,
    EV_GAPS,
};

// ---------------------------------------------------------------- rows

static struct event *take_event(const struct db_result *r, int row)
{
    size_t details_len;
    const char *details = db_bytes(r, row, EV_DETAILS, &details_len);
    struct event *e = event_new(details, details_len);
    char leg[2];
    if (!e)
        return NULL;
    e->lane = (int16_t)db_int(r, row, EV_LANE);
    e->pos = db_int(r, row, EV_POS);
    e->cause_lane = (int16_t)db_int(r, row, EV_CAUSE_LANE);
    e->cause_pos = db_int(r, row, EV_CAUSE_POS);
    e->cause_part = (int32_t)db_int(r, row, EV_CAUSE_PART);
    e->dossier = db_int(r, row, EV_DOSSIER);
    e->seq = db_int(r, row, EV_SEQ);
    e->kind = (unsigned)db_int(r, row, EV_KIND);
    e->flags = (unsigned)db_int(r, row, EV_FLAGS);
    e->occurred_ms = db_time_ms(r, row, EV_OCCURRED);
    e->recorded_ms = db_time_ms(r, row, EV_RECORDED);
    db_copy_text(r, row, EV_UNIT, e->unit, sizeof e->unit);
    db_copy_text(r, row, EV_CODE, e->code, sizeof e->code);
    db_copy_text(r, row, EV_ITEM, e->item, sizeof e->item);
    db_copy_text(r, row, EV_LEG, leg, sizeof leg);
    e->leg = leg[0];
    e->state = db_null(r, row, EV_STATE) ? -1 : (int)db_int(r, row, EV_STATE);
    e->retracts = db_null(r, row, EV_RETRACTS) ? 0 : db_int(r, row, EV_RETRACTS);
    return e;
}

// A read's rows as events, in order; NULL where memory ran out (the read then ends before it).
struct rows {
    struct event *events[WEBHOOK_READ_MAX];
    int count;
};

static void take_rows(const struct db_result *r, struct rows *ret_rows)
{
    ret_rows->count = 0;
    for (int i = 0; i < db_rows(r) && i < WEBHOOK_READ_MAX; i++) {
        struct event *e = take_event(r, i);
        if (!e)
            return;
        ret_rows->events[ret_rows->count++] = e;
    }
}

static void drop_rows(struct rows *rows)
{
    for (int i = 0; i < rows->count; i++)
        event_unref(rows->events[i]);
}

// Is there a gap before the row's event for this endpoint?
static bool has_gap(const struct db_result *r, int row, const struct endpoint *e)
{
    size_t len;
    const char *ids = db_bytes(r, row, EV_GAPS, &len);
    for (size_t at = 0; at + sizeof e->id <= len; at += sizeof e->id) {
        if (memcmp(ids + at, e->id, sizeof e->id) == 0)
            return true;
    }
    return false;
}

static bool wants(const struct endpoint *e, const struct event *event)
{
    const struct match m = {e->units, e->kinds, e->legs};
    return match_event(&m, event);
}

// Pushes the rows into the endpoint's outbox. False: it has no room for all of them.
static bool push_rows(struct endpoint *e, const struct db_result *r, const struct rows *rows, int first)
{
    for (int i = first; i < rows->count; i++) {
        struct event *event = rows->events[i];
        if (!wants(e, event)) {
            outbox_read_to(&e->outbox, event->lane, event->pos);
            continue;
        }
        bool gap = has_gap(r, i, e);
        for (int j = first - 1; j >= 0 && !gap; j--) // given up just now, in this very read
            gap = rows->events[j]->dossier == event->dossier && wants(e, rows->events[j]);
        if (outbox_push(&e->outbox, event, gap) != ERR_OK)
            return false;
    }
    return true;
}

// ---------------------------------------------------------------- who reads where

static bool may_read(const struct endpoint *e)
{
    return e->phase == ENDPOINT_RUNNING && e->status == ENDPOINT_ACTIVE && e->key_count > 0;
}

static bool is_hungry(const struct endpoint *e)
{
    return outbox_room(&e->outbox) > WEBHOOK_ROOM_HUNGRY;
}

bool reader_would_feed(const struct endpoint *e)
{
    // One that lags is read for when half of its room is free.
    return e->outbox.events < OUTBOX_EVENTS_MAX / 2;
}

// One read of its own brings it to the tip, or fills it: the tip waits for that, else it would feed few and
// everybody else would run after it, each with reads of its own. Nobody waits for one whose reads fail.
static bool is_near(const struct endpoint *e, const struct tip *t, const struct outbox_lane *l)
{
    return !endpoint_down(e) && !e->crowded && !e->unreadable && is_hungry(e) &&
           t->pos - l->read_pos <= WEBHOOK_SPAN_MAX && recorder_has_room(e->webhook->recorder);
}

// Everybody who stands where the tip's reader stands, and has nothing against it, is fed by it. Returns how
// many rows the next read may bring: 0 while nobody needs it, for all have enough to send, or somebody is
// about to join. As many as fit into the fullest outbox, so that endpoints which are equally busy stay
// together; one that is nearly full while others starve drops out. One that is down and has nothing left to
// be probed with needs a read, too: it will read behind.
static unsigned attach_all(struct webhook *w, unsigned lane)
{
    const struct tip *t = &w->tips[lane];
    unsigned room = WEBHOOK_READ_MAX;
    bool needed = false, awaited = false;
    LIST_FOR(it, &w->endpoints)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, node);
        const struct outbox_lane *l = may_read(e) ? outbox_lane(&e->outbox, t->lane) : NULL;
        bool there = l && l->read_pos >= t->pos;
        e->attached[lane] = there && !endpoint_down(e) && (e->attached[lane] || !e->reading);
        if (e->attached[lane]) {
            needed = needed || is_hungry(e);
            room = outbox_room(&e->outbox) < room ? outbox_room(&e->outbox) : room;
        } else if (there) {
            needed = needed || (endpoint_down(e) && !e->crowded && e->outbox.events == 0);
        } else if (l) {
            awaited = awaited || is_near(e, t, l);
        }
    }
    if (!needed || awaited)
        return 0;
    return room < WEBHOOK_ROOM_LEAST ? WEBHOOK_READ_MAX : room;
}

// ---------------------------------------------------------------- at the tip

static void on_tip(struct db_query *q, int err, const struct db_result *r);

static void tip_step(struct tip *t)
{
    struct webhook *w = t->webhook;
    unsigned lane = (unsigned)(t - w->tips);
    if (t->busy || !webhook_owns(w) || !t->again)
        return;
    t->asked = attach_all(w, lane);
    if (t->asked == 0)
        return;
    t->again = false;
    t->generation = w->generation;
    t->epoch = w->epoch;
    db_params_reset(&t->query.params);
    db_put_int8(&t->query.params, w->epoch);
    db_put_int2(&t->query.params, t->lane);
    db_put_int8(&t->query.params, t->pos);
    db_put_int4(&t->query.params, (int32_t)t->asked);
    t->query.statement = WEBHOOK_Q_READ;
    t->query.done = on_tip;
    t->busy = db_submit(w->db, &t->query) == ERR_OK;
    t->again = !t->busy;
}

static void feed(struct tip *t, const struct db_result *r)
{
    struct webhook *w = t->webhook;
    unsigned lane = (unsigned)(t - w->tips);
    struct rows rows;
    take_rows(r, &rows);
    if (rows.count > 0)
        t->pos = rows.events[rows.count - 1]->pos;
    LIST_FOR(it, &w->endpoints)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, node);
        if (!e->attached[lane])
            continue;
        e->attached[lane] = push_rows(e, r, &rows, 0);
        sender_serve(e);
    }
    t->again = t->again || rows.count == (int)t->asked || rows.count < db_rows(r);
    drop_rows(&rows);
}

static void on_tip(struct db_query *q, int err, const struct db_result *r)
{
    struct tip *t = q->owner;
    struct webhook *w = t->webhook;
    t->busy = false;
    if (t->generation != w->generation)
        return;
    if (err != ERR_OK) {
        t->again = true; // with the next poll
        webhook_query_failed(w, "read", t->epoch, err, r);
        return;
    }
    feed(t, r);
    reader_step(w);
}

// ---------------------------------------------------------------- one endpoint by itself

struct lag_read {
    struct db_query query;
    struct endpoint *endpoint;
    uint64_t generation;
    int16_t lane;
    int64_t upto; // the last position of the span
    char *units;  // whose rows it asks for
};

static void lag_read_free(struct lag_read *s)
{
    db_params_done(&s->query.params);
    free(s->units);
    free(s);
}

// The wall time before which events of an endpoint that has been silent long enough are given up; 0: none
// are.
static int64_t expiry(const struct endpoint *e)
{
    return endpoint_silent(e) ? clock_wall_ms() - schedule_end(0, e->webhook->speed) : 0;
}

// Gives up the rows at the front that have waited too long; returns how many rows that is.
static int give_up_front(struct endpoint *e, const struct rows *rows)
{
    int64_t before = expiry(e);
    int i = 0;
    for (; i < rows->count && outbox_waits_since(&e->outbox, rows->events[i]) < before; i++) {
        struct event *event = rows->events[i];
        if (wants(e, event) && outbox_expects(&e->outbox, event))
            recorder_note_given_up(e->webhook->recorder, e, event, "endpoint down");
        outbox_read_to(&e->outbox, event->lane, event->pos);
    }
    return i;
}

// The rows of a span are those of the endpoint's units only, and the first; when they are all, the whole span
// is read. The first may lie behind it, after a gap.
static void take_span(const struct lag_read *s, const struct db_result *r)
{
    struct endpoint *e = s->endpoint;
    struct rows rows;
    take_rows(r, &rows);
    if (push_rows(e, r, &rows, give_up_front(e, &rows)) && rows.count == db_rows(r) &&
        rows.count < WEBHOOK_READ_MAX)
        outbox_read_to(&e->outbox, s->lane, s->upto);
    drop_rows(&rows);
}

static void on_span(struct db_query *q, int err, const struct db_result *r)
{
    struct lag_read *s = q->owner;
    struct endpoint *e = s->endpoint;
    struct webhook *w = e->webhook;
    w->queries--;
    w->lag_reads--;
    if (s->generation == e->generation) {
        e->reading = false;
        e->unreadable = err != ERR_OK;
        if (err == ERR_OK) {
            // Its units may be others by now: then what was not asked for is not known, and is asked for.
            if (strcmp(s->units, e->units) == 0)
                take_span(s, r);
            recorder_touch(e);
            sender_serve(e);
        } else {
            webhook_query_failed(w, "span", 0, err, r);
        }
    }
    endpoint_unref(e);
    lag_read_free(s);
    if (err == ERR_OK)
        reader_step(w);
}

// The lane in which the endpoint lags and may read on, or NULL.
static const struct tip *lag_of(struct endpoint *e)
{
    struct webhook *w = e->webhook;
    if (!may_read(e) || e->reading)
        return NULL;
    // One that is down keeps just enough for the next probe.
    unsigned room = endpoint_down(e) ? 1 : OUTBOX_EVENTS_MAX / 2;
    if (e->outbox.events >= room || e->crowded || (endpoint_down(e) && recorder_has_given_up(w->recorder)) ||
        !recorder_has_room(w->recorder))
        return NULL;
    for (unsigned i = 0; i < w->tip_count; i++) {
        const struct outbox_lane *l = outbox_lane(&e->outbox, w->tips[i].lane);
        if (!e->attached[i] && l && l->read_pos < w->tips[i].pos)
            return &w->tips[i];
    }
    return NULL;
}

// False: there is no memory, or no room in the queue of statements.
static bool read_span(struct endpoint *e, const struct tip *t)
{
    struct webhook *w = e->webhook;
    struct lag_read *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    int64_t from = outbox_lane(&e->outbox, t->lane)->read_pos;
    s->endpoint = e;
    s->generation = e->generation;
    s->lane = t->lane;
    s->upto = t->pos - from > WEBHOOK_SPAN_MAX ? from + WEBHOOK_SPAN_MAX : t->pos;
    s->units = strdup(e->units);
    if (!s->units || webhook_query_init(&s->query, WEBHOOK_Q_SPAN, on_span, s) != ERR_OK) {
        free(s->units);
        free(s);
        return false;
    }
    db_put_int2(&s->query.params, t->lane);
    db_put_int8(&s->query.params, from);
    db_put_int8(&s->query.params, s->upto);
    db_put_int4(&s->query.params, WEBHOOK_READ_MAX);
    db_put_text(&s->query.params, s->units, strlen(s->units));
    if (db_submit(w->db, &s->query) != ERR_OK) {
        lag_read_free(s);
        return false;
    }
    e->refs++;
    e->reading = true;
    w->queries++;
    w->lag_reads++;
    return true;
}

void reader_step(struct webhook *w)
{
    if (!webhook_owns(w))
        return;
    LIST_FOR(it, &w->endpoints)
    {
        if (w->lag_reads >= WEBHOOK_LAG_READS)
            break;
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, node);
        const struct tip *t = lag_of(e);
        if (!t)
            continue;
        if (!read_span(e, t)) // nor could the others: the next poll tries again
            break;
        list_remove(&e->node); // who has just read is asked last the next time
        list_push(&w->endpoints, &e->node);
    }
    for (unsigned i = 0; i < w->tip_count; i++)
        tip_step(&w->tips[i]);
}

void reader_wake(struct webhook *w)
{
    for (unsigned i = 0; i < w->tip_count; i++)
        w->tips[i].again = true;
    reader_step(w);
}

// ---------------------------------------------------------------- a held dossier

struct hold_read {
    struct db_query query;
    struct endpoint *endpoint;
    struct outbox_key *key;
    uint64_t generation;
};

static void take_hold_rows(struct endpoint *e, struct outbox_key *key, const struct db_result *r)
{
    struct event *events[WEBHOOK_HOLD_READ_MAX];
    bool gaps[WEBHOOK_HOLD_READ_MAX];
    int64_t next_seq = key->from_seq;
    size_t n = 0;
    int rows = db_rows(r);
    bool more = rows == WEBHOOK_HOLD_READ_MAX;
    for (int i = 0; i < rows && i < WEBHOOK_HOLD_READ_MAX; i++) {
        struct event *event = take_event(r, i);
        if (!event) {
            more = true;
            break;
        }
        next_seq = event->seq + 1;
        if (!wants(e, event)) {
            event_unref(event);
            continue;
        }
        gaps[n] = n == 0 && has_gap(r, i, e);
        events[n++] = event;
    }
    bool go = outbox_loaded(&e->outbox, key, events, gaps, n, next_seq, more, clock_mono_ms());
    for (size_t i = 0; i < n; i++)
        event_unref(events[i]);
    recorder_touch(e);
    if (go)
        (void)sender_go(e, key);
}

static void on_hold(struct db_query *q, int err, const struct db_result *r)
{
    struct hold_read *s = q->owner;
    struct endpoint *e = s->endpoint;
    struct webhook *w = e->webhook;
    w->queries--;
    if (s->generation == e->generation) {
        if (err == ERR_OK) {
            take_hold_rows(e, s->key, r);
            sender_serve(e);
        } else {
            webhook_query_failed(w, "dossier", 0, err, r);
            if (s->generation == e->generation)
                outbox_returned(&e->outbox, s->key); // the tick tries again
        }
    }
    endpoint_unref(e);
    db_params_done(&q->params);
    free(s);
}

int reader_load_hold(struct endpoint *e, struct outbox_key *key)
{
    struct webhook *w = e->webhook;
    struct hold_read *s = calloc(1, sizeof *s);
    if (!s || webhook_query_init(&s->query, WEBHOOK_Q_DOSSIER, on_hold, s) != ERR_OK) {
        free(s);
        return ERR_NO_MEMORY;
    }
    s->endpoint = e;
    s->key = key;
    s->generation = e->generation;
    db_put_int2(&s->query.params, key->lane);
    db_put_int8(&s->query.params, key->dossier);
    db_put_int8(&s->query.params, key->from_seq);
    db_put_int8(&s->query.params, outbox_hold_end(&e->outbox, key));
    db_put_int4(&s->query.params, WEBHOOK_HOLD_READ_MAX);
    int err = db_submit(w->db, &s->query);
    if (err != ERR_OK) {
        db_params_done(&s->query.params);
        free(s);
        return err;
    }
    e->refs++;
    w->queries++;
    return ERR_OK;
}
