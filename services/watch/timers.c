// SPDX-License-Identifier: EUPL-1.2
#include "base/check.h"
#include "base/conf.h"
#include "base/log.h"
#include "domain/journey.h"
#include "watch/timer_jobs.h"

#include <string.h>

// Items on their way (S06–S14, S16, S17, S20, S22: not before collection, not held for the receiver or for a
// decision, not lost or damaged, not at an end) of which nothing was heard for $1 ms, or $2 ms when the place
// of the newest scan is in another province than the office, or that is not known. The first condition on the
// state is that of the index.
const char timers_silence_sql[] =
    "select i.lane, i.code, i.generation, (extract(epoch from i.last_at) * 1000000)::int8, i.last_at, "
    "x.limit_ms "
    "from dt.fact_head h cross join lateral (select * from dt.item q where q.lane = h.lane and q.last_at < "
    "clock_timestamp() - least($1::int8, $2::int8) * interval '1 ms' and q.state not in (18, 19, 23, 26, 27, "
    "5) "
    "and q.state in (6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 20, 22) and q.frozen is null order by "
    "q.last_at) i "
    "cross join lateral (select case when exists (select from dt.link l "
    "join dt.dossier d on d.lane = l.dossier_lane and d.dossier = l.dossier "
    "join dt.post_office p on p.office = i.office and p.province = split_part(d.unit, '.', 1) "
    "where l.lane = i.lane and l.item = i.item and l.to_at is null) then $1::int8 else $2::int8 end as "
    "limit_ms) x "
    "where i.last_at < clock_timestamp() - x.limit_ms * interval '1 ms' "
    "and not exists (select from dt.timer t where t.lane = i.lane and t.code = i.code "
    "and t.generation = i.generation and t.timer = 1 and t.since = i.last_at) "
    "order by i.last_at limit 500";

// Pick-ups assigned (S02) more than $1 ms ago; whether the postman has confirmed is in the packed facts.
const char timers_pickup_sql[] =
    "select i.lane, i.code, i.generation, (extract(epoch from i.last_at) * 1000000)::int8, i.last_at, "
    "$1::int8, i.facts "
    "from dt.fact_head h cross join lateral (select * from dt.item q where q.lane = h.lane and q.last_at < "
    "clock_timestamp() - $1::int8 * interval '1 ms' and q.state not in (18, 19, 23, 26, 27, 5) and q.state = "
    "2 "
    "and q.frozen is null order by q.last_at) i "
    "where not exists (select from dt.timer t where t.lane = i.lane and t.code = i.code "
    "and t.generation = i.generation and t.timer = 2 and t.since = i.last_at) "
    "order by i.last_at limit 500";

const char timers_fire_sql[] =
    "select dt.watch_fire($1::int8, $2::int2, $3::int2[], $4::text[], $5::int2[], $6::int8[], $7::int2[], "
    "$8::timestamptz[], $9::text[])";

static const struct {
    const char *name; // in logs
    enum event_kind kind;
} timers[] = {
    [TIMER_SILENCE] = {"silence", EVENT_ITEM_SILENT},
    [TIMER_PICKUP] = {"pickup", EVENT_PICKUP_OVERDUE},
};

void timers_fill_silence(struct watch *w, struct db_params *p)
{
    (void)w;
    db_put_int8(p, conf_int("watch", "silence_intra"));
    db_put_int8(p, conf_int("watch", "silence_inter"));
}

void timers_fill_pickup(struct watch *w, struct db_params *p)
{
    (void)w;
    db_put_int8(p, conf_int("watch", "pickup_confirm"));
}

static void take_due(struct timer_due *due, const struct db_result *r, int row)
{
    due->lane = (int16_t)db_int(r, row, 0);
    db_copy_text(r, row, 1, due->code, sizeof due->code);
    due->generation = (int16_t)db_int(r, row, 2);
    due->since_us = db_int(r, row, 3);
    due->occurred_ms = db_time_ms(r, row, 4) + db_int(r, row, 5);
    due->alarm = true;
}

