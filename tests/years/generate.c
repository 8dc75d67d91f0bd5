// SPDX-License-Identifier: EUPL-1.2
// Fills an empty, migrated database with the years of a province, at the speed of COPY:
// generate CONNINFO KEYS ENDPOINT DOSSIERS YEARS SEED LEDGER-DAYS SAMPLES. ENDPOINT: uuid of the province's
// one-stop system; SAMPLES: a file for "token code" lines, dossiers that people look up. Prints what was made
// as one JSON object.
//
// Handhelds upload as in life: within the hour where there is a network, on some days only in the
// evening. What they upload together is a batch with its header and receipt. Positions, numbers
// and segments are given as the product gives them; what the facts mean is worked out by its own engine.
#include "base/attr.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "domain/fact.h"
#include "domain/wire.h"
#include "fold.h"
#include "io/dbsync.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICES_MAX    (LIFE_OFFICES * LIFE_DEVICES)
#define UPLOAD_MAX     50               // scans of a batch
#define SLOT_MS        INT64_C(3600000) // an upload each hour, on average of those with a network
#define EVENING_MS     (INT64_C(10) * 3600000 + 1800000) // 17:30 in Vietnam, as UTC
#define SECOND_STREAM  2                                 // the first is the portal's
#define SEGMENTS_AHEAD 4
#define SAMPLES        20000 // dossiers that people look up, about
#define SHOW_MS        200
#define CHECK_EVERY    100000 // facts between two looks at the segments

// A fact that is still to be uploaded.
struct waiting {
    int64_t slot; // when it is uploaded, unix ms
    const struct life_fact *fact;
    struct fold_cohort *cohort;
};

struct device {
    uint8_t id[16], token[16];
    uint32_t seq;
};

static struct {
    struct life_province province;
    struct device devices[DEVICES_MAX];
    struct table *facts, *receipts;
    struct fold *fold;
    struct waiting *heap;
    size_t n, cap;
    int64_t pos, until_ms, segment_at[2]; // where the last segment made ends
    uint32_t portal_seq;
    struct dbsync *db;
    int64_t began_mono, shown_mono;
} g;

// ---- what waits, by upload time, handheld, time of the scan

static bool before(const struct waiting *a, const struct waiting *b)
{
    if (a->slot != b->slot)
        return a->slot < b->slot;
    if (a->fact->device != b->fact->device)
        return a->fact->device < b->fact->device;
    return a->fact->at != b->fact->at ? a->fact->at < b->fact->at : a->fact->kind < b->fact->kind;
}

static void push(struct waiting w)
{
    if (g.n == g.cap) {
        g.cap = g.cap ? 2 * g.cap : 65536;
        g.heap = realloc(g.heap, g.cap * sizeof *g.heap);
        CHECK(g.heap);
    }
    size_t i = g.n++;
    for (; i > 0 && before(&w, &g.heap[(i - 1) / 2]); i = (i - 1) / 2)
        g.heap[i] = g.heap[(i - 1) / 2];
    g.heap[i] = w;
}

static struct waiting pop(void)
{
    struct waiting top = g.heap[0], last = g.heap[--g.n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= g.n)
            break;
        child += child + 1 < g.n && before(&g.heap[child + 1], &g.heap[child]);
        if (!before(&g.heap[child], &last))
            break;
        g.heap[i] = g.heap[child];
        i = child;
    }
    g.heap[i] = last;
    return top;
}

// When a handheld uploads what it scanned at that moment: one in nine days it has no network until evening.
static int64_t upload_time(const struct life_fact *f)
{
    int64_t day = f->at / LIFE_DAY_MS, evening = day * LIFE_DAY_MS + EVENING_MS;
    if (f->device == LIFE_NO_STREAM)
        return f->at + 500;
    if ((f->device * INT64_C(31) + day) % 9 == 0 && f->at < evening)
        return evening + f->device * INT64_C(700);
    return (f->at / SLOT_MS + 1) * SLOT_MS + f->device * INT64_C(700);
}

// ---- segments, as watch makes them

static int64_t ask(const char *sql)
{
    const struct db_result *r;
    int err = dbsync_query(g.db, sql, NULL, &r);
    if (err != ERR_OK || db_rows(r) != 1) {
        (void)fprintf(stderr, "generate: %s: %s %s\n", sql, err_name(err),
                      err == ERR_DB_REFUSED ? db_message(r) : "");
        exit(1);
    }
    return db_int(r, 0, 0);
}

