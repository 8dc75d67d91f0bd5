// SPDX-License-Identifier: EUPL-1.2
// Journeys: what was played against the rows that the office API shows.
#include "simulate/verdict.h"

#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define CLOCK_MS 10000 // a corrected clock is right to within a slow upload

// Something that a dossier must have been told.
struct expected {
    int32_t dossier, item;
    int64_t at_ms, or_ms; // or_ms: of its repetition, which may have come first; 0 = none
    uint8_t kind;
    bool optional, seen;
};

struct expectation {
    const struct day *day;
    int32_t *closings; // per box: the scan that lists what is in it, or PLAN_NONE
    struct expected *list;
    size_t count, room;
    size_t *first; // per dossier, into list once it is sorted; n_dossiers + 1
    bool full;
};

// ---- what was played

static void expect(struct expectation *e, const struct expected *x)
{
    if (e->count == e->room) {
        size_t more = e->room ? 2 * e->room : 1024;
        struct expected *grown = reallocarray(e->list, more, sizeof *grown);
        e->full = e->full || !grown;
        if (!grown)
            return;
        e->list = grown;
        e->room = more;
    }
    e->list[e->count++] = *x;
}

// For every dossier in the envelope.
static void expect_of_item(struct expectation *e, int32_t item, const struct expected *x)
{
    struct expected copy = *x;
    copy.item = item;
    for (int i = 0; i < 2; i++) {
        copy.dossier = e->day->plan.items[item].dossiers[i];
        if (copy.dossier != PLAN_NONE)
            expect(e, &copy);
    }
}

static void expect_of_bag(struct expectation *e, int32_t bag, const struct expected *x)
{
    if (e->closings[bag] == PLAN_NONE)
        return;
    const struct plan_scan *closing = &e->day->plan.scans[e->closings[bag]];
    for (int32_t i = 0; i < closing->n_members; i++)
        expect_of_item(e, e->day->plan.members[closing->members + i], x);
}

static void expect_of_box(struct expectation *e, const struct plan_scan *p, struct expected *x)
{
    const struct plan *plan = &e->day->plan;
    if (!plan->boxes[p->box].is_dispatch) {
        expect_of_bag(e, p->box, x);
        if (p->kind != EVENT_BAG_CLOSED)
            return;
        x->kind = EVENT_ITEM_PUT_IN; // what the list says of each
        expect_of_bag(e, p->box, x);
        return;
    }
    if (e->closings[p->box] == PLAN_NONE)
        return;
    const struct plan_scan *departure = &plan->scans[e->closings[p->box]];
    for (int32_t i = 0; i < departure->n_members; i++)
        expect_of_bag(e, plan->members[departure->members + i], x);
}

static int64_t true_time(const struct day *d, size_t i)
{
    return d->scans[i].at_ms - d->plan.devices[d->plan.scans[i].device].skew_ms;
}

static bool was_taken(const struct day *d, size_t i)
{
    return d->scans[i].phase == SCAN_ANSWERED && d->scans[i].status == WIRE_ACCEPTED;
}

// A correction that overtakes what it corrects leaves both unsaid.
static bool may_be_overtaken(const struct day *d, const struct plan_scan *p)
{
    const struct plan_device *device = &d->plan.devices[p->device];
    return device->disorder && device->away < device->back;
}

static void expect_scans(struct expectation *e)
{
    const struct day *d = e->day;
    for (size_t i = 0; i < d->plan.n_scans; i++) {
        const struct plan_scan *p = &d->plan.scans[i];
        if (!was_taken(d, i) || p->flaw == FLAW_TWICE || p->flaw == FLAW_STRANGER)
            continue;
        struct expected x = {.at_ms = true_time(d, i), .kind = p->kind};
        x.optional = p->kind == EVENT_CORRECTION && may_be_overtaken(d, p);
        if (p->item != PLAN_NONE)
            expect_of_item(e, p->item, &x);
        else
            expect_of_box(e, p, &x);
    }
}

static enum event_kind kind_of_verb(unsigned verb)
{
    static const enum event_kind kinds[] = {
        [VERB_REGISTER] = EVENT_DOSSIER_REGISTERED, [VERB_STATUS] = EVENT_DOSSIER_STATUS,
        [VERB_LINK] = EVENT_DOSSIER_LINK,           [VERB_CONFIRM] = EVENT_HANDOVER_CONFIRMED,
        [VERB_REFUSE] = EVENT_HANDOVER_REFUSED,     [VERB_SUPPLEMENT] = EVENT_SUPPLEMENT_REQUESTED,
        [VERB_RESULT] = EVENT_RESULT_READY,
    };
    return kinds[verb];
}

