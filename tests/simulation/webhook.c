// SPDX-License-Identifier: EUPL-1.2
// A run of the webhook service: one or two processes of it, up to four offices, a journey log that grows;
// faults for a while, then none, and everything must drain.
#include "simulation/webhook_world.h"

#include "io/standard_webhooks.h"
#include "webhook/internal.h"
#include "webhook/schedule.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct webhook_tables the_tables;
static struct process a, b;
static struct process *const processes[] = {&a, &b};
static int64_t safety_ends;
static unsigned rows_to_come;

static void forget(void *ctx)
{
    struct webhook *w = ctx;
    keyring_close(w->ring);
}

static struct service make_service(void *ctx)
{
    return webhook_service(ctx);
}

static const struct role role = {sizeof(struct webhook), make_service, forget};

static int64_t total_ms(void)
{
    return SCHEDULE_TOTAL_MS / sim_knobs.speed;
}

// ---------------------------------------------------------------- the tables at the start

static void seal_secret_of(struct endpoint_row *e)
{
    static struct keyring *ring; // of the world, for the whole program
    struct standard_webhooks_key key = {.kind = STANDARD_WEBHOOKS_HMAC, .len = 32};
    unsigned char sealed[256];
    char text[STANDARD_WEBHOOKS_TEXT_MAX], error[200];
    memset(key.bytes, e->id[15] + 1, key.len);
    standard_webhooks_print(&key, text);
    SIM_CHECK(ring || keyring_open(sim_keys, KEY_WEBHOOK, &ring, error, sizeof error) == 0, "no keys: %s",
              error);
    SIM_CHECK(seal_secret(ring, e->id, text, strlen(text), sealed) == 0, "a secret can't be sealed");
    size_t len = strlen(text) + AEAD_OVERHEAD;
    for (size_t i = 0; i < len; i++)
        (void)snprintf(e->secret_hex + 2 * i, 3, "%02x", sealed[i]);
}

static void make_endpoint(unsigned i)
{
    static const struct {
        const char *units, *kinds, *legs;
        bool unit[UNITS], kind[KINDS];
    } wishes[] = {
        {"H48 H49", "", "NBKH", {true, true, true}, {true, true, true}},
        {"H48", "", "NBKH", {true, true, false}, {true, true, true}},
        {"H48.16", "item", "NB", {true, false, false}, {true, false, true}},
        {"H49 H48.17", "delivery.started item.delivered", "NBKH", {false, true, true}, {false, true, true}},
    };
    struct endpoint_row *e = &tables->endpoints[i];
    size_t wish = sim_below(ARRAY_LEN(wishes));
    memset(e->id, 0xE0, sizeof e->id);
    e->id[15] = (unsigned char)i;
    (void)snprintf(e->url, sizeof e->url, "https://office-%u.example/hook", i);
    (void)snprintf(e->status, sizeof e->status, "active");
    e->units = wishes[wish].units;
    e->kinds = wishes[wish].kinds;
    e->legs = wishes[wish].legs;
    memcpy(e->unit_wanted, wishes[wish].unit, sizeof e->unit_wanted);
    memcpy(e->kind_wanted, wishes[wish].kind, sizeof e->kind_wanted);
    e->thin = sim_chance(200);
    seal_secret_of(e);
    tables->last_taken[i].at = -1;
}

static void make_tables(void)
{
    tables = &the_tables;
    memset(tables, 0, sizeof *tables);
    tables->lane_count = (unsigned)sim_between(1, LANES);
    tables->endpoint_count = (unsigned)sim_between(1, ENDPOINTS);
    tables->dossier_count = (unsigned)sim_between(1, sim_chance(500) ? 6 : DOSSIERS);
    for (unsigned i = 0; i < tables->endpoint_count; i++)
        make_endpoint(i);
    for (unsigned i = 0; i < tables->dossier_count; i++) {
        tables->dossiers[i].lane = (int16_t)sim_below(tables->lane_count);
        tables->dossiers[i].unit = (unsigned)sim_below(UNITS);
        tables->dossiers[i].leg = "NBKH"[sim_below(4)];
        tables->dossiers[i].poison = sim_has(FAULT_POISON) && sim_chance(150);
    }
}

static void make_knobs(void)
{
    static const int64_t speeds[] = {300, 1000, 1000, 3000};
    sim_knobs = (struct sim_knobs){.in_flight = sim_chance(300) ? 3 : 512,
                                   .per_endpoint = sim_between(1, 8),
                                   .timeout_ms = sim_chance(500) ? 15000 : sim_between(500, 15000),
                                   .connect_ms = 5000,
                                   .speed = speeds[sim_below(ARRAY_LEN(speeds))]};
}

