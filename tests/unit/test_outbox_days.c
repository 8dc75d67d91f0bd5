// SPDX-License-Identifier: EUPL-1.2
// webhook/outbox: thousands of random days against a model of the database: reads, sends, failures, records
// that get lost on the way, crashes. Whatever happens: order per dossier, nothing skipped, nothing forgotten.
#include "outbox_fixture.h"

#define LOG_MAX  400
#define DOSSIERS 6
#define FLIGHTS  5

struct noted_key {
    int64_t dossier;
    bool there, giving_up;
    int64_t from_seq, since, next;
    unsigned attempts;
};

struct record {
    bool in_flight, applied;
    struct noted_key keys[DOSSIERS];
    size_t key_count, delivered_count;
    bool told[DOSSIERS];
    int64_t done;
};

static struct {
    uint64_t seed;
    int64_t now;
    // the journey log: position i + 1
    struct {
        int64_t dossier, seq;
        bool wanted;
        unsigned deliveries;
        bool given_up, settled_in_ledger;
    } log[LOG_MAX];
    int64_t count, next_seq[DOSSIERS];
    // the database
    int64_t done;
    struct noted_key holds[DOSSIERS];
    int64_t gaps[DOSSIERS]; // seq given up last, 0 none
    // memory of the process
    struct outbox_key *flights[FLIGHTS];
    int64_t unrecorded[4 * LOG_MAX]; // positions delivered, not yet in the ledger
    size_t unrecorded_count;
    bool told[DOSSIERS]; // gaps told, not yet recorded
    struct record record;
    bool healed;
} day;

static uint64_t chance(uint64_t n)
{
    day.seed ^= day.seed << 13;
    day.seed ^= day.seed >> 7;
    day.seed ^= day.seed << 17;
    return (day.seed >> 11) % n;
}

static int64_t find(int64_t dossier, int64_t seq)
{
    for (int64_t i = 0; i < day.count; i++) {
        if (day.log[i].dossier == dossier && day.log[i].seq == seq)
            return i;
    }
    return -1;
}

static void append(void)
{
    if (day.count == LOG_MAX)
        return;
    int64_t d = (int64_t)chance(DOSSIERS);
    day.log[day.count].dossier = d;
    day.log[day.count].seq = ++day.next_seq[d];
    day.log[day.count].wanted = chance(5) > 0;
    day.count++;
}

static void read_log(void)
{
    int64_t from = outbox_lane(&box, 0)->read_pos;
    for (int64_t pos = from + 1; pos <= day.count && pos <= from + 5; pos++) {
        int64_t d = day.log[pos - 1].dossier;
        if (!day.log[pos - 1].wanted) {
            outbox_read_to(&box, 0, pos);
            continue;
        }
        struct event *e = make_event(pos, d, day.log[pos - 1].seq);
        assert_int_equal(outbox_push(&box, e, day.gaps[d] > 0 && day.gaps[d] < e->seq), ERR_OK);
        event_unref(e);
    }
}

// The events of a held dossier, as the database would answer.
static bool load(struct outbox_key *key)
{
    struct event *events[3];
    bool gaps[3];
    size_t n = 0;
    int64_t next = key->from_seq, rows = 0;
    const int64_t read_pos = outbox_lane(&box, 0)->read_pos;
    for (int64_t i = 0; i < read_pos && rows < 3; i++) {
        if (day.log[i].dossier != key->dossier || day.log[i].seq < key->from_seq)
            continue;
        rows++;
        next = day.log[i].seq + 1;
        if (!day.log[i].wanted)
            continue;
        gaps[n] = day.gaps[key->dossier] > 0 && day.gaps[key->dossier] < day.log[i].seq;
        events[n++] = make_event(i + 1, key->dossier, day.log[i].seq);
    }
    bool some = outbox_loaded(&box, key, events, gaps, n, next, rows == 3, day.now);
    for (size_t i = 0; i < n; i++)
        event_unref(events[i]);
    return some;
}

