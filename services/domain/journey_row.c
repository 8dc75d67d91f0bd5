// SPDX-License-Identifier: EUPL-1.2
// What a change calls for: whom to tell, which SMS text (sms_text.h), which
// legal status to propose (status.h). The text decides where a template fits: T1–T3 speak of sending a
// dossier, T7–T12 of a result.
#include "domain/journey_row.h"

static bool to_office(unsigned leg)
{
    return leg == LEG_N || leg == LEG_B;
}

static unsigned notify_of_kind(unsigned kind, unsigned leg)
{
    switch (kind) {
    case EVENT_PICKUP_ASSIGNED:
    case EVENT_PICKUP_CONFIRMED:
        return to_office(leg) ? NOTIFY_CITIZEN : 0;
    case EVENT_PICKUP_REJECTED:
    case EVENT_ITEM_SILENT:
    case EVENT_PICKUP_OVERDUE:
        return NOTIFY_POSTAL;
    case EVENT_ITEM_ACCEPTED:
    case EVENT_ITEM_PUT_IN:
    case EVENT_ITEM_TAKEN_OUT:
    case EVENT_ITEM_ARRIVED:
    case EVENT_BAG_CLOSED:
    case EVENT_BAG_RECEIVED:
    case EVENT_BAG_OPENED:
    case EVENT_DISPATCH_DEPARTED:
    case EVENT_DISPATCH_ARRIVED:
        return 0;
    case EVENT_DELIVERY_STARTED:
        return leg == LEG_K ? NOTIFY_CITIZEN : 0;
    case EVENT_PICKUP_FAILED:
    case EVENT_PICKUP_CANCELLED:
    case EVENT_PICKUP_ABANDONED:
    case EVENT_PICKUP_PARTIAL:
    case EVENT_ITEM_COLLECTED:
    case EVENT_DELIVERY_FAILED:
    case EVENT_DELIVERY_DECIDED:
    case EVENT_ITEM_DELIVERED:
    case EVENT_HANDOVER_CONFIRMED:
    case EVENT_RETURN_STARTED:
    case EVENT_RETURN_COMPLETED:
    case EVENT_SUPPLEMENT_REQUESTED:
        return NOTIFY_OFFICE | NOTIFY_CITIZEN;
    case EVENT_HANDOVER_REFUSED:
        return NOTIFY_OFFICE | NOTIFY_CITIZEN | NOTIFY_POSTAL;
    case EVENT_DELIVERY_PARTIAL:
    case EVENT_ITEM_LOST: // the citizen hears of a loss from a person
    case EVENT_ITEM_DAMAGED:
    case EVENT_ITEM_MISSING:
    case EVENT_ITEM_EXTRA:
        return NOTIFY_OFFICE | NOTIFY_POSTAL;
    default:
        return NOTIFY_OFFICE;
    }
}

static bool enters(const struct journey_item *before, const struct journey_item *after, unsigned state)
{
    return after->state == state && before->state != state;
}

static unsigned template_before_transport(unsigned kind, const struct journey_item *before,
                                          const struct journey_item *after)
{
    switch (kind) {
    case EVENT_PICKUP_ASSIGNED: // assigned and then confirmed is one message
    case EVENT_PICKUP_CONFIRMED:
        return to_office(after->leg) && enters(before, after, STATE_ASSIGNED) ? 1 : 0;
    case EVENT_PICKUP_FAILED:
        return to_office(after->leg) && after->state == STATE_PICKUP_FAILED ? 2 : 0;
    case EVENT_PICKUP_PARTIAL:
    case EVENT_ITEM_COLLECTED:
        if (!enters(before, after, STATE_COLLECTED))
            return 0;
        return to_office(after->leg) ? 3 : after->leg == LEG_K ? 7 : 0;
    default:
        return 0;
    }
}

static unsigned template_of_result(unsigned kind, const struct journey_item *before,
                                   const struct journey_item *after)
{
    switch (kind) {
    case EVENT_DELIVERY_STARTED: // each attempt is a message of its own
        return after->state == STATE_OUT_FOR_DELIVERY ? 8 : 0;
    case EVENT_DELIVERY_FAILED:
    case EVENT_DELIVERY_DECIDED:
        if (enters(before, after, STATE_HELD))
            return 10;
        if (kind == EVENT_DELIVERY_FAILED)
            return after->state == STATE_ATTEMPT_FAILED || after->state == STATE_WAITING_REDELIVERY ? 9 : 0;
        return 0;
    case EVENT_ITEM_DELIVERED:
        return enters(before, after, STATE_DELIVERED) ? 11 : 0;
    case EVENT_RETURN_STARTED:
        return enters(before, after, STATE_RETURNING) ? 12 : 0;
    default:
        return 0;
    }
}

