// SPDX-License-Identifier: EUPL-1.2
// Protobuf → batch. protobuf-c unpacks into a scratch arena, whose limit also ends the bomb of half a million
// empty scans in a megabyte; what the batch keeps is copied by batch_add().
#include "ingest/batch.h"

#include <duongthu.pb-c.h>
#include <string.h>

#define SCANS_FIELD 5 // of ScanBatch

typedef Duongthu__V1__ScanBatch ScanBatch;
typedef Duongthu__V1__Scan Scan;

static void *scratch_alloc(void *arena, size_t size)
{
    return arena_try_alloc(arena, size);
}

static void scratch_free(void *arena, void *p)
{
    (void)arena;
    (void)p; // all at once, at the end
}

static struct fact_text text(const char *s)
{
    return (struct fact_text){s, s ? strlen(s) : 0};
}

static bool take_uuid(const ProtobufCBinaryData *data, protobuf_c_boolean has, uint8_t out[WIRE_UUID])
{
    if (!has || data->len != WIRE_UUID)
        return false;
    memcpy(out, data->data, WIRE_UUID);
    return true;
}

static int take_header(struct batch *b, const ScanBatch *m, struct refusal *r)
{
    if (!take_uuid(&m->batch, m->has_batch, b->header.batch) ||
        !take_uuid(&m->device, m->has_device, b->header.device) ||
        !take_uuid(&m->stream, m->has_stream, b->header.stream))
        return REFUSE_BATCH(r, "batch, device and stream must be 16 bytes each.");
    if (!m->has_sent_at_ms || !m->has_signature)
        return REFUSE_BATCH(r, "sent_at_ms and signature are needed.");
    if (m->signature.len == 0 || m->signature.len > BATCH_SIG_MAX)
        return REFUSE_BATCH(r, "signature must be 64 bytes, or DER.");
    b->header.sent = m->sent_at_ms;
    b->header.has_offset = m->has_offset_ms;
    b->header.offset = m->has_offset_ms ? m->offset_ms : 0;
    memcpy(b->signature, m->signature.data, m->signature.len);
    b->signature_len = m->signature.len;
    return ERR_OK;
}

static int take_lists(struct fact *f, const Scan *m, struct refusal *r)
{
    if (m->n_dossiers > FACT_DOSSIERS_MAX || m->n_members > FACT_MEMBERS_MAX || m->n_photos > FACT_PHOTOS_MAX)
        return REFUSE_SCAN(r, "Scan %llu: at most %d dossiers, %d members, %d photos.",
                           (unsigned long long)m->seq, FACT_DOSSIERS_MAX, FACT_MEMBERS_MAX, FACT_PHOTOS_MAX);
    f->n_dossiers = m->n_dossiers;
    for (size_t i = 0; i < m->n_dossiers; i++)
        f->dossiers[i] = text(m->dossiers[i]);
    f->n_members = m->n_members;
    for (size_t i = 0; i < m->n_members; i++)
        f->members[i] = text(m->members[i]);
    f->n_photos = m->n_photos;
    for (size_t i = 0; i < m->n_photos; i++) {
        if (m->photos[i].len != FACT_DIGEST)
            return REFUSE_SCAN(r, "Scan %llu: a photo is named by 32 bytes.", (unsigned long long)m->seq);
        memcpy(f->photos[i], m->photos[i].data, FACT_DIGEST);
    }
    return ERR_OK;
}

// FACT_ABSENT is -1, so a negative amount must not pass as "none".
static bool take_int(protobuf_c_boolean has, int64_t v, int64_t *out)
{
    *out = has ? v : FACT_ABSENT;
    return !has || v >= 0;
}

static int take_scan(struct fact *f, const Scan *m, struct refusal *r)
{
    unsigned long long seq = m->has_seq ? m->seq : 0;
    fact_init(f);
    if (seq > FACT_SEQ_MAX)
        return REFUSE_SCAN(r, "Scan %llu: seq ends at 4294967295.", seq);
    if (m->base.n_unknown_fields > 0)
        return REFUSE_SCAN(r, "Scan %llu has field %u, which version 1 does not know.", seq,
                           m->base.unknown_fields[0].tag);
    f->seq = (uint32_t)seq;
    f->has_seq = seq > 0;
    f->has_id = take_uuid(&m->id, m->has_id, f->id);
    int64_t up = m->uptime_ms > INT64_MAX ? -1 : (int64_t)m->uptime_ms;
    if (!take_int(m->has_at_ms, m->at_ms, &f->at) || !take_int(m->has_uptime_ms, up, &f->up) ||
        !take_int(m->has_charge, m->charge, &f->charge) || !take_int(m->has_fee, m->fee, &f->fee) ||
        !take_int(m->has_remit, m->remit, &f->remit))
        return REFUSE_SCAN(r, "Scan %llu: times and amounts are not negative.", seq);
    f->boot = text(m->boot);
    f->type = text(m->type);
    f->code = text(m->code);
    f->reason = text(m->reason);
    f->solution = text(m->solution);
    f->order = text(m->order);
    f->into = text(m->into);
    f->note = text(m->note);
    struct fact_text office = text(m->office), leg = text(m->leg), retracts = text(m->retracts);
    if ((office.len && fact_take_office(f, office.ptr, office.len)) ||
        (leg.len && fact_take_leg(f, leg.ptr, leg.len)) ||
        (retracts.len && fact_take_retracts(f, retracts.ptr, retracts.len)))
        return REFUSE_SCAN(r, "Scan %llu: office, leg or retracts is not in its form.", seq);
    if (m->has_personal && m->personal.len) {
        if (m->personal.len != FACT_DIGEST)
            return REFUSE_SCAN(r, "Scan %llu: personal must be 32 bytes.", seq);
        memcpy(f->personal, m->personal.data, FACT_DIGEST);
        f->has_personal = true;
    }
    return take_lists(f, m, r);
}

