// SPDX-License-Identifier: EUPL-1.2
// Facts without handhelds: bodies as domain/fact.h prints them, appended as a source inside the house does, or as scans of a stream.
import { KINDS } from './vocabulary.mjs';

export { kindName } from './vocabulary.mjs';

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

// ---- many facts, sensible and not

// A small generator of chance that gives the same every time (mulberry32).
export function dice(seed) {
    let a = seed >>> 0;
    return (below) => {
        a = (a + 0x6d2b79f5) >>> 0;
        let t = Math.imul(a ^ (a >>> 15), a | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
    };
}

const LIVES = [
    ['order.created', 'pickup.assigned', 'item.collected', 'item.accepted', 'PUT', 'item.arrived', 'delivery.started', 'item.delivered'],
    ['item.collected', 'delivery.started', 'delivery.failed', 'delivery.started', 'item.delivered', 'fee.collected', 'fee.remitted_office'],
    ['item.collected', 'PUT', 'item.damaged', 'item.compensated'],
    ['item.collected', 'item.accepted', 'PUT', 'item.lost', 'item.found', 'item.arrived', 'delivery.started', 'delivery.failed',
        'return.started', 'return.completed'],
];
const ANY = ['order.cancelled', 'pickup.failed', 'item.collected', 'item.arrived', 'delivery.decided', 'delivery.partial', 'item.delivered',
    'return.requested', 'item.forwarded', 'item.taken_out', 'pickup.cancelled', 'fee.transferred'];

// A day with n items, their bags and dossiers, as [source, fact] in no good order: late, wrong, doubled, linked late, corrected, merged.
export function chaos(n, seed) {
    const roll = dice(seed);
    const facts = [];
    const minute = (m) => `${String(Math.floor(m / 60) % 24).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
    const dossier = (i) => `H56.${10 + (i % 5)}-261120-${String(1000 + i)}`;
    const bag = (i) => `TUI-5800${String(10 + (i % 9))}-${i}`;
    for (let i = 0; i < n; i++) {
        const code = item(seed * 1000 + i);
        let at = roll(600);
        for (const step of LIVES[roll(LIVES.length)]) {
            at += 3 + roll(40);
            const fact = { at: minute(at), type: step, code };
            if (step === 'PUT') {
                Object.assign(fact, { type: 'item.put_in', into: bag(roll(Math.max(2, n / 8))) });
            } else {
                if (roll(3) === 0)
                    fact.office = String(100000 + roll(50));
                if (roll(4) === 0)
                    fact.leg = 'NBKH'[roll(4)];
                if (/collected|delivered/.test(step) && roll(2))
                    Object.assign(fact, { charge: 1000 * roll(30), fee: 1000 * roll(50) });
                if (step === 'delivery.failed')
                    Object.assign(fact, { reason: String(10 + roll(15)), ...(roll(2) ? { solution: ['redeliver', 'hold', 'return', 'forward'][roll(4)] } : {}) });
            }
            if (roll(5) === 0)
                fact.dossier = roll(4) ? dossier(roll(n)) : [dossier(roll(n)), dossier(roll(n))].filter((d, k, all) => all.indexOf(d) === k);
            facts.push([/lost|compensated/.test(step) ? 3 : 1, fact]);
            if (roll(12) === 0)
                facts.push([1, { at: minute(at + roll(3)), type: fact.type, code, ...(fact.into ? { into: fact.into } : {}) }]); // scanned twice
        }
        if (roll(2))
            facts.push([2, { at: minute(roll(900)), type: 'dossier.link', code, dossier: dossier(roll(n)) }]);
        if (roll(10) === 0)
            facts.push([2, { at: minute(roll(900)), type: 'dossier.unlink', code, dossier: dossier(roll(n)) }]);
        if (roll(6) === 0) {
            const type = ANY[roll(ANY.length)];
            const source = ['order.cancelled', 'fee.transferred'].includes(type) ? 3 : 1;
            facts.push([source, { at: minute(roll(1400)), type, code, ...(type === 'delivery.decided' ? { solution: 'hold' } : {}) }]);
        }
        if (roll(8) === 0)
            facts.push([2, { at: minute(roll(900)), type: ['dossier.registered', 'supplement.requested', 'result.ready'][roll(3)], dossier: dossier(roll(n)) }]);
        if (roll(15) === 0)
            facts.push([2, { at: minute(roll(1400)), type: roll(2) ? 'handover.confirmed' : 'handover.refused', ...(roll(2) ? { code } : { dossier: dossier(roll(n)) }) }]);
        if (roll(20) === 0)
            facts.push([2, { at: minute(roll(900)), type: 'dossier.merged', dossier: dossier(roll(n)), into: dossier(roll(n)) }]);
    }
    for (let i = 0; i < Math.max(2, n / 8); i++) {
        let at = 300 + roll(400);
        const members = () => [...new Set(Array.from({ length: roll(4) }, () => item(seed * 1000 + roll(n))))];
        for (const type of ['bag.closed', 'dispatch.departed', 'bag.received', 'bag.opened']) {
            at += 5 + roll(60);
            if (type === 'dispatch.departed')
                facts.push([1, { at: minute(at), type, code: `CT-580000-${roll(4)}`, member: bag(i) }]);
            else
                facts.push([1, { at: minute(at), type, code: bag(i), ...(roll(2) ? { member: members() } : {}) }]);
        }
    }
    for (let i = facts.length; i > 1; i--) { // in disorder, but most of it near its place
        const k = Math.max(0, i - 1 - roll(roll(5) ? 20 : facts.length));
        [facts[k], facts[i - 1]] = [facts[i - 1], facts[k]];
    }
    // Corrections name facts by stream and number; the streams are made by append(), so they are told by the caller's map.
    return facts;
}

// Appends them one transaction for each run of one source; every 40th fact of a device is taken back by an operator later on.
export async function appendChaos(cluster, facts, seed) {
    const roll = dice(seed + 1);
    const owed = [];
    for (let i = 0; i < facts.length;) {
        const [source] = facts[i];
        let end = i;
        while (end < facts.length && facts[end][0] === source && end - i < 50)
            end++;
        const run = facts.slice(i, end).map(([, fact]) => fact);
        await append(cluster, source, run);
        if (source === 1 && roll(4) === 0)
            owed.push(run[roll(run.length)]);
        i = end;
    }
    const streams = await cluster.psql(`select stream from dt.stream where name = 'test1'`);
    for (const fact of owed) {
        const [row] = await cluster.psql(`select seq from dt.fact where stream = $1 and code = $2 and type = $3 limit 1`,
            [streams[0].stream, fact.code, KINDS[fact.type]]);
        if (row)
            await append(cluster, 3, [{ at: '23:00', type: 'correction', code: fact.code, retracts: `${streams[0].stream}:${row.seq}` }]);
    }
}
