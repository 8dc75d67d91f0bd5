// SPDX-License-Identifier: EUPL-1.2
// The part of the projection that a batch of facts touches: items, containers, dossiers and the links between
// them, in memory. The service loads it from PostgreSQL and writes back what changed; rebuild and tests start
// from an empty one and keep it. The world owns every object; nothing is ever removed from it.
#pragma once
#include "base/attr.h"
#include "correlate/map.h"
#include "domain/dossier_code.h"
#include "domain/fact.h"
#include "domain/journey.h"
#include "domain/nest.h"
#include <stdbool.h>

#define WORLD_LANES_MAX  16 // lanes of the journey log
#define WORLD_CODE_MAX   FACT_CODE_MAX
#define WORLD_FROZEN_MAX 96        // bytes of the reason why an object is frozen
#define WORLD_OPEN       INT64_MAX // link.to of a link that is not ended

struct batch_needs;

// A row of dt.fact.
struct batch_fact {
    int16_t lane;
    int64_t pos, stream, seq;
    int type, source;
    int64_t at; // corrected time, ms
    const char *body;
    size_t body_len;
    const struct batch_needs *needs; // what it says, when that is known already (batch_needs()); else NULL
};

// Packed facts (domain/trail.h), own and inherited.
struct world_trail {
    uint8_t *bytes;
    size_t len;
};

struct world_link {
    struct world_item *item;
    struct world_dossier *dossier;
    struct world_link *next_of_item;    // sorted by dossier, then from
    struct world_link *next_of_dossier; // in no order
    struct world_link *next_dirty;
    bool dirty;
    uint8_t leg, source;
    int64_t from;  // when it was stated, ms
    int64_t to;    // ended, or WORLD_OPEN
    int64_t since; // facts from here on are told: 0, or the end of an earlier link of the same two
    int64_t cause_pos;
};

struct world_item {
    struct world_item *next_generation; // older, of the same code
    struct world_item *next_dirty, *next_all;
    bool dirty;
    int16_t lane, generation;
    int64_t id;
    char code[WORLD_CODE_MAX + 1];
    struct world_trail trail;
    char frozen[WORLD_FROZEN_MAX]; // "" = no
    uint32_t office;               // post office of the newest fact that named one, or TRAIL_OFFICE_0
    // Worked out from the trail when the item changes:
    struct journey_item now;
    char inside[WORLD_CODE_MAX + 1]; // the container it is in now, "" = none
    struct world_link *links;
};

struct world_member {
    uint8_t kind; // enum world_member_kind
    bool dirty;
    int64_t id;
};
enum world_member_kind { MEMBER_ITEM = 1, MEMBER_BOX = 2 };

struct world_box { // a bag or a dispatch
    struct world_box *next_dirty, *next_all;
    bool dirty, visited;
    bool whole; // all its members are known, so that a fan-out may go through it
    int16_t lane;
    uint32_t number;
    char code[WORLD_CODE_MAX + 1];
    struct world_trail trail;
    char frozen[WORLD_FROZEN_MAX];
    struct world_member *members; // all that was ever put into it, sorted by kind and id
    size_t n_members, cap_members;
};

struct world_code {
    struct world_code *next;
    bool primary, dirty;
    int64_t from;
    char text[WORLD_CODE_MAX + 1];
};

struct world_dossier {
    struct world_dossier *next_dirty, *next_all;
    bool dirty, registered;
    int16_t lane;
    int64_t id, seq, merged_into; // merged_into 0 = no
    uint8_t status, proposed;     // 0 = none
    int64_t opened_at;
    char unit[UNIT_ID_MAX + 1];
    char tthc[WORLD_CODE_MAX + 1];
    char due[11];
    struct world_code *codes; // the primary one first
    struct world_link *links;
};

struct world_ids {
    int64_t item, box, dossier; // last given
};

struct world {
    struct world_ids ids;
    int16_t lanes[WORLD_LANES_MAX]; // of the journey log, sorted
    size_t n_lanes;
    struct map items, items_by_id, boxes, boxes_by_number, dossiers, dossiers_by_id;
    struct map units;   // alias → unit, char *
    struct map streams; // token text → int64_t *
    struct map told;    // struct told_key → int64_t * journey seq
    struct map stuck;   // code → struct world_stuck *
    struct world_item *all_items, *dirty_items;
    struct world_box *all_boxes, *dirty_boxes;
    struct world_dossier *all_dossiers, *dirty_dossiers;
    struct world_link *dirty_links;
    void *owned; // small allocations freed with the world
};

