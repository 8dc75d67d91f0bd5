// SPDX-License-Identifier: EUPL-1.2
// Money on the way: chưa thu → đã thu → đã nộp bưu cục → đã chuyển cơ quan → đối soát khớp or lệch; an item
// that goes back with the state fee collected is a refund case (QĐ 45/2016/QĐ-TTg art. 11). The three amounts
// are never added up.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum fee_state { // stored
    FEE_NONE = 0,
    FEE_COLLECTED = 1,   // in the postman's hands
    FEE_AT_OFFICE = 2,   // paid in at the post office
    FEE_TRANSFERRED = 3, // at the agency
    FEE_MATCHED = 4,     // compared and equal
    FEE_DIFFERENT = 5,   // compared and not equal
    FEE_REFUND_DUE = 6,
    FEE_REFUNDED = 7,
};

struct fee_amounts {
    int64_t charge; // postal charge (cước), đồng, or -1 = not stated
    int64_t fee;    // state fee collected on behalf (phí, lệ phí)
    int64_t remit;  // remittance charge, COD-like
};

struct fee {
    enum fee_state state;
    struct fee_amounts collected; // sums, never -1
};

enum fee_step {
    FEE_OK,
    FEE_SKIPPED,
    FEE_REFUSED
}; // in order; steps before it are missing, still applied; makes no sense, not applied

// Nothing collected.
void fee_init(struct fee *f);
// Does an event of this kind with these amounts concern money at all?
bool fee_concerns(unsigned kind, const struct fee_amounts *a);
// Applies one event. Pick-up and delivery scans that state an amount above 0 count as collecting it.
enum fee_step fee_apply(struct fee *f, unsigned kind, const struct fee_amounts *a);
// The item went back to its sender: what was collected for the state is due back.
void fee_return(struct fee *f);
// "none", "collected", …. Never NULL.
const char *fee_state_name(unsigned state);
