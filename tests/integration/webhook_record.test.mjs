// SPDX-License-Identifier: EUPL-1.2
// What the webhook service writes down in one call may name a dossier twice: several events given up, a hold that changed again. The last word counts.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { startCluster } from '../harness/cluster.mjs';

let cluster;
before(async () => {
    cluster = await startCluster();
});
after(() => cluster?.destroy());

test('two events of a dossier given up, and its hold changed twice, in one call', async () => {
    await cluster.psql("insert into dt.lease values ('webhook', 1, 'test', now() + interval '1 hour')");
    const e = "'0190a000-0000-7000-8000-000000000001'::uuid";
    await cluster.psql(`select dt.webhook_record(1,
        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
        '{0,0}', array[${e}, ${e}], '{7,7}', '{3,5}', '{1,2}', '{1000,2000}', '{0,0}', '{first,second}',
        '{}', '{}', '{}',
        '{0,0}', array[${e}, ${e}], '{7,7}', '{2,4}', '{a,b}',
        '{}', '{}', '{}',
        '{}', '{}', '{}')`);
    assert.deepEqual(await cluster.psql('select dossier, seq from dt.gap'), [{ dossier: 7, seq: 4 }]);
    assert.deepEqual(await cluster.psql('select dossier, from_seq, attempts, why from dt.hold'), [{ dossier: 7, from_seq: 5, attempts: 2, why: 'second' }]);
});
