// SPDX-License-Identifier: EUPL-1.2
// The fault proxy: TCP links that can be made slow, thin, choppy, deaf, or cut, while they run.
// tests/harness/fault_proxy.mjs gives commands on stdin, one a line, each with a number of its own; each is
// answered on stdout by that number. The end of stdin is the end of all.
//
//   fault_proxy SEED MAX               chance (jitter) is drawn from SEED; a link has at most MAX connections
//   at once N link NAME FROM TO                → N ok PORT          FROM, TO: see link_open() N toxic NAME
//   up|down KIND [A [B]]  → N ok               adds to what the direction has
//     latency MS [JITTER]   bandwidth BYTES_A_SECOND   slicer BYTES [PAUSE_MS]   slow_close MS   limit_data
//     BYTES   stall blackhole             takes everything, passes nothing timeout MS            the same,
//     and closes so long after the first byte        reset_peer MS   … and resets
//   N heal NAME                        → N ok         no toxics; a connection that lost bytes is reset
//   N reset NAME                       → N ok CONNECTIONS   resets what is open
//   N stats NAME                       → N ok OPEN TOTAL UP DOWN    connections, bytes that came
//   N close NAME                       → N ok               resets what is open, refuses what comes
//   anything that can't be             → N error WHY
#include "link.h"

#include "base/buf.h"
#include "base/check.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LINKS_MAX      64
#define LINE_MAX_BYTES 1024
#define WORDS_MAX      8

static struct {
    uv_loop_t *loop;
    uv_pipe_t input;
    struct buf line;
    struct list links;
    unsigned count, max;
    uint64_t dice;
} p;

static struct link *find(const char *name)
{
    LIST_FOR(node, &p.links)
    {
        struct link *l = CONTAINER_OF(node, struct link, node);
        if (strcmp(l->name, name) == 0)
            return l;
    }
    return NULL;
}

// A number of a command; all of them are counts or times.
static int number(const char *text, int64_t *ret)
{
    char *rest = NULL;
    long long n = strtoll(text, &rest, 10);
    if (rest == text || *rest || n < 0 || n > INT32_MAX)
        return UV_EINVAL;
    *ret = n;
    return 0;
}

static void on_latency(struct toxics *t, int64_t a, int64_t b)
{
    t->latency_ms = a;
    t->jitter_ms = b;
}

static void on_bandwidth(struct toxics *t, int64_t a, int64_t b)
{
    (void)b;
    t->rate = a;
}

static void on_slicer(struct toxics *t, int64_t a, int64_t b)
{
    t->slice = a;
    t->slice_pause_ms = b;
}

static void on_slow_close(struct toxics *t, int64_t a, int64_t b)
{
    (void)b;
    t->slow_close_ms = a;
}

static void on_limit_data(struct toxics *t, int64_t a, int64_t b)
{
    (void)b;
    t->limit = a;
}

static void on_stall(struct toxics *t, int64_t a, int64_t b)
{
    (void)a, (void)b;
    t->stall = true;
}

static void on_blackhole(struct toxics *t, int64_t a, int64_t b)
{
    (void)a, (void)b;
    t->swallow = true;
}

static void on_timeout(struct toxics *t, int64_t a, int64_t b)
{
    (void)b;
    t->swallow = true;
    t->close_ms = a;
}

static void on_reset_peer(struct toxics *t, int64_t a, int64_t b)
{
    (void)b;
    t->swallow = true;
    t->reset_ms = a;
}

static const struct {
    const char *kind;
    unsigned needs, takes; // numbers, at least and at most
    void (*set)(struct toxics *t, int64_t a, int64_t b);
} kinds[] = {
    {"latency", 1, 2, on_latency},       {"bandwidth", 1, 1, on_bandwidth},
    {"slicer", 1, 2, on_slicer},         {"slow_close", 1, 1, on_slow_close},
    {"limit_data", 1, 1, on_limit_data}, {"stall", 0, 0, on_stall},
    {"blackhole", 0, 0, on_blackhole},   {"timeout", 1, 1, on_timeout},
    {"reset_peer", 1, 1, on_reset_peer},
};

// ---- commands: words are what follows the command; they print what follows "ok"

