// SPDX-License-Identifier: EUPL-1.2
// A batch that was taken, printed again in both forms of the wire: whichever a handheld speaks, the server
// must understand the same scans, and the digests that were signed must be the same.
#pragma once
#include "base/json.h"
#include "fuzz.h"
#include "ingest/batch.h"
#include "io/crypto.h"

#include <duongthu.pb-c.h>

#define SCANS_TEXT_MAX ((size_t)16 << 20)

static inline void scans_put_text(struct jout *j, const char *key, struct fact_text t)
{
    if (t.len > 0)
        jout_string_n(j, key, t.ptr, t.len);
}

static inline void scans_put_texts(struct jout *j, const char *key, const struct fact_text *list, size_t n)
{
    if (n == 0)
        return;
    jout_open_array(j, key);
    for (size_t i = 0; i < n; i++)
        jout_string_n(j, NULL, list[i].ptr, list[i].len);
    jout_close_array(j);
}

static inline void scans_put_amount(struct jout *j, const char *key, int64_t v)
{
    if (v != FACT_ABSENT)
        jout_int(j, key, v);
}

static inline void scans_put_hex(struct jout *j, const char *key, const uint8_t digest[FACT_DIGEST])
{
    char hex[2 * FACT_DIGEST + 1];
    for (size_t i = 0; i < FACT_DIGEST; i++)
        CHECK(snprintf(hex + 2 * i, 3, "%02x", digest[i]) == 2);
    jout_string(j, key, hex);
}

static inline void scans_put_uuid(struct jout *j, const char *key, const uint8_t id[WIRE_UUID])
{
    char text[37];
    wire_print_uuid(id, text);
    jout_string(j, key, text);
}

static inline void scans_put_base64(struct jout *j, const char *key, const void *data, size_t len)
{
    static char text[4 * ((WIRE_PART_MAX + 2) / 3) + 1];
    CHECK(len <= WIRE_PART_MAX);
    (void)crypto_base64(data, len, text);
    jout_string(j, key, text);
}

static inline void scans_put_fact(struct jout *j, const struct fact *f)
{
    char small[64];
    jout_open_object(j, NULL);
    jout_int(j, "seq", f->seq);
    scans_put_uuid(j, "id", f->id);
    scans_put_amount(j, "at_ms", f->at);
    scans_put_text(j, "boot", f->boot);
    scans_put_amount(j, "uptime_ms", f->up);
    scans_put_text(j, "type", f->type);
    scans_put_text(j, "code", f->code);
    scans_put_texts(j, "dossiers", f->dossiers, f->n_dossiers);
    scans_put_texts(j, "members", f->members, f->n_members);
    if (f->has_office) {
        CHECK(snprintf(small, sizeof small, "%06u", f->office) == 6);
        jout_string(j, "office", small);
    }
    if (f->leg != LEG_NONE)
        jout_string_n(j, "leg", &"-NBKH"[f->leg], 1);
    scans_put_text(j, "reason", f->reason);
    scans_put_text(j, "solution", f->solution);
    scans_put_amount(j, "charge", f->charge);
    scans_put_amount(j, "fee", f->fee);
    scans_put_amount(j, "remit", f->remit);
    if (f->retracts.stream.len > 0) {
        CHECK(snprintf(small, sizeof small, "%.*s:%u", (int)f->retracts.stream.len, f->retracts.stream.ptr,
                       f->retracts.seq) < (int)sizeof small);
        jout_string(j, "retracts", small);
    }
    scans_put_text(j, "order", f->order);
    scans_put_text(j, "into", f->into);
    if (f->n_photos > 0) {
        jout_open_array(j, "photos");
        for (size_t i = 0; i < f->n_photos; i++)
            scans_put_hex(j, NULL, f->photos[i]);
        jout_close_array(j);
    }
    scans_put_text(j, "note", f->note);
    if (f->has_personal)
        scans_put_hex(j, "personal", f->personal);
    jout_close_object(j);
}

static inline void scans_as_json(const struct batch *b, struct buf *out)
{
    struct jout j;
    struct fact f;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    scans_put_uuid(&j, "batch", b->header.batch);
    scans_put_uuid(&j, "device", b->header.device);
    scans_put_uuid(&j, "stream", b->header.stream);
    jout_int(&j, "sent_at_ms", b->header.sent);
    if (b->header.has_offset)
        jout_int(&j, "offset_ms", b->header.offset);
    scans_put_base64(&j, "signature", b->signature, b->signature_len);
    jout_open_array(&j, "scans");
    for (unsigned i = 0; i < b->header.count; i++) {
        CHECK(fact_parse(b->scans[i].body, b->scans[i].body_len, &f, NULL) == FACT_OK);
        scans_put_fact(&j, &f);
    }
    jout_close_array(&j);
    if (b->part_count > 0) {
        jout_open_array(&j, "personal");
        for (unsigned i = 0; i < b->part_count; i++) {
            jout_open_object(&j, NULL);
            jout_int(&j, "seq", b->parts[i].seq);
            scans_put_base64(&j, "salt", b->parts[i].salt, WIRE_SALT);
            scans_put_base64(&j, "part", b->parts[i].salt + WIRE_SALT, b->parts[i].data_len);
            jout_close_object(&j);
        }
        jout_close_array(&j);
    }
    jout_close_object(&j);
    CHECK(buf_error(out) == ERR_OK);
}

