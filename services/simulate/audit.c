// SPDX-License-Identifier: EUPL-1.2
#include "simulate/audit.h"

#include "base/check.h"
#include "base/err.h"
#include "simulate/news.h"
#include "simulate/sim.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX (1 << 20)
#define PAGE       500

static void step(struct audit *a);
static void ask(struct audit_slot *s);

// ---- answers

// The items with their states, and how long the journey is. False: not in the form of openapi.json.
static bool take_dossier(struct audit_slot *s, const json_t *root, int64_t *ret_seq)
{
    struct sim *sim = s->audit->sim;
    struct ledger_dossier *l = &sim->ledger.dossiers[s->dossier];
    const json_t *items = json_object_get(root, "items"), *seq = json_object_get(root, "journey_seq");
    if (!json_is_array(items) || !json_is_integer(seq))
        return false;
    l->n_items = 0;
    for (size_t i = 0; i < json_array_size(items) && l->n_items < ARRAY_LEN(l->items); i++) {
        const json_t *item = json_array_get(items, i), *code = json_object_get(item, "code");
        const char *state = json_string_value(json_object_get(item, "state"));
        if (!json_is_string(code))
            return false;
        l->items[l->n_items] = day_find_item(&sim->day, json_string_value(code), json_string_length(code));
        l->states[l->n_items] = STATE_NONE;
        for (unsigned n = 1; state && n <= STATE_MAX; n++)
            if (strcmp(state, state_code(n)) == 0)
                l->states[l->n_items] = (uint8_t)n;
        l->n_items++;
    }
    *ret_seq = json_integer_value(seq);
    return true;
}

static bool take_journey(struct audit_slot *s, const json_t *root, bool *ret_more)
{
    struct sim *sim = s->audit->sim;
    const json_t *rows = json_object_get(root, "rows");
    struct news n;
    if (!json_is_array(rows))
        return false;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        if (!news_of_row(&sim->day, json_array_get(rows, i), &n))
            return false;
        ledger_add_row(&sim->ledger, s->dossier, &n);
    }
    *ret_more = json_is_integer(json_object_get(root, "next"));
    return true;
}

// True when the dossier is done with: read, or not readable.
static bool take_answer(struct audit_slot *s)
{
    struct audit *a = s->audit;
    struct fetch *f = &s->fetch;
    bool ok = false, more = false;
    int64_t seq = 0;
    json_t *root = f->outcome == FETCH_ANSWERED && f->status == 200
                       ? json_loadb(f->answer.data ? f->answer.data : "", f->answer.len, 0, NULL)
                       : NULL;
    if (root && s->journey)
        ok = take_journey(s, root, &more);
    else if (root)
        ok = take_dossier(s, root, &seq);
    json_decref(root);
    a->failed += !ok;
    if (ok && !s->journey && seq > (int64_t)a->sim->ledger.dossiers[s->dossier].n_rows)
        s->journey = more = true;
    return !ok || !more || a->sim->ending;
}

static void on_answer(struct fetch *f)
{
    struct audit_slot *s = f->owner;
    struct audit *a = s->audit;
    bool finished = take_answer(s);
    a->under_way--;
    if (finished)
        s->dossier = PLAN_NONE;
    else
        ask(s);
    step(a);
}

// ---- asking

static void ask(struct audit_slot *s)
{
    struct audit *a = s->audit;
    struct sim *sim = a->sim;
    char url[SIM_URL_MAX + 120];
    const char *code = sim->day.dossiers[s->dossier].code;
    if (s->journey)
        (void)snprintf(url, sizeof url, "%s/api/v1/dossiers/%s/journey?after=%zu&limit=%d", sim->portal_url,
                       code, sim->ledger.dossiers[s->dossier].n_rows, PAGE);
    else
        (void)snprintf(url, sizeof url, "%s/api/v1/dossiers/%s", sim->portal_url, code);
    (void)snprintf(s->authorization, sizeof s->authorization, "Authorization: Bearer %s",
                   sim->store.api_keys[sim->day.plan.dossiers[s->dossier].place]);
    s->headers[0] = s->authorization;
    s->fetch = (struct fetch){.method = "GET",
                              .url = url,
                              .headers = s->headers,
                              .allow = SIM_ALLOW,
                              .total_ms = SIM_TIMEOUT_MS,
                              .max_answer = ANSWER_MAX,
                              .done = on_answer,
                              .owner = s};
    if (fetch_start(sim->fetcher, &s->fetch) == ERR_OK) {
        a->under_way++;
    } else {
        a->failed++;
        s->dossier = PLAN_NONE;
    }
}

static void step(struct audit *a)
{
    size_t n = a->sim->ending ? 0 : a->sim->day.plan.n_dossiers;
    for (size_t i = 0; i < AUDIT_SLOTS && a->next < n; i++) {
        struct audit_slot *s = &a->slots[i];
        if (s->dossier != PLAN_NONE)
            continue;
        s->dossier = (int32_t)a->next++;
        s->journey = false;
        ask(s);
    }
    if (!a->running || a->under_way > 0 || a->next < n)
        return;
    a->running = false;
    a->done(a->owner, a->failed);
}

void audit_init(struct audit *a, struct sim *sim)
{
    *a = (struct audit){.sim = sim};
    for (size_t i = 0; i < AUDIT_SLOTS; i++) {
        a->slots[i].audit = a;
        a->slots[i].dossier = PLAN_NONE;
    }
}

void audit_start(struct audit *a, void (*done)(void *owner, unsigned failed), void *owner)
{
    CHECK(!a->running);
    a->done = done;
    a->owner = owner;
    a->running = true;
    a->next = a->failed = 0;
    step(a);
}

void audit_stop(struct audit *a)
{
    for (size_t i = 0; i < AUDIT_SLOTS && a->running; i++)
        if (a->slots[i].dossier != PLAN_NONE)
            fetch_cancel(&a->slots[i].fetch);
}
