// SPDX-License-Identifier: EUPL-1.2
#include "flow.h"

#include "base/attr.h"
#include "base/check.h"

#define RATE_TICK_US 20000 // a limited rate is paid out in pieces of this time

void toxics_clear(struct toxics *t)
{
    *t = (struct toxics){.limit = -1, .close_ms = -1, .reset_ms = -1};
}

void flow_init(struct flow *f, uv_loop_t *loop)
{
    f->eof_us = f->fuse_us = -1;
    CHECK(uv_timer_init(loop, &f->timer) == 0);
    f->timer.data = f;
}

static int64_t now_us(void)
{
    return (int64_t)(uv_hrtime() / 1000);
}

static void end(struct flow *f, enum flow_end how)
{
    if (f->over)
        return;
    f->over = true;
    (void)uv_timer_stop(&f->timer);
    f->on_end(f, how);
}

static void on_timer(uv_timer_t *timer)
{
    flow_step(timer->data);
}

static void wake_at(struct flow *f, int64_t at_us)
{
    int64_t wait = at_us - now_us();
    CHECK(uv_timer_start(&f->timer, on_timer, wait > 0 ? (uint64_t)(wait + 999) / 1000 : 0, 0) == 0);
}

// ---- reading

// splitmix64: 0 ≤ n < below
static int64_t draw(uint64_t *state, int64_t below)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)((z ^ (z >> 31)) % (uint64_t)below);
}

// n new bytes are in the ring: when may they leave? Never before older ones. Without room for another mark
// they wait with the last.
static void mark(struct flow *f, size_t n)
{
    const struct toxics *t = f->toxics;
    int64_t late_ms = t->latency_ms;
    if (t->jitter_ms > 0)
        late_ms += draw(f->dice, 2 * t->jitter_ms + 1) - t->jitter_ms;
    int64_t due = now_us() + (late_ms > 0 ? late_ms * 1000 : 0);
    f->len += n;
    f->taken += n;
    unsigned last = (f->mark_head + f->mark_count - 1) % FLOW_MARKS;
    if (f->mark_count > 0 && due < f->marks[last].due_us)
        due = f->marks[last].due_us;
    if (f->mark_count == FLOW_MARKS || (f->mark_count > 0 && due == f->marks[last].due_us)) {
        f->marks[last].end = f->taken;
        f->marks[last].due_us = due;
        return;
    }
    unsigned next = (f->mark_head + f->mark_count++) % FLOW_MARKS;
    f->marks[next].end = f->taken;
    f->marks[next].due_us = due;
}

// The free part of the ring that begins behind its last byte.
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct flow *f = handle->data;
    size_t tail = (f->head + f->len) % FLOW_BYTES;
    size_t room = FLOW_BYTES - f->len;
    size_t straight = FLOW_BYTES - tail;
    *out = uv_buf_init(f->ring + tail, (unsigned)(room < straight ? room : straight));
}

// libuv calls it the end when a reset comes together with the last bytes; the socket knows better.
static bool was_reset(const uv_stream_t *stream)
{
    uv_os_fd_t fd = -1;
    int error = 0;
    socklen_t size = sizeof error;
    return uv_fileno((const uv_handle_t *)stream, &fd) == 0 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error != 0;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
    (void)in;
    struct flow *f = stream->data;
    if (n < 0 && (n != UV_EOF || was_reset(stream))) {
        flow_break(f);
        return;
    }
    if (n < 0) {
        f->eof_us = now_us();
        f->reading = false;
        (void)uv_read_stop(stream);
    } else if (n > 0) {
        *f->bytes += (uint64_t)n;
        if (f->hole || f->toxics->swallow) {
            f->hole = true;
            if (f->fuse_us < 0)
                f->fuse_us = now_us();
        } else {
            mark(f, (size_t)n);
        }
    }
    flow_step(f);
}

static bool read_more(struct flow *f)
{
    bool want = f->eof_us < 0 && f->len < FLOW_BYTES;
    if (want == f->reading)
        return true;
    f->reading = want;
    f->from->data = f;
    return (want ? uv_read_start(f->from, on_alloc, on_read) : uv_read_stop(f->from)) == 0;
}

// ---- writing

