// SPDX-License-Identifier: EUPL-1.2
// libuv's timers on the virtual clock: the only part of it that the simulated services use themselves. A
// timer's own (private) members hold its callback, its repeat and the number of its last start.
#include "simulation/sim.h"

#include <uv.h>

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    timer->loop = loop;
    timer->timer_cb = NULL;
    timer->start_id = 0;
    return 0;
}

static void on_due(void *arg, uint64_t tag)
{
    uv_timer_t *timer = arg;
    if (timer->start_id != tag || !timer->timer_cb)
        return;
    uv_timer_cb call = timer->timer_cb;
    if (timer->repeat > 0)
        sim_after(process_now, (int64_t)timer->repeat, on_due, timer, tag);
    else
        timer->timer_cb = NULL;
    call(timer);
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb call, uint64_t timeout, uint64_t repeat)
{
    timer->start_id++;
    timer->timer_cb = call;
    timer->repeat = repeat;
    sim_after(process_now, (int64_t)timeout, on_due, timer, timer->start_id);
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    timer->start_id++;
    timer->timer_cb = NULL;
    return 0;
}

static void on_closed(void *arg, uint64_t tag)
{
    uv_handle_t *handle = arg;
    (void)tag;
    handle->close_cb(handle);
}

void uv_close(uv_handle_t *handle, uv_close_cb closed)
{
    (void)uv_timer_stop((uv_timer_t *)(void *)handle); // no other handle is used
    handle->close_cb = closed;
    if (closed)
        sim_after(process_now, 0, on_closed, handle, 0);
}