void world_init(struct world *w, const struct world_ids *ids, const int16_t *lanes, size_t n_lanes);
void world_done(struct world *w);

// ---- items: NULL when it is not there. `at` chooses among generations of a code: S10 codes are used again
// six months after an end.
struct world_item *world_item(const struct world *w, const char *code, size_t len, int64_t at);
struct world_item *world_item_by_id(const struct world *w, int64_t id);
// A new generation of the code, numbered and dirty. NULL: no memory.
struct world_item *world_add_item(struct world *w, const char *code, size_t len);
// One that is stored: id, lane and generation as given, not dirty. NULL: no memory.
struct world_item *world_load_item(struct world *w, const char *code, size_t len, int64_t id, int16_t lane,
                                   int16_t generation);
void world_touch_item(struct world *w, struct world_item *item);
// Time of its newest fact; of its first link while it has none.
int64_t world_last_at(const struct world_item *item);

struct world_box *world_box(const struct world *w, const char *code, size_t len);
struct world_box *world_box_by_number(const struct world *w, uint32_t number);
struct world_box *world_add_box(struct world *w, const char *code, size_t len);
struct world_box *world_load_box(struct world *w, const char *code, size_t len, uint32_t number,
                                 int16_t lane);
void world_touch_box(struct world *w, struct world_box *box);
// Notes that the member was put into the box at some time; the box is dirty when that is new (fresh).
MUST_CHECK int world_add_member(struct world *w, struct world_box *box, enum world_member_kind kind,
                                int64_t id, bool fresh);

// ---- dossiers: by any code, merged ones lead to nothing (their codes have moved to the survivor)
struct world_dossier *world_dossier(const struct world *w, const char *code, size_t len);
struct world_dossier *world_dossier_by_id(const struct world *w, int64_t id);
struct world_dossier *world_add_dossier(struct world *w);
struct world_dossier *world_load_dossier(struct world *w, int64_t id, int16_t lane);
void world_touch_dossier(struct world *w, struct world_dossier *d);
// Gives the dossier a code; the first one, and one that takes the lead, is its primary one. Does nothing when
// the code is taken.
MUST_CHECK int world_add_code(struct world *w, struct world_dossier *d, const char *code, size_t len,
                              bool primary, int64_t from, bool fresh);
// All codes of loser lead to survivor from now on.
void world_move_codes(struct world *w, struct world_dossier *loser, struct world_dossier *survivor);
const char *world_primary_code(const struct world_dossier *d); // "" when it has none

// A link between the two; it must not exist with the same `from`. NULL: no memory.
struct world_link *world_add_link(struct world *w, struct world_item *item, struct world_dossier *d,
                                  int64_t from, int64_t to, bool fresh);
void world_touch_link(struct world *w, struct world_link *link);
// The open link between the two, or NULL.
struct world_link *world_open_link(const struct world_item *item, const struct world_dossier *d);

// ---- facts that wait for a retry, by the code that they are about
struct world_stuck {
    struct world_stuck_fact *first, *last; // in order of positions; NULL: it was retried
};
struct world_stuck_fact {
    struct world_stuck_fact *next;
    struct batch_fact row; // body is a copy
};
MUST_CHECK int world_add_stuck(struct world *w, const char *code, size_t len, const struct batch_fact *row);
// NULL: nothing is stuck about this code.
struct world_stuck *world_stuck(const struct world *w, const char *code, size_t len);

// ---- small maps
MUST_CHECK int world_add_unit_alias(struct world *w, const char *alias, size_t len, const char *unit,
                                    size_t unit_len);
const char *world_unit_alias(const struct world *w, const char *alias, size_t len); // NULL = none
MUST_CHECK int world_add_stream(struct world *w, const char *token, size_t len, int64_t stream);
MUST_CHECK bool world_stream(const struct world *w, const char *token, size_t len, int64_t *ret_stream);
// The journey number under which the dossier was first told of the fact; 0 = never.
int64_t world_told(const struct world *w, int64_t dossier, int16_t lane, int64_t pos);
MUST_CHECK int world_tell(struct world *w, int64_t dossier, int16_t lane, int64_t pos, int64_t seq);

// Replaces a trail by packed bytes. ERR_NO_MEMORY: nothing changed.
MUST_CHECK int world_set_trail(struct world_trail *t, const uint8_t *bytes, size_t len);
