// SPDX-License-Identifier: EUPL-1.2
// The fold and the journey step: the tables say where a life must end and what each fact must tell.
#include <stdlib.h>

#include "life.h"

// ---- whole lives ----

struct step {
    uint8_t kind, solution, state, template, proposes, flags;
};

static void live(unsigned leg, const struct step *steps, size_t n)
{
    begin(leg);
    for (size_t i = 0; i < n; i++) {
        const struct journey_row *row =
            solve(10 + (int)i * 10, steps[i].kind, (enum solution)steps[i].solution);
        if (row->kind != steps[i].kind || row->after != steps[i].state ||
            row->template != steps[i].template || row->proposes != steps[i].proposes ||
            row->flags != steps[i].flags)
            fail_msg("step %zu %s: kind %u, %s, T%u, proposes %u, flags %u", i, event_name(steps[i].kind),
                     row->kind, state_code(row->after), row->template, row->proposes, row->flags);
        assert_int_equal(life.item.state, steps[i].state);
    }
}

static void sending_a_dossier(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {EVENT_PICKUP_ASSIGNED, 0, 2, 1, 0, 0},     {EVENT_PICKUP_FAILED, 0, 4, 2, 0, 0},
        {EVENT_PICKUP_ASSIGNED, 0, 2, 1, 0, 0},     {EVENT_PICKUP_CONFIRMED, 0, 2, 0, 0, 0},
        {EVENT_PICKUP_PARTIAL, 0, 6, 3, 0, 0},      {EVENT_ITEM_COLLECTED, 0, 6, 0, 0, 0},
        {EVENT_ITEM_ACCEPTED, 0, 7, 0, 0, 0},       {EVENT_ITEM_PUT_IN, 0, 7, 0, 0, 0},
        {EVENT_BAG_CLOSED, 0, 8, 0, 0, 0},          {EVENT_DISPATCH_DEPARTED, 0, 9, 0, 0, 0},
        {EVENT_DISPATCH_ARRIVED, 0, 10, 0, 0, 0},   {EVENT_BAG_RECEIVED, 0, 10, 0, 0, 0},
        {EVENT_BAG_OPENED, 0, 10, 0, 0, 0},         {EVENT_ITEM_ARRIVED, 0, 11, 0, 0, 0},
        {EVENT_DELIVERY_STARTED, 0, 12, 0, 0, 0},   {EVENT_ITEM_DELIVERED, 0, 18, 4, 2, 0},
        {EVENT_HANDOVER_CONFIRMED, 0, 18, 0, 0, 0},
    };
    live(LEG_N, steps, ARRAY_LEN(steps));
    assert_true(life.item.confirmed && life.item.handed);
    // A supplement goes the same way but proposes nothing: the dossier is in process already.
    static const struct step supplement[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 3, 0, 0},
        {EVENT_HANDOVER_CONFIRMED, 0, 18, 4, 0,
         0}, // same commune, postman goes straight there; the office is first to say so
        {EVENT_ITEM_DELIVERED, 0, 18, 0, 0, 0},
    };
    live(LEG_B, supplement, ARRAY_LEN(supplement));
}

static void refused_by_the_office(void **state)
{
    (void)state;
    static const struct step at_the_desk[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 3, 0, 0},    {EVENT_DELIVERY_STARTED, 0, 12, 0, 0, 0},
        {EVENT_HANDOVER_REFUSED, 0, 20, 5, 3, 0}, {EVENT_DELIVERY_DECIDED, SOLUTION_RETURN, 21, 0, 0, 0},
        {EVENT_RETURN_STARTED, 0, 22, 0, 0, 0}, // T12 speaks of results
        {EVENT_RETURN_COMPLETED, 0, 23, 0, 0, 0},
    };
    live(LEG_N, at_the_desk, ARRAY_LEN(at_the_desk));
    static const struct step after_the_scan[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 3, 0, 0},
        {EVENT_DELIVERY_STARTED, 0, 12, 0, 0, 0},
        {EVENT_ITEM_DELIVERED, 0, 18, 4, 2, 0},
        {EVENT_HANDOVER_REFUSED, 0, 20, 5, 3, 0}, // the minutes need both signatures
        {EVENT_DELIVERY_DECIDED, SOLUTION_REDELIVER, 14, 0, 0, 0},
        {EVENT_DELIVERY_STARTED, 0, 12, 0, 0, 0},
        {EVENT_ITEM_DELIVERED, 0, 18, 4, 2, 0},
        {EVENT_HANDOVER_CONFIRMED, 0, 18, 0, 0, 0},
        {EVENT_HANDOVER_REFUSED, 0, 18, 0, 0, JOURNEY_CONTRADICTION}, // too late: it has signed
    };
    live(LEG_N, after_the_scan, ARRAY_LEN(after_the_scan));
    assert_int_equal(life.item.contradictions, 1);
}

