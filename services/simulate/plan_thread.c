// SPDX-License-Identifier: EUPL-1.2
// The stories (plan.h enum plan_story), each as a script from the first scan to the end of its item. The
// moves are those of reference/domain.md 7.2; people take 4 to 13 minutes from one step to the next, always
// more than the two within which the same event counts as sent twice.
#include "simulate/plan_build.h"

#include "base/check.h"

#define GAP_MIN    (4 * MINUTE_S)
#define GAP_MAX    (13 * MINUTE_S)
#define RETRY_MIN  (75 * MINUTE_S) // until a second attempt
#define RETRY_MAX  (130 * MINUTE_S)
#define OFFICE_MIN (20 * MINUTE_S) // an office takes its time
#define OFFICE_MAX (55 * MINUTE_S)

#define OLD_CODE_SHARE 0.4 // of dossiers of places that had another code
#define CONSENT_SHARE  0.85

// UPU code list 103, as far as stories need it.
#define REASON_REFUSED  13
#define REASON_NOT_HOME 14
#define REASON_LATER    19

// ---- steps

static struct plan_scan *scan(struct plan_script *s, uint16_t device, enum event_kind kind)
{
    struct plan_scan *scan = plan_add_scan(s->b, s->at, device, kind);
    scan->item = s->item;
    scan->leg = s->b->plan->items ? s->b->plan->items[s->item].leg : LEG_NONE;
    s->at += dice_between(&s->b->dice, GAP_MIN, GAP_MAX);
    return scan;
}

static struct plan_scan *at_counter(struct plan_script *s, enum event_kind kind)
{
    return scan(s, plan_clerk(s->b->plan, s->place), kind);
}

static struct plan_scan *by_postman(struct plan_script *s, enum event_kind kind)
{
    return scan(s, s->postman, kind);
}

static void wait(struct plan_script *s, int32_t low, int32_t high)
{
    s->at += dice_between(&s->b->dice, low, high);
}

static void office_says(struct plan_script *s, enum plan_verb verb)
{
    plan_add_call(s->b, s->at, verb, s->dossiers[0], s->item, 0);
    if (s->dossiers[1] != PLAN_NONE)
        plan_add_call(s->b, s->at, verb, s->dossiers[1], s->item, 0);
}

static void office_sets(struct plan_script *s, uint8_t status)
{
    for (int i = 0; i < 2; i++)
        if (s->dossiers[i] != PLAN_NONE)
            plan_add_call(s->b, s->at, VERB_STATUS, s->dossiers[i], PLAN_NONE, status);
}

static void new_item(struct plan_script *s, enum leg leg)
{
    s->item = plan_add_item(s->b, leg, s->dossiers[0], s->dossiers[1]);
}

static void ends(struct plan_script *s, enum item_state state)
{
    if (s->b->err == 0)
        s->b->plan->items[s->item].end = (uint8_t)state;
}

// Takes the item by the next departures to another place and scans it in there.
static void travel(struct plan_script *s, uint16_t to)
{
    unsigned slot;
    int32_t leaves = plan_departure(0, s->at, &slot);
    CHECK(leaves != PLAN_NONE); // scripts that travel begin early enough
    plan_board(s->b, s->place, 0, slot, s->item);
    s->at = leaves + 50 * MINUTE_S; // on the road, received, opened: plan_trip.c
    leaves = plan_departure(1, s->at, &slot);
    CHECK(leaves != PLAN_NONE);
    plan_board(s->b, to, 1, slot, s->item);
    s->at = leaves + 50 * MINUTE_S;
    s->place = to;
    s->postman = plan_postman(s->b, to);
    at_counter(s, EVENT_ITEM_ARRIVED);
}

// ---- pieces of stories

static uint16_t receiving_place(const struct plan_script *s)
{
    return s->b->plan->dossiers[s->dossiers[0]].place;
}

static uint16_t another_place(struct plan_script *s, uint16_t than)
{
    uint32_t spokes = s->b->plan->places - 1;
    return (uint16_t)(1 + (than + dice_below(&s->b->dice, spokes - 1)) % spokes);
}

// The office has the dossier from online filing, with the citizen's contact.
static void registered(struct plan_script *s, uint8_t status)
{
    int32_t before = s->at - dice_between(&s->b->dice, 15 * MINUTE_S, 45 * MINUTE_S);
    for (int i = 0; i < 2; i++) {
        if (s->dossiers[i] == PLAN_NONE)
            continue;
        plan_add_call(s->b, before, VERB_REGISTER, s->dossiers[i], PLAN_NONE, 0);
        if (status)
            plan_add_call(s->b, before + MINUTE_S, VERB_STATUS, s->dossiers[i], PLAN_NONE, status);
    }
}

