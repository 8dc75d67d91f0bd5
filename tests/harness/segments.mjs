// SPDX-License-Identifier: EUPL-1.2
// Segments of the logs in another size than as migrated (DESIGN §3): small ones show early what many cost.

// Segments that hold no row yet give way to `ahead` of `rows` rows each.
export async function resegment(cluster, rows, ahead = 4, logs = ['fact', 'journey']) {
    for (const log of logs) {
        const empty = await cluster.psql('select name from dt.segment where log = $1 and first_pos > dt.log_last(log)', [log]);
        await cluster.psql(`begin; ${empty.map(({ name }) => `delete from dt.segment where name = '${name}'; drop table dt.${name};`).join(' ')}
            update dt.log_setting set segment_rows = ${rows} where log = '${log}'; select dt.make_segments('${log}', ${ahead}); commit`);
    }
}
