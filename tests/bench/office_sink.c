// SPDX-License-Identifier: EUPL-1.2
// All one-stop offices in one process, as fast as can be: office_sink [-t FILE] [-r FILE]. Prints the port,
// answers 204 to every POST and counts it; a path that begins with /dead is taken and never answered.
//
//   → port N
//   ← expect N           → reached N FIRST LAST     microseconds of the monotonic clock: when the first
//   request
//                                                   since then began to come, when the N-th was answered
//   ← count              → count N                  answered so far
//   ← write              → written                  into FILE: "ITEM EVENT MICROSECONDS" for each answer
//
// -t: where they go. -r: writes the bytes of the first
// 2,000 requests, each behind its length in decimal and a newline, for curl_loop. It checks no signature: the
// offices' side of the work is no part of what is measured.
#include "base/attr.h"
#include "base/buf.h"
#include "base/check.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define REQUEST_MAX  (64u << 10) // bytes
#define EVENT_MAX    48          // bytes of an event's name
#define RECORDED_MAX 2000

struct client {
    uv_tcp_t tcp;
    struct buf in;
};

// Answers are written at once; what does not fit into the socket waits here.
struct reply {
    uv_write_t write;
};

struct note {
    char item[16], event[EVENT_MAX];
    uint64_t at_us;
};

static struct {
    uv_loop_t *loop;
    uv_tcp_t server;
    uv_pipe_t in;
    struct buf command;
    uint64_t answered, expect_from, expect, first_us;
    const char *times;
    FILE *record;
    unsigned recorded;
    struct note *notes;
    size_t note_count, note_cap;
} t;

static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static void copy_value(const char *body, const char *key, char *out, size_t cap)
{
    const char *at = strstr(body, key);
    size_t len = 0;
    if (at) {
        at += strlen(key);
        len = strcspn(at, "\"");
    }
    CHECK(len < cap);
    memcpy(out, at ? at : "", len);
    out[len] = '\0';
}

static void note(const char *body)
{
    if (t.note_count == t.note_cap) {
        t.note_cap = t.note_cap ? t.note_cap * 2 : 4096;
        t.notes = realloc(t.notes, t.note_cap * sizeof *t.notes);
        CHECK(t.notes);
    }
    struct note *n = &t.notes[t.note_count++];
    copy_value(body, "\"item\":\"", n->item, sizeof n->item);
    copy_value(body, "\"event\":\"", n->event, sizeof n->event);
    n->at_us = now_us();
}

static void on_closed(uv_handle_t *handle)
{
    struct client *c = CONTAINER_OF(handle, struct client, tcp);
    buf_done(&c->in);
    free(c);
}

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(CONTAINER_OF(write, struct reply, write));
}

static void reply_to(struct client *c)
{
    uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)answer, sizeof answer - 1);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &bytes, 1);
    if (n == (int)bytes.len)
        return;
    struct reply *r = malloc(sizeof *r);
    size_t done = n > 0 ? (size_t)n : 0;
    CHECK(r);
    bytes = uv_buf_init((char *)(uintptr_t)answer + done, (unsigned)(sizeof answer - 1 - done));
    if (uv_write(&r->write, (uv_stream_t *)&c->tcp, &bytes, 1, on_written))
        free(r);
}

static void record(const char *request, size_t len)
{
    CHECK(fprintf(t.record, "%zu\n", len) > 0 && fwrite(request, 1, len, t.record) == len);
    if (++t.recorded < RECORDED_MAX)
        return;
    CHECK(fclose(t.record) == 0);
    t.record = NULL;
}

static void take(struct client *c, const char *request, size_t head, size_t len)
{
    if (t.first_us == 0)
        t.first_us = now_us();
    if (strncmp(request, "POST /dead", 10) == 0)
        return;
    if (t.record)
        record(request, len);
    reply_to(c);
    if (t.times)
        note(request + head);
    t.answered++;
    if (t.expect && t.answered - t.expect_from == t.expect) {
        printf("reached %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", t.expect, t.first_us, now_us());
        (void)fflush(stdout);
        t.expect = 0;
    }
}