// ---------------------------------------------------------------- the journey log grows

static void append_row(unsigned d)
{
    struct dossier *dossier = &tables->dossiers[d];
    if (tables->row_count == ROWS_MAX || dossier->seq == (int64_t)ARRAY_LEN(dossier->rows))
        return;
    unsigned n = tables->row_count++, lane = (unsigned)dossier->lane;
    struct row *r = &tables->rows[n];
    *r = (struct row){.lane = dossier->lane,
                      .pos = (int64_t)tables->lane_len[lane] + 1,
                      .seq = ++dossier->seq,
                      .recorded_ms = sim_wall(),
                      .dossier = d,
                      .kind = (unsigned)sim_below(KINDS)};
    dossier->rows[r->seq - 1] = n;
    tables->lane_rows[lane][tables->lane_len[lane]++] = n;
    for (unsigned e = 0; e < tables->endpoint_count; e++) {
        const struct endpoint_row *endpoint = &tables->endpoints[e];
        bool leg = strchr(endpoint->legs, dossier->leg) != NULL;
        tables->truth[e][n].wanted =
            endpoint->unit_wanted[dossier->unit] && endpoint->kind_wanted[r->kind] && leg;
    }
}

static void on_news(void *arg, uint64_t tag)
{
    (void)arg;
    (void)tag;
    for (int64_t burst = sim_chance(100) ? sim_between(1, 60) : sim_between(1, 4);
         burst > 0 && rows_to_come > 0; burst--, rows_to_come--)
        append_row((unsigned)sim_below(tables->dossier_count));
    db_notify(processes, 2, "dt_journey");
    int64_t left = safety_ends - sim_now();
    if (rows_to_come > 0 && left > 0)
        sim_after(NULL, sim_between(0, 5 * left / (int64_t)(rows_to_come + 1)), on_news, NULL, 0);
}

// ---------------------------------------------------------------- what goes wrong

