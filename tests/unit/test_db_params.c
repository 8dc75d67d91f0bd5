// SPDX-License-Identifier: EUPL-1.2
#include "base/err.h"
#include "io/db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T_BYTES(...) (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})

static void expect(const struct db_params *p, unsigned index, const unsigned char *bytes, size_t len)
{
    assert_int_equal(p->error, ERR_OK);
    assert_true(index < p->count);
    assert_int_equal(p->at[index].length, len);
    assert_memory_equal(p->bytes.data + p->at[index].offset, bytes, len);
}

static void test_scalars_are_big_endian(void **state)
{
    (void)state;
    struct db_params p;
    static const unsigned char id[16] = {0x01, 0x90, [15] = 0xFF};
    assert_int_equal(db_params_init(&p), ERR_OK);
    db_put_bool(&p, true);
    db_put_int2(&p, -2);
    db_put_int4(&p, 0x01020304);
    db_put_int8(&p, -1);
    db_put_text(&p, "đ", 2);
    db_put_cstr(&p, NULL);
    db_put_cstr(&p, "");
    db_put_bytea(&p, "\0\1", 2);
    db_put_uuid(&p, id);
    db_put_null(&p);
    assert_int_equal(p.count, 10);
    expect(&p, 0, T_BYTES(1));
    expect(&p, 1, T_BYTES(0xFF, 0xFE));
    expect(&p, 2, T_BYTES(1, 2, 3, 4));
    expect(&p, 3, T_BYTES(0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF));
    expect(&p, 4, T_BYTES(0xC4, 0x91));
    assert_int_equal(p.at[5].length, -1);
    assert_int_equal(p.at[6].length, 0);
    expect(&p, 7, T_BYTES(0, 1));
    expect(&p, 8, id, sizeof id);
    assert_int_equal(p.at[9].length, -1);
    db_params_done(&p);
}

static void test_times_count_from_2000(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms;
        int64_t pg_us;
    } rows[] = {
        {946684800000, 0},
        {946684800001, 1000},
        {946684799999, -1000},
        {0, -946684800000000},
        {1795219200123, 848534400123000},
        {-210866803200000, -211813488000000000}, // 4714-11-24 BC
        {9224318015999999, 9223371331199999000}, // the last millisecond of 294276
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct db_params p;
        assert_int_equal(db_params_init(&p), ERR_OK);
        db_put_time_ms(&p, rows[i].unix_ms);
        unsigned char bytes[8];
        for (int b = 0; b < 8; b++)
            bytes[b] = (unsigned char)((uint64_t)rows[i].pg_us >> (56 - 8 * b));
        expect(&p, 0, bytes, sizeof bytes);
        db_params_done(&p);
    }
}

static void test_times_beyond_postgres_are_refused(void **state)
{
    (void)state;
    static const int64_t rows[] = {INT64_MIN, -210866803200001, 9224318016000000, INT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct db_params p;
        assert_int_equal(db_params_init(&p), ERR_OK);
        db_put_time_ms(&p, rows[i]);
        assert_int_equal(p.error, ERR_INVALID);
        db_params_reset(&p);
        assert_int_equal(p.error, ERR_OK);
        db_open_array(&p, DB_TIMESTAMPTZ);
        db_item_time_ms(&p, rows[i]);
        db_close_array(&p);
        assert_int_equal(p.error, ERR_INVALID);
        db_params_done(&p);
    }
}

static void test_arrays(void **state)
{
    (void)state;
    struct db_params p;
    assert_int_equal(db_params_init(&p), ERR_OK);
    db_put_int4(&p, 7); // so that offsets are not zero
    db_open_array(&p, DB_INT2);
    db_item_int2(&p, 1);
    db_item_null(&p);
    db_close_array(&p);
    db_open_array(&p, DB_TEXT);
    db_close_array(&p);
    db_open_array(&p, DB_TEXT);
    db_item_text(&p, "ab", 2);
    db_item_text(&p, NULL, 0);
    db_close_array(&p);
    expect(&p, 1,
           T_BYTES(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1, // header
                   0, 0, 0, 2, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF));
    expect(&p, 2, T_BYTES(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25));
    expect(&p, 3,
           T_BYTES(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, // header
                   0, 0, 0, 2, 'a', 'b', 0, 0, 0, 0));
    db_params_done(&p);
}

static void test_an_empty_array_leaves_no_hole(void **state)
{
    (void)state;
    struct db_params p;
    assert_int_equal(db_params_init(&p), ERR_OK);
    db_open_array(&p, DB_UUID);
    db_close_array(&p);
    db_put_int2(&p, 3);
    expect(&p, 1, T_BYTES(0, 3));
    db_params_done(&p);
}

static void test_bounds(void **state)
{
    (void)state;
    struct db_params p;
    assert_int_equal(db_params_init(&p), ERR_OK);
    for (int i = 0; i < DB_PARAMS_MAX; i++)
        db_put_int2(&p, 1);
    assert_int_equal(p.error, ERR_OK);
    db_put_null(&p);
    assert_int_equal(p.error, ERR_TOO_BIG);

    static char big[16 << 20];
    db_params_reset(&p);
    db_put_bytea(&p, big, sizeof big);
    db_put_bytea(&p, big, sizeof big);
    assert_int_equal(p.error, ERR_OK); // 32 MiB
    db_put_bytea(&p, big, 1);
    assert_int_equal(p.error, ERR_TOO_BIG);
    db_put_int2(&p, 1); // sticky
    assert_int_equal(p.count, 2);

    db_params_reset(&p);
    db_open_array(&p, DB_BYTEA);
    db_item_bytea(&p, big, sizeof big);
    db_item_bytea(&p, big, sizeof big);
    db_close_array(&p);
    assert_int_equal(p.error, ERR_TOO_BIG); // the header counts
    db_params_done(&p);
}

static void test_transient_states(void **state)
{
    (void)state;
    static const char *const yes[] = {"08006", "25006", "40001", "40P01", "53100", "53300",
                                      "55P03", "57P01", "57P02", "57P03", "58030"};
    static const char *const no[] = {"",      "00000", "23505", "25001", "42P01",
                                     "55000", "57014", "DT001", "P0001"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(db_transient(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        assert_false(db_transient(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars_are_big_endian),
        cmocka_unit_test(test_times_count_from_2000),
        cmocka_unit_test(test_times_beyond_postgres_are_refused),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_an_empty_array_leaves_no_hole),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_transient_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
