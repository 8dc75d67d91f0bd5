// SPDX-License-Identifier: EUPL-1.2
// io/fetch.h in front of model peers (sim.h): connections are refused, requests and answers get lost, answers
// come late or never. What has left reaches the peer even when the process that sent it dies.
#include "simulation/sim.h"

#include "base/err.h"
#include "io/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fetcher {
    struct process *process;
    struct fetch_options o;
    struct list waiting; // fetch.node
    struct list all;     // fetch_transfer.node
    unsigned waiting_count, active;
    bool closing;
    void (*closed)(void *owner);
    void *closed_owner;
};

struct fetch_transfer { // the world's: outlives the process
    struct list node;
    struct fetch *fetch;
    struct fetcher *fetcher;
    struct peer_request request;
    struct peer_answer answer;
    char *url, *body;
    int64_t started;
    unsigned refs;
    bool active, left, finished;
    enum fetch_outcome outcome;
};

const struct peer *fetch_peer;

const char *fetch_outcome_name(enum fetch_outcome outcome)
{
    static const char *const names[] = {"answered", "refused", "not-sent", "unknown", "cancelled"};
    return names[outcome];
}

static void unref(struct fetch_transfer *t)
{
    if (--t->refs > 0)
        return;
    free(t->url);
    free(t->body);
    free(t);
}

static void later(struct process *p, int64_t delay_ms, sim_run what, struct fetch_transfer *t)
{
    t->refs++;
    sim_after(p, delay_ms, what, t, 0);
}

static void pump(struct fetcher *fr);

// ---------------------------------------------------------------- the end

static void on_done(void *arg, uint64_t tag)
{
    struct fetch_transfer *t = arg;
    struct fetch *f = t->fetch;
    struct fetcher *fr = t->fetcher;
    (void)tag;
    list_remove(&t->node);
    fr->active -= t->active;
    f->transfer = NULL;
    f->outcome = t->outcome;
    f->status = t->outcome == FETCH_ANSWERED ? t->answer.status : 0;
    f->retry_after[0] = f->directive[0] = f->error[0] = '\0';
    buf_init(&f->answer, 16 * 1024);
    if (t->outcome == FETCH_ANSWERED) {
        (void)snprintf(f->retry_after, sizeof f->retry_after, "%s", t->answer.retry_after);
        (void)snprintf(f->directive, sizeof f->directive, "%s", t->answer.directive);
        buf_append(&f->answer, t->answer.body, strlen(t->answer.body));
    } else {
        (void)snprintf(f->error, sizeof f->error, "%s", fetch_outcome_name(t->outcome));
    }
    f->took_ms = t->active ? sim_now() - t->started : 0;
    if (fetch_peer->ended)
        fetch_peer->ended(&t->request, (int)t->outcome, f->status, f->retry_after);
    struct buf answer = f->answer;
    f->done(f);
    buf_done(&answer);
    unref(t);
    if (process_now->alive)
        pump(fr);
}

static void finish(struct fetch_transfer *t, enum fetch_outcome outcome)
{
    if (t->finished)
        return;
    t->finished = true;
    t->outcome = outcome;
    later(t->fetcher->process, 0, on_done, t);
}

// ---------------------------------------------------------------- the way there and back

static void on_limit(void *arg, uint64_t tag)
{
    struct fetch_transfer *t = arg;
    (void)tag;
    finish(t, t->left ? FETCH_UNKNOWN : FETCH_NOT_SENT);
    unref(t);
}

static void on_answered(void *arg, uint64_t tag)
{
    struct fetch_transfer *t = arg;
    (void)tag;
    finish(t, FETCH_ANSWERED);
    unref(t);
}

static void on_reset(void *arg, uint64_t tag)
{
    struct fetch_transfer *t = arg;
    (void)tag;
    finish(t, FETCH_UNKNOWN);
    unref(t);
}

static void on_arrived(void *arg, uint64_t tag)
{
    struct fetch_transfer *t = arg;
    (void)tag;
    fetch_peer->arrives(&t->request, &t->answer);
    bool alive = t->request.process->alive && t->request.process->life == t->request.life;
    if (alive && t->answer.lost && sim_chance(500))
        later(t->fetcher->process, t->answer.delay_ms + sim_between(0, 5), on_reset, t);
    else if (alive && !t->answer.lost) // else the limit ends it
        later(t->fetcher->process, t->answer.delay_ms + sim_between(0, 5), on_answered, t);
    unref(t);
}

