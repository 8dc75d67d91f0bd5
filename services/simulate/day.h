// SPDX-License-Identifier: EUPL-1.2
// A plan being played: its things have codes, its moments are moments, and what became of each scan and each
// call is written down beside it. What the other side sent us is in ledger.h.
//
// Time. The hours that are played end when the play begins: second t of the day was at began − PLAN_DAY_S +
// t, so that no scan is from the future, none is older than a day (a message to a citizen older than that is
// not sent any more), and a handheld that uploads is as late as handhelds are. Played is second t at began +
// t / speed.
#pragma once
#include "base/arena.h"
#include "domain/container_code.h"
#include "domain/dossier_code.h"
#include "domain/fact.h"
#include "domain/item_code.h"
#include "domain/wire.h"
#include "simulate/plan.h"

enum scan_phase {
    SCAN_PLANNED,  // its time has not come, or the day was broken off before
    SCAN_QUEUED,   // in the handheld
    SCAN_ANSWERED, // by the server, with one result
};

struct day_scan {
    uint8_t phase; // enum scan_phase
    uint8_t
        status; // enum wire_status of the first answer that was heard; of a duplicate: what it was at first
    bool sent;  // was part of an upload: the server may have it
    bool taken; // the server said that it has it, heard or not
    char reason[20];
    uint8_t id[FACT_UUID], salt[WIRE_SALT], digest[FACT_DIGEST];
    uint32_t seq;
    int64_t stream;               // number of the stream it was numbered in
    int64_t at_ms;                // as the device's clock shows it
    uint16_t uploads, duplicates; // times sent; times answered "duplicate"
};

enum call_phase { CALL_PLANNED, CALL_QUEUED, CALL_ANSWERED };

struct day_call {
    uint8_t phase;    // enum call_phase
    uint16_t status;  // HTTP status of the answer
    uint16_t tries;   //
    int64_t at_ms;    // what the office said when it was
    char problem[40]; // stable code of the problem, when it is one
};

struct day_dossier {
    char code[DOSSIER_CODE_MAX + 1];      // as issued
    char canonical[DOSSIER_CODE_MAX + 1]; // as the system stores it
};

// Where the numbers of today's codes begin; store.h keeps them from day to day.
struct day_numbers {
    uint32_t item, box, serial, citizen;
};

struct day {
    struct plan plan;
    int64_t began_ms; // wall clock
    struct day_numbers numbers;
    struct day_dossier *dossiers;
    struct day_scan *scans; // beside plan.scans
    struct day_call *calls; // beside plan.calls
};

// Takes the plan over, also when it fails. now_ms: wall clock, the day ends then. Everything is named
// afterwards, nothing is numbered by a device. ERR_NO_MEMORY.
MUST_CHECK int day_init(struct day *d, struct plan *plan, int64_t now_ms, const struct day_numbers *numbers);
void day_done(struct day *d);
// The moment of a second, unix milliseconds.
int64_t day_time_ms(const struct day *d, int32_t second);

void day_item_code(const struct day *d, int32_t item, char out[ITEM_CODE_LEN + 1]);
void day_box_code(const struct day *d, int32_t box, char out[CONTAINER_CODE_MAX + 1]);
// The citizen's invented number, E.164.
void day_phone(const struct day *d, int32_t dossier, char out[16]);
// Which of today's a code is; PLAN_NONE when it is none. Linear in nothing: codes carry their number.
int32_t day_find_item(const struct day *d, const char *code, size_t len);
int32_t day_find_dossier(const struct day *d, const char *code, size_t len);

// ---- scan.c: what a handheld says

// Gives scan i its place in a stream: id, number, time on the device's clock and digest. taken_back: number
// in the stream of the scan that plan.other names, 0 = none.
MUST_CHECK int scan_number(struct day *d, size_t i, int64_t stream, uint32_t seq);
// The scan as a fact, equal each time. Texts live in the arena. ret_part: its personal part as JSON, len 0 =
// none.
MUST_CHECK int scan_compose(const struct day *d, size_t i, struct arena *a, struct fact *ret_fact,
                            struct fact_text *ret_part);
// What the server must answer, at first: status and reason.
enum wire_status scan_expected(const struct day *d, size_t i, const char **ret_reason);
