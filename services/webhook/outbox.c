// SPDX-License-Identifier: EUPL-1.2
#include "webhook/outbox.h"

#include "base/check.h"
#include "base/err.h"
#include "webhook/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---------------------------------------------------------------- keys

static struct list *chain_of(const struct outbox *o, int16_t lane, int64_t dossier)
{
    uint64_t h = ((uint64_t)dossier ^ (uint64_t)(uint16_t)lane << 48) * UINT64_C(0x9e3779b97f4a7c15);
    return (struct list *)&o->chains[(h >> 32) % OUTBOX_CHAINS];
}

static struct outbox_key *find_key(const struct outbox *o, int16_t lane, int64_t dossier)
{
    struct list *chain = chain_of(o, lane, dossier);
    LIST_FOR(it, chain)
    {
        struct outbox_key *key = CONTAINER_OF(it, struct outbox_key, chain);
        if (key->dossier == dossier && key->lane == lane)
            return key;
    }
    return NULL;
}

static struct outbox_key *new_key(struct outbox *o, int16_t lane, int64_t dossier)
{
    struct outbox_key *key = calloc(1, sizeof *key);
    if (!key)
        return NULL;
    key->lane = lane;
    key->dossier = dossier;
    key->state = KEY_GONE;
    list_init(&key->queue);
    list_init(&key->dirty);
    list_init(&key->deliveries);
    list_push(chain_of(o, lane, dossier), &key->chain);
    return key;
}

static void free_delivery(struct outbox_delivery *d)
{
    list_remove(&d->in_key);
    list_remove(&d->in_order);
    event_unref(d->event);
    free(d);
}

static void free_key(struct outbox_key *key)
{
    LIST_FOR(it, &key->deliveries)
    free_delivery(CONTAINER_OF(it, struct outbox_delivery, in_key));
    list_remove(&key->chain);
    list_remove(&key->queue);
    list_remove(&key->dirty);
    free(key);
}

// Leaves the state it was in, with the counts that belong to it.
static void set_state(struct outbox *o, struct outbox_key *key, enum key_state state)
{
    if (key->state == KEY_BUSY) {
        o->busy--;
        o->busy_held -= key->busy_held;
    }
    list_remove(&key->queue);
    key->state = state;
    switch (state) {
    case KEY_READY:
        list_push(key->held ? &o->ready_held : &o->ready, &key->queue);
        break;
    case KEY_BUSY:
        key->busy_held = key->held;
        o->busy++;
        o->busy_held += key->held;
        break;
    case KEY_WAITING:
        list_push(&o->waiting, &key->queue);
        if (key->next_ms < o->next_due_ms)
            o->next_due_ms = key->next_ms;
        break;
    case KEY_GIVING_UP:
        list_push(&o->giving_up, &key->queue);
        break;
    case KEY_GONE:
        break;
    }
}

static void mark_dirty(struct outbox *o, struct outbox_key *key)
{
    if (key->writing)
        key->dirty_again = true;
    else if (list_empty(&key->dirty))
        list_push(&o->dirty, &key->dirty);
}

// Nothing more to send. A row that dt.hold may still have keeps the key until the row is gone.
static void retire(struct outbox *o, struct outbox_key *key)
{
    if (key->held) {
        key->held = false;
        o->held--;
        if (key->stored)
            mark_dirty(o, key);
        else if (!key->writing)
            list_remove(&key->dirty);
    }
    set_state(o, key, KEY_GONE);
    if (list_empty(&key->dirty) && !key->writing)
        free_key(key);
}

static void drop_deliveries(struct outbox *o, struct outbox_key *key)
{
    LIST_FOR(it, &key->deliveries)
    {
        struct outbox_delivery *d = CONTAINER_OF(it, struct outbox_delivery, in_key);
        if (!list_empty(&d->in_order))
            o->events--;
        free_delivery(d);
    }
}

static void hold(struct outbox *o, struct outbox_key *key, int64_t from_seq)
{
    key->held = true;
    key->from_seq = from_seq;
    key->attempts = 0;
    o->held++;
}

// ---------------------------------------------------------------- life and loading

void outbox_init(struct outbox *o, int64_t speed)
{
    memset(o, 0, sizeof *o);
    for (size_t i = 0; i < OUTBOX_CHAINS; i++)
        list_init(&o->chains[i]);
    list_init(&o->ready);
    list_init(&o->ready_held);
    list_init(&o->waiting);
    list_init(&o->giving_up);
    list_init(&o->dirty);
    list_init(&o->writing);
    o->next_due_ms = INT64_MAX;
    o->speed = speed;
}