static void on_written(uv_write_t *write, int status)
{
    struct flow *f = CONTAINER_OF(write, struct flow, write);
    f->writing = false;
    if (f->over)
        return;
    if (status < 0) {
        end(f, FLOW_BROKEN);
        return;
    }
    f->head = (f->head + f->in_write) % FLOW_BYTES;
    f->len -= f->in_write;
    f->given += f->in_write;
    while (f->mark_count > 0 && f->marks[f->mark_head].end <= f->given) {
        f->mark_head = (f->mark_head + 1) % FLOW_MARKS;
        f->mark_count--;
    }
    flow_step(f);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
    struct flow *f = CONTAINER_OF(shutdown, struct flow, shutdown);
    if (!f->over)
        end(f, status < 0 ? FLOW_BROKEN : FLOW_DONE);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

// How many bytes from the head on have waited long enough? 0: *ret_at says when the first have.
static int64_t due_bytes(const struct flow *f, int64_t now, int64_t *ret_at)
{
    int64_t n = 0;
    for (unsigned i = 0; i < f->mark_count; i++) {
        unsigned at = (f->mark_head + i) % FLOW_MARKS;
        if (f->marks[at].due_us > now) {
            *ret_at = f->marks[at].due_us;
            break;
        }
        n = (int64_t)(f->marks[at].end - f->given);
    }
    return n;
}

// How many of n due bytes go in the next write.
static int64_t portion(const struct flow *f, int64_t n)
{
    const struct toxics *t = f->toxics;
    n = least(n, (int64_t)(FLOW_BYTES - f->head));
    if (t->slice > 0)
        n = least(n, t->slice);
    if (t->rate > 0) {
        int64_t tick = t->rate * RATE_TICK_US / 1000000;
        n = least(n, tick > 0 ? tick : 1);
    }
    if (t->limit >= 0)
        n = least(n, t->limit - (int64_t)f->given);
    return n;
}

static void start_write(struct flow *f, int64_t n, int64_t now)
{
    const struct toxics *t = f->toxics;
    // A timer is late by up to a millisecond and more: what a rate lost by that it may catch up within a
    // tick.
    if (t->rate > 0)
        f->pace_us = (f->pace_us > now - RATE_TICK_US ? f->pace_us : now) + n * 1000000 / t->rate;
    else
        f->pace_us = 0;
    if (t->slice > 0 && t->slice_pause_ms > 0 && f->pace_us < now + t->slice_pause_ms * 1000)
        f->pace_us = now + t->slice_pause_ms * 1000;
    f->in_write = (size_t)n;
    uv_buf_t out = uv_buf_init(f->ring + f->head, (unsigned)n);
    f->writing = uv_write(&f->write, f->to, &out, 1, on_written) == 0;
    if (!f->writing)
        end(f, FLOW_BROKEN);
}

// The stream's end, when all before it has left.
static void pass_end(struct flow *f, int64_t now)
{
    int64_t at = f->eof_us + (f->toxics->latency_ms + f->toxics->slow_close_ms) * 1000;
    if (at > now) {
        wake_at(f, at);
        return;
    }
    if (f->broken) {
        end(f, FLOW_RESET);
        return;
    }
    f->shutting = uv_shutdown(&f->shutdown, f->to, on_shut) == 0;
    if (!f->shutting)
        end(f, FLOW_BROKEN);
}

// What was swallowed is gone, so this connection can only end. True: it did.
static bool burn(struct flow *f, int64_t now)
{
    const struct toxics *t = f->toxics;
    if (!f->hole)
        return false;
    if (!t->swallow) { // healed
        end(f, FLOW_RESET);
        return true;
    }
    int64_t wait_ms = t->reset_ms >= 0 ? t->reset_ms : t->close_ms;
    if (wait_ms < 0)
        return false;
    if (now < f->fuse_us + wait_ms * 1000) {
        wake_at(f, f->fuse_us + wait_ms * 1000);
        return false;
    }
    end(f, t->reset_ms >= 0 ? FLOW_RESET : FLOW_CLOSED);
    return true;
}

void flow_step(struct flow *f)
{
    const struct toxics *t = f->toxics;
    int64_t now = now_us();
    if (f->over || f->shutting || burn(f, now))
        return;
    if (!read_more(f)) {
        flow_break(f);
        return;
    }
    if (f->writing || t->stall || t->swallow)
        return;
    if (t->limit >= 0 && (int64_t)f->given >= t->limit && (f->given > 0 || f->len > 0)) {
        end(f, FLOW_CLOSED);
        return;
    }
    if (f->len == 0) {
        if (f->eof_us >= 0)
            pass_end(f, now);
        return;
    }
    int64_t at = f->pace_us;
    int64_t n = due_bytes(f, now, &at);
    if (n > 0 && f->pace_us <= now)
        start_write(f, portion(f, n), now);
    else
        wake_at(f, n > 0 || at < f->pace_us ? f->pace_us : at);
}

void flow_break(struct flow *f)
{
    if (f->over || f->broken)
        return;
    f->broken = true;
    if (f->eof_us < 0)
        f->eof_us = now_us();
    if (f->reading)
        (void)uv_read_stop(f->from);
    f->reading = false;
    if (!f->shutting)
        flow_step(f);
}
