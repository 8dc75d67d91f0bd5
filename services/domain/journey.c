// SPDX-License-Identifier: EUPL-1.2
// The fold and the step; the rules are in journey.h. What each row calls for (SMS, proposals) is in
// journey_row.c.
#include "domain/journey.h"

#include "domain/journey_row.h"

#include <string.h>

struct walk {
    struct journey_item *item;
    const struct trail_fact *f;
    uint8_t flags;
};

// ---- corrections, repeats, legs: what has to be known before the walk ----

static bool retracts(const struct trail_fact *correction, const struct trail_fact *f)
{
    return f->kind != EVENT_CORRECTION && f->stream == correction->stream && f->seq == correction->seq;
}

static void mark_retracted(const struct trail_fact *facts, size_t n, struct journey_entry *entries)
{
    for (size_t c = 0; c < n; c++) {
        if (facts[c].kind != EVENT_CORRECTION)
            continue;
        for (size_t i = 0; i < n; i++)
            if (facts[i].kind != EVENT_CORRECTION && facts[i].stream == facts[c].stream &&
                facts[i].seq == facts[c].seq)
                entries[i].flags |= JOURNEY_RETRACTED;
    }
}

// Could b be a again, sent by a bulk upload or scanned twice?
static bool is_twin(const struct trail_fact *a, const struct trail_fact *b)
{
    int64_t apart = b->at > a->at ? b->at - a->at : a->at - b->at;
    return a->kind == b->kind && a->kind != EVENT_CORRECTION && apart <= JOURNEY_REPEAT_MS &&
           a->office == b->office && a->container == b->container && a->solution == b->solution &&
           a->charge == b->charge && a->fee == b->fee && a->remit == b->remit;
}

static void mark_repeats(const struct trail_fact *facts, size_t n, struct journey_entry *entries)
{
    for (size_t i = 1; i < n; i++) {
        if (entries[i].flags & JOURNEY_RETRACTED)
            continue;
        for (size_t j = i; j-- > 0 && facts[i].at - facts[j].at <= JOURNEY_REPEAT_MS;) {
            if (!(entries[j].flags & JOURNEY_RETRACTED) && is_twin(&facts[j], &facts[i])) {
                entries[i].flags |= JOURNEY_REPEAT;
                break;
            }
        }
    }
}

static uint8_t first_leg(const struct trail_fact *facts, size_t n, const struct journey_entry *entries)
{
    for (size_t i = 0; i < n; i++)
        if (facts[i].leg != LEG_NONE && entries[i].flags == 0)
            return facts[i].leg;
    return LEG_NONE;
}

// ---- one fact ----

static bool to_office(uint8_t leg)
{
    return leg == LEG_N || leg == LEG_B;
}

static uint8_t solved(uint8_t solution)
{
    switch (solution) {
    case SOLUTION_REDELIVER:
        return STATE_WAITING_REDELIVERY;
    case SOLUTION_HOLD:
        return STATE_HELD;
    case SOLUTION_RETURN:
        return STATE_RETURN_PENDING;
    case SOLUTION_FORWARD:
        return STATE_FORWARDED;
    default:
        return STATE_ATTEMPT_FAILED;
    }
}

static bool is_returning(const struct journey_item *it)
{
    return it->state == STATE_RETURNING || (it->state == STATE_LOST && it->lost_state == STATE_RETURNING);
}

// The state that an event speaks of, where the kind alone says it.
static const uint8_t speaks_of[EVENT_KIND_MAX + 1] = {
    [EVENT_ORDER_CREATED] = STATE_REQUESTED,
    [EVENT_ORDER_CANCELLED] = STATE_CANCELLED,
    [EVENT_PICKUP_ASSIGNED] = STATE_ASSIGNED,
    [EVENT_PICKUP_CONFIRMED] = STATE_ASSIGNED,
    [EVENT_PICKUP_REJECTED] = STATE_PICKUP_REFUSED,
    [EVENT_PICKUP_FAILED] = STATE_PICKUP_FAILED,
    [EVENT_PICKUP_CANCELLED] = STATE_PICKUP_ENDED,
    [EVENT_PICKUP_ABANDONED] = STATE_PICKUP_ENDED,
    [EVENT_PICKUP_PARTIAL] = STATE_COLLECTED,
    [EVENT_ITEM_COLLECTED] = STATE_COLLECTED,
    [EVENT_ITEM_ACCEPTED] = STATE_ACCEPTED,
    [EVENT_BAG_CLOSED] = STATE_BAGGED,
    [EVENT_DISPATCH_DEPARTED] = STATE_IN_TRANSIT,
    [EVENT_DISPATCH_ARRIVED] = STATE_AT_CENTRE,
    [EVENT_BAG_RECEIVED] = STATE_AT_CENTRE,
    [EVENT_BAG_OPENED] = STATE_AT_CENTRE,
    [EVENT_ITEM_ARRIVED] = STATE_AT_DELIVERY_OFFICE,
    [EVENT_ITEM_FORWARDED] = STATE_FORWARDED,
    [EVENT_DELIVERY_STARTED] = STATE_OUT_FOR_DELIVERY,
    [EVENT_DELIVERY_PARTIAL] = STATE_PARTLY_DELIVERED,
    [EVENT_HANDOVER_REFUSED] = STATE_REFUSED_BY_OFFICE,
    [EVENT_RETURN_REQUESTED] = STATE_RETURN_PENDING,
    [EVENT_RETURN_STARTED] = STATE_RETURNING,
    [EVENT_RETURN_COMPLETED] = STATE_RETURNED,
    [EVENT_ITEM_LOST] = STATE_LOST,
    [EVENT_ITEM_DAMAGED] = STATE_DAMAGED,
    [EVENT_ITEM_COMPENSATED] = STATE_COMPENSATED,
};

