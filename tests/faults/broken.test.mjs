// SPDX-License-Identifier: EUPL-1.2
// The checker against builds that are broken on purpose: each is put through the smallest story that provokes its fault, and the checker must name the rule that it
// breaks. The same story on the good build gives nothing: so it is the fault that is seen, not the story. What was seen stays in build/runs/broken.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { brokenBuilds, brokenProgram, breakDatabase } from '../harness/broken.mjs';
import { Cluster, startCluster } from '../harness/cluster.mjs';
import { Device, digestsOf } from '../harness/device.mjs';
import { item } from '../harness/facts.mjs';
import { History, check, line, snapshot, summarise } from '../harness/history.mjs';
import { keptFolder } from '../harness/history_files.mjs';
import { startOffice } from '../harness/sink.mjs';
import { startSmsGateway } from '../harness/sms_gateway.mjs';
import { until as untilWithin } from '../harness/wait.mjs';

const LIMIT_MS = 60_000; // of each wait: stories run beside each other
const STORIES_AT_ONCE = 3;
const DOSSIER = 'H48.16-261121-0001';
const STEPS = ['item.collected', 'delivery.started', 'item.delivered'];
const PHONE = '+84900000001'; // of nobody: no operator gives out this range

const until = (condition, what) => untilWithin(condition, { limit: LIMIT_MS, what });

// ---- the world of a story

class World {
    peers = [];
    dawn = Date.now() - 3_600_000; // when the journeys begin
    steps = new Map(); // number of an item → steps of its journey that were scanned

    constructor(name, broken) {
        this.broken = broken;
        this.history = new History({ folder: keptFolder(`broken/${broken ?? 'good'}-${name}`) });
    }

    async start({ services, config }) {
        this.cluster = await startCluster();
        await breakDatabase(this.cluster, this.broken);
        this.app = await startApp({ cluster: this.cluster, services, config, program: await brokenProgram(this.broken) });
        this.history.consumers = services.filter((service) => ['correlate', 'sms'].includes(service));
    }

    async stop() {
        try {
            // A broken build need not leave as it should.
            if (this.broken)
                await Promise.all([...this.app?.running.values() ?? []].map((child) => child.result ?? child.end('SIGKILL')));
            else
                await this.app?.stop();
        } finally {
            await Promise.all(this.peers.map((peer) => peer.stop()));
            await this.survivor?.destroy();
            await this.cluster?.destroy();
        }
    }

    // From here on a second machine, which has what there is now, must have each commit; and it gets none.
    async loseStandby() {
        await this.cluster.stop();
        this.survivor = new Cluster(this.cluster.data, {});
        await this.cluster.start();
        await Promise.all([...this.app.running.keys()].map((service) => this.app.ready(service, { limit: LIMIT_MS })));
        await this.rows("alter system set synchronous_standby_names = 'ghost'");
        await this.rows('select pg_reload_conf()');
        await until(async () => (await this.rows('show synchronous_standby_names'))[0].synchronous_standby_names === 'ghost', 'a standby is waited for');
    }

    // This machine is gone with all that ran on it; the second takes over.
    async failOver() {
        await Promise.all([this.cluster.stop('immediate'), ...[...this.app.running.values()].map((child) => child.end('SIGKILL'))]);
        await this.survivor.start();
    }

    // Backends of ours whose commit waits for the second machine.
    waitingForStandby() {
        return this.rows(`select pid, query ~ 'webhook_read' and query_start > coalesce((select max(recorded_at) from dt.journey), 'infinity') as tells
            from pg_stat_activity where usename like 'dt\\_%' and wait_event = 'SyncRep'`);
    }

    cancel(waiting) {
        return waiting.length && this.rows('select pg_cancel_backend(p) from unnest($1::int[]) p', [waiting.map(({ pid }) => pid)]);
    }

    rows(sql, params) {
        return this.cluster.psql(sql, params);
    }

    upload(device, scans, tells) {
        return this.history.upload(device, device.batch(scans), digestsOf(scans), undefined, tells);
    }

    // Sends until it is answered.
    deliver(device, scans, tells) {
        return until(async () => (await this.upload(device, scans, tells)).outcome === 'ok', 'the batch is answered');
    }

