// SPDX-License-Identifier: EUPL-1.2
// The append function alone, as ingest calls it but without HTTP, parsing and signatures: append_speed
// CONNINFO CONNECTIONS UPLOADS SCANS ROWS. Each call holds UPLOADS uploads of SCANS scans, each the next of
// its stream; 500 scans at most. Streams are those of the database, divided among the connections. Prints the
// seconds.
#include "workload.h"

#include "base/attr.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/crypto.h"
#include "io/dbsync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MAX        500 // scans of a call, and uploads
#define STREAMS_MAX     1024
#define CONNECTIONS_MAX 8

static const struct db_statement statements[] = {
    {"append", "select upload, status, array_to_string(outcomes, ',') from dt.append_scans($1::smallint,"
               " $2::timestamptz, $3::bigint[], $4::text[], $5::bytea[], $6::integer[], $7::bigint[],"
               " $8::bytea[], $9::smallint[], $10::smallint[], $11::integer[], $12::timestamptz[],"
               " $13::text[], $14::text[], $15::integer[], $16::uuid[], $17::bytea[], $18::text[],"
               " $19::bytea[]) order by upload"},
};

struct caller {
    struct db_query q;
    struct workload_scan scans[CALL_MAX];
    unsigned char digests[CALL_MAX][SHA256_LEN];
    unsigned first, streams, turn; // its share of the streams
};

static struct {
    struct db *db;
    struct caller callers[CONNECTIONS_MAX];
    int64_t ids[STREAMS_MAX];
    uint32_t next[STREAMS_MAX];
    unsigned stream_count, connections, uploads, scans;
    int64_t left, since;
} t;

static void put_uploads(struct db_params *p, const unsigned *which)
{
    static const char header[330], signature[64];
    db_open_array(p, DB_INT8);
    for (unsigned u = 0; u < t.uploads; u++)
        db_item_int8(p, t.ids[which[u]]);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (unsigned u = 0; u < t.uploads; u++) {
        char text[sizeof header];
        memset(text, 'h', sizeof text);
        db_item_text(p, text, sizeof text);
    }
    db_close_array(p);
    db_open_array(p, DB_BYTEA);
    for (unsigned u = 0; u < t.uploads; u++)
        db_item_bytea(p, signature, sizeof signature);
    db_close_array(p);
}

#define COLUMN(type, item)                                                                                   \
    do {                                                                                                     \
        db_open_array(p, type);                                                                              \
        for (unsigned i = 0; i < t.uploads * t.scans; i++) {                                                 \
            const struct workload_scan *s = &c->scans[i];                                                    \
            (void)s;                                                                                         \
            item;                                                                                            \
        }                                                                                                    \
        db_close_array(p);                                                                                   \
    } while (0)

static void put_scans(struct db_params *p, const struct caller *c)
{
    COLUMN(DB_INT4, db_item_int4(p, (int32_t)(i / t.scans) + 1));
    COLUMN(DB_INT8, db_item_int8(p, s->seq));
    COLUMN(DB_BYTEA, db_item_bytea(p, c->digests[i], SHA256_LEN));
    COLUMN(DB_INT2, db_item_int2(p, 1));
    COLUMN(DB_INT2, db_item_int2(p, (int16_t)workload_type_number()));
    COLUMN(DB_INT4, db_item_int4(p, 0));
    COLUMN(DB_TIMESTAMPTZ, db_item_time_ms(p, s->at_ms));
    COLUMN(DB_TEXT, db_item_text(p, s->code, 13));
    COLUMN(DB_TEXT, db_item_text(p, s->body, (size_t)s->body_len));
}

static void call(struct caller *c);

static void on_done(struct db_query *q, int err, const struct db_result *res)
{
    if (err) {
        (void)fprintf(stderr, "append_speed: %s %s\n", err_name(err), res ? db_message(res) : "");
        exit(1);
    }
    CHECK(db_rows(res) == (int)t.uploads);
    for (int i = 0; i < db_rows(res); i++)
        CHECK(db_int(res, i, 1) == 0 && db_null(res, i, 2));
    t.left -= t.uploads * t.scans;
    if (t.left > 0)
        call(CONTAINER_OF(q, struct caller, q));
    else if (db_load(t.db) == 0)
        db_close(t.db, NULL, NULL);
}

