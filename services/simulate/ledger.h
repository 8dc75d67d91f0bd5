// SPDX-License-Identifier: EUPL-1.2
// What the system told us in a day: the journey rows that the office API shows, the webhooks that arrived,
// the SMS that left. verdict.h compares it with what was played. All arrays grow; a day is bounded by its
// plan.
#pragma once
#include "base/attr.h"
#include "domain/event.h"
#include "domain/journey.h"
#include "simulate/day.h"
#include "simulate/store.h"

#include <stdbool.h>
#include <stdint.h>

// One piece of news about a dossier, from a journey row or from a webhook.
struct news {
    int64_t seq; // per dossier, from 1
    int64_t at_ms, recorded_ms;
    int32_t item; // of today, or PLAN_NONE
    uint8_t kind; // enum event_kind
    uint8_t leg;
    uint8_t before, after; // enum item_state; before == after: the state stayed
    uint8_t flags;         // enum journey_flag
    bool has_state;
};

struct ledger_dossier {
    struct news *rows; // as the office API shows them, by seq
    size_t n_rows, room;
    uint8_t states[4]; // of its items as the API shows them
    int32_t items[4];
    size_t n_items;
};

enum arrival_answer {
    ARRIVAL_OK,   // 204
    ARRIVAL_SLOW, // 204, late
    ARRIVAL_500,
    ARRIVAL_CUT, // the connection was cut without an answer
};

// A webhook as it arrived.
struct arrival {
    struct news news;
    int32_t dossier; // of today, or PLAN_NONE: of an earlier day
    uint8_t endpoint;
    uint8_t answer; // enum arrival_answer
    bool gap_before;
    uint64_t id, body; // first 64 bits of the SHA-256 of webhook-id and body
};

// An SMS as the gateway got it.
struct text_message {
    int32_t dossier, item; // as far as the text names them; PLAN_NONE
    uint8_t template;      // 1 to 12, 0 = none of ours
    bool to_citizen;       // the number is that of the dossier's citizen
    uint64_t reference;    // first 64 bits of the SHA-256 of the reference
};

struct ledger {
    struct ledger_dossier *dossiers; // of the day
    size_t n_dossiers;
    struct arrival *arrivals; // in order of arrival
    size_t n_arrivals, room_arrivals;
    struct text_message *texts;
    size_t n_texts, room_texts;
    bool full; // something was not kept for want of memory: no verdict can be given
};

MUST_CHECK int ledger_init(struct ledger *l, const struct day *d);
void ledger_done(struct ledger *l);
void ledger_add_row(struct ledger *l, int32_t dossier, const struct news *row);
void ledger_add_arrival(struct ledger *l, const struct arrival *a);
void ledger_add_text(struct ledger *l, const struct text_message *t);
// The first 64 bits of SHA-256.
uint64_t ledger_hash(const void *data, size_t len);
// The SMS template (1 to 12) that this news calls for by domain.md 7.4, 0 = none: a table of its own, so that
// the system's is not its own judge.
unsigned ledger_template(const struct news *n);
