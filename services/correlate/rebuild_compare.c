// SPDX-License-Identifier: EUPL-1.2
// Comparison by lines: the database prints each row as one, and so do we. Journey rows are compared as they
// come, lane by lane; the tables of the projection as sorted sets.
#include "base/err.h"
#include "correlate/rebuild.h"
#include "io/crypto.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 500 // stored lines held of each lane

void rebuild_differs(struct rebuild *rb, const char *what, const char *stored, const char *rebuilt)
{
    if (rb->differences++ < REBUILD_TOLD_MAX)
        printf("%s\n  stored:  %s\n  rebuilt: %s\n", what, stored, rebuilt);
}

// ---- journey rows

struct lane_rows {
    char *lines[PAGE];
    size_t n, at; // lines held, next one to compare
    bool at_end;
};

struct rebuild_rows {
    struct rebuild *rb;
    struct lane_rows lanes[WORLD_LANES_MAX];
    size_t n; // compared
};

static int run(struct rebuild *rb, const char *sql, const struct db_result **ret_r)
{
    int err = dbsync_query(rb->db, sql, NULL, ret_r);
    return err ? rebuild_fail(err, *ret_r, "comparing") : 0;
}

int rebuild_rows_open(struct rebuild *rb, struct rebuild_rows **ret_rows)
{
    const struct db_result *r = NULL;
    struct rebuild_rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return rebuild_fail(ERR_NO_MEMORY, NULL, "comparing");
    rows->rb = rb;
    int code = 0;
    for (size_t i = 0; i < rb->n_lanes && code == 0; i++) {
        char sql[1024];
        snprintf(sql, sizeof sql,
                 "declare journey_%zu no scroll cursor for select concat_ws('|', cause_lane, cause_pos, "
                 "cause_part, dossier, "
                 "seq, kind, flags, (extract(epoch from occurred_at) * 1000)::int8, unit, code, "
                 "coalesce(item, ''), leg, "
                 "coalesce(state, 0), coalesce(sms, 0), coalesce(retracts, 0), details) from dt.journey "
                 "where lane = %d "
                 "order by pos",
                 i, rb->lanes[i]);
        code = run(rb, sql, &r);
    }
    *ret_rows = rows;
    return code;
}

static int next_page(struct rebuild_rows *rows, size_t lane)
{
    struct lane_rows *l = &rows->lanes[lane];
    const struct db_result *r = NULL;
    char sql[64];
    for (size_t i = 0; i < l->n; i++)
        free(l->lines[i]);
    l->n = l->at = 0;
    snprintf(sql, sizeof sql, "fetch %d from journey_%zu", PAGE, lane);
    int code = run(rows->rb, sql, &r);
    for (int i = 0; code == 0 && i < db_rows(r); i++) {
        size_t len;
        const char *line = db_bytes(r, i, 0, &len);
        l->lines[l->n] = strndup(line, len);
        if (!l->lines[l->n++])
            code = rebuild_fail(ERR_NO_MEMORY, NULL, "comparing");
    }
    l->at_end = l->n == 0;
    return code;
}

// The next stored line of the lane, or NULL at the end.
static int next_line(struct rebuild_rows *rows, size_t lane, const char **ret_line)
{
    struct lane_rows *l = &rows->lanes[lane];
    int code = l->at == l->n && !l->at_end ? next_page(rows, lane) : 0;
    *ret_line = l->at < l->n ? l->lines[l->at++] : NULL;
    return code;
}

static void print_row(const struct batch_row *row, char *out, size_t cap)
{
    char letter[2] = {leg_letter(row->leg), 0};
    snprintf(out, cap,
             "%d|%" PRId64 "|%d|%" PRId64 "|%" PRId64 "|%u|%u|%" PRId64 "|%s|%s|%s|%s|%u|%u|%" PRId64 "|%s",
             row->cause_lane, row->cause_pos, row->cause_part, row->dossier, row->seq, row->kind, row->flags,
             row->at, row->unit, row->code, row->item, letter, row->state, row->sms, row->retracts,
             row->details);
}