static unsigned template_of(unsigned kind, const struct journey_item *before,
                            const struct journey_item *after)
{
    unsigned t = template_before_transport(kind, before, after);
    if (t == 0 && after->leg == LEG_K)
        t = template_of_result(kind, before, after);
    if (t == 0 && to_office(after->leg) && enters(before, after, STATE_HANDED_OVER))
        t = 4;
    if (t == 0 && kind == EVENT_HANDOVER_REFUSED && enters(before, after, STATE_REFUSED_BY_OFFICE))
        t = 5;
    return t;
}

static unsigned proposal_of(const struct journey_item *before, const struct journey_item *after)
{
    if (after->leg == LEG_K && enters(before, after, STATE_DELIVERED))
        return 10; // đã trả kết quả
    if (after->leg == LEG_N && enters(before, after, STATE_HANDED_OVER))
        return 2; // được tiếp nhận
    if (after->leg == LEG_N && enters(before, after, STATE_REFUSED_BY_OFFICE))
        return 3; // không được tiếp nhận
    return 0;
}

struct journey_row journey_row_make(unsigned kind, unsigned flags, const struct journey_item *before,
                                    const struct journey_item *after)
{
    struct journey_row row = {
        .kind = (uint8_t)kind,
        .flags = (uint8_t)flags,
        .before = before->state,
        .after = after->state,
        .leg = after->leg,
        .notify = (uint8_t)notify_of_kind(kind, after->leg),
        .proposes = (uint8_t)proposal_of(before, after),
        .fee_state = (uint8_t)after->fee.state,
    };
    // A message about the past only confuses, and what a person must look at first is not for the citizen
    // yet.
    if (flags & (JOURNEY_LATE | JOURNEY_REVISED | JOURNEY_CONTRADICTION))
        row.notify &= (uint8_t)~NOTIFY_CITIZEN;
    else
        row.template = (uint8_t)template_of(kind, before, after);
    if (flags & JOURNEY_REVISED)
        row.notify |= NOTIFY_OFFICE;
    if (flags & (JOURNEY_ILLEGAL | JOURNEY_CONTRADICTION))
        row.notify |= NOTIFY_POSTAL;
    return row;
}

struct journey_row journey_revision(unsigned kind, const struct journey_item *before,
                                    const struct journey_item *after)
{
    return journey_row_make(kind, JOURNEY_LATE | JOURNEY_REVISED, before, after);
}

struct journey_row journey_dossier(unsigned kind, unsigned leg)
{
    bool is_intake = leg == LEG_N || leg == LEG_NONE; // an office that says no leg speaks of the intake
    struct journey_row row = {
        .kind = (uint8_t)kind, .leg = (uint8_t)leg, .notify = (uint8_t)notify_of_kind(kind, leg)};
    switch (kind) {
    case EVENT_PICKUP_ASSIGNED:
        row.template = to_office(leg) ? 1 : 0;
        break;
    case EVENT_PICKUP_FAILED:
        row.template = to_office(leg) ? 2 : 0;
        break;
    case EVENT_SUPPLEMENT_REQUESTED:
        row.template = 6;
        break;
    case EVENT_HANDOVER_CONFIRMED: // no T4: it names the item, and the item's own hand-over sends it
        row.proposes = is_intake ? 2 : 0;
        break;
    case EVENT_HANDOVER_REFUSED:
        row.template = is_intake || leg == LEG_B ? 5 : 0;
        row.proposes = is_intake ? 3 : 0;
        break;
    default:
        break;
    }
    return row;
}

void journey_mark_late(struct journey_row *row)
{
    row->flags |= row->before != row->after ? JOURNEY_LATE | JOURNEY_REVISED : JOURNEY_LATE;
    row->notify &= (uint8_t)~NOTIFY_CITIZEN;
    row->template = 0;
}