// ---- protobuf

static inline char *scans_copy(struct arena *a, struct fact_text t)
{
    char *s = t.len > 0 ? arena_try_copy(a, t.ptr, t.len) : NULL;
    CHECK(s || t.len == 0);
    return s;
}

static inline char **scans_copies(struct arena *a, const struct fact_text *list, size_t n)
{
    char **copies = arena_try_zero(a, n, sizeof(char *));
    CHECK(copies);
    for (size_t i = 0; i < n; i++)
        copies[i] = scans_copy(a, list[i]);
    return copies;
}

static inline ProtobufCBinaryData scans_bytes(struct arena *a, const void *data, size_t len)
{
    ProtobufCBinaryData bytes = {len, (uint8_t *)arena_try_copy(a, data, len)};
    CHECK(bytes.data);
    return bytes;
}

static inline Duongthu__V1__Scan *scans_message(struct arena *a, const struct fact *f)
{
    Duongthu__V1__Scan *m = arena_try_alloc(a, sizeof *m);
    char small[64];
    CHECK(m);
    duongthu__v1__scan__init(m);
    m->has_seq = m->has_id = true;
    m->seq = f->seq;
    m->id = scans_bytes(a, f->id, FACT_UUID);
    m->has_at_ms = f->at != FACT_ABSENT;
    m->at_ms = f->at;
    m->boot = scans_copy(a, f->boot);
    m->has_uptime_ms = f->up != FACT_ABSENT;
    m->uptime_ms = (uint64_t)f->up;
    m->type = scans_copy(a, f->type);
    m->code = scans_copy(a, f->code);
    m->n_dossiers = f->n_dossiers;
    m->dossiers = scans_copies(a, f->dossiers, f->n_dossiers);
    m->n_members = f->n_members;
    m->members = scans_copies(a, f->members, f->n_members);
    if (f->has_office)
        m->office = scans_copy(a, (struct fact_text){small, (size_t)snprintf(small, 8, "%06u", f->office)});
    if (f->leg != LEG_NONE)
        m->leg = scans_copy(a, (struct fact_text){&"-NBKH"[f->leg], 1});
    m->reason = scans_copy(a, f->reason);
    m->solution = scans_copy(a, f->solution);
    m->has_charge = f->charge != FACT_ABSENT;
    m->charge = f->charge;
    m->has_fee = f->fee != FACT_ABSENT;
    m->fee = f->fee;
    m->has_remit = f->remit != FACT_ABSENT;
    m->remit = f->remit;
    if (f->retracts.stream.len > 0) {
        int n = snprintf(small, sizeof small, "%.*s:%u", (int)f->retracts.stream.len, f->retracts.stream.ptr,
                         f->retracts.seq);
        m->retracts = scans_copy(a, (struct fact_text){small, (size_t)n});
    }
    m->order = scans_copy(a, f->order);
    m->into = scans_copy(a, f->into);
    m->n_photos = f->n_photos;
    m->photos = arena_try_zero(a, f->n_photos, sizeof *m->photos);
    CHECK(m->photos);
    for (size_t i = 0; i < f->n_photos; i++)
        m->photos[i] = scans_bytes(a, f->photos[i], FACT_DIGEST);
    m->note = scans_copy(a, f->note);
    m->has_personal = f->has_personal;
    m->personal = scans_bytes(a, f->personal, FACT_DIGEST);
    return m;
}