int rebuild_rows_take(struct rebuild_rows *rows, const struct batch *b)
{
    char line[REBUILD_LINE_MAX];
    for (size_t i = 0; i < b->n_rows; i++) {
        size_t lane = 0;
        const char *stored;
        while (lane + 1 < rows->rb->n_lanes && rows->rb->lanes[lane] != b->rows[i].lane)
            lane++;
        int code = next_line(rows, lane, &stored);
        if (code)
            return code;
        print_row(&b->rows[i], line, sizeof line);
        rows->n++;
        if (!stored || strcmp(stored, line) != 0)
            rebuild_differs(rows->rb, "journey row", stored ? stored : "not there", line);
    }
    return 0;
}

int rebuild_rows_close(struct rebuild_rows *rows, size_t *ret_n)
{
    int code = 0;
    for (size_t lane = 0; lane < rows->rb->n_lanes; lane++) {
        const char *stored = NULL;
        do {
            code = code ? code : next_line(rows, lane, &stored);
            if (code == 0 && stored)
                rebuild_differs(rows->rb, "journey row", stored, "not there");
        } while (code == 0 && stored);
        for (size_t i = 0; i < rows->lanes[lane].n; i++)
            free(rows->lanes[lane].lines[i]);
    }
    *ret_n = rows->n;
    free(rows);
    return code;
}

// ---- tables

struct lines {
    char **at;
    size_t n, cap;
    bool failed; // no memory
};

static void add_line(struct lines *l, const char *format, ...) PRINTF_LIKE(2, 3);
static void add_line(struct lines *l, const char *format, ...)
{
    char line[REBUILD_LINE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 1024;
        char **at = realloc(l->at, cap * sizeof *at);
        if (!at) {
            l->failed = true;
            return;
        }
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n] = strdup(line);
    l->failed = l->failed || !l->at[l->n];
    l->n++;
}

