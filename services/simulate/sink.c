// SPDX-License-Identifier: EUPL-1.2
#include "simulate/sink.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "io/http.h"
#include "simulate/news.h"
#include "simulate/sim.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX      65536
#define IN_FLIGHT_MAX 256
#define PORTS_TRIED   200
#define SLOW_MS       1500 // a late answer; well below any sender's patience
#define DRAIN_MS      3000
#define SEEN_FIRST    1024 // slots

// Events that have arrived once already: an open hash table of 64 bits each.
struct seen {
    uint64_t *slots; // 0 = free
    size_t cap, count;
};

struct sink {
    struct sim *sim;
    struct http_server *http;
    uint16_t port;
    struct seen seen;
    struct list slow; // answers held back
    struct dice dice;
    bool closing;
    void (*closed)(void *owner);
    void *owner;
};

// An answer that is given late.
struct slow_answer {
    struct list node;
    uv_timer_t timer;
    struct http_request *req; // NULL once answered
};

// ---- seen

static bool seen_grow(struct seen *s)
{
    size_t cap = s->cap ? 2 * s->cap : SEEN_FIRST;
    uint64_t *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < s->cap; i++) {
        if (!s->slots[i])
            continue;
        size_t k = s->slots[i] & (cap - 1);
        while (slots[k])
            k = (k + 1) & (cap - 1);
        slots[k] = s->slots[i];
    }
    free(s->slots);
    s->slots = slots;
    s->cap = cap;
    return true;
}

// Is it the first time? Without memory everything counts as seen: then nothing fails on purpose.
static bool seen_first(struct seen *s, uint64_t key)
{
    key |= 1; // never 0
    if (2 * s->count >= s->cap && !seen_grow(s))
        return false;
    size_t k = key & (s->cap - 1);
    while (s->slots[k] && s->slots[k] != key)
        k = (k + 1) & (s->cap - 1);
    bool first = s->slots[k] == 0;
    s->slots[k] = key;
    s->count += first;
    return first;
}

// ---- answers

static enum arrival_answer choose_answer(struct sink *s, const struct arrival *a)
{
    bool first = seen_first(&s->seen, a->id);
    struct dice dice; // what fails is a matter of the news, not of the moment
    dice_init(&dice, s->sim->options.plan.seed + s->sim->day.plan.options.day,
              ((uint64_t)a->endpoint << 48) ^ ((uint64_t)(uint32_t)a->dossier << 16) ^ (uint64_t)a->news.seq);
    if (!first || a->dossier == PLAN_NONE || !dice_share(&dice, s->sim->options.failures))
        return ARRIVAL_OK;
    static const enum arrival_answer bad[] = {ARRIVAL_500, ARRIVAL_CUT, ARRIVAL_SLOW};
    return bad[dice_below(&dice, ARRAY_LEN(bad))];
}

static void on_slow_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF((uv_timer_t *)handle, struct slow_answer, timer));
}

static void end_slow(struct slow_answer *slow)
{
    http_reply(slow->req, 204, NULL, NULL, 0);
    list_remove(&slow->node);
    uv_close((uv_handle_t *)&slow->timer, on_slow_closed);
}

static void on_slow(uv_timer_t *timer)
{
    end_slow(CONTAINER_OF(timer, struct slow_answer, timer));
}

static void answer_late(struct sink *s, struct http_request *req)
{
    struct slow_answer *slow = s->closing ? NULL : calloc(1, sizeof *slow);
    if (!slow || uv_timer_init(&s->sim->loop, &slow->timer) != 0) {
        free(slow);
        http_reply(req, 204, NULL, NULL, 0);
        return;
    }
    slow->req = req;
    list_push(&s->slow, &slow->node);
    (void)uv_timer_start(&slow->timer, on_slow, SLOW_MS, 0);
}

static void give(struct sink *s, struct http_request *req, enum arrival_answer answer)
{
    switch (answer) {
    case ARRIVAL_500:
        http_problem(req, 500, "out-of-order", "Out of order", "The office's system plays a fault.");
        break;
    case ARRIVAL_CUT:
        http_drop(req);
        break;
    case ARRIVAL_SLOW:
        answer_late(s, req);
        break;
    case ARRIVAL_OK:
        http_reply(req, 204, NULL, NULL, 0);
        break;
    }
}