    async cursor(consumer) {
        const [row] = await this.rows('select max(pos) as pos from dt.cursor where consumer = $1', [consumer]);
        return row.pos ?? 0;
    }

    async drained(consumer, log) {
        const [{ last }] = await this.rows(`select coalesce(max(pos), 0) as last from dt.${log}`);
        await until(async () => await this.cursor(consumer) >= last, `${consumer} has read everything`);
    }

    // An office that hears of everything.
    async office(over) {
        const sink = await startOffice(this.app, { units: ['H48'], ...over });
        this.peers.push(sink);
        this.history.addSink(sink);
        return sink;
    }

    // The next n scans of an item, in one batch; each is a row of its dossier's journey.
    async journey(device, n = 3, number = 1) {
        const code = `H48.16-261121-000${number}`;
        const done = this.steps.get(number) ?? 0;
        const scans = STEPS.slice(done, done + n).map((type, i) =>
            device.scan({ type, code: item(number), leg: 'N', at_ms: this.dawn + 600_000 * (done + i), dossiers: [code] }));
        this.steps.set(number, done + n);
        await this.deliver(device, scans, scans.map(() => [code]));
        await this.drained('correlate', 'fact');
    }

    // The office has taken the last event of the first dossier.
    told(sink) {
        return until(async () => {
            const [{ seq }] = await this.rows('select max(seq) as seq from dt.journey where code = $1', [DOSSIER]);
            return sink.events().some(({ subject, sequence }) => subject === DOSSIER && Number(sequence) === seq);
        }, 'the office has heard everything');
    }

    // A statement of ours waits for a lock that another holds.
    async blocked() {
        const [{ n }] = await this.rows("select count(*) as n from pg_stat_activity where usename like 'dt\\_%' and wait_event_type = 'Lock'");
        return n > 0;
    }
}

// ---- the stories: what happens, and then the checker looks

// PostgreSQL crashes while a commit waits for the head of the log.
async function crashBeforeCommit(world) {
    await world.start({ services: ['ingest'] });
    const device = await Device.enrolled(world.app);
    const other = await world.cluster.connect();
    await other.query('begin; select from dt.fact_head for update');
    const scans = [device.scan()];
    const answer = world.upload(device, scans);
    let answered = false;
    answer.then(() => (answered = true));
    await until(async () => answered || await world.blocked(), 'the upload is answered, or its commit waits');
    await world.cluster.restart('immediate');
    await answer;
    await world.app.ready('ingest');
}

// A handheld whose storage was damaged says something else under a number that it has used.
async function otherContent(world) {
    await world.start({ services: ['ingest'] });
    const device = await Device.enrolled(world.app);
    const scan = device.scan();
    await world.deliver(device, [scan]);
    await world.deliver(device, [{ ...scan, note: 'other content' }]);
}

// Two uploads at once, and the commit of the first is slow: a trigger that fires at the commit waits for us.
async function slowCommit(world) {
    await world.start({ services: ['ingest', 'correlate'] });
    const [slow, fast] = [await Device.enrolled(world.app), await Device.enrolled(world.app)];
    const scan = (device, n) => [device.scan({ code: item(n), dossiers: [DOSSIER] })];
    await world.rows(`create function dt.slow_commit() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(1); return null; end $$;
        create constraint trigger slow after insert on dt.fact deferrable initially deferred for each row
        when (new.stream = ${slow.number}) execute function dt.slow_commit()`);
    const other = await world.cluster.connect();
    await other.query('select pg_advisory_lock(1)');
    const first = world.upload(slow, scan(slow, 1), [[DOSSIER]]);
    await until(() => world.blocked(), 'the first commit waits');
    const second = world.upload(fast, scan(fast, 2), [[DOSSIER]]);
    await until(async () => await world.cursor('correlate') > 0
        || (await world.rows("select from pg_stat_activity where usename = 'dt_ingest' and wait_event_type = 'Lock'")).length === 2,
    'the second is folded, or waits for the first');
    await other.close();
    await Promise.all([first, second]);
    await world.drained('correlate', 'fact');
}