// Takes every complete request there is.
static void look(struct client *c)
{
    size_t used = 0;
    while (used < c->in.len) {
        char *text = c->in.data + used;
        size_t left = c->in.len - used;
        const char *end = memmem(text, left, "\r\n\r\n", 4);
        if (!end)
            break;
        const char *length = strcasestr(text, "\r\ncontent-length:");
        CHECK(length && length < end);
        size_t head = (size_t)(end - text) + 4;
        size_t len = head + strtoull(length + strlen("\r\ncontent-length:"), NULL, 10);
        if (left < len)
            break;
        char kept = text[len]; // there is room: the buffer ends with a NUL
        text[len] = '\0';
        take(c, text, head, len);
        text[len] = kept;
        used += len;
    }
    memmove(c->in.data, c->in.data + used, c->in.len - used);
    c->in.len -= used;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct client *c = CONTAINER_OF(handle, struct client, tcp);
    (void)suggested;
    char *at = buf_try_reserve(&c->in, 16384 + 1);
    *out = at ? uv_buf_init(at, 16384) : uv_buf_init(NULL, 0);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct client *c = CONTAINER_OF(stream, struct client, tcp);
    (void)bytes;
    if (n < 0) {
        uv_close((uv_handle_t *)&c->tcp, on_closed);
        return;
    }
    c->in.len += (size_t)n;
    c->in.data[c->in.len] = '\0';
    look(c);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct client *c = calloc(1, sizeof *c);
    CHECK(status == 0 && c && uv_tcp_init(t.loop, &c->tcp) == 0);
    buf_init(&c->in, REQUEST_MAX);
    CHECK(uv_accept(server, (uv_stream_t *)&c->tcp) == 0);
    (void)uv_tcp_nodelay(&c->tcp, 1);
    CHECK(uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0);
}

// ---- commands

static void write_times(void)
{
    FILE *f = fopen(t.times, "w");
    CHECK(f);
    for (size_t i = 0; i < t.note_count; i++)
        CHECK(fprintf(f, "%s %s %" PRIu64 "\n", t.notes[i].item, t.notes[i].event, t.notes[i].at_us) > 0);
    CHECK(fclose(f) == 0);
    puts("written");
}

static void obey(const char *line)
{
    if (strncmp(line, "expect ", 7) == 0) {
        t.expect = strtoull(line + 7, NULL, 10);
        t.expect_from = t.answered;
        t.first_us = 0;
    } else if (strcmp(line, "write") == 0) {
        write_times();
    } else {
        CHECK(strcmp(line, "count") == 0);
        printf("count %" PRIu64 "\n", t.answered);
    }
    (void)fflush(stdout);
}

static void on_command_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)handle;
    (void)suggested;
    char *at = buf_try_reserve(&t.command, 256);
    CHECK(at);
    *out = uv_buf_init(at, 256);
}

static void on_command(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    (void)stream;
    (void)bytes;
    if (n < 0) {
        CHECK(!t.record || fclose(t.record) == 0);
        exit(0);
    }
    t.command.len += (size_t)n;
    char *end;
    while ((end = memchr(t.command.data, '\n', t.command.len))) {
        *end = '\0';
        obey(t.command.data);
        size_t used = (size_t)(end - t.command.data) + 1;
        memmove(t.command.data, t.command.data + used, t.command.len - used);
        t.command.len -= used;
    }
}

int main(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "t:r:")) != -1;) {
        if (c == 't') {
            t.times = optarg;
        } else {
            CHECK(c == 'r');
            t.record = fopen(optarg, "w");
            CHECK(t.record);
        }
    }
    struct sockaddr_in at;
    int len = sizeof at;
    t.loop = uv_default_loop();
    buf_init(&t.command, 4096);
    CHECK(uv_tcp_init(t.loop, &t.server) == 0 && uv_ip4_addr("127.0.0.1", 0, &at) == 0);
    CHECK(uv_tcp_bind(&t.server, (const struct sockaddr *)&at, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&t.server, 4096, on_connection) == 0);
    CHECK(uv_tcp_getsockname(&t.server, (struct sockaddr *)&at, &len) == 0);
    CHECK(uv_pipe_init(t.loop, &t.in, 0) == 0 && uv_pipe_open(&t.in, 0) == 0);
    CHECK(uv_read_start((uv_stream_t *)&t.in, on_command_alloc, on_command) == 0);
    printf("port %d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    return uv_run(t.loop, UV_RUN_DEFAULT);
}