static void bringing_a_result(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 7, 0, 0},
        {EVENT_ITEM_ACCEPTED, 0, 7, 0, 0, 0},
        {EVENT_DELIVERY_STARTED, 0, 12, 8, 0, 0},
        {EVENT_DELIVERY_FAILED, SOLUTION_REDELIVER, 14, 9, 0, 0},
        {EVENT_DELIVERY_STARTED, 0, 12, 8, 0, 0},
        {EVENT_DELIVERY_FAILED, 0, 13, 9, 0, 0},
        {EVENT_DELIVERY_DECIDED, SOLUTION_HOLD, 15, 10, 0, 0},
        {EVENT_ITEM_DELIVERED, 0, 19, 11, 10, 0}, // at the counter
        {EVENT_ITEM_DELIVERED, 0, 19, 0, 0, JOURNEY_CONTRADICTION},
    };
    live(LEG_K, steps, ARRAY_LEN(steps));
    static const struct step partly[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 7, 0, 0},    {EVENT_DELIVERY_STARTED, 0, 12, 8, 0, 0},
        {EVENT_DELIVERY_PARTIAL, 0, 17, 0, 0, 0}, {EVENT_DELIVERY_STARTED, 0, 12, 8, 0, 0},
        {EVENT_ITEM_DELIVERED, 0, 19, 11, 10, 0},
    };
    live(LEG_K, partly, ARRAY_LEN(partly));
    assert_false(life.item.partial);
}

static void going_back(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 7, 0, 0},
        {EVENT_DELIVERY_STARTED, 0, 12, 8, 0, 0},
        {EVENT_DELIVERY_FAILED, SOLUTION_RETURN, 21, 0, 0, 0},
        {EVENT_RETURN_STARTED, 0, 22, 12, 0, 0},
        {EVENT_BAG_CLOSED, 0, 22, 0, 0, 0}, // its way back
        {EVENT_DISPATCH_DEPARTED, 0, 22, 0, 0, 0},
        {EVENT_ITEM_LOST, 0, 24, 0, 0, 0},
        {EVENT_BAG_RECEIVED, 0, 22, 0, 0, 0}, // found by a scan, still going back
        {EVENT_DELIVERY_STARTED, 0, 22, 0, 0, 0},
        {EVENT_ITEM_DELIVERED, 0, 23, 0, 0, 0},
        {EVENT_HANDOVER_CONFIRMED, 0, 23, 0, 0, 0}, // the office signs for it: no contradiction
        {EVENT_BAG_CLOSED, 0, 23, 0, 0, JOURNEY_CONTRADICTION},
    };
    live(LEG_K, steps, ARRAY_LEN(steps));
}

static void lost_found_damaged(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 3, 0, 0},
        {EVENT_ITEM_FOUND, 0, 6, 0, 0, JOURNEY_ILLEGAL}, // was not lost
        {EVENT_ITEM_LOST, 0, 24, 0, 0, 0},
        {EVENT_ITEM_LOST, 0, 24, 0, 0, 0}, // the timer and a person
        {EVENT_ITEM_FOUND, 0, 6, 0, 0, 0},
        {EVENT_ITEM_LOST, 0, 24, 0, 0, 0},
        {EVENT_ITEM_ARRIVED, 0, 11, 0, 0, 0}, // any scan finds it
        {EVENT_ITEM_DAMAGED, 0, 25, 0, 0, 0},
        {EVENT_ITEM_COMPENSATED, 0, 26, 0, 0, 0},
        {EVENT_ITEM_FOUND, 0, 26, 0, 0, JOURNEY_CONTRADICTION},
    };
    live(LEG_N, steps, ARRAY_LEN(steps));
}

