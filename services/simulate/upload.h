// SPDX-License-Identifier: EUPL-1.2
// A batch of scans on its way to the server and back, as proto/README.md has it, in both forms. Pure but for
// keys: it sends nothing.
#pragma once
#include "base/buf.h"
#include "io/crypto.h"
#include "simulate/day.h"

#define UPLOAD_SCANS_MAX 60        // a handheld with a thin line sends small batches
#define UPLOAD_BODY_MAX  (1 << 20) // bytes, as the server has it

// Who signs.
struct upload_device {
    uint8_t id[WIRE_UUID], stream[WIRE_UUID];
    struct crypto_p256 *key;
    const unsigned char *receipt_key; // ED25519_PUB_LEN bytes
};

struct upload {
    uint8_t batch[WIRE_UUID];
    int32_t scans[UPLOAD_SCANS_MAX];
    size_t n;
    int64_t sent_ms; // the device's clock + offset_ms
    int64_t offset_ms;
    bool has_offset, protobuf, gzip;
};

struct upload_result {
    enum wire_status status, first; // first: of a duplicate
    char reason[20];
};

// Prints the signed body. *ret_body: initialised here, the caller's to buf_done(), also after an error.
// ERR_NO_MEMORY, ERR_TOO_BIG, ERR_CRYPTO.
MUST_CHECK int upload_encode(const struct upload *u, const struct day *d, const struct upload_device *device,
                             struct buf *ret_body);
// Reads the answer of a batch: one result per scan, in its order, under a receipt whose signature is checked.
// ERR_PROTOCOL, ERR_CRYPTO; why gets a sentence.
MUST_CHECK int upload_read(const struct upload *u, const struct day *d, const struct upload_device *device,
                           const char *body, size_t len, struct upload_result *ret_results,
                           int64_t *ret_server_ms, const char **ret_why);
