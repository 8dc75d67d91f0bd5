// SPDX-License-Identifier: EUPL-1.2
// The verbs of every registered kind: add, import, list. Kinds are in register_kinds.c.
#include "cli/register.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/csv.h"
#include "cli/progress.h"
#include "domain/event.h"
#include "domain/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULTS_SHOWN 50
#define FACTS_A_CALL 50000
#define OUTPUT_MAX   (16 << 20) // bytes of lines that a kind prints

struct entry {
    int16_t kind;
    char *code; // may be NULL
    char *body;
    size_t len;
    int64_t at_ms;
};
struct register_facts {
    struct entry *entries;
    size_t count, room;
};

// ---- the run

int register_exec(struct register_run *run, const char *sql, const char *const *values, size_t count)
{
    struct db_params p;
    const struct db_result *r;
    int err = db_params_init(&p);
    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < count; i++)
        db_put_cstr(&p, values[i] && values[i][0] ? values[i] : NULL);
    err = dbsync_query(run->db, sql, &p, &r);
    if (err != ERR_OK)
        snprintf(run->why, sizeof run->why, "%s", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    db_params_done(&p);
    return err;
}

// The row owns its values. The analyzer loses sight of an element whose index is known only at run time.
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
static void free_value(char **value)
{
    if (*value)
        explicit_bzero(*value, strlen(*value)); // it may be a person's
    free(*value);
    *value = NULL;
}

bool register_set(struct register_row *row, unsigned column, const char *value)
{
    char *copy = column < REGISTER_COLUMNS_MAX ? strdup(value) : NULL;
    if (!copy)
        return false;
    free_value(&row->value[column]);
    row->value[column] = copy;
    return true;
}
// NOLINTEND(clang-analyzer-unix.Malloc)

static void free_row(struct register_row *row)
{
    for (unsigned i = 0; i < REGISTER_COLUMNS_MAX; i++)
        free_value(&row->value[i]);
}

// ---- facts

int register_fact(struct register_run *run, int16_t kind, const char *code, const char *body, size_t len)
{
    struct register_facts *f = run->facts;
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 64;
        struct entry *entries = reallocarray(f->entries, room, sizeof *entries);
        if (!entries)
            return ERR_NO_MEMORY;
        f->entries = entries;
        f->room = room;
    }
    struct entry *e = &f->entries[f->count];
    *e = (struct entry){kind, code ? strdup(code) : NULL, strndup(body, len), len, clock_wall_ms()};
    f->count++;
    return (code && !e->code) || !e->body ? ERR_NO_MEMORY : ERR_OK;
}

static void free_facts(struct register_facts *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->entries[i].code);
        free(f->entries[i].body);
    }
    free(f->entries);
}

static void put_facts(struct db_params *p, const struct entry *e, size_t n)
{
    db_put_cstr(p, "cli");
    db_put_int2(p, SOURCE_OPERATOR);
    db_open_array(p, DB_INT2);
    for (size_t i = 0; i < n; i++)
        db_item_int2(p, e[i].kind);
    db_close_array(p);
    db_open_array(p, DB_TIMESTAMPTZ);
    for (size_t i = 0; i < n; i++)
        db_item_time_ms(p, e[i].at_ms);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < n; i++) {
        if (e[i].code)
            db_item_text(p, e[i].code, strlen(e[i].code));
        else
            db_item_null(p);
    }
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < n; i++)
        db_item_text(p, e[i].body, e[i].len);
    db_close_array(p);
}