// The state that this fact speaks of; STATE_NONE when it does not speak of one (links, money, put in and
// taken out, corrections).
static uint8_t target(const struct journey_item *it, const struct trail_fact *f)
{
    switch (f->kind) {
    case EVENT_DELIVERY_FAILED:
    case EVENT_DELIVERY_DECIDED:
        return solved(f->solution);
    case EVENT_ITEM_DELIVERED:
        if (is_returning(it))
            return STATE_RETURNED;
        return to_office(it->leg) ? STATE_HANDED_OVER : STATE_DELIVERED;
    case EVENT_HANDOVER_CONFIRMED: // of a returned result: the office has it back
        return is_returning(it) ? STATE_RETURNED : STATE_HANDED_OVER;
    case EVENT_ITEM_FOUND:
        if (it->state != STATE_LOST)
            return it->state;
        return it->lost_state ? it->lost_state
                              : STATE_ACCEPTED; // lost before we knew of it: whoever found it has it
    default:
        return speaks_of[f->kind];
    }
}

// Scans that are the way back while an item is returning.
static bool is_way_back(unsigned kind)
{
    switch (kind) {
    case EVENT_ITEM_ACCEPTED:
    case EVENT_ITEM_ARRIVED:
    case EVENT_ITEM_FORWARDED:
    case EVENT_BAG_CLOSED:
    case EVENT_BAG_RECEIVED:
    case EVENT_BAG_OPENED:
    case EVENT_DISPATCH_DEPARTED:
    case EVENT_DISPATCH_ARRIVED:
    case EVENT_DELIVERY_STARTED:
    case EVENT_DELIVERY_FAILED:
        return true;
    default:
        return false;
    }
}

// Staying in the same state: what may follow itself, or be said by two people, without being a contradiction.
static bool may_stay(const struct journey_item *it, unsigned kind)
{
    switch (it->state) {
    case STATE_ASSIGNED:
    case STATE_BAGGED:
    case STATE_IN_TRANSIT:
    case STATE_AT_CENTRE:
    case STATE_AT_DELIVERY_OFFICE:
    case STATE_RETURN_PENDING:
    case STATE_RETURNING:
    case STATE_DAMAGED:
        return true;
    case STATE_LOST:
        return kind == EVENT_ITEM_LOST;
    case STATE_WAITING_REDELIVERY:
    case STATE_HELD:
    case STATE_FORWARDED:
        return kind == EVENT_DELIVERY_DECIDED || kind == EVENT_ITEM_FORWARDED;
    case STATE_COLLECTED:
        return it->partial && kind == EVENT_ITEM_COLLECTED; // the rest was collected
    case STATE_RETURNED:
        return kind == EVENT_HANDOVER_CONFIRMED; // the office signs for the returned result
    case STATE_HANDED_OVER:
        return (kind == EVENT_HANDOVER_CONFIRMED && !it->confirmed) ||
               (kind == EVENT_ITEM_DELIVERED && !it->handed);
    default:
        return false;
    }
}

// In an end state: does the fact fit without moving anything?
static bool fits_end(const struct journey_item *it, const struct trail_fact *f, uint8_t to)
{
    if (it->state == STATE_RETURNED && f->kind == EVENT_HANDOVER_CONFIRMED)
        return true;
    return to == it->state && may_stay(it, f->kind);
}

static bool is_open_refusal(const struct journey_item *it, unsigned kind)
{
    return it->state == STATE_HANDED_OVER && !it->confirmed && kind == EVENT_HANDOVER_REFUSED;
}