static void launch(void)
{
    for (int i = 0; i < FLIGHTS; i++) {
        if (day.flights[i])
            continue;
        struct outbox_key *key = outbox_next(&box, FLIGHTS, chance(4) == 0);
        if (!key)
            return;
        for (int j = 0; j < FLIGHTS; j++)
            assert_true(!day.flights[j] || day.flights[j]->dossier != key->dossier);
        if (outbox_head(key) || load(key))
            day.flights[i] = key;
        return;
    }
}

// The promise: everything before it was delivered or given up; a gap is told.
static void check_delivery(const struct outbox_delivery *d)
{
    const struct event *e = d->event;
    int64_t last = -1;
    for (int64_t i = 0; i < e->pos - 1; i++) {
        if (day.log[i].dossier != e->dossier || !day.log[i].wanted)
            continue;
        if (!day.log[i].deliveries && !day.log[i].given_up)
            fail_msg("seed %lu: %ld/%ld before %ld", (unsigned long)day.seed, (long)e->dossier, (long)e->seq,
                     (long)day.log[i].seq);
        last = i;
    }
    if (last >= 0 && day.log[last].given_up && !day.log[last].deliveries &&
        day.log[e->pos - 1].deliveries == 0)
        assert_true(d->gap);
}

static void land(void)
{
    int i = (int)chance(FLIGHTS);
    struct outbox_key *key = day.flights[i];
    if (!key)
        return;
    day.flights[i] = NULL;
    struct outbox_delivery *d = outbox_head(key);
    uint64_t luck = day.healed ? 0 : chance(10);
    if (luck < 6 && (day.healed || key->dossier != 0)) { // dossier 0 always fails
        check_delivery(d);
        day.log[d->event->pos - 1].deliveries++;
        assert_true(day.unrecorded_count < 4 * LOG_MAX);
        day.unrecorded[day.unrecorded_count++] = d->event->pos;
        day.told[key->dossier] = day.told[key->dossier] || d->gap;
        outbox_delivered(&box, key, day.now);
    } else if (luck == 9) {
        outbox_returned(&box, key);
    } else {
        (void)outbox_failed(&box, key, "http-500", chance(3) == 0 ? 60000 : 0, day.now, chance(1000));
    }
}

// What a record says of a key, as the service copies it when it builds the statement.
static void note_key(const struct outbox_key *key)
{
    bool giving_up = key->state == KEY_GIVING_UP;
    day.record.keys[day.record.key_count++] = (struct noted_key){
        .dossier = key->dossier,
        .there = key->held,
        .giving_up = giving_up,
        .from_seq = key->from_seq + giving_up,
        .attempts = giving_up ? 0 : key->attempts,
        .since = giving_up ? day.now : key->since_ms,
        .next = giving_up ? day.now : key->next_ms,
    };
}

static void apply_key(const struct noted_key *k)
{
    day.holds[k->dossier] = *k;
    int64_t i = find(k->dossier, k->from_seq - 1);
    if (k->giving_up && i >= 0 && day.log[i].wanted) {
        day.log[i].given_up = day.log[i].settled_in_ledger = true;
        day.gaps[k->dossier] = k->from_seq - 1;
    }
}

static void apply_record(void)
{
    if (day.record.applied)
        return;
    day.record.applied = true;
    for (int d = 0; d < DOSSIERS; d++) {
        if (day.record.told[d])
            day.gaps[d] = 0;
    }
    for (size_t i = 0; i < day.record.key_count; i++)
        apply_key(&day.record.keys[i]);
    for (size_t i = 0; i < day.record.delivered_count; i++)
        day.log[day.unrecorded[i] - 1].settled_in_ledger = true;
    if (day.record.done > day.done)
        day.done = day.record.done;
}

static void start_record(void)
{
    outbox_write(&box);
    day.record = (struct record){.in_flight = true,
                                 .done = outbox_lane(&box, 0)->writing_done,
                                 .delivered_count = day.unrecorded_count};
    memcpy(day.record.told, day.told, sizeof day.told);
    memset(day.told, 0, sizeof day.told);
    LIST_FOR(it, &box.writing)
    note_key(CONTAINER_OF(it, struct outbox_key, dirty));
    if (chance(2) == 0)
        apply_record();
}

