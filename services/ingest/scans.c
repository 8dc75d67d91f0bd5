// SPDX-License-Identifier: EUPL-1.2
// POST /v1/scans. One batch goes: parsed → its stream is known, or looked up → clock and signature →
// verdicts, personal parts sealed → group commit → results and receipt. struct work lives from the request to
// its answer.
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ingest/internal.h"
#include "ingest/judge.h"
#include "ingest/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REPLY_MAX ((size_t)256 << 10) // bytes of an answer: 500 results with the longest reason

struct work {
    struct upload upload;
    struct ingest *service;
    struct http_request *req;
    bool json;
    int64_t received_ms; // wall clock
    struct db_query lookup;
    bool has_lookup; // its parameters are to be freed
};

static struct metric ack_seconds = {.name = "duongthu_ingest_ack_seconds",
                                    .help = "From the arrival of a batch to its acknowledgement",
                                    .kind = METRIC_HISTOGRAM};
#define RESULTS(what)                                                                                        \
    {                                                                                                        \
        .name = "duongthu_ingest_scans_total", .labels = "result=\"" what "\"",                              \
        .help = "Scans by their result", .kind = METRIC_COUNTER                                              \
    }
static struct metric scan_results[] = {RESULTS("unknown"), RESULTS("accepted"), RESULTS("duplicate"),
                                       RESULTS("quarantined"), RESULTS("refused")};
#define BATCHES(what)                                                                                        \
    {                                                                                                        \
        .name = "duongthu_ingest_batches_total", .labels = "result=\"" what "\"",                            \
        .help = "Batches by their answer", .kind = METRIC_COUNTER                                            \
    }
static struct metric batches_acked = BATCHES("acked");
static struct metric batches_refused = BATCHES("refused");
static struct metric batches_unavailable = BATCHES("unavailable");

void scans_init(void)
{
    metric_register(&ack_seconds);
    for (size_t i = 1; i < ARRAY_LEN(scan_results); i++)
        metric_register(&scan_results[i]);
    metric_register(&batches_acked);
    metric_register(&batches_refused);
    metric_register(&batches_unavailable);
}

// ---- endings ----

static void work_free(struct work *w)
{
    if (w->upload.stream)
        w->upload.stream->pins--;
    if (w->has_lookup)
        db_params_done(&w->lookup.params);
    batch_done(&w->upload.batch);
    free(w);
}

void reply_refusal(struct http_request *req, const struct refusal *r)
{
    if (strcmp(r->code, "clock-skew") != 0) {
        http_problem(req, r->status, r->code, r->title, "%s", r->detail);
        return;
    }
    char body[512]; // the one problem that carries more than words
    int n = snprintf(
        body, sizeof(body),
        "{\"type\":\"about:blank#clock-skew\",\"title\":\"%s\",\"status\":%d,\"code\":\"clock-skew\","
        "\"detail\":\"%s\",\"server_at_ms\":%" PRId64 "}",
        r->title, r->status, r->detail, clock_wall_ms());
    http_reply(req, r->status, "application/problem+json", body, (size_t)n);
}

void reply_database_error(struct http_request *req, int err)
{
    switch (err) {
    case ERR_FULL:
        http_unavailable(req, "overloaded", 1);
        break;
    case ERR_DB_REFUSED:
        http_problem(req, 500, "internal-error", "Internal error",
                     "The database refuses this request for a lasting reason; it is in the log.");
        break;
    case ERR_CLOSED:
        http_unavailable(req, "stopping", 1);
        break;
    case ERR_NO_MEMORY:
        http_unavailable(req, "overloaded", 5);
        break;
    default:
        http_unavailable(req, "database-unavailable", 2);
    }
}

static void end_refused(struct work *w, const struct refusal *r)
{
    const struct stream *s = w->upload.stream;
    log_info("batch.refused", LOG_STR("code", r->code), LOG_STR("peer", http_peer(w->req)),
             LOG_INT("stream", s ? s->number : 0));
    metric_add(&batches_refused, 1);
    reply_refusal(w->req, r);
    work_free(w);
}

static void end_error(struct work *w, int err)
{
    if (err != ERR_FULL)
        log_warn("batch.unavailable", LOG_ERR(err),
                 LOG_INT("stream", w->upload.stream ? w->upload.stream->number : 0));
    metric_add(&batches_unavailable, 1);
    reply_database_error(w->req, err);
    work_free(w);
}

static void count(const struct batch *b)
{
    for (unsigned i = 0; i < b->header.count; i++)
        metric_add(&scan_results[reply_status(b, &b->scans[i])], 1);
}

