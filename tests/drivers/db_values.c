// SPDX-License-Identifier: EUPL-1.2
// Values through PostgreSQL and back: db_values CONNINFO. What goes out as a binary parameter is compared by
// the server with the value as SQL text, and read back. Prints each difference; exit code 1 if there was one.
#include "base/attr.h"
#include "base/check.h"
#include "base/err.h"
#include "io/dbsync.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static struct dbsync *db;
static unsigned checks, differences;

static void check(bool same, const char *what)
{
    checks++;
    if (same)
        return;
    differences++;
    printf("differs: %s\n", what);
}

static const struct db_result *ask(const char *sql, const struct db_params *p)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(db, sql, p, &r);
    if (err) {
        printf("%s: %s %s\n", sql, err_name(err), err == ERR_DB_REFUSED ? db_message(r) : "");
        CHECK(err == ERR_OK);
    }
    return r;
}

// sql: one statement with $1, giving (is it equal to the text, the value again)
static const struct db_result *echo(struct db_params *p, const char *type, const char *text)
{
    char sql[300];
    (void)snprintf(sql, sizeof sql, "select $1::%s is not distinct from %s::%s, $1::%s", type, text, type,
                   type);
    const struct db_result *r = ask(sql, p);
    check(db_rows(r) == 1 && db_bool(r, 0, 0), sql);
    return r;
}

static void integers(void)
{
    static const int64_t values[] = {0,         1,         -1,         INT16_MIN, INT16_MAX, INT32_MIN,
                                     INT32_MAX, INT64_MAX, -INT64_MAX, 256,       -257};
    struct db_params p;
    CHECK(db_params_init(&p) == ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        char text[40];
        (void)snprintf(text, sizeof text, "'%" PRId64 "'", values[i]);
        db_params_reset(&p);
        db_put_int8(&p, values[i]);
        check(db_int(echo(&p, "int8", text), 0, 1) == values[i], text);
        if (values[i] >= INT32_MIN && values[i] <= INT32_MAX) {
            db_params_reset(&p);
            db_put_int4(&p, (int32_t)values[i]);
            check(db_int(echo(&p, "int4", text), 0, 1) == values[i], text);
        }
        if (values[i] >= INT16_MIN && values[i] <= INT16_MAX) {
            db_params_reset(&p);
            db_put_int2(&p, (int16_t)values[i]);
            check(db_int(echo(&p, "int2", text), 0, 1) == values[i], text);
        }
    }
    db_params_reset(&p);
    db_put_bool(&p, true);
    check(db_bool(echo(&p, "bool", "'true'"), 0, 1), "true");
    db_params_reset(&p);
    db_put_bool(&p, false);
    check(!db_bool(echo(&p, "bool", "'false'"), 0, 1), "false");
    db_params_done(&p);
}

static void times(void)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "'1970-01-01 00:00:00Z'"},
        {-1, "'1969-12-31 23:59:59.999Z'"},
        {946684799999, "'1999-12-31 23:59:59.999Z'"},
        {946684800000, "'2000-01-01 00:00:00Z'"},
        {1795226400123, "'2026-11-21 09:00:00.123+07'"},
        {-210866803200000, "'4714-11-24 00:00:00Z BC'"},
        {9224318015999999, "'294276-12-31 23:59:59.999Z'"},
    };
    struct db_params p;
    CHECK(db_params_init(&p) == ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        db_params_reset(&p);
        db_put_time_ms(&p, rows[i].ms);
        check(db_time_ms(echo(&p, "timestamptz", rows[i].text), 0, 1) == rows[i].ms, rows[i].text);
    }
    // Microseconds are cut towards the past on both sides of 1970 and 2000.
    check(db_time_ms(ask("select '2026-11-21 00:00:00.000999Z'::timestamptz", NULL), 0, 0) == 1795219200000,
          "us");
    check(db_time_ms(ask("select '1999-12-31 23:59:59.9991Z'::timestamptz", NULL), 0, 0) == 946684799999,
          "us");
    db_params_done(&p);
}

