// SPDX-License-Identifier: EUPL-1.2
// Between upload.c (what is signed), upload_json.c and upload_proto.c (the two forms).
#pragma once
#include "simulate/upload.h"

// A scan as it is sent.
struct upload_scan {
    struct fact fact;
    struct fact_text part; // len 0 = none
    const uint8_t *salt;
};

struct upload_message {
    const struct upload *upload;
    const struct upload_device *device;
    const struct upload_scan *scans; // upload->n
    unsigned char signature[64];
};

MUST_CHECK int upload_print_json(const struct upload_message *m, struct buf *out);
MUST_CHECK int upload_print_proto(const struct upload_message *m, struct arena *a, struct buf *out);

struct upload_answer {
    uint8_t batch[WIRE_UUID];
    int64_t server_ms;
    unsigned char signature[ED25519_SIG_LEN];
    uint32_t seqs[UPLOAD_SCANS_MAX];
    struct upload_result results[UPLOAD_SCANS_MAX];
    size_t n;
};

// ERR_PROTOCOL when it is not an answer of this form.
MUST_CHECK int upload_parse_json(const char *body, size_t len, struct upload_answer *ret);
MUST_CHECK int upload_parse_proto(const char *body, size_t len, struct upload_answer *ret);