static void call(struct caller *c)
{
    static const enum db_type personal[] = {DB_INT4, DB_UUID, DB_BYTEA, DB_TEXT, DB_BYTEA};
    unsigned which[CALL_MAX];
    for (unsigned u = 0; u < t.uploads; u++) {
        which[u] = c->first + c->turn++ % c->streams;
        for (unsigned i = 0; i < t.scans; i++)
            c->scans[u * t.scans + i].seq = t.next[which[u]]++;
    }
    struct db_params *p = &c->q.params;
    db_params_reset(p);
    db_put_int2(p, 0);
    db_put_time_ms(p, clock_wall_ms());
    put_uploads(p, which);
    put_scans(p, c);
    for (size_t i = 0; i < ARRAY_LEN(personal); i++) {
        db_open_array(p, personal[i]);
        db_close_array(p);
    }
    c->q.done = on_done;
    CHECK(db_submit(t.db, &c->q) == ERR_OK);
}

static void on_state(void *owner, bool up, const char *why)
{
    (void)owner;
    if (!up) {
        (void)fprintf(stderr, "append_speed: %s\n", why);
        exit(1);
    }
    if (t.since)
        return;
    t.since = clock_mono_ms();
    for (unsigned i = 0; i < t.connections; i++)
        call(&t.callers[i]);
}

static void read_streams(const char *conninfo)
{
    struct dbsync *db;
    const struct db_result *r;
    char error[200];
    CHECK(dbsync_open(conninfo, &db, error, sizeof error) == ERR_OK);
    CHECK(dbsync_query(db,
                       "select stream, coalesce(upper(answered), 1) from dt.stream where device is not null",
                       NULL, &r) == ERR_OK);
    for (int i = 0; i < db_rows(r) && i < STREAMS_MAX; i++) {
        t.ids[i] = db_int(r, i, 0);
        t.next[i] = (uint32_t)db_int(r, i, 1);
        t.stream_count++;
    }
    dbsync_close(db);
}

static void prepare(struct caller *c, unsigned index)
{
    c->streams = t.stream_count / t.connections;
    c->first = index * c->streams;
    CHECK(c->streams >= t.uploads && db_params_init(&c->q.params) == ERR_OK);
    for (unsigned i = 0; i < t.uploads * t.scans; i++) {
        workload_scan(index, i + 1, clock_wall_ms(), &c->scans[i]);
        crypto_sha256(c->scans[i].body, (size_t)c->scans[i].body_len, c->digests[i]);
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 6);
    t.connections = (unsigned)strtoul(argv[2], NULL, 10);
    t.uploads = (unsigned)strtoul(argv[3], NULL, 10);
    t.scans = (unsigned)strtoul(argv[4], NULL, 10);
    t.left = strtoll(argv[5], NULL, 10);
    CHECK(t.connections > 0 && t.connections <= CONNECTIONS_MAX && t.uploads > 0 && t.scans > 0);
    CHECK(t.uploads <= CALL_MAX && t.uploads * t.scans <= CALL_MAX);
    read_streams(argv[1]);
    for (unsigned i = 0; i < t.connections; i++)
        prepare(&t.callers[i], i);
    struct db_options o = {.conninfo = argv[1],
                           .service = "append_speed",
                           .connections = t.connections,
                           .depth = 1,
                           .max_waiting = CONNECTIONS_MAX,
                           .generic_plan = true,
                           .statements = statements,
                           .statement_count = ARRAY_LEN(statements),
                           .on_state = on_state};
    CHECK(db_create(uv_default_loop(), &o, &t.db) == ERR_OK);
    CHECK(uv_run(uv_default_loop(), UV_RUN_DEFAULT) == 0);
    printf("%.3f\n", (double)(clock_mono_ms() - t.since) / 1000);
    return 0;
}
