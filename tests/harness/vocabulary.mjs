// SPDX-License-Identifier: EUPL-1.2
// The event vocabulary as the outside knows it: names on the wire, numbers of the database. Written a second time, so that a number that changes its meaning is noticed.
export const KINDS = {
    'order.created': 1, 'order.cancelled': 2, 'pickup.assigned': 3, 'pickup.confirmed': 4, 'pickup.rejected': 5, 'pickup.failed': 6, 'pickup.cancelled':
    7, 'pickup.abandoned': 8, 'pickup.partial': 9, 'item.collected': 10, 'item.accepted': 11, 'item.put_in': 12, 'item.taken_out': 13, 'item.arrived': 14,
    'item.forwarded': 15, 'bag.closed': 20, 'bag.received': 21, 'bag.opened': 22, 'dispatch.departed': 23, 'dispatch.arrived': 24, 'delivery.started': 30,
    'delivery.failed': 31, 'delivery.partial': 32, 'delivery.decided': 33, 'item.delivered': 34, 'handover.confirmed': 35, 'handover.refused': 36,
    'return.requested': 40, 'return.started': 41, 'return.completed': 42, 'item.lost': 43, 'item.found': 44, 'item.damaged': 45, 'item.compensated': 46,
    'item.silent': 47, 'pickup.overdue': 48, 'fee.collected': 50, 'fee.remitted_office': 51, 'fee.transferred': 52, 'fee.reconciled': 53, 'fee.refunded':
    54, 'dossier.registered': 60, 'dossier.link': 61, 'dossier.unlink': 62, 'supplement.requested': 63, 'result.ready': 64, 'dossier.withdrawn': 65,
    'dossier.merged': 66, 'unit.merged': 67, 'dossier.status': 68, 'stream.reset': 69, correction: 70, 'fact.retried': 71, 'dossier.absorbed': 80, 'item.missing': 81, 'item.extra': 82,
};
const NAMES = new Map(Object.entries(KINDS).map(([name, kind]) => [kind, name]));

export function kindName(kind) {
    if (!NAMES.has(kind))
        throw new Error(`kind ${kind} is not in the vocabulary`);
    return NAMES.get(kind);
}
