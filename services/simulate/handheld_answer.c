// SPDX-License-Identifier: EUPL-1.2
#include "simulate/handheld_answer.h"

#include "base/err.h"
#include "base/json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

void answer_problem(const char *body, size_t len, struct answer_problem *ret)
{
    json_t *root = json_loadb(body ? body : "", len, 0, NULL);
    const char *code = json_string_value(json_object_get(root, "code"));
    ret->code[0] = '\0';
    if (code)
        (void)snprintf(ret->code, sizeof ret->code, "%s", code);
    ret->server_ms = json_integer_value(json_object_get(root, "server_at_ms"));
    json_decref(root);
}

static bool take_uuid(const json_t *root, const char *key, uint8_t out[WIRE_UUID])
{
    const json_t *v = json_object_get(root, key);
    return json_is_string(v) && wire_parse_uuid(json_string_value(v), json_string_length(v), out);
}

bool answer_stream(const char *body, size_t len, struct answer_stream *ret)
{
    json_t *root = json_loadb(body ? body : "", len, 0, NULL);
    const json_t *key = json_object_get(root, "receipt_key");
    size_t key_len = 0;
    ret->number = json_integer_value(json_object_get(root, "stream_number"));
    ret->has_receipt_key =
        json_is_string(key) &&
        crypto_base64_decode(json_string_value(key), json_string_length(key), ret->receipt_key,
                             sizeof ret->receipt_key, &key_len) == ERR_OK &&
        key_len == sizeof ret->receipt_key;
    bool ok =
        take_uuid(root, "device", ret->device) && take_uuid(root, "stream", ret->stream) && ret->number > 0;
    json_decref(root);
    return ok;
}

int answer_stream_request(const uint8_t device[WIRE_UUID], int64_t sent_ms, struct crypto_p256 *key,
                          struct buf *out)
{
    char text[WIRE_HEADER_MAX], id[37], base64[96];
    unsigned char signature[64];
    struct jout j;
    size_t len = wire_print_stream(device, sent_ms, text, sizeof text);
    int err = crypto_p256_sign(key, text, len, signature);
    if (err != ERR_OK)
        return err;
    wire_print_uuid(device, id);
    (void)crypto_base64(signature, sizeof signature, base64);
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    jout_string(&j, "device", id);
    jout_int(&j, "sent_at_ms", sent_ms);
    jout_string(&j, "signature", base64);
    jout_close_object(&j);
    return buf_error(out);
}

int answer_enrol_request(const char *code, struct crypto_p256 *key, struct buf *out)
{
    unsigned char point[65];
    char base64[96];
    struct jout j;
    int err = crypto_p256_public(key, point);
    if (err != ERR_OK)
        return err;
    (void)crypto_base64(point, sizeof point, base64);
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    jout_string(&j, "code", code);
    jout_string(&j, "public_key", base64);
    jout_close_object(&j);
    return buf_error(out);
}

void answer_take(struct day_scan *s, const struct upload_result *r)
{
    bool duplicate = r->status == WIRE_DUPLICATE;
    enum wire_status status = duplicate ? r->first : r->status;
    s->duplicates = (uint16_t)(s->duplicates + duplicate);
    // A number in dispute is in dispute each time; all else that was taken once is a duplicate from then on.
    bool counted_twice = s->taken && !duplicate && strcmp(r->reason, outcome_reason(OUTCOME_CONFLICT)) != 0;
    if (s->phase != SCAN_ANSWERED && !counted_twice) {
        s->phase = SCAN_ANSWERED;
        s->status = (uint8_t)status;
        (void)snprintf(s->reason, sizeof s->reason, "%s", r->reason);
        s->taken = true;
    } else if (counted_twice || !duplicate || s->status != status || strcmp(s->reason, r->reason) != 0) {
        s->phase = SCAN_ANSWERED;
        s->status = WIRE_REFUSED;
        (void)snprintf(s->reason, sizeof s->reason, "answers-differ");
    }
}
