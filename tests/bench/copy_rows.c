// SPDX-License-Identifier: EUPL-1.2
// The yardstick: binary COPY of rows equal to those of the fact log. copy_rows CONNINFO TABLE ROWS CLIENTS.
// Rows are encoded before the clock starts; each client then changes positions only and sends. Prints the
// seconds from the common start to the last commit.
#include "workload.h"

#include "base/check.h"
#include "base/clock.h"

#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISTINCT   20000 // rows encoded per client
#define ROW_MAX    600   // bytes
#define SEND_BYTES 65536
#define POS_OFFSET                                                                                           \
    (2 + 4 + 2 + 4) // of the position in a row: behind the field count, lane and its own length

struct rows {
    char *bytes;
    size_t at[DISTINCT + 1]; // offsets of rows
};

static void put(struct rows *r, size_t *len, const void *data, size_t n)
{
    memcpy(r->bytes + *len, data, n);
    *len += n;
}

static void put_field(struct rows *r, size_t *len, const void *data, size_t n)
{
    uint32_t be = htobe32((uint32_t)n);
    put(r, len, &be, sizeof be);
    put(r, len, data, n);
}

static void put_int(struct rows *r, size_t *len, int64_t v, size_t width)
{
    uint64_t be = htobe64((uint64_t)v);
    put_field(r, len, (char *)&be + 8 - width, width);
}

// lane, pos, stream, seq, type, source, flags, occurred_at, recorded_at, code, body
static void encode(struct rows *r, unsigned client)
{
    static const int64_t pg_epoch_ms = 946684800000;
    int64_t now = clock_wall_ms();
    size_t len = 0;
    r->bytes = malloc((size_t)DISTINCT * ROW_MAX);
    CHECK(r->bytes);
    for (uint32_t i = 0; i < DISTINCT; i++) {
        struct workload_scan scan;
        workload_scan(client, i + 1, now, &scan);
        r->at[i] = len;
        uint16_t fields = htobe16(11);
        put(r, &len, &fields, sizeof fields);
        put_int(r, &len, 0, 2);
        put_int(r, &len, 0, 8);
        put_int(r, &len, client, 8);
        put_int(r, &len, i + 1, 8);
        put_int(r, &len, workload_type_number(), 2);
        put_int(r, &len, 1, 2);
        put_int(r, &len, 0, 4);
        put_int(r, &len, (now - pg_epoch_ms) * 1000, 8);
        put_int(r, &len, (now - pg_epoch_ms) * 1000, 8);
        put_field(r, &len, scan.code, 13);
        put_field(r, &len, scan.body, (size_t)scan.body_len);
        r->at[i + 1] = len;
    }
}

static void must(PGconn *pg, PGresult *result, ExecStatusType wanted)
{
    if (PQresultStatus(result) != wanted) {
        (void)fprintf(stderr, "copy_rows: %s", PQerrorMessage(pg));
        exit(1);
    }
    PQclear(result);
}

static void send_rows(PGconn *pg, struct rows *r, int64_t first, int64_t count)
{
    static const char head[19] = "PGCOPY\n\377\r\n\0"; // signature, no flags, no extension
    CHECK(PQputCopyData(pg, head, sizeof head) == 1);
    for (int64_t done = 0; done < count;) {
        size_t from = (size_t)(done % DISTINCT), to = from;
        while (to < DISTINCT && done < count && r->at[to + 1] - r->at[from] < SEND_BYTES) {
            uint64_t pos = htobe64((uint64_t)(first + done));
            memcpy(r->bytes + r->at[to] + POS_OFFSET, &pos, sizeof pos);
            to++, done++;
        }
        CHECK(PQputCopyData(pg, r->bytes + r->at[from], (int)(r->at[to] - r->at[from])) == 1);
    }
    CHECK(PQputCopyData(pg, "\377\377", 2) == 1 && PQputCopyEnd(pg, NULL) == 1);
}

static void client(const char *conninfo, const char *table, unsigned index, int64_t first, int64_t count,
                   int ready, int go)
{
    struct rows *r = calloc(1, sizeof *r);
    CHECK(r);
    encode(r, index);
    PGconn *pg = PQconnectdb(conninfo);
    if (PQstatus(pg) != CONNECTION_OK) {
        (void)fprintf(stderr, "copy_rows: %s", PQerrorMessage(pg));
        exit(1);
    }
    char sql[200], byte = 0;
    (void)snprintf(sql, sizeof sql, "copy %s from stdin (format binary)", table);
    CHECK(write(ready, &byte, 1) == 1 && read(go, &byte, 1) == 1);
    must(pg, PQexecParams(pg, sql, 0, NULL, NULL, NULL, NULL, 0), PGRES_COPY_IN);
    send_rows(pg, r, first, count);
    must(pg, PQgetResult(pg), PGRES_COMMAND_OK);
    PQfinish(pg);
    exit(0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    int64_t rows = strtoll(argv[3], NULL, 10);
    unsigned clients = (unsigned)strtoul(argv[4], NULL, 10);
    int ready[2], go[2];
    CHECK(rows > 0 && clients > 0 && pipe(ready) == 0 && pipe(go) == 0);
    int64_t share = rows / clients;
    for (unsigned i = 0; i < clients; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            client(argv[1], argv[2], i, 1 + share * i, share, ready[1], go[0]);
    }
    (void)close(ready[1]); // a client that dies is an end of file here
    char bytes[64] = {0};
    for (unsigned i = 0; i < clients; i++)
        CHECK(read(ready[0], bytes, 1) == 1);
    int64_t since = clock_mono_ms();
    CHECK(write(go[1], bytes, clients) == (ssize_t)clients);
    for (unsigned i = 0; i < clients; i++) {
        int status;
        CHECK(wait(&status) > 0);
        if (status != 0)
            return 1;
    }
    printf("%.3f\n", (double)(clock_mono_ms() - since) / 1000);
    return 0;
}