// Results and returned papers are not handed over to an office.
static bool is_wrong_leg(const struct journey_item *it, unsigned kind)
{
    return (kind == EVENT_HANDOVER_CONFIRMED || kind == EVENT_HANDOVER_REFUSED) && !to_office(it->leg) &&
           it->leg != LEG_NONE;
}

// Is the move from the present state to `to` by this fact in the rules?
static bool is_legal(const struct journey_item *it, const struct trail_fact *f, uint8_t to)
{
    if (is_open_refusal(it, f->kind))
        return true;
    if (f->kind == EVENT_ITEM_FOUND)
        return it->state == STATE_LOST;
    if (is_wrong_leg(it, f->kind) && to != STATE_RETURNED)
        return false;
    if (to == it->state)
        return may_stay(it, f->kind);
    if (f->kind == EVENT_DELIVERY_FAILED && it->state != STATE_LOST) // a solution is reached through S13
        return state_may_move(it->state, STATE_ATTEMPT_FAILED);
    return state_may_move(it->state, to);
}

static bool must_move(const struct journey_item *it, const struct trail_fact *f)
{
    const struct event_def *def = event_find(f->kind);
    if (is_wrong_leg(it, f->kind))
        return false;
    return it->state == STATE_NONE || def->evidence;
}

static void note_details(struct journey_item *it, const struct trail_fact *f)
{
    switch (f->kind) {
    case EVENT_PICKUP_PARTIAL:
    case EVENT_DELIVERY_PARTIAL:
        it->partial = true;
        break;
    case EVENT_ITEM_COLLECTED:
    case EVENT_ITEM_DELIVERED:
        it->partial = false;
        it->handed = f->kind == EVENT_ITEM_DELIVERED;
        break;
    case EVENT_HANDOVER_CONFIRMED:
        it->confirmed = true;
        break;
    case EVENT_HANDOVER_REFUSED:
        it->handed = it->confirmed = false;
        break;
    case EVENT_DELIVERY_FAILED:
        if (it->attempts < UINT8_MAX)
            it->attempts++;
        break;
    case EVENT_RETURN_REQUESTED:
        it->attempts = 0;
        break;
    default:
        break;
    }
}

static void enter(struct walk *w, uint8_t to)
{
    struct journey_item *it = w->item;
    if (to == STATE_LOST && it->state != STATE_LOST)
        it->lost_state = it->state;
    if (to != it->state) {
        it->state = to;
        it->since = w->f->at;
        if (to == STATE_RETURNED || to == STATE_CANCELLED || to == STATE_PICKUP_ENDED)
            fee_return(&it->fee);
    }
    if (to != STATE_LOST)
        it->lost_state = STATE_NONE;
}

static void walk_state(struct walk *w)
{
    struct journey_item *it = w->item;
    uint8_t to = target(it, w->f);
    if (to == STATE_NONE)
        return;
    if (state_is_end(it->state) && !is_open_refusal(it, w->f->kind)) {
        if (fits_end(it, w->f, to))
            note_details(it, w->f);
        else
            w->flags |= JOURNEY_CONTRADICTION;
        return;
    }
    if (is_returning(it) && is_way_back(w->f->kind))
        to = STATE_RETURNING;
    if (!is_legal(it, w->f, to)) {
        w->flags |= JOURNEY_ILLEGAL;
        if (!must_move(it, w->f))
            return;
    }
    enter(w, to);
    note_details(it, w->f);
}

static void walk_fee(struct walk *w)
{
    struct fee_amounts amounts = {w->f->charge, w->f->fee, w->f->remit};
    if (fee_concerns(w->f->kind, &amounts) && fee_apply(&w->item->fee, w->f->kind, &amounts) != FEE_OK)
        w->flags |= JOURNEY_ILLEGAL;
}

// ---- the fold ----

void journey_fold(const struct trail_fact *facts, size_t n, struct journey_entry *ret_entries,
                  struct journey_item *ret_item)
{
    struct journey_entry own[TRAIL_MAX];
    struct journey_entry *entries = ret_entries ? ret_entries : own;
    struct journey_item it = {0};
    memset(entries, 0, n * sizeof *entries);
    fee_init(&it.fee);
    mark_retracted(facts, n, entries);
    mark_repeats(facts, n, entries);
    it.leg = first_leg(facts, n, entries);
    for (size_t i = 0; i < n; i++) {
        entries[i].before = it.state;
        if (entries[i].flags == 0) {
            struct walk w = {&it, &facts[i], 0};
            walk_state(&w);
            if (!(w.flags & JOURNEY_CONTRADICTION))
                walk_fee(&w);
            entries[i].flags = w.flags;
            it.contradictions = (uint16_t)(it.contradictions + !!(w.flags & JOURNEY_CONTRADICTION));
            it.illegals = (uint16_t)(it.illegals + !!(w.flags & JOURNEY_ILLEGAL));
        }
        entries[i].after = it.state;
        if (facts[i].kind != EVENT_CORRECTION && !event_is_remark(facts[i].kind))
            it.newest = facts[i].at;
    }
    *ret_item = it;
}

