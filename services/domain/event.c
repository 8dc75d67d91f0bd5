// SPDX-License-Identifier: EUPL-1.2
// The table of events and the small vocabularies beside it. Look-ups are linear: 60 rows, a few comparisons
// each, no state.
#include "domain/event.h"

#include <string.h>

#define BIT(source) (1U << (source))
#define DEV         BIT(SOURCE_DEVICE)
#define OFF         BIT(SOURCE_OFFICE)
#define OPR         BIT(SOURCE_OPERATOR)
#define CAR         BIT(SOURCE_CARRIER)
#define TIM         BIT(SOURCE_TIMER)
#define POST        (DEV | OPR | CAR) // people and machines of the postal side
#define ALL         (DEV | OFF | OPR | CAR)

// Ranks follow the way of an item, so that facts with one and the same time fold in the order they can only
// have happened in.
static const struct event_def events[] = {
    // name, kind, rank, subject, sources, evidence
    {"order.created", EVENT_ORDER_CREATED, 10, SUBJECT_ANY, ALL, false},
    {"order.cancelled", EVENT_ORDER_CANCELLED, 78, SUBJECT_ANY, OFF | OPR | CAR, false},
    {"pickup.assigned", EVENT_PICKUP_ASSIGNED, 12, SUBJECT_ANY, POST, false},
    {"pickup.confirmed", EVENT_PICKUP_CONFIRMED, 13, SUBJECT_ANY, POST, false},
    {"pickup.rejected", EVENT_PICKUP_REJECTED, 14, SUBJECT_ANY, POST, false},
    {"pickup.failed", EVENT_PICKUP_FAILED, 16, SUBJECT_ANY, POST, false},
    {"pickup.cancelled", EVENT_PICKUP_CANCELLED, 18, SUBJECT_ANY, ALL, false},
    {"pickup.abandoned", EVENT_PICKUP_ABANDONED, 19, SUBJECT_ANY, POST | TIM, false},
    {"pickup.partial", EVENT_PICKUP_PARTIAL, 20, SUBJECT_ITEM, POST, true},
    {"item.collected", EVENT_ITEM_COLLECTED, 21, SUBJECT_ITEM, POST, true},
    {"item.accepted", EVENT_ITEM_ACCEPTED, 22, SUBJECT_ITEM, POST, true},
    {"item.put_in", EVENT_ITEM_PUT_IN, 24, SUBJECT_ITEM, POST, false},
    {"item.taken_out", EVENT_ITEM_TAKEN_OUT, 35, SUBJECT_ITEM, POST, false},
    {"item.arrived", EVENT_ITEM_ARRIVED, 36, SUBJECT_ITEM, POST, true},
    {"item.forwarded", EVENT_ITEM_FORWARDED, 49, SUBJECT_ITEM, POST, true},
    {"bag.closed", EVENT_BAG_CLOSED, 26, SUBJECT_CONTAINER, POST, true},
    {"bag.received", EVENT_BAG_RECEIVED, 32, SUBJECT_CONTAINER, POST, true},
    {"bag.opened", EVENT_BAG_OPENED, 34, SUBJECT_CONTAINER, POST, true},
    {"dispatch.departed", EVENT_DISPATCH_DEPARTED, 28, SUBJECT_CONTAINER, POST, true},
    {"dispatch.arrived", EVENT_DISPATCH_ARRIVED, 30, SUBJECT_CONTAINER, POST, true},
    {"delivery.started", EVENT_DELIVERY_STARTED, 40, SUBJECT_ITEM, POST, true},
    {"delivery.failed", EVENT_DELIVERY_FAILED, 44, SUBJECT_ITEM, POST, true},
    {"delivery.partial", EVENT_DELIVERY_PARTIAL, 46, SUBJECT_ITEM, POST, true},
    {"delivery.decided", EVENT_DELIVERY_DECIDED, 48, SUBJECT_ITEM, ALL, false},
    {"item.delivered", EVENT_ITEM_DELIVERED, 50, SUBJECT_ITEM, POST, true},
    {"handover.confirmed", EVENT_HANDOVER_CONFIRMED, 54, SUBJECT_ANY, OFF | OPR, true},
    {"handover.refused", EVENT_HANDOVER_REFUSED, 52, SUBJECT_ANY, OFF | OPR, true},
    {"return.requested", EVENT_RETURN_REQUESTED, 60, SUBJECT_ITEM, ALL | TIM, false},
    {"return.started", EVENT_RETURN_STARTED, 62, SUBJECT_ITEM, POST, true},
    {"return.completed", EVENT_RETURN_COMPLETED, 64, SUBJECT_ITEM, POST, true},
    {"item.lost", EVENT_ITEM_LOST, 72, SUBJECT_ITEM, OPR | CAR | TIM, false},
    {"item.found", EVENT_ITEM_FOUND, 74, SUBJECT_ITEM, POST, false},
    {"item.damaged", EVENT_ITEM_DAMAGED, 70, SUBJECT_ITEM, ALL, true},
    {"item.compensated", EVENT_ITEM_COMPENSATED, 76, SUBJECT_ITEM, OPR | CAR, false},
    {"item.silent", EVENT_ITEM_SILENT, 96, SUBJECT_ITEM, TIM, false},
    {"pickup.overdue", EVENT_PICKUP_OVERDUE, 97, SUBJECT_ITEM, TIM, false},
    {"fee.collected", EVENT_FEE_COLLECTED, 80, SUBJECT_ANY, POST, false},
    {"fee.remitted_office", EVENT_FEE_REMITTED_OFFICE, 81, SUBJECT_ANY, POST, false},
    {"fee.transferred", EVENT_FEE_TRANSFERRED, 82, SUBJECT_ANY, OPR | CAR, false},
    {"fee.reconciled", EVENT_FEE_RECONCILED, 83, SUBJECT_ANY, OFF | OPR, false},
    {"fee.refunded", EVENT_FEE_REFUNDED, 84, SUBJECT_ANY, POST, false},
    {"dossier.registered", EVENT_DOSSIER_REGISTERED, 1, SUBJECT_DOSSIER, ALL, false},
    {"dossier.link", EVENT_DOSSIER_LINK, 2, SUBJECT_ITEM, ALL, false},
    {"dossier.unlink", EVENT_DOSSIER_UNLINK, 90, SUBJECT_ITEM, OFF | OPR, false},
    {"supplement.requested", EVENT_SUPPLEMENT_REQUESTED, 4, SUBJECT_DOSSIER, OFF | OPR, false},
    {"result.ready", EVENT_RESULT_READY, 5, SUBJECT_DOSSIER, OFF | OPR, false},
    {"dossier.withdrawn", EVENT_DOSSIER_WITHDRAWN, 6, SUBJECT_DOSSIER, OFF | OPR, false},
    {"dossier.status", EVENT_DOSSIER_STATUS, 7, SUBJECT_DOSSIER, OFF | OPR, false},
    {"dossier.merged", EVENT_DOSSIER_MERGED, 91, SUBJECT_DOSSIER, OFF | OPR, false},
    {"unit.merged", EVENT_UNIT_MERGED, 92, SUBJECT_UNIT, OPR, false},
    {"stream.reset", EVENT_STREAM_RESET, 98, SUBJECT_DOSSIER, OPR, false},
    {"correction", EVENT_CORRECTION, 100, SUBJECT_ITEM, DEV | OFF | OPR, false},
    {"fact.retried", EVENT_FACT_RETRIED, 101, SUBJECT_ITEM, OPR, false},
    {"dossier.absorbed", EVENT_DOSSIER_ABSORBED, 93, 0, 0, false},
    {"item.missing", EVENT_ITEM_MISSING, 94, 0, 0, false},
    {"item.extra", EVENT_ITEM_EXTRA, 95, 0, 0, false},
};
#define EVENTS (sizeof events / sizeof *events)

