// SPDX-License-Identifier: EUPL-1.2
// The log against PgQ 3.5, the queue inside PostgreSQL that others have run for fifteen years: the same payload, two producers of 500 rows a transaction, one consumer.
import { benchCluster, seconds } from '../stage.mjs';

async function open({ scale, sides }) {
    const cluster = await benchCluster();
    const rows = Math.max(2, Math.round(200 * scale)) * 1000;
    try {
        if (sides.has('pgq'))
            await cluster.psql('create extension pgq');
    } catch (error) {
        await cluster.destroy();
        throw error;
    }
    const run = async (kind) => {
        await cluster.psql('CHECKPOINT');
        return { rate: rows / await seconds('queue_speed', [cluster.conninfo(), kind, rows]) };
    };
    return {
        sides: {
            log: () => run('log'),
            async pgq() {
                // A fresh queue each time, and a tick for every look: its defaults wait for 3 s or 500 events.
                for (const call of [`create_queue('bench')`, `set_queue_config('bench', 'ticker_max_lag', '0')`, `set_queue_config('bench', 'ticker_idle_period', '0')`,
                    `register_consumer('bench', 'bench')`])
                    await cluster.psql(`select pgq.${call}`);
                try {
                    return await run('pgq');
                } finally {
                    await cluster.psql(`select pgq.unregister_consumer('bench', 'bench')`);
                    await cluster.psql(`select pgq.drop_queue('bench')`);
                }
            },
        },
        close: () => cluster.destroy(),
    };
}

export default {
    name: 'queue',
    open,
    lines: [{ name: 'log-pgq', what: 'log append and read by a consumer, rows/s ÷ PgQ 3.5', goal: { atLeast: 1.5 }, sides: ['log', 'pgq'],
        value: (m) => m.log.rate / m.pgq.rate, rates: { log: (m) => m.log.rate, pgq: (m) => m.pgq.rate } }],
};
