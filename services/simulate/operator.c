// SPDX-License-Identifier: EUPL-1.2
#include "simulate/operator.h"

#include "base/check.h"
#include "base/err.h"

#include <signal.h>
#include <stdint.h>

static void on_closed(uv_handle_t *handle)
{
    struct operator* op = handle->data;
    if (--op->open > 0)
        return;
    op->busy = false;
    struct buf texts[2] = {op->texts[0], op->texts[1]};
    op->done(op->owner, op->code, buf_str(&texts[0]), buf_str(&texts[1])); // may run the next command
    buf_done(&texts[0]);
    buf_done(&texts[1]);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

static void on_exit(uv_process_t *process, int64_t code, int signal)
{
    struct operator* op = process->data;
    op->code = signal ? -1 : (int)code;
    close_handle((uv_handle_t *)&op->limit);
    close_handle((uv_handle_t *)process);
}

static void on_limit(uv_timer_t *timer)
{
    struct operator* op = timer->data;
    (void)uv_process_kill(&op->process, SIGKILL);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    static char room[16384]; // read and copied before the next one is asked for
    (void)handle;
    (void)suggested;
    *ret = uv_buf_init(room, sizeof room);
}

static void on_text(uv_stream_t *stream, ssize_t n, const uv_buf_t *text)
{
    struct operator* op = stream->data;
    if (n > 0)
        buf_append(&op->texts[stream == (uv_stream_t *)&op->pipes[1]], text->base, (size_t)n);
    else if (n < 0)
        close_handle((uv_handle_t *)stream);
}

void operator_init(struct operator* op, uv_loop_t *loop)
{
    *op = (struct operator){.loop = loop};
}

static void open_handles(struct operator* op)
{
    CHECK(!op->busy);
    for (int i = 0; i < 2; i++) {
        CHECK(uv_pipe_init(op->loop, &op->pipes[i], 0) == 0);
        op->pipes[i].data = op;
        buf_init(&op->texts[i], OPERATOR_OUTPUT_MAX);
    }
    CHECK(uv_timer_init(op->loop, &op->limit) == 0);
    op->limit.data = op->process.data = op;
    op->open = 4;
    op->code = -1;
    op->busy = true;
}

int operator_run(struct operator* op, const char *const *argv, operator_done done, void *owner)
{
    const char *args[OPERATOR_ARGS_MAX + 2] = {"duongthu"};
    size_t n = 1;
    while (argv[n - 1]) {
        CHECK(n <= OPERATOR_ARGS_MAX);
        args[n] = argv[n - 1];
        n++;
    }
    open_handles(op);
    op->done = done;
    op->owner = owner;
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}};
    for (int i = 0; i < 2; i++) {
        stdio[i + 1].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
        stdio[i + 1].data.stream = (uv_stream_t *)&op->pipes[i];
    }
    const uv_process_options_t options = {.exit_cb = on_exit,
                                          .file = "/proc/self/exe",
                                          .args = (char **)(uintptr_t)args, // copied by exec
                                          .stdio = stdio,
                                          .stdio_count = 3};
    int err = uv_spawn(op->loop, &op->process, &options);
    if (err == 0)
        err = uv_timer_start(&op->limit, on_limit, OPERATOR_LIMIT_MS, 0);
    if (err == 0)
        err = uv_read_start((uv_stream_t *)&op->pipes[0], on_room, on_text);
    if (err == 0)
        err = uv_read_start((uv_stream_t *)&op->pipes[1], on_room, on_text);
    if (err == 0)
        return ERR_OK;
    buf_puts(&op->texts[1], uv_strerror(err)); // told through done, like any failure
    close_handle((uv_handle_t *)&op->pipes[0]);
    close_handle((uv_handle_t *)&op->pipes[1]);
    close_handle((uv_handle_t *)&op->limit);
    close_handle((uv_handle_t *)&op->process);
    return ERR_OK;
}

void operator_stop(struct operator* op)
{
    if (op->busy && uv_is_active((uv_handle_t *)&op->process))
        (void)uv_process_kill(&op->process, SIGTERM);
}