// Postage and the state's fee, in cash at the citizen's door or at the counter (QĐ 45/2016/QĐ-TTg art. 11).
static void takes_money(struct plan_script *s, struct plan_scan *scan)
{
    scan->charge = dice_between(&s->b->dice, 22, 34) * 1000;
    if (dice_share(&s->b->dice, 0.6))
        scan->fee = dice_between(&s->b->dice, 1, 30) * 5000;
}

static void hands_money_in(struct plan_script *s)
{
    if (dice_share(&s->b->dice, 0.3))
        at_counter(s, EVENT_FEE_REMITTED_OFFICE);
}

// A citizen hands papers in at the counter of the post office.
static void comes_to_counter(struct plan_script *s)
{
    struct plan_scan *c = at_counter(s, EVENT_ITEM_COLLECTED);
    c->names = s->b->plan->dossiers[s->dossiers[0]].story != STORY_LATE_LINK;
    takes_money(s, c);
    at_counter(s, EVENT_ITEM_ACCEPTED);
}

static void asks_for_pickup(struct plan_script *s)
{
    at_counter(s, EVENT_PICKUP_ASSIGNED)->names = true;
    by_postman(s, EVENT_PICKUP_CONFIRMED);
}

// The postman counts the papers and seals them in the sender's presence (TT 17/2017/TT-BTTTT art. 5).
static void collects_at_home(struct plan_script *s)
{
    struct plan_scan *c = by_postman(s, EVENT_ITEM_COLLECTED);
    c->names = c->personal = true;
    takes_money(s, c);
    at_counter(s, EVENT_ITEM_ACCEPTED);
}

// Counted again and handed over with the minutes that both sign.
static void hands_over(struct plan_script *s)
{
    by_postman(s, EVENT_DELIVERY_STARTED);
    by_postman(s, EVENT_ITEM_DELIVERED)->personal = true;
}

static void is_taken(struct plan_script *s)
{
    ends(s, STATE_HANDED_OVER);
    wait(s, GAP_MIN, OFFICE_MAX);
    office_says(s, VERB_CONFIRM);
    s->at += MINUTE_S;
    office_sets(s, 2);
    hands_money_in(s);
}

// The office says that the result is ready and the postman takes it along against the signed book.
static void result_is_fetched(struct plan_script *s)
{
    s->place = receiving_place(s);
    s->postman = plan_postman(s->b, s->place);
    new_item(s, LEG_K);
    plan_add_call(s->b, s->at, VERB_STATUS, s->dossiers[0], PLAN_NONE, 9);
    s->at += MINUTE_S;
    office_says(s, VERB_RESULT);
    wait(s, GAP_MIN, OFFICE_MAX);
    by_postman(s, EVENT_ITEM_COLLECTED)->names = true;
    at_counter(s, EVENT_ITEM_ACCEPTED);
}

static void goes_out(struct plan_script *s)
{
    struct plan_scan *out = by_postman(s, EVENT_DELIVERY_STARTED);
    out->fee = 25000; // what the citizen will have to pay at the door
}

static void fails(struct plan_script *s, uint8_t reason, enum solution solution)
{
    struct plan_scan *f = by_postman(s, EVENT_DELIVERY_FAILED);
    f->reason = reason;
    f->solution = (uint8_t)solution;
}

static void is_delivered(struct plan_script *s, uint16_t device)
{
    struct plan_scan *d = scan(s, device, EVENT_ITEM_DELIVERED);
    d->personal = true;
    d->fee = 25000;
    ends(s, STATE_DELIVERED);
    s->at += MINUTE_S;
    office_sets(s, 10);
}

// ---- stories

static void circle(struct plan_script *s)
{
    registered(s, 0);
    new_item(s, LEG_N);
    comes_to_counter(s);
    hands_over(s);
    is_taken(s);
    wait(s, OFFICE_MIN, OFFICE_MAX);
    office_sets(s, 4);
    wait(s, OFFICE_MIN, OFFICE_MAX);
    result_is_fetched(s);
    goes_out(s);
    is_delivered(s, s->postman);
}

