// SPDX-License-Identifier: EUPL-1.2
// What must hold of the tables and of the truth, whatever happens: nothing is lost, nothing is given up
// early, the cursor passes nothing that is not settled, and in the end everything is.
#include "simulation/webhook_world.h"

#include "base/log.h"
#include "webhook/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDING_MS 3 // a time may lose a fraction on each of its ways to the database and back

static bool held_at(const struct endpoint_row *e, const struct row *r)
{
    return e->hold[r->dossier].there && e->hold[r->dossier].from_seq <= r->seq;
}

static void check_cursor(unsigned e, unsigned lane)
{
    const struct endpoint_row *row = &tables->endpoints[e];
    int64_t done = row->cursor[lane].done;
    SIM_CHECK(done <= tables->published[lane],
              "endpoint %u: the cursor %u/%" PRId64 " is beyond what is published", e, lane, done);
    int64_t *sure = &tables->sure[e][lane];
    bool contiguous = true;
    for (int64_t pos = *sure + 1; pos <= done; pos++) {
        const struct row *r = row_at(lane, pos);
        const struct truth *t = &tables->truth[e][row_number(r)];
        bool settled = !t->wanted || (is_settled(t) && !t->replay_due);
        SIM_CHECK(settled || held_at(row, r),
                  "endpoint %u: the cursor %" PRId64 " passed %u/%" PRId64 " (dossier %u, seq %" PRId64
                  "), which is neither settled nor held",
                  e, done, lane, pos, r->dossier, r->seq);
        contiguous = contiguous && settled;
        if (contiguous)
            *sure = pos;
    }
}

// What is in front of a hold must be settled: from_seq may not skip.
static void check_hold(unsigned e, unsigned d)
{
    const struct dossier *dossier = &tables->dossiers[d];
    for (int64_t seq = tables->endpoints[e].hold[d].from_seq - 1; seq >= 1 && seq > dossier->seq - 40;
         seq--) {
        if (seq > dossier->seq)
            continue;
        const struct row *r = &tables->rows[dossier->rows[seq - 1]];
        const struct truth *t = &tables->truth[e][row_number(r)];
        SIM_CHECK(!t->wanted || (is_settled(t) && !t->replay_due) ||
                      r->pos > tables->endpoints[e].cursor[r->lane].done,
                  "endpoint %u, dossier %u: the hold begins at %" PRId64 ", and %" PRId64 " is not settled",
                  e, d, tables->endpoints[e].hold[d].from_seq, seq);
    }
    SIM_CHECK(tables->endpoints[e].hold[d].from_seq <= dossier->seq + 1,
              "endpoint %u, dossier %u: the hold begins at %" PRId64 ", and the newest event is %" PRId64, e,
              d, tables->endpoints[e].hold[d].from_seq, dossier->seq);
}

static const struct log_field *field_of(const struct log_field *fields, const char *key)
{
    while (fields->key && strcmp(fields->key, key) != 0)
        fields++;
    SIM_CHECK(fields->key, "a line of the log without %s", key);
    return fields;
}

void truth_recorded(void)
{
    for (unsigned e = 0; e < tables->endpoint_count; e++) {
        for (unsigned lane = 0; lane < tables->lane_count; lane++)
            check_cursor(e, lane);
        for (unsigned d = 0; d < tables->dossier_count; d++) {
            if (tables->endpoints[e].hold[d].there)
                check_hold(e, d);
        }
    }
}

// What a process says that no request shows: that its breaker opens or starts anew; a try that failed before
// it became a request, from which the schedule counts, too.
void truth_heard(const char *event, const struct log_field *fields)
{
    bool down = strcmp(event, "endpoint.down") == 0, resumed = strcmp(event, "endpoint.resumed") == 0;
    if (!down && !resumed && strcmp(event, "event.unsendable") != 0)
        return;
    const char *id = field_of(fields, "endpoint")->text;
    unsigned endpoint = (unsigned)strtoul(id + strlen(id) - 2, NULL, 16);
    if (down || resumed) {
        office_breaker_said(endpoint, process_now, down);
        return;
    }
    unsigned lane = (unsigned)field_of(fields, "lane")->number;
    const struct row *r = row_at(lane, field_of(fields, "pos")->number);
    struct truth *t = &tables->truth[endpoint][row_number(r)];
    if (t->first_failed == 0)
        t->first_failed = sim_now();
}

