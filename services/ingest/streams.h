// SPDX-License-Identifier: EUPL-1.2
// The streams this process has met: token → lane, number, device key. What is kept never changes (a
// revocation is seen by dt.append_scans itself), so nothing is ever stale; the least recently used is
// dropped.
#pragma once
#include "base/list.h"
#include "domain/wire.h"
#include "io/crypto.h"

struct stream {
    uint8_t token[WIRE_UUID], device[WIRE_UUID];
    int16_t lane;
    int64_t number;
    struct crypto_p256 *key;
    unsigned pins; // uploads that point here; not dropped meanwhile
    bool busy;     // an upload of it is in a commit under way: never two of one stream at once
    // private
    struct stream *next; // of its bucket
    struct list lru;
};

struct streams;

// max: entries, rounded up to a power of two buckets.
struct streams *streams_create(size_t max);
void streams_destroy(struct streams *t);
// NULL when it is not known here.
struct stream *streams_find(struct streams *t, const uint8_t token[WIRE_UUID]);
// ERR_CRYPTO when the key is none, ERR_NO_MEMORY. An entry that is there already is returned as it is.
MUST_CHECK int streams_add(struct streams *t, const uint8_t token[WIRE_UUID], const uint8_t device[WIRE_UUID],
                           int16_t lane, int64_t number, const void *key, size_t key_len,
                           struct stream **ret_stream);
