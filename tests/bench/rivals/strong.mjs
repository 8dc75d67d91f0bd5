// SPDX-License-Identifier: EUPL-1.2
// The strongest app that Node allows: it stores with our own function, as we do: uploads that come while a connection is busy go together in the next call. Our own
// correlate works out what the facts mean, so it loses nothing there either.
const APPEND = `select upload, status, array_to_string(outcomes, ',') as outcomes from dt.append_scans(0::smallint, now(), $1::bigint[], $2::text[], $3::bytea[],
    $4::integer[], $5::bigint[], $6::bytea[], $7::smallint[], $8::smallint[], $9::integer[], $10::timestamptz[], $11::text[], $12::text[],
    '{}'::integer[], '{}'::uuid[], '{}'::bytea[], '{}'::text[], '{}'::bytea[]) order by upload`;
const TYPES = { 'item.collected': 10, 'item.accepted': 11, 'item.arrived': 14, 'delivery.started': 30, 'item.delivered': 34 };
const SCANS_MAX = 500; // of a call
const CONNECTIONS = 2; // two let one batch collect while the other commits

const waiting = [];
const busyStreams = new Set(); // a stream occurs once in a call, and its uploads must not overtake each other
let free = CONNECTIONS;

function collect() {
    const uploads = [];
    let scans = 0;
    for (let i = 0; i < waiting.length;) {
        const upload = waiting[i];
        if (busyStreams.has(upload.number)) {
            i++;
            continue;
        }
        if (uploads.length && scans + upload.scans.length > SCANS_MAX)
            break;
        waiting.splice(i, 1);
        uploads.push(upload);
        busyStreams.add(upload.number);
        scans += upload.scans.length;
    }
    return uploads;
}

// Arrays as PostgreSQL writes them; our values need no quoting but bodies with their line ends, and none holds a quote or a backslash.
const list = (values) => `{${values.join(',')}}`;
const quoted = (values) => `{"${values.join('","')}"}`;
const bytes = (values) => `{${values.map((value) => `"\\\\x${value.toString('hex')}"`).join(',')}}`;

async function append(pool, uploads) {
    const scans = uploads.flatMap((upload) => upload.scans);
    const times = scans.map((scan) => new Date(Number(scan.atMs)).toISOString());
    const values = [
        list(uploads.map((upload) => upload.number)), quoted(uploads.map((upload) => upload.header)), bytes(uploads.map((upload) => Buffer.from(upload.signature))),
        list(uploads.flatMap((upload, i) => upload.scans.map(() => i + 1))), list(scans.map((scan) => scan.seq)), bytes(scans.map((scan) => scan.digest)),
        list(scans.map(() => 1)), list(scans.map((scan) => TYPES[scan.type])), list(scans.map(() => 0)), list(times), list(scans.map((scan) => scan.code)),
        quoted(scans.map((scan) => scan.body)),
    ];
    return (await pool.query({ name: 'append', text: APPEND, values })).rows;
}

// What came in this turn of the loop goes together.
let scheduled = false;
function schedule(pool) {
    if (scheduled)
        return;
    scheduled = true;
    setImmediate(() => {
        scheduled = false;
        step(pool);
    });
}

function step(pool) {
    while (free > 0 && waiting.length > 0) {
        const uploads = collect();
        if (uploads.length === 0)
            return;
        free--;
        append(pool, uploads).then(
            (rows) => uploads.forEach((upload, i) => upload.resolve(rows[i])),
            (error) => uploads.forEach((upload) => upload.reject(error)),
        ).finally(() => {
            free++;
            uploads.forEach((upload) => busyStreams.delete(upload.number));
            schedule(pool);
        });
    }
}

// → a status for each scan
export async function store(pool, batch, _uuid, device) {
    const { status, outcomes } = await new Promise((resolve, reject) => {
        waiting.push({ number: device.number, header: batch.header, signature: batch.signature, scans: batch.scans, resolve, reject });
        schedule(pool);
    });
    if (status !== 0)
        throw new Error(`status ${status}`);
    return outcomes === null ? batch.scans.map(() => 1) : outcomes.split(',').map((outcome) => (outcome === '1' ? 1 : 2));
}

export const findDevice = (client, values) => client.query({ name: 'device',
    text: 'select d.public_key, s.stream as number from dt.stream s join dt.device d using (device) where s.lane = 0 and s.token = $1', values });
