// SPDX-License-Identifier: EUPL-1.2
// A world in memory, facts in few words for it, and what it tells of them.
#pragma once
#include "base/err.h"
#include "correlate/batch.h"
#include "domain/item_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "EC000000019VN"
#define B "EC000000022VN"
#define C "EC000000036VN"
#define D "H56.14-261120-0001"
#define E "H56.14-261120-0002"

static struct world world;
static struct batch *batch;
static int64_t pos;
static int64_t seqs[8]; // per source
static int32_t part;

static inline void begin(void)
{
    static const int16_t lanes[] = {0};
    world_init(&world, &(struct world_ids){0, 0, 0}, lanes, 1);
    assert_int_equal(batch_create(&world, &batch), ERR_OK);
    pos = 0;
    memset(seqs, 0, sizeof seqs);
}

static inline void end(void)
{
    batch_destroy(batch);
    world_done(&world);
}

// keys: the rest of a body, "type=item.collected\ncode=…\n". The source has the stream of its number.
static inline void say(int minute, enum event_source source, const char *keys)
{
    char body[FACT_BODY_MAX];
    int len = snprintf(body, sizeof body, "v=1\n%s", keys);
    struct batch_fact f = {.pos = ++pos,
                           .stream = source,
                           .seq = ++seqs[source],
                           .source = (int)source,
                           .at = minute * INT64_C(60000),
                           .body = body,
                           .body_len = (size_t)len};
    part = 0;
    do {
        int32_t from = part;
        assert_int_equal(batch_apply(batch, &f, from, &part), ERR_OK);
        assert_true(part == 0 || part > from);
    } while (part);
}

// What the dossier was told since the last call: "2 item.collected S06 T3 late; …", all if code is NULL.
static inline const char *heard(const char *code)
{
    static char text[8192];
    size_t len = 0;
    text[0] = 0;
    for (size_t i = 0; i < batch->n_rows; i++) {
        const struct batch_row *r = &batch->rows[i];
        if (code && strcmp(r->code, code) != 0)
            continue;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%d %s S%02u", len ? "; " : "", (int)r->seq,
                                event_name(r->kind), r->state);
        if (r->sms)
            len += (size_t)snprintf(text + len, sizeof text - len, " T%u", r->sms);
        static const char *const flags[] = {"late",      "revised", "illegal", "contradiction",
                                            "retracted", "repeat",  "replay"};
        for (size_t f = 0; f < ARRAY_LEN(flags); f++)
            if (r->flags & 1U << f)
                len += (size_t)snprintf(text + len, sizeof text - len, " %s", flags[f]);
        if (r->retracts)
            len += (size_t)snprintf(text + len, sizeof text - len, " retracts %d", (int)r->retracts);
    }
    return text;
}

static inline const char *hears(const char *code)
{
    const char *text = heard(code);
    batch_clear(batch);
    return text;
}

static inline const char *state_of(const char *code)
{
    const struct world_item *it = world_item(&world, code, strlen(code), 0);
    return it ? state_code(it->now.state) : "none";
}
