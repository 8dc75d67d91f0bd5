// SPDX-License-Identifier: EUPL-1.2
// The statements of the webhook service over plain arrays: migrations/0005_delivery.sql in C.
#include "simulation/webhook_world.h"

#include "domain/event.h"
#include "webhook/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct webhook_tables *tables;
const unsigned webhook_kinds[KINDS] = {EVENT_ITEM_ACCEPTED, EVENT_DELIVERY_STARTED, EVENT_ITEM_DELIVERED};

const struct row *row_at(unsigned lane, int64_t pos)
{
    return pos >= 1 && pos <= (int64_t)tables->lane_len[lane]
               ? &tables->rows[tables->lane_rows[lane][pos - 1]]
               : NULL;
}

unsigned row_number(const struct row *r)
{
    return (unsigned)(r - tables->rows);
}

// ---------------------------------------------------------------- dt.webhook_event

static void out_event(struct db_op *op, const struct row *r)
{
    static const char *const units[UNITS] = {"H48.16", "H48.17", "H49.16"};
    const struct dossier *d = &tables->dossiers[r->dossier];
    char code[24];
    unsigned char gaps[ENDPOINTS * 16];
    size_t gap_len = 0;
    (void)snprintf(code, sizeof code, "D-%u", r->dossier);
    out_row(op, 19);
    out_int(op, r->lane);
    out_int(op, r->pos);
    out_int(op, r->lane);       // cause_lane
    out_int(op, r->pos + 7000); // cause_pos
    out_int(op, 0);             // cause_part
    out_int(op, r->dossier + 1);
    out_int(op, r->seq);
    out_int(op, webhook_kinds[r->kind]);
    out_int(op, 0); // flags
    out_int(op, r->recorded_ms - 1000);
    out_int(op, r->recorded_ms);
    out_text(op, units[d->unit]);
    out_text(op, code);
    out_text(op, "EC000000019VN");
    out_bytes(op, &d->leg, 1);
    out_int(op, 6);
    out_null(op); // retracts
    out_text(op, "{}");
    for (unsigned e = 0; e < tables->endpoint_count; e++) {
        if (tables->endpoints[e].gap[r->dossier] == 0 || tables->endpoints[e].gap[r->dossier] >= r->seq)
            continue;
        memcpy(gaps + gap_len, tables->endpoints[e].id, 16);
        gap_len += 16;
    }
    if (gap_len > 0)
        out_bytes(op, gaps, gap_len);
    else
        out_null(op);
}

static void do_read(struct db_op *op)
{
    unsigned lane = (unsigned)in_int(op, 1);
    int64_t after = in_int(op, 2), limit = in_int(op, 3), upto = after + limit;
    if (!lease_check(op, in_int(op, 0)))
        return;
    if (upto > (int64_t)tables->lane_len[lane])
        upto = (int64_t)tables->lane_len[lane];
    if (upto > after && upto > tables->published[lane])
        tables->published[lane] = upto;
    for (int64_t pos = after + 1; pos <= upto; pos++)
        out_event(op, row_at(lane, pos));
}

static void do_span(struct db_op *op)
{
    unsigned lane = (unsigned)in_int(op, 0);
    int64_t limit = in_int(op, 3);
    for (int64_t pos = in_int(op, 1) + 1; pos <= in_int(op, 2) && limit > 0; pos++, limit--) {
        const struct row *r = row_at(lane, pos);
        if (r)
            out_event(op, r);
    }
}

static void do_dossier(struct db_op *op)
{
    unsigned dossier = (unsigned)in_int(op, 1) - 1;
    int64_t upto = in_int(op, 3), limit = in_int(op, 4);
    const struct dossier *d = &tables->dossiers[dossier];
    for (int64_t seq = in_int(op, 2); seq <= d->seq && limit > 0; seq++) {
        const struct row *r = &tables->rows[d->rows[seq - 1]];
        if (r->pos > upto)
            break;
        out_event(op, r);
        limit--;
    }
}

// ---------------------------------------------------------------- lanes, endpoints, state

static void do_lanes(struct db_op *op)
{
    for (unsigned lane = 0; lane < tables->lane_count; lane++) {
        out_row(op, 4);
        out_int(op, lane);
        out_int(op, tables->published[lane]);
        out_int(op, 1);
        out_bytes(op, "installation-id.", 16);
    }
}