static int append_facts(struct register_run *run)
{
    static const char sql[] = "select from dt.append_facts($1::text, $2::smallint, $3::smallint[], "
                              "$4::timestamptz[], $5::text[], $6::text[])";
    struct db_params p;
    const struct db_result *r;
    int err = db_params_init(&p);
    if (err != ERR_OK)
        return err;
    for (size_t at = 0; err == ERR_OK && at < run->facts->count; at += FACTS_A_CALL) {
        size_t left = run->facts->count - at;
        db_params_reset(&p);
        put_facts(&p, run->facts->entries + at, left < FACTS_A_CALL ? left : FACTS_A_CALL);
        err = dbsync_query(run->db, sql, &p, &r);
        if (err != ERR_OK)
            snprintf(run->why, sizeof run->why, "the facts could not be appended: %s",
                     err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    }
    db_params_done(&p);
    return err;
}

// ---- writing checked rows

struct rows {
    struct register_row *row;
    const size_t *lines; // of the file; NULL for a single row
    size_t count;
};

// A connection that can't roll back is closed right after, which does.
static void rollback(struct dbsync *db)
{
    char ignored[REGISTER_WHY_MAX];
    int err = dbsync_script(db, "rollback", ignored, sizeof ignored);
    (void)err;
}

static int write_rows(const struct register_kind *k, struct register_run *run, const struct rows *rows,
                      const char *path)
{
    struct progress bar;
    int err = dbsync_script(run->db, "begin", run->why, sizeof run->why);
    if (err != ERR_OK)
        return err;
    progress_start(&bar, rows->count, k->what);
    for (size_t i = 0; err == ERR_OK && i < rows->count; i++) {
        err = k->write(run, &rows->row[i]);
        if (err != ERR_OK && rows->lines)
            fprintf(stderr, "%s:%zu: %s\n", path, rows->lines[i], run->why);
        else if (err != ERR_OK)
            fprintf(stderr, "%s: %s\n", k->noun, run->why);
        progress_step(&bar);
    }
    if (err == ERR_OK) {
        err = append_facts(run);
        if (err == ERR_OK)
            err = dbsync_script(run->db, "commit", run->why, sizeof run->why);
        if (err != ERR_OK)
            fprintf(stderr, "%s: %s\n", k->noun, run->why);
    }
    progress_end(&bar);
    if (err != ERR_OK)
        rollback(run->db);
    return err;
}

// → 0 or an exit code.
static int open_run(const struct register_kind *k, struct register_run *run, struct keyring **ret_ring)
{
    char error[400];
    int code = 0;
    if (dbsync_open(conf_text("database", "url"), &run->db, error, sizeof error) != ERR_OK)
        code = EXIT_UNAVAILABLE;
    else if (k->seals && keyring_open(conf_text("keys", "dir"), KEY_WRAP | KEY_INDEX, ret_ring, error,
                                      sizeof error) != ERR_OK)
        code = EXIT_CONFIG;
    if (code)
        fprintf(stderr, "%s: %s\n", k->noun, error);
    run->ring = *ret_ring;
    return code;
}

static const char *what_of(const struct register_kind *k, const struct rows *rows)
{
    return rows->count == 1 ? k->one : k->what;
}

// Exit code of writing what was checked. dry: only say that it could be.
static int write_checked(const struct register_kind *k, const struct rows *rows, const char *path, bool dry)
{
    if (dry) {
        printf("%zu %s could be registered; nothing was written\n", rows->count, what_of(k, rows));
        return 0;
    }
    struct register_facts facts = {0};
    struct register_run run = {.facts = &facts};
    buf_init(&run.out, OUTPUT_MAX);
    struct keyring *ring = NULL;
    int code = open_run(k, &run, &ring);
    if (code == 0) {
        int err = write_rows(k, &run, rows, path);
        if (err != ERR_OK)
            code = err == ERR_DB_DOWN || err == ERR_DB_LOST ? EXIT_UNAVAILABLE : EXIT_NO;
    }
    if (code == 0)
        fputs(buf_str(&run.out), stdout);
    buf_done(&run.out);
    free_facts(&facts);
    keyring_close(ring);
    dbsync_close(run.db);
    if (code) {
        fprintf(stderr, "%s: nothing was registered\n", k->noun);
        return code;
    }
    fprintf(stderr, "%zu %s registered\n", rows->count, what_of(k, rows));
    return 0;
}

// ---- import

static unsigned count_columns(const struct register_kind *k)
{
    unsigned n = 0;
    while (k->columns[n].help)
        n++;
    return n;
}

// They would break a line of `list` or steer the terminal. Addresses do come with line breaks.
static bool has_control(const char *s, bool breaks_allowed)
{
    for (; *s; s++) {
        bool is_break = *s == '\n' || *s == '\r';
        if (((unsigned char)*s < ' ' || *s == 0x7F) && !(is_break && breaks_allowed))
            return true;
    }
    return false;
}

static bool check_row(const struct register_kind *k, struct register_row *row, char why[REGISTER_WHY_MAX])
{
    for (unsigned i = 0; i < count_columns(k); i++) {
        const char *v = row->value[i] ? row->value[i] : "";
        if (utf8_valid_prefix(v, strlen(v)) != strlen(v)) {
            snprintf(why, REGISTER_WHY_MAX, "%s: not UTF-8; save the file as \"CSV UTF-8\"",
                     k->columns[i].name);
            return false;
        }
        if (has_control(v, k->columns[i].personal)) {
            snprintf(why, REGISTER_WHY_MAX, "%s: a line break, tab or other control character",
                     k->columns[i].name);
            return false;
        }
        if (k->columns[i].required && !v[0]) {
            snprintf(why, REGISTER_WHY_MAX, "%s: missing; expected %s", k->columns[i].name,
                     k->columns[i].help);
            return false;
        }
    }
    return k->check(row, why);
}

// Which file column feeds which of ours; false when a name is unknown or a required one is missing.
static bool map_columns(const struct register_kind *k, const struct csv *csv,
                        size_t map[REGISTER_COLUMNS_MAX], const char *path)
{
    bool ok = true;
    unsigned n = count_columns(k);
    for (unsigned i = 0; i < n; i++) {
        map[i] = csv_column(csv, k->columns[i].name);
        if (map[i] == CSV_COLUMNS_MAX && k->columns[i].required) {
            fprintf(stderr, "%s:1: no column '%s' (%s)\n", path, k->columns[i].name, k->columns[i].help);
            ok = false;
        }
    }
    for (size_t c = 0; c < csv->columns; c++) {
        bool used = false;
        for (unsigned i = 0; i < n; i++)
            used = used || map[i] == c;
        if (used)
            continue;
        ok = false;
        if (csv_column(csv, csv->names[c]) < c) {
            fprintf(stderr, "%s:1: column '%s' stands there twice\n", path, csv->names[c]);
            continue;
        }
        if (!csv->names[c][0])
            fprintf(stderr, "%s:1: column %zu has no name; known are", path, c + 1);
        else
            fprintf(stderr, "%s:1: column '%s' is unknown; known are", path, csv->names[c]);
        for (unsigned i = 0; i < n; i++)
            fprintf(stderr, "%s %s", i ? "," : "", k->columns[i].name);
        fprintf(stderr, "\n");
    }
    return ok;
}

// Fills and checks every row; returns how many are wrong, having said why of the first FAULTS_SHOWN.
static size_t check_rows(const struct register_kind *k, const struct csv *csv, const size_t *map,
                         struct rows *rows, const char *path)
{
    size_t faults = 0;
    unsigned n = count_columns(k);
    for (size_t r = 0; r < csv->rows; r++) {
        char why[REGISTER_WHY_MAX] = "not enough memory";
        bool ok = true;
        for (unsigned i = 0; i < n; i++)
            ok = register_set(&rows->row[r], i, map[i] == CSV_COLUMNS_MAX ? "" : csv_field(csv, r, map[i])) &&
                 ok;
        if (ok && check_row(k, &rows->row[r], why))
            continue;
        if (++faults <= FAULTS_SHOWN)
            fprintf(stderr, "%s:%zu: %s\n", path, csv->lines[r], why);
    }
    if (faults > FAULTS_SHOWN)
        fprintf(stderr, "… and %zu more\n", faults - FAULTS_SHOWN);
    return faults;
}

static int import(const struct register_kind *k, const char *path, bool dry)
{
    struct csv csv;
    char error[512];
    size_t map[REGISTER_COLUMNS_MAX] = {0};
    int code = EXIT_NO;
    struct rows rows = {0};
    if (csv_read(path, &csv, error, sizeof error) != ERR_OK) {
        fprintf(stderr, "%s\n", error);
    } else if (map_columns(k, &csv, map, path)) {
        rows = (struct rows){calloc(csv.rows + 1, sizeof *rows.row), csv.lines, csv.rows};
        size_t faults = rows.row ? check_rows(k, &csv, map, &rows, path) : 1;
        if (faults == 0)
            code = write_checked(k, &rows, path, dry);
        else
            fprintf(stderr, "%s: %zu of %zu rows are wrong; nothing was registered\n", path, faults,
                    csv.rows);
    }
    for (size_t i = 0; i < rows.count && rows.row; i++)
        free_row(&rows.row[i]);
    free(rows.row);
    csv_done(&csv);
    return code;
}

// ---- add

static int find_column(const struct register_kind *k, const char *option)
{
    for (int i = 0; k->columns[i].help; i++) {
        if (strcmp(k->columns[i].name, option) == 0)
            return i;
    }
    return -1;
}

// Personal values come as lines "name=value" on standard input.
static bool read_personal(const struct register_kind *k, struct register_row *row)
{
    char line[CSV_FIELD_MAX + 64];
    bool ok = true;
    while (ok && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        char *equals = strchr(line, '=');
        if (!line[0])
            continue;
        if (equals)
            *equals = '\0';
        int column = equals ? find_column(k, line) : -1;
        ok = column >= 0 && k->columns[column].personal && register_set(row, (unsigned)column, equals + 1);
        if (!ok)
            fprintf(stderr, "%s: standard input takes lines such as phone=…; one was something else\n",
                    k->noun);
    }
    explicit_bzero(line, sizeof line);
    return ok;
}

static bool read_options(const struct register_kind *k, int argc, char **argv, struct register_row *row)
{
    bool personal = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--contact-stdin") == 0 && k->seals) {
            personal = true;
            continue;
        }
        int column = strncmp(argv[i], "--", 2) == 0 ? find_column(k, argv[i] + 2) : -1;
        if (column < 0 || i + 1 == argc) {
            fprintf(stderr, "%s: '%s' is no option with a value; see `duongthu %s --help`\n", k->noun,
                    argv[i], k->noun);
            return false;
        }
        if (k->columns[column].personal) {
            fprintf(stderr,
                    "%s: %s is personal and must not show in process lists: give --contact-stdin and lines "
                    "on standard input\n",
                    k->noun, argv[i]);
            return false;
        }
        if (!register_set(row, (unsigned)column, argv[++i]))
            return false;
    }
    return !personal || read_personal(k, row);
}