static void on_back(void *arg, uint64_t tag)
{
    (void)arg;
    office_set((unsigned)tag, OFFICE_OK);
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

static void on_active(void *arg, uint64_t tag)
{
    struct endpoint_row *e = &tables->endpoints[tag];
    (void)arg;
    if (strcmp(e->status, "active") == 0)
        return;
    sim_trace("an operator makes endpoint %u active", (unsigned)tag);
    (void)snprintf(e->status, sizeof e->status, "active");
    db_notify(processes, 2, "dt_endpoint");
}

static void let_office(enum office_mood mood, int64_t longest_ms)
{
    unsigned i = (unsigned)sim_below(tables->endpoint_count);
    office_set(i, mood);
    sim_after(NULL, sim_between(10, longest_ms), on_back, NULL, i);
}

static void operate(void)
{
    unsigned i = (unsigned)sim_below(tables->endpoint_count);
    sim_trace("an operator pauses endpoint %u", i);
    (void)snprintf(tables->endpoints[i].status, sizeof tables->endpoints[i].status, "paused");
    sim_after(NULL, sim_between(100, 20000), on_active, NULL, i);
    db_notify(processes, 2, "dt_endpoint");
}

static void ask_for_replay(void)
{
    unsigned n = tables->replay_count, e = (unsigned)sim_below(tables->endpoint_count);
    unsigned d = sim_chance(800) ? (unsigned)sim_below(tables->dossier_count) : DOSSIERS;
    unsigned lane =
        d == DOSSIERS ? (unsigned)sim_below(tables->lane_count) : (unsigned)tables->dossiers[d].lane;
    int64_t newest = d == DOSSIERS ? tables->published[lane] : tables->dossiers[d].seq;
    if (newest == 0 || n == ARRAY_LEN(tables->replays))
        return;
    for (unsigned i = 0; i < n; i++) {
        if (tables->replays[i].endpoint == e && tables->replays[i].dossier == d)
            return; // the primary key
    }
    int64_t from = sim_between(newest > 12 ? newest - 12 : 1, newest + (d < DOSSIERS ? 3 : 0));
    tables->replays[tables->replay_count++] = (typeof(tables->replays[0])){e, d, (int16_t)lane, from};
    sim_trace("replay asked for: endpoint %u %s %u from %" PRId64, e, d == DOSSIERS ? "lane" : "dossier",
              d == DOSSIERS ? lane : d, from);
    db_notify(processes, 2, "dt_endpoint");
}

static void break_something(enum sim_fault fault)
{
    struct process *p = sim_chance(700) || !b.life ? &a : &b;
    switch (fault) {
    case FAULT_DB_DOWN:
        db_server_down(processes, 2);
        sim_after(NULL, sim_between(10, 30000), on_server_back, NULL, 0);
        break;
    case FAULT_CRASH:
        process_kill(p);
        sim_after(NULL, sim_between(0, 5000), on_restart, p, 0);
        break;
    case FAULT_FREEZE:
        process_freeze(p, sim_chance(500) ? sim_between(10, 3000) : sim_between(3000, 40000));
        break;
    case FAULT_RESTART:
        process_stop(p);
        sim_after(NULL, sim_between(20000, 25000), on_restart, p, 0);
        break;
    case FAULT_PEER_ERROR:
        let_office(OFFICE_ERROR, sim_chance(200) ? total_ms() * 3 / 2 : 20000);
        break;
    case FAULT_PEER_THROTTLE:
        let_office(OFFICE_THROTTLE, 10000);
        break;
    case FAULT_PEER_SLOW:
        let_office(OFFICE_SLOW, 30000);
        break;
    case FAULT_PEER_DEAD:
        let_office(OFFICE_DEAD, sim_chance(400) ? total_ms() * 3 / 2 : 20000);
        break;
    case FAULT_PEER_GONE:
        if (sim_chance(300)) {
            let_office(OFFICE_GONE, 3000);
            sim_after(NULL, sim_between(4000, 20000), on_active, NULL, sim_below(tables->endpoint_count));
        }
        break;
    case FAULT_OPERATOR:
        operate();
        break;
    case FAULT_REPLAY:
        ask_for_replay();
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
    sim_after(NULL, sim_between(50, 3000), on_trouble, NULL, 0);
}

// ---------------------------------------------------------------- the two phases

static void heal(void)
{
    sim_trace("---- all is well from now on");
    sim_heal();
    db_server_up(processes, 2);
    for (unsigned i = 0; i < tables->endpoint_count; i++) {
        office_set(i, OFFICE_OK);
        on_active(NULL, i);
    }
    for (unsigned i = 0; i < 2; i++) {
        processes[i]->frozen_until = 0;
        if (processes[i]->life && !processes[i]->alive)
            process_start(processes[i]);
    }
}

// Processes that were told to stop come back, 410s that were on their way are undone.
static void keep_well(void)
{
    for (unsigned i = 0; i < 2; i++) {
        if (processes[i]->life && !processes[i]->alive)
            process_start(processes[i]);
    }
    for (unsigned i = 0; i < tables->endpoint_count; i++)
        on_active(NULL, i);
}

static void drain(int64_t limit_ms, bool but_poison)
{
    int64_t ends = sim_now() + limit_ms, look = sim_now();
    while (sim_now() < ends) {
        look += 500;
        while (sim_step(look))
            continue;
        keep_well();
        if (truth_drained(but_poison))
            return;
    }
    truth_end(but_poison);
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

void run_webhook(void)
{
    make_knobs();
    make_tables();
    office_reset();
    lease_reset();
    db_store = &webhook_store;
    fetch_peer = &webhook_offices;
    sim_heard = truth_heard;
    process_init(&a, "A", &role);
    process_init(&b, "B", &role);
    rows_to_come = (unsigned)(sim_chance(40) ? sim_between(800, 1500) : sim_between(5, 250));
    safety_ends = sim_between(5000, total_ms() < 200000 ? 200000 : 100000);
    process_start(&a);
    if (sim_has(FAULT_STANDBY))
        process_start(&b);
    sim_after(NULL, 0, on_news, NULL, 0);
    sim_after(NULL, 500, on_trouble, NULL, 0);
    while (sim_step(safety_ends))
        continue;
    heal();
    while (rows_to_come > 0)
        on_news(NULL, 0);
    drain(total_ms() / 2 + 120000, true);
    if (!truth_drained(false)) { // a living office that never takes one dossier: its first event is given up
        for (int64_t ends = sim_now() + total_ms() * 12 / 10; sim_now() < ends && sim_step(ends);)
            continue;
        for (unsigned i = 0; i < tables->dossier_count; i++)
            tables->dossiers[i].poison = false;
        drain(total_ms() / 2 + 120000, false);
    }
    stop_all();
    truth_end(false);
}
