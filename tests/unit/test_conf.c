// SPDX-License-Identifier: EUPL-1.2
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/conf.h"
#include "base/conf_value.h"
#include "base/err.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/duongthu-conf-XXXXXX";
static char path[64];
static char told[8192]; // what the last load said

static void write_file(const char *text, size_t len)
{
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static void write_text(const char *text)
{
    write_file(text, strlen(text));
}

static int load(const char *file, int (*how)(const char *, FILE *))
{
    FILE *f = fmemopen(told, sizeof told, "w");
    assert_non_null(f);
    int err = how(file, f);
    (void)fclose(f);
    return err;
}

static int reload(const char *file, FILE *errors)
{
    (void)file;
    return conf_reload(errors);
}

static int load_text(const char *text)
{
    write_text(text);
    return load(path, conf_load);
}

static void the_file_wins_over_the_default(void **state)
{
    (void)state;
    assert_int_equal(load_text(""), ERR_OK);
    assert_int_equal(conf_int("ingest", "connections"), 2);
    assert_int_equal(
        load_text("\xEF\xBB\xBF# first\r\n[ingest]\r\n  connections\t= 3 \r\n\r\n; more\n[log]\nlevel=warn"),
        ERR_OK);
    assert_string_equal(told, "");
    assert_int_equal(conf_int("ingest", "connections"), 3);
    assert_string_equal(conf_text("log", "level"), "warn");
    assert_string_equal(conf_text("ingest", "listen"), "127.0.0.1:8080");
}

static void a_section_may_come_twice(void **state)
{
    (void)state;
    assert_int_equal(load_text("[ingest]\nbatch=7\n[log]\nlevel=debug\n[ingest]\nconnections=4\n"), ERR_OK);
    assert_int_equal(conf_int("ingest", "batch"), 7);
    assert_int_equal(conf_int("ingest", "connections"), 4);
}

static void the_environment_wins_over_the_file(void **state)
{
    (void)state;
    assert_int_equal(setenv("DUONGTHU_INGEST_CONNECTIONS", "5", 1), 0);
    assert_int_equal(setenv("DUONGTHU_CONFIG", path, 1), 0);
    write_text("[ingest]\nconnections=3\n");
    assert_int_equal(load(NULL, conf_load), ERR_OK);
    assert_int_equal(conf_int("ingest", "connections"), 5);
    assert_int_equal(unsetenv("DUONGTHU_INGEST_CONNECTIONS"), 0);
    assert_int_equal(load(NULL, conf_load), ERR_OK);
    assert_int_equal(conf_int("ingest", "connections"), 3);
    assert_int_equal(unsetenv("DUONGTHU_CONFIG"), 0);
}

// A text, and what the error must say after the file's name.
static const struct {
    const char *text, *says;
} mistakes[] = {
    {"[ingest]\nconnections = 5x\n", ":2: [ingest] connections = 5x: expected a whole number from 1 to 16\n"},
    {"[ingest]\nconnections = 0\n", ":2: [ingest] connections = 0: expected"},
    {"[ingest]\nconnections = 17\n", ":2: [ingest] connections = 17: expected"},
    {"[ingest]\nconnections = 99999999999999999999\n", ":2: [ingest] connections = 99999999999999999999: "},
    {"[ingest]\nconnections =\n", ":2: [ingest] connections = : expected"},
    {"[ingest]\nconnections = 3 # three\n", ":2: [ingest] connections = 3 # three: expected"},
    {"\n\n[ingest]\nlistn = x\n",
     ":4: unknown key 'listn' in [ingest]; did you mean 'listen'? There are: listen "},
    {"[ingest]\nzzzzzzzzzz = x\n", ":2: unknown key 'zzzzzzzzzz' in [ingest]. There are: listen "},
    {"[ingst]\nlisten = x\n", ":1: unknown section [ingst]; did you mean [ingest]? There are: [database] "},
    {"listen = x\n", ":1: 'listen' stands before the first [section]\n"},
    {"[ingest]\nbatch=1\n\nbatch=1\n", ":4: [ingest] batch was already given in line 2\n"},
    {"[ingest\n", ":1: a section is written [name], alone on its line\n"},
    {"[\n", ":1: a section is written"},
    {"[]\n", ":1: a section is written"},
    {"[ingest] x=1\n", ":1: a section is written"},
    {"[ingest]\nlisten\n", ":2: neither [section] nor name = value"},
    {"[ingest]\n= 5\n", ":2: neither [section] nor name = value"},
    {"[ingest]\nlisten = 127.0.0.1\n",
     ":2: [ingest] listen = 127.0.0.1: expected a numeric address and a port"},
    {"[log]\nlevel = loud\n", ":2: [log] level = loud: expected one of: debug, info, warn, error\n"},
    {"[safety]\nallow_unsafe_database = 1\n", "expected true, yes, false or no\n"},
    {"[sms]\nquiet_from = 24:00\n", "expected a time of day from 00:00 to 23:59\n"},
    {"[sms]\nhotline =\n", ":2: [sms] hotline = : expected text of 3 to 15 bytes\n"},
    {"[sms]\nsender = a\x01z\n", ":2: the line holds a control character\n"},
    {"[supervise]\nservices = sms sms\n", "expected each at most once, separated by blanks: ingest, "},
    {"[supervise]\nservices = sms,portal\n", "expected each at most once, separated by blanks: ingest, "},
};

static void each_mistake_gets_its_sentence_and_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(load_text("[ingest]\nbatch = 123\n"), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        assert_int_equal(load_text(mistakes[i].text), ERR_CONFIG);
        if (!strstr(told, mistakes[i].says))
            fail_msg("%s\n  said: %s  not: %s", mistakes[i].text, told, mistakes[i].says);
        if (!strchr(told, '\n') || strchr(told, '\n')[1])
            fail_msg("%s\n  is not one sentence: %s", mistakes[i].text, told);
        assert_int_equal(conf_int("ingest", "batch"), 123);
    }
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    assert_int_equal(load_text("[ingest]\nbatch = x\n[nothing]\na = 1\nb = 2\n[log]\nlevel = x\n"),
                     ERR_CONFIG);
    assert_non_null(strstr(told, ":2: "));
    assert_non_null(strstr(told, ":3: "));
    assert_null(strstr(told, ":4: ")); // keys below an unknown section are not told each
    assert_non_null(strstr(told, ":7: "));
}

