// SPDX-License-Identifier: EUPL-1.2
// POST /v1/enrol: a one-time code and a public key become a device and its first stream. POST /v1/streams: a
// new stream for a device that lost its storage, by its signature. Rare, so one struct and one query each.
#include "base/clock.h"
#include "base/json.h"
#include "base/json_in.h"
#include "base/log.h"
#include "base/metrics.h"
#include "ingest/internal.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX     200 // bytes of a public key in DER
#define ENROL_SLOTS 256 // addresses that are counted at once; a collision shares its count
#define ANSWER_MAX  1024

struct enrolment {
    struct ingest *service;
    struct http_request *req;
    struct db_query query;
    uint8_t key[65];
    uint8_t code_hash[SHA256_LEN];
    uint8_t device[WIRE_UUID];
    int64_t sent;
    uint8_t signature[BATCH_SIG_MAX];
    size_t signature_len;
};

// ---- guessing codes ----
// At most ENROL_BURST wrong ones at once, then one each ENROL_REFILL_MS, per address.

static struct {
    int64_t paid_until; // monotonic; each wrong code moves it on by ENROL_REFILL_MS
} guesses[ENROL_SLOTS];

static struct metric wrong_codes = {.name = "duongthu_ingest_enrol_wrong_total",
                                    .help = "Enrolments with a wrong code",
                                    .kind = METRIC_COUNTER};
static struct metric enrolled = {
    .name = "duongthu_ingest_enrolled_total", .help = "Devices enrolled", .kind = METRIC_COUNTER};

void enrol_init(void)
{
    metric_register(&wrong_codes);
    metric_register(&enrolled);
}

