// SPDX-License-Identifier: EUPL-1.2
// The plan of a postal day: one seed, one day; and what it promises of each item is what the rules of domain/
// make of its scans, without a single illegal move.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "domain/journey.h"
#include "domain/nest.h"
#include "simulate/plan.h"
#include "simulate/province.h"

#define OFFICE_STREAM 100000

static const struct plan_options usual = {
    .seed = 2026, .dossiers = 200, .devices = 12, .offline = 0.3, .disorder = 0.3, .duplicates = 0.2};

static struct trail_fact out[TRAIL_MAX];

static struct trail_fact fact_of(const struct plan_scan *s, uint32_t seq)
{
    struct trail_fact f;
    trail_fact_init(&f);
    f.at = (int64_t)s->at * 1000;
    f.kind = s->kind;
    f.source = SOURCE_DEVICE;
    f.stream = s->device + 1U;
    f.seq = seq + 1;
    f.pos = (int64_t)seq + 1;
    f.leg = s->leg;
    f.solution = s->solution;
    f.listed = s->n_members > 0;
    f.charge = s->charge;
    f.fee = s->fee;
    f.remit = s->remit;
    f.office = s->device;
    return f;
}

static struct trail_fact fact_of_call(const struct plan_call *c, uint32_t seq)
{
    struct trail_fact f;
    trail_fact_init(&f);
    f.at = (int64_t)c->at * 1000;
    f.kind = c->verb == VERB_CONFIRM  ? EVENT_HANDOVER_CONFIRMED
             : c->verb == VERB_REFUSE ? EVENT_HANDOVER_REFUSED
                                      : EVENT_DOSSIER_LINK;
    f.source = SOURCE_OFFICE;
    f.stream = OFFICE_STREAM;
    f.seq = seq + 1;
    f.pos = OFFICE_STREAM * INT64_C(100) + seq;
    return f;
}

static bool lists(const struct plan *p, const struct plan_scan *s, int32_t member)
{
    for (int32_t i = 0; i < s->n_members; i++)
        if (p->members[s->members + i] == member)
            return true;
    return false;
}

static void put(struct trail_fact *own, size_t *n, struct trail_fact f)
{
    assert_int_equal(trail_insert(own, n, &f, NULL), TRAIL_OK);
}

// A scan of a box that holds the object: a list is a put_in, or a finding, of each that it names.
static void put_listed(struct trail_fact *own, size_t *n, const struct plan_scan *s, uint32_t i)
{
    struct trail_fact f = fact_of(s, i);
    if (s->kind != EVENT_BAG_OPENED) {
        f.kind = EVENT_ITEM_PUT_IN;
        f.container = (uint32_t)s->box + 1;
        f.listed = false;
    }
    put(own, n, f);
}

static size_t trail_of_box(const struct plan *p, int32_t box, bool with_dispatch, struct trail_fact *own);

// Adds what the boxes hand down.
static size_t inherit(const struct plan *p, struct trail_fact *own, size_t n, bool with_dispatch)
{
    static struct trail_fact trails[2][8][64];
    uint32_t numbers[NEST_BOXES_MAX];
    struct nest_box boxes[8];
    size_t count = nest_boxes(own, n, numbers), total = 0;
    assert_true(count <= 8);
    for (size_t i = 0; i < count; i++) {
        struct trail_fact *trail = trails[with_dispatch][i];
        boxes[i] = (struct nest_box){numbers[i], trail,
                                     trail_of_box(p, (int32_t)numbers[i] - 1, with_dispatch, trail)};
    }
    assert_int_equal(nest_trail(own, n, boxes, count, out, &total), TRAIL_OK);
    memcpy(own, out, total * sizeof *own);
    return total;
}

static size_t trail_of_box(const struct plan *p, int32_t box, bool with_dispatch, struct trail_fact *own)
{
    size_t n = 0;
    for (uint32_t i = 0; i < p->n_scans; i++) {
        const struct plan_scan *s = &p->scans[i];
        if (s->box == box)
            put(own, &n, fact_of(s, i));
        else if (s->box != PLAN_NONE && s->kind == EVENT_DISPATCH_DEPARTED && lists(p, s, box))
            put_listed(own, &n, s, i);
    }
    return with_dispatch ? inherit(p, own, n, false) : n;
}