static void a_pickup_that_is_given_up(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {EVENT_PICKUP_ASSIGNED, 0, 2, 1, 0, 0},
        {EVENT_PICKUP_CONFIRMED, 0, 2, 0, 0, 0},
        {EVENT_PICKUP_REJECTED, 0, 3, 0, 0, 0},
        {EVENT_PICKUP_ASSIGNED, 0, 2, 1, 0, 0}, // another postman: the citizen hears of it
        {EVENT_PICKUP_FAILED, 0, 4, 2, 0, 0},
        {EVENT_PICKUP_ABANDONED, 0, 5, 0, 0, 0},
        {EVENT_ITEM_COLLECTED, 0, 5, 0, 0, JOURNEY_CONTRADICTION}, // a person looks
    };
    live(LEG_N, steps, ARRAY_LEN(steps));
}

// ---- moves outside the table ----

static void evidence_moves_decisions_do_not(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 7, 0, 0},
        {EVENT_ORDER_CANCELLED, 0, 6, 0, 0, JOURNEY_ILLEGAL}, // too late
        {EVENT_RETURN_REQUESTED, 0, 6, 0, 0, JOURNEY_ILLEGAL},
        {EVENT_ITEM_ARRIVED, 0, 11, 0, 0, JOURNEY_ILLEGAL}, // S07 to S10 were skipped, yet it is there
        {EVENT_ITEM_DELIVERED, 0, 19, 11, 10, JOURNEY_ILLEGAL},
    };
    live(LEG_K, steps, ARRAY_LEN(steps));
    assert_int_equal(life.item.illegals, 4);
    static const struct step results[] = {
        {EVENT_ITEM_COLLECTED, 0, 6, 7, 0, 0},
        {EVENT_HANDOVER_CONFIRMED, 0, 6, 0, 0, JOURNEY_ILLEGAL}, // nobody hands a result to an office
        {EVENT_HANDOVER_REFUSED, 0, 6, 0, 0, JOURNEY_ILLEGAL},
    };
    live(LEG_K, results, ARRAY_LEN(results));
}

// Every event from every state: it never ends in a state that is neither the present one nor the one the
// event speaks of, and ends never change but for the refusal before the office has signed.
static void every_event_from_every_state(void **state)
{
    (void)state;
    static const uint8_t ways[STATE_MAX + 1][6] = {
        [1] = {EVENT_ORDER_CREATED},
        [2] = {EVENT_PICKUP_ASSIGNED},
        [3] = {EVENT_PICKUP_ASSIGNED, EVENT_PICKUP_REJECTED},
        [4] = {EVENT_PICKUP_ASSIGNED, EVENT_PICKUP_FAILED},
        [5] = {EVENT_PICKUP_ASSIGNED, EVENT_PICKUP_CANCELLED},
        [6] = {EVENT_ITEM_COLLECTED},
        [7] = {EVENT_ITEM_ACCEPTED},
        [8] = {EVENT_ITEM_ACCEPTED, EVENT_BAG_CLOSED},
        [9] = {EVENT_DISPATCH_DEPARTED},
        [10] = {EVENT_BAG_RECEIVED},
        [11] = {EVENT_ITEM_ARRIVED},
        [12] = {EVENT_DELIVERY_STARTED},
        [13] = {EVENT_DELIVERY_STARTED, EVENT_DELIVERY_FAILED},
        [16] = {EVENT_ITEM_ARRIVED, EVENT_ITEM_FORWARDED},
        [17] = {EVENT_DELIVERY_STARTED, EVENT_DELIVERY_PARTIAL},
        [19] = {EVENT_DELIVERY_STARTED, EVENT_ITEM_DELIVERED},
        [21] = {EVENT_ITEM_ARRIVED, EVENT_RETURN_REQUESTED},
        [22] = {EVENT_RETURN_STARTED},
        [23] = {EVENT_RETURN_COMPLETED},
        [24] = {EVENT_ITEM_ACCEPTED, EVENT_ITEM_LOST},
        [25] = {EVENT_ITEM_DAMAGED},
        [26] = {EVENT_ITEM_DAMAGED, EVENT_ITEM_COMPENSATED},
        [27] = {EVENT_ORDER_CREATED, EVENT_ORDER_CANCELLED},
    };
    for (unsigned s = 1; s <= STATE_MAX; s++) {
        if (!ways[s][0])
            continue;
        for (unsigned kind = 1; kind < EVENT_KIND_MAX; kind++) {
            const struct event_def *def = event_find(kind);
            if (!def || !def->sources || kind == EVENT_CORRECTION)
                continue;
            begin(LEG_NONE);
            for (size_t i = 0; ways[s][i]; i++)
                (void)say(10 * (int)(i + 1), ways[s][i]);
            assert_int_equal(life.item.state, s);
            const struct journey_row *row = say(100, kind);
            unsigned after = life.item.state;
            bool flagged = row->flags & (JOURNEY_ILLEGAL | JOURNEY_CONTRADICTION);
            if (state_is_end(s) && after != s)
                fail_msg("%s left the end %s for %s", event_name(kind), state_code(s), state_code(after));
            if (after != s && !state_may_move(s, after) && !flagged)
                fail_msg("%s: %s to %s is not in the table and not flagged", event_name(kind), state_code(s),
                         state_code(after));
            if (after != s && state_may_move(s, after) && flagged)
                fail_msg("%s: %s to %s is in the table and flagged", event_name(kind), state_code(s),
                         state_code(after));
            if (after == s && !def->evidence && state_may_move(s, 12) && kind == EVENT_PICKUP_ASSIGNED &&
                !flagged)
                fail_msg("pick-up assigned in %s", state_code(s));
        }
    }
}