static int take_batch(struct batch *b, const ScanBatch *m, struct refusal *r)
{
    struct fact f;
    if (m->base.n_unknown_fields > 0)
        return REFUSE_BATCH(r, "The batch has field %u, which version 1 does not know.",
                            m->base.unknown_fields[0].tag);
    int err = take_header(b, m, r);
    if (!err)
        err = batch_reserve(b, m->n_scans, m->n_personal, r);
    for (size_t i = 0; i < m->n_scans && !err; i++) {
        err = take_scan(&f, m->scans[i], r);
        if (!err)
            err = batch_add(b, &f, r);
    }
    for (size_t i = 0; i < m->n_personal && !err; i++) {
        const Duongthu__V1__Personal *p = m->personal[i];
        err = batch_add_part(b, p->has_seq ? p->seq : 0, p->salt.data, p->has_salt ? p->salt.len : 0,
                             p->part.data, p->has_part ? p->part.len : 0, r);
    }
    return err ? err : batch_finish(b, r);
}

// ---- what protobuf-c does not tell

struct wire_field {
    uint64_t tag; // number × 8 + wire type
    const uint8_t *ptr;
    size_t len; // of a length-delimited value, else 0
};

static bool take_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
    uint64_t v = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = v;
            return true;
        }
    }
    return false;
}

// The next field of a message that protobuf-c has taken; false at its end.
static bool next_field(const uint8_t **p, const uint8_t *end, struct wire_field *ret)
{
    uint64_t n = 0;
    if (!take_varint(p, end, &ret->tag))
        return false;
    switch (ret->tag & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        if (!take_varint(p, end, &n))
            return false;
        n = 0;
        break;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        n = 8;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        n = 4;
        break;
    default:
        if (!take_varint(p, end, &n))
            return false;
    }
    if (n > (uint64_t)(end - *p))
        return false;
    ret->ptr = *p;
    ret->len = (size_t)n;
    *p += n;
    return true;
}

static bool has_nul(const uint8_t *scan, size_t len)
{
    struct wire_field f;
    for (const uint8_t *p = scan; next_field(&p, scan + len, &f);) {
        const ProtobufCFieldDescriptor *d =
            protobuf_c_message_descriptor_get_field(&duongthu__v1__scan__descriptor, (unsigned)(f.tag >> 3));
        if (d && d->type == PROTOBUF_C_TYPE_STRING && memchr(f.ptr, 0, f.len))
            return true;
    }
    return false;
}

// Strings come as C strings: what stands behind a NUL would be lost unseen. Returns the number of the first
// scan that has such a text, 0 for none.
static unsigned find_nul(const uint8_t *data, size_t len)
{
    struct wire_field f;
    unsigned number = 0;
    for (const uint8_t *p = data; next_field(&p, data + len, &f);) {
        if (f.tag == (SCANS_FIELD << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)) {
            number++;
            if (has_nul(f.ptr, f.len))
                return number;
        }
    }
    return 0;
}

int batch_parse_proto(struct batch *b, const void *data, size_t len, struct refusal *r)
{
    struct arena scratch;
    arena_init(&scratch, BATCH_SCRATCH_MAX);
    ProtobufCAllocator allocator = {scratch_alloc, scratch_free, &scratch};
    ScanBatch *m = duongthu__v1__scan_batch__unpack(&allocator, len, data);
    unsigned cut = m ? find_nul(data, len) : 0;
    int err = !m    ? REFUSE_BATCH(r, "The body is not a whole protobuf message ScanBatch.")
              : cut ? REFUSE_SCAN(r, "Scan %u of the batch: a text holds U+0000.", cut)
                    : take_batch(b, m, r);
    arena_done(&scratch);
    return err;
}
