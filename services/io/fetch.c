// SPDX-License-Identifier: EUPL-1.2
// The queue in front of libcurl. A request (struct fetch_transfer) waits at its host, runs, and is finished;
// done is called from the `finished` list only, at the end of a turn of the loop, so never from inside
// fetch_start() or fetch_cancel(). Hosts exist while they have requests; those that may start one stand in
// `runnable`, taken in turn, so a slow host delays only itself.
#include "io/fetch.h"

#include "base/clock.h"
#include "base/err.h"
#include "io/fetch_loop.h"
#include "io/fetch_transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_CHAINS 256

struct fetch_host {
    struct list chain;    // in fetcher.hosts
    struct list runnable; // in fetcher.runnable while it has waiting ones and a free place
    struct list waiting;  // fetch_transfer.node
    unsigned active;
    char key[]; // "https://name:443"
};

struct fetcher {
    struct fetch_loop fl;
    struct fetch_options options;
    char *ca_file, *user_agent;
    struct list hosts[HOST_CHAINS];
    struct list runnable;
    struct list all;      // fetch_transfer.all
    struct list finished; // fetch.node
    unsigned waiting, active;
    bool closing;
    CURL **spare; // easy handles, options.max_in_flight places
    unsigned spare_count;
    void (*closed)(void *owner);
    void *closed_owner;
};