// ---- late, revised, repeats, corrections ----

static void late_facts_change_history_only(void **state)
{
    (void)state;
    begin(LEG_K);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(60, EVENT_DELIVERY_STARTED);
    const struct journey_row *row = say(20, EVENT_ITEM_ACCEPTED);
    assert_int_equal(row->flags, JOURNEY_LATE);
    assert_int_equal(row->after, STATE_OUT_FOR_DELIVERY);
    assert_int_equal(row->template, 0);
    // The same upload, but the newest scan: slow is not late.
    row = say(90, EVENT_ITEM_DELIVERED);
    assert_int_equal(row->flags, 0);
    assert_int_equal(row->template, 11);
}

static void a_late_fact_that_changes_the_present_is_a_revision(void **state)
{
    (void)state;
    begin(LEG_K);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(60, EVENT_RETURN_STARTED); // illegal from S06, but seen
    (void)say(90, EVENT_BAG_CLOSED);
    assert_int_equal(life.item.state, STATE_RETURNING);
    const struct journey_row *row = say(50, EVENT_ITEM_DELIVERED);
    assert_int_equal(row->flags & (JOURNEY_LATE | JOURNEY_REVISED), JOURNEY_LATE | JOURNEY_REVISED);
    assert_int_equal(row->before, STATE_RETURNING);
    assert_int_equal(row->after, STATE_DELIVERED);
    assert_int_equal(row->template, 0);
    assert_true(row->notify & NOTIFY_OFFICE);
    assert_false(row->notify & NOTIFY_CITIZEN);
    assert_int_equal(row->proposes, 10);
}

static void money_does_not_make_scans_late(void **state)
{
    (void)state;
    begin(LEG_K);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(20, EVENT_DELIVERY_STARTED);
    struct trail_fact money = fact(100, EVENT_FEE_COLLECTED);
    money.fee = 50000;
    (void)tell(&money);
    const struct journey_row *row = say(30, EVENT_ITEM_DELIVERED);
    assert_int_equal(row->flags, 0);
    assert_int_equal(row->template, 11);
    money = fact(90, EVENT_FEE_COLLECTED);
    money.charge = 26000;
    assert_int_equal(tell(&money)->flags, JOURNEY_LATE);
}

