// SPDX-License-Identifier: EUPL-1.2
// SMS: what left against what the journeys called for. Two dossiers of one envelope are one citizen, who is
// told once; so all is counted per citizen.
#include "simulate/verdict.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define TEMPLATES 13 // 1 to 12
#define DAY_MS    INT64_C(86400000)
#define ZONE_MS   (INT64_C(7) * 3600000)

struct citizen {
    uint16_t due[TEMPLATES], sent[TEMPLATES];
    int64_t newest_ms; // time of the news that called last
    int64_t newest_recorded_ms;
    uint8_t newest; // its template
    int32_t dossier;
    bool consent;
};

static struct citizen *citizen_of(const struct day *d, struct citizen *all, int32_t dossier)
{
    return &all[d->plan.dossiers[dossier].citizen]; // numbered by the first dossier
}

// Both dossiers of an envelope are told the same; only the first one counts.
static bool speaks(const struct day *d, int32_t dossier)
{
    return d->plan.dossiers[dossier].citizen == dossier;
}

static void count_due(const struct verdict_input *in, struct citizen *all)
{
    const struct day *d = in->day;
    for (int32_t i = 0; i < (int32_t)d->plan.n_dossiers; i++) {
        struct citizen *c = citizen_of(d, all, i);
        c->consent = d->plan.dossiers[i].consent;
        c->dossier = d->plan.dossiers[i].citizen;
        for (size_t k = 0; speaks(d, i) && k < in->ledger->dossiers[i].n_rows; k++) {
            const struct news *row = &in->ledger->dossiers[i].rows[k];
            unsigned template = ledger_template(row);
            if (template == 0)
                continue;
            c->due[template]++;
            c->newest = (uint8_t) template;
            c->newest_ms = row->at_ms;
            c->newest_recorded_ms = row->recorded_ms;
        }
    }
}

static int by_reference(const void *a, const void *b)
{
    const struct text_message *x = *(struct text_message *const *)a, *y = *(struct text_message *const *)b;
    return x->reference < y->reference ? -1 : x->reference > y->reference;
}

// One reference is one message; the file and the JSON gateway both know it.
static int check_references(const struct ledger *l, struct notes *wrong)
{
    struct text_message **sorted = calloc(l->n_texts + 1, sizeof(struct text_message *));
    if (!sorted)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < l->n_texts; i++)
        sorted[i] = &l->texts[i];
    qsort(sorted, l->n_texts, sizeof(struct text_message *), by_reference);
    for (size_t i = 1; i < l->n_texts; i++)
        if (sorted[i]->reference == sorted[i - 1]->reference)
            note(wrong, "an SMS (T%u) left twice under one reference", sorted[i]->template);
    free(sorted);
    return ERR_OK;
}

static void count_sent(const struct verdict_input *in, struct citizen *all, struct notes *wrong)
{
    for (size_t i = 0; i < in->ledger->n_texts; i++) {
        const struct text_message *t = &in->ledger->texts[i];
        if (t->dossier == PLAN_NONE || t->template == 0 || t->template >= TEMPLATES)
            continue; // of an earlier day
        const char *code = in->day->dossiers[t->dossier].code;
        if (!t->to_citizen)
            note(wrong, "an SMS (T%u) about %s went to a number that is not its citizen's", t->template,
                 code);
        citizen_of(in->day, all, t->dossier)->sent[t->template]++;
    }
}

// T8 speaks of today: after the end of its day nobody needs it (domain.md 7.4).
static bool was_useful(const struct citizen *c)
{
    if (c->newest == 8)
        return (c->newest_ms + ZONE_MS) / DAY_MS == (c->newest_recorded_ms + ZONE_MS) / DAY_MS;
    return c->newest_recorded_ms - c->newest_ms < DAY_MS;
}

static void check_citizen(const struct verdict_input *in, const struct citizen *c, struct notes *wrong,
                          struct notes *missing)
{
    const char *code = in->day->dossiers[c->dossier].code;
    for (unsigned t = 1; t < TEMPLATES; t++) {
        if (c->sent[t] > 0 && !c->consent)
            note(wrong, "an SMS (T%u) about %s left although the citizen had not agreed", t, code);
        else if (c->sent[t] > c->due[t])
            note(wrong, "%u SMS (T%u) about %s left for %u causes", c->sent[t], t, code, c->due[t]);
    }
    // Older news may be superseded while they wait; the newest word must have left.
    if (in->tells_sms && c->consent && c->newest && c->sent[c->newest] == 0 && was_useful(c))
        note(missing, "the newest SMS (T%u) about %s did not leave", c->newest, code);
}

int verdict_texts(const struct verdict_input *in, struct notes *wrong, struct notes *missing)
{
    size_t n = in->day->plan.n_dossiers;
    struct citizen *all = calloc(n, sizeof *all);
    if (!all)
        return ERR_NO_MEMORY;
    count_due(in, all);
    count_sent(in, all, wrong);
    for (size_t i = 0; i < n; i++)
        if (speaks(in->day, (int32_t)i))
            check_citizen(in, &all[i], wrong, missing);
    free(all);
    return check_references(in->ledger, wrong);
}