// Which acts name the item, and so are told as its news.
static bool is_about_item(unsigned verb)
{
    return verb == VERB_LINK || verb == VERB_CONFIRM || verb == VERB_REFUSE;
}

static void expect_calls(struct expectation *e)
{
    const struct day *d = e->day;
    for (size_t i = 0; i < d->plan.n_calls; i++) {
        const struct plan_call *p = &d->plan.calls[i];
        const struct day_call *c = &d->calls[i];
        if (c->phase != CALL_ANSWERED || c->status / 100 != 2)
            continue;
        expect(e, &(struct expected){.dossier = p->dossier,
                                     .item = is_about_item(p->verb) ? p->item : PLAN_NONE,
                                     .at_ms = c->at_ms,
                                     .kind = (uint8_t)kind_of_verb(p->verb)});
    }
}

// What the repetition or the correction of a scan changes in what is expected of that scan.
static void adjust_one(struct expectation *e, size_t i, int32_t dossier, bool twice, bool overtaken)
{
    const struct plan_scan *p = &e->day->plan.scans[i];
    int64_t first_ms = true_time(e->day, (size_t)p->other);
    for (size_t k = e->first[dossier]; k < e->first[dossier + 1]; k++) {
        struct expected *x = &e->list[k];
        if (x->item != p->item || x->at_ms != first_ms)
            continue;
        x->or_ms = twice ? true_time(e->day, i) : 0;
        x->optional = x->optional || overtaken;
    }
}

static void adjust(struct expectation *e)
{
    const struct day *d = e->day;
    for (size_t i = 0; i < d->plan.n_scans; i++) {
        const struct plan_scan *p = &d->plan.scans[i];
        bool twice = p->flaw == FLAW_TWICE, overtaken = p->kind == EVENT_CORRECTION && may_be_overtaken(d, p);
        if (!was_taken(d, i) || p->other == PLAN_NONE || (!twice && !overtaken))
            continue;
        for (int k = 0; k < 2; k++)
            if (d->plan.items[p->item].dossiers[k] != PLAN_NONE)
                adjust_one(e, i, d->plan.items[p->item].dossiers[k], twice, overtaken);
    }
}

static int by_dossier(const void *a, const void *b)
{
    const struct expected *x = a, *y = b;
    if (x->dossier != y->dossier)
        return x->dossier < y->dossier ? -1 : 1;
    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

static int gather(struct expectation *e, const struct day *d)
{
    *e = (struct expectation){.day = d};
    e->closings = malloc((d->plan.n_boxes + 1) * sizeof *e->closings);
    e->first = calloc(d->plan.n_dossiers + 2, sizeof *e->first);
    if (!e->closings || !e->first)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < d->plan.n_boxes; i++)
        e->closings[i] = PLAN_NONE;
    for (size_t i = 0; i < d->plan.n_scans; i++) {
        unsigned kind = d->plan.scans[i].kind;
        if (was_taken(d, i) && (kind == EVENT_BAG_CLOSED || kind == EVENT_DISPATCH_DEPARTED))
            e->closings[d->plan.scans[i].box] = (int32_t)i;
    }
    expect_scans(e);
    expect_calls(e);
    if (e->full)
        return ERR_NO_MEMORY;
    if (e->count > 0)
        qsort(e->list, e->count, sizeof *e->list, by_dossier);
    for (size_t i = 0; i < e->count; i++)
        e->first[e->list[i].dossier + 1]++;
    for (size_t i = 0; i < d->plan.n_dossiers; i++)
        e->first[i + 1] += e->first[i];
    adjust(e);
    return ERR_OK;
}

// ---- against the rows

static bool is_near(int64_t a, int64_t b)
{
    return a - b <= CLOCK_MS && b - a <= CLOCK_MS;
}

static struct expected *find(const struct expectation *e, int32_t dossier, const struct news *row)
{
    for (size_t i = e->first[dossier]; i < e->first[dossier + 1]; i++) {
        struct expected *x = &e->list[i];
        if (!x->seen && x->kind == row->kind && x->item == row->item &&
            (is_near(x->at_ms, row->at_ms) || (x->or_ms && is_near(x->or_ms, row->at_ms))))
            return x;
    }
    return NULL;
}

static bool is_alarm(unsigned kind)
{
    return kind == EVENT_ITEM_SILENT || kind == EVENT_PICKUP_OVERDUE; // our clockwork's own words
}

static bool is_money(unsigned kind)
{
    return kind >= EVENT_FEE_COLLECTED && kind <= EVENT_FEE_REFUNDED;
}

// Bookkeeping makes no scan late: links, money, corrections, alarms (journey.c is_late).
static bool has_no_age(unsigned kind)
{
    return is_money(kind) || is_alarm(kind) || kind == EVENT_CORRECTION || kind == EVENT_DOSSIER_LINK;
}