static void end_acked(struct work *w)
{
    struct buf out;
    buf_init(&out, REPLY_MAX);
    struct batch *b = &w->upload.batch;
    int err = reply_print(b, w->upload.server_ms, &w->service->epoch,
                          keyring_key(w->service->ring, KEY_RECEIPT), w->json, &out);
    if (err) {
        buf_done(&out);
        end_error(w, err); // stored, and the device will hear so when it sends again
        return;
    }
    count(b);
    metric_add(&batches_acked, 1);
    metric_observe_ms(&ack_seconds, clock_mono_ms() - http_started_ms(w->req));
    log_debug("batch.acked", LOG_INT("stream", w->upload.stream->number), LOG_INT("scans", b->header.count));
    http_reply(w->req, 200, w->json ? "application/json" : "application/x-protobuf", out.data, out.len);
    buf_done(&out);
    work_free(w);
}

static void on_stored(struct upload *u, int err)
{
    struct work *w = CONTAINER_OF(u, struct work, upload);
    struct refusal r;
    if (err) {
        end_error(w, err);
    } else if (u->status == UPLOAD_SPARSE) {
        (void)refuse(&r, 409, "stream-sparse", "Stream too sparse",
                     "More than 256 gaps, or a jump of 100,000: ask for a new stream and send again.");
        end_refused(w, &r);
    } else if (u->status != UPLOAD_STORED) {
        (void)refuse(&r, 401, "unknown-device", "Unknown device", "This stream is not known any more.");
        end_refused(w, &r);
    } else {
        end_acked(w);
    }
}

// ---- verdicts, personal parts ----

