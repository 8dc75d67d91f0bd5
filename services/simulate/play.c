// SPDX-License-Identifier: EUPL-1.2
#include "simulate/play.h"

#include "base/clock.h"
#include "base/err.h"
#include "simulate/sim.h"
#include "simulate/verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define TICK_MS       20
#define LOOK_AGAIN_MS 400  // between two looks at what is still missing
#define FAREWELL_MS   2000 // for what is under way when the day is broken off
#define LEAP_S        1800 // a tick that took long (a machine that slept) plays no more than this

enum play_state { PLAYING, SETTLING };

struct play {
    struct sim *sim;
    enum play_state state;
    double second; // played so far
    size_t next_scan, next_call;
    int64_t ticked; // monotonic
    int64_t until;  // monotonic: the end of patience
    bool broken_off, looking;
    int64_t look_at; // monotonic
    uv_timer_t tick;
    void (*done)(void *owner);
    void *owner;
};

// ---- the end

static void on_closed(uv_handle_t *handle)
{
    struct play *p = CONTAINER_OF((uv_timer_t *)handle, struct play, tick);
    void (*done)(void *) = p->done;
    void *owner = p->owner;
    free(p);
    done(owner);
}

static void end(struct play *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->tick))
        uv_close((uv_handle_t *)&p->tick, on_closed);
}

static void add_all(struct notes *to, const struct notes *from)
{
    for (size_t i = 0; i < from->kept; i++)
        note(to, "%s", from->list[i]);
    to->count += from->count - from->kept;
}

// What is missing is wrong only when it had its time.
static void judge(struct play *p, bool *ret_complete)
{
    struct sim *sim = p->sim;
    struct notes wrong, missing;
    const struct verdict_input in = {&sim->day, &sim->ledger, phones_listen(sim->phones)};
    notes_init(&wrong);
    notes_init(&missing);
    int err = verdict_check(&in, &wrong, &missing);
    bool over = clock_mono_ms() >= p->until;
    *ret_complete = err != ERR_OK || missing.count == 0 || over;
    if (*ret_complete) {
        add_all(&sim->notes, &wrong);
        if (!p->broken_off)
            add_all(&sim->notes, &missing);
        if (err != ERR_OK)
            note(&sim->notes, "no verdict: there was not memory enough for it");
    }
    notes_done(&wrong);
    notes_done(&missing);
}

static void on_audited(void *owner, unsigned failed)
{
    struct play *p = owner;
    struct sim *sim = p->sim;
    bool complete = false;
    p->looking = false;
    p->look_at = clock_mono_ms() + LOOK_AGAIN_MS;
    phones_poll(sim->phones);
    if (sim->ending) { // nothing could be read back, so there is nothing to judge by
        end(p);
        return;
    }
    if (failed > 0 && clock_mono_ms() < p->until)
        return; // the next look
    if (failed > 0 && !p->broken_off)
        note(&sim->notes, "%u dossiers could not be read from the office API", failed);
    judge(p, &complete);
    if (complete)
        end(p);
}

// ---- steps

static bool office_owes(const struct sim *sim, int32_t item)
{
    for (int i = 0; item != PLAN_NONE && i < 2; i++) {
        int32_t dossier = sim->day.plan.items[item].dossiers[i];
        if (dossier != PLAN_NONE && office_waits(&sim->office, dossier))
            return true;
    }
    return false;
}

// The next step, when its time has come and nothing holds it. False: none now.
static bool take_step(struct play *p)
{
    struct sim *sim = p->sim;
    const struct plan *plan = &sim->day.plan;
    const struct plan_scan *scan = p->next_scan < plan->n_scans ? &plan->scans[p->next_scan] : NULL;
    const struct plan_call *call = p->next_call < plan->n_calls ? &plan->calls[p->next_call] : NULL;
    int err;
    if (call && (!scan || call->at <= scan->at)) {
        if (call->at > p->second)
            return false;
        err = office_call(&sim->office, (int32_t)p->next_call++);
        sim->now = call->at;
    } else {
        if (!scan || scan->at > p->second)
            return false;
        if (office_owes(sim, scan->item)) {
            p->second = scan->at; // the clock stands
            return false;
        }
        err = handheld_scan(&sim->handhelds[scan->device], (int32_t)p->next_scan++);
        sim->now = scan->at;
    }
    if (err != ERR_OK)
        note(&sim->notes, "a step could not be played: %s", err_name(err));
    return true;
}

static bool all_idle(const struct sim *sim)
{
    for (size_t i = 0; i < sim->day.plan.n_devices; i++)
        if (!handheld_idle(&sim->handhelds[i]))
            return false;
    return office_idle(&sim->office);
}

static void settle(struct play *p, int64_t patience_ms)
{
    p->state = SETTLING;
    p->until = clock_mono_ms() + patience_ms;
}

static void play(struct play *p, int64_t now)
{
    struct sim *sim = p->sim;
    double ahead = (double)(now - p->ticked) / 1000.0 * sim->options.speed;
    p->second += ahead < LEAP_S || ahead < 2 * TICK_MS / 1000.0 * sim->options.speed ? ahead : LEAP_S;
    while (take_step(p)) {
    }
    bool played = p->next_scan == sim->day.plan.n_scans && p->next_call == sim->day.plan.n_calls;
    if (p->second > PLAN_DAY_S)
        p->second = PLAN_DAY_S;
    sim->now = (int32_t)p->second;
    if (played && all_idle(sim)) {
        settle(p, sim->options.settle_ms);
    } else if (played && sim->now == PLAN_DAY_S) {
        if (p->until == 0)
            p->until = now + sim->options.settle_ms;
        if (now >= p->until)
            settle(p, 0);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct play *p = CONTAINER_OF(timer, struct play, tick);
    struct sim *sim = p->sim;
    int64_t now = clock_mono_ms();
    if (p->state == PLAYING)
        play(p, now);
    p->ticked = now;
    for (size_t i = 0; i < sim->day.plan.n_devices; i++)
        handheld_step(&sim->handhelds[i]);
    office_step(&sim->office);
    story_sum(&sim->story, &sim->day, sim->now);
    if (p->state == SETTLING && !p->looking && now >= p->look_at) {
        p->looking = true;
        audit_start(&sim->audit, on_audited, p);
    }
}

void play_break_off(struct play *p)
{
    bool again = p->broken_off;
    p->broken_off = true;
    settle(p, again ? 0 : FAREWELL_MS);
    p->sim->ending = again;
    if (again)
        audit_stop(&p->sim->audit);
}

int play_start(struct sim *sim, void (*done)(void *owner), void *owner, struct play **ret_play)
{
    struct play *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    int err = uv_timer_init(&sim->loop, &p->tick);
    if (err == 0)
        err = uv_timer_start(&p->tick, on_tick, 0, TICK_MS);
    if (err != 0) {
        free(p);
        return err;
    }
    p->sim = sim;
    p->done = done;
    p->owner = owner;
    p->ticked = clock_mono_ms();
    for (size_t i = 0; i < sim->day.plan.n_devices; i++)
        handheld_begin_day(&sim->handhelds[i]);
    *ret_play = p;
    return ERR_OK;
}