static void do_endpoints(struct db_op *op)
{
    for (unsigned i = 0; i < tables->endpoint_count; i++) {
        const struct endpoint_row *e = &tables->endpoints[i];
        out_row(op, 11);
        out_bytes(op, e->id, 16);
        out_text(op, e->url);
        out_text(op, e->units);
        out_text(op, e->kinds);
        out_text(op, e->legs);
        out_int(op, e->thin);
        out_text(op, "");
        out_text(op, e->status);
        if (e->down_since)
            out_int(op, sim_wall() - e->down_since);
        else
            out_null(op);
        out_text(op, e->secret_hex);
        out_int(op, tables->replay_count > 0);
    }
}

static void out_state(struct db_op *op, int kind, unsigned lane, int64_t pos)
{
    out_row(op, 9);
    out_int(op, kind);
    out_int(op, lane);
    out_int(op, pos);
}

static void out_zeros(struct db_op *op)
{
    for (int i = 0; i < 5; i++)
        out_int(op, 0);
    out_text(op, "");
}

static void do_state(struct db_op *op)
{
    unsigned index = endpoint_index(in_uuid(op, 0));
    const struct endpoint_row *e = &tables->endpoints[index];
    for (unsigned lane = 0; lane < tables->lane_count; lane++) {
        out_state(op, 1, lane, e->cursor[lane].done);
        for (int i = 0; i < 4; i++)
            out_int(op, 0);
        if (e->cursor[lane].since > 0)
            out_int(op, sim_wall() - e->cursor[lane].since);
        else
            out_null(op);
        out_text(op, "");
    }
    for (unsigned lane = 0; lane < tables->lane_count; lane++) {
        for (int64_t pos = e->cursor[lane].done + 1; pos <= (int64_t)tables->lane_len[lane]; pos++) {
            const struct truth *t = &tables->truth[index][row_number(row_at(lane, pos))];
            if (t->settled_at == 0 || t->settled_at < e->cursor[lane].since)
                continue;
            out_state(op, 2, lane, pos);
            out_zeros(op);
        }
    }
    for (unsigned d = 0; d < tables->dossier_count; d++) {
        if (!e->hold[d].there)
            continue;
        out_state(op, 3, (unsigned)tables->dossiers[d].lane, 0);
        out_int(op, d + 1);
        out_int(op, e->hold[d].from_seq);
        out_int(op, e->hold[d].attempts);
        out_int(op, e->hold[d].next_at - sim_wall());
        out_int(op, sim_wall() - e->hold[d].since);
        out_text(op, e->hold[d].why);
    }
}

static void do_status(struct db_op *op)
{
    if (!lease_check(op, in_int(op, 0)))
        return;
    struct endpoint_row *e = &tables->endpoints[endpoint_index(in_uuid(op, 1))];
    if (in_bool(op, 2))
        (void)snprintf(e->status, sizeof e->status, "disabled");
    in_text(op, 3, e->why, sizeof e->why);
    e->down_since = in_int(op, 4) >= 0 ? sim_wall() - in_int(op, 4) : 0;
}

// ---------------------------------------------------------------- dt.webhook_replays

// Its schedule begins anew.
static void ask_again(struct truth *t)
{
    t->first_failed = 0;
    t->asked_at = sim_wall();
}

static void replay_dossier(unsigned endpoint, unsigned dossier, int64_t from)
{
    struct endpoint_row *e = &tables->endpoints[endpoint];
    const struct dossier *d = &tables->dossiers[dossier];
    int64_t done = e->cursor[d->lane].done, first = 1;
    tables->sure[endpoint][d->lane] = 0;
    while (first <= d->seq && tables->rows[d->rows[first - 1]].pos <= done)
        first++;
    if (e->hold[dossier].there && e->hold[dossier].from_seq < from)
        first = e->hold[dossier].from_seq;
    else if (e->hold[dossier].there || from < first)
        first = from;
    e->hold[dossier].there = true;
    e->hold[dossier].from_seq = first;
    e->hold[dossier].attempts = 0;
    e->hold[dossier].since = e->hold[dossier].next_at = sim_wall();
    (void)snprintf(e->hold[dossier].why, sizeof e->hold[dossier].why, "replay");
    for (int64_t seq = first; seq <= d->seq; seq++)
        ask_again(&tables->truth[endpoint][d->rows[seq - 1]]);
    for (int64_t seq = from; seq <= d->seq; seq++)
        tables->truth[endpoint][d->rows[seq - 1]].replay_due = true;
}