void outbox_done(struct outbox *o)
{
    for (size_t i = 0; i < OUTBOX_CHAINS; i++) {
        LIST_FOR(it, &o->chains[i])
        free_key(CONTAINER_OF(it, struct outbox_key, chain));
    }
    for (unsigned i = 0; i < o->lane_count; i++)
        free(o->lanes[i].settled);
    o->lane_count = 0;
}

int outbox_add_lane(struct outbox *o, int16_t lane, int64_t done, int64_t replayed_ms, int64_t *settled,
                    size_t settled_count)
{
    if (o->lane_count == OUTBOX_LANES_MAX)
        return ERR_FULL;
    struct outbox_lane *l = &o->lanes[o->lane_count++];
    *l = (struct outbox_lane){.lane = lane,
                              .replayed_ms = replayed_ms,
                              .read_pos = done,
                              .stored_done = done,
                              .settled = settled,
                              .settled_count = settled_count};
    list_init(&l->order);
    return ERR_OK;
}

int outbox_add_hold(struct outbox *o, int16_t lane, int64_t dossier, int64_t from_seq, unsigned attempts,
                    int64_t since_ms, int64_t next_ms, const char *why)
{
    struct outbox_key *key = new_key(o, lane, dossier);
    if (!key)
        return ERR_NO_MEMORY;
    hold(o, key, from_seq);
    key->stored = key->more = true;
    key->attempts = attempts;
    key->since_ms = since_ms;
    key->next_ms = next_ms;
    (void)snprintf(key->why, sizeof key->why, "%s", why);
    set_state(o, key, KEY_WAITING);
    return ERR_OK;
}

// ---------------------------------------------------------------- reading the log

struct outbox_lane *outbox_lane(struct outbox *o, int16_t lane)
{
    for (unsigned i = 0; i < o->lane_count; i++) {
        if (o->lanes[i].lane == lane)
            return &o->lanes[i];
    }
    return NULL;
}

static const struct outbox_lane *lane_of(const struct outbox *o, int16_t lane)
{
    const struct outbox_lane *l = outbox_lane((struct outbox *)o, lane);
    CHECK(l);
    return l;
}

static void advance(struct outbox_lane *l, int64_t pos)
{
    if (pos > l->read_pos)
        l->read_pos = pos;
    if (l->settled && l->read_pos >= l->settled[l->settled_count - 1]) {
        free(l->settled);
        l->settled = NULL;
        l->settled_count = 0;
    }
}