static void a_nul_and_a_long_line_are_refused(void **state)
{
    (void)state;
    write_file("[ingest]\nbatch = 1\0\n", 20);
    assert_int_equal(load(path, conf_load), ERR_CONFIG);
    assert_non_null(strstr(told, ":2: the line holds a control character"));
    static char text[5000];
    memset(text, 'x', sizeof text);
    memcpy(text, "[database]\nurl = ", 17);
    write_file(text, sizeof text);
    assert_int_equal(load(path, conf_load), ERR_CONFIG);
    assert_non_null(strstr(told, ":2: the line is longer than 4096 bytes\n"));
    write_file(text, 17 + 1000); // a connection string of a kilobyte is fine
    assert_int_equal(load(path, conf_load), ERR_OK);
    assert_int_equal(strlen(conf_text("database", "url")), 1000);
}

static void secrets_are_not_told(void **state)
{
    (void)state;
    static char text[1200];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "[database]\nurl = hunter2", 24);
    write_file(text, sizeof text - 1);
    assert_int_equal(load(path, conf_load), ERR_CONFIG);
    assert_non_null(strstr(told, ":2: [database] url = (not shown): expected text of 0 to 1024 bytes"));
    assert_null(strstr(told, "hunter2"));
}

static void a_missing_file_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(load("/nonexistent/duongthu.ini", conf_load), ERR_CONFIG);
    assert_string_equal(
        told, "/nonexistent/duongthu.ini: cannot read the configuration: No such file or directory\n");
    assert_int_equal(load(folder, conf_load), ERR_CONFIG);
    assert_non_null(strstr(told, "Is a directory"));
}

