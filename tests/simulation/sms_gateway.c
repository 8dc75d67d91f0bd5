// SPDX-License-Identifier: EUPL-1.2
// The model gateway, its receipts, and what must hold of every submission.
#include "simulation/sms_world.h"

#include "io/fetch.h"
#include "sms/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// A submission leaves at most so long after it was decided: the process may be stopped for as long as a
// request lasts.
#define LEAVING_MS 16000

static enum gateway_mood mood;

void gateway_reset(void)
{
    mood = GATEWAY_OK;
}

void gateway_set(enum gateway_mood to)
{
    static const char *const names[] = {"ok", "5xx", "503", "dead", "html"};
    if (mood != to)
        sim_trace("gateway: %s", names[to]);
    mood = to;
}

static bool is_reachable(const char *url)
{
    (void)url;
    return mood != GATEWAY_DEAD;
}

static struct message *read_message(const struct peer_request *r)
{
    static const char key[] = "\"reference\":\"";
    char reference[37];
    const char *at = strstr(r->body, key);
    SIM_CHECK(at, "a submission without reference: %s", r->body);
    (void)snprintf(reference, sizeof reference, "%s", at + sizeof key - 1);
    struct message *m = message_by_reference(reference);
    SIM_CHECK(m, "a submission that dt.sms does not know: %s", r->body);
    SIM_CHECK(strstr(r->body, m->text), "sms %" PRId64 ": another text than the stored one", m->cause_pos);
    return m;
}

static bool is_quiet(int64_t at_ms)
{
    int64_t minute = (at_ms + SMS_ZONE_MS) / 60000 % (24 * 60);
    return minute >= sim_knobs.quiet_from && minute < sim_knobs.quiet_to;
}

static void departs(const struct peer_request *r)
{
    const struct message *m = read_message(r);
    const struct sms *s = r->process->ctx;
    sim_trace("submits sms %" PRId64 " T%u, copy %" PRId64, m->cause_pos, m->template_no, m->copies);
    // `submitting` was committed before; since then only time can have gone by.
    SIM_CHECK(m->copies >= 1 && m->state != SMS_WAITING && m->state != SMS_CANCELLED,
              "sms %" PRId64 " is submitted while it is %s", m->cause_pos, sms_state_name(m->state));
    SIM_CHECK(m->state != SMS_SUBMITTING || m->claimed_epoch != lease.epoch || s->epoch == lease.epoch,
              "sms %" PRId64 " is submitted by a process that does not own it", m->cause_pos);
    SIM_CHECK(sim_wall() < m->expires_at + LEAVING_MS,
              "sms %" PRId64 " is submitted %" PRId64 " ms after it expired", m->cause_pos,
              sim_wall() - m->expires_at);
    SIM_CHECK(!is_quiet(sim_wall()) || !is_quiet(sim_wall() - LEAVING_MS),
              "sms %" PRId64 " is submitted in the quiet hours", m->cause_pos);
    SIM_CHECK(!m->opted_out_before, "sms %" PRId64 " is submitted to somebody who opted out", m->cause_pos);
}

static void on_receipt(void *arg, uint64_t tag)
{
    sms_receipt(arg, tag != 0);
}

// The promise: once; twice only when the first answer was lost, and then the row says so.
static void take(struct message *m)
{
    if (m->taken++ == 0)
        m->taken_at = sim_now();
    SIM_CHECK(m->taken <= 2, "sms %" PRId64 " is taken %u times", m->cause_pos, m->taken);
    SIM_CHECK(m->taken < 2 || m->possible_duplicate, "sms %" PRId64 " is taken twice and not marked",
              m->cause_pos);
    SIM_CHECK(m->taken < 2 || sim_now() - m->taken_at >= SMS_UNKNOWN_MS,
              "sms %" PRId64 " is sent again after %" PRId64 " ms: its receipt had no time to come",
              m->cause_pos, sim_now() - m->taken_at);
    bool late = sim_has(FAULT_PEER_ABORT);
    if (sim_chance(700))
        sim_after(NULL, late ? sim_between(100, 1500000) : sim_between(100, 20000), on_receipt, m,
                  sim_chance(900));
    if (late && sim_chance(200)) // and once more
        sim_after(NULL, sim_between(100, 1500000), on_receipt, m, sim_chance(500));
}

static void arrives(const struct peer_request *r, struct peer_answer *ret_answer)
{
    static const int later[] = {401, 403, 408, 429, 503};
    struct message *m = read_message(r);
    struct peer_answer a = {.status = 200, .delay_ms = sim_between(5, 300)};
    bool taken = true;
    (void)snprintf(a.body, sizeof a.body, "{\"id\":\"g-%u\"}", m->taken);
    if (mood == GATEWAY_LATER || (sim_has(FAULT_PEER_THROTTLE) && sim_chance(50))) {
        a.status = later[sim_below(ARRAY_LEN(later))];
        taken = false;
    } else if (sim_has(FAULT_PEER_GONE) && sim_chance(50)) {
        a.status = sim_chance(500) ? 400 : 422;
        taken = false;
    } else if (mood == GATEWAY_ERROR || (sim_has(FAULT_PEER_ERROR) && sim_chance(50))) {
        a.status = sim_chance(500) ? 500 : 502; // nobody knows
        taken = sim_chance(500);
    } else if (mood == GATEWAY_HTML) {
        (void)snprintf(a.body, sizeof a.body, "<html>login</html>");
        taken = sim_chance(500);
    }
    if (sim_has(FAULT_PEER_SLOW) && sim_chance(50))
        a.delay_ms = sim_between(1000, 30000);
    a.lost = sim_has(FAULT_NET_LOST) && sim_chance(50);
    sim_trace("gateway: sms %" PRId64 ": %d%s%s after %" PRId64 " ms", m->cause_pos, a.status,
              taken ? ", taken" : "", a.lost ? ", lost" : "", a.delay_ms);
    if (taken)
        take(m);
    *ret_answer = a;
}

static void ended(const struct peer_request *r, int outcome, int status, const char *retry_after)
{
    struct message *m = read_message(r);
    (void)retry_after;
    sim_trace("hears of sms %" PRId64 ": %s %d", m->cause_pos,
              fetch_outcome_name((enum fetch_outcome)outcome), status);
}

const struct peer sms_gateway = {is_reachable, departs, arrives, ended};