static void remote(struct plan_script *s)
{
    registered(s, 0);
    uint16_t to = receiving_place(s);
    s->place = another_place(s, to);
    s->postman = plan_postman(s->b, s->place);
    new_item(s, LEG_N);
    if (dice_share(&s->b->dice, 0.5)) {
        asks_for_pickup(s);
        collects_at_home(s);
    } else {
        comes_to_counter(s);
    }
    travel(s, to);
    hands_over(s);
    is_taken(s);
}

static void retried(struct plan_script *s)
{
    registered(s, 4);
    result_is_fetched(s);
    goes_out(s);
    fails(s, REASON_NOT_HOME, SOLUTION_REDELIVER);
    wait(s, RETRY_MIN, RETRY_MAX);
    goes_out(s);
    is_delivered(s, s->postman);
}

static void refused(struct plan_script *s)
{
    registered(s, 0);
    new_item(s, LEG_N);
    asks_for_pickup(s);
    collects_at_home(s);
    hands_over(s);
    wait(s, GAP_MIN, OFFICE_MIN);
    office_says(s, VERB_REFUSE);
    s->at += MINUTE_S;
    office_sets(s, 3);
    wait(s, GAP_MIN, OFFICE_MIN);
    at_counter(s, EVENT_RETURN_REQUESTED);
    at_counter(s, EVENT_RETURN_STARTED);
    by_postman(s, EVENT_RETURN_COMPLETED)->personal = true;
    ends(s, STATE_RETURNED);
}

static void counter(struct plan_script *s)
{
    registered(s, 0);
    new_item(s, LEG_N);
    comes_to_counter(s);
    hands_over(s);
    is_taken(s);
}

static void home(struct plan_script *s)
{
    registered(s, 0);
    new_item(s, LEG_N);
    asks_for_pickup(s);
    collects_at_home(s);
    hands_over(s);
    is_taken(s);
}

static void pickup_retried(struct plan_script *s)
{
    registered(s, 0);
    new_item(s, LEG_N);
    asks_for_pickup(s);
    by_postman(s, EVENT_PICKUP_FAILED)->reason = REASON_NOT_HOME;
    wait(s, RETRY_MIN, RETRY_MAX);
    asks_for_pickup(s);
    collects_at_home(s);
    hands_over(s);
    is_taken(s);
}

static void supplement(struct plan_script *s)
{
    registered(s, 4);
    plan_add_call(s->b, s->at, VERB_SUPPLEMENT, s->dossiers[0], PLAN_NONE, 0);
    s->at += MINUTE_S;
    office_sets(s, 5);
    wait(s, OFFICE_MIN, OFFICE_MAX);
    new_item(s, LEG_B);
    comes_to_counter(s);
    hands_over(s);
    is_taken(s);
}

static void result(struct plan_script *s)
{
    registered(s, 4);
    result_is_fetched(s);
    goes_out(s);
    is_delivered(s, s->postman);
}

static void result_remote(struct plan_script *s)
{
    registered(s, 4);
    result_is_fetched(s);
    travel(s, another_place(s, s->place));
    goes_out(s);
    is_delivered(s, s->postman);
}

static void held(struct plan_script *s)
{
    registered(s, 4);
    result_is_fetched(s);
    goes_out(s);
    fails(s, REASON_LATER, SOLUTION_HOLD);
    wait(s, RETRY_MIN, RETRY_MAX);
    is_delivered(s, plan_clerk(s->b->plan, s->place));
}

static void returned(struct plan_script *s)
{
    registered(s, 4);
    result_is_fetched(s);
    goes_out(s);
    fails(s, REASON_NOT_HOME, SOLUTION_REDELIVER);
    wait(s, RETRY_MIN, RETRY_MAX);
    goes_out(s);
    fails(s, REASON_REFUSED, SOLUTION_RETURN);
    at_counter(s, EVENT_RETURN_STARTED);
    by_postman(s, EVENT_RETURN_COMPLETED);
    ends(s, STATE_RETURNED);
    wait(s, GAP_MIN, OFFICE_MIN);
    office_says(s, VERB_CONFIRM); // the office signs for what it has back
}

static void late_link(struct plan_script *s)
{
    registered(s, 0);
    new_item(s, LEG_N);
    comes_to_counter(s);
    hands_over(s);
    ends(s, STATE_HANDED_OVER);
    wait(s, GAP_MIN, OFFICE_MAX);
    office_says(s, VERB_LINK);
    wait(s, GAP_MIN, OFFICE_MIN);
    office_says(s, VERB_CONFIRM);
}