// It may get lost before or after the database has done it; then nobody knows, and all of it is written
// again.
static void finish_record(void)
{
    uint64_t luck = day.healed ? 0 : chance(6);
    if (luck != 1)
        apply_record();
    bool known = luck != 1 && luck != 2;
    day.record.in_flight = false;
    if (known) {
        size_t n = day.record.delivered_count;
        memmove(day.unrecorded, day.unrecorded + n, (day.unrecorded_count - n) * sizeof day.unrecorded[0]);
        day.unrecorded_count -= n;
    }
    for (int d = 0; d < DOSSIERS && !known; d++)
        day.told[d] = day.told[d] || day.record.told[d];
    outbox_written(&box, known, day.now);
}

static void record_day(void)
{
    if (day.record.in_flight)
        finish_record();
    else
        start_record();
}

static void start_process(void)
{
    int64_t *settled = malloc(sizeof *settled * LOG_MAX);
    size_t n = 0;
    for (int64_t pos = day.done + 1; pos <= day.count; pos++) {
        if (day.log[pos - 1].settled_in_ledger)
            settled[n++] = pos;
    }
    if (n == 0) {
        free(settled);
        settled = NULL;
    }
    outbox_init(&box, 1);
    assert_int_equal(outbox_add_lane(&box, 0, day.done, 0, settled, n), ERR_OK);
    for (int d = 0; d < DOSSIERS; d++) {
        if (day.holds[d].there)
            assert_int_equal(outbox_add_hold(&box, 0, d, day.holds[d].from_seq, day.holds[d].attempts,
                                             day.holds[d].since, day.holds[d].next, ""),
                             ERR_OK);
    }
}

static void crash(void)
{
    outbox_done(&box);
    memset(day.flights, 0, sizeof day.flights);
    day.unrecorded_count = 0;
    memset(day.told, 0, sizeof day.told);
    if (day.record.in_flight && chance(2) == 0)
        apply_record(); // it was on its way
    day.record.in_flight = false;
    start_process();
}

static void step(void)
{
    switch (chance(12)) {
    case 0:
    case 1:
        append();
        break;
    case 2:
    case 3:
        read_log();
        break;
    case 4:
    case 5:
        launch();
        break;
    case 6:
    case 7:
    case 8:
        land();
        break;
    case 9:
        record_day();
        break;
    case 10:
        day.now += (int64_t)chance(chance(20) == 0 ? 90 * 3600 * 1000 : 400 * 1000);
        outbox_wake(&box, day.now);
        if (chance(10) == 0)
            outbox_wake_all(&box, day.now);
        break;
    default:
        if (chance(30) == 0)
            crash();
    }
}

// Everything works again: all that is left must arrive, and every table must come to rest.
static void heal(void)
{
    day.healed = true;
    for (int i = 0; i < 20000; i++) {
        outbox_wake_all(&box, day.now);
        read_log();
        launch();
        land();
        record_day();
    }
    for (int64_t i = 0; i < day.count; i++) {
        if (day.log[i].wanted && !day.log[i].deliveries && !day.log[i].given_up)
            fail_msg("%ld/%ld never came", (long)day.log[i].dossier, (long)day.log[i].seq);
    }
    assert_int_equal(box.held + box.busy + box.events, 0);
    assert_int_equal(day.done, day.count);
    for (int d = 0; d < DOSSIERS; d++)
        assert_false(day.holds[d].there);
    for (size_t i = 0; i < OUTBOX_CHAINS; i++)
        assert_true(list_empty(&box.chains[i]));
}

static void random_days(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        memset(&day, 0, sizeof day);
        day.seed = seed * UINT64_C(0x9e3779b97f4a7c15);
        start_process();
        for (int i = 0; i < 6000; i++)
            step();
        heal();
        outbox_done(&box);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