// A postman without a signal collects; the office that accepts the item from him uploads first.
async function lateUpload(world) {
    await world.start({ services: ['ingest', 'correlate'] });
    const [postman, office] = [await Device.enrolled(world.app), await Device.enrolled(world.app)];
    const at = Date.now() - 3_600_000;
    await world.deliver(office, [office.scan({ type: 'item.accepted', code: item(1), at_ms: at + 60_000, dossiers: [DOSSIER] })], [[DOSSIER]]);
    await world.deliver(postman, [postman.scan({ type: 'item.collected', code: item(1), at_ms: at, dossiers: [DOSSIER] })], [[DOSSIER]]);
    world.history.truth.set(item(1), 7); // accepted at the counter
    await world.drained('correlate', 'fact');
}

// A gateway that sends every message and loses every answer. A second message, due later, shows when the sender has passed the first.
async function answersLost(world) {
    const gateway = await startSmsGateway();
    world.peers.push(gateway);
    world.history.setGateway(gateway);
    gateway.setMode('lost');
    await world.start({ services: ['ingest', 'correlate', 'sms'],
        config: { sms: { gateway: 'http-json', url: gateway.url('/'), allow: '127.0.0.1/32', quiet_from: '00:00', quiet_to: '00:00' } } });
    const device = await Device.enrolled(world.app);
    for (const n of [1, 2, 3]) {
        const code = `H48.16-261121-000${n}`;
        await world.app.run(['dossier', 'add', '--code', code, '--consent', 'yes', '--contact-stdin'], { input: `phone=${PHONE}\n` });
        await world.deliver(device, [device.scan({ code: item(n), leg: 'N', dossiers: [code] })], [[code]]);
        await until(async () => (await world.rows("select from dt.sms where state = 'unknown' and item = $1", [item(n)])).length === 1, `message ${n} was sent`);
        // The quarter of an hour in which a receipt could come is over, for all that went before.
        await world.rows("update dt.sms set not_before = clock_timestamp() - interval '1 s' where state = 'unknown' and item <> $1", [item(n)]);
    }
    await world.rows("update dt.sms set not_before = clock_timestamp() where state = 'unknown'");
    await until(async () => (await world.rows("select from dt.sms where state = 'unknown' and item = $1 and copies = 2", [item(3)])).length === 1, 'the third was sent again');
}

const DELIVERING = ['ingest', 'correlate', 'webhook'];

// An office answers the first attempt with an error.
async function officeInTrouble(world) {
    await world.start({ services: DELIVERING, config: { webhook: { speed: 100_000 } } });
    const office = await world.office();
    office.setMode(({ n }) => (n === 0 ? 500 : 'ok'));
    await world.journey(await Device.enrolled(world.app));
    await world.told(office);
}

// An office takes its time.
async function slowOffice(world) {
    await world.start({ services: DELIVERING });
    const office = await world.office();
    office.delay = 200;
    office.setMode('slow');
    await world.journey(await Device.enrolled(world.app));
    await world.told(office);
}

// An office refuses one event until the schedule, run a million times as fast, has ended.
async function givenUp(world) {
    await world.start({ services: DELIVERING, config: { webhook: { speed: 1_000_000 } } });
    const office = await world.office({ healthy: false });
    office.setMode(({ body }) => (JSON.parse(body).sequence === '1' ? 400 : 'ok'));
    await world.journey(await Device.enrolled(world.app));
    await world.told(office);
}

// An office answers about one dossier only; it has taken an event of another when the sender is killed.
async function killedWaiting(world) {
    await world.start({ services: DELIVERING });
    const office = await world.office();
    const device = await Device.enrolled(world.app);
    office.setMode(({ body }) => (JSON.parse(body).subject === DOSSIER ? 'dead' : 'ok'));
    await world.journey(device);
    await until(() => office.requests.length > 0, 'the office is told');
    await world.journey(device, 1, 2);
    await until(async () => (await world.rows('select from dt.attempt where outcome = 1')).length === 1, 'the other dossier is settled');
    world.history.fault('kill', 'webhook');
    await world.app.process('webhook').end('SIGKILL');
    office.setMode('ok');
    await world.rows("update dt.lease set until = '-infinity' where name = 'webhook'"); // 15 s later
    world.app.start('webhook');
    await world.journey(device, 1, 3);
    await until(() => office.events().some(({ subject }) => subject.endsWith('3')), 'the new sender sends');
    if (!world.broken)
        await world.told(office);
}