static void a_huge_file_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(load("/dev/zero", conf_load), ERR_CONFIG);
    assert_non_null(strstr(told, "larger than 1 MiB"));
}

static void unknown_variables_are_errors(void **state)
{
    (void)state;
    write_text("");
    assert_int_equal(setenv("DUONGTHU_INGEST_LISTN", "x", 1), 0);
    assert_int_equal(load(path, conf_load), ERR_CONFIG);
    assert_non_null(strstr(told, "environment: unknown variable DUONGTHU_INGEST_LISTN; did you mean "
                                 "DUONGTHU_INGEST_LISTEN?"));
    assert_int_equal(unsetenv("DUONGTHU_INGEST_LISTN"), 0);
    assert_int_equal(setenv("DUONGTHU_INGEST_BATCH", "many", 1), 0);
    assert_int_equal(load(path, conf_load), ERR_CONFIG);
    assert_string_equal(told,
                        "environment: DUONGTHU_INGEST_BATCH=many: expected a whole number from 1 to 2000\n");
    assert_int_equal(unsetenv("DUONGTHU_INGEST_BATCH"), 0);
}

static void reload_takes_what_can_be_reloaded(void **state)
{
    (void)state;
    assert_int_equal(load_text("[log]\nlevel=info\n[ingest]\nbatch=5\n"), ERR_OK);
    const char *listen = conf_text("ingest", "listen");
    write_text("\n[log]\nlevel=debug\n[ingest]\nbatch=6\n");
    assert_int_equal(load(NULL, reload), ERR_OK);
    assert_string_equal(conf_text("log", "level"), "debug");
    assert_int_equal(conf_int("ingest", "batch"), 5);
    assert_string_equal(told, "[ingest] batch changed; it takes effect at a restart\n");
    assert_ptr_equal(conf_text("ingest", "listen"), listen);
    write_text("[log]\nlevel=loud\n");
    assert_int_equal(load(NULL, reload), ERR_CONFIG);
    assert_string_equal(conf_text("log", "level"), "debug");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(load(NULL, reload), ERR_CONFIG); // the file is gone: the old values stay
    assert_string_equal(conf_text("log", "level"), "debug");
}

static void print_can_be_read_back(void **state)
{
    (void)state;
    assert_int_equal(load_text("[ingest]\nbatch=9\n[database]\nurl=host=/x password=hunter2\n"), ERR_OK);
    static char printed[65536];
    FILE *f = fmemopen(printed, sizeof printed, "w");
    assert_non_null(f);
    conf_print(f);
    (void)fclose(f);
    assert_null(strstr(printed, "hunter2"));
    assert_non_null(strstr(printed, "# url is set and not shown\n"));
    char from[128];
    (void)snprintf(from, sizeof from, "# from %s:2\nbatch = 9\n", path);
    assert_non_null(strstr(printed, from));
    assert_int_equal(load_text(printed), ERR_OK);
    assert_int_equal(conf_int("ingest", "batch"), 9);
}

