// SPDX-License-Identifier: EUPL-1.2
// A run of the fold: handhelds scan items, bags and dispatches, upload late, twice and in any order; the
// engine of correlate reads the log. Whatever the size of its batches, wherever it crashes and begins again
// from what is stored, it tells the same; whatever the order of arrival, states and histories are the same.
#include "base/err.h"
#include "correlate/batch.h"
#include "domain/trail.h"
#include "simulation/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_MAX 160
#define ITEMS     4
#define DOSSIERS  3
#define BAGS      2
#define DEVICES   4
#define OPERATOR  8 // the stream of the back office
#define STREAMS   9
#define MINUTE_MS INT64_C(60000)
#define ROWS_MAX  20000

struct said {
    struct batch_fact row;
    char body[400];
    bool stored;
    int64_t at;
};

static struct {
    struct said facts[FACTS_MAX];
    unsigned count, log[FACTS_MAX], log_len; // log: indexes of facts, as they arrived
    int64_t seqs[STREAMS];
    int64_t minute;
} day;

// ---------------------------------------------------------------- what happens

static struct fact_text text(const char *s)
{
    return (struct fact_text){s, strlen(s)};
}

static const char *const items[ITEMS] = {"EC000000019VN", "EC000000022VN", "EC000000036VN", "EC000000040VN"};
static const char *const dossiers[DOSSIERS] = {"H56.14-261120-0001", "H56.14-261120-0002",
                                               "H48.16-261120-0003"};
static const char *const bags[BAGS] = {"TUI-580000-1", "TUI-580000-2"};
static const char *const dispatch = "CT-580000-1";

static void say(unsigned stream, struct fact *f)
{
    if (fact_check(f, stream == OPERATOR ? SOURCE_OPERATOR : SOURCE_DEVICE) != FACT_OK)
        stream = OPERATOR; // some things only the back office may say
    if (day.count == FACTS_MAX || fact_check(f, SOURCE_OPERATOR) != FACT_OK)
        return;
    struct said *s = &day.facts[day.count++];
    day.minute += sim_between(3, 30);
    s->at = SIM_WALL_0 + day.minute * MINUTE_MS;
    int len = fact_print(f, s->body, sizeof s->body);
    SIM_CHECK(len > 0, "a fact can't be printed: %d", len);
    s->row = (struct batch_fact){.pos = day.count,
                                 .stream = stream,
                                 .seq = ++day.seqs[stream],
                                 .source = stream == OPERATOR ? SOURCE_OPERATOR : SOURCE_DEVICE,
                                 .at = s->at,
                                 .body = s->body,
                                 .body_len = (size_t)len};
    s->stored = false;
}

static unsigned some_device(void)
{
    return (unsigned)sim_between(1, DEVICES);
}

static void scan(enum event_kind kind, const char *code)
{
    struct fact f;
    fact_init(&f);
    f.kind = kind;
    f.code = text(code);
    if (kind == EVENT_ITEM_ACCEPTED) {
        f.leg = (enum leg)sim_between(LEG_N, LEG_H);
        f.charge = 30000;
    }
    if (kind == EVENT_DELIVERY_FAILED && sim_chance(700)) {
        static const char *const solutions[] = {"redeliver", "hold", "return", "forward"};
        f.solution = text(solutions[sim_below(4)]);
    }
    if (kind == EVENT_ITEM_PUT_IN)
        f.into = text(bags[sim_below(BAGS)]);
    if (kind == EVENT_FEE_COLLECTED)
        f.fee = 50000;
    say(some_device(), &f);
}

static void scan_list(enum event_kind kind, const char *code, const char *const *members, unsigned count)
{
    struct fact f;
    fact_init(&f);
    f.kind = kind;
    f.code = text(code);
    for (unsigned i = 0; i < count; i++) {
        if (sim_chance(600))
            f.members[f.n_members++] = text(members[i]);
    }
    say(some_device(), &f);
}

static void join(enum event_kind kind)
{
    struct fact f;
    fact_init(&f);
    f.kind = kind;
    f.code = text(items[sim_below(ITEMS)]);
    f.dossiers[f.n_dossiers++] = text(dossiers[sim_below(DOSSIERS)]);
    say(OPERATOR, &f);
}

