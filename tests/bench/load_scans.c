// SPDX-License-Identifier: EUPL-1.2
// Handhelds at POST /v1/scans: load_scans [-l ITEM] [-r RATE] [-t FILE] PORT CONNECTIONS BATCHES SCANS. Each
// connection is a device with its own key and stream and has one batch under way; all batches are made and
// signed before the clock starts. The devices are printed, then a line on stdin says that the server knows
// them:
//
//   → device UUID PUBLIC-KEY-HEX STREAM-UUID      one line each
//   ← go
//   → {"seconds":…,"scans":…,"accepted":…,"again":…,"p50_ms":…,"p99_ms":…,"late_ms":…,"began_us":…}
//
// -l: lives of items for dossiers (workload.h), numbered from ITEM on. -r: RATE scans a second are offered,
// whether or not the server keeps up; late_ms is how far behind that plan the worst batch left. -t: writes
// "CODE TYPE MICROSECONDS", the monotonic time when each scan was acknowledged. began_us is of that clock
// too. A 503 is sent again after its Retry-After; anything but "accepted" counts as not accepted.
#include "workload.h"

#include "base/attr.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/clock.h"
#include "domain/wire.h"
#include "io/crypto.h"

#include "duongthu.pb-c.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define ANSWER_MAX (256u << 10)

struct request {
    char *bytes;
    size_t len;
};

struct device {
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    uv_timer_t timer;
    struct crypto_p256 *key;
    uint8_t id[16], stream[16];
    struct request *requests;
    unsigned sent; // batches answered
    unsigned owed; // batches to send by now, answered ones included; all of them without a rate
    bool busy;
    struct buf answer;
    uint64_t since_us, *acked_us; // acked_us: one for each batch
};

static struct {
    uv_loop_t *loop;
    struct sockaddr_in server;
    struct device *devices;
    unsigned count, batches, scans, connected, done;
    uint64_t since_us, *latencies_us, late_us;
    size_t answered;
    int64_t accepted, again;
    bool lives;
    uint32_t item;    // the first of the lives
    double rate;      // scans a second; 0: as fast as they are answered
    unsigned planned; // batches owed so far, all devices
    const char *times;
    uv_timer_t pace;
} t;

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

// ---- requests

// Scan number `seq` of a device. A life is told by one device.
static void make_scan(const struct device *d, uint32_t seq, int64_t now, struct workload_scan *out)
{
    uint32_t device = (uint32_t)(d - t.devices), i = seq - 1;
    uint32_t items = (t.batches * t.scans + WORKLOAD_STEPS - 1) / WORKLOAD_STEPS; // of a device
    if (t.lives)
        workload_life(t.item + device * items + i / WORKLOAD_STEPS, i % WORKLOAD_STEPS, seq, now, out);
    else
        workload_scan(device, seq, now, out);
}

static void fill_scan(Duongthu__V1__Scan *s, struct workload_scan *w, char **dossiers)
{
    duongthu__v1__scan__init(s);
    s->has_seq = s->has_id = s->has_at_ms = s->has_uptime_ms = 1;
    s->seq = w->seq;
    s->id = (ProtobufCBinaryData){16, w->id};
    s->at_ms = w->at_ms;
    s->uptime_ms = (uint64_t)w->uptime_ms;
    s->boot = (char *)(uintptr_t)workload_boot;
    s->type = (char *)(uintptr_t)w->type;
    s->code = w->code;
    *dossiers = w->dossier;
    s->dossiers = dossiers;
    s->n_dossiers = w->dossier[0] != '\0';
    s->office = (char *)(uintptr_t) "100000";
}

