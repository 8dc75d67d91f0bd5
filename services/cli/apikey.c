// SPDX-License-Identifier: EUPL-1.2
// `duongthu apikey`: the keys of the office API. A key is "<key id>.<secret>" and acts for units and all
// units below them. The secret is printed once, at creation; the database keeps its SHA-256.
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/command.h"
#include "domain/text.h"
#include "domain/unit.h"
#include "io/crypto.h"
#include "io/dbsync.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define UNITS_MAX    64
#define LABEL_MAX    120 // bytes
#define KEY_ID_BYTES 8   // "ak_" and 16 hex digits
#define SECRET_BYTES 32
#define SECRET_TEXT  44 // base64url without padding, and NUL
#define LIST_MAX     ((size_t)4 << 20)
#define SENTENCE_MAX 512

struct apikey {
    const char *config, *label, *id;
    bool json;
    struct unit_id units[UNITS_MAX];
    size_t unit_count;
    struct dbsync *db;
};

static int usage(FILE *to)
{
    (void)fputs("usage: duongthu apikey create --unit UNIT [--unit UNIT…] [--label TEXT]\n"
                "       duongthu apikey list [--json]\n"
                "       duongthu apikey revoke KEY_ID\n\n"
                "A key acts for its units and all units below them: H48 covers H48.16. `create` prints the "
                "key once;\n"
                "it cannot be shown again. A revoked key is refused from the next request on.\n\n"
                "  --config FILE   where [database] url is set\n",
                to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int fail(int err, const char *sentence)
{
    (void)fprintf(stderr, "apikey: %s\n", sentence);
    return err == ERR_DB_DOWN || err == ERR_DB_LOST ? EXIT_UNAVAILABLE : EXIT_NO;
}

static int open_database(struct apikey *a)
{
    char error[SENTENCE_MAX] = "";
    if (conf_load(a->config, stderr))
        return EXIT_CONFIG;
    const char *url = conf_text("database", "url");
    if (!url[0]) {
        (void)fputs("apikey: no database: set [database] url\n", stderr);
        return EXIT_CONFIG;
    }
    int err = dbsync_open(url, &a->db, error, sizeof(error));
    return err == ERR_OK ? 0 : fail(err, error);
}

static int query(struct apikey *a, const char *sql, struct db_params *p, const struct db_result **ret_r)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(a->db, sql, p, &r);
    db_params_done(p);
    if (err != ERR_OK)
        return fail(err, err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    *ret_r = r;
    return 0;
}

// ---- create

static int add_unit(struct apikey *a, const char *text)
{
    char clean[128];
    size_t len = 0;
    struct unit_id unit, other;
    enum code_fault fault = text_normalise(text, strlen(text), TEXT_CODE, clean, sizeof(clean), &len);
    if (fault == FAULT_OK)
        fault = unit_id_parse(clean, len, &unit);
    if (fault != FAULT_OK) {
        (void)fprintf(stderr, "apikey: '%s' is no unit code, such as H48.16\n", text);
        return EXIT_NO;
    }
    if (a->unit_count == UNITS_MAX) {
        (void)fprintf(stderr, "apikey: a key acts for %d units at most\n", UNITS_MAX);
        return EXIT_NO;
    }
    // Keys are compared in the form of QĐ 20/2020/QĐ-TTg.
    a->units[a->unit_count++] = unit.form == UNIT_OLD && unit_id_convert(&unit, &other) ? other : unit;
    return 0;
}

static int create(struct apikey *a)
{
    unsigned char id_bytes[KEY_ID_BYTES], secret[SECRET_BYTES], hash[SHA256_LEN];
    char id[3 + 2 * KEY_ID_BYTES + 1] = "ak_", text[SECRET_TEXT];
    struct db_params p;
    const struct db_result *r;
    random_bytes(id_bytes, sizeof(id_bytes));
    random_bytes(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(id_bytes); i++)
        (void)snprintf(id + 3 + 2 * i, 3, "%02x", id_bytes[i]);
    text[crypto_base64url(secret, sizeof(secret), text)] = '\0';
    crypto_sha256(text, strlen(text), hash);
    if (db_params_init(&p) != ERR_OK)
        return fail(ERR_NO_MEMORY, "out of memory");
    db_put_cstr(&p, id);
    db_put_bytea(&p, hash, sizeof(hash));
    db_open_array(&p, DB_TEXT);
    for (size_t i = 0; i < a->unit_count; i++)
        db_item_text(&p, a->units[i].text, a->units[i].len);
    db_close_array(&p);
    db_put_cstr(&p, a->label);
    int code = query(a,
                     "insert into dt.api_key (key_id, secret_hash, units, label) "
                     "values ($1::text, $2::bytea, $3::text[], $4::text) returning key_id",
                     &p, &r);
    // Only now: what is printed must work.
    if (code == 0 && (printf("%s.%s\n", id, text) < 0 || fflush(stdout) != 0))
        code = fail(ERR_IO, "the key was made but could not be printed; revoke it");
    crypto_wipe(secret, sizeof(secret));
    crypto_wipe(text, sizeof(text));
    return code;
}

// ---- list

static void print_json(const struct db_result *r, struct buf *out)
{
    struct jout j;
    char text[1024];
    for (int row = 0; row < db_rows(r); row++) {
        jout_init(&j, out);
        jout_open_object(&j, NULL);
        db_copy_text(r, row, 0, text, sizeof(text));
        jout_string(&j, "key_id", text);
        size_t len;
        const char *units = db_bytes(r, row, 6, &len);
        jout_raw(&j, "units", units, len);
        db_copy_text(r, row, 2, text, sizeof(text));
        jout_string(&j, "label", text);
        jout_time(&j, "created_at", db_time_ms(r, row, 3));
        if (db_null(r, row, 4))
            jout_null(&j, "revoked_at");
        else
            jout_time(&j, "revoked_at", db_time_ms(r, row, 4));
        jout_close_object(&j);
        buf_putc(out, '\n');
    }
}

static void print_table(const struct db_result *r, struct buf *out)
{
    char id[64], units[256], label[LABEL_MAX + 1], made[32];
    buf_printf(out, "%-20s  %-10s  %-8s  %-24s  %s\n", "KEY", "MADE", "STATE", "UNITS", "LABEL");
    for (int row = 0; row < db_rows(r); row++) {
        db_copy_text(r, row, 0, id, sizeof(id));
        db_copy_text(r, row, 1, units, sizeof(units));
        db_copy_text(r, row, 2, label, sizeof(label));
        db_copy_text(r, row, 5, made, sizeof(made));
        buf_printf(out, "%-20s  %-10s  %-8s  %-24s  %s\n", id, made,
                   db_null(r, row, 4) ? "active" : "revoked", units, label);
    }
}

static int list(struct apikey *a)
{
    struct db_params p;
    struct buf out;
    const struct db_result *r;
    if (db_params_init(&p) != ERR_OK)
        return fail(ERR_NO_MEMORY, "out of memory");
    int code = query(
        a,
        "select key_id, array_to_string(units, ' '), label, created_at, revoked_at, "
        "to_char(created_at, 'YYYY-MM-DD'), to_json(units)::text from dt.api_key order by created_at, key_id",
        &p, &r);
    if (code)
        return code;
    buf_init(&out, LIST_MAX);
    if (a->json)
        print_json(r, &out);
    else
        print_table(r, &out);
    int err = buf_error(&out);
    if (err == ERR_OK && (fputs(buf_str(&out), stdout) < 0 || fflush(stdout) != 0))
        err = ERR_IO;
    buf_done(&out);
    return err == ERR_OK ? 0 : fail(err, "the list could not be printed");
}

// ---- revoke

static int revoke_key(struct apikey *a)
{
    struct db_params p;
    const struct db_result *r;
    if (db_params_init(&p) != ERR_OK)
        return fail(ERR_NO_MEMORY, "out of memory");
    db_put_cstr(&p, a->id);
    int code = query(a,
                     "update dt.api_key set revoked_at = coalesce(revoked_at, statement_timestamp()) "
                     "where key_id = $1::text returning key_id",
                     &p, &r);
    if (code)
        return code;
    if (db_rows(r) == 0)
        return fail(ERR_NOT_FOUND, "there is no key of this id");
    return printf("revoked %s\n", a->id) < 0 ? EXIT_NO : 0;
}

// ---- the command

static int parse_options(struct apikey *a, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"unit", required_argument, NULL, 'u'},
        {"label", required_argument, NULL, 'l'},  {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int code = 0;
        switch (c) {
        case 'c':
            a->config = optarg;
            break;
        case 'u':
            code = add_unit(a, optarg);
            break;
        case 'l':
            a->label = optarg;
            break;
        case 'j':
            a->json = true;
            break;
        case 'h':
            (void)usage(stdout);
            return -1;
        default:
            return usage(stderr);
        }
        if (code)
            return code;
    }
    if (strlen(a->label) > LABEL_MAX) {
        (void)fprintf(stderr, "apikey: the label is longer than %d bytes\n", LABEL_MAX);
        return EXIT_NO;
    }
    return 0;
}

int command_apikey(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct apikey *a);
        int arguments;
    } verbs[] = {{"create", create, 0}, {"list", list, 0}, {"revoke", revoke_key, 1}};
    struct apikey a = {.label = ""};
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    size_t verb = 0;
    while (verb < ARRAY_LEN(verbs) && (argc < 2 || strcmp(argv[1], verbs[verb].name) != 0))
        verb++;
    if (verb == ARRAY_LEN(verbs))
        return usage(stderr);
    int code = parse_options(&a, argc - 1, argv + 1);
    if (code)
        return code < 0 ? 0 : code;
    // optind counts from the verb
    if (argc - 1 - optind != verbs[verb].arguments || (verbs[verb].run == create) != (a.unit_count > 0))
        return usage(stderr);
    if (verbs[verb].arguments == 1)
        a.id = argv[1 + optind];
    code = open_database(&a);
    if (code == 0)
        code = verbs[verb].run(&a);
    dbsync_close(a.db);
    return code;
}
