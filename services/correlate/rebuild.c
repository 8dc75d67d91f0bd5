// SPDX-License-Identifier: EUPL-1.2
// `duongthu rebuild --check`: replays all facts into an empty projection with the same engine and compares:
// in log order everything must be equal but recorded_at; in random orders the states and histories of items
// must be.
#include "correlate/rebuild.h"
#include "base/conf.h"
#include "base/err.h"
#include "correlate/correlate.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_NO          1
#define EXIT_USAGE       2
#define EXIT_UNAVAILABLE 69
#define EXIT_CONFIG      78

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu rebuild --check [--orders N] [--rows N] [--seed N] [--config FILE]\n\n"
        "Replays all facts into an empty projection and compares it with the one that is stored. Changes "
        "nothing.\n"
        "In log order everything must be equal but the time of recording; in N random orders the states and\n"
        "histories of items must be.\n\n"
        "  --orders N      random orders (default 100)\n"
        "  --rows N        journey rows after which a fan-out goes on in the next part (default 2000)\n"
        "  --seed N        of the random orders (default 1)\n"
        "  --config FILE   where [database] url is set\n\n"
        "Exit: 0 equal, 1 different, 69 the database is away.\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

int rebuild_fail(int err, const struct db_result *r, const char *what)
{
    (void)fprintf(stderr, "rebuild: %s: %s\n", what,
                  err == ERR_DB_REFUSED && r ? db_message(r) : err_name(err));
    return err == ERR_DB_DOWN || err == ERR_DB_LOST ? EXIT_UNAVAILABLE : EXIT_NO;
}

// ---- one replay

static int start_world(const struct rebuild *rb, struct world *w)
{
    int err = ERR_OK;
    world_init(w, &(struct world_ids){0, 0, 0}, rb->lanes, rb->n_lanes);
    for (size_t i = 0; i < rb->n_streams && !err; i++)
        err = world_add_stream(w, rb->streams[i].key, strlen(rb->streams[i].key),
                               strtoll(rb->streams[i].value, NULL, 10));
    for (size_t i = 0; i < rb->n_units && !err; i++)
        err = world_add_unit_alias(w, rb->units[i].key, strlen(rb->units[i].key), rb->units[i].value,
                                   strlen(rb->units[i].value));
    return err;
}

// Applies one fact with all its parts. rows may be NULL.
static int replay_fact(struct batch *b, const struct rebuild_fact *f, struct rebuild_rows *rows)
{
    int32_t part = 0;
    int code = 0;
    if (f->poison) {
        int err = batch_stick_fact(b, &f->row);
        return err ? rebuild_fail(err, NULL, "replay") : 0;
    }
    do {
        int err = batch_apply(b, &f->row, part, &part);
        if (err)
            return rebuild_fail(err, NULL, "replay");
        if (rows && b->n_rows > 0)
            code = rebuild_rows_take(rows, b);
        batch_clear(b);
    } while (part && code == 0);
    return code;
}

static int check_log_order(struct rebuild *rb, struct world *w)
{
    struct batch *b = NULL;
    struct rebuild_rows *rows = NULL;
    size_t n_rows = 0;
    int err = batch_create(w, &b);
    if (err || !b)
        return rebuild_fail(err, NULL, "replay");
    b->max_rows = rb->rows;
    int code = rebuild_rows_open(rb, &rows);
    for (size_t i = 0; i < rb->n_facts && code == 0; i++)
        code = replay_fact(b, &rb->facts[i], rows);
    if (rows) {
        int closed = rebuild_rows_close(rows, &n_rows);
        code = code ? code : closed;
    }
    if (code == 0)
        code = rebuild_compare_world(rb, w);
    if (code == 0)
        printf("log order: %zu facts, %zu journey rows: %s\n", rb->n_facts, n_rows,
               rb->differences ? "DIFFERENT" : "equal but for recorded_at");
    batch_destroy(b);
    return code;
}

// ---- random orders

static uint64_t mix(uint64_t h, uint64_t n)
{
    return (h ^ n) * UINT64_C(1099511628211);
}

static uint64_t mix_text(uint64_t h, const char *s)
{
    while (*s)
        h = mix(h, (unsigned char)*s++);
    return h;
}

// State and history of an item, without the numbers that were given in the order of arrival.
static bool fingerprint(const struct world *w, const struct world_item *it, uint64_t *ret)
{
    struct trail_fact facts[TRAIL_MAX];
    struct journey_entry entries[TRAIL_MAX];
    struct journey_item now;
    size_t n;
    uint64_t h = UINT64_C(14695981039346656037);
    if (trail_unpack(it->trail.bytes, it->trail.len, facts, &n) != TRAIL_OK)
        return false;
    journey_fold(facts, n, entries, &now);
    for (size_t i = 0; i < n; i++) {
        const struct trail_fact *f = &facts[i];
        const struct world_box *box = f->container ? world_box_by_number(w, f->container) : NULL;
        h = mix(mix(mix(h, (uint64_t)f->lane), (uint64_t)f->pos), (uint64_t)f->at);
        h = mix(mix(h, f->kind * 2U + (f->inherited ? 1U : 0U)), entries[i].after * 256U + entries[i].flags);
        h = mix_text(h, box ? box->code : "");
    }
    *ret = mix(mix(h, now.state), now.leg);
    return true;
}

