// SPDX-License-Identifier: EUPL-1.2
// Webhooks: what arrived against the journeys.
#include "simulate/verdict.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

// What one endpoint knows of one piece of news.
struct told {
    uint64_t id, body;
    uint16_t good, bad; // copies answered 2xx; copies whose answer went wrong, or came late
};

struct reader {
    size_t *first;     // per dossier, into told
    struct told *told; // of one endpoint
    int64_t *reached;  // per dossier: the newest number answered well
};

static int reader_init(struct reader *r, const struct verdict_input *in)
{
    size_t dossiers = in->day->plan.n_dossiers, rows = 0;
    r->first = calloc(dossiers + 1, sizeof *r->first);
    r->reached = calloc(dossiers + 1, sizeof *r->reached);
    for (size_t i = 0; r->first && i < dossiers; i++) {
        r->first[i] = rows;
        rows += in->ledger->dossiers[i].n_rows;
    }
    r->told = calloc(rows + 1, sizeof *r->told);
    return r->first && r->reached && r->told ? ERR_OK : ERR_NO_MEMORY;
}

static void reader_done(struct reader *r)
{
    free(r->first);
    free(r->told);
    free(r->reached);
}

static bool same_news(const struct news *a, const struct news *b)
{
    return a->kind == b->kind && a->item == b->item && a->after == b->after && a->at_ms == b->at_ms &&
           a->leg == b->leg && a->flags == b->flags;
}

static void check_order(const struct verdict_input *in, struct reader *r, const struct arrival *a,
                        struct notes *wrong)
{
    const char *code = in->day->dossiers[a->dossier].code;
    int64_t before = r->reached[a->dossier];
    if (a->news.seq > before + 1 && !a->gap_before)
        note(wrong, "endpoint %u was told #%lld of %s right after #%lld", a->endpoint, (long long)a->news.seq,
             code, (long long)before);
    if (a->news.seq <= before)
        note(wrong, "endpoint %u was told #%lld of %s for the first time after #%lld", a->endpoint,
             (long long)a->news.seq, code, (long long)before);
    if (a->news.seq > before)
        r->reached[a->dossier] = a->news.seq;
}

static void check_arrival(const struct verdict_input *in, struct reader *r, const struct arrival *a,
                          struct notes *wrong, struct notes *missing)
{
    const struct ledger_dossier *l = &in->ledger->dossiers[a->dossier];
    const char *code = in->day->dossiers[a->dossier].code;
    if (!verdict_subscribes(a->endpoint, in->day->plan.dossiers[a->dossier].place))
        note(wrong, "endpoint %u was told of %s, which is none of its business", a->endpoint, code);
    if (a->news.seq < 1 || a->news.seq > (int64_t)l->n_rows) {
        note(missing, "endpoint %u was told #%lld of %s, which its journey does not have", a->endpoint,
             (long long)a->news.seq, code);
        return;
    }
    struct told *t = &r->told[r->first[a->dossier] + (size_t)a->news.seq - 1];
    if (!same_news(&a->news, &l->rows[a->news.seq - 1]))
        note(wrong, "endpoint %u was told other news as #%lld of %s than the journey has", a->endpoint,
             (long long)a->news.seq, code);
    if (t->good + t->bad > 0 && (t->id != a->id || t->body != a->body))
        note(wrong, "endpoint %u was told #%lld of %s again in other words, or under another id", a->endpoint,
             (long long)a->news.seq, code);
    t->id = a->id;
    t->body = a->body;
    bool good = a->answer == ARRIVAL_OK || a->answer == ARRIVAL_SLOW;
    if (good && t->good == 0)
        check_order(in, r, a, wrong);
    t->good = (uint16_t)(t->good + good);
    t->bad = (uint16_t)(t->bad + (a->answer != ARRIVAL_OK));
    if (t->good > 1 + t->bad)
        note(wrong, "endpoint %u was told #%lld of %s once more although it had answered well", a->endpoint,
             (long long)a->news.seq, code);
}

static void check_untold(const struct verdict_input *in, const struct reader *r, unsigned endpoint,
                         struct notes *missing)
{
    for (size_t i = 0; i < in->day->plan.n_dossiers; i++) {
        const struct ledger_dossier *l = &in->ledger->dossiers[i];
        if (!verdict_subscribes(endpoint, in->day->plan.dossiers[i].place))
            continue;
        for (size_t k = 0; k < l->n_rows; k++)
            if (r->told[r->first[i] + k].good == 0)
                note(missing, "endpoint %u was not told #%zu (%s) of %s", endpoint, k + 1,
                     event_name(l->rows[k].kind), in->day->dossiers[i].code);
    }
}

int verdict_webhooks(const struct verdict_input *in, struct notes *wrong, struct notes *missing)
{
    int err = ERR_OK;
    for (unsigned endpoint = 0; endpoint < STORE_ENDPOINTS && err == ERR_OK; endpoint++) {
        struct reader r = {0};
        err = reader_init(&r, in);
        for (size_t i = 0; err == ERR_OK && i < in->ledger->n_arrivals; i++) {
            const struct arrival *a = &in->ledger->arrivals[i];
            if (a->endpoint == endpoint && a->dossier != PLAN_NONE)
                check_arrival(in, &r, a, wrong, missing);
        }
        if (err == ERR_OK)
            check_untold(in, &r, endpoint, missing);
        reader_done(&r);
    }
    return err;
}