static int add(const struct register_kind *k, int argc, char **argv)
{
    char why[REGISTER_WHY_MAX];
    struct register_row row = {0};
    bool ok = true;
    int code = EXIT_USAGE;
    for (unsigned i = 0; i < count_columns(k); i++)
        ok = register_set(&row, i, "") && ok;
    if (ok && read_options(k, argc, argv, &row)) {
        code = EXIT_NO;
        if (check_row(k, &row, why))
            code = write_checked(k, &(struct rows){&row, NULL, 1}, NULL, false);
        else
            fprintf(stderr, "%s: %s\n", k->noun, why);
    }
    free_row(&row);
    return code;
}

// ---- list

static int list(const struct register_kind *k)
{
    struct dbsync *db = NULL;
    const struct db_result *r;
    char error[400];
    int err = dbsync_open(conf_text("database", "url"), &db, error, sizeof error);
    if (err == ERR_OK) {
        err = dbsync_query(db, k->list_sql, NULL, &r);
        if (err == ERR_DB_REFUSED)
            snprintf(error, sizeof error, "%s", db_message(r));
    }
    for (int i = 0; err == ERR_OK && i < db_rows(r); i++) {
        char line[1024];
        db_copy_text(r, i, 0, line, sizeof line);
        puts(line);
    }
    dbsync_close(db);
    if (err == ERR_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", k->noun, error);
    return EXIT_UNAVAILABLE;
}

// ---- the command

static int usage(const struct register_kind *k, FILE *to)
{
    fprintf(to,
            "usage: duongthu %s add --COLUMN VALUE…%s\n"
            "       duongthu %s import [--dry-run] FILE.csv   (all rows or none)\n",
            k->noun, k->seals ? " [--contact-stdin]" : "", k->noun);
    if (k->list_sql)
        fprintf(to, "       duongthu %s list\n", k->noun);
    fprintf(to, "each: [--config FILE]\n");
    fprintf(to, "\nColumns (* required; names of the file's first line):\n");
    for (const struct register_column *c = k->columns; c->help; c++)
        fprintf(to, "  %c %-12s %s%s\n", c->required ? '*' : ' ', c->name, c->help,
                c->personal ? " (personal: from a file or standard input only)" : "");
    return to == stdout ? 0 : EXIT_USAGE;
}

// Takes `--config FILE` out of the arguments, wherever it stands. false: the file is missing.
static bool take_config(int *argc, char **argv, const char **ret_config)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--config") != 0) {
            argv[kept++] = argv[i];
            continue;
        }
        if (++i == *argc)
            return false;
        *ret_config = argv[i];
    }
    *argc = kept;
    return true;
}