// A code that was used again is told apart by what came before it, and a frozen item stopped at some fact:
// both depend on the order.
static bool is_comparable(const struct world *w, const struct world_item *it)
{
    size_t len = strlen(it->code);
    const struct world_item *newest = map_get(&w->items, it->code, len);
    return !it->frozen[0] && !map_get(&w->stuck, it->code, len) && newest && !newest->next_generation;
}

static void compare_items(struct rebuild *rb, const struct world *reference, const struct world *w,
                          size_t order)
{
    char what[64];
    snprintf(what, sizeof what, "item in random order %zu", order + 1);
    for (const struct world_item *it = reference->all_items; it; it = it->next_all) {
        uint64_t a = 0, b = 0;
        const struct world_item *other = map_get(&w->items, it->code, strlen(it->code));
        if (!is_comparable(reference, it) || (other && !is_comparable(w, other)))
            continue;
        bool same = other && fingerprint(reference, it, &a) && fingerprint(w, other, &b) && a == b;
        if (!same)
            rebuild_differs(rb, what, it->code, other ? state_code(other->now.state) : "not there");
    }
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t x = (*seed += UINT64_C(0x9e3779b97f4a7c15)); // splitmix64
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static void shuffle(size_t *order, size_t n, uint64_t *seed)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)(next_random(seed) % i);
        size_t swap = order[k];
        order[k] = order[i - 1];
        order[i - 1] = swap;
    }
}

static int check_one_order(struct rebuild *rb, const struct world *reference, const size_t *order,
                           size_t number)
{
    struct world w;
    struct batch *b = NULL;
    int err = start_world(rb, &w);
    if (!err)
        err = batch_create(&w, &b);
    int code = err || !b ? rebuild_fail(err, NULL, "replay") : 0;
    for (size_t i = 0; i < rb->n_facts && code == 0; i++)
        code = replay_fact(b, &rb->facts[order[i]], NULL);
    if (code == 0)
        compare_items(rb, reference, &w, number);
    batch_destroy(b);
    world_done(&w);
    return code;
}

static int check_random_orders(struct rebuild *rb, const struct world *reference)
{
    size_t before = rb->differences;
    uint64_t seed = rb->seed;
    int code = 0;
    if (rb->orders == 0)
        return 0;
    size_t *order = calloc(rb->n_facts + 1, sizeof *order);
    if (!order)
        return rebuild_fail(ERR_NO_MEMORY, NULL, "replay");
    for (size_t i = 0; i < rb->n_facts; i++)
        order[i] = i;
    for (size_t i = 0; i < rb->orders && code == 0; i++) {
        shuffle(order, rb->n_facts, &seed);
        code = check_one_order(rb, reference, order, i);
    }
    free(order);
    if (code == 0)
        printf("%zu random orders: states and histories of items: %s\n", rb->orders,
               rb->differences > before ? "DIFFERENT" : "equal");
    return code;
}

// ---- the command

static int check(struct rebuild *rb)
{
    struct world w;
    int code = rebuild_begin(rb);
    if (code == 0)
        code = rebuild_read(rb);
    if (code)
        return code;
    int err = start_world(rb, &w);
    code = err ? rebuild_fail(err, NULL, "replay") : check_log_order(rb, &w);
    if (code == 0)
        code = check_random_orders(rb, &w);
    world_done(&w);
    if (code == 0 && rb->differences > 0)
        printf("%zu differences\n", rb->differences);
    return code ? code : rb->differences > 0 ? EXIT_NO : 0;
}

static bool parse_count(const char *text, size_t max, size_t *ret)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || n > max)
        return false;
    *ret = (size_t)n;
    return true;
}

static int parse(int argc, char **argv, struct rebuild *rb, const char **ret_config, bool *ret_check)
{
    static const struct option options[] = {{"check", no_argument, NULL, 'k'},
                                            {"orders", required_argument, NULL, 'o'},
                                            {"rows", required_argument, NULL, 'r'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    size_t seed = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool fine = c == 'k' || c == 'c' || (c == 'o' && parse_count(optarg, 100000, &rb->orders)) ||
                    (c == 'r' && parse_count(optarg, BATCH_ROWS_MAX, &rb->rows) && rb->rows > 0) ||
                    (c == 's' && parse_count(optarg, SIZE_MAX, &seed));
        if (c == 'h')
            return usage(stdout) - 1;
        if (!fine)
            return usage(stderr);
        *ret_check = *ret_check || c == 'k';
        *ret_config = c == 'c' ? optarg : *ret_config;
    }
    rb->seed = seed;
    return optind < argc || !*ret_check ? usage(stderr) : 0;
}

int correlate_rebuild(int argc, char **argv)
{
    struct rebuild rb = {.orders = 100, .rows = BATCH_ROWS_MAX};
    const char *config = NULL;
    bool asked = false;
    char error[512] = "";
    int code = parse(argc, argv, &rb, &config, &asked);
    if (code)
        return code < 0 ? 0 : code; // -1: the help was asked for
    if (conf_load(config, stderr))
        return EXIT_CONFIG;
    if (dbsync_open(conf_text("database", "url"), &rb.db, error, sizeof error) != ERR_OK) {
        (void)fprintf(stderr, "rebuild: %s\n", error);
        return EXIT_UNAVAILABLE;
    }
    code = check(&rb);
    rebuild_forget(&rb);
    dbsync_close(rb.db);
    return code;
}
