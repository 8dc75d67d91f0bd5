// SPDX-License-Identifier: EUPL-1.2
// The command: configuration, one loop, then PREPARING (prepare.h) → days (play.h), one after the other →
// CLOSING, when the handles close and the loop runs dry. SIGINT or SIGTERM breaks the day off; a second one
// ends at once.
#include "simulate/simulate.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "simulate/play.h"
#include "simulate/prepare.h"
#include "simulate/sim.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define AT_ONCE     64 // requests
#define PER_HOST    48
#define WAITING     4096
#define NEXT_DAY_MS 1500 // between the summary of a day and the next one

struct run {
    struct sim sim;
    struct prepare *prepare; // while it runs
    struct play *play;       // while it runs
    uv_signal_t signals[2];
    uv_timer_t pause;
    bool closing, broken_off;
    size_t mismatches; // of the days that are over
    int code;
};

static void on_pause(uv_timer_t *timer);

// ---- closing

static void on_gone(void *owner)
{
    (void)owner;
}

static void close_all(struct run *r)
{
    struct sim *sim = &r->sim;
    if (r->closing)
        return;
    r->closing = sim->ending = true;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&r->signals[i], NULL);
    uv_close((uv_handle_t *)&r->pause, NULL);
    for (size_t i = 0; sim->handhelds && i < sim->options.plan.devices; i++)
        handheld_close(&sim->handhelds[i]);
    office_close(&sim->office);
    if (sim->sink)
        sink_close(sim->sink, on_gone, NULL);
    phones_close(sim->phones, on_gone, NULL);
    fetch_close(sim->fetcher, NULL, NULL);
}

// ---- days

static bool is_quiet(const struct sim *sim)
{
    for (size_t i = 0; i < sim->options.plan.devices; i++)
        if (sim->handhelds[i].state == HANDHELD_SENDING || sim->handhelds[i].state == HANDHELD_OPENING)
            return false;
    return !office_under_way(&sim->office);
}

static void fail(struct run *r, int code, const char *what, int err)
{
    (void)fprintf(stderr, "duongthu simulate: %s: %s\n", what, err_name(err));
    r->code = code;
    close_all(r);
}

// What the state remembers of a handheld that still holds scans would be wrong: it has lost its storage.
static void save(struct run *r, bool put_away)
{
    struct sim *sim = &r->sim;
    char error[1400];
    for (size_t i = 0; put_away && i < sim->options.plan.devices; i++)
        if (sim->handhelds[i].count > 0)
            sim->store.devices[i].storage_lost = true;
    if (store_save(&sim->store, put_away, error, sizeof error) != ERR_OK) {
        (void)fprintf(stderr, "duongthu simulate: %s\n", error);
        r->code = r->code ? r->code : 1;
    }
}

static void on_day_done(void *owner)
{
    struct run *r = owner;
    struct sim *sim = &r->sim;
    r->play = NULL;
    story_end(&sim->story, &sim->day, &sim->ledger, &sim->notes, r->broken_off);
    r->mismatches += sim->notes.count;
    sim->ending = true; // nothing new until the next day begins
    if (sim->options.once || r->broken_off)
        close_all(r);
    else
        (void)uv_timer_start(&r->pause, on_pause, NEXT_DAY_MS, NEXT_DAY_MS);
}

static int begin_day(struct run *r)
{
    struct sim *sim = &r->sim;
    int64_t now = clock_wall_ms();
    struct day_numbers numbers = store_take_numbers(&sim->store, &sim->plan);
    int err = day_init(&sim->day, &sim->plan, now, &numbers);
    if (err == ERR_OK)
        err = ledger_init(&sim->ledger, &sim->day);
    if (err == ERR_OK)
        err = office_begin_day(&sim->office);
    if (err != ERR_OK)
        return err;
    sim->now = 0;
    sim->ending = false;
    sim->store.days++;
    save(r, false);
    story_begin(&sim->story, &sim->day, &sim->options, sim->day.plan.options.day + 1);
    return play_start(sim, on_day_done, r, &r->play);
}

static void on_pause(uv_timer_t *timer)
{
    struct run *r = CONTAINER_OF(timer, struct run, pause);
    struct sim *sim = &r->sim;
    if (!is_quiet(sim))
        return; // it comes again
    (void)uv_timer_stop(timer);
    sim->options.plan.day++;
    day_done(&sim->day);
    ledger_done(&sim->ledger);
    notes_done(&sim->notes);
    int err = plan_build(&sim->options.plan, &sim->plan);
    if (err == ERR_OK)
        err = begin_day(r);
    if (err != ERR_OK)
        fail(r, 1, "the next day can't be played", err);
}

static int load_keys(struct sim *sim)
{
    int err = ERR_OK;
    for (size_t i = 0; i < sim->options.plan.devices && err == ERR_OK; i++)
        err = crypto_p256_load_private(sim->store.devices[i].key, &sim->handhelds[i].key);
    return err;
}

static void on_prepared(void *owner, int code)
{
    struct run *r = owner;
    struct sim *sim = &r->sim;
    r->prepare = NULL;
    sim->store.places = code == 0 && !r->broken_off ? sim->plan.places : sim->store.places;
    if (code != 0)
        for (size_t i = 0; i < sim->notes.kept; i++)
            (void)fprintf(stderr, "duongthu simulate: %s\n", sim->notes.list[i]);
    r->code = code;
    if (code != 0 || r->broken_off) {
        close_all(r);
        return;
    }
    notes_done(&sim->notes); // what strays still sent until prepare.c took them away is nothing of the day
    int err = load_keys(sim);
    if (err == ERR_OK)
        err = begin_day(r);
    if (err != ERR_OK)
        fail(r, 1, "the day can't be played", err);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct run *r = handle->data;
    struct sim *sim = &r->sim;
    (void)number;
    r->broken_off = true;
    if (r->prepare) {
        sim->ending = true;
        prepare_stop(r->prepare);
    } else if (r->play) {
        play_break_off(r->play);
    } else {
        close_all(r);
    }
}

