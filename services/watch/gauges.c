// SPDX-License-Identifier: EUPL-1.2
#include "watch/gauges.h"

#include "base/metrics.h"

#include <math.h>

// Age in milliseconds of the first row after a consumer's position, NULL when there is none.
#define UNREAD(log, position)                                                                                \
    "(select (extract(epoch from max(clock_timestamp() - f.recorded_at)) * 1000)::int8 from dt." log         \
    "_head h, lateral (select coalesce((" position "), 0) as pos) c, lateral dt." log                        \
    "_next(h.lane, c.pos, 1) f)"
#define CURSOR_OF(consumer)                                                                                  \
    "select k.pos from dt.cursor k where k.lane = h.lane and k.consumer = '" consumer                        \
    "' order by k.pos desc limit 1"
// The slowest of the endpoints that are meant to be served.
#define UNREAD_OF_ENDPOINTS                                                                                  \
    "(select (extract(epoch from max(clock_timestamp() - f.recorded_at)) * 1000)::int8 from "                \
    "dt.journey_head h, "                                                                                    \
    "dt.endpoint e, lateral (select coalesce((select k.done from dt.endpoint_cursor k where k.lane = "       \
    "h.lane "                                                                                                \
    "and k.endpoint = e.endpoint order by k.n desc limit 1), 0) as pos) c, lateral "                         \
    "dt.journey_next(h.lane, c.pos, 1) f where e.status = 'active')"

const char gauges_sql[] = "select dt.segments_ahead('fact'), dt.segments_ahead('journey'), " UNREAD(
    "fact", CURSOR_OF("correlate")) ", " UNREAD("journey", CURSOR_OF("sms")) ", " UNREAD_OF_ENDPOINTS;

const char counts_sql[] =
    "select (select count(*) from dt.stuck where solved_at is null), "
    "(select count(*) from dt.item where frozen is not null), "
    // chưa khớp: on its way, and nobody knows whose dossier it carries
    "(select count(*) from dt.item i where i.state not in (18, 19, 23, 26, 27, 5) and not exists "
    "(select from dt.link l where l.lane = i.lane and l.item = i.item and l.to_at is null)), "
    "(select count(*) from dt.sms where state in ('waiting', 'submitting', 'unknown'))";

static struct metric segments[] = {
    {.name = "duongthu_segments_ahead",
     .labels = "log=\"fact\"",
     .kind = METRIC_GAUGE,
     .help = "Whole segments beyond the one being filled; below 2 ingest is not ready."},
    {.name = "duongthu_segments_ahead", .labels = "log=\"journey\"", .kind = METRIC_GAUGE, .help = ""},
};
static struct metric unread[] = {
    {.name = "duongthu_unread_age_seconds",
     .labels = "consumer=\"correlate\"",
     .kind = METRIC_GAUGE,
     .help =
         "Age of the oldest log row that a consumer has not read; webhook: of the slowest active endpoint."},
    {.name = "duongthu_unread_age_seconds", .labels = "consumer=\"sms\"", .kind = METRIC_GAUGE, .help = ""},
    {.name = "duongthu_unread_age_seconds",
     .labels = "consumer=\"webhook\"",
     .kind = METRIC_GAUGE,
     .help = ""},
};
static struct metric counts[] = {
    {.name = "duongthu_stuck_facts", .kind = METRIC_GAUGE, .help = "Facts that correlate could not digest."},
    {.name = "duongthu_frozen_items",
     .kind = METRIC_GAUGE,
     .help = "Items that no fact moves until a person looked."},
    {.name = "duongthu_unmatched_items",
     .kind = METRIC_GAUGE,
     .help = "Items on their way that no dossier is linked to."},
    {.name = "duongthu_sms_queued",
     .kind = METRIC_GAUGE,
     .help = "Messages that are to be sent, or whose answer is awaited."},
};

static void each(void (*act)(struct metric *m))
{
    for (size_t i = 0; i < ARRAY_LEN(segments); i++)
        act(&segments[i]);
    for (size_t i = 0; i < ARRAY_LEN(unread); i++)
        act(&unread[i]);
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        act(&counts[i]);
}

static void forget(struct metric *m)
{
    metric_set(m, NAN);
}

void gauges_register(void)
{
    each(metric_register);
    gauges_forget();
}

void gauges_forget(void)
{
    each(forget);
}

enum job_next gauges_take(struct watch *w, const struct db_result *r)
{
    (void)w;
    for (int i = 0; i < (int)ARRAY_LEN(segments); i++)
        metric_set(&segments[i], (double)db_int(r, 0, i));
    for (int i = 0; i < (int)ARRAY_LEN(unread); i++) {
        int col = i + (int)ARRAY_LEN(segments);
        metric_set(&unread[i], db_null(r, 0, col) ? 0 : (double)db_int(r, 0, col) / 1000.0);
    }
    return JOB_LATER;
}

enum job_next counts_take(struct watch *w, const struct db_result *r)
{
    (void)w;
    for (int i = 0; i < (int)ARRAY_LEN(counts); i++)
        metric_set(&counts[i], (double)db_int(r, 0, i));
    return JOB_LATER;
}
