// SPDX-License-Identifier: EUPL-1.2
// Small words between a handheld and the server: problems, streams, enrolment. Pure but for signing.
#pragma once
#include "base/buf.h"
#include "io/crypto.h"
#include "simulate/day.h"
#include "simulate/upload.h"

struct answer_problem {
    char code[40];     // "" = not a problem document
    int64_t server_ms; // of clock-skew; 0 = absent
};
void answer_problem(const char *body, size_t len, struct answer_problem *ret);

struct answer_stream {
    uint8_t device[WIRE_UUID], stream[WIRE_UUID];
    int64_t number;
    bool has_receipt_key;
    unsigned char receipt_key[ED25519_PUB_LEN];
};
// False when it is not the answer of /v1/enrol or /v1/streams.
MUST_CHECK bool answer_stream(const char *body, size_t len, struct answer_stream *ret);

// Bodies of /v1/streams and /v1/enrol.
MUST_CHECK int answer_stream_request(const uint8_t device[WIRE_UUID], int64_t sent_ms,
                                     struct crypto_p256 *key, struct buf *out);
MUST_CHECK int answer_enrol_request(const char *code, struct crypto_p256 *key, struct buf *out);

// Notes what the server said of a scan. Answers that contradict each other are kept as status WIRE_REFUSED
// with reason "answers-differ".
void answer_take(struct day_scan *s, const struct upload_result *r);
