// SPDX-License-Identifier: EUPL-1.2
// People who look things up: look_up PORT CONNECTIONS PATHS [KEY]. Each line of the file PATHS is asked for
// once, by GET, with KEY as bearer token; a connection asks for its next path when it has the answer to the
// one before. Prints {"requests":…,"seconds":…,"p50_ms":…,"p99_ms":…,"max_ms":…}. Anything but 200 ends it.
#include "base/attr.h"
#include "base/buf.h"
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define ANSWER_MAX  (4u << 20)
#define READ_BYTES  65536u
#define REQUEST_MAX 1024
#define PATH_MAX_   256

struct person {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    char request[REQUEST_MAX];
    struct buf answer;
    uint64_t since_us;
};

static struct {
    uv_loop_t *loop;
    char **paths;
    size_t n, next, answered;
    uint64_t *took_us;
    const char *key;
} t;

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

static void read_paths(const char *name)
{
    char line[PATH_MAX_];
    size_t cap = 0;
    FILE *f = fopen(name, "r");
    CHECK(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (t.n == cap) {
            cap = cap ? 2 * cap : 1024;
            t.paths = realloc(t.paths, cap * sizeof *t.paths);
            CHECK(t.paths);
        }
        t.paths[t.n] = strdup(line);
        CHECK(t.paths[t.n++]);
    }
    CHECK(fclose(f) == 0 && t.n > 0);
    t.took_us = calloc(t.n, sizeof *t.took_us);
    CHECK(t.took_us);
}

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    CHECK(status == 0);
}

static void ask_next(struct person *p)
{
    if (t.next == t.n) {
        uv_close((uv_handle_t *)&p->tcp, NULL);
        return;
    }
    int n = snprintf(p->request, sizeof p->request, "GET %s HTTP/1.1\r\nHost: look-up\r\n%s%s%s\r\n",
                     t.paths[t.next++], t.key ? "Authorization: Bearer " : "", t.key ? t.key : "",
                     t.key ? "\r\n" : "");
    CHECK(n > 0 && n < REQUEST_MAX);
    uv_buf_t bytes = uv_buf_init(p->request, (unsigned)n);
    buf_reset(&p->answer);
    p->since_us = now_us();
    CHECK(uv_write(&p->write, (uv_stream_t *)&p->tcp, &bytes, 1, on_written) == 0);
}

// Takes a complete answer, when there is one.
static void look(struct person *p)
{
    const char *text = buf_str(&p->answer), *end = strstr(text, "\r\n\r\n");
    if (!end)
        return;
    const char *length = strcasestr(text, "\r\ncontent-length:");
    if (strncmp(text, "HTTP/1.1 200", 12) != 0 || !length || length > end) {
        (void)fprintf(stderr, "look_up: %s\n%.600s\n", p->request, text);
        exit(1);
    }
    if (p->answer.len < (size_t)(end - text) + 4 + strtoull(length + strlen("\r\ncontent-length:"), NULL, 10))
        return;
    t.took_us[t.answered++] = now_us() - p->since_us;
    ask_next(p);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    char *at = buf_try_reserve(&CONTAINER_OF(handle, struct person, tcp)->answer, READ_BYTES);
    CHECK(at);
    *out = uv_buf_init(at, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct person *p = CONTAINER_OF(stream, struct person, tcp);
    (void)bytes;
    if (n < 0) {
        (void)fprintf(stderr, "look_up: the server hung up: %s\n", uv_strerror((int)n));
        exit(1);
    }
    p->answer.len += (size_t)n;
    look(p);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct person *p = CONTAINER_OF(connect, struct person, connect);
    CHECK(status == 0 && uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read) == 0);
    (void)uv_tcp_nodelay(&p->tcp, 1);
    ask_next(p);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile_ms(unsigned percent)
{
    return (double)t.took_us[(t.answered - 1) * percent / 100] / 1000;
}

int main(int argc, char **argv)
{
    struct sockaddr_in server;
    CHECK(argc == 4 || argc == 5);
    unsigned count = (unsigned)strtoul(argv[2], NULL, 10);
    t.loop = uv_default_loop();
    t.key = argc == 5 ? argv[4] : NULL;
    read_paths(argv[3]);
    struct person *people = calloc(count, sizeof *people);
    CHECK(count > 0 && people && uv_ip4_addr("127.0.0.1", (int)strtol(argv[1], NULL, 10), &server) == 0);
    uint64_t since = now_us();
    for (unsigned i = 0; i < count; i++) {
        struct person *p = &people[i];
        buf_init(&p->answer, ANSWER_MAX);
        CHECK(uv_tcp_init(t.loop, &p->tcp) == 0 &&
              uv_tcp_connect(&p->connect, &p->tcp, (const struct sockaddr *)&server, on_connected) == 0);
    }
    CHECK(uv_run(t.loop, UV_RUN_DEFAULT) == 0 && t.answered == t.n);
    double seconds = (double)(now_us() - since) / 1e6;
    qsort(t.took_us, t.answered, sizeof *t.took_us, by_value);
    printf("{\"requests\":%zu,\"seconds\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}\n", t.n,
           seconds, percentile_ms(50), percentile_ms(99), percentile_ms(100));
    for (unsigned i = 0; i < count; i++)
        buf_done(&people[i].answer);
    for (size_t i = 0; i < t.n; i++)
        free(t.paths[i]);
    free(t.paths);
    free(t.took_us);
    free(people);
    return 0;
}
