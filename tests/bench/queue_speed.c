// SPDX-License-Identifier: EUPL-1.2
// A log and a queue under equal terms: queue_speed CONNINFO log|pgq ROWS. Two producers append the same
// facts, 500 a transaction; a consumer reads them meanwhile, batch by batch, and commits how far it has come.
// Prints the seconds from the first append to the commit of the last row read.
//   log   dt.append_facts(); the consumer reads what is behind its cursor and appends its new cursor
//   pgq   PgQ's own C function for inserting; the consumer asks for a tick, takes the batch and finishes it.
//         It has its queue "bench" and its consumer "bench" already.
#include "workload.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PRODUCERS   2
#define BATCH       500
#define READ_ROWS   "2000"  // of the log at once
#define IDLE_NS     1000000 // before an empty queue is looked at again
#define PATIENCE_MS 60000   // without a row

static const char *conninfo;

static PGconn *open_session(void)
{
    PGconn *pg = PQconnectdb(conninfo);
    if (PQstatus(pg) != CONNECTION_OK) {
        (void)fprintf(stderr, "queue_speed: %s", PQerrorMessage(pg));
        exit(1);
    }
    return pg;
}

static PGresult *run(PGconn *pg, const char *name, int count, const char *const *values)
{
    PGresult *r = PQexecPrepared(pg, name, count, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        (void)fprintf(stderr, "queue_speed: %s: %s", name, PQerrorMessage(pg));
        exit(1);
    }
    return r;
}

static void prepare(PGconn *pg, const char *name, const char *sql)
{
    PGresult *r = PQprepare(pg, name, sql, 0, NULL);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        (void)fprintf(stderr, "queue_speed: %s: %s", name, PQerrorMessage(pg));
        exit(1);
    }
    PQclear(r);
}

// ---- producers

static const char append_log[] =
    "select first_pos from dt.append_facts($1, 1::int2, array_fill(10::int2, array[cardinality($2::text[])]),"
    " array_fill(now(), array[cardinality($2::text[])]), $2::text[], $3::text[])";
static const char append_pgq[] = "select count(pgq.insert_event_raw('bench', null, now(), null, null, $1, "
                                 "x.body, x.code, null, null, null))"
                                 " from unnest($2::text[], $3::text[]) as x (code, body)";

// The rows as two array literals, made once; codes and bodies need no quoting but for the line ends.
static void make_rows(unsigned producer, struct buf *codes, struct buf *bodies)
{
    buf_init(codes, 1 << 20);
    buf_init(bodies, 1 << 20);
    for (uint32_t i = 0; i < BATCH; i++) {
        struct workload_scan s;
        workload_scan(producer, i + 1, clock_wall_ms(), &s);
        buf_printf(codes, "%c%s", i ? ',' : '{', s.code);
        buf_printf(bodies, "%c\"%.*s\"", i ? ',' : '{', s.body_len, s.body);
    }
    buf_putc(codes, '}');
    buf_putc(bodies, '}');
    CHECK(buf_error(codes) == 0 && buf_error(bodies) == 0);
}

static void produce(bool log, unsigned index, int64_t rows, int ready, int go)
{
    struct buf codes, bodies;
    char name[32], byte = 0;
    make_rows(index, &codes, &bodies);
    (void)snprintf(name, sizeof name, "bench%u", index);
    const char *values[] = {log ? name : workload_type, buf_str(&codes), buf_str(&bodies)};
    PGconn *pg = open_session();
    prepare(pg, "append", log ? append_log : append_pgq);
    CHECK(write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 1);
    for (int64_t done = 0; done < rows; done += BATCH)
        PQclear(run(pg, "append", 3, values));
    PQfinish(pg);
    exit(0);
}

// ---- consumers: each returns how many rows it took

static int64_t take_log(PGconn *pg, char position[32])
{
    const char *values[] = {position};
    PGresult *r = run(pg, "read", 1, values);
    int n = PQntuples(r);
    if (n > 0) {
        (void)snprintf(position, 32, "%s", PQgetvalue(r, n - 1, 0));
        PQclear(run(pg, "move", 1, values));
    }
    PQclear(r);
    return n;
}

static int64_t take_pgq(PGconn *pg, char batch[32])
{
    PQclear(run(pg, "tick", 0, NULL));
    PGresult *r = run(pg, "next", 0, NULL);
    if (PQgetisnull(r, 0, 0)) {
        PQclear(r);
        return 0;
    }
    (void)snprintf(batch, 32, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    const char *values[] = {batch};
    r = run(pg, "read", 1, values);
    int n = PQntuples(r);
    PQclear(r);
    PQclear(run(pg, "finish", 1, values));
    return n;
}

static PGconn *open_consumer(bool log, char position[32])
{
    PGconn *pg = open_session();
    if (!log) {
        prepare(pg, "tick", "select pgq.ticker('bench')");
        prepare(pg, "next", "select pgq.next_batch('bench', 'bench')");
        prepare(pg, "read",
                "select ev_id, ev_type, ev_data, ev_extra1 from pgq.get_batch_events($1::bigint)");
        prepare(pg, "finish", "select pgq.finish_batch($1::bigint)");
        return pg;
    }
    prepare(pg, "end", "select coalesce(max(pos), 0) from dt.fact where lane = 0");
    prepare(pg, "read",
            "select pos, type, body, code from dt.fact where lane = 0 and pos > $1::bigint order by pos "
            "limit " READ_ROWS);
    prepare(pg, "move",
            "insert into dt.cursor (lane, consumer, pos, part) values (0, 'bench', $1::bigint, 0)");
    PGresult *r = run(pg, "end", 0, NULL);
    (void)snprintf(position, 32, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return pg;
}

// They are connected and wait for a byte each; returns where it is written.
static int start_producers(bool log, int64_t rows)
{
    int ready[2], go[2];
    char byte;
    CHECK(pipe(ready) == 0 && pipe(go) == 0);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            produce(log, i, rows / PRODUCERS, ready[1], go[0]);
    }
    (void)close(ready[1]); // a producer that dies is an end of file here
    for (unsigned i = 0; i < PRODUCERS; i++)
        CHECK(read(ready[0], &byte, 1) == 1);
    return go[1];
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    conninfo = argv[1];
    bool log = strcmp(argv[2], "log") == 0;
    int64_t rows = strtoll(argv[3], NULL, 10);
    CHECK((log || strcmp(argv[2], "pgq") == 0) && rows > 0 && rows % (PRODUCERS * BATCH) == 0);
    static const char bytes[PRODUCERS];
    static const struct timespec idle = {.tv_nsec = IDLE_NS};
    char position[32];
    int go = start_producers(log, rows); // forks before there is a session here
    PGconn *pg = open_consumer(log, position);
    CHECK(write(go, bytes, PRODUCERS) == PRODUCERS);
    int64_t since = clock_mono_ms(), heard = since;
    for (int64_t left = rows; left > 0;) {
        int64_t n = log ? take_log(pg, position) : take_pgq(pg, position);
        left -= n;
        if (n > 0)
            heard = clock_mono_ms();
        else
            CHECK(clock_mono_ms() - heard < PATIENCE_MS && nanosleep(&idle, NULL) == 0);
        CHECK(left >= 0);
    }
    printf("%.3f\n", (double)(clock_mono_ms() - since) / 1000);
    PQfinish(pg);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        int status;
        CHECK(wait(&status) > 0 && status == 0);
    }
    return 0;
}