// ---- opening

// "http://" and a listen address of the configuration, as one reaches it from this machine.
static void url_of(const char *given, const char *section, char out[SIM_URL_MAX])
{
    const char *listen = conf_text(section, "listen");
    const char *port = strrchr(listen, ':');
    bool any = strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;
    if (given)
        (void)snprintf(out, SIM_URL_MAX, "%.*s", (int)(strlen(given) - (given[strlen(given) - 1] == '/')),
                       given);
    else
        (void)snprintf(out, SIM_URL_MAX, "http://%s%s", any ? "127.0.0.1" : listen, any ? port : "");
}

static int open_sink(struct sim *sim)
{
    int err = sink_create(sim, &sim->sink);
    if (err != 0)
        return err;
    sim->store.sink_port = sink_port(sim->sink);
    return ERR_OK;
}

static int open_actors(struct run *r)
{
    static const struct fetch_options fetching = {.max_in_flight = AT_ONCE,
                                                  .max_waiting = WAITING,
                                                  .max_per_host = PER_HOST,
                                                  .user_agent = "duongthu/1 (+simulate)"};
    struct sim *sim = &r->sim;
    int err = fetch_create(&sim->loop, &fetching, &sim->fetcher);
    if (err == ERR_OK)
        err = open_sink(sim);
    if (err != ERR_OK)
        return err;
    office_init(&sim->office, sim);
    audit_init(&sim->audit, sim);
    sim->handhelds = calloc(sim->options.plan.devices, sizeof *sim->handhelds);
    if (!sim->handhelds)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < sim->options.plan.devices && err == ERR_OK; i++)
        err = handheld_init(&sim->handhelds[i], sim, i);
    return err;
}

static int open_phones(struct run *r)
{
    int err = phones_create(&r->sim, &r->sim.phones);
    if (err == ERR_CONFIG)
        story_say(&r->sim.story, "SMS leave through somebody else's gateway, so they are not checked here.");
    return err == ERR_CONFIG ? ERR_OK : err;
}

static int open_loop(struct run *r)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    struct sim *sim = &r->sim;
    int err = uv_loop_init(&sim->loop);
    for (size_t i = 0; i < 2 && err == 0; i++) {
        err = uv_signal_init(&sim->loop, &r->signals[i]);
        r->signals[i].data = r;
        if (err == 0)
            err = uv_signal_start(&r->signals[i], on_signal, numbers[i]);
    }
    if (err == 0)
        err = uv_timer_init(&sim->loop, &r->pause);
    return err;
}

static int open_files(struct run *r)
{
    struct sim *sim = &r->sim;
    char error[1400];
    int err = store_open(&sim->store, sim->options.state, error, sizeof error);
    if (err == ERR_OK)
        err = history_open(&sim->history, sim->options.history, error, sizeof error);
    if (err != ERR_OK)
        (void)fprintf(stderr, "duongthu simulate: %s\n", error);
    return err;
}

// Commands that the simulator runs read the same configuration.
static void share_config(void)
{
    char path[4096];
    if (conf_path() && realpath(conf_path(), path))
        (void)setenv("DUONGTHU_CONFIG", path, 1);
}

static void done(struct run *r)
{
    struct sim *sim = &r->sim;
    for (unsigned i = 0; sim->handhelds && i < sim->options.plan.devices; i++)
        handheld_done(&sim->handhelds[i]);
    free(sim->handhelds);
    office_done(&sim->office);
    day_done(&sim->day);
    plan_free(&sim->plan);
    ledger_done(&sim->ledger);
    notes_done(&sim->notes);
    history_close(&sim->history);
    crypto_wipe(&sim->store, sizeof sim->store);
}

static int run(struct run *r)
{
    struct sim *sim = &r->sim;
    int err = open_loop(r);
    if (err == 0)
        err = open_actors(r);
    if (err == ERR_OK)
        err = open_phones(r);
    if (err == ERR_OK)
        err = plan_build(&sim->options.plan, &sim->plan);
    if (err == ERR_OK)
        err = prepare_start(sim, on_prepared, r, &r->prepare);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "duongthu simulate: can't start: %s\n", err_name(err));
        return 1;
    }
    (void)uv_run(&sim->loop, UV_RUN_DEFAULT);
    save(r, true);
    if (uv_loop_close(&sim->loop) != 0)
        (void)fprintf(stderr,
                      "duongthu simulate: a handle was left open\n"); // our own bug; the day is told anyway
    return r->code ? r->code : r->mismatches > 0;
}

int simulate_run(int argc, char **argv)
{
    static struct run r; // large: keys of all handhelds
    int code = options_parse(argc, argv, &r.sim.options);
    if (code >= 0)
        return code;
    if (conf_load(r.sim.options.config, stderr) != ERR_OK)
        return EX_CONFIG;
    share_config();
    (void)signal(SIGPIPE, SIG_IGN);
    if (!r.sim.options.seed_given)
        r.sim.options.plan.seed = random_below(1000000);
    story_init(&r.sim.story, r.sim.options.quiet);
    url_of(r.sim.options.ingest_url, "ingest", r.sim.ingest_url);
    url_of(r.sim.options.portal_url, "portal", r.sim.portal_url);
    code = open_files(&r) == ERR_OK ? run(&r) : EX_CONFIG;
    done(&r);
    return code;
}