static int refuse(const struct register_kind *k, const char *what)
{
    fprintf(stderr, "%s: %s\n", k->noun, what);
    return usage(k, stderr);
}

int command_register(int argc, char **argv)
{
    const struct register_kind *k = register_kinds;
    while (k < register_kinds + register_kind_count && strcmp(k->noun, argv[0]) != 0)
        k++;
    const char *config = NULL;
    if (!take_config(&argc, argv, &config))
        return refuse(k, "--config wants a file");
    const char *verb = argc > 1 ? argv[1] : "";
    if (strcmp(verb, "--help") == 0 || (argc == 3 && strcmp(argv[2], "--help") == 0))
        return usage(k, stdout);
    bool is_import = strcmp(verb, "import") == 0, is_list = strcmp(verb, "list") == 0 && k->list_sql;
    bool dry = is_import && argc > 2 && strcmp(argv[2], "--dry-run") == 0;
    if (!is_import && !is_list && strcmp(verb, "add") != 0)
        return refuse(k, "the verb is missing or unknown");
    if (is_import && (argc != 3 + dry || argv[argc - 1][0] == '-'))
        return refuse(k, "import wants one file");
    if (is_list && argc > 2)
        return refuse(k, "list takes nothing more");
    if (conf_load(config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    if (is_import)
        return import(k, argv[argc - 1], dry);
    return is_list ? list(k) : add(k, argc - 2, argv + 2);
}
