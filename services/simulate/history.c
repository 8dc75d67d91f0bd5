// SPDX-License-Identifier: EUPL-1.2
#include "simulate/history.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES (1 << 18)

static FILE *open_file(const char *dir, const char *name)
{
    char path[1200];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "a") : NULL;
    if (!f && fd >= 0)
        (void)close(fd);
    return f;
}

int history_open(struct history *h, const char *dir, char *error, size_t cap)
{
    char name[32];
    *h = (struct history){0};
    if (!dir)
        return ERR_OK;
    bool ok = mkdir(dir, 0700) == 0 || errno == EEXIST;
    ok = ok && (h->handhelds = open_file(dir, "handhelds.jsonl")) && (h->sms = open_file(dir, "sms.jsonl"));
    for (size_t i = 0; ok && i < STORE_ENDPOINTS; i++) {
        (void)snprintf(name, sizeof name, "sink-%zu.jsonl", i);
        ok = (h->sinks[i] = open_file(dir, name)) != NULL;
    }
    if (ok)
        return ERR_OK;
    (void)snprintf(error, cap, "%s: can't be written: %s", dir, strerrordesc_np(errno));
    history_close(h);
    return ERR_IO;
}

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
    *f = NULL;
}

void history_close(struct history *h)
{
    close_file(&h->handhelds);
    close_file(&h->sms);
    for (size_t i = 0; i < STORE_ENDPOINTS; i++)
        close_file(&h->sinks[i]);
}

// A line is in the file before what it tells of goes on: a killed simulator leaves no gap.
static void end_line(FILE *f, struct jout *j)
{
    jout_close_object(j);
    buf_putc(j->out, '\n');
    if (buf_error(j->out) == ERR_OK) {
        (void)fwrite(j->out->data, 1, j->out->len, f);
        (void)fflush(f);
    }
    buf_done(j->out);
}

static void begin_line(struct jout *j, struct buf *out)
{
    buf_init(out, LINE_MAX_BYTES);
    jout_init(j, out);
    jout_open_object(j, NULL);
    jout_int(j, "at", clock_wall_ms());
}

static void put_uuid(struct jout *j, const char *key, const uint8_t id[WIRE_UUID])
{
    char text[37];
    wire_print_uuid(id, text);
    jout_string(j, key, text);
}

static void put_scans(struct jout *j, const struct upload *u, const struct day *d)
{
    jout_open_array(j, "scans");
    for (size_t i = 0; i < u->n; i++) {
        struct buf hex;
        buf_init(&hex, 2 * FACT_DIGEST);
        buf_put_hex(&hex, d->scans[u->scans[i]].digest, FACT_DIGEST);
        jout_open_object(j, NULL);
        jout_int(j, "seq", d->scans[u->scans[i]].seq);
        jout_string(j, "digest", buf_str(&hex));
        jout_close_object(j);
        buf_done(&hex);
    }
    jout_close_array(j);
}

static void put_results(struct jout *j, const struct upload *u, const struct day *d,
                        const struct upload_result *results)
{
    jout_open_array(j, "results");
    for (size_t i = 0; results && i < u->n; i++) {
        jout_open_object(j, NULL);
        jout_int(j, "seq", d->scans[u->scans[i]].seq);
        jout_string(j, "status", wire_status_name(results[i].status));
        if (results[i].reason[0])
            jout_string(j, "reason", results[i].reason);
        if (results[i].first)
            jout_string(j, "first", wire_status_name(results[i].first));
        jout_close_object(j);
    }
    jout_close_array(j);
}

void history_upload(struct history *h, const char *type, const struct upload *u, const struct day *d,
                    const struct store_device *device, int status, const struct upload_result *results)
{
    struct buf out;
    struct jout j;
    if (!h->handhelds)
        return;
    begin_line(&j, &out);
    jout_string(&j, "type", type);
    put_uuid(&j, "device", device->id);
    jout_int(&j, "stream", device->stream_number);
    put_uuid(&j, "batch", u->batch);
    if (status > 0)
        jout_int(&j, "status", status);
    put_scans(&j, u, d);
    put_results(&j, u, d, results);
    end_line(h->handhelds, &j);
}

static void put_header(struct jout *j, const char *name, const char *value)
{
    if (value)
        jout_string(j, name, value);
}

void history_webhook(struct history *h, unsigned sink, const struct history_webhook *w)
{
    struct buf out;
    struct jout j;
    if (!h->sinks[sink])
        return;
    begin_line(&j, &out);
    jout_int(&j, "n", (int64_t)h->lines++);
    jout_string(&j, "path", w->path);
    jout_string(&j, "mode", w->mode);
    jout_open_object(&j, "headers");
    put_header(&j, "webhook-id", w->id);
    put_header(&j, "webhook-timestamp", w->timestamp);
    put_header(&j, "webhook-signature", w->signature);
    jout_close_object(&j);
    jout_string_n(&j, "body", w->body, w->body_len);
    end_line(h->sinks[sink], &j);
}

void history_sms(struct history *h, const char *line, size_t len)
{
    struct buf out;
    struct jout j;
    if (!h->sms)
        return;
    begin_line(&j, &out);
    jout_string(&j, "mode", "ok");
    jout_raw(&j, "body", line, len);
    end_line(h->sms, &j);
}