// ATTACH waits for the COPY to end, and the function looks at the log's last row: so both are committed
// first.
static void make_segments(void)
{
    static const char *const logs[] = {"fact", "journey"};
    const int64_t at[] = {g.pos, fold_journey_rows(g.fold)};
    for (int i = 0; i < 2; i++) {
        if (g.segment_at[i] - at[i] > CHECK_EVERY * 40) // no fact has more journey rows than that, on average
            continue;
        char sql[128];
        if (i == 0)
            table_commit(g.facts);
        else
            fold_commit_journey(g.fold);
        (void)snprintf(sql, sizeof sql, "select dt.make_segments('%s', %d)::bigint", logs[i], SEGMENTS_AHEAD);
        (void)ask(sql);
        (void)snprintf(sql, sizeof sql, "select max(last_pos) from dt.segment where log = '%s'", logs[i]);
        g.segment_at[i] = ask(sql);
    }
}

// ---- one upload

static struct fact_text text_of(const char *s)
{
    return (struct fact_text){s, s ? strlen(s) : 0};
}

static int print_body(const struct life_fact *l, uint32_t seq, char *body, size_t cap)
{
    struct fact f;
    fact_init(&f);
    f.kind = l->kind;
    f.at = l->at;
    if (l->device != LIFE_NO_STREAM) {
        f.has_seq = f.has_id = f.has_office = true;
        f.seq = seq;
        f.office = l->office;
        f.boot = text_of("7f3a90c1");
        f.up = l->at % LIFE_DAY_MS;
        life_uuid7(&g.province.random, l->at, f.id);
    }
    f.code = text_of(l->code);
    f.leg = l->leg;
    f.reason = text_of(l->reason);
    f.solution = text_of(l->solution);
    f.charge = l->charge;
    f.fee = l->fee;
    for (unsigned i = 0; i < l->n_dossiers; i++)
        f.dossiers[f.n_dossiers++] = text_of(l->dossiers[i]->code);
    for (unsigned i = 0; i < l->n_members; i++)
        f.members[f.n_members++] = text_of(l->members[i]);
    if (l->registers) {
        f.unit = text_of(l->dossiers[0]->unit);
        f.tthc = text_of(l->dossiers[0]->tthc);
    }
    return fact_print(&f, body, cap);
}

// Appends one fact: its row, and what it means. → the digest
static void append(const struct waiting *w, int64_t stream, uint32_t seq, unsigned char digest[SHA256_LEN])
{
    const struct life_fact *l = w->fact;
    char body[FACT_BODY_MAX];
    int len = print_body(l, seq, body, sizeof body);
    CHECK(len > 0);
    crypto_sha256(body, (size_t)len, digest);
    int source = l->device == LIFE_NO_STREAM ? SOURCE_OFFICE : SOURCE_DEVICE;
    const struct batch_fact row = {.pos = ++g.pos,
                                   .stream = stream,
                                   .seq = seq,
                                   .type = l->kind,
                                   .source = source,
                                   .at = l->at,
                                   .body = body,
                                   .body_len = (size_t)len};
    struct table *t = g.facts;
    table_begin(t);
    put_int2(t, 0);
    put_int8(t, row.pos);
    put_int8(t, stream);
    put_int8(t, seq);
    put_int2(t, l->kind);
    put_int2(t, source);
    put_int4(t, 0);
    put_time(t, l->at);
    put_time(t, w->slot);
    if (l->code)
        put_text(t, l->code);
    else
        put_null(t);
    put_bytes(t, body, (size_t)len);
    fold_apply(g.fold, w->cohort, &row, w->slot);
    if (--w->cohort->left == 0) {
        fold_end(g.fold, w->cohort);
        free(w->cohort);
    }
    if (g.pos % CHECK_EVERY == 0)
        make_segments();
}

static void put_receipt(struct device *d, int64_t stream, int64_t slot, unsigned n,
                        const unsigned char *digests)
{
    char header[WIRE_HEADER_MAX], outcomes[UPLOAD_MAX];
    unsigned char signature[64];
    struct wire_header h = {.sent = slot, .count = n};
    life_uuid7(&g.province.random, slot, h.batch);
    memcpy(h.device, d->id, sizeof h.device);
    memcpy(h.stream, d->token, sizeof h.stream);
    crypto_sha256(digests, (size_t)n * SHA256_LEN, h.digests);
    size_t len = wire_print_header(&h, header, sizeof header);
    CHECK(len > 0);
    // Evidence that nobody looks at here: signing would take more time than all the rest.
    for (size_t i = 0; i < sizeof signature; i += sizeof(uint64_t)) {
        uint64_t word = life_next(&g.province.random);
        memcpy(signature + i, &word, sizeof word);
    }
    memset(outcomes, OUTCOME_ACCEPTED, n);
    struct table *t = g.receipts;
    table_begin(t);
    put_int2(t, 0);
    put_int8(t, stream);
    put_int8(t, d->seq);
    put_int8(t, (int64_t)d->seq - n + 1);
    put_int8(t, g.pos - n + 1);
    put_bytes(t, outcomes, n);
    put_bytes(t, digests, (size_t)n * SHA256_LEN);
    put_bytes(t, header, len);
    put_bytes(t, signature, sizeof signature);
    put_time(t, slot);
}