// A silence alarm at hour 49; the scans it missed were made before that and come later.
static void an_alarm_makes_no_scan_late(void **state)
{
    (void)state;
    begin(LEG_K);
    say(10, EVENT_ITEM_COLLECTED);
    int64_t newest = life.item.newest;
    const struct journey_row *row = say(49 * 60, EVENT_ITEM_SILENT);
    assert_int_equal(row->kind, EVENT_ITEM_SILENT);
    assert_int_equal(row->notify, NOTIFY_POSTAL);
    assert_int_equal(row->flags, 0);
    assert_int_equal(row->template, 0);
    assert_int_equal(life.item.state, STATE_COLLECTED);
    assert_int_equal(life.item.newest, newest); // else the alarm would start its own timer
    row = say(40 * 60, EVENT_DELIVERY_STARTED);
    assert_int_equal(row->flags, 0);
    assert_int_equal(row->template, 8);
    row = say(41 * 60, EVENT_ITEM_DELIVERED);
    assert_int_equal(row->flags, 0);
    assert_int_equal(row->template, 11);
    // An alarm that comes after the delivery (they crossed) is no contradiction.
    row = say(60 * 60, EVENT_ITEM_SILENT);
    assert_int_equal(row->flags, 0);
    assert_int_equal(life.item.contradictions, 0);
    // A dossier that is linked later does not hear of old alarms.
    for (size_t i = 0; i < life.n; i++) {
        if (life.facts[i].kind == EVENT_ITEM_SILENT)
            assert_int_equal(journey_replay(life.facts, life.n, life.entries, &life.item, i).kind,
                             EVENT_NONE);
    }
}

static void the_same_event_twice_is_told_once(void **state)
{
    (void)state;
    begin(LEG_K);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(20, EVENT_DELIVERY_STARTED);
    assert_int_equal(say(30, EVENT_ITEM_DELIVERED)->kind, EVENT_ITEM_DELIVERED);
    assert_int_equal(say(32, EVENT_ITEM_DELIVERED)->kind, EVENT_NONE); // two minutes apart
    assert_int_equal(say(28, EVENT_ITEM_DELIVERED)->kind, EVENT_NONE); // also before
    assert_int_equal(life.item.contradictions, 0);
    struct trail_fact elsewhere = fact(31, EVENT_ITEM_DELIVERED);
    elsewhere.office = 580000;
    assert_int_equal(tell(&elsewhere)->flags & JOURNEY_CONTRADICTION, JOURNEY_CONTRADICTION);
    // The same fact again is the caller's mistake.
    enum trail_error e = journey_add(life.facts, &life.n, life.entries, &life.item, &elsewhere, &life.row);
    assert_int_equal(e, TRAIL_KNOWN);
}

static void corrections(void **state)
{
    (void)state;
    begin(LEG_K);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(20, EVENT_DELIVERY_STARTED);
    struct trail_fact wrong = fact(30, EVENT_ITEM_DELIVERED);
    assert_int_equal(tell(&wrong)->proposes, 10);
    const struct journey_row *row = retract(40, &wrong);
    assert_int_equal(row->kind, EVENT_CORRECTION);
    assert_int_equal(row->flags, JOURNEY_REVISED);
    assert_int_equal(row->before, STATE_DELIVERED);
    assert_int_equal(row->after, STATE_OUT_FOR_DELIVERY);
    assert_int_equal(row->template, 0);
    // The delivery that follows is newer than the scans but older than the correction: not late.
    row = say(35, EVENT_DELIVERY_FAILED);
    assert_int_equal(row->flags, 0);
    assert_int_equal(row->template, 9);
    // A correction before its fact waits, and the fact then says nothing.
    struct trail_fact later = fact(50, EVENT_RETURN_STARTED);
    assert_int_equal(retract(60, &later)->kind, EVENT_NONE);
    assert_int_equal(tell(&later)->kind, EVENT_NONE);
    assert_int_equal(life.item.state, STATE_ATTEMPT_FAILED);
    // Who may take back what.
    assert_true(journey_may_retract(SOURCE_DEVICE, 7, 7));
    assert_false(journey_may_retract(SOURCE_DEVICE, 7, 8));
    assert_true(journey_may_retract(SOURCE_OFFICE, 7, 8));
    assert_true(journey_may_retract(SOURCE_OPERATOR, 7, 8));
    assert_false(journey_may_retract(SOURCE_TIMER, 7, 7));
    assert_false(journey_may_retract(SOURCE_CARRIER, 7, 7));
}

