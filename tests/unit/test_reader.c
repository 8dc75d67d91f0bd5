// SPDX-License-Identifier: EUPL-1.2
// The page behind a batch is read while that is written; nothing is read twice, nothing is taken for what
// was not asked, and the end of the log is never an old one. The database is this file: a log of one lane.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/err.h"
#include "correlate/reader.h"

// ---- the database

static struct {
    int64_t end;             // positions 1 … end are there
    struct db_query *flight; // the statement under way
    unsigned asked;          // statements so far
    int64_t after, limit;    // of the last one
} server;

static int64_t get_be(const struct db_params *p, unsigned i)
{
    const unsigned char *bytes = (const unsigned char *)p->bytes.data + p->at[i].offset;
    int64_t n = 0;
    for (int k = 0; k < p->at[i].length; k++)
        n = (n << 8) | bytes[k];
    return n;
}

int db_submit(struct db *db, struct db_query *q)
{
    (void)db;
    assert_null(server.flight);
    server.flight = q;
    server.asked++;
    server.after = get_be(&q->params, 1);
    server.limit = get_be(&q->params, 2);
    return ERR_OK;
}

struct db_result {
    int64_t first;
    int rows;
};

int db_rows(const struct db_result *r)
{
    return r->rows;
}

int64_t db_int(const struct db_result *r, int row, int col)
{
    return col == 0 ? r->first + row : 1;
}

int64_t db_time_ms(const struct db_result *r, int row, int col)
{
    (void)col;
    return r->first + row;
}

const char *db_bytes(const struct db_result *r, int row, int col, size_t *ret_len)
{
    (void)r;
    (void)row;
    (void)col;
    *ret_len = 7;
    return "not one";
}

// What the loader asks of results, which has nothing to do here.
bool db_null(const struct db_result *r, int row, int col)
{
    (void)r;
    (void)row;
    (void)col;
    return true;
}

bool db_bool(const struct db_result *r, int row, int col)
{
    (void)r;
    (void)row;
    (void)col;
    return false;
}

void db_copy_text(const struct db_result *r, int row, int col, char *out, size_t cap)
{
    (void)r;
    (void)row;
    (void)col;
    (void)cap;
    out[0] = '\0';
}

// The statement under way comes to its end and sees the log as it is now.
static void answer(int err)
{
    struct db_query *q = server.flight;
    assert_non_null(q);
    int64_t left = server.end > server.after ? server.end - server.after : 0;
    struct db_result r = {server.after + 1, (int)(left < server.limit ? left : server.limit)};
    server.flight = NULL;
    q->done(q, err, err ? NULL : &r);
}

// ---- the owner

static struct {
    struct load *load;
    struct reader *reader;
    unsigned done;
    int err;
} t;

static void on_done(void *owner, int err, const struct db_result *res)
{
    (void)owner;
    (void)res;
    t.done++;
    t.err = err;
}

static int set_up(void **state)
{
    (void)state;
    memset(&server, 0, sizeof server);
    memset(&t, 0, sizeof t);
    server.end = 100;
    if (load_create(NULL, &t.load) != ERR_OK)
        return -1;
    return reader_create(NULL, 0, t.load, on_done, NULL, &t.reader) == ERR_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    while (server.flight)
        answer(ERR_DB_LOST);
    reader_destroy(t.reader);
    load_destroy(t.load);
    return 0;
}

static void assert_page(int64_t first, size_t n)
{
    size_t found;
    const struct batch_fact *facts = reader_facts(t.reader, &found);
    assert_int_equal(found, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(facts[i].pos, first + (int64_t)i);
        assert_int_equal(facts[i].body_len, 7);
        assert_memory_equal(facts[i].body, "not one", 7);
        assert_int_equal(load_needs(t.load, i)->error != FACT_OK, true);
    }
}

// Positions after + 1 … after + 10, at once or by a statement.
static void read_page(int64_t after)
{
    unsigned done = t.done;
    assert_int_equal(reader_read(t.reader, 0, after, 10), ERR_OK);
    answer(ERR_OK);
    assert_int_equal(t.done, done + 1);
    assert_int_equal(t.err, ERR_OK);
    assert_page(after + 1, 10);
}