// Two senders, one of them a standby; then the first leaves, in order.
async function standby(world) {
    await world.start({ services: DELIVERING });
    const office = await world.office();
    const second = await world.app.twin('webhook');
    await world.app.ready('twin webhook');
    const device = await Device.enrolled(world.app);
    await world.journey(device, 1);
    await world.told(office);
    await world.app.process('webhook').end('SIGTERM');
    await world.journey(device, 2);
    await world.told(office);
    await second.end('SIGTERM');
}

// A commit is here, and its wait for the second machine was cut short, so it was not acknowledged. The handheld sends again; then this machine dies.
async function failover(world) {
    await world.start({ services: ['ingest'] });
    const device = await Device.enrolled(world.app);
    await world.loseStandby();
    const scans = [device.scan()];
    const first = world.upload(device, scans);
    await until(async () => (await world.waitingForStandby()).length > 0, 'the first commit waits');
    await world.cancel(await world.waitingForStandby());
    await first;
    let answered = false;
    const again = world.upload(device, scans).then(() => (answered = true));
    await until(async () => answered || (await world.waitingForStandby()).length > 0, 'the second is answered, or its commit waits');
    await world.failOver();
    await again;
}

// An office must not hear of what only this machine knows.
async function toldTooEarly(world) {
    await world.start({ services: DELIVERING });
    const office = await world.office();
    const device = await Device.enrolled(world.app);
    await world.loseStandby();
    const uploaded = world.upload(device, [device.scan({ code: item(1), dossiers: [DOSSIER] })]);
    await until(async () => {
        const waiting = await world.waitingForStandby();
        if (office.requests.length > 0 || waiting.some(({ tells }) => tells))
            return true;
        await world.cancel(waiting); // leases too: what waits holds its row, and a lease that is not renewed is good for a while
        return false;
    }, 'the office is told, or the reader waits');
    await world.failOver();
    await uploaded;
}

// The connection of correlate is cut while its output waits for the head of the journey log.
async function cutOff(world) {
    await world.start({ services: ['ingest', 'correlate'] });
    const device = await Device.enrolled(world.app);
    const other = await world.cluster.connect();
    await other.query('begin; select from dt.journey_head for update');
    const scan = (n) => [device.scan({ code: item(n), dossiers: [DOSSIER] })];
    await world.deliver(device, scan(1), [[DOSSIER]]);
    const [{ pid }] = await until(async () => {
        const rows = await world.rows("select pid from pg_stat_activity where usename = 'dt_correlate' and wait_event_type = 'Lock'");
        return rows.length > 0 && rows;
    }, 'the output waits');
    await world.history.during('cut off', ['correlate'], () => world.rows('select pg_terminate_backend($1, 60000)', [pid]));
    await other.close();
    await world.deliver(device, scan(2), [[DOSSIER]]);
    await world.drained('correlate', 'fact');
}

// The journey is read again by the sms service from its beginning, as after a restore that kept the messages.
async function readAgain(world) {
    const gateway = await startSmsGateway();
    world.peers.push(gateway);
    world.history.setGateway(gateway);
    await world.start({ services: ['ingest', 'correlate', 'sms'],
        config: { sms: { gateway: 'http-json', url: gateway.url('/'), allow: '127.0.0.1/32', quiet_from: '00:00', quiet_to: '00:00' } } });
    const device = await Device.enrolled(world.app);
    const news = async (n) => {
        const code = `H48.16-261121-000${n}`;
        await world.app.run(['dossier', 'add', '--code', code, '--consent', 'yes', '--contact-stdin'], { input: `phone=${PHONE}\n` });
        await world.deliver(device, [device.scan({ code: item(n), leg: 'N', dossiers: [code] })], [[code]]);
        await until(async () => (await world.rows("select from dt.sms where state = 'accepted' and item = $1", [item(n)])).length > 0, `message ${n} was sent`);
    };
    await news(1);
    await world.app.process('sms').end('SIGTERM');
    await world.rows("delete from dt.cursor where consumer = 'sms'");
    world.app.start('sms');
    await news(2);
    await world.drained('sms', 'journey');
    await until(async () => (await world.rows("select from dt.sms where state in ('waiting', 'submitting')")).length === 0, 'nothing waits');
}

