// SPDX-License-Identifier: EUPL-1.2
// A run of the sms service: one or two processes of it, news, people, one gateway; faults for a while, then
// none, and every message must come to its end.
#include "simulation/sms_world.h"

#include "sms/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

static struct sms_tables the_tables;
static struct process a, b;
static struct process *const processes[] = {&a, &b};
static int64_t safety_ends;
static unsigned news_to_come;

static void forget(void *ctx)
{
    struct sms *s = ctx;
    keyring_close(s->ring);
}

static struct service make_service(void *ctx)
{
    return sms_service(ctx);
}

static const struct role role = {sizeof(struct sms), make_service, forget};

const struct contact_seal *sms_contact(unsigned dossier, unsigned person)
{
    static struct contact_seal seals[SMS_DOSSIERS][SMS_PEOPLE];
    static bool sealed[SMS_DOSSIERS][SMS_PEOPLE];
    static struct keyring *ring; // of the world, for the whole program
    char subject[40], phone[20], error[200];
    if (sealed[dossier][person])
        return &seals[dossier][person];
    (void)snprintf(subject, sizeof subject, "dossier:D-%u", dossier);
    (void)snprintf(phone, sizeof phone, "+8490500000%u", person);
    const struct contact_fields fields = {.phone = phone};
    SIM_CHECK(ring || keyring_open(sim_keys, KEY_WRAP, &ring, error, sizeof error) == 0, "no keys: %s",
              error);
    SIM_CHECK(contact_seal(ring, subject, &fields, &seals[dossier][person]) == 0,
              "a contact can't be sealed");
    sealed[dossier][person] = true;
    return &seals[dossier][person];
}

void sms_prepare(void)
{
    for (unsigned d = 0; d < SMS_DOSSIERS; d++) {
        for (unsigned p = 0; p < SMS_PEOPLE; p++)
            (void)sms_contact(d, p);
    }
}

// ---------------------------------------------------------------- the tables, and news

static void make_world(void)
{
    sms_tables = &the_tables;
    memset(sms_tables, 0, sizeof *sms_tables);
    for (unsigned d = 0; d < SMS_DOSSIERS; d++) {
        sms_tables->contacts[d].person = (unsigned)sim_below(SMS_PEOPLE);
        sms_tables->contacts[d].there = !sim_chance(50);
        sms_tables->contacts[d].consent = !sim_chance(50);
    }
    sim_knobs = (struct sim_knobs){.window = sim_between(1, 10)};
    if (sim_chance(300)) { // ten quiet minutes somewhere in the run
        sim_knobs.quiet_from = 7 * 60 + 30 + sim_between(2, 40);
        sim_knobs.quiet_to = sim_knobs.quiet_from + 10;
    }
}

static void append_news(void)
{
    if (sms_tables->news_count == SMS_NEWS_MAX)
        return;
    const struct news *last =
        sms_tables->news_count > 0 ? &sms_tables->news[sms_tables->news_count - 1] : NULL;
    struct news *n = &sms_tables->news[sms_tables->news_count++];
    if (last && last->item > 0 && sim_chance(150)) { // another dossier in the same envelope
        *n = *last;
        n->dossier = (last->dossier + 1) % SMS_DOSSIERS;
        return;
    }
    *n = (struct news){.dossier = (unsigned)sim_below(SMS_DOSSIERS),
                       .template_no = (unsigned)sim_between(1, SMS_TEMPLATE_COUNT),
                       .cause_pos = 5000 + sms_tables->news_count,
                       .occurred_ms =
                           sim_wall() - (sim_chance(900) ? 1000 : sim_between(1, 26 * 60) * MINUTE_MS)};
    n->item = sim_chance(700) ? n->dossier + 1 : 0;
}