// ---- verifying

// Every secret of the endpoint must have signed. NULL, or what is wrong.
static const char *check_signatures(const struct store_endpoint *e, const struct http_request *req,
                                    const char *body, size_t len)
{
    const char *id = http_header(req, "webhook-id"), *timestamp = http_header(req, "webhook-timestamp"),
               *signature = http_header(req, "webhook-signature");
    if (!id || !timestamp || !signature)
        return "it lacks a header of Standard Webhooks";
    for (size_t i = 0; i < STORE_SECRETS; i++) {
        struct standard_webhooks_key key;
        if (!e->secrets[i][0])
            continue;
        if (standard_webhooks_parse(e->secrets[i], strlen(e->secrets[i]), &key) != ERR_OK)
            return "our secret is none";
        if (key.kind == STANDARD_WEBHOOKS_SIGN)
            standard_webhooks_public(&key, &key);
        int err = standard_webhooks_verify(&key, id, timestamp, signature, body, len, clock_wall_ms() / 1000);
        if (err == ERR_TIMEOUT)
            return "its timestamp is more than five minutes off";
        if (err != ERR_OK)
            return key.kind == STANDARD_WEBHOOKS_HMAC ? "its v1 signature does not hold"
                                                      : "its v1a signature does not hold";
    }
    return NULL;
}

static const char *read_event(struct sink *s, const struct http_request *req, unsigned endpoint,
                              struct arrival *a)
{
    struct sim *sim = s->sim;
    struct news_event e;
    size_t len;
    const char *body = http_body(req, &len);
    const char *why = check_signatures(&sim->store.endpoints[endpoint], req, body, len);
    if (!why)
        why = news_of_event(&sim->day, body, len, &e);
    if (why)
        return why;
    const char *id = http_header(req, "webhook-id");
    if (strcmp(id, e.id) != 0)
        return "webhook-id and the event's id differ";
    *a = (struct arrival){.news = e.news,
                          .dossier = day_find_dossier(&sim->day, e.subject, strlen(e.subject)),
                          .endpoint = (uint8_t)endpoint,
                          .gap_before = e.gap_before,
                          .id = ledger_hash(id, strlen(id)),
                          .body = ledger_hash(body, len)};
    return NULL;
}

// ---- the handler

static const char *mode_name(enum arrival_answer answer)
{
    static const char *const names[] = {
        [ARRIVAL_OK] = "ok", [ARRIVAL_SLOW] = "slow", [ARRIVAL_500] = "500", [ARRIVAL_CUT] = "lost"};
    return names[answer];
}

static void write_history(struct sink *s, const struct http_request *req, unsigned endpoint, const char *mode)
{
    size_t len;
    struct history_webhook w = {.path = http_path(req),
                                .id = http_header(req, "webhook-id"),
                                .timestamp = http_header(req, "webhook-timestamp"),
                                .signature = http_header(req, "webhook-signature"),
                                .body = http_body(req, &len),
                                .mode = mode};
    w.body_len = len;
    history_webhook(&s->sim->history, endpoint, &w);
}

static void on_webhook(struct http_request *req, void *owner)
{
    struct sink *s = owner;
    struct arrival a;
    const char *number = http_param(req, 1);
    bool is_ours = strcmp(http_param(req, 0), s->sim->store.sink_word) == 0;
    unsigned endpoint = is_ours && number[0] >= '0' && number[0] < '0' + STORE_ENDPOINTS && !number[1]
                            ? (unsigned)(number[0] - '0')
                            : STORE_ENDPOINTS;
    if (endpoint == STORE_ENDPOINTS) {
        http_problem(req, 404, "not-found", "Not found", "There is no such office here.");
        return;
    }
    const char *why = read_event(s, req, endpoint, &a);
    if (why) {
        note(&s->sim->notes, "endpoint %u got a webhook that must not be believed: %s", endpoint, why);
        write_history(s, req, endpoint, "400");
        story_forged(&s->sim->story, endpoint, why);
        http_problem(req, 400, "not-believed", "Not believed", "%s", why);
        return;
    }
    a.answer = (uint8_t)choose_answer(s, &a);
    if (a.dossier != PLAN_NONE)
        ledger_add_arrival(&s->sim->ledger, &a);
    write_history(s, req, endpoint, mode_name((enum arrival_answer)a.answer));
    story_webhook(&s->sim->story, &a);
    give(s, req, (enum arrival_answer)a.answer);
}

