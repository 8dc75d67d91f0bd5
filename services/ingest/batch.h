// SPDX-License-Identifier: EUPL-1.2
// A batch of scans as it came, whether as protobuf or as JSON: parsed, canonical bodies printed, digests
// taken. Nothing of it is believed yet. All memory is the batch's arena.
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "domain/fact.h"
#include "domain/wire.h"

#define BATCH_BYTES_MAX   1048576            // bytes of a body, after decompression
#define BATCH_ARENA_MAX   ((size_t)8 << 20)  // bytes kept of a batch until it is answered
#define BATCH_SCRATCH_MAX ((size_t)24 << 20) // bytes while it is parsed: a bomb ends here
#define BATCH_SIG_MAX     80                 // bytes: 64 raw, or DER

// Why a request is answered with a problem instead of results. Strings are literals but for the detail.
struct refusal {
    int status; // HTTP; 0 = none
    const char *code, *title;
    char detail[200];
};

// Fills *r and returns ERR_INVALID.
int refuse(struct refusal *r, int status, const char *code, const char *title, const char *detail_format, ...)
    PRINTF_LIKE(5, 6);
#define REFUSE_BATCH(r, ...) refuse((r), 400, "malformed-batch", "Malformed batch", __VA_ARGS__)
#define REFUSE_SCAN(r, ...)  refuse((r), 400, "malformed-scan", "Malformed scan", __VA_ARGS__)

struct scan {
    uint32_t seq;
    uint8_t kind;      // enum event_kind
    uint8_t outcome;   // enum outcome: what is proposed, later what was stored
    bool duplicate;    // answered before; outcome is the first one
    bool has_personal; // the scan names a personal part, digest below
    bool code_is_item; // code names an item, not a container
    uint16_t position; // in the batch as it came
    uint16_t repeats;  // position of the scan that this one repeats word for word; else its own
    int code_len;      // -1: no code
    uint32_t flags;    // enum fact_flag
    size_t body_len;
    int64_t at;          // as the device says; FACT_ABSENT
    int64_t retracts;    // the number of the stream that a correction names; 0: the batch's own; -1: none
    int64_t occurred_ms; // corrected
    const char *body, *code, *dossier; // code: normalised; dossier: canonical code of the first, or NULL
    const uint8_t *digest;             // 32 bytes, in batch.digests
    uint8_t personal[FACT_DIGEST];
    struct part *part; // its personal part, or NULL
};

// A personal part: as it came, then sealed.
struct part {
    uint32_t seq;
    const uint8_t *salt; // WIRE_SALT bytes, with data behind it: what is digested and sealed
    size_t data_len;     // of the part alone
    uint8_t *sealed;
    size_t sealed_len;
    uint8_t blob[WIRE_UUID];
    const char *subject;
    uint8_t *wrapped;
};

struct batch {
    struct arena arena;
    struct wire_header header;
    uint8_t signature[BATCH_SIG_MAX];
    size_t signature_len;
    struct scan *scans;   // in the order of the batch
    struct scan **by_seq; // sorted by number, stable
    uint8_t *digests;     // WIRE_DIGEST × count, in the order of the batch
    struct part *parts;
    unsigned part_count;
    char *header_text; // what the device signed
    size_t header_len;
};

void batch_init(struct batch *b);
void batch_done(struct batch *b);

// 0, ERR_INVALID with *r filled, or ERR_NO_MEMORY. data may be freed afterwards.
MUST_CHECK int batch_parse_proto(struct batch *b, const void *data, size_t len, struct refusal *r);
MUST_CHECK int batch_parse_json(struct batch *b, const char *data, size_t len, struct refusal *r);

// ---- for the two parsers ----
MUST_CHECK int batch_reserve(struct batch *b, size_t scans, size_t parts, struct refusal *r);
// Prints, digests and judges the next scan (position = header.count, which it raises). f points into memory
// of the parser.
MUST_CHECK int batch_add(struct batch *b, struct fact *f, struct refusal *r);
MUST_CHECK int batch_add_part(struct batch *b, uint64_t seq, const void *salt, size_t salt_len,
                              const void *part, size_t part_len, struct refusal *r);
// Orders the scans, finds repeats and conflicts inside the batch, joins the parts, prints the header.
MUST_CHECK int batch_finish(struct batch *b, struct refusal *r);
// Text of a wire field into its place of the fact; ERR_INVALID when it cannot be.
MUST_CHECK int fact_take_office(struct fact *f, const char *s, size_t len);
MUST_CHECK int fact_take_leg(struct fact *f, const char *s, size_t len);
MUST_CHECK int fact_take_retracts(struct fact *f, const char *s, size_t len);