static void bytes(void)
{
    static const char viet[] = "Đường Thư – bưu chính công ích";
    static const unsigned char id[16] = {0x01, 0x93, 0x4C, 0xA0, 0x9E, 0x00, 0x7F, 0xFF,
                                         0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01};
    struct db_params p;
    size_t len;
    CHECK(db_params_init(&p) == ERR_OK);
    db_put_text(&p, viet, strlen(viet));
    const struct db_result *r = echo(&p, "text", "'Đường Thư – bưu chính công ích'");
    const char *at = db_bytes(r, 0, 1, &len);
    check(len == strlen(viet) && memcmp(at, viet, len) == 0, "text");
    char cut[7];
    db_copy_text(r, 0, 1, cut, sizeof cut);
    check(strcmp(cut, "Đư") == 0, "a cut between characters"); // 6 bytes would end inside "ờ"
    db_params_reset(&p);
    db_put_uuid(&p, id);
    at = db_bytes(echo(&p, "uuid", "'01934ca0-9e00-7fff-8000-000000000001'"), 0, 1, &len);
    check(len == 16 && memcmp(at, id, 16) == 0, "uuid");
    db_params_reset(&p);
    db_put_bytea(&p, "\0\xFF\0", 3);
    at = db_bytes(echo(&p, "bytea", "'\\x00ff00'"), 0, 1, &len);
    check(len == 3 && memcmp(at, "\0\xFF\0", 3) == 0, "bytea");
    db_params_reset(&p);
    db_put_bytea(&p, NULL, 0);
    at = db_bytes(echo(&p, "bytea", "''"), 0, 1, &len);
    check(at && len == 0 && !db_null(echo(&p, "bytea", "''"), 0, 1), "empty is not NULL");
    db_params_reset(&p);
    db_put_null(&p);
    r = echo(&p, "bytea", "null");
    at = db_bytes(r, 0, 1, &len);
    check(!at && len == 0 && db_null(r, 0, 1), "NULL");
    db_copy_text(r, 0, 1, cut, sizeof cut);
    check(cut[0] == '\0', "NULL as text");
    db_params_reset(&p);
    static const char json[] = "{\"mã\": [1, null]}";
    db_put_text(&p, json, strlen(json));
    check(db_bool(ask("select $1::json::text = '{\"mã\": [1, null]}'", &p), 0, 0), "json");
    check(db_bool(ask("select $1::text::jsonb = '{\"mã\": [1, null]}'", &p), 0, 0), "jsonb by text");
    db_params_done(&p);
}

static void arrays(void)
{
    static const unsigned char id[16] = {0xAB};
    struct db_params p;
    CHECK(db_params_init(&p) == ERR_OK);
    db_open_array(&p, DB_INT8);
    db_item_int8(&p, INT64_MIN);
    db_item_null(&p);
    db_item_int8(&p, 7);
    db_close_array(&p);
    (void)echo(&p, "int8[]", "'{-9223372036854775808,NULL,7}'");
    db_params_reset(&p);
    db_open_array(&p, DB_INT4);
    db_item_int4(&p, -5);
    db_close_array(&p);
    (void)echo(&p, "int4[]", "'{-5}'");
    db_params_reset(&p);
    db_open_array(&p, DB_INT2);
    db_close_array(&p);
    (void)echo(&p, "int2[]", "'{}'");
    db_params_reset(&p);
    db_open_array(&p, DB_BOOL);
    db_item_bool(&p, true);
    db_item_bool(&p, false);
    db_close_array(&p);
    (void)echo(&p, "bool[]", "'{t,f}'");
    db_params_reset(&p);
    db_open_array(&p, DB_TEXT);
    db_item_text(&p, "a,\"{}", 5);
    db_item_text(&p, NULL, 0);
    db_item_text(&p, "NULL", 4);
    db_close_array(&p);
    (void)echo(&p, "text[]", "array['a,\"{}','','NULL']");
    db_params_reset(&p);
    db_open_array(&p, DB_BYTEA);
    db_item_bytea(&p, "\0\1", 2);
    db_close_array(&p);
    (void)echo(&p, "bytea[]", "array['\\x0001'::bytea]");
    db_params_reset(&p);
    db_open_array(&p, DB_UUID);
    db_item_uuid(&p, id);
    db_close_array(&p);
    (void)echo(&p, "uuid[]", "array['ab000000-0000-0000-0000-000000000000']");
    db_params_reset(&p);
    db_open_array(&p, DB_TIMESTAMPTZ);
    db_item_time_ms(&p, 1795219200123);
    db_close_array(&p);
    (void)echo(&p, "timestamptz[]", "array['2026-11-21 00:00:00.123Z']");
    db_params_reset(&p);
    db_open_array(&p, DB_INT4);
    for (int32_t i = 1; i <= 100000; i++)
        db_item_int4(&p, i);
    db_close_array(&p);
    check(db_int(ask("select sum(v) from unnest($1::int4[]) v", &p), 0, 0) == 5000050000, "100,000 elements");
    db_params_done(&p);
}

