// SPDX-License-Identifier: EUPL-1.2
#include "life.h"

#include "base/check.h"
#include "domain/fact.h"
#include "simulate/province.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE     INT64_C(60000)
#define HOUR       (60 * MINUTE)
#define ZONE_MS    (7 * HOUR) // Asia/Ho_Chi_Minh
#define OPENS      (7 * HOUR + 30 * MINUTE)
#define CLOSES     (17 * HOUR + 30 * MINUTE)
#define BAG_MAX    120
#define NUMBERS    10000000u // S10 numbers of an office: ten million
#define BAG_CLOSES (16 * HOUR)
#define CITIZENS   10000000u

struct life_bag {
    struct life_bag *next;
    unsigned from, to;
    int64_t closes;
    const char *code;
    const char **members;
    unsigned n;
};

// ---- chance

uint64_t life_next(struct life_random *r)
{
    uint64_t x = (r->state += UINT64_C(0x9e3779b97f4a7c15)); // splitmix64
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint32_t life_below(struct life_random *r, uint32_t bound)
{
    return (uint32_t)(((life_next(r) >> 32) * bound) >> 32);
}

bool life_percent(struct life_random *r, uint32_t percent)
{
    return life_below(r, 100) < percent;
}

void life_uuid7(struct life_random *r, int64_t at_ms, unsigned char out[16])
{
    uint64_t a = life_next(r), b = life_next(r);
    for (int i = 0; i < 6; i++)
        out[i] = (unsigned char)(at_ms >> (40 - 8 * i));
    memcpy(out + 6, &a, 2);
    memcpy(out + 8, &b, 8);
    out[6] = (unsigned char)(0x70 | (out[6] & 0x0f));
    out[8] = (unsigned char)(0x80 | (out[8] & 0x3f));
}

// ---- days

// The moment, or the next one at which somebody works: not at night, not on Sundays.
static int64_t at_work(struct life_random *r, int64_t at)
{
    int64_t day = (at + ZONE_MS) / LIFE_DAY_MS, hour = (at + ZONE_MS) % LIFE_DAY_MS;
    if (hour >= CLOSES)
        day++;
    bool sunday = (day + 4) % 7 == 0; // 1970-01-01 was a Thursday
    if (hour >= OPENS && hour < CLOSES && !sunday)
        return at;
    return (day + sunday) * LIFE_DAY_MS - ZONE_MS + OPENS + life_below(r, 3 * 3600) * INT64_C(1000);
}

static int64_t later(struct life_random *r, int64_t at, int64_t least, int64_t most)
{
    return at_work(r, at + least + (int64_t)life_below(r, (uint32_t)((most - least) / 1000)) * 1000);
}

// ---- names

static void *take(struct life_cohort *c, size_t size)
{
    void *p = arena_try_alloc(&c->memory, size);
    CHECK(p);
    return p;
}

static const char *new_item(struct life_province *p, struct life_cohort *c, unsigned office)
{
    char *code = take(c, ITEM_CODE_LEN + 1);
    uint64_t n = (uint64_t)office * NUMBERS + p->items[office]++;
    (void)snprintf(code, ITEM_CODE_LEN + 1, "C%c%08u?VN", (char)('A' + n / 100000000u),
                   (unsigned)(n % 100000000u));
    code[10] = item_code_check_digit(code + 2);
    return code;
}

static uint32_t office_number(unsigned office)
{
    return 570000 + office * 10;
}

static void name_dossier(struct life_province *p, struct life_dossier *d, unsigned office)
{
    time_t seconds = (time_t)((d->at + ZONE_MS) / 1000);
    struct tm day;
    CHECK(gmtime_r(&seconds, &day));
    uint32_t number = (uint32_t)((d->at + ZONE_MS) / LIFE_DAY_MS);
    if (p->day[office] != number) {
        p->day[office] = number;
        p->serial[office] = 0;
    }
    (void)snprintf(d->unit, sizeof d->unit, "H48.%03u", 100 + office);
    (void)snprintf(d->code, sizeof d->code, "%s-%02d%02d%02d-%04u", d->unit, day.tm_year % 100,
                   day.tm_mon + 1, day.tm_mday, (unsigned)(++p->serial[office] % 1000000));
}

// ---- facts

static struct life_fact *add(struct life_cohort *c, int64_t at, int device, unsigned office,
                             enum event_kind kind)
{
    if (c->n_facts == c->cap_facts) {
        c->cap_facts = c->cap_facts ? 2 * c->cap_facts : 8192;
        c->facts = realloc(c->facts, c->cap_facts * sizeof *c->facts);
        CHECK(c->facts);
    }
    struct life_fact *f = &c->facts[c->n_facts++];
    memset(f, 0, sizeof *f);
    f->at = at;
    f->device = device;
    f->office = office_number(office);
    f->kind = (uint8_t)kind;
    f->charge = f->fee = FACT_ABSENT;
    return f;
}

static int device_of(struct life_province *p, unsigned office)
{
    return (int)(office * LIFE_DEVICES + life_below(&p->random, LIFE_DEVICES));
}

static struct life_fact *scan(struct life_province *p, struct life_cohort *c, int64_t at, unsigned office,
                              enum event_kind kind, const char *code)
{
    struct life_fact *f = add(c, at, device_of(p, office), office, kind);
    f->code = code;
    return f;
}

// The bag that goes from one office to another in the evening of that day, with room in it.
static struct life_bag *bag_of(struct life_province *p, struct life_cohort *c, int64_t at, unsigned from,
                               unsigned to)
{
    int64_t day = (at + ZONE_MS) / LIFE_DAY_MS, closes = day * LIFE_DAY_MS - ZONE_MS + BAG_CLOSES;
    if (at >= closes - 30 * MINUTE)
        closes = at_work(&p->random, closes + LIFE_DAY_MS) + 8 * HOUR;
    for (struct life_bag *b = c->bags; b; b = b->next)
        if (b->from == from && b->to == to && b->closes == closes && b->n < BAG_MAX)
            return b;
    struct life_bag *b = take(c, sizeof *b);
    char *code = take(c, 24);
    (void)snprintf(code, 24, "TUI-%06u-%08u", office_number(from), (unsigned)++p->bags);
    *b = (struct life_bag){.next = c->bags, .from = from, .to = to, .closes = closes, .code = code};
    b->members = take(c, BAG_MAX * sizeof *b->members);
    c->bags = b;
    return b;
}

static int64_t bag_opened(const struct life_bag *b)
{
    return b->closes + 15 * HOUR; // over night
}

// By bag from one office to the next → when it is there.
static int64_t ride(struct life_province *p, struct life_cohort *c, int64_t at, const char *item,
                    unsigned from, unsigned to)
{
    struct life_bag *b = bag_of(p, c, at, from, to);
    b->members[b->n++] = item;
    return bag_opened(b) + 20 * MINUTE;
}

// What the bags of the cohort went through, when all that goes into them is known.
static void move_bags(struct life_province *p, struct life_cohort *c)
{
    for (const struct life_bag *b = c->bags; b; b = b->next) {
        struct life_fact *f = scan(p, c, b->closes, b->from, EVENT_BAG_CLOSED, b->code);
        f->members = b->members;
        f->n_members = b->n;
        (void)scan(p, c, b->closes + 50 * MINUTE, b->from, EVENT_DISPATCH_DEPARTED, b->code);
        (void)scan(p, c, bag_opened(b) - HOUR, b->to, EVENT_BAG_RECEIVED, b->code);
        f = scan(p, c, bag_opened(b), b->to, EVENT_BAG_OPENED, b->code);
        f->members = b->members;
        f->n_members = b->n;
    }
}

static void name_dossiers(struct life_fact *f, const struct life_dossier *one,
                          const struct life_dossier *other)
{
    f->dossiers[f->n_dossiers++] = one;
    if (other)
        f->dossiers[f->n_dossiers++] = other;
}

// To the door: attempts, and what becomes of it. → when it ended
static int64_t deliver(struct life_province *p, struct life_cohort *c, int64_t at, const char *item,
                       unsigned office, enum leg leg)
{
    struct life_random *r = &p->random;
    at = later(r, at, 30 * MINUTE, 4 * HOUR);
    (void)scan(p, c, at, office, EVENT_DELIVERY_STARTED, item);
    if (leg == LEG_K && life_percent(r, 12)) {
        bool returns = life_percent(r, 15);
        at = later(r, at, HOUR, 3 * HOUR);
        struct life_fact *f = scan(p, c, at, office, EVENT_DELIVERY_FAILED, item);
        f->reason = "13";
        f->solution = returns ? "return" : "redeliver";
        at = later(r, at, 20 * HOUR, 24 * HOUR);
        (void)scan(p, c, at, office, returns ? EVENT_RETURN_STARTED : EVENT_DELIVERY_STARTED, item);
        if (returns) {
            at = later(r, at, 2 * HOUR, 8 * HOUR);
            (void)scan(p, c, at, office, EVENT_RETURN_COMPLETED, item);
            return at;
        }
    }
    at = later(r, at, 20 * MINUTE, 5 * HOUR);
    (void)scan(p, c, at, office, EVENT_ITEM_DELIVERED, item);
    return at;
}

// One item by post. later_named: the scans do not say whose it is, the office does afterwards.
static int64_t post(struct life_province *p, struct life_cohort *c, int64_t at, unsigned from, unsigned to,
                    enum leg leg, const struct life_dossier *one, const struct life_dossier *other,
                    bool later_named)
{
    struct life_random *r = &p->random;
    const char *item = new_item(p, c, from);
    struct life_fact *f = scan(p, c, at, from, EVENT_ITEM_COLLECTED, item);
    f->leg = (uint8_t)leg;
    f->charge = 26000 + 500 * (int64_t)life_below(r, 40);
    if (leg == LEG_K && life_percent(r, 30))
        f->fee = 5000 * (1 + (int64_t)life_below(r, 20));
    if (!later_named)
        name_dossiers(f, one, other);
    at = later(r, at, 20 * MINUTE, 3 * HOUR);
    (void)scan(p, c, at, from, EVENT_ITEM_ACCEPTED, item);
    if (from != to) {
        at = ride(p, c, at, item, from, LIFE_CENTRE);
        at = ride(p, c, at, item, LIFE_CENTRE, to);
        (void)scan(p, c, at, to, EVENT_ITEM_ARRIVED, item);
    } else {
        at = later(r, at, 30 * MINUTE, 3 * HOUR);
    }
    if (later_named) {
        f = add(c, at + 10 * MINUTE, LIFE_NO_STREAM, to, EVENT_DOSSIER_LINK);
        f->code = item;
        f->leg = (uint8_t)leg;
        name_dossiers(f, one, other);
    }
    at = deliver(p, c, at, item, to, leg);
    if (leg != LEG_K) {
        at = later(r, at, HOUR, 20 * HOUR);
        f = add(c, at, LIFE_NO_STREAM, to, EVENT_HANDOVER_CONFIRMED);
        f->code = item;
    }
    return at;
}

// other: a second dossier of the citizen, whose result travels in the same envelope.
static void live(struct life_province *p, struct life_cohort *c, const struct life_dossier *d,
                 const struct life_dossier *other, unsigned office)
{
    struct life_random *r = &p->random;
    unsigned home = life_percent(r, 55) ? office : 1 + life_below(r, p->offices - 1);
    int64_t at = d->at;
    for (const struct life_dossier *one = d; one; one = one == d ? other : NULL) {
        struct life_fact *f = add(c, one->at, LIFE_NO_STREAM, office, EVENT_DOSSIER_REGISTERED);
        f->registers = true;
        name_dossiers(f, one, NULL);
        if (life_percent(r, 40))
            at = post(p, c, later(r, one->at, 10 * MINUTE, 6 * HOUR), home, office, LEG_N, one, NULL,
                      life_percent(r, 5));
        if (life_percent(r, 4)) {
            f = add(c, at = later(r, at, 6 * HOUR, 48 * HOUR), LIFE_NO_STREAM, office,
                    EVENT_SUPPLEMENT_REQUESTED);
            name_dossiers(f, one, NULL);
            at = post(p, c, later(r, at, 24 * HOUR, 96 * HOUR), home, office, LEG_B, one, NULL, false);
        }
    }
    if (other && other->at > at)
        at = other->at;
    at = later(r, at, 24 * HOUR, 12 * LIFE_DAY_MS);
    for (const struct life_dossier *one = d; one; one = one == d ? other : NULL) {
        struct life_fact *f = add(c, at, LIFE_NO_STREAM, office, EVENT_RESULT_READY);
        name_dossiers(f, one, NULL);
    }
    if (life_percent(r, 88))
        (void)post(p, c, later(r, at, HOUR, 30 * HOUR), office, home, LEG_K, d, other, life_percent(r, 3));
}

void life_begin(struct life_province *p, struct life_cohort *c, unsigned dossiers, int64_t from_ms,
                double step_ms)
{
    struct life_random *r = &p->random;
    CHECK(dossiers <= LIFE_COHORT && p->offices >= 2 && p->offices <= LIFE_OFFICES);
    memset(c, 0, sizeof *c);
    arena_init(&c->memory, 64u << 20);
    for (unsigned i = 0; i < dossiers;) {
        unsigned office = 1 + life_below(r, p->offices - 1),
                 n = i + 1 < dossiers && life_percent(r, 4) ? 2 : 1;
        uint32_t citizen = life_percent(r, 70) ? 1 + p->citizens++ % (CITIZENS - 1) : 0;
        bool consent = life_percent(r, 85);
        for (unsigned k = 0; k < n; k++) {
            struct life_dossier *d = &c->dossiers[i + k];
            d->at = at_work(r, from_ms + (int64_t)((double)i * step_ms)) + (int64_t)k * MINUTE;
            d->tthc = province_procedure(life_below(r, 6));
            d->citizen = citizen;
            d->consent = consent;
            name_dossier(p, d, office);
        }
        live(p, c, &c->dossiers[i], n == 2 ? &c->dossiers[i + 1] : NULL, office);
        i += n;
    }
    move_bags(p, c);
}

void life_end(struct life_cohort *c)
{
    free(c->facts);
    arena_done(&c->memory);
}