static void a_leg_that_becomes_known_revises(void **state)
{
    (void)state;
    begin(LEG_NONE);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(20, EVENT_DELIVERY_STARTED);
    const struct journey_row *row = say(30, EVENT_ITEM_DELIVERED);
    assert_int_equal(row->after, STATE_DELIVERED);
    assert_int_equal(row->template + row->proposes, 0); // of what, nobody knows yet
    struct trail_fact f = fact(40, EVENT_FEE_COLLECTED);
    f.leg = LEG_N;
    f.charge = 26000;
    row = tell(&f);
    assert_int_equal(row->after, STATE_HANDED_OVER);
    assert_int_equal(row->flags, JOURNEY_REVISED);
    assert_int_equal(row->template, 0);
}

// design-evidence A4: delivered 12:00 and cancelled 11:59 must end in one state whichever comes first.
static void delivered_or_cancelled(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        begin(LEG_K);
        (void)say(10, EVENT_ITEM_COLLECTED);
        (void)say(700, EVENT_DELIVERY_STARTED);
        struct trail_fact delivered = fact(720, EVENT_ITEM_DELIVERED),
                          cancelled = fact(719, EVENT_ORDER_CANCELLED);
        const struct journey_row *row = tell(first == 0 ? &delivered : &cancelled);
        if (first == 0)
            assert_int_equal(row->template, 11);
        else
            assert_int_equal(row->flags, JOURNEY_ILLEGAL);
        row = tell(first == 0 ? &cancelled : &delivered);
        assert_int_equal(row->flags, first == 0 ? JOURNEY_LATE | JOURNEY_ILLEGAL : 0);
        assert_int_equal(life.item.state, STATE_DELIVERED);
    }
    // Without the scans in between both orders still agree: the cancellation came first, the delivery
    // contradicts it.
    for (int first = 0; first < 2; first++) {
        begin(LEG_K);
        struct trail_fact delivered = fact(720, EVENT_ITEM_DELIVERED),
                          cancelled = fact(719, EVENT_ORDER_CANCELLED);
        (void)tell(first == 0 ? &delivered : &cancelled);
        const struct journey_row *row = tell(first == 0 ? &cancelled : &delivered);
        assert_int_equal(row->flags, first == 0 ? JOURNEY_LATE | JOURNEY_REVISED : JOURNEY_CONTRADICTION);
        assert_int_equal(life.item.state, STATE_CANCELLED);
        assert_int_equal(life.item.contradictions, 1);
    }
}

// ---- late links, bounds ----

static void a_late_link_tells_all_but_calls_only_for_the_present(void **state)
{
    (void)state;
    begin(LEG_K);
    (void)say(10, EVENT_ITEM_COLLECTED);
    (void)say(20, EVENT_DELIVERY_STARTED);
    struct trail_fact wrong = fact(25, EVENT_DELIVERY_FAILED);
    (void)tell(&wrong);
    (void)retract(26, &wrong);
    (void)say(30, EVENT_ITEM_DELIVERED);
    static const struct {
        uint8_t kind, flags, after, template;
    } expect[] = {
        {EVENT_ORDER_CREATED, JOURNEY_REPLAY | JOURNEY_LATE, 1, 0},
        {EVENT_ITEM_COLLECTED, JOURNEY_REPLAY | JOURNEY_LATE, 6, 0},
        {EVENT_DELIVERY_STARTED, JOURNEY_REPLAY | JOURNEY_LATE, 12, 0},
        {EVENT_NONE, 0, 19, 0},
        {EVENT_NONE, 0, 19, 0},
        {EVENT_ITEM_DELIVERED, JOURNEY_REPLAY, 19, 11},
    };
    assert_int_equal(life.n, ARRAY_LEN(expect));
    for (size_t i = 0; i < life.n; i++) {
        struct journey_row row = journey_replay(life.facts, life.n, life.entries, &life.item, i);
        assert_int_equal(row.kind, expect[i].kind);
        assert_int_equal(row.flags, expect[i].flags);
        assert_int_equal(row.after, expect[i].after);
        assert_int_equal(row.template, expect[i].template);
    }
}

