// SPDX-License-Identifier: EUPL-1.2
// The model offices, and what must hold of every request that leaves for them.
#include "simulation/webhook_world.h"

#include "webhook/breaker.h"
#include "webhook/internal.h"
#include "webhook/pace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What one life of one process has seen of one endpoint.
struct seen {
    const struct process *process;
    uint64_t life;
    unsigned in_flight[DOSSIERS], all_in_flight;
    unsigned failed_in_a_row;
    int64_t failed_at; // of the newest failure
    int64_t down_at;   // when it said that the endpoint is down; what is under way then tells nothing new
    int64_t paused_until, pause_set_at; // by 429 and its kin
};

static struct {
    enum office_mood mood;
    struct seen seen[2]; // of A and B
} offices[ENDPOINTS];

struct letter_read {
    unsigned endpoint, dossier, row;
    int64_t seq;
    bool gap;
};

void office_reset(void)
{
    memset(offices, 0, sizeof offices);
}

void office_set(unsigned endpoint, enum office_mood mood)
{
    static const char *const names[] = {"ok", "5xx", "429", "slow", "dead", "gone"};
    if (offices[endpoint].mood != mood)
        sim_trace("office %u: %s", endpoint, names[mood]);
    offices[endpoint].mood = mood;
}

void office_breaker_said(unsigned endpoint, const struct process *by, bool opens)
{
    struct seen *s = &offices[endpoint].seen[by->name[0] == 'B'];
    if (opens) {
        s->down_at = sim_now();
        return;
    }
    s->failed_in_a_row = 0;
    s->paused_until = 0;
}

static unsigned endpoint_of(const char *url)
{
    return (unsigned)(strchr(url, '-')[1] - '0'); // https://office-N.example/
}

static bool is_reachable(const char *url)
{
    return offices[endpoint_of(url)].mood != OFFICE_DEAD;
}

// ---------------------------------------------------------------- reading a letter

static int64_t number_after(const char *body, const char *key)
{
    const char *at = strstr(body, key);
    SIM_CHECK(at, "a letter without %s: %s", key, body);
    return strtoll(at + strlen(key), NULL, 10);
}

static struct letter_read read_letter(const struct peer_request *r)
{
    struct letter_read l = {.endpoint = endpoint_of(r->url)};
    l.dossier = (unsigned)number_after(r->body, "\"subject\":\"D-");
    l.seq = number_after(r->body, "\"sequence\":\"");
    l.gap = strstr(r->body, "\"gap_before\":true") != NULL;
    SIM_CHECK(l.dossier < tables->dossier_count && l.seq >= 1 && l.seq <= tables->dossiers[l.dossier].seq,
              "a letter about nothing: %s", r->body);
    l.row = tables->dossiers[l.dossier].rows[l.seq - 1];
    return l;
}

static struct seen *seen_of(const struct peer_request *r, unsigned endpoint)
{
    struct seen *s = &offices[endpoint].seen[r->process->name[0] == 'B'];
    if (s->process != r->process || s->life != r->life)
        *s = (struct seen){.process = r->process, .life = r->life};
    return s;
}

// ---------------------------------------------------------------- leaving

static void check_order(const struct letter_read *l)
{
    const struct dossier *d = &tables->dossiers[l->dossier];
    for (int64_t seq = l->seq - 1; seq >= 1; seq--) {
        const struct truth *t = &tables->truth[l->endpoint][d->rows[seq - 1]];
        SIM_CHECK(!t->wanted || is_settled(t),
                  "endpoint %u, dossier %u: %" PRId64 " is sent before %" PRId64 " is settled", l->endpoint,
                  l->dossier, l->seq, seq);
    }
}

static void check_owner(const struct peer_request *r, const struct letter_read *l)
{
    const struct webhook *w = r->process->ctx;
    const struct row *row = &tables->rows[l->row];
    // Its own fence may have been raised already, and the answer be on its way.
    bool owns =
        w->epoch == lease.epoch || (w->fencing && w->epoch + 1 == lease.epoch && lease.owner == r->process);
    SIM_CHECK(owns, "%s sends under epoch %" PRId64 ", the lease is at %" PRId64, r->process->name, w->epoch,
              lease.epoch);
    SIM_CHECK(row->pos <= tables->published[row->lane], "%d/%" PRId64 " is sent and not published", row->lane,
              row->pos);
}