// A sender is frozen, a second takes its lease; the first wakes.
async function wakes(world) {
    await world.start({ services: DELIVERING });
    const office = await world.office();
    const device = await Device.enrolled(world.app);
    await world.journey(device, 1);
    await world.told(office);
    const second = await world.app.twin('webhook');
    const first = world.app.process('webhook');
    await world.history.during('freeze', ['webhook'], async () => {
        first.kill('SIGSTOP');
        await world.rows("update dt.lease set until = '-infinity' where name = 'webhook'"); // 15 s later
        await until(async () => (await world.rows("select holder from dt.lease where name = 'webhook'"))[0].holder.endsWith(`:${second.pid}`), 'the second has the lease');
        first.kill('SIGCONT');
    });
    await world.app.ready('twin webhook', { limit: LIMIT_MS });
    await world.journey(device, 2);
    await world.told(office);
    if (world.broken)
        await until(() => new Set(office.requests.map(({ headers }) => headers['webhook-id'])).size < office.requests.length, 'the office hears it twice');
}

// PostgreSQL hangs for longer than a service may take to notice.
async function hangs(world) {
    await world.start({ services: ['ingest'] });
    const { history, cluster } = world;
    const stop = history.sampleHealth(world.app, ['ingest']);
    try {
        await history.outage(['ingest'], async () => {
            const since = Date.now();
            cluster.freeze();
            await until(() => history.health.at(-1).at > since + 6_000, 'it has been asked after 5 s');
            cluster.thaw();
        });
        await world.app.ready('ingest', { limit: LIMIT_MS });
    } finally {
        await stop();
    }
}

// ---- which build breaks which rule in which story

const STORIES = [
    [crashBeforeCommit, { 'ack-before-commit': ['lost'] }],
    [otherContent, { 'duplicate-without-comparing': ['other-content'], 'swallow-quarantine': ['lost'] }],
    [slowCommit, { 'position-by-sequence': ['unfolded'] }],
    [lateUpload, { 'fold-by-arrival': ['wrong-state'] }],
    [answersLost, { 'resend-without-bound': ['sms-bound'] }],
    [officeInTrouble, { 'drop-on-500': ['untold'] }],
    [slowOffice, { 'unordered-delivery': ['overlap'] }],
    [givenUp, { 'gap-untold': ['order'] }],
    [killedWaiting, { 'done-when-read': ['untold'] }],
    [standby, { 'lease-for-all': ['unexplained'] }],
    [wakes, { 'lease-kept': ['unexplained'] }],
    [failover, { 'no-write-for-duplicates': ['lost'] }],
    [toldTooEarly, { 'told-before-safe': ['phantom'] }],
    [cutOff, { 'cursor-apart': ['unfolded', 'rebuild'] }],
    [readAgain, { 'sms-planned-twice': ['sms-twice'] }],
    [hangs, { 'always-ready': ['dishonest'] }],
];

async function verdict(t, story, broken) {
    const world = new World(story.name, broken);
    try {
        await story(world);
        const { history, cluster, survivor, app } = world;
        if (history.consumers.includes('correlate') && !survivor)
            history.rebuild = await app.run(['rebuild', '--check'], { mayFail: true });
        const db = await snapshot(survivor ?? cluster);
        history.save(db);
        const wrong = check(history, db);
        t.diagnostic(line(summarise(history, db, wrong)));
        return wrong;
    } finally {
        await world.stop();
    }
}

test('every broken build has a story', () => {
    assert.deepEqual(STORIES.flatMap(([, builds]) => Object.keys(builds)).sort(), brokenBuilds());
});

describe('stories', { concurrency: STORIES_AT_ONCE }, () => {
    for (const [story, builds] of STORIES) {
        test(`the good build, ${story.name}`, async (t) => {
            assert.deepEqual(await verdict(t, story), []);
        });
        for (const [broken, rules] of Object.entries(builds)) {
            test(`${broken}, ${story.name}: ${rules}`, async (t) => {
                const wrong = await verdict(t, story, broken);
                const names = new Set(wrong.map((line) => line.split(':')[0]));
                assert.ok(rules.every((rule) => names.has(rule)), `found: ${wrong.join('\n') || 'nothing'}`);
            });
        }
    }
});
