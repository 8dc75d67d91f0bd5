// SPDX-License-Identifier: EUPL-1.2
#include "simulate/upload_internal.h"

#include "base/err.h"
#include "base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define BASE64_PART (4 * ((1024 + 2) / 3) + 1) // our personal parts are short

// ---- out

static void put_uuid(struct jout *j, const char *key, const uint8_t id[WIRE_UUID])
{
    char text[37];
    wire_print_uuid(id, text);
    jout_string(j, key, text);
}

static void put_text(struct jout *j, const char *key, const struct fact_text *t)
{
    if (t->len > 0)
        jout_string_n(j, key, t->ptr, t->len);
}

static void put_texts(struct jout *j, const char *key, const struct fact_text *list, size_t n)
{
    if (n == 0)
        return;
    jout_open_array(j, key);
    for (size_t i = 0; i < n; i++)
        jout_string_n(j, NULL, list[i].ptr, list[i].len);
    jout_close_array(j);
}

static void put_amount(struct jout *j, const char *key, int64_t amount)
{
    if (amount != FACT_ABSENT)
        jout_int(j, key, amount);
}

static void put_hex(struct jout *j, const char *key, const uint8_t digest[FACT_DIGEST])
{
    struct buf hex;
    buf_init(&hex, 2 * FACT_DIGEST);
    buf_put_hex(&hex, digest, FACT_DIGEST);
    jout_string(j, key, buf_str(&hex));
    buf_done(&hex);
}

static void put_scan(struct jout *j, const struct fact *f)
{
    char small[64];
    jout_open_object(j, NULL);
    jout_int(j, "seq", f->seq);
    put_uuid(j, "id", f->id);
    jout_int(j, "at_ms", f->at);
    put_text(j, "type", &f->type);
    put_text(j, "code", &f->code);
    put_texts(j, "dossiers", f->dossiers, f->n_dossiers);
    put_texts(j, "members", f->members, f->n_members);
    (void)snprintf(small, sizeof small, "%06u", (unsigned)f->office);
    jout_string(j, "office", small);
    if (f->leg != LEG_NONE)
        jout_string_n(j, "leg", (const char[]){leg_letter(f->leg)}, 1);
    put_text(j, "reason", &f->reason);
    put_text(j, "solution", &f->solution);
    put_amount(j, "charge", f->charge);
    put_amount(j, "fee", f->fee);
    put_amount(j, "remit", f->remit);
    if (f->retracts.stream.len > 0) {
        (void)snprintf(small, sizeof small, "%.*s:%u", (int)f->retracts.stream.len, f->retracts.stream.ptr,
                       (unsigned)f->retracts.seq);
        jout_string(j, "retracts", small);
    }
    if (f->has_personal)
        put_hex(j, "personal", f->personal);
    jout_close_object(j);
}

static void put_part(struct jout *j, const struct upload_scan *s)
{
    char base64[BASE64_PART];
    if (s->part.len == 0 || s->part.len > 1024)
        return;
    jout_open_object(j, NULL);
    jout_int(j, "seq", s->fact.seq);
    (void)crypto_base64(s->salt, WIRE_SALT, base64);
    jout_string(j, "salt", base64);
    (void)crypto_base64(s->part.ptr, s->part.len, base64);
    jout_string(j, "part", base64);
    jout_close_object(j);
}

int upload_print_json(const struct upload_message *m, struct buf *out)
{
    const struct upload *u = m->upload;
    char base64[96];
    struct jout j;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    put_uuid(&j, "batch", u->batch);
    put_uuid(&j, "device", m->device->id);
    put_uuid(&j, "stream", m->device->stream);
    jout_int(&j, "sent_at_ms", u->sent_ms);
    if (u->has_offset)
        jout_int(&j, "offset_ms", u->offset_ms);
    (void)crypto_base64(m->signature, sizeof m->signature, base64);
    jout_string(&j, "signature", base64);
    jout_open_array(&j, "scans");
    for (size_t i = 0; i < u->n; i++)
        put_scan(&j, &m->scans[i].fact);
    jout_close_array(&j);
    jout_open_array(&j, "personal");
    for (size_t i = 0; i < u->n; i++)
        put_part(&j, &m->scans[i]);
    jout_close_array(&j);
    jout_close_object(&j);
    return buf_error(out);
}

// ---- in

static enum wire_status parse_status(const json_t *v)
{
    const char *word = json_string_value(v);
    for (unsigned s = WIRE_ACCEPTED; word && s <= WIRE_REFUSED; s++)
        if (strcmp(word, wire_status_name((enum wire_status)s)) == 0)
            return (enum wire_status)s;
    return (enum wire_status)0;
}

static bool parse_result(const json_t *v, struct upload_answer *a)
{
    const json_t *reason = json_object_get(v, "reason");
    struct upload_result *r = &a->results[a->n];
    r->status = parse_status(json_object_get(v, "status"));
    r->first = parse_status(json_object_get(v, "first"));
    if (json_string_length(reason) >= sizeof r->reason)
        return false;
    (void)snprintf(r->reason, sizeof r->reason, "%s", reason ? json_string_value(reason) : "");
    a->seqs[a->n++] = (uint32_t)json_integer_value(json_object_get(v, "seq"));
    return r->status != 0;
}

static bool parse(const json_t *root, struct upload_answer *a)
{
    const json_t *batch = json_object_get(root, "batch"), *results = json_object_get(root, "results");
    const json_t *signature = json_object_get(root, "signature");
    size_t len = 0;
    a->n = 0;
    a->server_ms = json_integer_value(json_object_get(root, "server_at_ms"));
    if (!json_is_string(batch) || !json_is_string(signature) ||
        !wire_parse_uuid(json_string_value(batch), json_string_length(batch), a->batch) ||
        crypto_base64_decode(json_string_value(signature), json_string_length(signature), a->signature,
                             sizeof a->signature, &len) != ERR_OK ||
        len != sizeof a->signature || json_array_size(results) > UPLOAD_SCANS_MAX)
        return false;
    for (size_t i = 0; i < json_array_size(results); i++)
        if (!parse_result(json_array_get(results, i), a))
            return false;
    return true;
}

int upload_parse_json(const char *body, size_t len, struct upload_answer *ret)
{
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = root && parse(root, ret);
    json_decref(root);
    return ok ? ERR_OK : ERR_PROTOCOL;
}