static void hash_trail(const struct world_trail *t, char out[2 * SHA256_LEN + 1])
{
    unsigned char hash[SHA256_LEN];
    crypto_sha256(t->bytes ? (const void *)t->bytes : "", t->len, hash);
    for (size_t i = 0; i < sizeof hash; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static void print_items(const struct world *w, struct lines *l)
{
    for (const struct world_item *it = w->all_items; it; it = it->next_all) {
        char hash[2 * SHA256_LEN + 1], office[16] = "", letter[2] = {leg_letter(it->now.leg), 0};
        hash_trail(&it->trail, hash);
        if (it->office != TRAIL_OFFICE_0)
            snprintf(office, sizeof office, "%06" PRIu32, it->office);
        add_line(l, "%d|%" PRId64 "|%s|%d|%s|%u|%s|%u|%s|%s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%" PRId64,
                 it->lane, it->id, it->code, it->generation, letter, it->now.state, hash,
                 it->now.contradictions, it->inside, it->frozen, office, it->now.fee.collected.charge,
                 it->now.fee.collected.fee, it->now.fee.collected.remit, world_last_at(it));
    }
}

static void print_boxes(const struct world *w, struct lines *l)
{
    for (const struct world_box *b = w->all_boxes; b; b = b->next_all) {
        char hash[2 * SHA256_LEN + 1];
        hash_trail(&b->trail, hash);
        add_line(l, "%d|%" PRIu32 "|%s|%s|%s", b->lane, b->number, b->code, hash, b->frozen);
    }
}

static void print_contents(const struct world *w, struct lines *l)
{
    for (const struct world_box *b = w->all_boxes; b; b = b->next_all)
        for (size_t i = 0; i < b->n_members; i++)
            add_line(l, "%d|%" PRIu32 "|%u|%" PRId64, b->lane, b->number, b->members[i].kind,
                     b->members[i].id);
}

static void print_dossiers(const struct world *w, struct lines *l)
{
    for (const struct world_dossier *d = w->all_dossiers; d; d = d->next_all)
        add_line(l, "%d|%" PRId64 "|%s|%d|%s|%u|%u|%s|%" PRId64 "|%" PRId64 "|%" PRId64, d->lane, d->id,
                 d->unit, d->registered, d->tthc, d->status, d->proposed, d->due, d->seq, d->merged_into,
                 d->opened_at);
}

static void print_codes(const struct world *w, struct lines *l)
{
    for (const struct world_dossier *d = w->all_dossiers; d; d = d->next_all)
        for (const struct world_code *c = d->codes; c; c = c->next)
            add_line(l, "%d|%s|%" PRId64 "|%d|%" PRId64, d->lane, c->text, d->id, c->primary, c->from);
}

static void print_links(const struct world *w, struct lines *l)
{
    for (const struct world_item *it = w->all_items; it; it = it->next_all)
        for (const struct world_link *k = it->links; k; k = k->next_of_item) {
            char letter[2] = {leg_letter(k->leg), 0};
            add_line(l, "%d|%" PRId64 "|%d|%" PRId64 "|%s|%" PRId64 "|%" PRId64 "|%u|%" PRId64, it->lane,
                     it->id, k->dossier->lane, k->dossier->id, letter, k->from,
                     k->to == WORLD_OPEN ? -1 : k->to, k->source, k->cause_pos);
        }
}

#define MS(column) "(extract(epoch from " column ") * 1000)::int8"

static const struct table {
    const char *name, *sql;
    void (*print)(const struct world *w, struct lines *l);
} tables[] = {
    {"item",
     "select concat_ws('|', lane, item, code, generation, leg, state, encode(sha256(facts), 'hex'), "
     "exceptions, "
     "coalesce(container, ''), coalesce(frozen, ''), coalesce(office, ''), charge, fee, remit, " MS(
         "last_at") ") from dt.item",
     print_items},
    {"container",
     "select concat_ws('|', lane, container, code, encode(sha256(facts), 'hex'), coalesce(frozen, '')) from "
     "dt.container",
     print_boxes},
    {"content", "select concat_ws('|', lane, container, kind, member) from dt.content", print_contents},
    {"dossier",
     "select concat_ws('|', lane, dossier, unit, registered::int, coalesce(tthc, ''), coalesce(status, 0), "
     "coalesce(proposed, 0), coalesce(due::text, ''), seq, coalesce(merged_into, 0), " MS(
         "opened_at") ") from dt.dossier",
     print_dossiers},
    {"dossier_code",
     "select concat_ws('|', lane, code, dossier, is_primary::int, " MS("from_at") ") from dt.dossier_code",
     print_codes},
    {"link",
     "select concat_ws('|', lane, item, dossier_lane, dossier, leg, " MS("from_at") ", coalesce(" MS(
         "to_at") ", -1), source, cause_pos) from dt.link",
     print_links},
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Both sides are sorted; what only one of them has is a difference.
static void merge(struct rebuild *rb, const char *name, const struct lines *ours, const struct db_result *r)
{
    size_t i = 0, k = 0, n = (size_t)db_rows(r);
    while (i < ours->n || k < n) {
        size_t len;
        const char *stored = k < n ? db_bytes(r, (int)k, 0, &len) : NULL;
        int order = !stored ? -1 : i == ours->n ? 1 : strcmp(ours->at[i], stored);
        if (order < 0)
            rebuild_differs(rb, name, "not there", ours->at[i]);
        else if (order > 0)
            rebuild_differs(rb, name, stored, "not there");
        i += order <= 0;
        k += order >= 0;
    }
}

static int compare_table(struct rebuild *rb, const struct world *w, const struct table *t)
{
    struct lines ours = {NULL, 0, 0, false};
    const struct db_result *r = NULL;
    char sql[1024];
    t->print(w, &ours);
    snprintf(sql, sizeof sql, "select line from (%s) t (line) order by line collate \"C\"", t->sql);
    int code = ours.failed ? rebuild_fail(ERR_NO_MEMORY, NULL, "comparing") : run(rb, sql, &r);
    if (code == 0) {
        if (ours.n > 0)
            qsort(ours.at, ours.n, sizeof *ours.at, by_bytes);
        merge(rb, t->name, &ours, r);
    }
    for (size_t i = 0; i < ours.n; i++)
        free(ours.at[i]);
    free(ours.at);
    return code;
}

int rebuild_compare_world(struct rebuild *rb, struct world *w)
{
    int code = 0;
    for (size_t i = 0; i < ARRAY_LEN(tables) && code == 0; i++)
        code = compare_table(rb, w, &tables[i]);
    return code;
}
