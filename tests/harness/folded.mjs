// SPDX-License-Identifier: EUPL-1.2
// What correlate would write, put into its tables by hand: for tests of what is shown, where the exact case matters more than how it came
// about.
import { createHash } from 'node:crypto';

// A dossier with its code, items linked to it and journey rows, in log order. status: the office's; at of a row: ISO, minutes after the one
// before when absent. → the dossier's number.
export async function fold(cluster, code, { unit = 'H56.14', status = null, registered = true, due = null, tthc = null, items = [], rows = [] } = {}) {
    const [{ n }] = await cluster.psql('select coalesce(max(dossier), 0)::int + 1 as n from dt.dossier');
    await cluster.psql(`insert into dt.dossier (lane, dossier, unit, registered, status, seq, opened_at, due, tthc)
        values (0, $1::bigint, $2, $3::bool, $4::smallint, $5::bigint, now(), $6::date, $7)`, [n, unit, registered, status, rows.length, due, tthc]);
    await cluster.psql('insert into dt.dossier_code (lane, code, dossier, from_at) values (0, $1, $2::bigint, now())', [code, n]);
    for (const { item, leg, state, office = null } of items) {
        const [{ id }] = await cluster.psql(`insert into dt.item (lane, item, code, leg, state, facts, office, last_at)
            select 0, coalesce(max(item), 0) + 1, $1, $2, $3::smallint, '', $4, now() from dt.item returning item::int as id`, [item, leg, state, office]);
        await linkItem(cluster, id, n, leg);
    }
    let at = Date.parse('2026-11-18T01:05:00Z');
    for (const [index, row] of rows.entries()) {
        at = row.at ? Date.parse(row.at) : at + 60_000;
        await cluster.psql(`insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, occurred_at, recorded_at, unit, code, item,
            leg, state, retracts, details)
            select 0, coalesce(max(pos), 0) + 1, 0, 1, 0, $1::bigint, $2::bigint, $3::smallint, $4::int, $5::timestamptz, now(), $6, $7, $8, $9, $10::smallint,
                $11::bigint, $12 from dt.journey`,
        [n, index + 1, row.kind, row.flags ?? 0, new Date(at).toISOString(), unit, code, row.item ?? null, row.leg ?? '', row.state ?? null, row.retracts ?? null,
            JSON.stringify(row.details ?? {})]);
    }
    return n;
}

export async function linkItem(cluster, item, dossier, leg = '') {
    await cluster.psql(`insert into dt.link (lane, item, dossier_lane, dossier, leg, from_at, source, cause_pos)
        values (0, $1::bigint, 0, $2::bigint, $3, now(), 2, 1)`, [item, dossier, leg]);
}

// The citizen's link: /t/<token> opens the dossier.
export async function giveToken(cluster, token, dossier) {
    await cluster.psql(`insert into dt.link_token (lane, token_hash, dossier) values (0, decode($1, 'hex'), $2::bigint)`,
        [createHash('sha256').update(token).digest('hex'), dossier]);
}
