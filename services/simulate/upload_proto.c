// SPDX-License-Identifier: EUPL-1.2
#include "simulate/upload_internal.h"

#include "base/err.h"

#include <duongthu.pb-c.h>
#include <stdio.h>
#include <string.h>

typedef Duongthu__V1__ScanBatch ScanBatch;
typedef Duongthu__V1__Scan Scan;
typedef Duongthu__V1__Personal Personal;
typedef Duongthu__V1__ScanReply ScanReply;
typedef Duongthu__V1__ScanResult ScanResult;

// ---- out

// Packing only reads; protobuf-c's structs just don't say so.
static ProtobufCBinaryData bytes(const void *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
}

// A text with the NUL that protobuf-c wants; NULL = absent.
static char *text(struct arena *a, const struct fact_text *t)
{
    return t->len > 0 ? arena_try_copy(a, t->ptr, t->len) : NULL;
}

static bool texts(struct arena *a, const struct fact_text *list, size_t n, size_t *ret_n, char ***ret_list)
{
    char **out = arena_try_alloc(a, n * sizeof *out);
    if (!out)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!(out[i] = text(a, &list[i])))
            return false;
    *ret_n = n;
    *ret_list = out;
    return true;
}

static void put_amount(int64_t amount, protobuf_c_boolean *has, int64_t *value)
{
    *has = amount != FACT_ABSENT;
    *value = amount != FACT_ABSENT ? amount : 0;
}

static void put_small(struct arena *a, const struct fact *f, Scan *s)
{
    char office[16], retracts[64];
    int n = snprintf(office, sizeof office, "%06u", (unsigned)f->office);
    s->office = arena_try_copy(a, office, (size_t)n);
    if (f->leg != LEG_NONE)
        s->leg = arena_try_copy(a, (const char[]){leg_letter(f->leg)}, 1);
    if (f->retracts.stream.len == 0)
        return;
    n = snprintf(retracts, sizeof retracts, "%.*s:%u", (int)f->retracts.stream.len, f->retracts.stream.ptr,
                 (unsigned)f->retracts.seq);
    s->retracts = arena_try_copy(a, retracts, (size_t)n);
}

static bool put_scan(struct arena *a, const struct fact *f, Scan *s)
{
    duongthu__v1__scan__init(s);
    s->has_seq = s->has_id = s->has_at_ms = true;
    s->seq = f->seq;
    s->id = bytes(f->id, sizeof f->id);
    s->at_ms = f->at;
    s->type = text(a, &f->type);
    s->code = text(a, &f->code);
    s->reason = text(a, &f->reason);
    s->solution = text(a, &f->solution);
    put_small(a, f, s);
    put_amount(f->charge, &s->has_charge, &s->charge);
    put_amount(f->fee, &s->has_fee, &s->fee);
    put_amount(f->remit, &s->has_remit, &s->remit);
    s->has_personal = f->has_personal;
    if (f->has_personal)
        s->personal = bytes(f->personal, sizeof f->personal);
    return s->type && s->office && texts(a, f->dossiers, f->n_dossiers, &s->n_dossiers, &s->dossiers) &&
           texts(a, f->members, f->n_members, &s->n_members, &s->members);
}

static void put_part(const struct upload_scan *s, Personal *p)
{
    duongthu__v1__personal__init(p);
    p->has_seq = p->has_salt = p->has_part = true;
    p->seq = s->fact.seq;
    p->salt = bytes(s->salt, WIRE_SALT);
    p->part = bytes(s->part.ptr, s->part.len);
}

static bool put_lists(const struct upload_message *m, struct arena *a, ScanBatch *b)
{
    size_t n = m->upload->n;
    Scan *scans = arena_try_alloc(a, n * sizeof *scans);
    Personal *parts = arena_try_alloc(a, n * sizeof *parts);
    b->scans = arena_try_alloc(a, n * sizeof(Scan *));
    b->personal = arena_try_alloc(a, n * sizeof(Personal *));
    bool ok = scans && parts && b->scans && b->personal;
    for (size_t i = 0; i < n && ok; i++) {
        ok = put_scan(a, &m->scans[i].fact, &scans[i]);
        b->scans[b->n_scans++] = &scans[i];
        if (m->scans[i].part.len == 0)
            continue;
        put_part(&m->scans[i], &parts[b->n_personal]);
        b->personal[b->n_personal] = &parts[b->n_personal];
        b->n_personal++;
    }
    return ok;
}

int upload_print_proto(const struct upload_message *m, struct arena *a, struct buf *out)
{
    const struct upload *u = m->upload;
    ScanBatch b = DUONGTHU__V1__SCAN_BATCH__INIT;
    b.has_batch = b.has_device = b.has_stream = b.has_sent_at_ms = b.has_signature = true;
    b.batch = bytes(u->batch, sizeof u->batch);
    b.device = bytes(m->device->id, sizeof m->device->id);
    b.stream = bytes(m->device->stream, sizeof m->device->stream);
    b.sent_at_ms = u->sent_ms;
    b.has_offset_ms = u->has_offset;
    b.offset_ms = u->offset_ms;
    b.signature = bytes(m->signature, sizeof m->signature);
    if (!put_lists(m, a, &b))
        return ERR_NO_MEMORY;
    size_t size = duongthu__v1__scan_batch__get_packed_size(&b);
    char *room = buf_try_reserve(out, size);
    if (room)
        out->len += duongthu__v1__scan_batch__pack(&b, (uint8_t *)room);
    return buf_error(out);
}

// ---- in

static bool take_result(const ScanResult *m, struct upload_answer *a)
{
    struct upload_result *r = &a->results[a->n];
    const char *reason = m->reason ? m->reason : "";
    r->status = m->has_status ? (enum wire_status)m->status : (enum wire_status)0;
    r->first = m->has_first ? (enum wire_status)m->first : (enum wire_status)0;
    if (strlen(reason) >= sizeof r->reason)
        return false;
    memcpy(r->reason, reason, strlen(reason) + 1);
    a->seqs[a->n++] = (uint32_t)m->seq;
    return r->status >= WIRE_ACCEPTED && r->status <= WIRE_REFUSED;
}

static bool take(const ScanReply *m, struct upload_answer *a)
{
    a->n = 0;
    if (!m->has_batch || m->batch.len != sizeof a->batch || !m->has_server_at_ms || !m->has_signature ||
        m->signature.len != sizeof a->signature || m->n_results > UPLOAD_SCANS_MAX)
        return false;
    memcpy(a->batch, m->batch.data, sizeof a->batch);
    memcpy(a->signature, m->signature.data, sizeof a->signature);
    a->server_ms = m->server_at_ms;
    for (size_t i = 0; i < m->n_results; i++)
        if (!take_result(m->results[i], a))
            return false;
    return true;
}

int upload_parse_proto(const char *body, size_t len, struct upload_answer *ret)
{
    ScanReply *m = duongthu__v1__scan_reply__unpack(NULL, len, (const uint8_t *)body);
    bool ok = m && take(m, ret);
    duongthu__v1__scan_reply__free_unpacked(m, NULL);
    return ok ? ERR_OK : ERR_PROTOCOL;
}
