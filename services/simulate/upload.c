// SPDX-License-Identifier: EUPL-1.2
#include "simulate/upload.h"

#include "base/err.h"
#include "simulate/upload_internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define ARENA_MAX (16 << 20) // bytes: facts, texts and messages of one batch

// ---- out

static int compose(const struct upload *u, const struct day *d, struct arena *a,
                   struct upload_scan **ret_scans)
{
    struct upload_scan *scans = arena_try_alloc(a, u->n * sizeof *scans);
    int err = scans ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; i < u->n && err == ERR_OK; i++) {
        scans[i].salt = d->scans[u->scans[i]].salt;
        err = scan_compose(d, (size_t)u->scans[i], a, &scans[i].fact, &scans[i].part);
    }
    *ret_scans = scans;
    return err;
}

// The header over the digests of the scans, as they were when each was made.
static int sign(struct upload_message *m, const struct day *d)
{
    const struct upload *u = m->upload;
    unsigned char digests[UPLOAD_SCANS_MAX * SHA256_LEN];
    char text[WIRE_HEADER_MAX];
    struct wire_header h = {
        .sent = u->sent_ms, .offset = u->offset_ms, .has_offset = u->has_offset, .count = (unsigned)u->n};
    memcpy(h.batch, u->batch, sizeof h.batch);
    memcpy(h.device, m->device->id, sizeof h.device);
    memcpy(h.stream, m->device->stream, sizeof h.stream);
    for (size_t i = 0; i < u->n; i++)
        memcpy(digests + i * SHA256_LEN, d->scans[u->scans[i]].digest, SHA256_LEN);
    crypto_sha256(digests, u->n * SHA256_LEN, h.digests);
    size_t len = wire_print_header(&h, text, sizeof text);
    return len > 0 ? crypto_p256_sign(m->device->key, text, len, m->signature) : ERR_INVALID;
}

static int gzip(struct buf *body)
{
    z_stream z = {0};
    struct buf out;
    buf_init(&out, UPLOAD_BODY_MAX);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return ERR_NO_MEMORY;
    size_t bound = deflateBound(&z, body->len);
    char *room = buf_try_reserve(&out, bound);
    z.next_in = (unsigned char *)body->data;
    z.avail_in = (unsigned)body->len;
    z.next_out = (unsigned char *)room;
    z.avail_out = (unsigned)bound;
    bool done = room && deflate(&z, Z_FINISH) == Z_STREAM_END;
    out.len = done ? z.total_out : 0;
    (void)deflateEnd(&z);
    if (!done) {
        buf_done(&out);
        return ERR_NO_MEMORY;
    }
    buf_done(body);
    *body = out;
    return ERR_OK;
}

int upload_encode(const struct upload *u, const struct day *d, const struct upload_device *device,
                  struct buf *ret_body)
{
    struct arena a;
    struct upload_scan *scans;
    struct upload_message m = {.upload = u, .device = device};
    buf_init(ret_body, UPLOAD_BODY_MAX);
    arena_init(&a, ARENA_MAX);
    int err = compose(u, d, &a, &scans);
    m.scans = scans;
    if (err == ERR_OK)
        err = sign(&m, d);
    if (err == ERR_OK)
        err = u->protobuf ? upload_print_proto(&m, &a, ret_body) : upload_print_json(&m, ret_body);
    if (err == ERR_OK && u->gzip)
        err = gzip(ret_body);
    arena_done(&a);
    return err;
}

// ---- in

static bool receipt_holds(const struct upload *u, const struct upload_device *device,
                          const struct upload_answer *answer)
{
    char text[WIRE_RECEIPT_HEAD_MAX + UPLOAD_SCANS_MAX * WIRE_RESULT_MAX + 1];
    size_t len = wire_print_receipt(u->batch, device->stream, answer->server_ms, text, sizeof text);
    for (size_t i = 0; i < answer->n; i++)
        len += wire_print_result(i == 0, answer->seqs[i], answer->results[i].status,
                                 answer->results[i].reason, text + len, sizeof text - len);
    text[len++] = '\n';
    return crypto_ed25519_verify(device->receipt_key, text, len, answer->signature) == ERR_OK;
}

static const char *find_fault(const struct upload *u, const struct day *d, const struct upload_answer *answer)
{
    if (memcmp(answer->batch, u->batch, sizeof u->batch) != 0)
        return "the answer names another batch";
    if (answer->n != u->n)
        return "the answer has not one result per scan";
    for (size_t i = 0; i < u->n; i++)
        if (answer->seqs[i] != d->scans[u->scans[i]].seq)
            return "the results are not in the order of the batch";
    return NULL;
}

int upload_read(const struct upload *u, const struct day *d, const struct upload_device *device,
                const char *body, size_t len, struct upload_result *ret_results, int64_t *ret_server_ms,
                const char **ret_why)
{
    struct upload_answer answer;
    int err = u->protobuf ? upload_parse_proto(body, len, &answer) : upload_parse_json(body, len, &answer);
    *ret_why = err ? "the answer is not in the form of proto/README.md" : find_fault(u, d, &answer);
    if (*ret_why)
        return ERR_PROTOCOL;
    if (!receipt_holds(u, device, &answer)) {
        *ret_why = "the receipt's signature does not hold";
        return ERR_CRYPTO;
    }
    memcpy(ret_results, answer.results, answer.n * sizeof *ret_results);
    *ret_server_ms = answer.server_ms;
    return ERR_OK;
}