// News that is older than what was told before must say so: offices and citizens act on what is new.
static void check_lateness(const struct ledger_dossier *l, size_t i, const char *code, struct notes *wrong)
{
    const struct news *row = &l->rows[i];
    if (row->item == PLAN_NONE || row->flags & (JOURNEY_LATE | JOURNEY_REVISED) || has_no_age(row->kind))
        return;
    for (size_t k = 0; k < i; k++) {
        const struct news *before = &l->rows[k];
        if (before->item != row->item || has_no_age(before->kind) || before->at_ms <= row->at_ms)
            continue;
        note(wrong, "%s #%lld (%s) is older than #%lld and was told as new", code, (long long)row->seq,
             event_name(row->kind), (long long)before->seq);
        return;
    }
}

static void check_dossier(const struct verdict_input *in, const struct expectation *e, int32_t i,
                          struct notes *wrong, struct notes *missing)
{
    const struct day *d = in->day;
    const struct ledger_dossier *l = &in->ledger->dossiers[i];
    const char *code = d->dossiers[i].code;
    char item[ITEM_CODE_LEN + 1];
    for (size_t k = 0; k < l->n_rows; k++) {
        struct expected *x = find(e, i, &l->rows[k]);
        if (l->rows[k].seq != (int64_t)k + 1)
            note(wrong, "%s: #%zu of its journey is numbered %lld", code, k + 1, (long long)l->rows[k].seq);
        if (x)
            x->seen = true;
        else if (!is_alarm(l->rows[k].kind))
            note(wrong, "%s #%lld tells of %s, which nobody played", code, (long long)l->rows[k].seq,
                 event_name(l->rows[k].kind));
        check_lateness(l, k, code, wrong);
    }
    for (size_t k = e->first[i]; k < e->first[i + 1]; k++) {
        const struct expected *x = &e->list[k];
        if (x->seen || x->optional)
            continue;
        item[0] = '\0';
        if (x->item != PLAN_NONE)
            day_item_code(d, x->item, item);
        note(missing, "the journey of %s does not tell of %s%s%s", code, event_name(x->kind),
             item[0] ? " of " : "", item);
    }
}

// ---- where the items are in the end

// Items of which a scan or an act was not taken: where they are is not what was planned.
static bool *find_unfinished(const struct day *d)
{
    bool *unfinished = calloc(d->plan.n_items + 1, sizeof *unfinished);
    for (size_t i = 0; unfinished && i < d->plan.n_scans; i++) {
        const struct plan_scan *p = &d->plan.scans[i];
        if (p->item != PLAN_NONE && plan_flaw_counts(p->flaw) && !was_taken(d, i))
            unfinished[p->item] = true;
    }
    for (size_t i = 0; unfinished && i < d->plan.n_calls; i++)
        if (d->plan.calls[i].item != PLAN_NONE && d->calls[i].phase != CALL_ANSWERED)
            unfinished[d->plan.calls[i].item] = true;
    return unfinished;
}

static void check_item(const struct verdict_input *in, int32_t item, struct notes *missing)
{
    const struct plan_item *p = &in->day->plan.items[item];
    char code[ITEM_CODE_LEN + 1];
    if (p->end == STATE_NONE)
        return;
    day_item_code(in->day, item, code);
    for (int i = 0; i < 2; i++) {
        if (p->dossiers[i] == PLAN_NONE)
            continue;
        const struct ledger_dossier *l = &in->ledger->dossiers[p->dossiers[i]];
        size_t k = 0;
        while (k < l->n_items && l->items[k] != item)
            k++;
        if (k == l->n_items)
            note(missing, "%s does not show its item %s", in->day->dossiers[p->dossiers[i]].code, code);
        else if (l->states[k] != p->end)
            note(missing, "item %s is %s (%s) and should be %s (%s)", code, state_code(l->states[k]),
                 state_name(l->states[k]), state_code(p->end), state_name(p->end));
    }
}

int verdict_journeys(const struct verdict_input *in, struct notes *wrong, struct notes *missing)
{
    struct expectation e;
    bool *unfinished = find_unfinished(in->day);
    int err = gather(&e, in->day);
    if (!unfinished)
        err = ERR_NO_MEMORY;
    for (int32_t i = 0; err == ERR_OK && i < (int32_t)in->day->plan.n_dossiers; i++)
        check_dossier(in, &e, i, wrong, missing);
    for (int32_t i = 0; err == ERR_OK && i < (int32_t)in->day->plan.n_items; i++)
        if (!unfinished[i])
            check_item(in, i, missing);
    free(unfinished);
    free(e.closings);
    free(e.list);
    free(e.first);
    return err;
}
