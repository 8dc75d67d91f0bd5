// SPDX-License-Identifier: EUPL-1.2
// Random writers at dt.append_scans: append_writers CONNINFO SEED UPLOADS. Sixteen writers over all streams
// of the database send runs, overlaps, gaps, fillings, other content under the same number, repeats inside an
// upload, jumps and unknown streams, several uploads in a call, and send again whatever has no certain
// answer. Each answer is held against what earlier answers said; contradictions are printed as "wrong: …".
//
// At the end, for the test that called (tests/integration/append.test.mjs) to compare with the tables:
//   number STREAM SEQ VARIANT OUTCOME    every number that was answered, and whose content it holds
//   conflict STREAM SEQ VARIANT          every other content that was answered "quarantined"
//   uploads N answered N again N wrong N
#include "base/attr.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/crypto.h"
#include "io/dbsync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITERS     16
#define STREAMS_MAX 64
#define SEQ_MAX     20000 // of one stream, less jumps
#define UPLOADS_MAX 4     // in a call
#define SCANS_MAX   30    // in an upload, less repeats
#define AGAIN_MS    20    // after no certain answer

static const struct db_statement statements[] = {
    {"append",
     "select a.upload, a.status, a.outcomes from dt.append_scans($1::int2, $2::timestamptz,"
     " $3::int8[], $4::text[], $5::bytea[], $6::int4[], $7::int8[], $8::bytea[], $9::int2[], $10::int2[],"
     " $11::int4[], $12::timestamptz[], $13::text[], $14::text[], $15::int4[], $16::uuid[],"
     " $17::bytea[], $18::text[], $19::bytea[]) a order by 1"},
};

// What the answers said so far about one number of one stream.
struct number {
    unsigned char variant; // whose content it holds; 0 = not known yet
    bool told_new;
    unsigned char conflicts; // bit v: variant v was quarantined
};

struct stream {
    int64_t id;
    int16_t lane;
    int64_t next; // behind the highest number any upload named
    struct number numbers[SEQ_MAX + 1];
};

struct scan {
    int64_t seq;
    unsigned char variant;
    int16_t verdict;
};

struct upload {
    struct stream *stream; // NULL: one that does not exist
    int16_t expected;      // status
    struct scan scans[2 * SCANS_MAX];
    unsigned count;
};

struct writer {
    struct db_query q;
    uv_timer_t timer;
    int16_t lane; // of all uploads of a call
    struct upload uploads[UPLOADS_MAX];
    unsigned count;
};

static struct {
    uv_loop_t *loop;
    struct db *db;
    struct stream streams[STREAMS_MAX];
    unsigned stream_count, lanes;
    struct writer writers[WRITERS];
    unsigned busy;
    uint64_t random;
    int64_t uploads_left, answered, again, wrong;
} t;

static void wrong(const struct stream *s, int64_t seq, const char *what)
{
    printf("wrong: stream %" PRId64 " number %" PRId64 ": %s\n", s ? s->id : 0, seq, what);
    t.wrong++;
}

