// SPDX-License-Identifier: EUPL-1.2
// The obvious app's way to store an upload: one transaction a request, a handful of statements a scan: the event, the item as it is now, the dossier, the link, the
// journey row, and a row of the outbox for each subscriber. Statements are prepared, which the obvious app might even forget.
const query = (name, text) => (client, values) => client.query({ name, text, values });

const insertEvent = query('event', `insert into rival.event (stream, seq, id, type, code, office, occurred_at, digest, body)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`);
const putItem = query('item', `insert into rival.item as i (code, state, last_at) values ($1, $2, $3)
    on conflict (code) do update set state = excluded.state, last_at = excluded.last_at where i.last_at <= excluded.last_at`);
const putDossier = query('dossier', `insert into rival.dossier as d (code, unit, seq) values ($1, $2, 1)
    on conflict (code) do update set seq = d.seq + 1 returning dossier, seq`);
const putLink = query('link', 'insert into rival.link (code, dossier) values ($1, $2) on conflict do nothing');
const insertJourney = query('journey', `insert into rival.journey (dossier, seq, kind, item, occurred_at) values ($1, $2, $3, $4, $5) returning id`);
const insertOutbox = query('outbox', `insert into rival.outbox (subscription, journey, payload)
    select s.id, $2, $3 from rival.subscription s where s.unit = $1`);

async function storeScan(client, stream, scan, uuid) {
    const at = new Date(Number(scan.atMs));
    const { rowCount } = await insertEvent(client, [stream, Number(scan.seq), uuid(scan.id), scan.type, scan.code, scan.office, at, scan.digest, scan.body]);
    if (rowCount === 0)
        return 2;
    await putItem(client, [scan.code, scan.type, at]);
    for (const code of scan.dossiers) {
        const unit = code.split('-')[0];
        const { rows: [{ dossier, seq }] } = await putDossier(client, [code, unit]);
        await putLink(client, [scan.code, dossier]);
        const { rows: [{ id }] } = await insertJourney(client, [dossier, seq, scan.type, scan.code, at]);
        await insertOutbox(client, [unit, id, JSON.stringify({ dossier: code, sequence: Number(seq), event: scan.type, unit, item: scan.code, occurred_at: at })]);
    }
    return 1;
}

// → a status for each scan
export async function store(pool, { stream, scans }, uuid) {
    const client = await pool.connect();
    try {
        await client.query('begin');
        const statuses = [];
        for (const scan of scans)
            statuses.push(await storeScan(client, stream, scan, uuid));
        await client.query('commit');
        return statuses;
    } catch (error) {
        await client.query('rollback');
        throw error;
    } finally {
        client.release();
    }
}

export const findDevice = query('device', 'select public_key from rival.device where stream = $1');