// ---- life

static const struct http_route routes[] = {{"POST", "/office/{}/{}", on_webhook, BODY_MAX}};

static int listen_on(struct sink *s, uint16_t port)
{
    char address[32];
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", port);
    const struct http_options o = {.listen = address,
                                   .routes = routes,
                                   .route_count = ARRAY_LEN(routes),
                                   .owner = s,
                                   .max_in_flight = IN_FLIGHT_MAX,
                                   .max_connections = IN_FLIGHT_MAX};
    return http_create(&s->sim->loop, &o, &s->http);
}

// The ports are the same everywhere: a word of its own keeps apart what other installations on this machine
// still send to a simulator of theirs that has gone.
static void choose_word(char word[STORE_WORD_LEN + 1])
{
    uint64_t number;
    random_bytes(&number, sizeof number);
    (void)snprintf(word, STORE_WORD_LEN + 1, "%016" PRIx64, number);
}

int sink_create(struct sim *sim, struct sink **ret_sink)
{
    struct sink *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_NO_MEMORY;
    s->sim = sim;
    list_init(&s->slow);
    if (!sim->store.sink_word[0])
        choose_word(sim->store.sink_word);
    uint16_t first = sim->store.sink_port ? sim->store.sink_port : SINK_PORT;
    int err = UV_EADDRINUSE;
    for (unsigned i = 0; err == UV_EADDRINUSE && i < PORTS_TRIED; i++) {
        s->port = (uint16_t)(first + i);
        err = listen_on(s, s->port);
    }
    if (err != 0) {
        free(s);
        return err;
    }
    *ret_sink = s;
    return ERR_OK;
}

uint16_t sink_port(const struct sink *s)
{
    return s->port;
}

void sink_base(const struct sink *s, char *out, size_t cap)
{
    (void)snprintf(out, cap, "http://127.0.0.1:%u/office/", s->port);
}

void sink_url(const struct sink *s, unsigned endpoint, char *out, size_t cap)
{
    char base[64];
    sink_base(s, base, sizeof base);
    (void)snprintf(out, cap, "%s%s/%u", base, s->sim->store.sink_word, endpoint);
}

static void on_drained(void *owner)
{
    struct sink *s = owner;
    void (*closed)(void *) = s->closed;
    void *closed_owner = s->owner;
    free(s->seen.slots);
    free(s);
    if (closed)
        closed(closed_owner);
}

void sink_close(struct sink *s, void (*closed)(void *owner), void *owner)
{
    s->closing = true;
    s->closed = closed;
    s->owner = owner;
    LIST_FOR(node, &s->slow)
    {
        end_slow(CONTAINER_OF(node, struct slow_answer, node));
    }
    http_drain(s->http, DRAIN_MS, on_drained, s);
}

// ---- what `endpoint add` printed

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || strchr("_-+/=", c);
}

static bool is_uuid(const char *s, size_t len)
{
    uint8_t id[WIRE_UUID];
    return wire_parse_uuid(s, len, id);
}

bool sink_take_endpoint(const char *output, struct store_endpoint *ret)
{
    static const char *const prefixes[] = {"whsec_", "whpk_", "whsk_"};
    size_t secrets = 0;
    ret->id[0] = '\0';
    memset(ret->secrets, 0, sizeof ret->secrets);
    for (const char *at = output; *at;) {
        size_t len = 0;
        while (at[len] && is_word(at[len]))
            len++;
        if (!ret->id[0] && is_uuid(at, len))
            (void)snprintf(ret->id, sizeof ret->id, "%.*s", (int)len, at);
        for (size_t i = 0; i < ARRAY_LEN(prefixes) && secrets < STORE_SECRETS; i++)
            if (len < STANDARD_WEBHOOKS_TEXT_MAX && strncmp(at, prefixes[i], strlen(prefixes[i])) == 0)
                (void)snprintf(ret->secrets[secrets++], STANDARD_WEBHOOKS_TEXT_MAX, "%.*s", (int)len, at);
        at += len > 0 ? len : 1;
    }
    return ret->id[0] && secrets > 0;
}