// The endpoint took nothing for so long: the sender has heard of nothing else; or it came later, and knows
// from dt.endpoint or from all the time since it came.
static bool was_silent(unsigned e, int64_t total)
{
    int64_t since = tables->endpoints[e].down_since;
    bool own = tables->last_taken[e].by == lease.owner && tables->last_taken[e].life == lease.owner_life;
    if (tables->last_taken[e].at < 0 || own)
        return tables->last_taken[e].at < 0 || sim_now() - tables->last_taken[e].at >= total;
    return (since > 0 && sim_wall() - since >= total) || sim_now() - lease.taken_at >= total;
}

// Only after the whole schedule, counted from its own first failure; or unsent, when the endpoint has been
// silent and the event has waited for as long. A replay begins anew.
void truth_given_up(unsigned e, unsigned number)
{
    const struct row *r = &tables->rows[number];
    const struct truth *t = &tables->truth[e][number];
    int64_t total = SCHEDULE_TOTAL_MS / sim_knobs.speed - ROUNDING_MS, now = sim_now();
    SIM_CHECK(t->wanted, "endpoint %u: %d/%" PRId64 " is given up and was never wanted", e, r->lane, r->pos);
    bool known = t->settled_at > 0 && t->settled_at >= tables->endpoints[e].cursor[r->lane].since;
    SIM_CHECK(!known || t->given_up || held_at(&tables->endpoints[e], r), // a record may be written twice
              "endpoint %u: %d/%" PRId64 " is given up, although the ledger has settled it", e, r->lane,
              r->pos);
    bool tried = t->first_failed > 0 && now - t->first_failed >= total;
    int64_t since = t->asked_at > r->recorded_ms ? t->asked_at : r->recorded_ms;
    bool waited = sim_wall() - since >= total;
    SIM_CHECK(tried || (was_silent(e, total) && waited),
              "endpoint %u: %d/%" PRId64 " (dossier %u, seq %" PRId64 ") is given up %" PRId64
              " ms after its first failure (0: none: %d), %" PRId64 " ms old; the schedule is %" PRId64 " ms",
              e, r->lane, r->pos, r->dossier, r->seq, now - t->first_failed, t->first_failed == 0,
              sim_wall() - r->recorded_ms, total);
}

static bool is_over(const struct truth *t)
{
    return !t->wanted || (is_settled(t) && !t->replay_due);
}

// Says what is left of one endpoint; false: nothing is.
static bool is_left(unsigned e, bool but_poison, char *why, size_t cap)
{
    const struct endpoint_row *endpoint = &tables->endpoints[e];
    for (unsigned i = 0; i < tables->row_count; i++) {
        const struct row *r = &tables->rows[i];
        const struct truth *t = &tables->truth[e][i];
        if (is_over(t) || (but_poison && tables->dossiers[r->dossier].poison))
            continue;
        (void)snprintf(why, cap, "%d/%" PRId64 " (dossier %u%s, seq %" PRId64 ") was never taken%s", r->lane,
                       r->pos, r->dossier, tables->dossiers[r->dossier].poison ? ", poison" : "", r->seq,
                       is_settled(t) ? " again, as people asked" : "");
        return true;
    }
    for (unsigned d = 0; d < tables->dossier_count; d++) {
        if (!endpoint->hold[d].there || (but_poison && tables->dossiers[d].poison))
            continue;
        (void)snprintf(why, cap, "dossier %u is still held from %" PRId64, d, endpoint->hold[d].from_seq);
        return true;
    }
    for (unsigned lane = 0; lane < tables->lane_count; lane++) {
        if (endpoint->cursor[lane].done >= (int64_t)tables->lane_len[lane])
            continue;
        (void)snprintf(why, cap, "the cursor of lane %u stands at %" PRId64 " of %u", lane,
                       endpoint->cursor[lane].done, tables->lane_len[lane]);
        return true;
    }
    return false;
}

bool truth_drained(bool but_poison)
{
    char why[160];
    for (unsigned e = 0; e < tables->endpoint_count; e++) {
        if (is_left(e, but_poison, why, sizeof why))
            return false;
    }
    return tables->replay_count == 0;
}

void truth_end(bool but_poison)
{
    char why[160];
    for (unsigned e = 0; e < tables->endpoint_count; e++)
        SIM_CHECK(!is_left(e, but_poison, why, sizeof why), "endpoint %u (%s): %s", e,
                  tables->endpoints[e].status, why);
}