static inline void scans_as_proto(const struct batch *b, struct buf *out)
{
    Duongthu__V1__ScanBatch m = DUONGTHU__V1__SCAN_BATCH__INIT;
    struct arena a;
    struct fact f;
    arena_init(&a, SCANS_TEXT_MAX);
    m.has_batch = m.has_device = m.has_stream = m.has_sent_at_ms = m.has_signature = true;
    m.batch = scans_bytes(&a, b->header.batch, WIRE_UUID);
    m.device = scans_bytes(&a, b->header.device, WIRE_UUID);
    m.stream = scans_bytes(&a, b->header.stream, WIRE_UUID);
    m.sent_at_ms = b->header.sent;
    m.has_offset_ms = b->header.has_offset;
    m.offset_ms = b->header.offset;
    m.signature = scans_bytes(&a, b->signature, b->signature_len);
    m.n_scans = b->header.count;
    m.scans = arena_try_zero(&a, m.n_scans, sizeof(Duongthu__V1__Scan *));
    m.n_personal = b->part_count;
    m.personal = arena_try_zero(&a, m.n_personal, sizeof(Duongthu__V1__Personal *));
    CHECK(m.scans && m.personal);
    for (size_t i = 0; i < m.n_scans; i++) {
        CHECK(fact_parse(b->scans[i].body, b->scans[i].body_len, &f, NULL) == FACT_OK);
        m.scans[i] = scans_message(&a, &f);
    }
    for (size_t i = 0; i < m.n_personal; i++) {
        Duongthu__V1__Personal *p = m.personal[i] = arena_try_alloc(&a, sizeof *p);
        CHECK(p);
        duongthu__v1__personal__init(p);
        p->has_seq = p->has_salt = p->has_part = true;
        p->seq = b->parts[i].seq;
        p->salt = scans_bytes(&a, b->parts[i].salt, WIRE_SALT);
        p->part = scans_bytes(&a, b->parts[i].salt + WIRE_SALT, b->parts[i].data_len);
    }
    char *room = buf_try_reserve(out, duongthu__v1__scan_batch__get_packed_size(&m));
    CHECK(room);
    out->len += duongthu__v1__scan_batch__pack(&m, (uint8_t *)room);
    arena_done(&a);
}

// ---- what must hold

static inline void scans_hold(const struct batch *b)
{
    uint8_t digest[FACT_DIGEST];
    CHECK(b->header.count > 0 && b->header.count <= WIRE_SCANS_MAX && b->part_count <= b->header.count);
    CHECK(b->signature_len > 0 && b->signature_len <= BATCH_SIG_MAX);
    CHECK(b->header_len > 0 && b->header_len < WIRE_HEADER_MAX);
    for (unsigned i = 0; i < b->header.count; i++) {
        const struct scan *s = &b->scans[i];
        CHECK(s->seq > 0 && s->position == i && s->repeats <= i);
        CHECK(s->repeats == i || memcmp(s->digest, b->scans[s->repeats].digest, FACT_DIGEST) == 0);
        CHECK(s->code_len <= FACT_CODE_MAX && (s->code_len < 0 || s->code));
        crypto_sha256(s->body, s->body_len, digest);
        CHECK(memcmp(digest, s->digest, FACT_DIGEST) == 0);
        CHECK(i == 0 || b->by_seq[i - 1]->seq < b->by_seq[i]->seq ||
              (b->by_seq[i - 1]->seq == b->by_seq[i]->seq &&
               b->by_seq[i - 1]->position < b->by_seq[i]->position));
    }
}

static inline void scans_same(const struct batch *a, const struct batch *b)
{
    CHECK(fuzz_same(a->header_text, a->header_len, b->header_text, b->header_len));
    CHECK(fuzz_same(a->signature, a->signature_len, b->signature, b->signature_len));
    CHECK(a->header.count == b->header.count && a->part_count == b->part_count);
    for (unsigned i = 0; i < a->header.count; i++) {
        const struct scan *x = &a->scans[i], *y = &b->scans[i];
        CHECK(memcmp(x->digest, y->digest, FACT_DIGEST) == 0);
        CHECK(x->outcome == y->outcome && x->repeats == y->repeats && x->retracts == y->retracts);
        CHECK(x->code_len == y->code_len && (x->code_len < 0 || strcmp(x->code, y->code) == 0));
        CHECK(!x->part == !y->part && a->by_seq[i]->position == b->by_seq[i]->position);
    }
}

// A batch that was taken means the same in both forms of the wire.
static inline void scans_mean_the_same(const struct batch *b)
{
    struct buf text;
    struct batch other;
    struct refusal r;
    scans_hold(b);
    buf_init(&text, SCANS_TEXT_MAX);
    for (int proto = 0; proto <= 1; proto++) {
        buf_reset(&text);
        if (proto)
            scans_as_proto(b, &text);
        else
            scans_as_json(b, &text);
        batch_init(&other);
        CHECK((proto ? batch_parse_proto(&other, text.data, text.len, &r)
                     : batch_parse_json(&other, text.data, text.len, &r)) == ERR_OK);
        scans_same(b, &other);
        batch_done(&other);
    }
    buf_done(&text);
}

static inline void scans_refused(int err, const struct refusal *r)
{
    CHECK(err == ERR_NO_MEMORY || (err == ERR_INVALID && r->status == 400 && r->code && r->title));
    CHECK(err == ERR_NO_MEMORY || strnlen(r->detail, sizeof r->detail) < sizeof r->detail);
}