// Takes back something that was said of an item.
static void correct(void)
{
    char stream[24];
    struct fact f;
    if (day.count == 0)
        return;
    const struct said *s = &day.facts[sim_below(day.count)];
    const char *code = strstr(s->body, "code=");
    if (!code || strncmp(code + 5, "EC", 2) != 0 || s->row.stream == OPERATOR)
        return;
    fact_init(&f);
    f.kind = EVENT_CORRECTION;
    f.code = (struct fact_text){code + 5, strcspn(code + 5, "\n")};
    (void)snprintf(stream, sizeof stream, "%" PRId64, s->row.stream);
    f.retracts.stream = text(stream);
    f.retracts.seq = (uint32_t)s->row.seq;
    say(OPERATOR, &f);
}

static void something(void)
{
    static const enum event_kind kinds[] = {
        EVENT_ITEM_ACCEPTED,   EVENT_ITEM_COLLECTED, EVENT_ITEM_ARRIVED,   EVENT_DELIVERY_STARTED,
        EVENT_DELIVERY_FAILED, EVENT_ITEM_DELIVERED, EVENT_ITEM_PUT_IN,    EVENT_ITEM_TAKEN_OUT,
        EVENT_ITEM_LOST,       EVENT_ITEM_FOUND,     EVENT_RETURN_STARTED, EVENT_FEE_COLLECTED};
    static const enum event_kind bag_kinds[] = {EVENT_BAG_CLOSED, EVENT_BAG_RECEIVED, EVENT_BAG_OPENED};
    uint64_t what = sim_below(100);
    if (what < 50)
        scan(kinds[sim_below(ARRAY_LEN(kinds))], items[sim_below(ITEMS)]);
    else if (what < 65)
        scan_list(bag_kinds[sim_below(3)], bags[sim_below(BAGS)], items, ITEMS);
    else if (what < 72)
        scan_list(sim_chance(500) ? EVENT_DISPATCH_DEPARTED : EVENT_DISPATCH_ARRIVED, dispatch, bags, BAGS);
    else if (what < 84)
        join(EVENT_DOSSIER_LINK);
    else if (what < 93)
        join(EVENT_DOSSIER_UNLINK);
    else
        correct();
}

// ---------------------------------------------------------------- how it arrives

// Handhelds upload what they have, from where they think they stand: late, again, with holes. The log takes
// each number of a stream once.
static void upload(void)
{
    bool missing = true;
    day.log_len = 0;
    while (missing) {
        unsigned stream = sim_chance(250) ? OPERATOR : some_device();
        int64_t from = sim_between(1, 20), most = sim_between(1, 12);
        bool orderly = sim_chance(700);
        missing = false;
        for (unsigned i = 0; i < day.count; i++) {
            struct said *s = &day.facts[i];
            missing = missing || !s->stored;
            if (s->row.stream != stream || s->stored || most == 0 || (!orderly && s->row.seq < from))
                continue;
            s->stored = true;
            day.log[day.log_len++] = i;
            most--;
        }
    }
}

// ---------------------------------------------------------------- what is told, to be compared

struct telling {
    uint64_t rows, row_hash, item_hash;
};

