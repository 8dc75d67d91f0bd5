// SPDX-License-Identifier: EUPL-1.2
// Journey rows without the services that make them, for tests of who reads them, and what receivers of webhooks must find.
import assert from 'node:assert/strict';

// Appends one row per entry of `dossiers` (numbers), as correlate would: positions and numbers without gaps. kind: domain/event.h.
export async function append(cluster, dossiers, { unit = 'H48.16', kind = 34, lane = 0, leg = 'K', age = '0 s', details = {} } = {}) {
    await cluster.psql(`
        insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, occurred_at, recorded_at, unit, code, item, leg,
            state, details)
        select $1::smallint, b.pos + n.ord, $1::smallint, b.pos + n.ord, 0, n.dossier,
            coalesce((select max(seq) from dt.journey j where j.lane = $1::smallint and j.dossier = n.dossier), 0)
                + row_number() over (partition by n.dossier order by n.ord),
            $3::smallint, now() - interval '1 hour', now() - $6::interval, $4, code(n.dossier), 'EB125966897VN', $5, 19, $7
        from unnest($2::bigint[]) with ordinality as n (dossier, ord),
            (select coalesce(max(pos), 0) as pos from dt.journey where lane = $1::smallint) b`.replace('code(n.dossier)',
        `'H48.16-261120-' || lpad(n.dossier::text, 4, '0')`), [lane, dossiers, kind, unit, leg, age, details]);
    await cluster.psql('notify dt_journey');
}

// `rounds` events of each of these dossiers, dealt in turn.
export const turns = (dossiers, rounds) => Array.from({ length: rounds }, () => dossiers).flat();
export const numbers = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
export const codeOf = (dossier) => `H48.16-261120-${String(dossier).padStart(4, '0')}`;

// What an office may rely on, over all requests that it answered with 2xx: per dossier the first arrivals count up without a gap (but where
// `gap_before` says so), and an id always carries the same bytes. → dossier code → highest number
export function checkOrder(answered) {
    const last = new Map();
    const bytes = new Map();
    for (const { body, headers } of answered) {
        const event = JSON.parse(body);
        const id = headers['webhook-id'];
        assert.equal(event.id, id);
        assert.equal(bytes.get(id) ?? body.toString(), body.toString(), `${id} came with other bytes`);
        const { dossier, sequence, gap_before: gap } = event.data;
        const before = last.get(dossier) ?? 0;
        if (sequence > before) {
            assert.ok(sequence === before + 1 || gap, `${dossier}: ${sequence} after ${before}`);
            last.set(dossier, sequence);
        } else {
            assert.ok(bytes.has(id), `${dossier}: ${sequence} after ${before}, and not as a repetition`);
        }
        bytes.set(id, body.toString());
    }
    return last;
}