static void a_page_is_read_ahead_once(void **state)
{
    (void)state;
    read_page(0);
    reader_read_ahead(t.reader, 0, 10, 10);
    assert_true(reader_busy(t.reader));
    answer(ERR_OK);
    assert_int_equal(t.done, 1); // nobody waits
    size_t n;
    assert_int_equal(reader_facts(t.reader, &n)[0].pos, 1); // the batch being written keeps its page
    assert_int_equal(reader_read(t.reader, 0, 10, 10), READER_HERE);
    assert_page(11, 10);
    assert_int_equal(server.asked, 2);
    read_page(20); // what is behind it was not read ahead
}

static void a_page_under_way_is_waited_for(void **state)
{
    (void)state;
    read_page(0);
    reader_read_ahead(t.reader, 0, 10, 10);
    assert_int_equal(reader_read(t.reader, 0, 10, 10), ERR_OK);
    answer(ERR_OK);
    assert_int_equal(t.done, 2);
    assert_page(11, 10);
    assert_int_equal(server.asked, 2);
}

static void a_smaller_batch_takes_part_of_the_page(void **state)
{
    (void)state;
    read_page(0);
    reader_read_ahead(t.reader, 0, 10, 10);
    answer(ERR_OK);
    assert_int_equal(reader_read(t.reader, 0, 10, 3), READER_HERE);
    assert_page(11, 3);
}

// The last fact was appended after the look ahead and before the owner asked: no wake-up tells of it any
// more.
static void an_end_seen_ahead_is_looked_at_again(void **state)
{
    (void)state;
    server.end = 10;
    read_page(0);
    reader_read_ahead(t.reader, 0, 10, 10);
    answer(ERR_OK);
    server.end = 12;
    assert_int_equal(reader_read(t.reader, 0, 10, 10), ERR_OK);
    answer(ERR_OK);
    assert_page(11, 2);

    reader_read_ahead(t.reader, 0, 12, 10);
    assert_int_equal(reader_read(t.reader, 0, 12, 10), ERR_OK);
    answer(ERR_OK); // of the look ahead
    assert_int_equal(t.done, 2);
    server.end = 13;
    answer(ERR_OK);
    assert_int_equal(t.done, 3);
    assert_page(13, 1);
}

static void another_place_is_read_anew(void **state)
{
    (void)state;
    read_page(0);
    reader_read_ahead(t.reader, 0, 10, 10);
    answer(ERR_OK);
    read_page(5);
    reader_read_ahead(t.reader, 0, 15, 10);
    assert_int_equal(reader_read(t.reader, 0, 40, 10), ERR_OK); // the statement comes to its end first
    answer(ERR_OK);
    assert_int_equal(server.after, 40);
    answer(ERR_OK);
    assert_int_equal(t.done, 3);
    assert_page(41, 10);
}

static void another_lane_is_read_anew(void **state)
{
    (void)state;
    reader_read_ahead(t.reader, 0, 10, 10);
    answer(ERR_OK);
    assert_int_equal(reader_read(t.reader, 1, 10, 10), ERR_OK);
    answer(ERR_OK);
    size_t n;
    assert_int_equal(reader_facts(t.reader, &n)[0].lane, 1);
}

static void what_is_forgotten_is_read_anew(void **state)
{
    (void)state;
    reader_read_ahead(t.reader, 0, 10, 10);
    answer(ERR_OK);
    reader_forget(t.reader);
    read_page(10);
    reader_read_ahead(t.reader, 0, 20, 10);
    reader_forget(t.reader);
    assert_int_equal(reader_read(t.reader, 0, 20, 10), ERR_OK);
    answer(ERR_OK);
    assert_int_equal(t.done, 1); // it was of a database that may be gone
    answer(ERR_OK);
    assert_int_equal(t.done, 2);
    assert_page(21, 10);
}

static void a_failure_is_told_to_who_waits(void **state)
{
    (void)state;
    reader_read_ahead(t.reader, 0, 0, 10);
    answer(ERR_DB_LOST);
    assert_int_equal(t.done, 0);
    assert_int_equal(reader_read(t.reader, 0, 0, 10), ERR_OK);
    answer(ERR_DB_LOST);
    assert_int_equal(t.done, 1);
    assert_int_equal(t.err, ERR_DB_LOST);
    assert_false(reader_busy(t.reader));
    t.done = 0;
    read_page(0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_is_read_ahead_once),
        TEST(a_page_under_way_is_waited_for),
        TEST(a_smaller_batch_takes_part_of_the_page),
        TEST(an_end_seen_ahead_is_looked_at_again),
        TEST(another_place_is_read_anew),
        TEST(another_lane_is_read_anew),
        TEST(what_is_forgotten_is_read_anew),
        TEST(a_failure_is_told_to_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