static size_t trail_of_item(const struct plan *p, int32_t item, struct trail_fact *own)
{
    size_t n = 0;
    for (uint32_t i = 0; i < p->n_scans; i++) {
        const struct plan_scan *s = &p->scans[i];
        if (!plan_flaw_counts(s->flaw))
            continue;
        if (s->kind == EVENT_CORRECTION && s->item == item) {
            struct trail_fact f = fact_of(s, i);
            f.seq = (uint32_t)s->other + 1;
            put(own, &n, f);
        } else if (s->item == item) {
            put(own, &n, fact_of(s, i));
        } else if (s->box != PLAN_NONE && s->kind != EVENT_DISPATCH_DEPARTED && lists(p, s, item)) {
            put_listed(own, &n, s, i);
        }
    }
    for (uint32_t i = 0; i < p->n_calls; i++)
        if (p->calls[i].item == item && p->calls[i].verb != VERB_RESULT)
            put(own, &n, fact_of_call(&p->calls[i], i));
    return inherit(p, own, n, true);
}

static void every_item_ends_as_promised(void **state)
{
    (void)state;
    struct plan p;
    assert_int_equal(plan_build(&usual, &p), ERR_OK);
    size_t bagged = 0, refused = 0;
    for (int32_t i = 0; i < (int32_t)p.n_items; i++) {
        static struct trail_fact own[TRAIL_MAX];
        struct journey_item item;
        size_t n = trail_of_item(&p, i, own);
        journey_fold(own, n, NULL, &item);
        if (p.items[i].end == STATE_NONE)
            continue;
        if (item.state != p.items[i].end || item.contradictions || item.illegals)
            fail_msg("item %d (%s): %s, promised %s; %u contradictions, %u illegal moves", i,
                     plan_story_name(p.dossiers[p.items[i].dossiers[0]].story), state_code(item.state),
                     state_code(p.items[i].end), item.contradictions, item.illegals);
        for (size_t k = 0; k < n; k++) {
            bagged += own[k].inherited;
            refused += own[k].kind == EVENT_HANDOVER_REFUSED;
        }
    }
    assert_true(bagged > 100 && refused > 2); // the ways that are hard did occur
    plan_free(&p);
}

static bool same_scan(const struct plan_scan *a, const struct plan_scan *b)
{
    return a->at == b->at && a->device == b->device && a->kind == b->kind && a->item == b->item &&
           a->box == b->box && a->flaw == b->flaw && a->other == b->other && a->n_members == b->n_members &&
           a->charge == b->charge && a->fee == b->fee && a->again == b->again && a->unheard == b->unheard;
}

static bool same(const struct plan *a, const struct plan *b)
{
    if (a->n_scans != b->n_scans || a->n_calls != b->n_calls || a->n_items != b->n_items)
        return false;
    for (size_t i = 0; i < a->n_scans; i++)
        if (!same_scan(&a->scans[i], &b->scans[i]))
            return false;
    for (size_t i = 0; i < a->n_calls; i++)
        if (a->calls[i].at != b->calls[i].at || a->calls[i].verb != b->calls[i].verb ||
            a->calls[i].dossier != b->calls[i].dossier)
            return false;
    for (size_t i = 0; i < a->n_dossiers; i++)
        if (a->dossiers[i].story != b->dossiers[i].story || a->dossiers[i].place != b->dossiers[i].place)
            return false;
    return true;
}

static void one_seed_is_one_day(void **state)
{
    (void)state;
    struct plan a, b;
    struct plan_options o = usual;
    assert_int_equal(plan_build(&o, &a), ERR_OK);
    assert_int_equal(plan_build(&o, &b), ERR_OK);
    assert_true(same(&a, &b));
    plan_free(&b);
    o.day = 1;
    assert_int_equal(plan_build(&o, &b), ERR_OK);
    assert_false(same(&a, &b));
    plan_free(&b);
    o.day = 0;
    o.seed++;
    assert_int_equal(plan_build(&o, &b), ERR_OK);
    assert_false(same(&a, &b));
    plan_free(&a);
    plan_free(&b);
}

