// SPDX-License-Identifier: EUPL-1.2
// JSON → batch, by one table of members. Strict, so that a misspelt member is named instead of lost: the
// device signed it, and the signature would only say "no".
#include "base/json_in.h"
#include "ingest/batch.h"
#include "io/crypto.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum shape { INT, TEXT, TEXTS, UUID, HEX, HEXES, OFFICE, LEG, REF, SEQ };

struct member {
    const char *name;
    enum shape shape;
    size_t offset, present; // in struct fact; present 0: the value itself says so
    size_t max;             // of TEXTS and HEXES
};

#define AT(field) offsetof(struct fact, field)
static const struct member members[] = {
    {"seq", SEQ, AT(seq), AT(has_seq), 0},
    {"id", UUID, AT(id), AT(has_id), 0},
    {"at_ms", INT, AT(at), 0, 0},
    {"boot", TEXT, AT(boot), 0, 0},
    {"uptime_ms", INT, AT(up), 0, 0},
    {"type", TEXT, AT(type), 0, 0},
    {"code", TEXT, AT(code), 0, 0},
    {"dossiers", TEXTS, AT(dossiers), AT(n_dossiers), FACT_DOSSIERS_MAX},
    {"members", TEXTS, AT(members), AT(n_members), FACT_MEMBERS_MAX},
    {"office", OFFICE, 0, 0, 0},
    {"leg", LEG, 0, 0, 0},
    {"reason", TEXT, AT(reason), 0, 0},
    {"solution", TEXT, AT(solution), 0, 0},
    {"charge", INT, AT(charge), 0, 0},
    {"fee", INT, AT(fee), 0, 0},
    {"remit", INT, AT(remit), 0, 0},
    {"retracts", REF, 0, 0, 0},
    {"order", TEXT, AT(order), 0, 0},
    {"into", TEXT, AT(into), 0, 0},
    {"photos", HEXES, AT(photos), AT(n_photos), FACT_PHOTOS_MAX},
    {"note", TEXT, AT(note), 0, 0},
    {"personal", HEX, AT(personal), AT(has_personal), 0},
};

static struct fact_text text_of(const json_t *v)
{
    return (struct fact_text){json_string_value(v), json_string_length(v)};
}

static bool hex_of(const json_t *v, uint8_t out[FACT_DIGEST])
{
    size_t n;
    return json_is_string(v) &&
           crypto_hex_decode(json_string_value(v), json_string_length(v), out, FACT_DIGEST, &n) == ERR_OK &&
           n == FACT_DIGEST;
}

static bool take_list(struct fact *f, const struct member *m, const json_t *v)
{
    size_t count = json_array_size(v);
    if (!json_is_array(v) || count > m->max)
        return false;
    char *base = (char *)f + m->offset;
    for (size_t i = 0; i < count; i++) {
        const json_t *e = json_array_get(v, i);
        if (m->shape == HEXES) {
            if (!hex_of(e, (uint8_t *)base + i * FACT_DIGEST))
                return false;
        } else if (json_is_string(e) && json_string_length(e) > 0) {
            ((struct fact_text *)(void *)base)[i] = text_of(e);
        } else {
            return false;
        }
    }
    memcpy((char *)f + m->present, &count, sizeof(count));
    return true;
}

static bool take_number(struct fact *f, const struct member *m, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v) || n < 0)
        return false;
    if (m->shape == INT) {
        int64_t value = n;
        memcpy((char *)f + m->offset, &value, sizeof(value));
        return true;
    }
    if (n == 0 || n > (json_int_t)FACT_SEQ_MAX)
        return false;
    f->seq = (uint32_t)n;
    f->has_seq = true;
    return true;
}

static bool take_member(struct fact *f, const struct member *m, const json_t *v)
{
    void *at = (char *)f + m->offset;
    bool yes = true, ok;
    struct fact_text t = json_is_string(v) ? text_of(v) : (struct fact_text){NULL, 0};
    switch (m->shape) {
    case INT:
    case SEQ:
        return take_number(f, m, v);
    case TEXTS:
    case HEXES:
        return take_list(f, m, v);
    case TEXT:
        memcpy(at, &t, sizeof(t));
        return t.len > 0;
    case UUID:
        ok = t.len > 0 && wire_parse_uuid(t.ptr, t.len, at);
        break;
    case HEX:
        ok = hex_of(v, at);
        break;
    case OFFICE:
        return t.len > 0 && fact_take_office(f, t.ptr, t.len) == ERR_OK;
    case LEG:
        return t.len > 0 && fact_take_leg(f, t.ptr, t.len) == ERR_OK;
    default:
        return t.len > 0 && fact_take_retracts(f, t.ptr, t.len) == ERR_OK;
    }
    memcpy((char *)f + m->present, &yes, sizeof(yes));
    return ok;
}