static void read_arrays(void)
{
    const struct db_result *r = ask("select '{-1,32767}'::int2[], '{}'::int4[], '{-7}'::int4[],"
                                    " '{1,-9223372036854775808,3}'::int8[], null::int8[]",
                                    NULL);
    static const size_t lengths[] = {2, 0, 1, 3, 0};
    for (int col = 0; col < 5; col++)
        check(db_array_length(r, 0, col) == lengths[col], "array length");
    check(db_array_int(r, 0, 0, 0) == -1 && db_array_int(r, 0, 0, 1) == 32767, "int2[]");
    check(db_array_int(r, 0, 2, 0) == -7, "int4[]");
    check(db_array_int(r, 0, 3, 1) == INT64_MIN && db_array_int(r, 0, 3, 2) == 3, "int8[]");
    check(db_null(r, 0, 4) && !db_null(r, 0, 1), "an empty array is not NULL");
}

static void refusals(void)
{
    const struct db_result *r = NULL;
    struct db_params p;
    CHECK(db_params_init(&p) == ERR_OK);
    db_put_text(&p, "a\0b", 3);
    check(dbsync_query(db, "select $1::text", &p, &r) == ERR_DB_REFUSED &&
              strcmp(db_sqlstate(r), "22021") == 0,
          "a NUL in a text");
    db_params_reset(&p);
    db_put_text(&p, "\xC4", 1);
    check(dbsync_query(db, "select $1::text", &p, &r) == ERR_DB_REFUSED &&
              strcmp(db_sqlstate(r), "22021") == 0,
          "half a character");
    db_params_reset(&p);
    db_put_int4(&p, 1);
    check(dbsync_query(db, "select $1::int8", &p, &r) == ERR_DB_REFUSED &&
              strcmp(db_sqlstate(r), "08P01") == 0,
          "another width");
    db_params_reset(&p);
    db_put_time_ms(&p, INT64_MAX);
    check(dbsync_query(db, "select $1::timestamptz", &p, &r) == ERR_INVALID, "a time without end");
    db_params_done(&p);
    char error[200];
    check(dbsync_script(db, "select 1;\n-- đường\nselect nothing;", error, sizeof error) == ERR_DB_REFUSED &&
              strncmp(error, "line 3: ", 8) == 0,
          error);
    check(dbsync_script(db, "", error, sizeof error) == ERR_OK && error[0] == '\0', "an empty script");
}

int main(int argc, char **argv)
{
    char error[200];
    CHECK(argc == 2);
    if (dbsync_open(argv[1], &db, error, sizeof error)) {
        printf("%s\n", error);
        return 1;
    }
    integers();
    times();
    bytes();
    arrays();
    read_arrays();
    refusals();
    dbsync_close(db);
    printf("%u checks, %u differences\n", checks, differences);
    return differences > 0;
}