static void depart(struct fetch_transfer *t)
{
    if (t->fetch->still && !t->fetch->still(t->fetch)) {
        finish(t, FETCH_CANCELLED);
        return;
    }
    t->left = true;
    fetch_peer->departs(&t->request);
    bool lost = sim_has(FAULT_NET_LOST) && sim_chance(15);
    if (!lost)
        later(NULL, sim_between(0, 20), on_arrived, t);
    else if (sim_chance(500))
        later(t->fetcher->process, sim_between(0, 50), on_reset, t);
}

static void on_connected(void *arg, uint64_t tag)
{
    struct fetch_transfer *t = arg;
    (void)tag;
    if (!t->finished) {
        bool refused = sim_has(FAULT_NET_REFUSED) && sim_chance(20);
        if (refused || !fetch_peer->reachable(t->url))
            finish(t, FETCH_NOT_SENT);
        else if (sim_now() < t->started + t->fetch->total_ms) // frozen: the limit comes first
            depart(t);
    }
    unref(t);
}

static void begin(struct fetch_transfer *t)
{
    int64_t total = t->fetch->total_ms;
    t->active = true;
    t->started = sim_now();
    t->fetcher->active++;
    bool slow = sim_has(FAULT_PEER_SLOW) && sim_chance(20);
    later(t->fetcher->process, slow ? sim_between(50, 4000) : sim_between(0, 5), on_connected, t);
    later(t->fetcher->process, total, on_limit, t);
}

static void pump(struct fetcher *fr)
{
    struct list *node;
    while (fr->active < fr->o.max_in_flight && (node = list_pop(&fr->waiting)) != NULL) {
        fr->waiting_count--;
        begin(CONTAINER_OF(node, struct fetch, node)->transfer);
    }
}

// ---------------------------------------------------------------- io/fetch.h

static void *world_memory(size_t size)
{
    struct process *whose = process_now;
    process_now = NULL;
    void *at = calloc(1, size);
    process_now = whose;
    if (!at)
        abort();
    return at;
}

int fetch_start(struct fetcher *fr, struct fetch *f)
{
    if (fr->closing)
        return ERR_CLOSED;
    if (fr->active >= fr->o.max_in_flight && fr->waiting_count >= fr->o.max_waiting)
        return ERR_FULL;
    if (f->total_ms <= 0)
        f->total_ms = 15000;
    struct fetch_transfer *t = world_memory(sizeof *t);
    t->refs = 0;
    t->fetch = f;
    t->fetcher = fr;
    t->url = world_memory(strlen(f->url) + 1);
    memcpy(t->url, f->url, strlen(f->url));
    t->body = world_memory(f->body_len + 1);
    memcpy(t->body, f->body, f->body_len);
    t->request =
        (struct peer_request){fr->process, fr->process->life, sim_now(), t->url, t->body, f->body_len};
    list_push(&fr->all, &t->node);
    f->transfer = t;
    list_init(&f->node);
    list_push(&fr->waiting, &f->node);
    fr->waiting_count++;
    pump(fr);
    return ERR_OK;
}

void fetch_cancel(struct fetch *f)
{
    struct fetch_transfer *t = f->transfer;
    if (!t || t->finished)
        return;
    if (!t->active) {
        list_remove(&f->node);
        t->fetcher->waiting_count--;
    }
    finish(t, FETCH_CANCELLED);
}

unsigned fetch_load(const struct fetcher *fr)
{
    return fr->active + fr->waiting_count;
}

int fetch_create(uv_loop_t *loop, const struct fetch_options *o, struct fetcher **ret_fetcher)
{
    (void)loop;
    struct fetcher *fr = calloc(1, sizeof *fr);
    if (!fr)
        return ERR_NO_MEMORY;
    fr->process = process_now;
    fr->o = *o;
    list_init(&fr->waiting);
    list_init(&fr->all);
    *ret_fetcher = fr;
    return ERR_OK;
}

static void on_closed(void *arg, uint64_t tag)
{
    struct fetcher *fr = arg;
    void (*closed)(void *) = fr->closed;
    void *owner = fr->closed_owner;
    (void)tag;
    SIM_CHECK(list_empty(&fr->all), "requests are left at the end");
    free(fr);
    if (closed)
        closed(owner);
}

void fetch_close(struct fetcher *fr, void (*closed)(void *owner), void *owner)
{
    fr->closing = true;
    fr->closed = closed;
    fr->closed_owner = owner;
    LIST_FOR(it, &fr->all)
    fetch_cancel(CONTAINER_OF(it, struct fetch_transfer, node)->fetch);
    sim_after(fr->process, 1, on_closed, fr, 0);
}