static int take_scan(struct fact *f, json_t *scan, unsigned number, struct refusal *r)
{
    const char *key;
    json_t *value;
    fact_init(f);
    if (!json_is_object(scan))
        return REFUSE_SCAN(r, "Scan %u of the batch is not an object.", number);
    json_object_foreach(scan, key, value)
    {
        size_t i = 0;
        while (i < ARRAY_LEN(members) && strcmp(members[i].name, key) != 0)
            i++;
        if (i == ARRAY_LEN(members))
            return REFUSE_SCAN(r, "Scan %u of the batch has a member that version 1 does not know.", number);
        if (!take_member(f, &members[i], value))
            return REFUSE_SCAN(r, "Scan %u of the batch: %s is not in its form.", number, key);
    }
    return ERR_OK;
}

static bool take_uuid(const json_t *v, uint8_t out[WIRE_UUID])
{
    return json_is_string(v) && wire_parse_uuid(json_string_value(v), json_string_length(v), out);
}

static int take_header(struct batch *b, const json_t *root, struct refusal *r)
{
    static const char *const known[] = {"batch",     "device",    "stream", "sent_at_ms",
                                        "offset_ms", "signature", "scans",  "personal"};
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        size_t i = 0;
        while (i < ARRAY_LEN(known) && strcmp(known[i], key) != 0)
            i++;
        if (i == ARRAY_LEN(known))
            return REFUSE_BATCH(r, "The batch has a member that version 1 does not know.");
    }
    if (!take_uuid(json_object_get(root, "batch"), b->header.batch) ||
        !take_uuid(json_object_get(root, "device"), b->header.device) ||
        !take_uuid(json_object_get(root, "stream"), b->header.stream))
        return REFUSE_BATCH(r, "batch, device and stream must be UUIDs.");
    const json_t *sent = json_object_get(root, "sent_at_ms"), *offset = json_object_get(root, "offset_ms");
    if (!json_is_integer(sent) || (offset && !json_is_integer(offset)))
        return REFUSE_BATCH(r, "sent_at_ms must be an integer; offset_ms too, where it is.");
    b->header.sent = json_integer_value(sent);
    b->header.has_offset = offset != NULL;
    b->header.offset = offset ? json_integer_value(offset) : 0;
    const json_t *sig = json_object_get(root, "signature");
    if (!json_is_string(sig) ||
        crypto_base64_decode(json_string_value(sig), json_string_length(sig), b->signature,
                             sizeof(b->signature), &b->signature_len) != ERR_OK ||
        b->signature_len == 0)
        return REFUSE_BATCH(r, "signature must be base64 of 64 bytes, or of DER.");
    return ERR_OK;
}

static int take_part(struct batch *b, const json_t *p, struct refusal *r)
{
    uint8_t salt[WIRE_SALT], part[WIRE_PART_MAX];
    size_t salt_len, part_len;
    const json_t *seq = json_object_get(p, "seq"), *s = json_object_get(p, "salt"),
                 *d = json_object_get(p, "part");
    if (!json_is_integer(seq) || json_integer_value(seq) < 0 || !json_is_string(s) || !json_is_string(d) ||
        json_object_size(p) != 3 ||
        crypto_base64_decode(json_string_value(s), json_string_length(s), salt, sizeof(salt), &salt_len) ||
        crypto_base64_decode(json_string_value(d), json_string_length(d), part, sizeof(part), &part_len))
        return REFUSE_BATCH(r, "A personal part is seq, and salt (32 bytes) and part (up to %d) in base64.",
                            WIRE_PART_MAX);
    return batch_add_part(b, (uint64_t)json_integer_value(seq), salt, salt_len, part, part_len, r);
}

static int take_batch(struct batch *b, const json_t *root, struct refusal *r)
{
    int err = take_header(b, root, r);
    if (err)
        return err;
    const json_t *scans = json_object_get(root, "scans"), *parts = json_object_get(root, "personal");
    if (!json_is_array(scans) || (parts && !json_is_array(parts)))
        return REFUSE_BATCH(r, "scans must be an array; personal too, where it is.");
    err = batch_reserve(b, json_array_size(scans), json_array_size(parts), r);
    struct fact f;
    for (size_t i = 0; i < json_array_size(scans) && !err; i++) {
        err = take_scan(&f, json_array_get(scans, i), (unsigned)i + 1, r);
        if (!err)
            err = batch_add(b, &f, r);
    }
    for (size_t i = 0; i < json_array_size(parts) && !err; i++)
        err = take_part(b, json_array_get(parts, i), r);
    return err ? err : batch_finish(b, r);
}

int batch_parse_json(struct batch *b, const char *data, size_t len, struct refusal *r)
{
    char why[100];
    json_t *root = json_in_parse(data, len, why, sizeof(why));
    if (!root)
        return REFUSE_BATCH(r, "%s", why);
    int err = take_batch(b, root, r);
    json_decref(root);
    return err;
}
