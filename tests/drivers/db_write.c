// SPDX-License-Identifier: EUPL-1.2
// Does a statement leave in the same write as its Sync? db_write CONNINFO. This program stands between libpq
// and send(2): it looks at what every call offers to the kernel, and takes little at a time like a full
// socket when asked to. Offering a complete Execute without the Sync behind it is the fault: a process
// stopped there would hold what the statement locked.
#include "base/attr.h"
#include "base/check.h"
#include "base/err.h"
#include "io/db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct db_statement statements[] = {{"length", "select length($1::bytea)::int8"}};

static struct {
    struct db *db;
    struct db_query q;
    bool watching;
    bool full; // the socket takes 100 bytes, then nothing, then 100 bytes …
    bool take;
    size_t size; // of the parameter under way
    unsigned calls, faults, done;
} t;

// libpq calls this one instead of libc's.
ssize_t send(int fd, const void *data, size_t len, int flags)
{
    static const unsigned char execute[] = {'E', 0, 0, 0, 9, 0, 0, 0, 0, 0};
    if (t.watching) {
        t.calls++;
        if (!t.full && len >= sizeof execute &&
            memcmp((const char *)data + len - sizeof execute, execute, sizeof execute) == 0) {
            t.faults++;
            printf("a parameter of %zu bytes: Execute without Sync\n", t.size);
        }
        t.take = !t.take;
        if (t.full && !t.take) {
            errno = EAGAIN;
            return -1;
        }
        if (t.full && len > 8100)
            len = 8100;
    }
    return sendto(fd, data, len, flags, NULL, 0);
}

// Every size around the first three blocks of 8 KiB, then steps that meet every remainder near a block's end.
static bool next_size(void)
{
    t.size++;
    if (t.size == 24700) {
        if (t.full)
            t.size = 300000;
        else
            t.full = true, t.size = 8000;
    }
    return t.size < 300100;
}

static void submit_next(void);

static void on_done(struct db_query *q, int err, const struct db_result *res)
{
    CHECK(err == ERR_OK && db_int(res, 0, 0) == (int64_t)t.size);
    (void)q;
    t.done++;
    if (next_size())
        submit_next();
    else
        db_close(t.db, NULL, NULL);
}

static void submit_next(void)
{
    static char zeroes[400000];
    db_params_reset(&t.q.params);
    db_put_bytea(&t.q.params, zeroes, t.size);
    CHECK(db_submit(t.db, &t.q) == ERR_OK);
}

static void on_state(void *owner, bool up, const char *why)
{
    (void)owner;
    if (!up) {
        printf("down: %s\n", why);
        exit(1);
    }
    if (t.watching)
        return;
    t.watching = true;
    submit_next();
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    struct db_options o = {.conninfo = argv[1],
                           .service = "db_write",
                           .connections = 1,
                           .depth = 1,
                           .max_waiting = 1,
                           .statements = statements,
                           .statement_count = ARRAY_LEN(statements),
                           .on_state = on_state};
    CHECK(db_params_init(&t.q.params) == ERR_OK);
    t.q.done = on_done;
    t.size = 8000;
    CHECK(db_create(uv_default_loop(), &o, &t.db) == ERR_OK);
    CHECK(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(uv_default_loop()) == 0);
    db_params_done(&t.q.params);
    printf("%u statements in %u writes, %u faults\n", t.done, t.calls, t.faults);
    return t.faults > 0;
}
