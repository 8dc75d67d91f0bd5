// SPDX-License-Identifier: EUPL-1.2
// What rebuild replays: the facts up to correlate's cursor, in the order in which it read them, and what it
// looked up beside them.
#include "base/clock.h"
#include "base/err.h"
#include "correlate/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE        5000  // facts read at once
#define PATIENCE_MS 30000 // for a fan-out that is half done

static int query(struct rebuild *rb, const char *sql, struct db_params *p, const struct db_result **ret_r)
{
    int err = dbsync_query(rb->db, sql, p, ret_r);
    return err ? rebuild_fail(err, *ret_r, "reading") : 0;
}

int rebuild_begin(struct rebuild *rb)
{
    const struct db_result *r = NULL;
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    for (;;) {
        int code = query(rb, "begin isolation level repeatable read read only", NULL, &r);
        if (code == 0)
            code = query(rb,
                         "select coalesce(max(part), 0), array_agg(distinct lane) from (select distinct on "
                         "(lane) lane, part "
                         "from dt.cursor where consumer = 'correlate' order by lane, pos desc, part desc) c",
                         NULL, &r);
        if (code || db_int(r, 0, 0) == 0)
            return code;
        code = query(rb, "rollback", NULL, &r);
        if (code)
            return code;
        if (clock_mono_ms() > until) {
            (void)fprintf(stderr, "rebuild: correlate is in the middle of a large fan-out; try again\n");
            return 1;
        }
        (void)nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
}

static char *copy(const struct db_result *r, int row, int col)
{
    size_t len;
    const char *bytes = db_bytes(r, row, col, &len);
    char *text = malloc(len + 1);
    if (!text)
        return NULL;
    if (len > 0)
        memcpy(text, bytes, len);
    text[len] = '\0';
    return text;
}

static int read_texts(struct rebuild *rb, const char *sql, struct rebuild_text **ret_texts, size_t *ret_n)
{
    const struct db_result *r = NULL;
    int code = query(rb, sql, NULL, &r);
    if (code)
        return code;
    size_t n = (size_t)db_rows(r);
    *ret_texts = calloc(n + 1, sizeof **ret_texts);
    if (!*ret_texts)
        return rebuild_fail(ERR_NO_MEMORY, NULL, "reading");
    *ret_n = n;
    for (size_t i = 0; i < n; i++) {
        (*ret_texts)[i] = (struct rebuild_text){copy(r, (int)i, 0), copy(r, (int)i, 1)};
        if (!(*ret_texts)[i].key || !(*ret_texts)[i].value)
            return rebuild_fail(ERR_NO_MEMORY, NULL, "reading");
    }
    return 0;
}

static int read_lanes(struct rebuild *rb)
{
    const struct db_result *r = NULL;
    int code = query(rb, "select lane from dt.journey_head order by lane", NULL, &r);
    if (code)
        return code;
    if (db_rows(r) < 1 || db_rows(r) > WORLD_LANES_MAX)
        return rebuild_fail(ERR_TOO_BIG, NULL, "lanes of the journey log");
    for (int i = 0; i < db_rows(r); i++)
        rb->lanes[rb->n_lanes++] = (int16_t)db_int(r, i, 0);
    return 0;
}

static int add_fact(struct rebuild *rb, const struct db_result *r, int row)
{
    if (rb->n_facts == REBUILD_FACTS_MAX)
        return rebuild_fail(ERR_TOO_BIG, NULL, "more than 2,000,000 facts");
    if (rb->n_facts == rb->cap_facts) {
        size_t cap = rb->cap_facts ? 2 * rb->cap_facts : PAGE;
        struct rebuild_fact *facts = realloc(rb->facts, cap * sizeof *facts);
        if (!facts)
            return rebuild_fail(ERR_NO_MEMORY, NULL, "reading");
        rb->facts = facts;
        rb->cap_facts = cap;
    }
    size_t len;
    (void)db_bytes(r, row, 6, &len);
    char *body = copy(r, row, 6);
    if (!body)
        return rebuild_fail(ERR_NO_MEMORY, NULL, "reading");
    rb->facts[rb->n_facts++] = (struct rebuild_fact){.row = {.lane = (int16_t)db_int(r, row, 7),
                                                             .pos = db_int(r, row, 0),
                                                             .stream = db_int(r, row, 1),
                                                             .seq = db_int(r, row, 2),
                                                             .type = (int)db_int(r, row, 3),
                                                             .source = (int)db_int(r, row, 4),
                                                             .at = db_time_ms(r, row, 5),
                                                             .body = body,
                                                             .body_len = len},
                                                     .poison = db_bool(r, row, 8)};
    return 0;
}

// Facts of one lane from position `from` to `to`.
static int read_span(struct rebuild *rb, int16_t lane, int64_t from, int64_t to)
{
    struct db_params p;
    const struct db_result *r = NULL;
    int code = 0;
    if (db_params_init(&p) != ERR_OK)
        return rebuild_fail(ERR_NO_MEMORY, NULL, "reading");
    while (from <= to && code == 0) {
        db_params_reset(&p);
        db_put_int2(&p, lane);
        db_put_int8(&p, from);
        db_put_int8(&p, to);
        code = query(rb,
                     "select f.pos, f.stream, f.seq, f.type, f.source, f.occurred_at, f.body, f.lane, "
                     "exists (select from dt.stuck s where s.lane = f.lane and s.pos = f.pos and s.sqlstate "
                     "not in ('', 'DT004')) from dt.fact f where f.lane = $1::smallint and f.pos >= "
                     "$2::bigint and f.pos "
                     "<= $3::bigint "
                     "order by f.pos limit 5000",
                     &p, &r);
        for (int i = 0; code == 0 && i < db_rows(r); i++) {
            from = db_int(r, i, 0) + 1;
            code = add_fact(rb, r, i);
        }
        if (code == 0 && db_rows(r) == 0)
            break;
    }
    db_params_done(&p);
    return code;
}

struct turn {
    int16_t lane;
    int64_t from, to;
};

// Correlate read the lanes in turns; each ends where the next one of its lane begins, the last where its
// cursor is.
int rebuild_read(struct rebuild *rb)
{
    const struct db_result *r = NULL;
    int code = read_lanes(rb);
    if (code == 0)
        code = read_texts(rb, "select token::text, stream::text from dt.stream order by stream", &rb->streams,
                          &rb->n_streams);
    if (code == 0) // what unit.merged wrote is replayed from the facts
        code =
            read_texts(rb, "select alias, unit from dt.unit_alias where why <> 'unit.merged' order by alias",
                       &rb->units, &rb->n_units);
    if (code == 0)
        code = query(
            rb,
            "with done as (select distinct on (lane) lane, pos from dt.cursor where consumer = 'correlate' "
            "order by lane, pos desc, part desc), turns as (select n, lane, pos from dt.turn union all "
            "select 0, h.lane, 1 from dt.fact_head h where (select t.pos from dt.turn t where t.lane = "
            "h.lane "
            "order by t.n limit 1) is distinct from 1) select t.lane, t.pos, coalesce(lead(t.pos) over "
            "(partition by t.lane order by t.n) - 1, "
            "d.pos) from turns t join done d on d.lane = t.lane order by t.n",
            NULL, &r);
    if (code)
        return code;
    size_t n = (size_t)db_rows(r);
    struct turn *turns = malloc((n + 1) * sizeof *turns);
    if (!turns)
        return rebuild_fail(ERR_NO_MEMORY, NULL, "reading");
    for (size_t i = 0; i < n; i++)
        turns[i] = (struct turn){(int16_t)db_int(r, (int)i, 0), db_int(r, (int)i, 1), db_int(r, (int)i, 2)};
    for (size_t i = 0; i < n && code == 0; i++)
        code = read_span(rb, turns[i].lane, turns[i].from, turns[i].to);
    free(turns);
    return code;
}

static void free_texts(struct rebuild_text *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(texts[i].key);
        free(texts[i].value);
    }
    free(texts);
}

void rebuild_forget(struct rebuild *rb)
{
    for (size_t i = 0; i < rb->n_facts; i++)
        free((void *)(uintptr_t)rb->facts[i].row.body);
    free(rb->facts);
    free_texts(rb->streams, rb->n_streams);
    free_texts(rb->units, rb->n_units);
}