// The id of a blob follows from the digest in the scan's body, so whoever reads the fact finds its blob.
static void blob_id(const uint8_t digest[FACT_DIGEST], uint8_t out[WIRE_UUID])
{
    memcpy(out, digest, WIRE_UUID);
    out[6] = (uint8_t)((out[6] & 0x0f) | 0x80); // UUIDv8, RFC 9562 §5.8
    out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

static int seal_part(struct work *w, struct scan *s)
{
    struct arena *a = &w->upload.batch.arena;
    struct part *p = s->part;
    size_t len = WIRE_SALT + p->data_len;
    char *subject = arena_try_alloc(a, 128);
    p->sealed = arena_try_alloc(a, len + AEAD_OVERHEAD);
    p->wrapped = arena_try_alloc(a, WRAP_LEN);
    if (!subject || !p->sealed || !p->wrapped)
        return ERR_NO_MEMORY;
    if (s->code_is_item && s->code_len >= 0)
        (void)snprintf(subject, 128, "item:%s", s->code);
    else if (s->dossier)
        (void)snprintf(subject, 128, "dossier:%s", s->dossier);
    else
        (void)snprintf(subject, 128, "scan:%" PRId64 ":%" PRIu32, w->upload.stream->number, s->seq);
    unsigned char key[AEAD_KEY_LEN];
    random_bytes(key, sizeof(key));
    blob_id(s->personal, p->blob);
    p->subject = subject;
    p->sealed_len = len + AEAD_OVERHEAD;
    int err = seal_blob(key, p->blob, p->salt, len, p->sealed);
    if (!err)
        err = wrap_key(w->service->ring, p->blob, subject, key, p->wrapped);
    crypto_wipe(key, sizeof(key));
    return err;
}

// Final proposals: the time of each scan, its personal part. Returns how many go to the database in
// *ret_sent.
static int prepare(struct work *w, unsigned *ret_sent)
{
    struct batch *b = &w->upload.batch;
    // sent = the device's clock + offset, so this is the server's time − the device's clock, measured now.
    int64_t offset = w->received_ms - b->header.sent + b->header.offset;
    unsigned sent = 0;
    for (unsigned i = 0; i < b->header.count; i++) {
        struct scan *s = &b->scans[i];
        enum outcome time = judge_time(s->at, offset, w->received_ms, &s->occurred_ms, &s->flags);
        if (s->outcome == OUTCOME_ACCEPTED)
            s->outcome = (uint8_t)time;
        // A device takes back its own scans only; correlate would be stuck at the fact, and its item frozen.
        if (s->outcome == OUTCOME_ACCEPTED && s->kind == EVENT_CORRECTION && s->retracts != 0 &&
            s->retracts != w->upload.stream->number)
            s->outcome = OUTCOME_EVENT;
        if (s->repeats != s->position || s->outcome == OUTCOME_PERSONAL)
            continue;
        sent++;
        int err = s->part ? seal_part(w, s) : ERR_OK;
        if (err)
            return err;
    }
    *ret_sent = sent;
    return ERR_OK;
}

// ---- who says it ----

static int check_word(struct work *w, struct refusal *r)
{
    const struct batch *b = &w->upload.batch;
    const struct stream *s = w->upload.stream;
    int64_t skew, clock;
    if (memcmp(s->device, b->header.device, WIRE_UUID) != 0)
        return refuse(r, 401, "unknown-device", "Unknown device", "This stream belongs to another device.");
    if (__builtin_sub_overflow(w->received_ms, b->header.sent, &skew) ||
        __builtin_add_overflow(skew, b->header.offset, &clock) || skew > WIRE_CLOCK_SKEW_MS ||
        skew < -WIRE_CLOCK_SKEW_MS)
        return refuse(r, 409, "clock-skew", "Clock skew",
                      "sent_at_ms is more than 300 s from the server's time: add offset_ms and sign again.");
    if (crypto_p256_verify(s->key, b->header_text, b->header_len, b->signature, b->signature_len))
        return refuse(r, 401, "bad-signature", "Bad signature",
                      "The signature is not this device's over this batch header.");
    return ERR_OK;
}

static void on_known(struct work *w)
{
    struct refusal r;
    unsigned sent;
    if (check_word(w, &r)) {
        end_refused(w, &r);
        return;
    }
    int err = prepare(w, &sent);
    if (!err && sent == 0) { // every scan is refused: nothing to store, nothing to wait for
        w->upload.server_ms = clock_wall_ms();
        end_acked(w);
        return;
    }
    w->upload.done = on_stored;
    if (!err)
        err = appender_add(w->service->appender, &w->upload);
    if (err)
        end_error(w, err);
}

static void pin(struct work *w, struct stream *s)
{
    w->upload.stream = s;
    s->pins++;
}

static void on_lookup(struct db_query *q, int err, const struct db_result *res)
{
    struct work *w = q->owner;
    const struct wire_header *h = &w->upload.batch.header;
    struct stream *s;
    if (!err && db_rows(res) == 0) {
        struct refusal r;
        (void)refuse(&r, 401, "unknown-device", "Unknown device", "Enrol this device, or ask for a stream.");
        end_refused(w, &r);
        return;
    }
    if (!err) {
        size_t len;
        const char *key = db_bytes(res, 0, 2, &len);
        err = streams_add(w->service->streams, h->stream, h->device, (int16_t)db_int(res, 0, 0),
                          db_int(res, 0, 1), key, len, &s);
    }
    if (err) {
        end_error(w, err);
        return;
    }
    pin(w, s);
    on_known(w);
}

static int look_up(struct work *w)
{
    struct db_query *q = &w->lookup;
    int err = db_params_init(&q->params);
    if (err)
        return err;
    w->has_lookup = true;
    db_put_uuid(&q->params, w->upload.batch.header.device);
    db_put_uuid(&q->params, w->upload.batch.header.stream);
    q->statement = SIDE_LOOKUP;
    q->timeout_ms = SIDE_TIMEOUT_MS;
    q->done = on_lookup;
    q->owner = w;
    return db_submit(w->service->side, q);
}

// ---- begin ----

// "application/json; charset=utf-8" is application/json.
static bool is_type(const char *header, const char *type)
{
    size_t len = strlen(type);
    return header && strncasecmp(header, type, len) == 0 &&
           (header[len] == '\0' || header[len] == ';' || header[len] == ' ');
}

static void begin(struct work *w)
{
    struct refusal r;
    size_t len;
    const char *body = http_body(w->req, &len);
    int err = w->json ? batch_parse_json(&w->upload.batch, body, len, &r)
                      : batch_parse_proto(&w->upload.batch, body, len, &r);
    if (err == ERR_INVALID) {
        end_refused(w, &r);
        return;
    }
    struct stream *s = err ? NULL : streams_find(w->service->streams, w->upload.batch.header.stream);
    if (s) {
        pin(w, s);
        on_known(w);
        return;
    }
    if (!err)
        err = look_up(w);
    if (err)
        end_error(w, err);
}

void on_scans(struct http_request *req, void *owner)
{
    struct ingest *service = owner;
    const char *type = http_header(req, "content-type");
    bool json = is_type(type, "application/json");
    if (!json && !is_type(type, "application/x-protobuf") && !is_type(type, "application/protobuf")) {
        http_problem(req, 415, "unsupported-media-type", "Unsupported media type",
                     "Send application/x-protobuf or application/json.");
        return;
    }
    if (appender_full(service->appender)) { // before any work is done for it
        metric_add(&batches_unavailable, 1);
        reply_database_error(req, ERR_FULL);
        return;
    }
    if (!db_up(service->writer)) {
        metric_add(&batches_unavailable, 1);
        reply_database_error(req, ERR_DB_DOWN);
        return;
    }
    struct work *w = calloc(1, sizeof(*w));
    if (!w) {
        reply_database_error(req, ERR_NO_MEMORY);
        return;
    }
    w->service = service;
    w->req = req;
    w->json = json;
    w->received_ms = clock_wall_ms();
    batch_init(&w->upload.batch);
    begin(w);
}