static int do_link(char **words, unsigned n)
{
    struct link *l = NULL;
    if (n != 3 || strlen(words[0]) > LINK_NAME_MAX)
        return UV_EINVAL;
    if (find(words[0]) || p.count == LINKS_MAX)
        return UV_EEXIST;
    int err = link_open(p.loop, words[0], words[1], words[2], p.max, &p.dice, &l);
    if (err)
        return err;
    list_push(&p.links, &l->node);
    p.count++;
    printf("ok %u\n", l->port);
    return 0;
}

static int do_toxic(struct link *l, char **words, unsigned n)
{
    int64_t values[2] = {0, 0};
    if (n < 2 || n > 4 || (strcmp(words[0], "up") != 0 && strcmp(words[0], "down") != 0))
        return UV_EINVAL;
    for (unsigned i = 0; i < n - 2; i++) {
        int err = number(words[i + 2], &values[i]);
        if (err)
            return err;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(words[1], kinds[i].kind) != 0)
            continue;
        if (n - 2 < kinds[i].needs || n - 2 > kinds[i].takes)
            return UV_EINVAL;
        kinds[i].set(&l->toxics[strcmp(words[0], "up") == 0 ? WAY_UP : WAY_DOWN], values[0], values[1]);
        link_step(l);
        (void)puts("ok");
        return 0;
    }
    return UV_EINVAL;
}

static void heal(struct link *l)
{
    for (int way = 0; way < WAYS; way++)
        toxics_clear(&l->toxics[way]);
    link_step(l);
    (void)puts("ok");
}

static void tell(const struct link *l)
{
    printf("ok %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", l->open, l->total, l->bytes[WAY_UP],
           l->bytes[WAY_DOWN]);
}

static int do_command(const char *command, char **words, unsigned n)
{
    if (strcmp(command, "link") == 0)
        return do_link(words, n);
    struct link *l = n > 0 ? find(words[0]) : NULL;
    if (!l)
        return UV_ENOENT;
    if (strcmp(command, "toxic") == 0)
        return do_toxic(l, words + 1, n - 1);
    if (n != 1)
        return UV_EINVAL;
    if (strcmp(command, "heal") == 0) {
        heal(l);
    } else if (strcmp(command, "reset") == 0) {
        printf("ok %u\n", link_reset(l));
    } else if (strcmp(command, "stats") == 0) {
        tell(l);
    } else if (strcmp(command, "close") == 0) {
        link_close(l);
        p.count--;
        (void)puts("ok");
    } else {
        return UV_EINVAL;
    }
    return 0;
}

static void on_line(char *line)
{
    char *words[WORDS_MAX];
    unsigned n = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " ", &rest); word && n < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
        words[n++] = word;
    if (n < 2)
        return;
    printf("%s ", words[0]);
    int err = do_command(words[1], words + 2, n - 2);
    if (err)
        printf("error %s\n", uv_err_name(err));
}

// ---- stdin

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char space[4096];
    (void)handle, (void)suggested;
    *out = uv_buf_init(space, sizeof space);
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
    for (ssize_t i = 0; i < n; i++) {
        if (in->base[i] != '\n') {
            buf_putc(&p.line, in->base[i]);
            continue;
        }
        CHECK(buf_error(&p.line) == 0);
        (void)buf_str(&p.line);
        if (p.line.len > 0)
            on_line(p.line.data);
        buf_reset(&p.line);
    }
    if (n >= 0)
        return;
    uv_close((uv_handle_t *)stream, NULL);
    LIST_FOR(node, &p.links)
    link_close(CONTAINER_OF(node, struct link, node));
}

int main(int argc, char **argv)
{
    int64_t seed = 0;
    int64_t max = 0;
    if (argc != 3 || number(argv[1], &seed) != 0 || number(argv[2], &max) != 0) {
        (void)fputs("usage: fault_proxy SEED MAX\n", stderr);
        return 2;
    }
    struct rlimit files;
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max; // two a connection
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR); // who is gone is an error of the write, not our end
    p.dice = (uint64_t)seed;
    p.max = (unsigned)max;
    p.loop = uv_default_loop();
    list_init(&p.links);
    buf_init(&p.line, LINE_MAX_BYTES);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    CHECK(uv_pipe_init(p.loop, &p.input, 0) == 0 && uv_pipe_open(&p.input, STDIN_FILENO) == 0);
    CHECK(uv_read_start((uv_stream_t *)&p.input, on_alloc, on_input) == 0);
    CHECK(uv_run(p.loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(p.loop) == 0);
    buf_done(&p.line);
    return 0;
}