const struct event_def *event_find(unsigned kind)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (events[i].kind == kind)
            return &events[i];
    return NULL;
}

const struct event_def *event_parse(const char *name, size_t len)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (strlen(events[i].name) == len && memcmp(events[i].name, name, len) == 0)
            return &events[i];
    return NULL;
}

const char *event_name(unsigned kind)
{
    const struct event_def *def = event_find(kind);
    return def ? def->name : "unknown";
}

bool event_allows(unsigned kind, enum event_source source)
{
    const struct event_def *def = event_find(kind);
    return def && source >= SOURCE_DEVICE && source <= SOURCE_TIMER && (def->sources & BIT(source));
}

bool event_is_remark(unsigned kind)
{
    return kind == EVENT_ITEM_SILENT || kind == EVENT_PICKUP_OVERDUE || kind == EVENT_DOSSIER_LINK;
}

uint8_t event_rank(unsigned kind)
{
    const struct event_def *def = event_find(kind);
    return def ? def->rank : UINT8_MAX;
}

const char *event_source_name(unsigned source)
{
    static const char *const names[] = {"unknown", "device", "office", "operator", "carrier", "timer"};
    return source < sizeof names / sizeof *names ? names[source] : names[0];
}

static const char leg_letters[] = {0, 'N', 'B', 'K', 'H'};

char leg_letter(unsigned leg)
{
    return leg < sizeof leg_letters ? leg_letters[leg] : 0;
}

enum leg leg_parse(char letter)
{
    for (unsigned i = 1; i < sizeof leg_letters; i++)
        if (leg_letters[i] == letter)
            return (enum leg)i;
    return LEG_NONE;
}

static const char *const solutions[] = {"", "redeliver", "hold", "return", "forward"};

const char *solution_name(unsigned solution)
{
    return solution < sizeof solutions / sizeof *solutions ? solutions[solution] : "";
}

enum solution solution_parse(const char *word, size_t len)
{
    for (unsigned i = 1; i < sizeof solutions / sizeof *solutions; i++)
        if (strlen(solutions[i]) == len && memcmp(solutions[i], word, len) == 0)
            return (enum solution)i;
    return SOLUTION_NONE;
}
