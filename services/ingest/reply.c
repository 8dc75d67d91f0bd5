// SPDX-License-Identifier: EUPL-1.2
#include "ingest/reply.h"

#include <duongthu.pb-c.h>
#include <string.h>

typedef Duongthu__V1__ScanReply ScanReply;
typedef Duongthu__V1__ScanResult ScanResult;

struct result {
    enum wire_status status, first; // first: of a duplicate
    const char *reason;
};

static struct result result_of(const struct batch *b, const struct scan *s)
{
    const struct scan *said = &b->scans[s->repeats];
    struct result r = {.status = outcome_status(said->outcome), .reason = outcome_reason(said->outcome)};
    // A scan that repeats another of this batch was answered by it, unless that one was not stored.
    if (r.status != WIRE_REFUSED && (said->duplicate || said != s)) {
        r.first = r.status;
        r.status = WIRE_DUPLICATE;
    }
    return r;
}

enum wire_status reply_status(const struct batch *b, const struct scan *s)
{
    return result_of(b, s).status;
}

static int sign_receipt(const struct batch *b, int64_t server_ms, const unsigned char *seed,
                        unsigned char *sig)
{
    struct buf text;
    buf_init(&text, WIRE_RECEIPT_HEAD_MAX + (size_t)b->header.count * WIRE_RESULT_MAX + 1);
    char *p = buf_try_reserve(&text, WIRE_RECEIPT_HEAD_MAX);
    if (p)
        text.len +=
            wire_print_receipt(b->header.batch, b->header.stream, server_ms, p, WIRE_RECEIPT_HEAD_MAX);
    for (unsigned i = 0; i < b->header.count && (p = buf_try_reserve(&text, WIRE_RESULT_MAX)); i++) {
        struct result r = result_of(b, &b->scans[i]);
        text.len += wire_print_result(i == 0, b->scans[i].seq, r.status, r.reason, p, WIRE_RESULT_MAX);
    }
    buf_putc(&text, '\n');
    int err = buf_error(&text);
    if (!err)
        crypto_ed25519_sign(seed, text.data, text.len, sig);
    buf_done(&text);
    return err;
}

void reply_put_epoch(struct jout *j, const struct reply_epoch *epoch)
{
    if (epoch->number > 0)
        jout_int(j, "epoch", epoch->number);
    if (epoch->resend_from_ms > 0)
        jout_int(j, "resend_from_ms", epoch->resend_from_ms);
}

static int print_json(const struct batch *b, int64_t server_ms, const struct reply_epoch *epoch,
                      const unsigned char *sig, struct buf *out)
{
    char id[37], base64[4 * ((ED25519_SIG_LEN + 2) / 3) + 1];
    struct jout j;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    wire_print_uuid(b->header.batch, id);
    jout_string(&j, "batch", id);
    jout_int(&j, "server_at_ms", server_ms);
    reply_put_epoch(&j, epoch);
    jout_open_array(&j, "results");
    for (unsigned i = 0; i < b->header.count; i++) {
        struct result r = result_of(b, &b->scans[i]);
        jout_open_object(&j, NULL);
        jout_int(&j, "seq", b->scans[i].seq);
        jout_string(&j, "status", wire_status_name(r.status));
        if (*r.reason)
            jout_string(&j, "reason", r.reason);
        if (r.first)
            jout_string(&j, "first", wire_status_name(r.first));
        jout_close_object(&j);
    }
    jout_close_array(&j);
    (void)crypto_base64(sig, ED25519_SIG_LEN, base64);
    jout_string(&j, "signature", base64);
    jout_close_object(&j);
    return buf_error(out);
}

static int print_proto(struct batch *b, int64_t server_ms, const struct reply_epoch *epoch,
                       unsigned char *sig, struct buf *out)
{
    unsigned n = b->header.count;
    ScanResult *results = arena_try_alloc(&b->arena, n * sizeof(*results));
    ScanResult **list = arena_try_alloc(&b->arena, n * sizeof(ScanResult *));
    if (!results || !list)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < n; i++) {
        struct result r = result_of(b, &b->scans[i]);
        duongthu__v1__scan_result__init(&results[i]);
        results[i].has_seq = results[i].has_status = true;
        results[i].seq = b->scans[i].seq;
        results[i].status = (Duongthu__V1__Status)r.status;
        results[i].reason = *r.reason ? (char *)(uintptr_t)r.reason : NULL; // packed, not written to
        results[i].has_first = r.first != 0;
        results[i].first = (Duongthu__V1__Status)r.first;
        list[i] = &results[i];
    }
    ScanReply reply = DUONGTHU__V1__SCAN_REPLY__INIT;
    reply.has_batch = reply.has_server_at_ms = reply.has_signature = true;
    reply.batch = (ProtobufCBinaryData){WIRE_UUID, b->header.batch};
    reply.server_at_ms = server_ms;
    reply.has_epoch = epoch->number > 0;
    reply.epoch = (uint32_t)epoch->number;
    reply.has_resend_from_ms = epoch->resend_from_ms > 0;
    reply.resend_from_ms = epoch->resend_from_ms;
    reply.n_results = n;
    reply.results = list;
    reply.signature = (ProtobufCBinaryData){ED25519_SIG_LEN, sig};
    size_t size = duongthu__v1__scan_reply__get_packed_size(&reply);
    char *p = buf_try_reserve(out, size);
    if (p)
        out->len += duongthu__v1__scan_reply__pack(&reply, (uint8_t *)p);
    return buf_error(out);
}

int reply_print(struct batch *b, int64_t server_ms, const struct reply_epoch *epoch,
                const unsigned char seed[ED25519_SEED_LEN], bool json, struct buf *out)
{
    unsigned char sig[ED25519_SIG_LEN];
    int err = sign_receipt(b, server_ms, seed, sig);
    if (err)
        return err;
    return json ? print_json(b, server_ms, epoch, sig, out) : print_proto(b, server_ms, epoch, sig, out);
}
