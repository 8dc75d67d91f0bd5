// SPDX-License-Identifier: EUPL-1.2
// The answer to a batch: one result for each scan in the order of the batch, and the receipt that we sign.
#pragma once
#include "base/buf.h"
#include "base/json.h"
#include "ingest/batch.h"
#include "io/crypto.h"

// What each answer says of the installation: after a restore devices send again what they had been answered
// from then on under an older epoch (proto/README.md).
struct reply_epoch {
    int64_t number;         // 0: not known yet, not said
    int64_t resend_from_ms; // by the server's clock; 0: nothing was ever lost
};

// Appends ScanReply to out, as protobuf or as JSON. seed: the Ed25519 key of receipts. The scans of b carry
// their outcomes. Errors are those of the buffer, and ERR_NO_MEMORY.
MUST_CHECK int reply_print(struct batch *b, int64_t server_ms, const struct reply_epoch *epoch,
                           const unsigned char seed[ED25519_SEED_LEN], bool json, struct buf *out);
// The same as members of an open JSON object.
void reply_put_epoch(struct jout *j, const struct reply_epoch *epoch);

// What a scan is answered with; for counting.
enum wire_status reply_status(const struct batch *b, const struct scan *s);
