// SPDX-License-Identifier: EUPL-1.2
// The fee machine; see fee.h.
#include "domain/fee.h"

#include "domain/event.h"

void fee_init(struct fee *f)
{
    *f = (struct fee){FEE_NONE, {0, 0, 0}};
}

static bool states_amount(const struct fee_amounts *a)
{
    return a->charge > 0 || a->fee > 0 || a->remit > 0;
}

static bool collects(unsigned kind, const struct fee_amounts *a)
{
    switch (kind) {
    case EVENT_FEE_COLLECTED:
        return true;
    case EVENT_PICKUP_PARTIAL:
    case EVENT_ITEM_COLLECTED:
    case EVENT_ITEM_ACCEPTED:
    case EVENT_DELIVERY_PARTIAL:
    case EVENT_ITEM_DELIVERED:
        return states_amount(a);
    default:
        return false;
    }
}

bool fee_concerns(unsigned kind, const struct fee_amounts *a)
{
    return collects(kind, a) || (kind >= EVENT_FEE_REMITTED_OFFICE && kind <= EVENT_FEE_REFUNDED);
}

static void add(int64_t *sum, int64_t amount)
{
    if (amount > 0)
        *sum += amount;
}

static bool equal(int64_t sum, int64_t stated)
{
    return stated < 0 || stated == sum; // an amount that is not stated is not disputed
}

static enum fee_step move(struct fee *f, enum fee_state to, bool in_order)
{
    f->state = to;
    return in_order ? FEE_OK : FEE_SKIPPED;
}

static enum fee_step reconcile(struct fee *f, const struct fee_amounts *a)
{
    bool same = equal(f->collected.charge, a->charge) && equal(f->collected.fee, a->fee) &&
                equal(f->collected.remit, a->remit);
    bool in_order = f->state == FEE_TRANSFERRED || f->state == FEE_DIFFERENT;
    return move(f, same ? FEE_MATCHED : FEE_DIFFERENT, in_order);
}

enum fee_step fee_apply(struct fee *f, unsigned kind, const struct fee_amounts *a)
{
    if (collects(kind, a)) {
        add(&f->collected.charge, a->charge);
        add(&f->collected.fee, a->fee);
        add(&f->collected.remit, a->remit);
        return move(f, FEE_COLLECTED, true); // also after a remittance: there is money in hand again
    }
    if (f->state == FEE_NONE || f->state == FEE_REFUNDED)
        return FEE_REFUSED;
    switch (kind) {
    case EVENT_FEE_REMITTED_OFFICE:
        return f->state == FEE_COLLECTED ? move(f, FEE_AT_OFFICE, true) : FEE_REFUSED;
    case EVENT_FEE_TRANSFERRED:
        if (f->state == FEE_AT_OFFICE || f->state == FEE_COLLECTED)
            return move(f, FEE_TRANSFERRED, f->state == FEE_AT_OFFICE);
        return FEE_REFUSED;
    case EVENT_FEE_RECONCILED:
        return f->state == FEE_REFUND_DUE || f->state == FEE_MATCHED ? FEE_REFUSED : reconcile(f, a);
    case EVENT_FEE_REFUNDED:
        return move(f, FEE_REFUNDED, f->state == FEE_REFUND_DUE);
    default:
        return FEE_REFUSED;
    }
}

void fee_return(struct fee *f)
{
    if (f->state != FEE_NONE && f->state != FEE_REFUNDED && (f->collected.fee > 0 || f->collected.remit > 0))
        f->state = FEE_REFUND_DUE;
}

const char *fee_state_name(unsigned state)
{
    static const char *const names[] = {"none",    "collected", "at-office",  "transferred",
                                        "matched", "different", "refund-due", "refunded"};
    return state < sizeof names / sizeof *names ? names[state] : "unknown";
}
