// SPDX-License-Identifier: EUPL-1.2
#include "simulate/ledger.h"

#include "base/err.h"
#include "io/crypto.h"

#include <stdlib.h>
#include <string.h>

int ledger_init(struct ledger *l, const struct day *d)
{
    *l = (struct ledger){.n_dossiers = d->plan.n_dossiers};
    l->dossiers = calloc(l->n_dossiers, sizeof *l->dossiers);
    return l->dossiers ? ERR_OK : ERR_NO_MEMORY;
}

void ledger_done(struct ledger *l)
{
    for (size_t i = 0; i < l->n_dossiers && l->dossiers; i++)
        free(l->dossiers[i].rows);
    free(l->dossiers);
    free(l->arrivals);
    free(l->texts);
    *l = (struct ledger){0};
}

// Room for one more; NULL: no memory.
static void *grow(void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return array;
    size_t more = *room ? 2 * *room : 32;
    void *grown = reallocarray(array, more, size);
    if (grown)
        *room = more;
    return grown;
}

void ledger_add_row(struct ledger *l, int32_t dossier, const struct news *row)
{
    struct ledger_dossier *d = &l->dossiers[dossier];
    struct news *rows = grow(d->rows, &d->room, d->n_rows, sizeof *rows);
    l->full = l->full || !rows;
    if (!rows)
        return;
    d->rows = rows;
    d->rows[d->n_rows++] = *row;
}

void ledger_add_arrival(struct ledger *l, const struct arrival *a)
{
    struct arrival *grown = grow(l->arrivals, &l->room_arrivals, l->n_arrivals, sizeof *grown);
    l->full = l->full || !grown;
    if (!grown)
        return;
    l->arrivals = grown;
    l->arrivals[l->n_arrivals++] = *a;
}

void ledger_add_text(struct ledger *l, const struct text_message *t)
{
    struct text_message *grown = grow(l->texts, &l->room_texts, l->n_texts, sizeof *grown);
    l->full = l->full || !grown;
    if (!grown)
        return;
    l->texts = grown;
    l->texts[l->n_texts++] = *t;
}

uint64_t ledger_hash(const void *data, size_t len)
{
    unsigned char hash[SHA256_LEN];
    uint64_t first;
    crypto_sha256(data, len, hash);
    memcpy(&first, hash, sizeof first);
    return first;
}

// ---- what calls for an SMS

static bool entered(const struct news *n, unsigned state)
{
    return n->has_state && n->after == state && n->before != state;
}

static unsigned template_to_office(const struct news *n)
{
    switch (n->kind) {
    case EVENT_PICKUP_ASSIGNED:
    case EVENT_PICKUP_CONFIRMED:
        return entered(n, STATE_ASSIGNED) ? 1 : 0;
    case EVENT_PICKUP_FAILED:
        return n->after == STATE_PICKUP_FAILED ? 2 : 0;
    case EVENT_ITEM_COLLECTED:
        return entered(n, STATE_COLLECTED) ? 3 : 0;
    case EVENT_ITEM_DELIVERED:
    case EVENT_HANDOVER_CONFIRMED:
        return entered(n, STATE_HANDED_OVER) ? 4 : 0;
    case EVENT_HANDOVER_REFUSED:
        return entered(n, STATE_REFUSED_BY_OFFICE) ? 5 : 0;
    default:
        return 0;
    }
}

static unsigned template_of_result(const struct news *n)
{
    switch (n->kind) {
    case EVENT_ITEM_COLLECTED:
        return entered(n, STATE_COLLECTED) ? 7 : 0;
    case EVENT_DELIVERY_STARTED:
        return n->after == STATE_OUT_FOR_DELIVERY ? 8 : 0;
    case EVENT_DELIVERY_FAILED:
        if (n->after == STATE_ATTEMPT_FAILED || n->after == STATE_WAITING_REDELIVERY)
            return 9;
        return entered(n, STATE_HELD) ? 10 : 0;
    case EVENT_DELIVERY_DECIDED:
        return entered(n, STATE_HELD) ? 10 : 0;
    case EVENT_ITEM_DELIVERED:
        return entered(n, STATE_DELIVERED) ? 11 : 0;
    case EVENT_RETURN_STARTED:
        return entered(n, STATE_RETURNING) ? 12 : 0;
    default:
        return 0;
    }
}

unsigned ledger_template(const struct news *n)
{
    if (n->flags & (JOURNEY_LATE | JOURNEY_REVISED | JOURNEY_CONTRADICTION))
        return 0; // news about the past only confuse
    if (n->kind == EVENT_SUPPLEMENT_REQUESTED)
        return 6;
    if (n->item == PLAN_NONE)
        return n->kind == EVENT_HANDOVER_REFUSED ? 5 : 0;
    if (n->leg == LEG_K)
        return template_of_result(n);
    return n->leg == LEG_N || n->leg == LEG_B ? template_to_office(n) : 0;
}