static void sign(const struct device *d, const Duongthu__V1__ScanBatch *b, const unsigned char *digests,
                 unsigned char out[64])
{
    struct wire_header h = {.sent = b->sent_at_ms, .count = (unsigned)b->n_scans};
    memcpy(h.batch, b->batch.data, 16);
    memcpy(h.device, d->id, 16);
    memcpy(h.stream, d->stream, 16);
    crypto_sha256(digests, b->n_scans * SHA256_LEN, h.digests);
    char text[WIRE_HEADER_MAX];
    size_t len = wire_print_header(&h, text, sizeof text);
    CHECK(len > 0 && crypto_p256_sign(d->key, text, len, out) == 0);
}

static void make_request(struct device *d, unsigned index, struct request *out)
{
    static struct workload_scan rows[WIRE_SCANS_MAX];
    static Duongthu__V1__Scan scans[WIRE_SCANS_MAX];
    static unsigned char digests[WIRE_SCANS_MAX * SHA256_LEN];
    Duongthu__V1__Scan *list[WIRE_SCANS_MAX];
    char *dossiers[WIRE_SCANS_MAX];
    Duongthu__V1__ScanBatch b;
    unsigned char batch[16], signature[64];
    int64_t now = clock_wall_ms();
    for (unsigned i = 0; i < t.scans; i++) {
        make_scan(d, index * t.scans + i + 1, now, &rows[i]);
        fill_scan(&scans[i], &rows[i], &dossiers[i]);
        crypto_sha256(rows[i].body, (size_t)rows[i].body_len, digests + i * SHA256_LEN);
        list[i] = &scans[i];
    }
    random_uuid7(batch);
    duongthu__v1__scan_batch__init(&b);
    b.has_batch = b.has_device = b.has_stream = b.has_sent_at_ms = b.has_signature = 1;
    b.batch = (ProtobufCBinaryData){16, batch};
    b.device = (ProtobufCBinaryData){16, d->id};
    b.stream = (ProtobufCBinaryData){16, d->stream};
    b.sent_at_ms = now;
    b.n_scans = t.scans;
    b.scans = list;
    sign(d, &b, digests, signature);
    b.signature = (ProtobufCBinaryData){64, signature};

    size_t body = duongthu__v1__scan_batch__get_packed_size(&b);
    out->bytes = malloc(body + 200);
    CHECK(out->bytes);
    int head = snprintf(out->bytes, 200,
                        "POST /v1/scans HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-protobuf\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        body);
    out->len = (size_t)head + duongthu__v1__scan_batch__pack(&b, (uint8_t *)out->bytes + head);
}

static void prepare(struct device *d)
{
    unsigned char point[65];
    char id[37], stream[37];
    CHECK(crypto_p256_generate(&d->key) == 0 && crypto_p256_public(d->key, point) == 0);
    random_uuid7(d->id);
    random_uuid7(d->stream);
    d->requests = calloc(t.batches, sizeof *d->requests);
    d->acked_us = calloc(t.batches, sizeof *d->acked_us);
    CHECK(d->requests && d->acked_us);
    for (unsigned i = 0; i < t.batches; i++)
        make_request(d, i, &d->requests[i]);
    buf_init(&d->answer, ANSWER_MAX);
    wire_print_uuid(d->id, id);
    wire_print_uuid(d->stream, stream);
    printf("device %s ", id);
    for (size_t i = 0; i < sizeof point; i++)
        printf("%02x", point[i]);
    printf(" %s\n", stream);
}

// ---- the conversation

static void on_timer(uv_timer_t *timer);

static void on_written(uv_write_t *write, int status)
{
    (void)write;
    CHECK(status == 0);
}

// How far behind the plan the next batch of a device leaves.
static void note_lateness(const struct device *d)
{
    double index = (double)d->sent * t.count + (double)(d - t.devices);
    uint64_t plan = t.since_us + (uint64_t)(index * t.scans * 1e6 / t.rate);
    if (d->since_us > plan && d->since_us - plan > t.late_us)
        t.late_us = d->since_us - plan;
}

static void send_next(struct device *d)
{
    const struct request *r = &d->requests[d->sent];
    uv_buf_t bytes = uv_buf_init(r->bytes, (unsigned)r->len);
    d->since_us = now_us();
    if (t.rate > 0)
        note_lateness(d);
    d->busy = true;
    buf_reset(&d->answer);
    CHECK(uv_write(&d->write, (uv_stream_t *)&d->tcp, &bytes, 1, on_written) == 0);
}

static void on_timer(uv_timer_t *timer)
{
    send_next(CONTAINER_OF(timer, struct device, timer));
}

static void take_reply(struct device *d, const char *body, size_t len)
{
    Duongthu__V1__ScanReply *reply = duongthu__v1__scan_reply__unpack(NULL, len, (const uint8_t *)body);
    CHECK(reply && reply->n_results == t.scans && reply->has_signature);
    for (size_t i = 0; i < reply->n_results; i++)
        t.accepted += reply->results[i]->status == DUONGTHU__V1__STATUS__ACCEPTED;
    duongthu__v1__scan_reply__free_unpacked(reply, NULL);
    d->acked_us[d->sent] = now_us();
    t.latencies_us[t.answered++] = d->acked_us[d->sent] - d->since_us;
    d->busy = false;
    if (++d->sent < t.batches) {
        if (d->sent < d->owed)
            send_next(d);
        return;
    }
    uv_close((uv_handle_t *)&d->tcp, NULL);
    uv_close((uv_handle_t *)&d->timer, NULL);
    t.done++;
}

// Takes a complete answer, when there is one.
static void look(struct device *d)
{
    const char *text = buf_str(&d->answer), *end = strstr(text, "\r\n\r\n");
    if (!end)
        return;
    const char *length = strcasestr(text, "\r\ncontent-length:");
    CHECK(length && length < end);
    size_t body = strtoull(length + strlen("\r\ncontent-length:"), NULL, 10), head = (size_t)(end - text) + 4;
    if (d->answer.len < head + body)
        return;
    int status = (int)strtol(text + strlen("HTTP/1.1 "), NULL, 10);
    if (status == 200) {
        take_reply(d, text + head, body);
        return;
    }
    if (status != 503) {
        (void)fprintf(stderr, "load_scans: %.*s\n", (int)d->answer.len, text);
        exit(1);
    }
    const char *after = strcasestr(text, "\r\nretry-after:");
    t.again++;
    uint64_t wait =
        after && after < end ? strtoull(after + strlen("\r\nretry-after:"), NULL, 10) * 1000 : 1000;
    CHECK(uv_timer_start(&d->timer, on_timer, wait, 0) == 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct device *d = CONTAINER_OF(handle, struct device, tcp);
    char *at = buf_try_reserve(&d->answer, suggested < 65536 ? suggested : 65536);
    CHECK(at);
    *out = uv_buf_init(at, 65536);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct device *d = CONTAINER_OF(stream, struct device, tcp);
    (void)bytes;
    if (n < 0) {
        (void)fprintf(stderr, "load_scans: the server hung up: %s\n", uv_strerror((int)n));
        exit(1);
    }
    d->answer.len += (size_t)n;
    look(d);
}

// What the plan owes by now goes out, device after device; a device that is still waiting for its answer
// sends late, and how late is told.
static void on_pace(uv_timer_t *timer)
{
    unsigned all = t.count * t.batches;
    double due = (double)(now_us() - t.since_us) * t.rate / 1e6 / t.scans;
    for (; t.planned < all && t.planned <= due; t.planned++) {
        struct device *d = &t.devices[t.planned % t.count];
        d->owed++;
        if (!d->busy)
            send_next(d);
    }
    if (t.planned == all)
        uv_close((uv_handle_t *)timer, NULL);
}

static void start(void)
{
    t.since_us = now_us();
    if (t.rate > 0) {
        CHECK(uv_timer_init(t.loop, &t.pace) == 0 && uv_timer_start(&t.pace, on_pace, 0, 1) == 0);
        return;
    }
    for (unsigned i = 0; i < t.count; i++) {
        t.devices[i].owed = t.batches;
        send_next(&t.devices[i]);
    }
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct device *d = CONTAINER_OF(connect, struct device, connect);
    CHECK(status == 0 && uv_read_start((uv_stream_t *)&d->tcp, on_alloc, on_read) == 0);
    (void)uv_tcp_nodelay(&d->tcp, 1);
    if (++t.connected == t.count)
        start();
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile_ms(unsigned percent)
{
    return (double)t.latencies_us[(t.answered - 1) * percent / 100] / 1000;
}

static void write_times(void)
{
    FILE *f = fopen(t.times, "w");
    CHECK(f);
    for (unsigned d = 0; d < t.count; d++) {
        for (uint32_t i = 0; i < t.batches * t.scans; i++) {
            struct workload_scan s;
            make_scan(&t.devices[d], i + 1, 0, &s);
            CHECK(fprintf(f, "%s %s %" PRIu64 "\n", s.code, s.type, t.devices[d].acked_us[i / t.scans]) > 0);
        }
    }
    CHECK(fclose(f) == 0);
}

static int read_options(int argc, char **argv)
{
    for (int c; (c = getopt(argc, argv, "l:r:t:")) != -1;) {
        switch (c) {
        case 'l':
            t.lives = true;
            t.item = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'r':
            t.rate = strtod(optarg, NULL);
            CHECK(t.rate > 0);
            break;
        case 't':
            t.times = optarg;
            break;
        default:
            return 2;
        }
    }
    CHECK(argc - optind == 4);
    t.count = (unsigned)strtoul(argv[optind + 1], NULL, 10);
    t.batches = (unsigned)strtoul(argv[optind + 2], NULL, 10);
    t.scans = (unsigned)strtoul(argv[optind + 3], NULL, 10);
    CHECK(t.count > 0 && t.batches > 0 && t.scans > 0 && t.scans <= WIRE_SCANS_MAX);
    CHECK(uv_ip4_addr("127.0.0.1", (int)strtol(argv[optind], NULL, 10), &t.server) == 0);
    return 0;
}

int main(int argc, char **argv)
{
    if (read_options(argc, argv))
        return 2;
    t.loop = uv_default_loop();
    t.devices = calloc(t.count, sizeof *t.devices);
    t.latencies_us = calloc((size_t)t.count * t.batches, sizeof *t.latencies_us);
    CHECK(t.devices && t.latencies_us);
    for (unsigned i = 0; i < t.count; i++)
        prepare(&t.devices[i]);
    (void)fflush(stdout);
    char go[16];
    CHECK(fgets(go, sizeof go, stdin) && strcmp(go, "go\n") == 0);
    for (unsigned i = 0; i < t.count; i++) {
        struct device *d = &t.devices[i];
        CHECK(uv_tcp_init(t.loop, &d->tcp) == 0 && uv_timer_init(t.loop, &d->timer) == 0);
        CHECK(uv_tcp_connect(&d->connect, &d->tcp, (const struct sockaddr *)&t.server, on_connected) == 0);
    }
    CHECK(uv_run(t.loop, UV_RUN_DEFAULT) == 0 && t.done == t.count);
    double seconds = (double)(now_us() - t.since_us) / 1e6;
    if (t.times)
        write_times();
    qsort(t.latencies_us, t.answered, sizeof *t.latencies_us, by_value);
    printf("{\"seconds\":%.3f,\"scans\":%" PRId64 ",\"accepted\":%" PRId64 ",\"again\":%" PRId64
           ",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"late_ms\":%.1f,\"began_us\":%" PRIu64 "}\n",
           seconds, (int64_t)t.count * t.batches * t.scans, t.accepted, t.again, percentile_ms(50),
           percentile_ms(99), (double)t.late_us / 1000, t.since_us);
    return 0;
}