// All that one handheld uploads at that moment, or one fact of an office.
static void upload(void)
{
    unsigned char digests[UPLOAD_MAX][SHA256_LEN];
    struct waiting w = pop();
    int64_t slot = w.slot;
    int device = w.fact->device;
    if (device == LIFE_NO_STREAM) {
        append(&w, 1, ++g.portal_seq, digests[0]);
        return;
    }
    struct device *d = &g.devices[device];
    int64_t stream = SECOND_STREAM + device;
    unsigned n = 0;
    for (;;) {
        append(&w, stream, ++d->seq, digests[n++]);
        if (n == UPLOAD_MAX || g.n == 0 || g.heap[0].slot != slot || g.heap[0].fact->device != device)
            break;
        w = pop();
    }
    put_receipt(d, stream, slot, n, digests[0]);
}

// ---- the years

// On a terminal: how far through the years, rows a second, time left.
static void show_progress(int64_t from_ms, int64_t at_ms, bool last)
{
    int64_t now = clock_mono_ms(), took = now - g.began_mono + 1,
            rows = g.pos + table_rows(g.receipts) + fold_rows(g.fold);
    if ((now - g.shown_mono < SHOW_MS && !last) || !isatty(STDERR_FILENO))
        return;
    g.shown_mono = now;
    double share = (double)(at_ms - from_ms) / (double)(g.until_ms - from_ms);
    char bar[31] = "..............................";
    memset(bar, '#', share < 1 ? (size_t)(share * 30) : 30);
    (void)fprintf(stderr, "\r[%s] %" PRId64 " facts, %" PRId64 " rows, %" PRId64 " rows/s, %.0f s left   %s",
                  bar, g.pos, rows, rows * 1000 / took,
                  share > 0 ? (double)took * (1 - share) / share / 1000 : 0, last ? "\n" : "");
}

static struct fold_cohort *begin_cohort(unsigned dossiers, int64_t from_ms, double step_ms)
{
    struct fold_cohort *c = calloc(1, sizeof *c);
    CHECK(c);
    life_begin(&g.province, &c->life, dossiers, from_ms, step_ms);
    fold_begin(g.fold, c);
    for (size_t i = 0; i < c->life.n_facts; i++) {
        const struct life_fact *f = &c->life.facts[i];
        push((struct waiting){upload_time(f), f, c});
    }
    return c;
}

// What is not uploaded yet when the years are over has not happened; its cohorts are stored as they are.
static void end_cohorts(void)
{
    while (g.n > 0) {
        struct waiting w = pop();
        if (--w.cohort->left == 0) {
            fold_end(g.fold, w.cohort);
            free(w.cohort);
        }
    }
}

static void live_years(int64_t dossiers, int64_t from_ms)
{
    double step = (double)(g.until_ms - from_ms) / (double)dossiers;
    int64_t begun = 0;
    g.began_mono = clock_mono_ms();
    for (;;) {
        int64_t next = from_ms + (int64_t)((double)begun * step);
        if (begun < dossiers && (g.n == 0 || g.heap[0].slot >= next)) {
            unsigned n = dossiers - begun < LIFE_COHORT ? (unsigned)(dossiers - begun) : LIFE_COHORT;
            (void)begin_cohort(n, next, step);
            begun += n;
        } else if (g.n > 0 && g.heap[0].slot < g.until_ms) {
            show_progress(from_ms, g.heap[0].slot, false);
            upload();
        } else {
            break;
        }
    }
    end_cohorts();
    show_progress(from_ms, g.until_ms, true);
}

// ---- before and after

static void enrol(struct table *devices, struct table *streams, int index, int64_t at_ms)
{
    struct device *d = &g.devices[index];
    struct crypto_p256 *key;
    unsigned char point[65];
    char office[16];
    CHECK(crypto_p256_generate(&key) == 0 && crypto_p256_public(key, point) == 0);
    crypto_p256_free(key);
    life_uuid7(&g.province.random, at_ms, d->id);
    life_uuid7(&g.province.random, at_ms, d->token);
    (void)snprintf(office, sizeof office, "%06d", 570000 + index / LIFE_DEVICES * 10);
    table_begin(devices);
    put_bytes(devices, d->id, sizeof d->id);
    put_text(devices, office);
    put_bytes(devices, point, sizeof point);
    put_time(devices, at_ms);
    table_begin(streams);
    put_int2(streams, 0);
    put_int8(streams, SECOND_STREAM + index);
    put_bytes(streams, d->token, sizeof d->token);
    put_bytes(streams, d->id, sizeof d->id);
    put_time(streams, at_ms);
}