static void on_news(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    for (int64_t burst = sim_between(1, 4); burst > 0 && news_to_come > 0; burst--, news_to_come--)
        append_news();
    db_notify(processes, 2, "dt_journey");
    int64_t left = safety_ends - sim_now();
    if (news_to_come > 0 && left > 0)
        sim_after(NULL, sim_between(0, 5 * left / (int64_t)(news_to_come + 1)), on_news, NULL, 0);
}

// ---------------------------------------------------------------- what goes wrong

static void on_gateway_back(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    gateway_set(GATEWAY_OK);
}

static void on_server_back(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    db_server_up(processes, 2);
}

static void on_restart(void *arg, uint64_t tag)
{
    struct process *p = arg;
    (void)tag;
    if (!p->alive && !sim_healed())
        process_start(p);
}

static void let_gateway(enum gateway_mood mood, int64_t longest_ms)
{
    gateway_set(mood);
    sim_after(NULL, sim_between(100, longest_ms), on_gateway_back, NULL, 0);
}

static void opt_out(void)
{
    unsigned person = (unsigned)sim_below(SMS_PEOPLE);
    sim_trace("person %u opts out", person);
    sms_tables->opted_out[person] = true;
    for (unsigned i = 0; i < sms_tables->message_count; i++) {
        struct message *m = &sms_tables->messages[i];
        if (m->phone_len > 0 && m->person == person && m->state != SMS_SUBMITTING)
            m->opted_out_before = true;
    }
}

static void break_something(enum sim_fault fault)
{
    struct process *p = sim_chance(700) || !b.life ? &a : &b;
    switch (fault) {
    case FAULT_DB_DOWN:
        db_server_down(processes, 2);
        sim_after(NULL, sim_between(10, 60000), on_server_back, NULL, 0);
        break;
    case FAULT_CRASH:
        process_kill(p);
        sim_after(NULL, sim_between(0, 20000), on_restart, p, 0);
        break;
    case FAULT_FREEZE:
        process_freeze(p, sim_chance(500) ? sim_between(10, 3000) : sim_between(3000, 40000));
        break;
    case FAULT_RESTART:
        process_stop(p);
        sim_after(NULL, sim_between(20000, 25000), on_restart, p, 0);
        break;
    case FAULT_PEER_ERROR:
        let_gateway(sim_chance(500) ? GATEWAY_ERROR : GATEWAY_HTML, 60000);
        break;
    case FAULT_PEER_THROTTLE:
        let_gateway(GATEWAY_LATER, 300000);
        break;
    case FAULT_PEER_DEAD:
        let_gateway(GATEWAY_DEAD, 300000);
        break;
    case FAULT_OPERATOR:
        if (sim_chance(300))
            opt_out();
        else if (sim_chance(300))
            sms_tables->contacts[sim_below(SMS_DOSSIERS)].forgotten = true;
        break;
    default: // happens by the statement or by the request
        break;
    }
}

static void on_trouble(void *arg, uint64_t tag)
{
    enum sim_fault fault = (enum sim_fault)sim_below(FAULT_COUNT);
    (void)arg;
    (void)tag;
    if (sim_healed())
        return;
    if (sim_has(fault))
        break_something(fault);
    sim_after(NULL, sim_between(1000, 10000), on_trouble, NULL, 0);
}

// ---------------------------------------------------------------- the two phases

static void heal(void)
{
    sim_trace("---- all is well from now on");
    sim_heal();
    db_server_up(processes, 2);
    gateway_set(GATEWAY_OK);
    for (unsigned i = 0; i < 2; i++)
        processes[i]->frozen_until = 0;
}

static void keep_well(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (processes[i]->life && !processes[i]->alive)
            process_start(processes[i]);
    }
}

// Nothing is under way or waits for its time, except for receipts that will never come.
static const struct message *left_over(void)
{
    for (unsigned i = 0; i < sms_tables->message_count; i++) {
        const struct message *m = &sms_tables->messages[i];
        bool may_go_again = m->state == SMS_UNKNOWN && m->copies < 2 && m->expires_at > sim_wall() &&
                            !sms_tables->opted_out[m->person];
        if (m->state == SMS_WAITING || m->state == SMS_SUBMITTING || may_go_again)
            return m;
    }
    return NULL;
}