// A copy needs a reason: a lost answer, a crash, a lost record, people.
static void check_copy(const struct peer_request *r, const struct letter_read *l)
{
    const struct truth *t = &tables->truth[l->endpoint][l->row];
    const struct webhook *w = r->process->ctx;
    if (tables->replayed || sim_has(FAULT_NO_MEMORY))
        return;
    SIM_CHECK(t->told != r->process || t->told_life != r->life || t->told_generation != w->generation,
              "endpoint %u: %s sends dossier %u, %" PRId64 " again, although it knows that it was taken",
              l->endpoint, r->process->name, l->dossier, l->seq);
    SIM_CHECK(t->settled_at == 0 || t->ledger_at >= lease.taken_at,
              "endpoint %u: dossier %u, %" PRId64 " is sent again, although the ledger has long settled it",
              l->endpoint, l->dossier, l->seq);
}

static void check_rate(const struct peer_request *r, const struct seen *s, const struct letter_read *l)
{
    int64_t now = r->decided, wait = BREAKER_WAIT_MS / sim_knobs.speed;
    if (r->process->frozen_until > 0 && sim_now() - r->process->frozen_until < 1000)
        return; // what was decided before it froze leaves now
    SIM_CHECK(s->in_flight[l->dossier] == 0, "endpoint %u: two requests of dossier %u at once", l->endpoint,
              l->dossier);
    SIM_CHECK(s->all_in_flight < (unsigned)sim_knobs.per_endpoint,
              "endpoint %u: more than %" PRId64 " requests at once", l->endpoint, sim_knobs.per_endpoint);
    SIM_CHECK(now >= s->paused_until || now <= s->pause_set_at,
              "endpoint %u asked for a pause until %" PRId64 " and is sent something at %" PRId64,
              l->endpoint, s->paused_until, now);
    SIM_CHECK(s->failed_in_a_row < BREAKER_TRIP_CONSECUTIVE || now - s->failed_at >= wait ||
                  now <= s->failed_at,
              "endpoint %u has failed %u times in a row, and is tried again after %" PRId64 " ms",
              l->endpoint, s->failed_in_a_row, now - s->failed_at);
}

static void departs(const struct peer_request *r)
{
    struct letter_read l = read_letter(r);
    struct seen *s = seen_of(r, l.endpoint);
    sim_trace("request: endpoint %u dossier %u seq %" PRId64 "%s", l.endpoint, l.dossier, l.seq,
              l.gap ? " gap" : "");
    SIM_CHECK(tables->truth[l.endpoint][l.row].wanted, "endpoint %u does not want dossier %u, %" PRId64,
              l.endpoint, l.dossier, l.seq);
    check_owner(r, &l);
    check_order(&l);
    check_copy(r, &l);
    check_rate(r, s, &l);
    s->in_flight[l.dossier]++;
    s->all_in_flight++;
}

// ---------------------------------------------------------------- arriving

// An event that was given up must be told by the next one that is taken; once: sent again, that one need not.
static void check_gap(const struct letter_read *l)
{
    const struct dossier *d = &tables->dossiers[l->dossier];
    bool lost = false, ever = false, told = tables->truth[l->endpoint][l->row].flagged;
    for (int64_t seq = l->seq - 1; seq >= 1 && !lost && !told; seq--) {
        const struct truth *t = &tables->truth[l->endpoint][d->rows[seq - 1]];
        ever = ever || t->given_up;
        if (t->flagged)
            break;
        lost = t->given_up && t->taken == 0;
    }
    for (int64_t seq = l->seq - 1; seq >= 1 && !ever; seq--)
        ever = tables->truth[l->endpoint][d->rows[seq - 1]].given_up;
    SIM_CHECK(!lost || l->gap,
              "endpoint %u, dossier %u: %" PRId64 " comes after one given up and does not say so",
              l->endpoint, l->dossier, l->seq);
    SIM_CHECK(ever || !l->gap, "endpoint %u, dossier %u: %" PRId64 " tells of a gap that is not there",
              l->endpoint, l->dossier, l->seq);
}

