// SPDX-License-Identifier: EUPL-1.2
// The lives of dossiers, as a province makes them over the years: registered by their office, sent there by
// post or handed in, decided after days, the result delivered by post: through bags and the sorting centre,
// in a second attempt, returned, two results in one envelope, a dossier that an office names only later. A
// cohort is dossiers that begin one after another; nothing is shared between cohorts but offices and
// handhelds, so each can be folded on its own. Seeded, no clock.
#pragma once
#include "base/arena.h"
#include "domain/event.h"
#include "domain/item_code.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIFE_COHORT     512  // dossiers of a cohort
#define LIFE_DEVICES    3    // handhelds of a post office
#define LIFE_OFFICES    240  // post offices of a big province
#define LIFE_CENTRE     0    // number of the sorting centre
#define LIFE_NO_STREAM  (-1) // said by an office's system, not by a handheld
#define LIFE_DAY_MS     INT64_C(86400000)
#define LIFE_LONGEST_MS (60 * LIFE_DAY_MS) // a life is over by then

struct life_random {
    uint64_t state;
};
uint64_t life_next(struct life_random *r);
uint32_t life_below(struct life_random *r, uint32_t bound);
bool life_percent(struct life_random *r, uint32_t percent);
// A UUIDv7 of that moment.
void life_uuid7(struct life_random *r, int64_t at_ms, unsigned char out[16]);

struct life_dossier {
    char code[32], unit[12];
    const char *tthc; // procedure
    int64_t at;       // registered
    uint32_t citizen; // number of their phone; 0: no contact is known
    bool consent;
};

struct life_fact {
    int64_t at; // when it happened, unix ms
    int device; // handheld, or LIFE_NO_STREAM
    uint8_t kind, leg;
    uint32_t office;
    const char *code, *reason, *solution; // NULL: none
    const struct life_dossier *dossiers[2];
    unsigned n_dossiers;
    const char *const *members; // of a bag
    unsigned n_members;
    int64_t charge, fee; // đồng, or FACT_ABSENT
    bool registers;      // carries unit and procedure
};

struct life_cohort {
    struct arena memory;
    struct life_dossier dossiers[LIFE_COHORT];
    struct life_fact *facts; // in no order
    size_t n_facts, cap_facts;
    struct life_bag *bags;
};

struct life_province {
    struct life_random random;
    unsigned offices;                                 // at most LIFE_OFFICES
    uint32_t items[LIFE_OFFICES];                     // S10 numbers given so far
    uint32_t serial[LIFE_OFFICES], day[LIFE_OFFICES]; // dossiers of a unit on its last day
    uint32_t bags, citizens;
};

// A cohort whose dossiers begin every step_ms from from_ms on. The caller ends it with life_end().
void life_begin(struct life_province *p, struct life_cohort *c, unsigned dossiers, int64_t from_ms,
                double step_ms);
void life_end(struct life_cohort *c);