// After the firing, which stands before the timers in the table, a full batch means that there may be more.
static enum job_next fire(struct watch *w, enum timer_kind kind, int rows)
{
    w->firing.kind = kind;
    w->firing.count = (size_t)rows;
    if (rows > 0)
        watch_job_ask(w, "fire");
    return rows == TIMER_BATCH ? JOB_AGAIN : JOB_LATER;
}

enum job_next timers_take_silence(struct watch *w, const struct db_result *r)
{
    int rows = db_rows(r);
    CHECK(rows <= TIMER_BATCH);
    for (int i = 0; i < rows; i++)
        take_due(&w->firing.due[i], r, i);
    return fire(w, TIMER_SILENCE, rows);
}

// Was the pick-up assigned, and not confirmed since?
static bool waits_for_postman(const char *packed, size_t len)
{
    static struct trail_fact facts[TRAIL_MAX];
    static struct journey_entry entries[TRAIL_MAX];
    struct journey_item item;
    size_t n;
    bool waits = false;
    if (trail_unpack((const uint8_t *)packed, len, facts, &n) != TRAIL_OK)
        return false; // correlate freezes and lists such an item when it next meets it
    journey_fold(facts, n, entries, &item);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].flags & (JOURNEY_RETRACTED | JOURNEY_REPEAT))
            continue;
        if (facts[i].kind == EVENT_PICKUP_ASSIGNED)
            waits = true;
        else if (facts[i].kind == EVENT_PICKUP_CONFIRMED)
            waits = false;
    }
    return waits;
}

enum job_next timers_take_pickup(struct watch *w, const struct db_result *r)
{
    int rows = db_rows(r);
    CHECK(rows <= TIMER_BATCH);
    for (int i = 0; i < rows; i++) {
        size_t len;
        const char *packed = db_bytes(r, i, 6, &len);
        take_due(&w->firing.due[i], r, i);
        w->firing.due[i].alarm = waits_for_postman(packed, len);
    }
    return fire(w, TIMER_PICKUP, rows);
}

static void put_body(struct db_params *p, enum event_kind kind, const char *code)
{
    static char body[FACT_BODY_MAX];
    struct fact f;
    fact_init(&f);
    f.kind = kind;
    f.code = (struct fact_text){code, strlen(code)};
    int len = fact_print(&f, body, sizeof body);
    CHECK(len > 0); // a code that was folded from a fact prints as one
    db_item_text(p, body, (size_t)len);
}

void timers_fill_fire(struct watch *w, struct db_params *p)
{
    const struct timer_batch *b = &w->firing;
    enum event_kind kind = timers[b->kind].kind;
    db_put_int8(p, w->epoch);
    db_put_int2(p, (int16_t)b->kind);
    db_open_array(p, DB_INT2);
    for (size_t i = 0; i < b->count; i++)
        db_item_int2(p, b->due[i].lane);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < b->count; i++)
        db_item_text(p, b->due[i].code, strlen(b->due[i].code));
    db_close_array(p);
    db_open_array(p, DB_INT2);
    for (size_t i = 0; i < b->count; i++)
        db_item_int2(p, b->due[i].generation);
    db_close_array(p);
    db_open_array(p, DB_INT8);
    for (size_t i = 0; i < b->count; i++)
        db_item_int8(p, b->due[i].since_us);
    db_close_array(p);
    db_open_array(p, DB_INT2);
    for (size_t i = 0; i < b->count; i++) {
        if (b->due[i].alarm)
            db_item_int2(p, (int16_t)kind);
        else
            db_item_null(p);
    }
    db_close_array(p);
    db_open_array(p, DB_TIMESTAMPTZ);
    for (size_t i = 0; i < b->count; i++)
        db_item_time_ms(p, b->due[i].occurred_ms);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < b->count; i++)
        put_body(p, kind, b->due[i].code);
    db_close_array(p);
}

enum job_next timers_take_fire(struct watch *w, const struct db_result *r)
{
    for (int i = 0; i < db_rows(r); i++) {
        size_t len;
        const char *code = db_bytes(r, i, 0, &len);
        log_warn("timer.fired", LOG_STR("timer", timers[w->firing.kind].name), LOG_STRN("item", code, len));
    }
    return JOB_LATER;
}