static bool drained(void)
{
    return sms_tables->cursor == (int64_t)sms_tables->news_count && !left_over();
}

// Each piece of news is told, or the ledger says why not; one message may speak for several dossiers of one
// person.
static void check_ledger(void)
{
    for (unsigned i = 0; i < sms_tables->news_count; i++) {
        const struct news *n = &sms_tables->news[i];
        bool found = false;
        for (unsigned k = 0; k < sms_tables->message_count && !found; k++)
            found = sms_tables->messages[k].cause_pos == n->cause_pos &&
                    sms_tables->messages[k].template_no == n->template_no;
        SIM_CHECK(found, "news %" PRId64 " (T%u, dossier %u) left no trace in the ledger", n->cause_pos,
                  n->template_no, n->dossier);
    }
    for (unsigned k = 0; k < sms_tables->message_count; k++) {
        const struct message *m = &sms_tables->messages[k];
        SIM_CHECK(m->copies >= 0 && m->copies <= 2, "sms %" PRId64 " has %" PRId64 " copies", m->cause_pos,
                  m->copies);
        SIM_CHECK((int64_t)m->taken <= m->copies,
                  "sms %" PRId64 ": the gateway took %u, the ledger counts %" PRId64, m->cause_pos, m->taken,
                  m->copies);
        SIM_CHECK(m->taken > 0 || (m->state != SMS_DELIVERED && m->state != SMS_UNDELIVERED),
                  "sms %" PRId64 " is %s and never left", m->cause_pos, sms_state_name(m->state));
        SIM_CHECK(m->state != SMS_CANCELLED || m->why[0], "sms %" PRId64 " is cancelled without a reason",
                  m->cause_pos);
    }
}

static void drain(int64_t limit_ms)
{
    int64_t ends = sim_now() + limit_ms, look = sim_now();
    while (sim_now() < ends && !drained()) {
        look += 1000;
        while (sim_step(look))
            continue;
        keep_well();
        SIM_CHECK(a.alive || b.alive, "nobody runs");
    }
    const struct message *m = left_over();
    SIM_CHECK(!m, "sms %" PRId64 " is still %s (copies %" PRId64 ") %" PRId64 " s after all is well",
              m->cause_pos, sms_state_name(m->state), m->copies, limit_ms / 1000);
    SIM_CHECK(drained(), "the planner stands at %" PRId64 " of %u", sms_tables->cursor,
              sms_tables->news_count);
}

static void stop_all(void)
{
    int64_t ends = sim_now() + 60000;
    while ((a.alive || b.alive) && sim_now() < ends) {
        for (unsigned i = 0; i < 2; i++)
            process_stop(processes[i]);
        for (int64_t look = sim_now() + 100; sim_step(look);)
            continue;
    }
    SIM_CHECK(!a.alive && !b.alive, "a process did not stop when asked");
}

void run_sms(void)
{
    make_world();
    gateway_reset();
    lease_reset();
    db_store = &sms_store;
    fetch_peer = &sms_gateway;
    process_init(&a, "A", &role);
    process_init(&b, "B", &role);
    news_to_come = (unsigned)sim_between(1, 80);
    safety_ends = sim_between(1, sim_chance(100) ? 45 : 12) * MINUTE_MS;
    process_start(&a);
    if (sim_has(FAULT_STANDBY))
        process_start(&b);
    sim_after(NULL, 0, on_news, NULL, 0);
    sim_after(NULL, 500, on_trouble, NULL, 0);
    while (sim_step(safety_ends))
        continue;
    heal();
    while (news_to_come > 0)
        on_news(NULL, 0);
    drain(50 * MINUTE_MS);
    stop_all();
    check_ledger();
}
