// SPDX-License-Identifier: EUPL-1.2
// One record is one call of dt.webhook_record: everything that happened since the last one, in one
// transaction. While it is on its way the next collects. When its outcome is unknown it is written again:
// attempts are keyed, holds and cursors are written as they are.
#include "webhook/internal.h"

#include "base/clock.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD_MAX     WEBHOOK_RECORD_MAX
#define GIVEN_UP_MAX (WEBHOOK_RECORD_MAX + WEBHOOK_READ_MAX)

// Gaps that were told, and events given up unsent.
struct note {
    int16_t lane;
    unsigned char endpoint[16];
    int64_t dossier, seq;
    char why[OUTBOX_WHY_MAX];
};

struct recorder {
    struct webhook *webhook;
    struct db_query query;
    bool busy;
    uint64_t generation; // of the webhook, when the record under way was built
    int64_t epoch;       // the record's
    struct attempt attempts[WEBHOOK_RECORD_MAX + WEBHOOK_RECORD_MAX / 4];
    struct note told[TOLD_MAX], given_up[GIVEN_UP_MAX];
    size_t attempt_count, told_count, given_up_count;
    size_t attempts_sent, told_sent, given_up_sent; // how many of them are in the record under way
    struct list writing;                            // endpoint.touched: their outboxes are part of it
};

int recorder_create(struct webhook *w, struct recorder **ret_recorder)
{
    struct recorder *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NO_MEMORY;
    r->webhook = w;
    list_init(&r->writing);
    r->query.owner = r;
    if (db_params_init(&r->query.params) != ERR_OK) {
        free(r);
        return ERR_NO_MEMORY;
    }
    *ret_recorder = r;
    return ERR_OK;
}

void recorder_destroy(struct recorder *r)
{
    if (!r)
        return;
    db_params_done(&r->query.params);
    free(r);
}

// ---------------------------------------------------------------- collecting

bool recorder_has_room(const struct recorder *r)
{
    return r->attempt_count < WEBHOOK_RECORD_MAX && r->told_count < TOLD_MAX / 2 &&
           r->given_up_count < WEBHOOK_RECORD_MAX;
}

void recorder_note_attempt(struct recorder *r, const struct attempt *a)
{
    if (r->attempt_count < ARRAY_LEN(r->attempts))
        r->attempts[r->attempt_count++] = *a;
}

bool recorder_owes(const struct recorder *r, const struct endpoint *e)
{
    for (size_t i = 0; i < r->attempt_count; i++) {
        if (memcmp(r->attempts[i].endpoint, e->id, sizeof e->id) == 0)
            return true;
    }
    return false;
}

static void take_note(struct note *notes, size_t *count, size_t max, const struct endpoint *e,
                      const struct event *event, const char *why)
{
    if (*count == max)
        return;
    struct note *n = &notes[(*count)++];
    *n = (struct note){.lane = event->lane, .dossier = event->dossier, .seq = event->seq};
    memcpy(n->endpoint, e->id, sizeof n->endpoint);
    (void)snprintf(n->why, sizeof n->why, "%s", why);
}

void recorder_note_told(struct recorder *r, const struct endpoint *e, const struct event *event)
{
    take_note(r->told, &r->told_count, TOLD_MAX, e, event, "");
}

void recorder_note_given_up(struct recorder *r, const struct endpoint *e, const struct event *event,
                            const char *why)
{
    take_note(r->given_up, &r->given_up_count, GIVEN_UP_MAX, e, event, why);
}

bool recorder_has_given_up(const struct recorder *r)
{
    return r->given_up_count > 0;
}

bool recorder_gives_up(const struct recorder *r, const struct endpoint *e)
{
    for (size_t i = 0; i < r->given_up_count; i++) {
        if (memcmp(r->given_up[i].endpoint, e->id, sizeof e->id) == 0)
            return true;
    }
    return false;
}

void recorder_touch(struct endpoint *e)
{
    if (list_empty(&e->touched))
        list_push(&e->webhook->touched, &e->touched);
}

// ---------------------------------------------------------------- the parameters, in the order of
// dt.webhook_record

#define COLUMN(type, count, put)                                                                             \
    do {                                                                                                     \
        db_open_array(p, type);                                                                              \
        for (size_t i = 0; i < (count); i++)                                                                 \
            put;                                                                                             \
        db_close_array(p);                                                                                   \
    } while (0)

static void put_word(struct db_params *p, const char *word)
{
    db_item_text(p, word, strlen(word));
}

static void put_attempts(struct db_params *p, const struct attempt *a, size_t n)
{
    COLUMN(DB_INT2, n, db_item_int2(p, a[i].lane));
    COLUMN(DB_UUID, n, db_item_uuid(p, a[i].endpoint));
    COLUMN(DB_INT8, n, db_item_int8(p, a[i].pos));
    COLUMN(DB_TIMESTAMPTZ, n, db_item_time_ms(p, a[i].at_ms));
    COLUMN(DB_INT2, n, db_item_int2(p, a[i].outcome));
    COLUMN(DB_INT2, n, a[i].status > 0 ? db_item_int2(p, a[i].status) : db_item_null(p));
    COLUMN(DB_INT4, n, db_item_int4(p, a[i].took_ms));
    COLUMN(DB_TEXT, n, put_word(p, a[i].error));
}

