// SPDX-License-Identifier: EUPL-1.2
// The texts that a handheld and the server sign, and the words of their conversation (proto/README.md, which
// is the contract). Used by ingest and by every device we build ourselves.
#pragma once
#include "domain/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_UUID             16
#define WIRE_SCANS_MAX        500                      // scans of a batch
#define WIRE_PART_MAX         16384                    // bytes of a personal part
#define WIRE_SALT             32                       // bytes
#define WIRE_CLOCK_SKEW_MS    (300 * INT64_C(1000))    // |server time - sent_at_ms|
#define WIRE_FUTURE_MS        (300 * INT64_C(1000))    // a scan later than now plus this is absurd
#define WIRE_OLD_MS           (30 * INT64_C(86400000)) // older than this: taken, and flagged
#define WIRE_EPOCH_MS         INT64_C(1577836800000)   // 2020-01-01: no scan was made before
#define WIRE_HEADER_MAX       400                      // bytes of a batch header or a stream request
#define WIRE_RECEIPT_HEAD_MAX 200
#define WIRE_RESULT_MAX       64 // bytes of one result in a receipt

// What is stored about a number in a receipt (migrations: dt.receipt.outcomes) and told to the device.
enum outcome {
    OUTCOME_ACCEPTED = 1,
    OUTCOME_CHECK_DIGIT = 10,
    OUTCOME_REVOKED = 11,
    OUTCOME_TIME = 12,
    OUTCOME_CONFLICT = 13,
    OUTCOME_CODE = 14,
    OUTCOME_EVENT = 15,
    // Never stored:
    OUTCOME_PERSONAL = 30, // refused: the personal part does not fit its digest
};

// Flags of a fact (dt.fact.flags).
enum fact_flag {
    FACT_FLAG_CLOCK = 1, // the device's time is absurd: server time was taken
    FACT_FLAG_OLD = 2,   // older than WIRE_OLD_MS when it came
};

enum wire_status {
    WIRE_ACCEPTED = 1,
    WIRE_DUPLICATE,
    WIRE_QUARANTINED,
    WIRE_REFUSED
}; // as in the proto file

enum wire_status outcome_status(unsigned outcome);
// Stable words: "" for accepted, "check-digit", …; "unknown" for a number that is not in the list.
const char *outcome_reason(unsigned outcome);
const char *wire_status_name(enum wire_status status);

struct wire_header {
    uint8_t batch[WIRE_UUID], device[WIRE_UUID], stream[WIRE_UUID];
    int64_t sent, offset; // ms
    bool has_offset;
    unsigned count;
    uint8_t digests[32]; // SHA-256 over the scans' digests
};

// All print text without a NUL and return its length, or 0 when cap is too small (the _MAX above suffice).
MUST_CHECK size_t wire_print_header(const struct wire_header *h, char *buf, size_t cap);
MUST_CHECK size_t wire_print_stream(const uint8_t device[WIRE_UUID], int64_t sent, char *buf, size_t cap);
// Everything before the first result.
MUST_CHECK size_t wire_print_receipt(const uint8_t batch[WIRE_UUID], const uint8_t stream[WIRE_UUID],
                                     int64_t server_ms, char *buf, size_t cap);
// One result with the comma before it, unless it is the first. The receipt ends with a newline behind the
// last.
MUST_CHECK size_t wire_print_result(bool first, uint32_t seq, enum wire_status status, const char *reason,
                                    char *buf, size_t cap);
// Lower-case with dashes, 36 characters and a NUL.
void wire_print_uuid(const uint8_t id[WIRE_UUID], char out[37]);
// Either case, dashes where they belong.
MUST_CHECK bool wire_parse_uuid(const char *s, size_t len, uint8_t ret[WIRE_UUID]);

// A one-time enrolment code: 8 symbols of Crockford's Base32, 40 bits. What is stored is SHA-256
// of the 8 symbols.
#define WIRE_INVITE_LEN 8
// Case, blanks and dashes do not matter, O is 0, I and L are 1. False when it is no code.
MUST_CHECK bool wire_parse_invite(const char *s, size_t len, char ret[WIRE_INVITE_LEN + 1]);
// Five random bytes → the code.
void wire_print_invite(const uint8_t random[5], char out[WIRE_INVITE_LEN + 1]);
