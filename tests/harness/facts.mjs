// SPDX-License-Identifier: EUPL-1.2
// Facts without handhelds: bodies as domain/fact.h prints them, appended as a source inside the house does, or as scans of a stream.
const KINDS = {
    'order.created': 1, 'order.cancelled': 2, 'pickup.assigned': 3, 'pickup.confirmed': 4, 'pickup.rejected': 5, 'pickup.failed': 6,
    'pickup.cancelled': 7, 'pickup.abandoned': 8, 'pickup.partial': 9, 'item.collected': 10, 'item.accepted': 11, 'item.put_in': 12,
    'item.taken_out': 13, 'item.arrived': 14, 'item.forwarded': 15, 'bag.closed': 20, 'bag.received': 21, 'bag.opened': 22,
    'dispatch.departed': 23, 'dispatch.arrived': 24, 'delivery.started': 30, 'delivery.failed': 31, 'delivery.partial': 32,
    'delivery.decided': 33, 'item.delivered': 34, 'handover.confirmed': 35, 'handover.refused': 36, 'return.requested': 40,
    'return.started': 41, 'return.completed': 42, 'item.lost': 43, 'item.found': 44, 'item.damaged': 45, 'item.compensated': 46,
    'fee.collected': 50, 'fee.remitted_office': 51, 'fee.transferred': 52, 'fee.reconciled': 53, 'fee.refunded': 54,
    'dossier.registered': 60, 'dossier.link': 61, 'dossier.unlink': 62, 'supplement.requested': 63, 'result.ready': 64,
    'dossier.withdrawn': 65, 'dossier.merged': 66, 'unit.merged': 67, 'dossier.status': 68, correction: 70, 'dossier.absorbed': 80,
    'item.missing': 81, 'item.extra': 82,
};
export const kindName = (number) => Object.keys(KINDS).find((name) => KINDS[name] === number);

const ORDER = ['v', 'seq', 'id', 'at', 'boot', 'up', 'type', 'code', 'dossier', 'member', 'office', 'leg', 'reason', 'solution', 'charge',
    'fee', 'remit', 'retracts', 'unit', 'tthc', 'order', 'into', 'due', 'blob', 'photo', 'note', 'personal'];

// { type: 'item.collected', code, dossier: [..], … } → canonical body
export function body(fact) {
    const keys = { v: 1, ...fact };
    for (const key of Object.keys(keys)) {
        if (!ORDER.includes(key))
            throw new Error(`a fact has no key ${key}`);
    }
    return ORDER.filter((key) => keys[key] !== undefined)
        .flatMap((key) => [keys[key]].flat().map((value) => `${key}=${value}\n`)).join('');
}

const DAY = Date.UTC(2026, 10, 20);
// '12:34' of a fixed day → unix ms
export const clock = (text) => DAY + (Number(text.split(':')[0]) * 60 + Number(text.split(':')[1])) * 60_000;

// Appends facts in one transaction as `source` (1 device, 2 office, 3 operator, 4 carrier, 5 timer): each { at: ms or 'HH:MM', … }.
// → position of the first. The name of the stream is the source's, unless `as` says otherwise.
export async function append(cluster, source, facts, as = `test${source}`) {
    const rows = facts.map((fact) => {
        const at = typeof fact.at === 'string' ? clock(fact.at) : fact.at;
        return { type: KINDS[fact.type], at, code: fact.code ?? null, body: body({ ...fact, at }) };
    });
    const quote = (text) => (text === null ? 'null' : `'${text.replaceAll("'", "''")}'`);
    const list = (name, type) => `array[${rows.map((row) => quote(row[name])).join(',')}]::${type}[]`;
    const [{ first_pos: first }] = await cluster.psql(`select first_pos from dt.append_facts('${as}', ${source}::int2,
        array[${rows.map((row) => row.type).join(',')}]::int2[],
        array[${rows.map((row) => `to_timestamp(${row.at}/1000.0)`).join(',')}]::timestamptz[], ${list('code', 'text')}, ${list('body', 'text')})`);
    return Number(first);
}

// An item code with its check digit: item(1) … item(99999999).
export function item(n, service = 'EC') {
    const digits = String(n).padStart(8, '0');
    const sum = [8, 6, 4, 2, 3, 5, 9, 7].reduce((total, weight, i) => total + weight * Number(digits[i]), 0);
    const check = 11 - (sum % 11);
    return `${service}${digits}${check === 10 ? 0 : check === 11 ? 5 : check}VN`;
}