// The keys of all outboxes in the record, flattened: what they say is decided here, once.
struct flat_key {
    const struct endpoint *e;
    const struct outbox_key *key;
};

struct flat {
    struct flat_key *held, *ended, *giving_up;
    size_t held_count, ended_count, giving_up_count;
};

static size_t count_keys(const struct recorder *r)
{
    size_t n = 0;
    LIST_FOR(it, &r->writing)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, touched);
        LIST_FOR(k, &e->outbox.writing)
        n++;
    }
    return n;
}

static int flatten(const struct recorder *r, struct flat *ret_flat)
{
    size_t n = count_keys(r);
    struct flat_key *all = calloc(3 * n + 1, sizeof *all);
    if (!all)
        return ERR_NO_MEMORY;
    struct flat f = {.held = all, .ended = all + n, .giving_up = all + 2 * n};
    LIST_FOR(it, &r->writing)
    {
        struct endpoint *e = CONTAINER_OF(it, struct endpoint, touched);
        LIST_FOR(k, &e->outbox.writing)
        {
            const struct flat_key one = {e, CONTAINER_OF(k, struct outbox_key, dirty)};
            if (!one.key->held) {
                f.ended[f.ended_count++] = one;
                continue;
            }
            f.held[f.held_count++] = one;
            if (one.key->state == KEY_GIVING_UP)
                f.giving_up[f.giving_up_count++] = one;
        }
    }
    *ret_flat = f;
    return ERR_OK;
}

static bool gives_up(const struct outbox_key *key)
{
    return key->state == KEY_GIVING_UP;
}

static void put_holds(struct db_params *p, const struct flat_key *f, size_t n)
{
    int64_t now = clock_mono_ms();
    COLUMN(DB_INT2, n, db_item_int2(p, f[i].key->lane));
    COLUMN(DB_UUID, n, db_item_uuid(p, f[i].e->id));
    COLUMN(DB_INT8, n, db_item_int8(p, f[i].key->dossier));
    // One that gives its event up stands behind it from this record on.
    COLUMN(DB_INT8, n, db_item_int8(p, f[i].key->from_seq + gives_up(f[i].key)));
    COLUMN(DB_INT4, n, db_item_int4(p, gives_up(f[i].key) ? 0 : (int32_t)f[i].key->attempts));
    COLUMN(DB_INT8, n,
           db_item_int8(p, f[i].key->state == KEY_WAITING && f[i].key->next_ms > now ? f[i].key->next_ms - now
                                                                                     : 0));
    COLUMN(DB_INT8, n,
           db_item_int8(p, f[i].key->attempts > 0 && !gives_up(f[i].key) ? now - f[i].key->since_ms : 0));
    COLUMN(DB_TEXT, n, put_word(p, f[i].key->why));
}

static void put_keys(struct db_params *p, const struct flat_key *f, size_t n)
{
    COLUMN(DB_INT2, n, db_item_int2(p, f[i].key->lane));
    COLUMN(DB_UUID, n, db_item_uuid(p, f[i].e->id));
    COLUMN(DB_INT8, n, db_item_int8(p, f[i].key->dossier));
}

// Both kinds of giving up: after the schedule of a held dossier, and unsent.
static void put_given_up(struct db_params *p, const struct flat_key *f, size_t n, const struct note *notes,
                         size_t m)
{
    COLUMN(DB_INT2, n + m, db_item_int2(p, i < n ? f[i].key->lane : notes[i - n].lane));
    COLUMN(DB_UUID, n + m, db_item_uuid(p, i < n ? f[i].e->id : notes[i - n].endpoint));
    COLUMN(DB_INT8, n + m, db_item_int8(p, i < n ? f[i].key->dossier : notes[i - n].dossier));
    COLUMN(DB_INT8, n + m, db_item_int8(p, i < n ? f[i].key->from_seq : notes[i - n].seq));
    COLUMN(DB_TEXT, n + m, put_word(p, i < n ? f[i].key->why : notes[i - n].why));
}

static void put_told(struct db_params *p, const struct note *notes, size_t n)
{
    COLUMN(DB_INT2, n, db_item_int2(p, notes[i].lane));
    COLUMN(DB_UUID, n, db_item_uuid(p, notes[i].endpoint));
    COLUMN(DB_INT8, n, db_item_int8(p, notes[i].dossier));
}

static bool cursor_moved(const struct outbox_lane *l)
{
    return l->writing_done > l->stored_done;
}

enum cursor_column { CURSOR_LANE, CURSOR_ENDPOINT, CURSOR_DONE };