static void enrol_all(const char *conninfo, int64_t at_ms)
{
    struct table *devices = table_open(conninfo, "dt.device", "device,office,public_key,enrolled_at");
    struct table *streams = table_open(conninfo, "dt.stream", "lane,stream,token,device,opened_at");
    for (int i = 0; i < (int)g.province.offices * LIFE_DEVICES; i++)
        enrol(devices, streams, i, at_ms);
    table_close(devices);
    table_close(streams);
    CHECK(ask("select stream from dt.source_stream('portal')") == 1);
    CHECK(ask("select setval('dt.stream_id', (select max(stream) from dt.stream))") > 1);
}

// Where everybody stands: all has been read, folded, planned, told and published.
static void settle(const char *endpoint)
{
    char sql[600];
    for (int i = -1; i < (int)g.province.offices * LIFE_DEVICES; i++) {
        uint32_t seq = i < 0 ? g.portal_seq : g.devices[i].seq;
        (void)snprintf(sql, sizeof sql,
                       "with u as (update dt.stream set answered = case when %" PRIu32
                       " > 0 then int8multirange(int8range(1, %" PRIu32
                       ", '[]')) else '{}' end where stream = %d returning 1) select count(*) from u",
                       seq, seq, i < 0 ? 1 : SECOND_STREAM + i);
        CHECK(ask(sql) == 1);
    }
    // The endpoint's first cursor was written when it was added.
    (void)snprintf(
        sql, sizeof sql,
        "with a as (insert into dt.cursor (lane, consumer, pos) values (0, 'correlate', %" PRId64
        "), (0, 'sms', %" PRId64 ")),"
        " b as (insert into dt.endpoint_cursor (lane, endpoint, n, done) values (0, '%s', 2, %" PRId64 ")),"
        " c as (insert into dt.published (lane, pos) values (0, %" PRId64 ")) select 1::bigint",
        g.pos, fold_journey_rows(g.fold), endpoint, fold_journey_rows(g.fold), fold_journey_rows(g.fold));
    CHECK(ask(sql) == 1);
}

int main(int argc, char **argv)
{
    struct keyring *ring;
    char error[300];
    CHECK(argc == 9);
    int64_t dossiers = strtoll(argv[4], NULL, 10), years = strtoll(argv[5], NULL, 10), now = clock_wall_ms();
    CHECK(dossiers > 0 && years > 0);
    g.province.random.state = strtoull(argv[6], NULL, 10);
    // A small province has few offices: else each of its bags would hold one item.
    int64_t offices = dossiers / 2000;
    g.province.offices = offices < 8 ? 8 : offices > LIFE_OFFICES ? LIFE_OFFICES : (unsigned)offices;
    if (dbsync_open(argv[1], &g.db, error, sizeof error) != ERR_OK ||
        keyring_open(argv[2], KEY_WRAP | KEY_INDEX | KEY_SMS | KEY_TOKEN, &ring, error, sizeof error) !=
            ERR_OK) {
        (void)fprintf(stderr, "generate: %s\n", error);
        return 1;
    }
    struct fold_options o = {.conninfo = argv[1], .ring = ring, .samples = argv[8]};
    CHECK(wire_parse_uuid(argv[3], strlen(argv[3]), o.endpoint));
    o.ledger_from_ms = now - strtoll(argv[7], NULL, 10) * LIFE_DAY_MS;
    o.until_ms = g.until_ms = now;
    o.sample_1_in = 1 + dossiers / SAMPLES;
    g.fold = fold_open(&o);
    g.facts = table_open(argv[1], "dt.fact",
                         "lane,pos,stream,seq,type,source,flags,occurred_at,recorded_at,code,body");
    g.receipts = table_open(argv[1], "dt.receipt",
                            "lane,stream,last_seq,first_seq,first_pos,outcomes,digests,header,signature,at");
    int64_t from = now - years * 365 * LIFE_DAY_MS, since = clock_mono_ms();
    enrol_all(argv[1], from);
    make_segments();
    live_years(dossiers, from);
    settle(argv[3]);
    table_commit(g.facts);
    printf("{\"seconds\":%.1f,\"fact\":%" PRId64 ",\"receipt\":%" PRId64,
           (double)(clock_mono_ms() - since) / 1000, g.pos, table_rows(g.receipts));
    fold_print(g.fold);
    printf("}\n");
    table_close(g.facts);
    table_close(g.receipts);
    fold_close(g.fold);
    keyring_close(ring);
    dbsync_close(g.db);
    free(g.heap);
    return 0;
}