// splitmix64: the seed alone decides what is sent
static uint64_t draw(void)
{
    uint64_t z = (t.random += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static int64_t between(int64_t low, int64_t high)
{
    return low + (int64_t)(draw() % (uint64_t)(high - low + 1));
}

static bool chance(int percent)
{
    return between(1, 100) <= percent;
}

// ---- content: a function of (stream, number, variant), so that it can be sent again and checked

static int body(char *out, size_t cap, int64_t stream, int64_t seq, unsigned variant)
{
    return snprintf(out, cap, "{\"stream\":%" PRId64 ",\"seq\":%" PRId64 ",\"variant\":%u}", stream, seq,
                    variant);
}

static int16_t verdict(int64_t stream, int64_t seq, unsigned variant)
{
    static const int16_t reasons[] = {10, 12, 14};
    uint64_t h = ((uint64_t)stream * 31 + (uint64_t)seq * 7 + variant) * 0x9E3779B97F4A7C15u >> 40;
    return h % 16 == 0 ? reasons[h / 16 % 3] : 1;
}

// ---- what to send

static void add_scan(struct upload *u, int64_t seq)
{
    int64_t id = u->stream ? u->stream->id : 0;
    unsigned char variant = chance(5) ? 2 : 1;
    u->scans[u->count++] = (struct scan){seq, variant, verdict(id, seq, variant)};
    if (chance(3)) // the caller found the number twice in the upload, with other content
        u->scans[u->count++] = (struct scan){seq, 3, 13};
}

static void plan_upload(struct upload *u, struct stream *s)
{
    *u = (struct upload){.stream = s};
    int64_t count = between(1, SCANS_MAX), first = s->next;
    int kind = (int)between(1, 100);
    if (kind <= 4) {
        first += 200000;
        u->expected = 1;
    } else if (kind <= 7) {
        u->stream = NULL;
        u->expected = 2;
    } else if (kind <= 20) {
        first = s->next > 40 ? s->next - between(1, 40) : 1; // overlaps what was sent
    } else if (kind <= 28) {
        first = between(1, s->next); // fills a gap, or repeats
    } else if (kind <= 34) {
        first += between(1, 5); // leaves a gap
    }
    for (int64_t i = 0; i < count; i++)
        add_scan(u, first + i);
    if (u->expected == 0 && first + count > s->next)
        s->next = first + count;
    CHECK(s->next < SEQ_MAX - 2 * SCANS_MAX);
}

static void plan(struct writer *w)
{
    w->count = (unsigned)between(1, UPLOADS_MAX);
    w->lane = (int16_t)between(0, t.lanes - 1);
    unsigned first = (unsigned)between(0, t.stream_count - 1), n = 0;
    for (unsigned i = 0; i < t.stream_count && n < w->count; i++) {
        struct stream *s = &t.streams[(first + i) % t.stream_count];
        if (s->lane == w->lane)
            plan_upload(&w->uploads[n++], s);
    }
    w->count = n;
}

static void put_uploads(struct db_params *p, const struct writer *w)
{
    db_open_array(p, DB_INT8);
    for (unsigned u = 0; u < w->count; u++)
        db_item_int8(p, w->uploads[u].stream ? w->uploads[u].stream->id : -1 - (int64_t)u);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (unsigned u = 0; u < w->count; u++)
        db_item_text(p, "header", 6);
    db_close_array(p);
    db_open_array(p, DB_BYTEA);
    for (unsigned u = 0; u < w->count; u++)
        db_item_bytea(p, "signature", 9);
    db_close_array(p);
}

enum field { F_UPLOAD, F_SEQ, F_DIGEST, F_VERDICT, F_TYPE, F_FLAGS, F_OCCURRED, F_CODE, F_BODY, F_END };

static void put_field(struct db_params *p, enum field field, unsigned upload, int64_t stream,
                      const struct scan *s)
{
    char text[100];
    unsigned char digest[SHA256_LEN];
    int len = body(text, sizeof text, stream, s->seq, s->variant);
    switch (field) {
    case F_UPLOAD:
        db_item_int4(p, (int32_t)upload + 1);
        break;
    case F_SEQ:
        db_item_int8(p, s->seq);
        break;
    case F_DIGEST:
        crypto_sha256(text, (size_t)len, digest);
        db_item_bytea(p, digest, sizeof digest);
        break;
    case F_VERDICT:
        db_item_int2(p, s->verdict);
        break;
    case F_TYPE:
        db_item_int2(p, 1);
        break;
    case F_FLAGS:
        db_item_int4(p, 0);
        break;
    case F_OCCURRED:
        db_item_time_ms(p, 1795219200000 + s->seq);
        break;
    case F_CODE:
        db_item_text(p, "EA123456785VN", 13);
        break;
    case F_BODY:
        db_item_text(p, text, (size_t)len);
        break;
    case F_END:
        break;
    }
}

static void put_scans(struct db_params *p, const struct writer *w)
{
    static const enum db_type types[] = {DB_INT4, DB_INT8,        DB_BYTEA, DB_INT2, DB_INT2,
                                         DB_INT4, DB_TIMESTAMPTZ, DB_TEXT,  DB_TEXT};
    for (enum field field = 0; field < F_END; field++) {
        db_open_array(p, types[field]);
        for (unsigned u = 0; u < w->count; u++) {
            const struct upload *up = &w->uploads[u];
            for (unsigned i = 0; i < up->count; i++)
                put_field(p, field, u, up->stream ? up->stream->id : 0, &up->scans[i]);
        }
        db_close_array(p);
    }
}

static void on_done(struct db_query *q, int err, const struct db_result *res);

static void on_timer(uv_timer_t *timer);

static void send_again_later(struct writer *w)
{
    t.again++;
    CHECK(uv_timer_start(&w->timer, on_timer, AGAIN_MS, 0) == 0);
}

static void send_uploads(struct writer *w)
{
    static const enum db_type personal[] = {DB_INT4, DB_UUID, DB_BYTEA, DB_TEXT, DB_BYTEA};
    struct db_params *p = &w->q.params;
    db_params_reset(p);
    db_put_int2(p, w->lane);
    db_put_time_ms(p, clock_wall_ms());
    put_uploads(p, w);
    put_scans(p, w);
    for (size_t i = 0; i < ARRAY_LEN(personal); i++) {
        db_open_array(p, personal[i]);
        db_close_array(p);
    }
    w->q.done = on_done;
    w->q.timeout_ms = 5000;
    int err = db_submit(t.db, &w->q);
    CHECK(err == ERR_OK || err == ERR_DB_DOWN || err == ERR_FULL);
    if (err)
        send_again_later(w);
}

static void on_timer(uv_timer_t *timer)
{
    send_uploads(CONTAINER_OF(timer, struct writer, timer));
}

static void next(struct writer *w)
{
    if (t.uploads_left <= 0) {
        uv_close((uv_handle_t *)&w->timer, NULL);
        if (--t.busy == 0)
            db_close(t.db, NULL, NULL);
        return;
    }
    plan(w);
    t.uploads_left -= w->count;
    send_uploads(w);
}

// ---- what was answered

static void holds(struct stream *s, const struct scan *scan)
{
    struct number *n = &s->numbers[scan->seq];
    if (n->variant != 0 && n->variant != scan->variant)
        wrong(s, scan->seq, "its content is now another");
    if (n->conflicts & 1u << scan->variant)
        wrong(s, scan->seq, "what was quarantined as other content is now held");
    n->variant = scan->variant;
}

static void take_scan(struct stream *s, const struct scan *scan, int64_t outcome)
{
    struct number *n = &s->numbers[scan->seq];
    if (outcome == 13) {
        if (n->variant == scan->variant)
            wrong(s, scan->seq, "a conflict with itself");
        n->conflicts |= (unsigned char)(1u << scan->variant);
    } else if (scan->verdict == 13) {
        wrong(s, scan->seq, "a repeat with other content was not quarantined");
    } else if (outcome < 0) {
        if (-outcome != scan->verdict)
            wrong(s, scan->seq, "a duplicate with another outcome");
        holds(s, scan);
    } else {
        if (outcome != scan->verdict)
            wrong(s, scan->seq, "another outcome than proposed");
        if (n->told_new)
            wrong(s, scan->seq, "accepted twice");
        n->told_new = true;
        holds(s, scan);
    }
}

static void take_answer(const struct writer *w, const struct db_result *res)
{
    if (db_rows(res) != (int)w->count) {
        wrong(NULL, 0, "another number of answers than uploads");
        return;
    }
    for (unsigned u = 0; u < w->count; u++) {
        const struct upload *up = &w->uploads[u];
        int64_t status = db_int(res, (int)u, 1);
        if (db_int(res, (int)u, 0) != (int)u + 1 || status != up->expected) {
            wrong(up->stream, up->scans[0].seq, "another status than expected");
            continue;
        }
        bool plain = db_null(res, (int)u, 2);
        if (!plain && status == 0 && db_array_length(res, (int)u, 2) != up->count)
            wrong(up->stream, up->scans[0].seq, "another number of outcomes than scans");
        else
            for (unsigned i = 0; status == 0 && i < up->count; i++)
                take_scan(up->stream, &up->scans[i],
                          plain ? up->scans[i].verdict : db_array_int(res, (int)u, 2, i));
        t.answered++;
    }
}

static void on_done(struct db_query *q, int err, const struct db_result *res)
{
    struct writer *w = CONTAINER_OF(q, struct writer, q);
    if (err == ERR_OK) {
        take_answer(w, res);
        next(w);
        return;
    }
    if (err == ERR_DB_REFUSED && !db_transient(db_sqlstate(res))) {
        printf("wrong: refused: %s %s\n", db_sqlstate(res), db_message(res));
        t.wrong++;
        next(w);
        return;
    }
    send_again_later(w);
}

// ---- life

static void read_streams(const char *conninfo)
{
    char error[200];
    struct dbsync *db;
    const struct db_result *r;
    if (dbsync_open(conninfo, &db, error, sizeof error)) {
        printf("wrong: %s\n", error);
        exit(1);
    }
    CHECK(dbsync_query(db,
                       "select lane, stream from dt.stream where device is not null order by lane, stream",
                       NULL, &r) == ERR_OK);
    CHECK(db_rows(r) > 0 && db_rows(r) <= STREAMS_MAX);
    t.stream_count = (unsigned)db_rows(r);
    for (unsigned i = 0; i < t.stream_count; i++) {
        t.streams[i].lane = (int16_t)db_int(r, (int)i, 0);
        t.streams[i].id = db_int(r, (int)i, 1);
        t.streams[i].next = 1;
        if ((unsigned)t.streams[i].lane + 1 > t.lanes)
            t.lanes = (unsigned)t.streams[i].lane + 1;
    }
    dbsync_close(db);
}

static void tell(void)
{
    for (unsigned i = 0; i < t.stream_count; i++) {
        const struct stream *s = &t.streams[i];
        for (int64_t seq = 1; seq < s->next; seq++) {
            const struct number *n = &s->numbers[seq];
            if (n->variant)
                printf("number %" PRId64 " %" PRId64 " %d %d\n", s->id, seq, n->variant,
                       verdict(s->id, seq, n->variant));
            for (int v = 1; v <= 3; v++) {
                if (n->conflicts & 1u << v)
                    printf("conflict %" PRId64 " %" PRId64 " %d\n", s->id, seq, v);
            }
        }
    }
    printf("uploads %" PRId64 " again %" PRId64 " wrong %" PRId64 "\n", t.answered, t.again, t.wrong);
}

static bool started;

static void on_state(void *owner, bool up, const char *why)
{
    (void)owner;
    fprintf(stderr, "%s%s\n", up ? "up" : "down: ", up ? "" : why);
    if (!up || started)
        return;
    started = true;
    (void)puts("started");
    (void)fflush(stdout);
    for (unsigned i = 0; i < WRITERS; i++)
        next(&t.writers[i]);
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    t.loop = uv_default_loop();
    t.random = strtoull(argv[2], NULL, 10);
    t.uploads_left = strtoll(argv[3], NULL, 10);
    read_streams(argv[1]);
    for (unsigned i = 0; i < WRITERS; i++) {
        CHECK(db_params_init(&t.writers[i].q.params) == ERR_OK);
        CHECK(uv_timer_init(t.loop, &t.writers[i].timer) == 0);
        t.busy++;
    }
    struct db_options o = {.conninfo = argv[1],
                           .service = "append_writers",
                           .connections = 6,
                           .depth = 1,
                           .max_waiting = WRITERS,
                           .generic_plan = true,
                           .statements = statements,
                           .statement_count = ARRAY_LEN(statements),
                           .on_state = on_state};
    CHECK(db_create(t.loop, &o, &t.db) == ERR_OK);
    CHECK(uv_run(t.loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(t.loop) == 0);
    for (unsigned i = 0; i < WRITERS; i++)
        db_params_done(&t.writers[i].q.params);
    tell();
    return t.wrong > 0;
}