static size_t put_cursor_column(struct db_params *p, const struct recorder *r, enum cursor_column column)
{
    size_t n = 0;
    db_open_array(p, column == CURSOR_LANE ? DB_INT2 : column == CURSOR_ENDPOINT ? DB_UUID : DB_INT8);
    LIST_FOR(it, &r->writing)
    {
        const struct endpoint *e = CONTAINER_OF(it, struct endpoint, touched);
        for (unsigned i = 0; i < e->outbox.lane_count; i++) {
            const struct outbox_lane *l = &e->outbox.lanes[i];
            if (!cursor_moved(l))
                continue;
            n++;
            if (column == CURSOR_LANE)
                db_item_int2(p, l->lane);
            else if (column == CURSOR_ENDPOINT)
                db_item_uuid(p, e->id);
            else
                db_item_int8(p, l->writing_done);
        }
    }
    db_close_array(p);
    return n;
}

// ---------------------------------------------------------------- writing

// Returns how many things the record says.
static size_t build(struct recorder *r, const struct flat *f)
{
    struct db_params *p = &r->query.params;
    db_params_reset(p);
    db_put_int8(p, r->webhook->epoch);
    put_attempts(p, r->attempts, r->attempt_count);
    put_holds(p, f->held, f->held_count);
    put_keys(p, f->ended, f->ended_count);
    put_given_up(p, f->giving_up, f->giving_up_count, r->given_up, r->given_up_count);
    put_told(p, r->told, r->told_count);
    (void)put_cursor_column(p, r, CURSOR_LANE);
    (void)put_cursor_column(p, r, CURSOR_ENDPOINT);
    size_t cursors = put_cursor_column(p, r, CURSOR_DONE);
    r->attempts_sent = r->attempt_count;
    r->told_sent = r->told_count;
    r->given_up_sent = r->given_up_count;
    return r->attempt_count + f->held_count + f->ended_count + r->given_up_count + r->told_count + cursors;
}

static void forget_front(void *array, size_t *count, size_t n, size_t size)
{
    memmove(array, (char *)array + n * size, (*count - n) * size);
    *count -= n;
}

// Tells the outboxes, and keeps what must be written again. Dossiers that gave an event up may go on.
static void settle(struct recorder *r, bool ok)
{
    struct list *node;
    if (ok) {
        forget_front(r->attempts, &r->attempt_count, r->attempts_sent, sizeof r->attempts[0]);
        forget_front(r->told, &r->told_count, r->told_sent, sizeof r->told[0]);
        forget_front(r->given_up, &r->given_up_count, r->given_up_sent, sizeof r->given_up[0]);
    }
    while ((node = list_pop(&r->writing)) != NULL) {
        struct endpoint *e = CONTAINER_OF(node, struct endpoint, touched);
        outbox_written(&e->outbox, ok, clock_mono_ms());
        if (!ok || !list_empty(&e->outbox.dirty))
            recorder_touch(e);
        if (ok)
            sender_serve(e);
    }
}

static void on_recorded(struct db_query *q, int err, const struct db_result *res)
{
    struct recorder *r = q->owner;
    struct webhook *w = r->webhook;
    r->busy = false;
    if (r->generation != w->generation)
        return; // recorder_reset() has forgotten all of it
    settle(r, err == ERR_OK);
    if (err != ERR_OK) {
        webhook_query_failed(w, "record", r->epoch, err, res);
        return; // the tick tries again
    }
    registry_take_replays(w->registry);
    recorder_step(r);
    reader_step(w);
}

void recorder_step(struct recorder *r)
{
    struct webhook *w = r->webhook;
    struct flat flat;
    if (r->busy || !webhook_writes(w) || !db_up(w->db) || registry_replaying(w->registry))
        return;
    struct list *node;
    while ((node = list_pop(&w->touched)) != NULL) {
        struct endpoint *e = CONTAINER_OF(node, struct endpoint, touched);
        if (e->phase != ENDPOINT_RUNNING)
            continue;
        outbox_write(&e->outbox);
        list_push(&r->writing, node);
    }
    if (flatten(r, &flat) != ERR_OK) {
        settle(r, false);
        return;
    }
    size_t said = build(r, &flat);
    free(flat.held);
    r->generation = w->generation;
    r->epoch = w->epoch;
    r->query.statement = WEBHOOK_Q_RECORD;
    r->query.done = on_recorded;
    r->busy = said > 0 && db_submit(w->db, &r->query) == ERR_OK;
    if (!r->busy)
        settle(r, said == 0);
}

bool recorder_busy(const struct recorder *r)
{
    return r->busy;
}

bool recorder_idle(const struct recorder *r)
{
    return !r->busy && r->attempt_count + r->told_count + r->given_up_count == 0 &&
           list_empty(&r->webhook->touched);
}

void recorder_reset(struct recorder *r)
{
    r->attempt_count = r->told_count = r->given_up_count = 0;
    r->attempts_sent = r->told_sent = r->given_up_sent = 0;
    while (list_pop(&r->writing) != NULL)
        continue;
}
