// SPDX-License-Identifier: EUPL-1.2
// A fact: what somebody says has happened, and its one canonical text body. A scan, an office's act and a
// timer that fired all use this body; SHA-256 of exactly these bytes is the digest that a handheld signs, so
// printing is deterministic and fact_parse() refuses any text that fact_print() would not print back byte for
// byte.
//
// The body is UTF-8 lines `key=value\n`, keys in the order of struct fact below, absent keys left out, keys
// marked * repeated. Values hold no control characters (U+0000–001F, U+007F–009F). Numbers are decimal
// without sign or leading zeros.
#pragma once
#include "domain/attr.h"
#include "domain/event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FACT_VERSION      1
#define FACT_BODY_MAX     20480 // bytes of a body; a fact with every key at its bound is shorter
#define FACT_DOSSIERS_MAX 16    // dossiers of one envelope
#define FACT_MEMBERS_MAX  200   // contents of a bag or dispatch named in one fact
#define FACT_PHOTOS_MAX   16
#define FACT_CODE_MAX     64  // bytes of a code, an order number, a unit id
#define FACT_BOOT_MAX     36  // bytes of a boot id
#define FACT_WORD_MAX     16  // bytes of a reason or solution: A-Z a-z 0-9 . _ -
#define FACT_NOTE_MAX     200 // bytes of a note
// Sequence numbers of a stream end here: 32 bits are a scan a second for 136 years.
#define FACT_SEQ_MAX UINT32_MAX
// 9999-12-31T23:59:59.999Z, the last instant that RFC 3339 can write.
#define FACT_TIME_MAX INT64_C(253402300799999)
// One trillion đồng, far above any lawful fee, far below the range of int64.
#define FACT_MONEY_MAX INT64_C(1000000000000)
#define FACT_ABSENT    (-1) // of at, up, charge, fee, remit
#define FACT_DIGEST    32   // bytes of SHA-256
#define FACT_UUID      16   // bytes of a uuid

enum fact_error {
    FACT_OK = 0,
    FACT_TOO_LONG = -1,   // body, value or number of repeats over its bound
    FACT_LINE = -2,       // no `key=` or no newline at the end
    FACT_KEY = -3,        // unknown key
    FACT_ORDER = -4,      // known key out of order, or repeated where it may not be
    FACT_CONTROL = -5,    // a control character
    FACT_NOT_UTF8 = -6,   //
    FACT_VALUE = -7,      // empty, or not in the form this key asks for
    FACT_NO_VERSION = -8, // no v=1 at the start
    FACT_TYPE = -9,       // no type, or a word that can't be one; an unknown but well-formed type is no error
    FACT_NO_SPACE = -10,  // fact_print: the buffer is too small
    // Of fact_check() only: well-formed, but not what its type needs.
    FACT_UNKNOWN_TYPE = -11,
    FACT_SOURCE = -12,  // this source may not state this type
    FACT_SUBJECT = -13, // code, dossier, unit or into is missing
    FACT_DETAIL = -14,  // a word this type needs is missing or not in its list (solution, retracts, reason)
};

// Bytes inside the body that was parsed, or inside the caller's memory for printing. len 0 = absent.
struct fact_text {
    const char *ptr;
    size_t len;
};

// The fact a correction takes back. `stream` is the text of a stream id.
struct fact_ref {
    struct fact_text stream; // 1–36 bytes of 0-9 a-z -
    uint32_t seq;
};

struct fact {
    uint32_t seq;
    bool has_seq, has_id, has_office, has_blob, has_personal; // which of the fixed-size parts are there
    uint8_t id[FACT_UUID];                                    // UUIDv7 made where the fact was made
    int64_t at;            // device time, unix ms, uncorrected; FACT_ABSENT
    struct fact_text boot; // boot id of the device, so that uptime can be compared
    int64_t up;            // uptime, ms; FACT_ABSENT
    enum event_kind kind;  // of `type`; EVENT_NONE when the type is well-formed but unknown to us
    struct fact_text type; // the dotted name; may be left empty for printing when kind is set
    struct fact_text code; // item or container code as scanned, normalised
    struct fact_text dossiers[FACT_DOSSIERS_MAX];
    size_t n_dossiers;
    size_t n_members;
    uint32_t office;           // post office, 6 digits (0–999999), when has_office
    enum leg leg;              // LEG_NONE = absent
    struct fact_text reason;   // dictionary code, e.g. UPU list 103: "13"
    struct fact_text solution; // see solution_parse()
    int64_t charge;            // postal charge (cước), đồng; FACT_ABSENT
    int64_t fee;               // state fee collected on behalf (phí, lệ phí), đồng; FACT_ABSENT
    int64_t remit;             // remittance charge, COD-like, đồng; FACT_ABSENT
    struct fact_ref retracts;  // stream.len 0 = absent
    struct fact_text unit;     // organisation identifier
    struct fact_text tthc;     // administrative procedure
    struct fact_text order;    // VNPost order number
    struct fact_text into;     // container put into, surviving dossier, succeeding unit
    struct fact_text due;      // YYYY-MM-DD, a real day
    uint8_t blob[FACT_UUID];   // the sealed personal part
    uint8_t photos[FACT_PHOTOS_MAX][FACT_DIGEST];
    size_t n_photos;
    struct fact_text note;         // free words of staff; never personal data
    uint8_t personal[FACT_DIGEST]; // SHA-256(32-byte salt ‖ personal part)
    // Item or container codes. Last, and only the first n_members are ever written or copied: most facts have
    // none, and the others' room is four fifths of the struct.
    struct fact_text members[FACT_MEMBERS_MAX];
};

// An empty fact: every key absent.
void fact_init(struct fact *f);

// Parses a body of len bytes. *ret_f points into body afterwards and is valid only as long as body is. On
// error *ret_f is untouched, and *ret_at (may be NULL) is the offset of the line that is wrong.
MUST_CHECK enum fact_error fact_parse(const char *body, size_t len, struct fact *ret_f, size_t *ret_at);

// Prints the canonical body, not terminated. Returns its length, or a negative enum fact_error when a value
// breaks the rules above or cap is too small (FACT_BODY_MAX always suffices). What is printed parses back to
// an equal fact.
MUST_CHECK int fact_print(const struct fact *f, char *buf, size_t cap);

// Does the fact say what its type needs, from a source that may say it? Meant for the edge: a physical event
// that fails here is quarantined, an API call is refused. Codes are not judged here (domain/…: parsers of
// codes).
MUST_CHECK enum fact_error fact_check(const struct fact *f, enum event_source source);

// The bytes of a uuid in its one canonical form (lower case, dashes). False: it is none.
MUST_CHECK bool fact_uuid(struct fact_text text, uint8_t ret[FACT_UUID]);

// Stable word for problem documents and logs ("key-order", "value", …). Never NULL.
const char *fact_error_name(enum fact_error error);