static void replay_lane(unsigned endpoint, unsigned lane, int64_t from)
{
    struct endpoint_row *e = &tables->endpoints[endpoint];
    if (from > e->cursor[lane].done + 1)
        from = e->cursor[lane].done + 1;
    for (unsigned i = 0; i < tables->dossier_count; i++) {
        const struct dossier *d = &tables->dossiers[i];
        if (!e->hold[i].there || d->lane != (int16_t)lane)
            continue;
        int64_t seq = e->hold[i].from_seq;
        e->hold[i].there = seq <= d->seq && tables->rows[d->rows[seq - 1]].pos < from;
    }
    tables->sure[endpoint][lane] = 0;
    e->cursor[lane].n++;
    e->cursor[lane].done = from - 1;
    e->cursor[lane].since = sim_wall();
    for (int64_t pos = from; pos <= (int64_t)tables->lane_len[lane]; pos++) {
        struct truth *t = &tables->truth[endpoint][row_number(row_at(lane, pos))];
        t->replay_due = true;
        ask_again(t);
    }
}

static void do_replays(struct db_op *op)
{
    if (!lease_check(op, in_int(op, 0)))
        return;
    bool seen[ENDPOINTS] = {false};
    for (unsigned i = 0; i < tables->replay_count; i++) {
        unsigned e = tables->replays[i].endpoint;
        if (tables->replays[i].dossier < DOSSIERS)
            replay_dossier(e, tables->replays[i].dossier, tables->replays[i].from);
        else
            replay_lane(e, (unsigned)tables->replays[i].lane, tables->replays[i].from);
        if (!seen[e]) {
            out_row(op, 1);
            out_bytes(op, tables->endpoints[e].id, 16);
        }
        seen[e] = true;
    }
    tables->replayed = tables->replayed || tables->replay_count > 0;
    tables->replay_count = 0;
}

// ---------------------------------------------------------------- dt.webhook_record

static void settle(unsigned endpoint, const struct row *r, int64_t at, int64_t outcome)
{
    struct truth *t = &tables->truth[endpoint][row_number(r)];
    if (outcome == ATTEMPT_FAILED)
        return;
    if (outcome == ATTEMPT_DELIVERED)
        SIM_CHECK(t->taken > 0, "the ledger says that endpoint %u took %d/%" PRId64 ", and it did not",
                  endpoint, r->lane, r->pos);
    if (outcome == ATTEMPT_ABORTED)
        SIM_CHECK(t->aborted, "the ledger says that endpoint %u aborted %d/%" PRId64 ", and it did not",
                  endpoint, r->lane, r->pos);
    if (at > t->settled_at)
        t->settled_at = at;
    t->ledger_at = sim_now();
}

static void record_attempts(struct db_op *op)
{
    struct in_array lane = in_array(op, 1), endpoint = in_array(op, 2), pos = in_array(op, 3),
                    at = in_array(op, 4), outcome = in_array(op, 5);
    while (lane.left > 0) {
        unsigned l = (unsigned)take_int(&lane),
                 e = endpoint_index((const unsigned char *)take_bytes(&endpoint));
        const struct row *r = row_at(l, take_int(&pos));
        int64_t when = take_time_ms(&at);
        SIM_CHECK(r, "an attempt of an event that does not exist");
        settle(e, r, when, take_int(&outcome));
    }
}