static void corrected(struct plan_script *s)
{
    registered(s, 4);
    result_is_fetched(s);
    goes_out(s);
    fails(s, REASON_NOT_HOME, SOLUTION_REDELIVER); // it was the neighbour's
    int32_t wrong = (int32_t)s->b->plan->n_scans - 1;
    by_postman(s, EVENT_CORRECTION)->other = wrong;
    is_delivered(s, s->postman);
}

static const struct {
    void (*play)(struct plan_script *s);
    uint8_t weight;
    int32_t earliest, latest; // first step
} stories[STORY_COUNT] = {
    [STORY_CIRCLE] = {circle, 8, AT(7, 5), AT(10, 30)},
    [STORY_REMOTE] = {remote, 14, AT(7, 25), AT(11, 40)},
    [STORY_RETRIED] = {retried, 8, AT(7, 20), AT(11, 0)},
    [STORY_REFUSED] = {refused, 5, AT(7, 20), AT(13, 0)},
    [STORY_COUNTER] = {counter, 16, AT(7, 5), AT(14, 30)},
    [STORY_HOME] = {home, 12, AT(7, 20), AT(14, 0)},
    [STORY_PICKUP_RETRIED] = {pickup_retried, 5, AT(7, 20), AT(11, 30)},
    [STORY_SUPPLEMENT] = {supplement, 6, AT(7, 20), AT(13, 0)},
    [STORY_RESULT] = {result, 10, AT(7, 20), AT(14, 0)},
    [STORY_RESULT_REMOTE] = {result_remote, 8, AT(7, 20), AT(11, 0)},
    [STORY_HELD] = {held, 5, AT(7, 20), AT(12, 0)},
    [STORY_RETURNED] = {returned, 4, AT(7, 20), AT(11, 0)},
    [STORY_ENVELOPE] = {counter, 5, AT(7, 20), AT(14, 30)},
    [STORY_LATE_LINK] = {late_link, 4, AT(7, 20), AT(14, 0)},
    [STORY_CORRECTED] = {corrected, 3, AT(7, 20), AT(13, 30)},
};

// ---- dealing them out

static enum plan_story draw(struct plan_builder *b)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < STORY_COUNT; i++)
        sum += stories[i].weight;
    uint32_t left = dice_below(&b->dice, sum);
    size_t i = 0;
    while (left >= stories[i].weight)
        left -= stories[i++].weight;
    return (enum plan_story)i;
}

static enum plan_story choose(struct plan_builder *b)
{
    static const enum plan_story followed[PLAN_FOLLOWED] = {STORY_CIRCLE, STORY_RETRIED, STORY_REMOTE,
                                                            STORY_REFUSED};
    if (b->next_dossier < PLAN_FOLLOWED)
        return followed[b->next_dossier];
    enum plan_story story = draw(b);
    bool last = b->next_dossier + 1 == b->plan->n_dossiers;
    return story == STORY_ENVELOPE && last ? STORY_COUNTER : story;
}

static int32_t new_dossier(struct plan_builder *b, enum plan_story story, uint16_t place, int32_t citizen)
{
    int32_t i = (int32_t)b->next_dossier++;
    struct plan_dossier *d = &b->plan->dossiers[i];
    bool fresh = story == STORY_CIRCLE || i < PLAN_FOLLOWED;
    *d = (struct plan_dossier){.place = place, .story = (uint8_t)story, .citizen = citizen};
    d->old_code = !fresh && dice_share(&b->dice, OLD_CODE_SHARE);
    d->consent = i < PLAN_FOLLOWED || dice_share(&b->dice, CONSENT_SHARE);
    return i;
}

void plan_threads(struct plan_builder *b)
{
    struct plan *p = b->plan;
    while (b->next_dossier < p->n_dossiers && b->err == 0) {
        bool first = b->next_dossier == 0;
        enum plan_story story = choose(b);
        struct plan_script s = {.b = b, .item = 0, .dossiers = {PLAN_NONE, PLAN_NONE}};
        s.place = (uint16_t)dice_between(&b->dice, 1, (int32_t)p->places - 1);
        s.postman = plan_postman(b, s.place);
        s.at = first ? 2 * MINUTE_S : dice_between(&b->dice, stories[story].earliest, stories[story].latest);
        int32_t citizen = (int32_t)b->next_dossier;
        s.dossiers[0] = new_dossier(b, story, s.place, citizen);
        if (story == STORY_ENVELOPE) {
            s.dossiers[1] = new_dossier(b, story, s.place, citizen);
            p->dossiers[s.dossiers[1]].consent = p->dossiers[s.dossiers[0]].consent;
        }
        stories[story].play(&s);
    }
}