static void dossier_rows(void **state)
{
    (void)state;
    assert_int_equal(journey_dossier(EVENT_SUPPLEMENT_REQUESTED, LEG_NONE).template, 6);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_REFUSED, LEG_NONE).template, 5);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_REFUSED, LEG_NONE).proposes, 3);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_CONFIRMED, LEG_NONE).proposes, 2);
    // A supplement belongs to a dossier that was accepted; a result is not handed in at all.
    assert_int_equal(journey_dossier(EVENT_HANDOVER_REFUSED, LEG_B).template, 5);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_REFUSED, LEG_B).proposes, 0);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_CONFIRMED, LEG_B).proposes, 0);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_REFUSED, LEG_K).template, 0);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_REFUSED, LEG_K).proposes, 0);
    assert_int_equal(journey_dossier(EVENT_HANDOVER_CONFIRMED, LEG_K).proposes, 0);
    assert_int_equal(journey_dossier(EVENT_RESULT_READY, LEG_NONE).template, 0);
    assert_int_equal(journey_dossier(EVENT_PICKUP_ASSIGNED, LEG_N).template, 1);
    assert_int_equal(journey_dossier(EVENT_PICKUP_FAILED, LEG_B).template, 2);
    assert_int_equal(journey_dossier(EVENT_PICKUP_FAILED, LEG_K).template, 0);
}

static void a_full_trail_says_so_and_stays(void **state)
{
    (void)state;
    begin(LEG_K);
    while (life.n < TRAIL_MAX)
        (void)say((int)life.n * 5, EVENT_ITEM_ARRIVED);
    struct journey_item item = life.item;
    struct trail_fact f = fact(99999, EVENT_ITEM_DELIVERED);
    enum trail_error e = journey_add(life.facts, &life.n, life.entries, &life.item, &f, &life.row);
    assert_int_equal(e, TRAIL_FULL);
    assert_int_equal(life.n, TRAIL_MAX);
    assert_memory_equal(&life.item, &item, sizeof item);
}

static void refund_after_return(void **state)
{
    (void)state;
    begin(LEG_K);
    struct trail_fact f = fact(10, EVENT_ITEM_COLLECTED);
    f.fee = 50000;
    (void)tell(&f);
    (void)say(20, EVENT_RETURN_STARTED);
    assert_int_equal(say(30, EVENT_RETURN_COMPLETED)->fee_state, FEE_REFUND_DUE);
    assert_int_equal(say(40, EVENT_FEE_REFUNDED)->flags, 0);
    assert_int_equal(life.item.fee.state, FEE_REFUNDED);
    assert_int_equal(say(50, EVENT_FEE_TRANSFERRED)->flags, JOURNEY_ILLEGAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sending_a_dossier),
        cmocka_unit_test(refused_by_the_office),
        cmocka_unit_test(bringing_a_result),
        cmocka_unit_test(going_back),
        cmocka_unit_test(lost_found_damaged),
        cmocka_unit_test(a_pickup_that_is_given_up),
        cmocka_unit_test(evidence_moves_decisions_do_not),
        cmocka_unit_test(every_event_from_every_state),
        cmocka_unit_test(late_facts_change_history_only),
        cmocka_unit_test(a_late_fact_that_changes_the_present_is_a_revision),
        cmocka_unit_test(money_does_not_make_scans_late),
        cmocka_unit_test(an_alarm_makes_no_scan_late),
        cmocka_unit_test(the_same_event_twice_is_told_once),
        cmocka_unit_test(corrections),
        cmocka_unit_test(a_leg_that_becomes_known_revises),
        cmocka_unit_test(delivered_or_cancelled),
        cmocka_unit_test(a_late_link_tells_all_but_calls_only_for_the_present),
        cmocka_unit_test(dossier_rows),
        cmocka_unit_test(a_full_trail_says_so_and_stays),
        cmocka_unit_test(refund_after_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