static int compare_pos(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static bool was_settled(const struct outbox_lane *l, int64_t pos)
{
    return l->settled && bsearch(&pos, l->settled, l->settled_count, sizeof pos, compare_pos);
}

static struct outbox_delivery *new_delivery(struct outbox_key *key, struct event *e, bool gap)
{
    struct outbox_delivery *d = malloc(sizeof *d);
    if (!d)
        return NULL;
    list_init(&d->in_order);
    d->event = event_ref(e);
    d->gap = gap;
    list_push(&key->deliveries, &d->in_key);
    return d;
}

unsigned outbox_room(const struct outbox *o)
{
    return o->events < OUTBOX_EVENTS_MAX ? OUTBOX_EVENTS_MAX - o->events : 0;
}

bool outbox_expects(const struct outbox *o, const struct event *e)
{
    const struct outbox_key *key = find_key(o, e->lane, e->dossier);
    const struct outbox_lane *l = lane_of(o, e->lane);
    return e->pos > l->read_pos && !was_settled(l, e->pos) && !(key && key->held);
}

int outbox_push(struct outbox *o, struct event *e, bool gap)
{
    struct outbox_lane *l = outbox_lane(o, e->lane);
    CHECK(l);
    if (e->pos <= l->read_pos)
        return ERR_OK;
    if (was_settled(l, e->pos)) {
        advance(l, e->pos);
        return ERR_OK;
    }
    struct outbox_key *key = find_key(o, e->lane, e->dossier);
    if (key && key->held) {
        if (e->seq >= key->from_seq)
            key->more = true;
        advance(l, e->pos);
        return ERR_OK;
    }
    if (o->events >= OUTBOX_EVENTS_MAX)
        return ERR_FULL;
    bool fresh = !key;
    if (fresh && !(key = new_key(o, e->lane, e->dossier)))
        return ERR_NO_MEMORY;
    struct outbox_delivery *d = new_delivery(key, e, gap);
    if (!d) {
        if (fresh)
            free_key(key);
        return ERR_NO_MEMORY;
    }
    list_push(&l->order, &d->in_order);
    o->events++;
    advance(l, e->pos);
    if (key->state == KEY_GONE)
        set_state(o, key, KEY_READY);
    return ERR_OK;
}

void outbox_read_to(struct outbox *o, int16_t lane, int64_t pos)
{
    struct outbox_lane *l = outbox_lane(o, lane);
    CHECK(l);
    advance(l, pos);
}

int64_t outbox_settled_to(const struct outbox_lane *l)
{
    if (list_empty(&l->order))
        return l->read_pos;
    return CONTAINER_OF(l->order.next, struct outbox_delivery, in_order)->event->pos - 1;
}

// ---------------------------------------------------------------- sending

void outbox_wake(struct outbox *o, int64_t now_ms)
{
    if (now_ms < o->next_due_ms)
        return;
    o->next_due_ms = INT64_MAX;
    LIST_FOR(it, &o->waiting)
    {
        struct outbox_key *key = CONTAINER_OF(it, struct outbox_key, queue);
        if (key->next_ms <= now_ms)
            set_state(o, key, KEY_READY);
        else if (key->next_ms < o->next_due_ms)
            o->next_due_ms = key->next_ms;
    }
}

// Keeps ready_held in the order of first failures; nearly sorted input makes it cheap.
static void insert_by_age(struct list *head, struct outbox_key *key)
{
    list_remove(&key->queue);
    struct list *after = head->prev;
    while (after != head && CONTAINER_OF(after, struct outbox_key, queue)->since_ms > key->since_ms)
        after = after->prev;
    list_push(after->next, &key->queue); // in front of the one behind `after`
}

void outbox_wake_all(struct outbox *o, int64_t now_ms)
{
    LIST_FOR(it, &o->waiting)
    {
        struct outbox_key *key = CONTAINER_OF(it, struct outbox_key, queue);
        key->next_ms = now_ms;
        set_state(o, key, KEY_READY);
        insert_by_age(&o->ready_held, key);
    }
    o->next_due_ms = INT64_MAX;
}

struct outbox_key *outbox_next(struct outbox *o, unsigned most, bool held_first)
{
    unsigned share = most / 2 > 0 ? most / 2 : 1;
    bool held = !list_empty(&o->ready_held) && (held_first || list_empty(&o->ready) || o->busy_held < share);
    struct list *from = held ? &o->ready_held : &o->ready;
    if (list_empty(from))
        return NULL;
    struct outbox_key *key = CONTAINER_OF(from->next, struct outbox_key, queue);
    set_state(o, key, KEY_BUSY);
    if (list_empty(&key->deliveries))
        key->more = false; // about to be read; what is pushed from now on sets it again
    return key;
}

int64_t outbox_hold_end(const struct outbox *o, const struct outbox_key *key)
{
    const struct outbox_lane *l = lane_of(o, key->lane);
    return l->settled ? l->settled[l->settled_count - 1]
                      : l->read_pos; // it goes when the reader passes its end
}

struct outbox_delivery *outbox_head(const struct outbox_key *key)
{
    if (list_empty(&key->deliveries))
        return NULL;
    return CONTAINER_OF(key->deliveries.next, struct outbox_delivery, in_key);
}

// Another event stands first: its schedule is its own.
static void move_to(struct outbox *o, struct outbox_key *key, int64_t seq, int64_t now_ms)
{
    if (seq == key->from_seq)
        return;
    key->from_seq = seq;
    key->attempts = 0;
    key->since_ms = now_ms;
    mark_dirty(o, key);
}

bool outbox_loaded(struct outbox *o, struct outbox_key *key, struct event *const *events, const bool *gaps,
                   size_t count, int64_t next_seq, bool more, int64_t now_ms)
{
    const struct outbox_lane *l = lane_of(o, key->lane);
    for (size_t i = 0; i < count; i++) {
        bool to_come = events[i]->pos > l->read_pos && !was_settled(l, events[i]->pos);
        if (to_come || !new_delivery(key, events[i], gaps[i])) {
            next_seq = events[i]->seq;
            more = !to_come;
            break;
        }
    }
    key->more = key->more || more;
    const struct outbox_delivery *head = outbox_head(key);
    move_to(o, key, head ? head->event->seq : next_seq, now_ms);
    if (head)
        return true;
    if (key->more)
        set_state(o, key, KEY_READY);
    else
        retire(o, key);
    return false;
}

// ---------------------------------------------------------------- outcomes

void outbox_delivered(struct outbox *o, struct outbox_key *key, int64_t now_ms)
{
    struct outbox_delivery *d = outbox_head(key);
    CHECK(key->state == KEY_BUSY && d);
    if (key->held)
        move_to(o, key, d->event->seq + 1, now_ms);
    else
        o->events--;
    free_delivery(d);
    if (!list_empty(&key->deliveries) || (key->held && key->more))
        set_state(o, key, KEY_READY);
    else
        retire(o, key);
}

bool outbox_failed(struct outbox *o, struct outbox_key *key, const char *why, int64_t retry_after_ms,
                   int64_t now_ms, uint64_t random)
{
    const struct outbox_delivery *d = outbox_head(key);
    CHECK(key->state == KEY_BUSY && d);
    if (!key->held)
        hold(o, key, d->event->seq);
    if (key->attempts++ == 0)
        key->since_ms = now_ms;
    (void)snprintf(key->why, sizeof key->why, "%s", why);
    drop_deliveries(o, key);
    key->more = true;
    mark_dirty(o, key);
    bool again = schedule_next(key->since_ms, now_ms, retry_after_ms, o->speed, random, &key->next_ms);
    set_state(o, key, again ? KEY_WAITING : KEY_GIVING_UP);
    return again;
}

void outbox_returned(struct outbox *o, struct outbox_key *key)
{
    CHECK(key->state == KEY_BUSY);
    if (list_empty(&key->deliveries))
        key->more = true;
    set_state(o, key, KEY_READY);
}

// ---------------------------------------------------------------- an endpoint that is down

static void expire_held_in(struct outbox *o, struct list *queue, int64_t now_ms, bool silent)
{
    LIST_FOR(it, queue)
    {
        struct outbox_key *key = CONTAINER_OF(it, struct outbox_key, queue);
        // One that was never tried may not even have happened yet, unless it was read.
        bool untried = key->attempts == 0 && (!silent || list_empty(&key->deliveries));
        if (untried || now_ms < schedule_end(key->since_ms, o->speed))
            continue;
        drop_deliveries(o, key);
        key->more = true;
        mark_dirty(o, key);
        set_state(o, key, KEY_GIVING_UP);
    }
}

void outbox_expire_held(struct outbox *o, int64_t now_ms, bool silent)
{
    expire_held_in(o, &o->waiting, now_ms, silent);
    expire_held_in(o, &o->ready_held, now_ms, silent);
}

int64_t outbox_waits_since(const struct outbox *o, const struct event *e)
{
    int64_t asked = lane_of(o, e->lane)->replayed_ms;
    return asked > e->recorded_ms ? asked : e->recorded_ms;
}

struct event *outbox_expire_ready(struct outbox *o, int64_t before_ms)
{
    LIST_FOR(it, &o->ready)
    {
        struct outbox_key *key = CONTAINER_OF(it, struct outbox_key, queue);
        struct outbox_delivery *d = outbox_head(key);
        if (outbox_waits_since(o, d->event) >= before_ms)
            continue;
        struct event *e = event_ref(d->event);
        struct list *behind = d->in_key.next;
        o->events--;
        free_delivery(d);
        if (behind == &key->deliveries)
            retire(o, key);
        else
            CONTAINER_OF(behind, struct outbox_delivery, in_key)->gap = true;
        return e;
    }
    return NULL;
}

// ---------------------------------------------------------------- recording

void outbox_write(struct outbox *o)
{
    struct list *node;
    while ((node = list_pop(&o->dirty)) != NULL) {
        struct outbox_key *key = CONTAINER_OF(node, struct outbox_key, dirty);
        key->writing = true;
        key->dirty_again = false;
        key->written_held = key->held;
        key->stored = key->stored || key->held;
        list_push(&o->writing, node);
    }
    for (unsigned i = 0; i < o->lane_count; i++)
        o->lanes[i].writing_done = outbox_settled_to(&o->lanes[i]);
}

static void key_written(struct outbox *o, struct outbox_key *key, bool ok, int64_t now_ms)
{
    bool again = key->dirty_again || !ok;
    key->writing = key->dirty_again = false;
    if (ok)
        key->stored = key->written_held;
    if (again)
        mark_dirty(o, key);
    if (ok && key->state == KEY_GIVING_UP && !again) {
        key->from_seq++; // as written
        key->attempts = 0;
        key->since_ms = now_ms;
        set_state(o, key, KEY_READY);
    }
    if (key->state == KEY_GONE && list_empty(&key->dirty))
        free_key(key);
}

void outbox_written(struct outbox *o, bool ok, int64_t now_ms)
{
    LIST_FOR(it, &o->writing)
    {
        list_remove(it);
        key_written(o, CONTAINER_OF(it, struct outbox_key, dirty), ok, now_ms);
    }
    for (unsigned i = 0; ok && i < o->lane_count; i++)
        o->lanes[i].stored_done = o->lanes[i].writing_done;
}
