// SPDX-License-Identifier: EUPL-1.2
// Mistakes of people and machines, strewn over the day: about one scan in fifteen.
#include "simulate/plan_build.h"

#define FLAW_SHARE 0.06            // of the scans there are
#define TWICE_S    40              // a person scans again what was scanned already
#define LATE_S     (90 * MINUTE_S) // after which a number is used again

static bool is_repeatable(const struct plan_scan *s)
{
    return s->item != PLAN_NONE && s->flaw == FLAW_NONE &&
           (s->kind == EVENT_ITEM_ACCEPTED || s->kind == EVENT_ITEM_ARRIVED ||
            s->kind == EVENT_DELIVERY_STARTED);
}

// The same scan of the same item 40 seconds later.
static void scan_twice(struct plan_builder *b, int32_t original)
{
    struct plan_scan copy = b->plan->scans[original];
    if (!is_repeatable(&copy))
        return;
    struct plan_scan *s = plan_add_scan(b, copy.at + TWICE_S, copy.device, (enum event_kind)copy.kind);
    copy.at += TWICE_S;
    copy.flaw = FLAW_TWICE;
    copy.other = original;
    *s = copy;
}

static void use_number_again(struct plan_builder *b, int32_t original)
{
    const struct plan_scan first = b->plan->scans[original];
    bool new_stream =
        b->plan->devices[first.device].storage_lost != PLAN_NONE; // where the number is free again
    if (first.flaw != FLAW_NONE || first.at + LATE_S >= PLAN_DAY_S || new_stream)
        return;
    struct plan_scan *s = plan_add_scan(b, first.at + LATE_S, first.device, EVENT_ITEM_ACCEPTED);
    s->item = plan_add_item(b, LEG_NONE, PLAN_NONE, PLAN_NONE);
    s->flaw = FLAW_OTHER_CONTENT;
    s->other = original;
}

// A scan of its own, just before another one of the same device: misread, unreadable, incomplete, absurd, or
// of an item that nobody knows.
static void scan_wrong(struct plan_builder *b, int32_t beside, enum plan_flaw flaw)
{
    const struct plan_scan next = b->plan->scans[beside];
    int32_t item = next.item;
    if (item == PLAN_NONE || flaw == FLAW_STRANGER)
        item = plan_add_item(b, LEG_NONE, PLAN_NONE, PLAN_NONE);
    struct plan_scan *s = plan_add_scan(b, next.at > 15 ? next.at - 15 : 0, next.device, EVENT_ITEM_ACCEPTED);
    s->item = item;
    s->flaw = (uint8_t)flaw;
}

void plan_flaws(struct plan_builder *b)
{
    static const enum plan_flaw kinds[] = {FLAW_CHECK_DIGIT, FLAW_TWICE,        FLAW_STRANGER,
                                           FLAW_UNREADABLE,  FLAW_TWICE,        FLAW_INCOMPLETE,
                                           FLAW_FUTURE,      FLAW_OTHER_CONTENT};
    size_t scans = b->plan->n_scans, count = (size_t)((double)scans * FLAW_SHARE);
    for (size_t i = 0; i < count && b->err == 0; i++) {
        int32_t beside = (int32_t)dice_below(&b->dice, (uint32_t)scans);
        enum plan_flaw flaw = kinds[i % (sizeof kinds / sizeof *kinds)];
        if (flaw == FLAW_TWICE)
            scan_twice(b, beside);
        else if (flaw == FLAW_OTHER_CONTENT)
            use_number_again(b, beside);
        else
            scan_wrong(b, beside, flaw);
    }
}