static int64_t *guesses_of(const char *peer)
{
    uint32_t h = 2166136261u; // FNV-1a
    for (const char *p = peer; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    return &guesses[h % ENROL_SLOTS].paid_until;
}

// Seconds to wait before the next try, 0 = now.
static unsigned guess_wait_s(const char *peer)
{
    int64_t over = *guesses_of(peer) - clock_mono_ms() - (ENROL_BURST - 1) * ENROL_REFILL_MS;
    return over > 0 ? (unsigned)((over + 999) / 1000) : 0;
}

static void guess_failed(const char *peer)
{
    int64_t *until = guesses_of(peer), now = clock_mono_ms();
    *until = (*until > now ? *until : now) + ENROL_REFILL_MS;
    metric_add(&wrong_codes, 1);
}

// ---- endings ----

static void end(struct enrolment *e)
{
    db_params_done(&e->query.params);
    free(e);
}

static void end_problem(struct enrolment *e, int status, const char *code, const char *title,
                        const char *detail)
{
    log_info("enrol.refused", LOG_STR("code", code), LOG_STR("peer", http_peer(e->req)));
    http_problem(e->req, status, code, title, "%s", detail);
    end(e);
}

static void end_error(struct enrolment *e, int err)
{
    log_warn("enrol.unavailable", LOG_ERR(err));
    reply_database_error(e->req, err);
    end(e);
}

static void put_uuid(struct jout *j, const char *key, const struct db_result *res, int col)
{
    char text[37];
    size_t len;
    const char *id = db_bytes(res, 0, col, &len);
    wire_print_uuid((const uint8_t *)id, text);
    jout_string(j, key, text);
}

// The answer of both requests. token: column of the stream's id, number: of its number.
static void end_stream(struct enrolment *e, const struct db_result *res, int number, int token, bool with_key)
{
    struct buf out;
    struct jout j;
    char device[37], base64[4 * ((ED25519_PUB_LEN + 2) / 3) + 1];
    buf_init(&out, ANSWER_MAX);
    jout_init(&j, &out);
    jout_open_object(&j, NULL);
    wire_print_uuid(e->device, device);
    jout_string(&j, "device", device);
    put_uuid(&j, "stream", res, token);
    jout_int(&j, "stream_number", db_int(res, 0, number));
    if (with_key) {
        unsigned char public[ED25519_PUB_LEN];
        crypto_ed25519_public(keyring_key(e->service->ring, KEY_RECEIPT), public);
        (void)crypto_base64(public, sizeof(public), base64);
        jout_string(&j, "receipt_key", base64);
    }
    jout_int(&j, "server_at_ms", clock_wall_ms());
    reply_put_epoch(&j, &e->service->epoch);
    jout_close_object(&j);
    if (buf_error(&out)) {
        end_error(e, ERR_NO_MEMORY);
    } else {
        log_info(with_key ? "device.enrolled" : "stream.opened", LOG_STR("device", device),
                 LOG_INT("stream", db_int(res, 0, number)));
        http_reply(e->req, 200, "application/json", out.data, out.len);
        end(e);
    }
    buf_done(&out);
}

// ---- queries ----

static int submit(struct enrolment *e, unsigned statement, db_done done)
{
    e->query.statement = statement;
    e->query.timeout_ms = SIDE_TIMEOUT_MS;
    e->query.done = done;
    e->query.owner = e;
    return db_submit(e->service->side, &e->query);
}

static struct enrolment *begin(struct ingest *service, struct http_request *req)
{
    struct enrolment *e = calloc(1, sizeof(*e));
    if (!e || db_params_init(&e->query.params)) {
        free(e);
        reply_database_error(req, ERR_NO_MEMORY);
        return NULL;
    }
    e->service = service;
    e->req = req;
    return e;
}

static bool take_base64(const json_t *v, uint8_t *out, size_t cap, size_t *ret_len)
{
    return json_is_string(v) &&
           crypto_base64_decode(json_string_value(v), json_string_length(v), out, cap, ret_len) == ERR_OK;
}

// ---- /v1/enrol ----

static void end_bad_code(struct enrolment *e)
{
    guess_failed(http_peer(e->req));
    end_problem(e, 403, "bad-code", "Bad code", "This code is unknown, used or expired: ask for a new one.");
}

static void on_enrolled(struct db_query *q, int err, const struct db_result *res)
{
    struct enrolment *e = q->owner;
    if (err) {
        end_error(e, err);
    } else if (db_rows(res) == 0) {
        end_bad_code(e);
    } else {
        size_t len;
        memcpy(e->device, db_bytes(res, 0, 0, &len), sizeof(e->device));
        metric_add(&enrolled, 1);
        end_stream(e, res, 2, 3, true);
    }
}

static void on_try_counted(struct db_query *q, int err, const struct db_result *res)
{
    struct enrolment *e = q->owner;
    (void)res;
    if (err)
        end_error(e, err);
    else
        end_problem(
            e, 400, "malformed-request", "Malformed request",
            "public_key must be a P-256 key in base64: SubjectPublicKeyInfo, or its 65- or 33-byte point.");
}

static bool take_key(const json_t *v, uint8_t out[65])
{
    uint8_t der[KEY_MAX];
    size_t len;
    struct crypto_p256 *key;
    if (!take_base64(v, der, sizeof(der), &len) || crypto_p256_load(der, len, &key))
        return false;
    int err = crypto_p256_public(key, out);
    crypto_p256_free(key);
    return err == ERR_OK;
}

static void enrol(struct enrolment *e, const json_t *root)
{
    char code[WIRE_INVITE_LEN + 1];
    const json_t *c = json_object_get(root, "code");
    if (!json_is_string(c) || !wire_parse_invite(json_string_value(c), json_string_length(c), code)) {
        end_bad_code(e);
        return;
    }
    crypto_sha256(code, WIRE_INVITE_LEN, e->code_hash);
    bool usable = take_key(json_object_get(root, "public_key"), e->key);
    db_put_bytea(&e->query.params, e->code_hash, sizeof(e->code_hash));
    if (usable)
        db_put_bytea(&e->query.params, e->key, sizeof(e->key));
    int err = usable ? submit(e, SIDE_ENROL, on_enrolled) : submit(e, SIDE_ENROL_FAILED, on_try_counted);
    if (err)
        end_error(e, err);
}

void on_enrol(struct http_request *req, void *owner)
{
    unsigned wait = guess_wait_s(http_peer(req));
    if (wait > 0) {
        char seconds[16];
        (void)snprintf(seconds, sizeof(seconds), "%u", wait);
        http_set_header(req, "Retry-After", seconds);
        http_problem(req, 429, "too-many-attempts", "Too many attempts", "Wait %u s.", wait);
        return;
    }
    struct enrolment *e = begin(owner, req);
    if (!e)
        return;
    char why[100];
    size_t len;
    const char *body = http_body(req, &len);
    json_t *root = json_in_parse(body, len, why, sizeof(why));
    if (root)
        enrol(e, root);
    else
        end_problem(e, 400, "malformed-request", "Malformed request", why);
    json_decref(root);
}

// ---- /v1/streams ----

static void on_opened(struct db_query *q, int err, const struct db_result *res)
{
    struct enrolment *e = q->owner;
    if (err)
        end_error(e, err);
    else
        end_stream(e, res, 1, 2, false);
}

static int check_word(const struct enrolment *e, const struct db_result *res)
{
    struct crypto_p256 *key;
    char text[WIRE_HEADER_MAX];
    size_t key_len, len = wire_print_stream(e->device, e->sent, text, sizeof(text));
    const char *der = db_bytes(res, 0, 0, &key_len);
    int err = len ? crypto_p256_load(der, key_len, &key) : ERR_INVALID;
    if (err)
        return err;
    err = crypto_p256_verify(key, text, len, e->signature, e->signature_len);
    crypto_p256_free(key);
    return err;
}

static void on_device(struct db_query *q, int err, const struct db_result *res)
{
    struct enrolment *e = q->owner;
    if (err) {
        end_error(e, err);
    } else if (db_rows(res) == 0) {
        end_problem(e, 401, "unknown-device", "Unknown device", "Enrol this device.");
    } else if (check_word(e, res)) {
        end_problem(e, 401, "bad-signature", "Bad signature",
                    "The signature is not this device's over this request.");
    } else if (db_bool(res, 0, 1)) {
        end_problem(e, 403, "device-revoked", "Device revoked", "A revoked device gets no new stream.");
    } else if (db_int(res, 0, 2) >= STREAMS_A_DAY) {
        http_set_header(e->req, "Retry-After", "3600");
        end_problem(e, 429, "too-many-attempts", "Too many attempts", "At most 20 new streams a day.");
    } else {
        db_params_reset(&e->query.params);
        db_put_uuid(&e->query.params, e->device);
        err = submit(e, SIDE_OPEN_STREAM, on_opened);
        if (err)
            end_error(e, err);
    }
}

static bool take_request(struct enrolment *e, const json_t *root)
{
    const json_t *device = json_object_get(root, "device"), *sent = json_object_get(root, "sent_at_ms");
    e->sent = json_integer_value(sent);
    return json_is_string(device) && json_is_integer(sent) &&
           wire_parse_uuid(json_string_value(device), json_string_length(device), e->device) &&
           take_base64(json_object_get(root, "signature"), e->signature, sizeof(e->signature),
                       &e->signature_len);
}

static bool is_now(int64_t ms)
{
    int64_t skew;
    return !__builtin_sub_overflow(clock_wall_ms(), ms, &skew) && skew <= WIRE_CLOCK_SKEW_MS &&
           skew >= -WIRE_CLOCK_SKEW_MS;
}

static void end_skew(struct enrolment *e)
{
    struct refusal r = {0};
    (void)refuse(&r, 409, "clock-skew", "Clock skew",
                 "sent_at_ms is more than 300 s from the server's time: correct it and sign again.");
    reply_refusal(e->req, &r);
    end(e);
}

void on_streams(struct http_request *req, void *owner)
{
    struct enrolment *e = begin(owner, req);
    char why[100] = "A JSON object with device, sent_at_ms and signature is needed.";
    size_t len;
    if (!e)
        return;
    const char *body = http_body(req, &len);
    json_t *root = json_in_parse(body, len, why, sizeof(why));
    if (!root || !take_request(e, root)) {
        end_problem(e, 400, "malformed-request", "Malformed request", why);
    } else if (!is_now(e->sent)) {
        end_skew(e);
    } else {
        db_put_uuid(&e->query.params, e->device);
        int err = submit(e, SIDE_DEVICE, on_device);
        if (err)
            end_error(e, err);
    }
    json_decref(root);
}