static uint64_t mixed(uint64_t h, const void *data, size_t len)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ at[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t mixed_number(uint64_t h, int64_t v)
{
    return mixed(h, &v, sizeof v);
}

struct told { // what dt.journey remembers for corrections
    int64_t dossier, pos, seq;
    int16_t lane;
};
static struct told told[ROWS_MAX];

static void check_row(const struct batch_row *r, int64_t *seqs)
{
    SIM_CHECK(r->dossier >= 1 && r->dossier <= 64, "a row for dossier %" PRId64, r->dossier);
    SIM_CHECK(r->seq == ++seqs[r->dossier], "dossier %" PRId64 " is told %" PRId64 " after %" PRId64,
              r->dossier, r->seq, seqs[r->dossier] - 1);
    SIM_CHECK(!(r->flags & JOURNEY_LATE) || r->sms == 0, "a late row of dossier %" PRId64 " calls for an SMS",
              r->dossier);
}

static void take_rows(struct telling *t, const struct batch *b, int64_t *seqs)
{
    for (size_t i = 0; i < b->n_rows; i++) {
        const struct batch_row *r = &b->rows[i];
        uint64_t h = t->row_hash;
        check_row(r, seqs);
        const int64_t numbers[] = {r->lane,  r->cause_lane, r->cause_pos, r->cause_part, r->dossier,
                                   r->seq,   r->at,         r->kind,      r->flags,      r->leg,
                                   r->state, r->sms,        r->retracts};
        h = mixed(h, numbers, sizeof numbers);
        h = mixed(h, r->unit, strlen(r->unit) + 1);
        h = mixed(h, r->code, strlen(r->code) + 1);
        h = mixed(h, r->item, strlen(r->item) + 1);
        t->row_hash = mixed(h, r->details, strlen(r->details));
        SIM_CHECK(t->rows < ROWS_MAX, "more rows than can be");
        const char *about = strstr(r->details, "\"fact\":\"0:"); // when it is not the cause
        told[t->rows++] = (struct told){r->dossier, about ? strtoll(about + 10, NULL, 10) : r->cause_pos,
                                        r->seq, r->cause_lane};
        if (sim_tracing)
            sim_say("%" PRId64 ".%" PRId64 " %s: %s S%02u flags %u of fact %" PRId64
                    " part %d, SMS %u leg %u at %" PRId64 " retracts %" PRId64 " %s %s %s",
                    r->dossier, r->seq, r->item, event_name(r->kind), r->state, r->flags, r->cause_pos,
                    r->cause_part, r->sms, r->leg, r->at, r->retracts, r->unit, r->code, r->details);
    }
}

static uint64_t hash_items(const struct world *w)
{
    static struct trail_fact facts[TRAIL_MAX];
    static struct journey_entry entries[TRAIL_MAX];
    uint64_t sum = 0;
    for (const struct world_item *it = w->all_items; it; it = it->next_all) {
        struct journey_item now;
        size_t n;
        uint64_t h = mixed(UINT64_C(1469598103934665603), it->code, strlen(it->code));
        SIM_CHECK(trail_unpack(it->trail.bytes, it->trail.len, facts, &n) == TRAIL_OK,
                  "%s: its trail is corrupt", it->code);
        journey_fold(facts, n, entries, &now);
        SIM_CHECK(now.state == it->now.state, "%s: state %u is kept, the fold says %u", it->code,
                  it->now.state, now.state);
        for (const struct world_link *l = sim_tracing ? it->links : NULL; l; l = l->next_of_item)
            sim_say("%s is linked to %" PRId64 " from minute %" PRId64 " to %" PRId64
                    ", tells since %" PRId64,
                    it->code, l->dossier->id, (l->from - SIM_WALL_0) / MINUTE_MS,
                    l->to == WORLD_OPEN ? -1 : (l->to - SIM_WALL_0) / MINUTE_MS, l->since / MINUTE_MS);
        for (size_t i = 0; i < n; i++) {
            h = mixed_number(h, facts[i].at);
            h = mixed_number(h, (int64_t)(facts[i].stream << 20 | facts[i].seq));
            h = mixed_number(h, facts[i].kind * 2 + facts[i].inherited);
            h = mixed_number(h, entries[i].after * 256 + entries[i].flags);
        }
        sum += h;
    }
    return sum;
}

// ---------------------------------------------------------------- the engine, from what is stored

struct engine {
    struct world world;
    struct batch *batch;
};

static struct engine *open_engine(const struct world_ids *ids, size_t max_rows)
{
    static const int16_t lanes[] = {0};
    struct engine *e = calloc(1, sizeof *e);
    SIM_CHECK(e, "no memory");
    world_init(&e->world, ids, lanes, 1);
    SIM_CHECK(batch_create(&e->world, &e->batch) == ERR_OK, "no memory for a batch");
    if (max_rows > 0)
        e->batch->max_rows = max_rows;
    return e;
}

static void close_engine(struct engine *e)
{
    batch_destroy(e->batch);
    world_done(&e->world);
    free(e);
}

static void load_boxes(struct engine *to, const struct world *from)
{
    for (const struct world_box *b = from->all_boxes; b; b = b->next_all) {
        struct world_box *copy = world_load_box(&to->world, b->code, strlen(b->code), b->number, b->lane);
        SIM_CHECK(copy && world_set_trail(&copy->trail, b->trail.bytes, b->trail.len) == ERR_OK, "no memory");
        memcpy(copy->frozen, b->frozen, sizeof copy->frozen);
        copy->whole = true;
    }
    for (const struct world_box *b = from->all_boxes; b; b = b->next_all) {
        struct world_box *copy = world_box_by_number(&to->world, b->number);
        for (size_t i = 0; i < b->n_members; i++)
            SIM_CHECK(world_add_member(&to->world, copy, (enum world_member_kind)b->members[i].kind,
                                       b->members[i].id, false) == ERR_OK,
                      "no memory");
    }
}

static void load_items(struct engine *to, const struct world *from)
{
    for (const struct world_item *it = from->all_items; it; it = it->next_all) {
        struct world_item *copy =
            world_load_item(&to->world, it->code, strlen(it->code), it->id, it->lane, it->generation);
        SIM_CHECK(copy && world_set_trail(&copy->trail, it->trail.bytes, it->trail.len) == ERR_OK,
                  "no memory");
        memcpy(copy->frozen, it->frozen, sizeof copy->frozen);
        copy->office = it->office;
        memcpy(copy->inside, it->inside, sizeof copy->inside);
        SIM_CHECK(batch_refresh(to->batch, copy), "%s: its trail is corrupt", it->code);
    }
}

static void load_dossiers(struct engine *to, const struct world *from)
{
    for (const struct world_dossier *d = from->all_dossiers; d; d = d->next_all) {
        struct world_dossier *copy = world_load_dossier(&to->world, d->id, d->lane);
        SIM_CHECK(copy, "no memory");
        memcpy(copy->unit, d->unit, sizeof copy->unit);
        memcpy(copy->tthc, d->tthc, sizeof copy->tthc);
        memcpy(copy->due, d->due, sizeof copy->due);
        copy->registered = d->registered;
        copy->status = d->status;
        copy->proposed = d->proposed;
        copy->seq = d->seq;
        copy->merged_into = d->merged_into;
        copy->opened_at = d->opened_at;
        for (const struct world_code *c = d->codes; c; c = c->next)
            SIM_CHECK(world_add_code(&to->world, copy, c->text, strlen(c->text), c->primary, c->from,
                                     false) == ERR_OK,
                      "no memory");
    }
}

// In order of time, so that a link finds the end of the one before it.
static void load_links(struct engine *to, const struct world *from)
{
    for (int64_t after = INT64_MIN;;) {
        const struct world_link *next = NULL;
        for (const struct world_item *it = from->all_items; it; it = it->next_all) {
            for (const struct world_link *l = it->links; l; l = l->next_of_item)
                next = l->from > after && (!next || l->from < next->from) ? l : next;
        }
        if (!next)
            return;
        after = next->from; // every fact has a time of its own
        struct world_link *copy =
            world_add_link(&to->world, world_item_by_id(&to->world, next->item->id),
                           world_dossier_by_id(&to->world, next->dossier->id), next->from, next->to, false);
        SIM_CHECK(copy, "no memory");
        copy->leg = next->leg;
        copy->source = next->source;
        copy->cause_pos = next->cause_pos;
    }
}

// A world as the service would load it from what the other one has written.
static struct engine *reload(struct engine *e, uint64_t rows)
{
    struct engine *fresh = open_engine(&e->world.ids, e->batch->max_rows);
    load_boxes(fresh, &e->world);
    load_items(fresh, &e->world);
    load_dossiers(fresh, &e->world);
    load_links(fresh, &e->world);
    for (uint64_t i = 0; i < rows; i++) {
        if (world_told(&fresh->world, told[i].dossier, told[i].lane, told[i].pos) == 0)
            SIM_CHECK(world_tell(&fresh->world, told[i].dossier, told[i].lane, told[i].pos, told[i].seq) ==
                          ERR_OK,
                      "no memory");
    }
    close_engine(e);
    return fresh;
}

// ---------------------------------------------------------------- one reading of the log

struct way {
    const char *name;
    unsigned batch_size; // 0: as it comes
    size_t max_rows;     // 0: the product's
    bool stored;         // each batch begins from what is stored
};

static struct engine *commit(struct telling *t, struct engine *e, int64_t *seqs, const struct way *way)
{
    SIM_CHECK(e->batch->n_stuck == 0, "%s: fact %" PRId64 " is stuck: %s", way->name, e->batch->stuck[0].pos,
              e->batch->stuck[0].error);
    take_rows(t, e->batch, seqs);
    batch_clear(e->batch);
    return way->stored ? reload(e, t->rows) : e;
}

static void trace_fact(const struct way *way, const struct batch_fact *f)
{
    char line[120];
    (void)snprintf(line, sizeof line, "%s", f->body);
    for (char *at = line; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
    sim_trace("%s: fact %" PRId64 " of stream %" PRId64 ", minute %" PRId64 ": %s", way->name, f->pos,
              f->stream, (f->at - SIM_WALL_0) / MINUTE_MS, line);
}

static struct telling read_log(const unsigned *order, const struct way *way)
{
    struct telling t = {0};
    int64_t seqs[65] = {0};
    struct engine *e = open_engine(&(struct world_ids){0, 0, 0}, way->max_rows);
    unsigned left = 0;
    for (unsigned i = 0; i < day.log_len; i++) {
        struct batch_fact row = day.facts[order[i]].row;
        const struct batch_fact *f = &row;
        row.pos = i + 1;
        int32_t part = 0;
        if (sim_tracing)
            trace_fact(way, f);
        do {
            int32_t from = part;
            int err = batch_apply(e->batch, f, from, &part);
            SIM_CHECK(err == ERR_OK, "%s: fact %" PRId64 ": %s", way->name, f->pos, err_name(err));
            SIM_CHECK(part == 0 || part > from, "%s: fact %" PRId64 " goes on from %d to %d", way->name,
                      f->pos, from, part);
            if (part > 0)
                e = commit(&t, e, seqs, way);
        } while (part > 0);
        left = left > 0 ? left - 1 : way->batch_size > 0 ? way->batch_size - 1 : (unsigned)sim_between(0, 12);
        if (left == 0)
            e = commit(&t, e, seqs, way);
    }
    e = commit(&t, e, seqs, way);
    t.item_hash = hash_items(&e->world);
    close_engine(e);
    return t;
}

static void shuffle(unsigned *order, unsigned n)
{
    for (unsigned i = n; i > 1; i--) {
        unsigned k = (unsigned)sim_below(i), swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
}

void run_fold(void)
{
    static const struct way ways[] = {{"one by one", 1, 0, true},
                                      {"by 7", 7, 0, true},
                                      {"by 500", 500, 0, false},
                                      {"as it comes", 0, 3, true}};
    memset(&day, 0, sizeof day);
    unsigned wanted = (unsigned)sim_between(3, sim_chance(200) ? FACTS_MAX : 40);
    for (unsigned i = 0; i < wanted; i++)
        something();
    upload();
    struct telling first = read_log(day.log, &ways[2]);
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct telling other = read_log(day.log, &ways[i]);
        SIM_CHECK(other.rows == first.rows && other.row_hash == first.row_hash,
                  "the journey read %s has %" PRIu64 " rows and differs from that by 500 with %" PRIu64,
                  ways[i].name, other.rows, first.rows);
        SIM_CHECK(other.item_hash == first.item_hash, "the items read %s differ from those by 500",
                  ways[i].name);
    }
    for (int i = 0; i < 3; i++) {
        unsigned order[FACTS_MAX];
        memcpy(order, day.log, sizeof order);
        shuffle(order, day.log_len);
        struct telling other = read_log(order, &ways[2]);
        SIM_CHECK(other.item_hash == first.item_hash, "in another order of arrival the items are others");
    }
}