static int status_of(enum office_mood mood, const struct letter_read *l, struct peer_answer *a)
{
    static const int errors[] = {500, 502, 503, 504, 404, 302};
    if (tables->dossiers[l->dossier].poison)
        return 500;
    if (mood == OFFICE_ERROR || (sim_has(FAULT_PEER_ERROR) && sim_chance(20)))
        return errors[sim_below(ARRAY_LEN(errors))];
    if (mood == OFFICE_THROTTLE || (sim_has(FAULT_PEER_THROTTLE) && sim_chance(20))) {
        if (sim_chance(500))
            (void)snprintf(a->retry_after, sizeof a->retry_after, "%d", (int)sim_between(1, 6));
        return 429;
    }
    if (mood == OFFICE_GONE)
        return 410;
    if (sim_has(FAULT_PEER_ABORT) && sim_chance(10)) {
        (void)snprintf(a->directive, sizeof a->directive, "abort-message");
        return 400;
    }
    return sim_chance(900) ? 200 : 204;
}

static void arrives(const struct peer_request *r, struct peer_answer *ret_answer)
{
    struct letter_read l = read_letter(r);
    struct truth *t = &tables->truth[l.endpoint][l.row];
    struct peer_answer a = {.delay_ms = sim_between(0, 30)};
    enum office_mood mood = offices[l.endpoint].mood;
    a.status = status_of(mood, &l, &a);
    if (mood == OFFICE_SLOW)
        a.delay_ms = sim_between(100, 20000);
    else if (sim_has(FAULT_PEER_SLOW) && sim_chance(10))
        a.delay_ms = sim_between(100, 20000);
    a.lost = sim_has(FAULT_NET_LOST) && sim_chance(15);
    t->requests++;
    check_gap(&l);
    if (a.status < 300) {
        if (t->taken == 0)
            check_order(&l);
        t->taken++;
        t->replay_due = false;
        t->flagged = t->flagged || l.gap;
    } else if (a.directive[0]) {
        t->aborted = true;
        t->replay_due = false;
        t->flagged = t->flagged || l.gap;
    } else if (t->first_failed == 0) {
        t->first_failed = sim_now();
    }
    sim_trace("office %u: dossier %u seq %" PRId64 ": %d%s%s after %" PRId64 " ms", l.endpoint, l.dossier,
              l.seq, a.status, a.directive[0] ? " abort" : "", a.lost ? ", lost," : "", a.delay_ms);
    *ret_answer = a;
}

// ---------------------------------------------------------------- the end, as the process sees it

static void note_pause(struct seen *s, int status, const char *retry_after)
{
    int64_t asked = strtoll(retry_after, NULL, 10) * 1000;
    if (status != 429 || asked <= 0)
        return;
    int64_t until = sim_now() + (asked < PACE_PAUSE_MAX_MS ? asked : PACE_PAUSE_MAX_MS);
    if (until > s->paused_until) {
        s->paused_until = until;
        s->pause_set_at = sim_now();
    }
}

static void ended(const struct peer_request *r, int outcome, int status, const char *retry_after)
{
    struct letter_read l = read_letter(r);
    struct seen *s = seen_of(r, l.endpoint);
    struct truth *t = &tables->truth[l.endpoint][l.row];
    const struct webhook *w = r->process->ctx;
    sim_trace("hears of endpoint %u dossier %u seq %" PRId64 ": %s %d %s", l.endpoint, l.dossier, l.seq,
              fetch_outcome_name((enum fetch_outcome)outcome), status, retry_after);
    if (s->in_flight[l.dossier] > 0) { // it had left
        s->in_flight[l.dossier]--;
        s->all_in_flight--;
    }
    if (outcome == FETCH_CANCELLED)
        return;
    bool taken = outcome == FETCH_ANSWERED && status >= 200 && status < 300;
    bool aborted = outcome == FETCH_ANSWERED && t->aborted && status == 400;
    if (taken || aborted) {
        tables->last_taken[l.endpoint] = (typeof(tables->last_taken[0])){sim_now(), r->process, r->life};
        s->failed_in_a_row = 0;
        t->told = r->process;
        t->told_life = r->life;
        t->told_generation = w->generation;
        return;
    }
    if (t->first_failed == 0)
        t->first_failed = sim_now();
    note_pause(s, status, retry_after);
    bool old = r->decided <= s->down_at ||
               (s->failed_in_a_row >= BREAKER_TRIP_CONSECUTIVE && r->decided <= s->failed_at);
    if (status != 429 && !old) { // old: under way when the breaker opened
        s->failed_in_a_row++;
        s->failed_at = sim_now();
    }
}

const struct peer webhook_offices = {is_reachable, departs, arrives, ended};
