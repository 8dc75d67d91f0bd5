// SPDX-License-Identifier: EUPL-1.2
// The table of events and the small vocabularies beside it. A kind is its
// own index; a name is looked for from the beginning: 60 rows, mostly one comparison each.
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
static const struct event_def events[EVENT_KIND_MAX + 1] = {
    // name, kind, rank, subject, sources, evidence
    [EVENT_ORDER_CREATED] = {"order.created", EVENT_ORDER_CREATED, 10, SUBJECT_ANY, ALL, false},
    [EVENT_ORDER_CANCELLED] = {"order.cancelled", EVENT_ORDER_CANCELLED, 78, SUBJECT_ANY, OFF | OPR | CAR,
                               false},
    [EVENT_PICKUP_ASSIGNED] = {"pickup.assigned", EVENT_PICKUP_ASSIGNED, 12, SUBJECT_ANY, POST, false},
    [EVENT_PICKUP_CONFIRMED] = {"pickup.confirmed", EVENT_PICKUP_CONFIRMED, 13, SUBJECT_ANY, POST, false},
    [EVENT_PICKUP_REJECTED] = {"pickup.rejected", EVENT_PICKUP_REJECTED, 14, SUBJECT_ANY, POST, false},
    [EVENT_PICKUP_FAILED] = {"pickup.failed", EVENT_PICKUP_FAILED, 16, SUBJECT_ANY, POST, false},
    [EVENT_PICKUP_CANCELLED] = {"pickup.cancelled", EVENT_PICKUP_CANCELLED, 18, SUBJECT_ANY, ALL, false},
    [EVENT_PICKUP_ABANDONED] = {"pickup.abandoned", EVENT_PICKUP_ABANDONED, 19, SUBJECT_ANY, POST | TIM,
                                false},
    [EVENT_PICKUP_PARTIAL] = {"pickup.partial", EVENT_PICKUP_PARTIAL, 20, SUBJECT_ITEM, POST, true},
    [EVENT_ITEM_COLLECTED] = {"item.collected", EVENT_ITEM_COLLECTED, 21, SUBJECT_ITEM, POST, true},
    [EVENT_ITEM_ACCEPTED] = {"item.accepted", EVENT_ITEM_ACCEPTED, 22, SUBJECT_ITEM, POST, true},
    [EVENT_ITEM_PUT_IN] = {"item.put_in", EVENT_ITEM_PUT_IN, 24, SUBJECT_ITEM, POST, false},
    [EVENT_ITEM_TAKEN_OUT] = {"item.taken_out", EVENT_ITEM_TAKEN_OUT, 35, SUBJECT_ITEM, POST, false},
    [EVENT_ITEM_ARRIVED] = {"item.arrived", EVENT_ITEM_ARRIVED, 36, SUBJECT_ITEM, POST, true},
    [EVENT_ITEM_FORWARDED] = {"item.forwarded", EVENT_ITEM_FORWARDED, 49, SUBJECT_ITEM, POST, true},
    [EVENT_BAG_CLOSED] = {"bag.closed", EVENT_BAG_CLOSED, 26, SUBJECT_CONTAINER, POST, true},
    [EVENT_BAG_RECEIVED] = {"bag.received", EVENT_BAG_RECEIVED, 32, SUBJECT_CONTAINER, POST, true},
    [EVENT_BAG_OPENED] = {"bag.opened", EVENT_BAG_OPENED, 34, SUBJECT_CONTAINER, POST, true},
    [EVENT_DISPATCH_DEPARTED] = {"dispatch.departed", EVENT_DISPATCH_DEPARTED, 28, SUBJECT_CONTAINER, POST,
                                 true},
    [EVENT_DISPATCH_ARRIVED] = {"dispatch.arrived", EVENT_DISPATCH_ARRIVED, 30, SUBJECT_CONTAINER, POST,
                                true},
    [EVENT_DELIVERY_STARTED] = {"delivery.started", EVENT_DELIVERY_STARTED, 40, SUBJECT_ITEM, POST, true},
    [EVENT_DELIVERY_FAILED] = {"delivery.failed", EVENT_DELIVERY_FAILED, 44, SUBJECT_ITEM, POST, true},
    [EVENT_DELIVERY_PARTIAL] = {"delivery.partial", EVENT_DELIVERY_PARTIAL, 46, SUBJECT_ITEM, POST, true},
    [EVENT_DELIVERY_DECIDED] = {"delivery.decided", EVENT_DELIVERY_DECIDED, 48, SUBJECT_ITEM, ALL, false},
    [EVENT_ITEM_DELIVERED] = {"item.delivered", EVENT_ITEM_DELIVERED, 50, SUBJECT_ITEM, POST, true},
    [EVENT_HANDOVER_CONFIRMED] = {"handover.confirmed", EVENT_HANDOVER_CONFIRMED, 54, SUBJECT_ANY, OFF | OPR,
                                  true},
    [EVENT_HANDOVER_REFUSED] = {"handover.refused", EVENT_HANDOVER_REFUSED, 52, SUBJECT_ANY, OFF | OPR, true},
    [EVENT_RETURN_REQUESTED] = {"return.requested", EVENT_RETURN_REQUESTED, 60, SUBJECT_ITEM, ALL | TIM,
                                false},
    [EVENT_RETURN_STARTED] = {"return.started", EVENT_RETURN_STARTED, 62, SUBJECT_ITEM, POST, true},
    [EVENT_RETURN_COMPLETED] = {"return.completed", EVENT_RETURN_COMPLETED, 64, SUBJECT_ITEM, POST, true},
    [EVENT_ITEM_LOST] = {"item.lost", EVENT_ITEM_LOST, 72, SUBJECT_ITEM, OPR | CAR | TIM, false},
    [EVENT_ITEM_FOUND] = {"item.found", EVENT_ITEM_FOUND, 74, SUBJECT_ITEM, POST, false},
    [EVENT_ITEM_DAMAGED] = {"item.damaged", EVENT_ITEM_DAMAGED, 70, SUBJECT_ITEM, ALL, true},
    [EVENT_ITEM_COMPENSATED] = {"item.compensated", EVENT_ITEM_COMPENSATED, 76, SUBJECT_ITEM, OPR | CAR,
                                false},
    [EVENT_ITEM_SILENT] = {"item.silent", EVENT_ITEM_SILENT, 96, SUBJECT_ITEM, TIM, false},
    [EVENT_PICKUP_OVERDUE] = {"pickup.overdue", EVENT_PICKUP_OVERDUE, 97, SUBJECT_ITEM, TIM, false},
    [EVENT_FEE_COLLECTED] = {"fee.collected", EVENT_FEE_COLLECTED, 80, SUBJECT_ANY, POST, false},
    [EVENT_FEE_REMITTED_OFFICE] = {"fee.remitted_office", EVENT_FEE_REMITTED_OFFICE, 81, SUBJECT_ANY, POST,
                                   false},
    [EVENT_FEE_TRANSFERRED] = {"fee.transferred", EVENT_FEE_TRANSFERRED, 82, SUBJECT_ANY, OPR | CAR, false},
    [EVENT_FEE_RECONCILED] = {"fee.reconciled", EVENT_FEE_RECONCILED, 83, SUBJECT_ANY, OFF | OPR, false},
    [EVENT_FEE_REFUNDED] = {"fee.refunded", EVENT_FEE_REFUNDED, 84, SUBJECT_ANY, POST, false},
    [EVENT_DOSSIER_REGISTERED] = {"dossier.registered", EVENT_DOSSIER_REGISTERED, 1, SUBJECT_DOSSIER, ALL,
                                  false},
    [EVENT_DOSSIER_LINK] = {"dossier.link", EVENT_DOSSIER_LINK, 2, SUBJECT_ITEM, ALL, false},
    [EVENT_DOSSIER_UNLINK] = {"dossier.unlink", EVENT_DOSSIER_UNLINK, 90, SUBJECT_ITEM, OFF | OPR, false},
    [EVENT_SUPPLEMENT_REQUESTED] = {"supplement.requested", EVENT_SUPPLEMENT_REQUESTED, 4, SUBJECT_DOSSIER,
                                    OFF | OPR, false},
    [EVENT_RESULT_READY] = {"result.ready", EVENT_RESULT_READY, 5, SUBJECT_DOSSIER, OFF | OPR, false},
    [EVENT_DOSSIER_WITHDRAWN] = {"dossier.withdrawn", EVENT_DOSSIER_WITHDRAWN, 6, SUBJECT_DOSSIER, OFF | OPR,
                                 false},
    [EVENT_DOSSIER_STATUS] = {"dossier.status", EVENT_DOSSIER_STATUS, 7, SUBJECT_DOSSIER, OFF | OPR, false},
    [EVENT_DOSSIER_MERGED] = {"dossier.merged", EVENT_DOSSIER_MERGED, 91, SUBJECT_DOSSIER, OFF | OPR, false},
    [EVENT_UNIT_MERGED] = {"unit.merged", EVENT_UNIT_MERGED, 92, SUBJECT_UNIT, OPR, false},
    [EVENT_STREAM_RESET] = {"stream.reset", EVENT_STREAM_RESET, 98, SUBJECT_DOSSIER, OPR, false},
    [EVENT_CORRECTION] = {"correction", EVENT_CORRECTION, 100, SUBJECT_ITEM, DEV | OFF | OPR, false},
    [EVENT_FACT_RETRIED] = {"fact.retried", EVENT_FACT_RETRIED, 101, SUBJECT_ITEM, OPR, false},
    [EVENT_DOSSIER_ABSORBED] = {"dossier.absorbed", EVENT_DOSSIER_ABSORBED, 93, 0, 0, false},
    [EVENT_ITEM_MISSING] = {"item.missing", EVENT_ITEM_MISSING, 94, 0, 0, false},
    [EVENT_ITEM_EXTRA] = {"item.extra", EVENT_ITEM_EXTRA, 95, 0, 0, false},
};

const struct event_def *event_find(unsigned kind)
{
    return kind <= EVENT_KIND_MAX && events[kind].name ? &events[kind] : NULL;
}

const struct event_def *event_parse(const char *name, size_t len)
{
    for (size_t i = 0; i <= EVENT_KIND_MAX && len > 0; i++) {
        const char *other = events[i].name;
        if (other && other[0] == name[0] && strlen(other) == len && memcmp(other, name, len) == 0)
            return &events[i];
    }
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