static void record_given_up(struct db_op *op)
{
    struct in_array lane = in_array(op, 20), endpoint = in_array(op, 21), dossier = in_array(op, 22),
                    seq = in_array(op, 23);
    int64_t last[ENDPOINTS][DOSSIERS] = {{0}};
    while (lane.left > 0) {
        (void)take_int(&lane);
        unsigned e = endpoint_index((const unsigned char *)take_bytes(&endpoint)),
                 d = (unsigned)take_int(&dossier) - 1;
        int64_t s = take_int(&seq);
        if (s > last[e][d])
            last[e][d] = s;
        if (s > tables->dossiers[d].seq)
            continue; // joined with dt.journey
        const struct row *r = &tables->rows[tables->dossiers[d].rows[s - 1]];
        truth_given_up(e, row_number(r));
        tables->truth[e][row_number(r)].given_up = true;
        tables->truth[e][row_number(r)].replay_due = false;
        settle(e, r, sim_wall(), ATTEMPT_GIVEN_UP);
    }
    for (unsigned e = 0; e < ENDPOINTS; e++) {
        for (unsigned d = 0; d < DOSSIERS; d++) {
            if (last[e][d] > 0)
                tables->endpoints[e].gap[d] = last[e][d];
        }
    }
}

static void record_holds(struct db_op *op)
{
    struct in_array lane = in_array(op, 9), endpoint = in_array(op, 10), dossier = in_array(op, 11),
                    from = in_array(op, 12), attempts = in_array(op, 13), next = in_array(op, 14),
                    since = in_array(op, 15), why = in_array(op, 16);
    while (lane.left > 0) {
        (void)take_int(&lane);
        struct endpoint_row *e =
            &tables->endpoints[endpoint_index((const unsigned char *)take_bytes(&endpoint))];
        unsigned d = (unsigned)take_int(&dossier) - 1;
        e->hold[d].there = true;
        e->hold[d].from_seq = take_int(&from);
        e->hold[d].attempts = take_int(&attempts);
        e->hold[d].next_at = sim_wall() + take_int(&next);
        e->hold[d].since = sim_wall() - take_int(&since);
        take_text(&why, e->hold[d].why, sizeof e->hold[d].why);
    }
}

static void record_ended(struct db_op *op)
{
    struct in_array endpoint = in_array(op, 18), dossier = in_array(op, 19);
    while (endpoint.left > 0) {
        unsigned e = endpoint_index((const unsigned char *)take_bytes(&endpoint));
        tables->endpoints[e].hold[take_int(&dossier) - 1].there = false;
    }
}

static void record_told(struct db_op *op)
{
    struct in_array endpoint = in_array(op, 26), dossier = in_array(op, 27);
    while (endpoint.left > 0) {
        unsigned e = endpoint_index((const unsigned char *)take_bytes(&endpoint));
        tables->endpoints[e].gap[take_int(&dossier) - 1] = 0;
    }
}

static void record_cursors(struct db_op *op)
{
    struct in_array lane = in_array(op, 28), endpoint = in_array(op, 29), done = in_array(op, 30);
    while (lane.left > 0) {
        unsigned l = (unsigned)take_int(&lane),
                 e = endpoint_index((const unsigned char *)take_bytes(&endpoint));
        int64_t to = take_int(&done);
        if (tables->endpoints[e].cursor[l].n > 0 && to <= tables->endpoints[e].cursor[l].done)
            continue;
        tables->endpoints[e].cursor[l].n++;
        tables->endpoints[e].cursor[l].done = to;
    }
}

static void do_record(struct db_op *op)
{
    if (!lease_check(op, in_int(op, 0)))
        return;
    record_attempts(op);
    record_told(op);
    record_given_up(op);
    record_ended(op);
    record_holds(op);
    record_cursors(op);
    truth_recorded();
}

// ---------------------------------------------------------------- all of them

static void execute(struct db_op *op)
{
    static void (*const statements[WEBHOOK_Q_COUNT])(struct db_op *) = {
        [WEBHOOK_Q_LEASE] = lease_take, [WEBHOOK_Q_RELEASE] = lease_release,  [WEBHOOK_Q_FENCE] = lease_fence,
        [WEBHOOK_Q_LANES] = do_lanes,   [WEBHOOK_Q_ENDPOINTS] = do_endpoints, [WEBHOOK_Q_STATE] = do_state,
        [WEBHOOK_Q_STATUS] = do_status, [WEBHOOK_Q_REPLAYS] = do_replays,     [WEBHOOK_Q_READ] = do_read,
        [WEBHOOK_Q_SPAN] = do_span,     [WEBHOOK_Q_DOSSIER] = do_dossier,     [WEBHOOK_Q_RECORD] = do_record,
    };
    statements[op->statement](op);
}

const struct store webhook_store = {execute};
