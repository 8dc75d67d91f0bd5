// SPDX-License-Identifier: EUPL-1.2
// Gateway `file`: a message is accepted when its line is on disk (O_APPEND, fsync). Writing happens on the
// thread pool: a slow disk must not stop the loop. The file is opened for each message, so it may be rotated
// by renaming.
#include "sms/gateway.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

struct file_gateway {
    struct gateway base;
    uv_loop_t *loop;
    char path[1024];
    uv_async_t closing; // turns close() into a callback from the loop
    void (*closed)(void *owner);
    void *closed_owner;
};

struct file_job {
    uv_work_t work;
    struct file_gateway *gateway;
    struct buf line;
    gateway_done done;
    void *owner;
    enum sms_answer answer;
    char why[64];
};

static int open_file(const char *path)
{
    return open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

// Does the file end in the middle of a line? A full disk tore it; what follows must not be lost with it.
static bool is_torn(int fd)
{
    struct stat st;
    char last;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
           pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

// On the thread pool. A line that may have been written in part is `lost`, not `later`.
static void on_work(uv_work_t *work)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    job->answer = SMS_ANSWER_LATER;
    int fd = open_file(job->gateway->path);
    if (fd < 0) {
        snprintf(job->why, sizeof job->why, "open: %s", strerrordesc_np(errno));
        return;
    }
    size_t skip = is_torn(fd) ? 0 : 1; // the line brings a newline before it
    size_t len = job->line.len - skip;
    ssize_t n = write(fd, job->line.data + skip, len);
    if (n == (ssize_t)len && fsync(fd) == 0)
        job->answer = SMS_ANSWER_ACCEPTED;
    else if (n != -1)
        job->answer = SMS_ANSWER_LOST;
    if (job->answer != SMS_ANSWER_ACCEPTED)
        snprintf(job->why, sizeof job->why, "write: %s", strerrordesc_np(errno));
    if (close(fd) != 0 && job->answer == SMS_ANSWER_ACCEPTED)
        job->answer = SMS_ANSWER_LOST;
}

static void on_worked(uv_work_t *work, int status)
{
    struct file_job *job = CONTAINER_OF(work, struct file_job, work);
    struct gateway_answer a = {status == 0 ? job->answer : SMS_ANSWER_LATER, "", job->why};
    job->done(job->owner, &a);
    buf_done(&job->line);
    free(job);
}

static int file_send(struct gateway *g, const struct gateway_message *m, gateway_done done, void *owner)
{
    struct file_gateway *fg = CONTAINER_OF(g, struct file_gateway, base);
    struct file_job *job = calloc(1, sizeof *job);
    if (!job)
        return ERR_NO_MEMORY;
    job->gateway = fg;
    job->done = done;
    job->owner = owner;
    buf_init(&job->line, LINE_MAX_BYTES);
    struct jout j;
    buf_putc(&job->line, '\n');
    jout_init(&j, &job->line);
    jout_open_object(&j, NULL);
    jout_time(&j, "at", clock_wall_ms());
    jout_string(&j, "reference", m->reference);
    jout_string(&j, "to", m->to);
    jout_string(&j, "template", m->name);
    jout_string(&j, "text", m->text);
    jout_close_object(&j);
    buf_putc(&job->line, '\n');
    int err = buf_error(&job->line);
    if (err == ERR_OK)
        err = uv_queue_work(fg->loop, &job->work, on_work, on_worked);
    if (err != ERR_OK) {
        buf_done(&job->line);
        free(job);
    }
    return err;
}

static void on_handle_closed(uv_handle_t *h)
{
    struct file_gateway *fg = h->data;
    fg->closed(fg->closed_owner);
    free(fg);
}

static void file_close(struct gateway *g, void (*closed)(void *owner), void *owner)
{
    struct file_gateway *fg = CONTAINER_OF(g, struct file_gateway, base);
    fg->closed = closed;
    fg->closed_owner = owner;
    uv_close((uv_handle_t *)&fg->closing, on_handle_closed);
}

static void on_async(uv_async_t *a)
{
    (void)a;
}

int gateway_file_create(uv_loop_t *loop, const struct gateway_options *o, struct gateway **ret_gateway,
                        char *error, size_t cap)
{
    static const struct gateway_way way = {file_send, file_close};
    struct file_gateway *fg = calloc(1, sizeof *fg);
    if (!fg)
        return ERR_NO_MEMORY;
    int n = snprintf(fg->path, sizeof fg->path, "%s", o->file);
    int fd = n < 0 || (size_t)n >= sizeof fg->path ? -1 : open_file(fg->path);
    if (fd < 0) {
        snprintf(error, cap, "[sms] file = %s can't be opened for appending: %s", o->file,
                 strerrordesc_np(errno));
        free(fg);
        return ERR_CONFIG;
    }
    (void)close(fd);
    fg->base.way = &way;
    fg->loop = loop;
    int err = uv_async_init(loop, &fg->closing, on_async);
    if (err) {
        free(fg);
        return err;
    }
    fg->closing.data = fg;
    uv_unref((uv_handle_t *)&fg->closing);
    *ret_gateway = &fg->base;
    return ERR_OK;
}
