// SPDX-License-Identifier: EUPL-1.2
// What the files of the loader (load*.c) share; nobody else includes it.
#pragma once
#include "correlate/load.h"

// A growing list of numbers.
struct numbers {
    int64_t *at;
    size_t n, cap;
};

struct content {
    int64_t box, member;
    uint8_t kind;
};

struct stored_link {
    int64_t item, dossier, from, to, cause_pos;
    uint8_t leg, source;
};

struct wanted {
    const struct batch_fact *row;
    struct batch_needs needs; // its body, read once for all steps
};

struct load {
    struct db *db;
    struct db_query query;
    struct world *world;
    struct batch *batch;
    size_t n_facts; // that were read, then that the world suffices for
    // Facts whose needs are loaded: those of the batch, and stuck ones that it retries. They live in the
    // world.
    struct wanted *wanted;
    size_t n_wanted, cap_wanted;
    int32_t part;
    load_done done;
    void *owner;
    unsigned step;
    bool busy;
    int error;                      // of the parameters or the memory, kept until the step is over
    struct numbers items, dossiers; // to load by number
    struct map texts;               // of the parameter being written
    size_t n_texts;
    struct content *contents;
    size_t n_contents, cap_contents;
    struct stored_link *links;
    size_t n_links, cap_links;
};

// ---- load.c
// Doubles an array of *cap elements. NULL: no memory, the old one stays.
void *load_grow(void *array, size_t *cap, size_t size);
// No memory is noted in l->error.
void load_add_number(struct load *l, struct numbers *list, int64_t n);
struct db_params *load_params(struct load *l);
void load_put_lanes(struct load *l);
void load_put_numbers(struct load *l, const struct numbers *list);
void load_put_no_numbers(struct load *l);
void load_put_no_texts(struct load *l);
// A parameter of texts, each of them once however often the facts name it. close says how many there are.
void load_open_texts(struct load *l);
void load_add_text(struct load *l, struct fact_text text);
MUST_CHECK bool load_close_texts(struct load *l);
// What wanted fact i says; NULL when it makes no sense and needs nothing.
const struct fact *load_fact(const struct load *l, size_t i);
// No memory is noted in l->error.
void load_want(struct load *l, const struct batch_fact *f);

// Steps. ask_* write the parameters and say whether there is anything to ask; take_* take the answer.
// ---- load_stuck.c
bool load_ask_stuck(struct load *l);
MUST_CHECK int load_take_stuck(struct load *l, const struct db_result *r);
// ---- load_dossiers.c
bool load_ask_dossiers_by_code(struct load *l);
bool load_ask_dossiers_by_number(struct load *l);
MUST_CHECK int load_take_dossiers(struct load *l, const struct db_result *r);
bool load_ask_units(struct load *l);
MUST_CHECK int load_take_units(struct load *l, const struct db_result *r);
bool load_ask_unit_dossiers(struct load *l);
MUST_CHECK int load_take_unit_dossiers(struct load *l, const struct db_result *r);
bool load_ask_streams(struct load *l);
MUST_CHECK int load_take_streams(struct load *l, const struct db_result *r);
// ---- load_items.c
bool load_ask_boxes_by_code(struct load *l);
MUST_CHECK int load_take_boxes(struct load *l, const struct db_result *r);
bool load_ask_contents(struct load *l);
MUST_CHECK int load_take_contents(struct load *l, const struct db_result *r);
bool load_ask_boxes_inside(struct load *l);
bool load_ask_boxes_around(struct load *l);
MUST_CHECK int load_take_members(struct load *l);
bool load_ask_items(struct load *l);
MUST_CHECK int load_take_items(struct load *l, const struct db_result *r);
// ---- load_links.c
bool load_ask_links_of_merged(struct load *l);
MUST_CHECK int load_take_items_of_merged(struct load *l, const struct db_result *r);
bool load_ask_links(struct load *l);
MUST_CHECK int load_take_links(struct load *l, const struct db_result *r);
MUST_CHECK int load_join_links(struct load *l);
bool load_ask_told(struct load *l);
MUST_CHECK int load_take_told(struct load *l, const struct db_result *r);