const char *fetch_outcome_name(enum fetch_outcome outcome)
{
    switch (outcome) {
    case FETCH_ANSWERED:
        return "answered";
    case FETCH_REFUSED:
        return "refused";
    case FETCH_NOT_SENT:
        return "not-sent";
    case FETCH_UNKNOWN:
        return "unknown";
    case FETCH_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

// ---------------------------------------------------------------- hosts

static struct list *host_chain(struct fetcher *fr, const char *key)
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (const char *c = key; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &fr->hosts[hash % HOST_CHAINS];
}

static struct fetch_host *host_get(struct fetcher *fr, const char *key)
{
    struct list *chain = host_chain(fr, key);
    LIST_FOR(it, chain)
    {
        struct fetch_host *host = CONTAINER_OF(it, struct fetch_host, chain);
        if (strcmp(host->key, key) == 0)
            return host;
    }
    size_t size = strlen(key) + 1;
    struct fetch_host *host = malloc(sizeof *host + size);
    if (!host)
        return NULL;
    list_init(&host->runnable);
    list_init(&host->waiting);
    host->active = 0;
    memcpy(host->key, key, size);
    list_push(chain, &host->chain);
    return host;
}

// Puts the host where its state says: among the runnable, aside, or out of existence.
static void host_settle(struct fetcher *fr, struct fetch_host *host)
{
    bool has_waiting = !list_empty(&host->waiting);
    if (has_waiting && host->active < fr->options.max_per_host) {
        if (list_empty(&host->runnable))
            list_push(&fr->runnable, &host->runnable);
        return;
    }
    list_remove(&host->runnable);
    if (!has_waiting && host->active == 0) {
        list_remove(&host->chain);
        free(host);
    }
}

// ---------------------------------------------------------------- finishing and delivering

// The transfer ends here; the fetch waits for its delivery with the outcome it already has.
static void finish(struct fetcher *fr, struct fetch_transfer *t)
{
    struct fetch *f = t->f;
    struct fetch_host *host = t->host;
    if (t->easy) {
        fr->spare[fr->spare_count++] = t->easy;
        fr->active--;
        host->active--;
    } else {
        list_remove(&t->node);
        fr->waiting--;
    }
    host_settle(fr, host);
    list_remove(&t->all);
    fetch_transfer_destroy(t);
    f->transfer = NULL;
    list_push(&fr->finished, &f->node);
}

static void teardown(struct fetcher *fr)
{
    while (fr->spare_count > 0)
        curl_easy_cleanup(fr->spare[--fr->spare_count]);
    fetch_loop_close(&fr->fl);
}

// The caller's `done` may start, cancel, free or close: nothing of f is touched after it.
static void deliver(struct fetcher *fr)
{
    struct list *node;
    while ((node = list_pop(&fr->finished)) != NULL) {
        struct fetch *f = CONTAINER_OF(node, struct fetch, node);
        struct buf answer = f->answer;
        f->fetcher = NULL;
        f->done(f);
        buf_done(&answer);
    }
}

// ---------------------------------------------------------------- starting

static CURL *take_easy(struct fetcher *fr)
{
    return fr->spare_count > 0 ? fr->spare[--fr->spare_count] : fetch_transfer_new_easy(&fr->options);
}

static void start_transfer(struct fetcher *fr, struct fetch_transfer *t)
{
    CURL *easy = take_easy(fr);
    if (easy && fetch_transfer_load(t, easy, &fr->fl) == ERR_OK && fetch_loop_add(&fr->fl, easy) == ERR_OK) {
        list_remove(&t->node);
        t->host->active++;
        fr->waiting--;
        fr->active++;
        host_settle(fr, t->host);
        return;
    }
    t->easy = NULL;
    if (easy)
        curl_easy_cleanup(easy);
    t->f->outcome = FETCH_NOT_SENT;
    (void)snprintf(t->f->error, sizeof t->f->error, "out of memory");
    finish(fr, t);
    fetch_loop_soon(&fr->fl);
}

static void launch(struct fetcher *fr)
{
    while (fr->active < fr->options.max_in_flight) {
        struct list *node = list_pop(&fr->runnable);
        if (!node)
            return;
        struct fetch_host *host = CONTAINER_OF(node, struct fetch_host, runnable);
        start_transfer(fr, CONTAINER_OF(host->waiting.next, struct fetch_transfer, node));
    }
}

// ---------------------------------------------------------------- turns

static void turn(struct fetcher *fr)
{
    deliver(fr);
    if (fr->closing) {
        teardown(fr); // fetch_close() has finished all there was
        return;
    }
    launch(fr);
}

static void on_ended(struct fetch_loop *fl, CURL *easy, CURLcode result)
{
    struct fetcher *fr = CONTAINER_OF(fl, struct fetcher, fl);
    struct fetch_transfer *t = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    fetch_transfer_conclude(t, result);
    finish(fr, t);
}

static void on_turn(struct fetch_loop *fl)
{
    turn(CONTAINER_OF(fl, struct fetcher, fl));
}

// ---------------------------------------------------------------- the port

static void clear_outcome(struct fetch *f)
{
    f->outcome = FETCH_CANCELLED;
    f->status = 0;
    f->took_ms = 0;
    f->retry_after[0] = f->directive[0] = f->error[0] = '\0';
    buf_init(&f->answer, 0);
    list_init(&f->node);
    f->transfer = NULL;
}

int fetch_start(struct fetcher *fr, struct fetch *f)
{
    struct fetch_transfer *t;
    if (fr->closing)
        return ERR_CLOSED;
    if (fr->waiting >= fr->options.max_waiting)
        return ERR_FULL;
    clear_outcome(f);
    int err = fetch_transfer_create(f, &t);
    if (err == ERR_DENIED) {
        f->outcome = FETCH_REFUSED;
        f->fetcher = fr;
        list_push(&fr->finished, &f->node);
        fetch_loop_soon(&fr->fl);
        return ERR_OK;
    }
    if (err)
        return err;
    t->host = host_get(fr, t->target->host);
    if (!t->host) {
        fetch_transfer_destroy(t);
        return ERR_NO_MEMORY;
    }
    f->fetcher = fr;
    f->transfer = t;
    list_push(&fr->all, &t->all);
    list_push(&t->host->waiting, &t->node);
    fr->waiting++;
    host_settle(fr, t->host);
    launch(fr);
    return ERR_OK;
}

void fetch_cancel(struct fetch *f)
{
    struct fetch_transfer *t = f->transfer;
    struct fetcher *fr = f->fetcher;
    if (!t)
        return;
    if (t->easy) {
        (void)curl_multi_remove_handle(fr->fl.multi, t->easy);
        f->took_ms = clock_mono_ms() - t->started_ms;
    }
    f->outcome = FETCH_CANCELLED;
    (void)snprintf(f->error, sizeof f->error, "cancelled");
    finish(fr, t);
    fetch_loop_soon(&fr->fl);
}

unsigned fetch_load(const struct fetcher *fr)
{
    return fr->waiting + fr->active;
}

static void fetcher_free(struct fetcher *fr)
{
    free(fr->ca_file);
    free(fr->user_agent);
    free(fr->spare);
    free(fr);
}

static void on_closed(struct fetch_loop *fl)
{
    struct fetcher *fr = CONTAINER_OF(fl, struct fetcher, fl);
    void (*closed)(void *) = fr->closed;
    void *owner = fr->closed_owner;
    fetcher_free(fr);
    if (closed)
        closed(owner);
}

int fetch_create(uv_loop_t *loop, const struct fetch_options *o, struct fetcher **ret_fetcher)
{
    struct fetcher *fr = calloc(1, sizeof *fr);
    if (!fr)
        return ERR_NO_MEMORY;
    fr->options = *o;
    fr->ca_file = o->ca_file ? strdup(o->ca_file) : NULL;
    fr->user_agent = o->user_agent ? strdup(o->user_agent) : NULL;
    fr->options.ca_file = fr->ca_file;
    fr->options.user_agent = fr->user_agent;
    fr->spare = calloc(o->max_in_flight, sizeof(CURL *));
    list_init(&fr->runnable);
    list_init(&fr->all);
    list_init(&fr->finished);
    for (size_t i = 0; i < HOST_CHAINS; i++)
        list_init(&fr->hosts[i]);
    fr->fl.on_ended = on_ended;
    fr->fl.on_turn = on_turn;
    fr->fl.on_closed = on_closed;
    bool ok = fr->spare && !fr->ca_file == !o->ca_file && !fr->user_agent == !o->user_agent;
    if (!ok) {
        fetcher_free(fr);
        return ERR_NO_MEMORY;
    }
    fetch_loop_open(&fr->fl, loop, o->max_in_flight);
    *ret_fetcher = fr;
    return ERR_OK;
}

void fetch_close(struct fetcher *fr, void (*closed)(void *owner), void *owner)
{
    fr->closing = true;
    fr->closed = closed;
    fr->closed_owner = owner;
    while (!list_empty(&fr->all))
        fetch_cancel(CONTAINER_OF(fr->all.next, struct fetch_transfer, all)->f);
    fetch_loop_soon(&fr->fl);
}
