// SPDX-License-Identifier: EUPL-1.2
// What correlate, webhook and sms would have made of a fact, written to their tables: each cohort is a world
// of its own that the product's own engine (correlate/batch.h) folds, with numbers counted over all of them.
// Items, dossiers, links and bags are stored when their cohort is over, as they are then.
#pragma once
#include "correlate/batch.h"
#include "io/crypto.h"
#include "life.h"
#include "table.h"

struct fold;

struct fold_options {
    const char *conninfo;
    const struct keyring *ring; // wrap, index, sms, token
    uint8_t endpoint[16];       // of the province's one-stop system, which has taken everything
    int64_t ledger_from_ms;     // attempts and messages older than this have been trimmed
    int64_t until_ms;           // nobody has said anything yet after this
    int64_t sample_1_in;        // of the dossiers whose links go there
    const char *samples;        // file: what people look up
};

struct fold *fold_open(const struct fold_options *o);
void fold_close(struct fold *f); // all is committed

struct fold_cohort {
    struct world world;
    struct life_cohort life;
    size_t left;       // facts of it that are still to come
    int64_t told_from; // its journeys lie behind this position
};
void fold_begin(struct fold *f, struct fold_cohort *c); // life is there
// recorded_ms: when the fact was appended.
void fold_apply(struct fold *f, struct fold_cohort *c, const struct batch_fact *fact, int64_t recorded_ms);
void fold_end(struct fold *f, struct fold_cohort *c);

int64_t fold_rows(const struct fold *f); // of all its tables
int64_t fold_journey_rows(const struct fold *f);
void fold_commit_journey(struct fold *f); // so that segments can be made behind it
void fold_print(const struct fold *f);    // rows of each table, as members of a JSON object