static const struct {
    struct conf_key key;
    const char *text;
    int64_t number; // INT64_MIN: must be refused
} numbers[] = {
#define MS(t, n)                                                                                             \
    {                                                                                                        \
        {"a", "b", CONF_MS, "", .min = -1000, .max = 864000000}, t, n                                        \
    }
    MS("250ms", 250),
    MS("15s", 15000),
    MS("15 s", 15000),
    MS("5min", 300000),
    MS("2h", 7200000),
    MS("10d", 864000000),
    MS("-1s", -1000),
    MS("11d", INT64_MIN),
    MS("15", INT64_MIN), // a bare number has no unit
    MS("15sec", INT64_MIN),
    MS("15  s", INT64_MIN),
    MS("s", INT64_MIN),
    MS("", INT64_MIN),
    MS("1.5s", INT64_MIN),
    MS("9223372036854775807d", INT64_MIN),
    MS("+5s", INT64_MIN),
    MS("-", INT64_MIN),
#define BYTES(t, n)                                                                                          \
    {                                                                                                        \
        {"a", "b", CONF_BYTES, "", .min = 0, .max = INT64_C(1) << 40}, t, n                                  \
    }
    BYTES("0", 0),
    BYTES("65536", 65536),
    BYTES("64KiB", 65536),
    BYTES("1MiB", 1048576),
    BYTES("2GiB", INT64_C(2147483648)),
    BYTES("64KB", INT64_MIN),
    BYTES("64 ", INT64_MIN),
    BYTES("-1", INT64_MIN),
#define INT(t, n)                                                                                            \
    {                                                                                                        \
        {"a", "b", CONF_INT, "", .min = -5, .max = 2000}, t, n                                               \
    }
    INT("-5", -5),
    INT("007", 7),
    INT("2001", INT64_MIN),
    INT("0x10", INT64_MIN),
    INT("1e3", INT64_MIN),
    INT("٣", INT64_MIN),
#define TIME(t, n)                                                                                           \
    {                                                                                                        \
        {"a", "b", CONF_TIME, "", .max = 0}, t, n                                                            \
    }
    TIME("00:00", 0),
    TIME("23:59", 1439),
    TIME("7:00", INT64_MIN),
    TIME("07:60", INT64_MIN),
    TIME("07.00", INT64_MIN),
    TIME("07:00:00", INT64_MIN),
    TIME("-1:00", INT64_MIN),
#define ADDR(t, n)                                                                                           \
    {                                                                                                        \
        {"a", "b", CONF_ADDR, "", .max = 0}, t, n                                                            \
    }
    ADDR("127.0.0.1:8080", 0),
    ADDR("0.0.0.0:0", 0),
    ADDR("[::1]:65535", 0),
    ADDR("[2001:db8::1]:80", 0),
    ADDR("::1:80", INT64_MIN),
    ADDR("[::1]", INT64_MIN),
    ADDR("[127.0.0.1]:80", INT64_MIN),
    ADDR("[]:80", INT64_MIN),
    ADDR("localhost:80", INT64_MIN), // a name may mean another machine tomorrow
    ADDR("127.0.0.1:", INT64_MIN),
    ADDR("127.0.0.1:65536", INT64_MIN),
    ADDR("127.0.0.1:8o80", INT64_MIN),
    ADDR("127.0.0.1:-1", INT64_MIN),
    ADDR("256.0.0.1:80", INT64_MIN),
    ADDR(":80", INT64_MIN),
    ADDR("]:80", INT64_MIN),
    ADDR("[:80", INT64_MIN),
    ADDR("", INT64_MIN),
#define BOOL(t, n)                                                                                           \
    {                                                                                                        \
        {"a", "b", CONF_BOOL, "", .max = 0}, t, n                                                            \
    }
    BOOL("true", 1),
    BOOL("yes", 1),
    BOOL("false", 0),
    BOOL("no", 0),
    BOOL("True", INT64_MIN),
    BOOL("1", INT64_MIN),
    BOOL("", INT64_MIN),
#define WORDS(t, n)                                                                                          \
    {                                                                                                        \
        {"a", "b", CONF_WORDS, "", .allowed = "sms|portal|p"}, t, n                                          \
    }
    WORDS("", 0),
    WORDS("  p\tsms ", 0),
    WORDS("portal p sms", 0),
    WORDS("port", INT64_MIN),
    WORDS("sms|portal", INT64_MIN),
    WORDS("p p", INT64_MIN),
#define PORTS(t, n)                                                                                          \
    {                                                                                                        \
        {"a", "b", CONF_PORTS, "", .max = 0}, t, n                                                           \
    }
    PORTS("", 0),
    PORTS("8443", 0),
    PORTS(" 1\t65535 ", 0),
    PORTS("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", 0),
    PORTS("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", INT64_MIN),
    PORTS("0", INT64_MIN),
    PORTS("65536", INT64_MIN),
    PORTS("008443", INT64_MIN),
    PORTS("-1", INT64_MIN),
    PORTS("8443,9443", INT64_MIN),
    PORTS("https", INT64_MIN),
#define CHOICE(t, n)                                                                                         \
    {                                                                                                        \
        {"a", "b", CONF_CHOICE, "", .allowed = "file|http-json"}, t, n                                       \
    }
    CHOICE("file", 0),
    CHOICE("http-json", 0),
    CHOICE("http", INT64_MIN),
    CHOICE("", INT64_MIN),
    CHOICE("file|http-json", INT64_MIN),
};

