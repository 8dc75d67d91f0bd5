// SPDX-License-Identifier: EUPL-1.2
// The answer to a batch: one result for each scan in the order of the batch, and the receipt that we sign.
#pragma once
#include "base/buf.h"
#include "ingest/batch.h"
#include "io/crypto.h"

// Appends ScanReply to out, as protobuf or as JSON. seed: the Ed25519 key of receipts. The scans of b carry
// their outcomes. Errors are those of the buffer, and ERR_NO_MEMORY.
MUST_CHECK int reply_print(struct batch *b, int64_t server_ms, const unsigned char seed[ED25519_SEED_LEN],
                           bool json, struct buf *out);

// What a scan is answered with; for counting.
enum wire_status reply_status(const struct batch *b, const struct scan *s);
