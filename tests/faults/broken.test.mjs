// SPDX-License-Identifier: EUPL-1.2
// The checker against builds that are broken on purpose: each is put through the smallest story that provokes its fault, and the checker must name the rule that it
// breaks. The same story on the good build gives nothing: so it is the fault that is seen, not the story.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { startApp } from '../harness/app.mjs';
import { brokenBuilds, brokenProgram, breakDatabase } from '../harness/broken.mjs';
import { startCluster } from '../harness/cluster.mjs';
import { Device, digestsOf } from '../harness/device.mjs';
import { item } from '../harness/facts.mjs';
import { History, check, snapshot } from '../harness/history.mjs';
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
    history = new History();
    peers = [];
    dawn = Date.now() - 3_600_000; // when the journeys begin
    steps = new Map(); // number of an item → steps of its journey that were scanned

    constructor(broken) {
        this.broken = broken;
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
            await this.cluster?.destroy();
        }
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
        this.history.sinks.push(sink);
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
    world.history.gateway = gateway;
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
];

async function verdict(story, broken) {
    const world = new World(broken);
    try {
        await story(world);
        const { history, cluster, app } = world;
        if (history.consumers.includes('correlate'))
            history.rebuild = await app.run(['rebuild', '--check'], { mayFail: true });
        return check(history, await snapshot(cluster));
    } finally {
        await world.stop();
    }
}

test('every broken build has a story', () => {
    assert.deepEqual(STORIES.flatMap(([, builds]) => Object.keys(builds)).sort(), brokenBuilds());
});

describe('stories', { concurrency: STORIES_AT_ONCE }, () => {
    for (const [story, builds] of STORIES) {
        test(`the good build, ${story.name}`, async () => {
            assert.deepEqual(await verdict(story), []);
        });
        for (const [broken, rules] of Object.entries(builds)) {
            test(`${broken}, ${story.name}: ${rules}`, async () => {
                const wrong = await verdict(story, broken);
                const names = new Set(wrong.map((line) => line.split(':')[0]));
                assert.ok(rules.every((rule) => names.has(rule)), `found: ${wrong.join('\n') || 'nothing'}`);
            });
        }
    }
});
