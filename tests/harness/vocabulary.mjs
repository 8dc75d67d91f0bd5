// SPDX-License-Identifier: EUPL-1.2
// The event vocabulary as the outside knows it: numbers of the database, names on the wire. Written a second time, so that a number that changes its meaning is noticed.
const NAMES = {
    1: 'order.created', 2: 'order.cancelled', 3: 'pickup.assigned', 4: 'pickup.confirmed', 5: 'pickup.rejected', 6: 'pickup.failed', 7: 'pickup.cancelled',
    8: 'pickup.abandoned', 9: 'pickup.partial', 10: 'item.collected', 11: 'item.accepted', 12: 'item.put_in', 13: 'item.taken_out', 14: 'item.arrived',
    15: 'item.forwarded', 20: 'bag.closed', 21: 'bag.received', 22: 'bag.opened', 23: 'dispatch.departed', 24: 'dispatch.arrived', 30: 'delivery.started',
    31: 'delivery.failed', 32: 'delivery.partial', 33: 'delivery.decided', 34: 'item.delivered', 35: 'handover.confirmed', 36: 'handover.refused',
    40: 'return.requested', 41: 'return.started', 42: 'return.completed', 43: 'item.lost', 44: 'item.found', 45: 'item.damaged', 46: 'item.compensated',
    47: 'item.silent', 48: 'pickup.overdue', 50: 'fee.collected', 51: 'fee.remitted_office', 52: 'fee.transferred', 53: 'fee.reconciled', 54: 'fee.refunded',
    60: 'dossier.registered', 61: 'dossier.link', 62: 'dossier.unlink', 63: 'supplement.requested', 64: 'result.ready', 65: 'dossier.withdrawn',
    66: 'dossier.merged', 67: 'unit.merged', 68: 'dossier.status', 70: 'correction', 80: 'dossier.absorbed', 81: 'item.missing', 82: 'item.extra',
};

export function kindName(kind) {
    if (!(kind in NAMES))
        throw new Error(`kind ${kind} is not in the vocabulary`);
    return NAMES[kind];
}