// What the player relies on: order, ranges, and references that point backwards.
static void check_shape(const struct plan *p)
{
    for (size_t i = 0; i < p->n_scans; i++) {
        const struct plan_scan *s = &p->scans[i];
        assert_true(i == 0 || p->scans[i - 1].at <= s->at);
        assert_true(s->at >= 0 && s->at < PLAN_DAY_S);
        assert_true(s->device < p->n_devices);
        assert_true((s->item == PLAN_NONE) != (s->box == PLAN_NONE));
        assert_true(s->item < (int32_t)p->n_items && s->box < (int32_t)p->n_boxes);
        assert_true(s->n_members <= PLAN_BAG_MAX && (size_t)(s->members + s->n_members) <= p->n_members);
        assert_true(s->other < (int32_t)i);
        assert_true(event_allows(s->kind, SOURCE_DEVICE));
        if (s->other != PLAN_NONE)
            assert_int_equal(p->scans[s->other].device, s->device);
    }
    for (size_t i = 0; i < p->n_calls; i++) {
        assert_true(i == 0 || p->calls[i - 1].at <= p->calls[i].at);
        assert_true(p->calls[i].at >= 0 && p->calls[i].at < PLAN_DAY_S);
    }
    for (size_t i = 0; i < p->n_dossiers; i++)
        assert_true(p->dossiers[i].place > PLAN_CENTRE && p->dossiers[i].place < p->places);
    for (size_t i = 0; i < p->n_devices; i++) {
        assert_true(p->devices[i].place < p->places);
        assert_true(p->devices[i].away <= p->devices[i].back);
    }
}

static void any_size_is_well_formed(void **state)
{
    (void)state;
    static const unsigned sizes[][2] = {{1, 5}, {2, 6}, {7, 24}, {60, 12}, {400, 300}, {5000, 40}};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (unsigned day = 0; day < 4; day++) {
            struct plan p;
            struct plan_options o = usual;
            o.dossiers = sizes[i][0];
            o.devices = sizes[i][1];
            o.day = day;
            assert_int_equal(plan_build(&o, &p), ERR_OK);
            check_shape(&p);
            plan_free(&p);
        }
    }
}

// A registered dossier comes before all else that its office says of it.
static void offices_register_first(void **state)
{
    (void)state;
    struct plan p;
    assert_int_equal(plan_build(&usual, &p), ERR_OK);
    bool registered[200] = {0};
    for (size_t i = 0; i < p.n_calls; i++) {
        if (p.calls[i].verb == VERB_REGISTER)
            registered[p.calls[i].dossier] = true;
        assert_true(registered[p.calls[i].dossier]);
    }
    for (size_t i = 0; i < p.n_dossiers; i++)
        assert_true(registered[i]);
    plan_free(&p);
}

static void shares_are_what_they_say(void **state)
{
    (void)state;
    struct plan p;
    struct plan_options o = usual;
    o.offline = o.disorder = o.duplicates = 0;
    assert_int_equal(plan_build(&o, &p), ERR_OK);
    for (size_t i = 0; i < p.n_devices; i++)
        assert_true(p.devices[i].away == p.devices[i].back && !p.devices[i].disorder &&
                    !p.devices[i].skew_ms);
    for (size_t i = 0; i < p.n_scans; i++)
        assert_false(p.scans[i].again || p.scans[i].unheard);
    plan_free(&p);
    o.offline = 1;
    assert_int_equal(plan_build(&o, &p), ERR_OK);
    for (size_t i = 0; i < p.n_devices; i++)
        assert_int_equal(p.devices[i].clerk, p.devices[i].away == p.devices[i].back);
    plan_free(&p);
}

static void bounds_are_kept(void **state)
{
    (void)state;
    struct plan p;
    static const struct plan_options wrong[] = {
        {.dossiers = 0, .devices = 12},
        {.dossiers = PLAN_DOSSIERS_MAX + 1, .devices = 12},
        {.dossiers = 1, .devices = PLAN_DEVICES_MIN - 1},
        {.dossiers = 1, .devices = PLAN_DEVICES_MAX + 1},
        {.dossiers = 1, .devices = 12, .offline = 1.01},
        {.dossiers = 1, .devices = 12, .disorder = -0.01},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(plan_build(&wrong[i], &p), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_ends_as_promised), cmocka_unit_test(one_seed_is_one_day),
        cmocka_unit_test(any_size_is_well_formed),     cmocka_unit_test(offices_register_first),
        cmocka_unit_test(shares_are_what_they_say),    cmocka_unit_test(bounds_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