// ---- the step ----

// Is any fact newer, in fold order, than place i? A correction speaks of another fact's time, and bookkeeping
// of money does not make a delivery scan late (nor the other way round), so each is measured among its own.
// A remark is no news of the item: what was scanned before it and comes after it is.
static bool is_late(const struct trail_fact *facts, size_t n, size_t i)
{
    bool money = facts[i].kind >= EVENT_FEE_COLLECTED && facts[i].kind <= EVENT_FEE_REFUNDED;
    if (facts[i].kind == EVENT_CORRECTION || event_is_remark(facts[i].kind))
        return false;
    for (size_t k = n; --k > i;) {
        bool its_money = facts[k].kind >= EVENT_FEE_COLLECTED && facts[k].kind <= EVENT_FEE_REFUNDED;
        if (facts[k].kind != EVENT_CORRECTION && !event_is_remark(facts[k].kind) && its_money == money)
            return true;
    }
    return false;
}

// Did fact i make a fact that was told before it into its repeat? Then there is nothing new to tell.
static bool has_repeat(const struct trail_fact *facts, size_t n, const struct journey_entry *entries,
                       size_t i)
{
    for (size_t k = i + 1; k < n && facts[k].at - facts[i].at <= JOURNEY_REPEAT_MS; k++)
        if ((entries[k].flags & JOURNEY_REPEAT) && is_twin(&facts[i], &facts[k]))
            return true;
    return false;
}

// A correction that came before what it corrects waits in the trail.
static bool is_waiting_correction(const struct trail_fact *facts, size_t n, size_t i)
{
    if (facts[i].kind != EVENT_CORRECTION)
        return false;
    for (size_t k = 0; k < n; k++)
        if (retracts(&facts[i], &facts[k]))
            return false;
    return true;
}

enum trail_error journey_add(struct trail_fact *facts, size_t *n, struct journey_entry *entries,
                             struct journey_item *item, const struct trail_fact *f,
                             struct journey_row *ret_row)
{
    struct journey_item before = *item;
    size_t i;
    enum trail_error e = trail_insert(facts, n, f, &i);
    if (e)
        return e;
    journey_fold(facts, *n, entries, item);
    bool changed = before.state != item->state;
    bool silent = (entries[i].flags & (JOURNEY_RETRACTED | JOURNEY_REPEAT)) ||
                  f->kind == EVENT_DOSSIER_LINK || // the dossier that is linked is told by the linker
                  has_repeat(facts, *n, entries, i) || is_waiting_correction(facts, *n, i);
    if (silent && !changed) {
        *ret_row = (struct journey_row){.before = before.state, .after = item->state};
        return TRAIL_OK;
    }
    bool late = is_late(facts, *n, i);
    uint8_t flags = entries[i].flags & (JOURNEY_ILLEGAL | JOURNEY_CONTRADICTION);
    if (late)
        flags |= JOURNEY_LATE;
    // What came before this fact reads otherwise now (the leg became known, say): also a revision.
    if (changed && (late || f->kind == EVENT_CORRECTION || entries[i].before != before.state))
        flags |= JOURNEY_REVISED;
    *ret_row = journey_row_make(f->kind, flags, &before, item);
    return TRAIL_OK;
}

struct journey_row journey_replay(const struct trail_fact *facts, size_t n,
                                  const struct journey_entry *entries, const struct journey_item *item,
                                  size_t i)
{
    struct journey_item before = *item, after = *item;
    uint8_t flags = JOURNEY_REPLAY | (entries[i].flags & (JOURNEY_ILLEGAL | JOURNEY_CONTRADICTION));
    if (entries[i].flags & (JOURNEY_RETRACTED | JOURNEY_REPEAT) || facts[i].kind == EVENT_CORRECTION ||
        event_is_remark(facts[i].kind))
        return (struct journey_row){.before = item->state, .after = item->state};
    before.state = entries[i].before;
    after.state = entries[i].after;
    if (is_late(facts, n, i))
        flags |= JOURNEY_LATE;
    return journey_row_make(facts[i].kind, flags, &before, &after);
}

bool journey_may_retract(enum event_source source, uint64_t own_stream, uint64_t target_stream)
{
    switch (source) {
    case SOURCE_DEVICE:
        return own_stream == target_stream;
    case SOURCE_OFFICE:
    case SOURCE_OPERATOR:
        return true;
    default:
        return false;
    }
}