static void values_are_parsed_whole_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        int64_t n = INT64_MIN;
        int err = conf_value_parse(&numbers[i].key, numbers[i].text, strlen(numbers[i].text), &n);
        if (err != (numbers[i].number == INT64_MIN ? ERR_INVALID : ERR_OK))
            fail_msg("'%s' (row %zu): %s", numbers[i].text, i, err_name(err));
        if (!err)
            assert_int_equal(n, numbers[i].number);
    }
}

static void bounds_are_told_in_their_units(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    conf_value_allowed(&(struct conf_key){"a", "b", CONF_MS, "", .min = 0, .max = 90000}, &b);
    assert_string_equal(buf_str(&b), "a duration with its unit (ms, s, min, h, d) from 0ms to 90s");
    buf_reset(&b);
    conf_value_allowed(&(struct conf_key){"a", "b", CONF_BYTES, "", .min = 1, .max = 1048576}, &b);
    assert_string_equal(buf_str(&b), "a number of bytes (or with KiB, MiB, GiB) from 1 to 1MiB");
    buf_done(&b);
}

static void distance_counts_edits(void **state)
{
    (void)state;
    assert_int_equal(conf_distance("listen", 6, "listen", 6), 0);
    assert_int_equal(conf_distance("listen", 6, "listn", 5), 1);
    assert_int_equal(conf_distance("listen", 6, "", 0), 6);
    assert_int_equal(conf_distance("", 0, "ab", 2), 2);
    assert_int_equal(conf_distance("kitten", 6, "sitting", 7), 3);
    assert_true(conf_distance("a", 1,
                              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                              70) > 60);
}

// What the reader relies on: sections stand together, names are unique as variables too, defaults are valid.
static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *k = &conf_keys[i];
        int64_t n;
        if (conf_value_parse(k, k->initial, strlen(k->initial), &n))
            fail_msg("[%s] %s: its default is not allowed", k->section, k->name);
        assert_non_null(k->help);
        assert_true(k->help[0] && k->help[strlen(k->help) - 1] != '.');
        assert_true((k->allowed != NULL) == (k->type == CONF_CHOICE || k->type == CONF_WORDS));
        for (const char *c = k->name; *c; c++)
            assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
        bool left = false;
        for (size_t j = i + 1; j < conf_key_count; j++) {
            bool same_section = strcmp(conf_keys[j].section, k->section) == 0;
            left = left || !same_section;
            if (left && same_section)
                fail_msg("[%s] is in two places", k->section);
            char a[128], b[128];
            (void)snprintf(a, sizeof a, "%s_%s", k->section, k->name);
            (void)snprintf(b, sizeof b, "%s_%s", conf_keys[j].section, conf_keys[j].name);
            if (strcmp(a, b) == 0)
                fail_msg("%s is given twice", a);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    (void)snprintf(path, sizeof path, "%s/duongthu.ini", folder);
    return chdir(folder);
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_wins_over_the_default),
        cmocka_unit_test(a_section_may_come_twice),
        cmocka_unit_test(the_environment_wins_over_the_file),
        cmocka_unit_test(each_mistake_gets_its_sentence_and_changes_nothing),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(a_nul_and_a_long_line_are_refused),
        cmocka_unit_test(secrets_are_not_told),
        cmocka_unit_test(a_missing_file_is_an_error),
        cmocka_unit_test(a_huge_file_is_an_error),
        cmocka_unit_test(unknown_variables_are_errors),
        cmocka_unit_test(reload_takes_what_can_be_reloaded),
        cmocka_unit_test(print_can_be_read_back),
        cmocka_unit_test(values_are_parsed_whole_or_refused),
        cmocka_unit_test(bounds_are_told_in_their_units),
        cmocka_unit_test(distance_counts_edits),
        cmocka_unit_test(the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
