// SPDX-License-Identifier: EUPL-1.2
// A database pool under remote control: tests/integration/db.test.mjs gives commands on stdin and reads
// events on stdout, one a line, while it breaks the server.
//
//   one|sleep|write|late|divide|length|lock|tell ID N [TIMEOUT_MS]   submits a statement with the integer N
//   burst ID COUNT        COUNT statements `one`, IDs ID, ID+1, … submitted in one turn
//   again N               from now on each failed statement is submitted again from its callback, N times in
//   all load                  → "load COUNT idle|busy up|down" close | close-inside  closes the pool now, or
//   from inside the next callback
//
//   → "up" | "down WHY" | "notify CHANNEL" | "done ID ERROR [VALUE|SQLSTATE]" | "refused ID ERROR" | "closed"
// Aborts when a callback comes twice, or from inside db_submit().
#include "base/check.h"
#include "base/err.h"
#include "io/db.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct db_statement statements[] = {
    {"one", "select $1::int8"},
    {"sleep", "select 1 from pg_sleep($1::int8 / 1000.0)"},
    {"write", "insert into dt.probe values ($1::int8)"},
    {"late", "insert into dt.child values ($1::int8)"}, // refused by a deferred constraint: at commit
    {"divide", "select 1 / $1::int8"},
    {"length", "select length($1::bytea)::int8"}, // N zero bytes
    {"lock", "select id from dt.probe where id = $1::int8 for update"},
    {"tell", "select 1 from pg_notify('probe', $1::int8::text)"},
};

struct job {
    struct db_query q;
    int64_t id, n;
    bool pending;
};

static struct {
    struct db *db;
    uv_pipe_t input;
    struct buf line;
    bool submitting, close_inside;
    int64_t again;
} t;

static void on_closed(void *owner)
{
    (void)owner;
    t.db = NULL;
    (void)puts("closed");
}

static void close_pool(void)
{
    if (!t.db)
        return;
    db_close(t.db, on_closed, NULL);
    t.db = NULL;
}

static void submit(struct job *job);

static void on_done(struct db_query *q, int err, const struct db_result *res)
{
    struct job *job = CONTAINER_OF(q, struct job, q);
    CHECK(!t.submitting && job->pending);
    CHECK((res != NULL) == (err == ERR_OK || err == ERR_DB_REFUSED));
    job->pending = false;
    if (err == ERR_OK && db_rows(res) > 0)
        printf("done %" PRId64 " ok %" PRId64 "\n", job->id, db_int(res, 0, 0));
    else
        printf("done %" PRId64 " %s%s%s\n", job->id, err_name(err), err == ERR_DB_REFUSED ? " " : "",
               res ? db_sqlstate(res) : "");
    if (t.close_inside) {
        t.close_inside = false;
        close_pool();
    }
    if (err != ERR_OK && t.again > 0 && t.db) {
        t.again--;
        submit(job);
        return;
    }
    db_params_done(&q->params);
    free(job);
}

static void submit(struct job *job)
{
    t.submitting = true;
    int err = t.db ? db_submit(t.db, &job->q) : ERR_CLOSED;
    t.submitting = false;
    job->pending = err == ERR_OK;
    if (err == ERR_OK)
        return;
    printf("refused %" PRId64 " %s\n", job->id, err_name(err));
    db_params_done(&job->q.params);
    free(job);
}

static void submit_new(unsigned statement, int64_t id, int64_t n, int64_t timeout_ms)
{
    struct job *job = calloc(1, sizeof *job);
    CHECK(job && db_params_init(&job->q.params) == ERR_OK);
    job->id = id;
    job->n = n;
    job->q.statement = statement;
    job->q.timeout_ms = timeout_ms;
    job->q.done = on_done;
    if (strcmp(statements[statement].name, "length") == 0) {
        char *zeroes = calloc(1, (size_t)n + 1);
        CHECK(zeroes);
        db_put_bytea(&job->q.params, zeroes, (size_t)n);
        free(zeroes);
    } else {
        db_put_int8(&job->q.params, n);
    }
    submit(job);
}

static void on_command(const char *line)
{
    char word[32];
    int64_t id = 0, n = 0, timeout_ms = 0;
    if (sscanf(line, "%31s %" SCNd64 " %" SCNd64 " %" SCNd64, word, &id, &n, &timeout_ms) < 1)
        return;
    if (strcmp(word, "close") == 0) {
        close_pool();
    } else if (strcmp(word, "close-inside") == 0) {
        t.close_inside = true;
    } else if (strcmp(word, "again") == 0) {
        t.again = id;
    } else if (strcmp(word, "load") == 0) {
        printf("load %u %s %s\n", db_load(t.db), db_idle(t.db) ? "idle" : "busy",
               db_up(t.db) ? "up" : "down");
    } else if (strcmp(word, "burst") == 0) {
        for (int64_t i = 0; i < n; i++)
            submit_new(0, id + i, id + i, 0);
    } else {
        unsigned i = 0;
        while (i < ARRAY_LEN(statements) && strcmp(word, statements[i].name) != 0)
            i++;
        CHECK(i < ARRAY_LEN(statements));
        submit_new(i, id, n, timeout_ms);
    }
}

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
            buf_putc(&t.line, in->base[i]);
            continue;
        }
        on_command(buf_str(&t.line));
        buf_reset(&t.line);
    }
    if (n >= 0)
        return;
    uv_close((uv_handle_t *)stream, NULL);
    close_pool();
}

static void on_state(void *owner, bool up, const char *why)
{
    (void)owner;
    CHECK(up == (why == NULL));
    printf(up ? "up\n" : "down %s\n", why ? why : "");
}

static void on_notify(void *owner, const char *channel)
{
    (void)owner;
    printf("notify %s\n", channel);
}

int main(int argc, char **argv)
{
    static const char *channels[] = {"probe", NULL};
    struct db_options o = {.service = "db_pool",
                           .statements = statements,
                           .statement_count = ARRAY_LEN(statements),
                           .on_state = on_state,
                           .on_notify = on_notify,
                           .max_waiting = 100};
    for (int c; (c = getopt(argc, argv, "c:n:d:w:t:ulr")) != -1;) {
        switch (c) {
        case 'c':
            o.conninfo = optarg;
            break;
        case 'n':
            o.connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'd':
            o.depth = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'w':
            o.max_waiting = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 't':
            o.statement_timeout_ms = strtol(optarg, NULL, 10);
            break;
        case 'u':
            o.allow_unsafe = true;
            break;
        case 'l':
            o.channels = channels;
            break;
        case 'r':
            o.read_only_ok = true;
            break;
        default:
            return 2;
        }
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    uv_loop_t *loop = uv_default_loop();
    buf_init(&t.line, 4096);
    CHECK(uv_pipe_init(loop, &t.input, 0) == 0 && uv_pipe_open(&t.input, STDIN_FILENO) == 0);
    CHECK(uv_read_start((uv_stream_t *)&t.input, on_alloc, on_input) == 0);
    CHECK(db_create(loop, &o, &t.db) == ERR_OK);
    CHECK(uv_run(loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(loop) == 0);
    buf_done(&t.line);
    return 0;
}
