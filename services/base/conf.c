// SPDX-License-Identifier: EUPL-1.2
// Reading is transactional: a draft collects defaults, file and environment; only a draft without an error
// replaces the values in force.
#include "base/conf.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/conf_value.h"
#include "base/err.h"
#include "base/ini.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONF_KEYS_MAX 256
#define CONF_FILE_MAX (1 << 20) // bytes
#define DEFAULT_PATH  "duongthu.ini"
#define ENV_PREFIX    "DUONGTHU_"
#define ENV_CONFIG    "DUONGTHU_CONFIG"
#define ENV_NAME_MAX  128
#define NEAR          3 // edits up to which a name is taken for a slip of the pen, and half of its letters

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT };

struct value {
    const char *text; // a default is the table's own, so that there is always one
    char *copy;       // ours to free, or NULL
    int64_t number;
    enum origin origin;
    unsigned line; // ORIGIN_FILE
};

struct draft {
    struct value values[CONF_KEYS_MAX];
    const char *path; // NULL: no file
    FILE *errors;
    unsigned error_count;
    bool no_memory; // told
};

static struct value values[CONF_KEYS_MAX]; // in force
static char *file_path;                    // NULL: none
static bool loaded;

static void clear(struct value *v)
{
    free(v->copy);
    *v = (struct value){0};
}

static void clear_draft(struct draft *d)
{
    for (size_t i = 0; i < conf_key_count; i++)
        clear(&d->values[i]);
}

static unsigned too_far(size_t len)
{
    return (len / 2 < NEAR ? (unsigned)(len / 2) : NEAR) + 1;
}

// ---- errors: "duongthu.ini:12: [ingest] batch = 5x: expected a whole number from 1 to 2000"

static void begin_error(struct draft *d, unsigned line)
{
    d->error_count++;
    if (line > 0)
        (void)fprintf(d->errors, "%s:%u: ", d->path, line);
}

static void print_value(FILE *out, const struct conf_key *k, const char *s, size_t len)
{
    if (k->secret)
        (void)fputs("(not shown)", out);
    else
        (void)fprintf(out, "%.*s", (int)len, s);
}

static void env_name(const struct conf_key *k, char out[ENV_NAME_MAX])
{
    int n = snprintf(out, ENV_NAME_MAX, ENV_PREFIX "%s_%s", k->section, k->name);
    CHECK(n > 0 && n < ENV_NAME_MAX);
    for (char *c = out; *c; c++)
        *c = (char)toupper((unsigned char)*c);
}

static void print_allowed(FILE *out, const struct conf_key *k)
{
    struct buf words;
    buf_init(&words, 4096);
    conf_value_allowed(k, &words);
    (void)fputs(buf_str(&words), out);
    buf_done(&words);
}

static void no_memory(struct draft *d)
{
    d->error_count++;
    if (!d->no_memory)
        (void)fputs("not enough memory for the configuration\n", d->errors);
    d->no_memory = true;
}

// ---- one value

// origin ENVIRONMENT: line 0.
static void take(struct draft *d, size_t index, const char *s, size_t len, enum origin origin, unsigned line)
{
    const struct conf_key *k = &conf_keys[index];
    int64_t number = 0;
    if (conf_value_parse(k, s, len, &number)) {
        CHECK(origin != ORIGIN_DEFAULT);
        begin_error(d, line);
        char name[ENV_NAME_MAX];
        env_name(k, name);
        if (origin == ORIGIN_FILE)
            (void)fprintf(d->errors, "[%s] %s = ", k->section, k->name);
        else
            (void)fprintf(d->errors, "environment: %s=", name);
        print_value(d->errors, k, s, len);
        (void)fputs(": expected ", d->errors);
        print_allowed(d->errors, k);
        (void)fputc('\n', d->errors);
        return;
    }
    char *copy = origin == ORIGIN_DEFAULT ? NULL : strndup(s, len);
    if (!copy && origin != ORIGIN_DEFAULT) {
        no_memory(d);
        return;
    }
    clear(&d->values[index]);
    d->values[index] = (struct value){copy ? copy : k->initial, copy, number, origin, line};
}

static void take_defaults(struct draft *d)
{
    CHECK(conf_key_count <= CONF_KEYS_MAX);
    for (size_t i = 0; i < conf_key_count; i++)
        take(d, i, conf_keys[i].initial, strlen(conf_keys[i].initial), ORIGIN_DEFAULT, 0);
}

// ---- the file

static bool same(const char *word, const char *s, size_t len)
{
    return strlen(word) == len && memcmp(word, s, len) == 0;
}

static bool new_section(size_t i)
{
    return i == 0 || strcmp(conf_keys[i].section, conf_keys[i - 1].section) != 0;
}

// The section as the table spells it, or NULL after an error that lists what there is.
static const char *find_section(struct draft *d, const struct ini_item *item, unsigned line)
{
    const char *nearest = NULL;
    unsigned best = too_far(item->name_len);
    for (size_t i = 0; i < conf_key_count; i++) {
        const char *section = conf_keys[i].section;
        if (same(section, item->name, item->name_len))
            return section;
        unsigned distance = conf_distance(section, strlen(section), item->name, item->name_len);
        if (distance < best) {
            best = distance;
            nearest = section;
        }
    }
    begin_error(d, line);
    (void)fprintf(d->errors, "unknown section [%.*s]", (int)item->name_len, item->name);
    if (nearest)
        (void)fprintf(d->errors, "; did you mean [%s]", nearest);
    (void)fputs(nearest ? "? There are:" : ". There are:", d->errors);
    for (size_t i = 0; i < conf_key_count; i++) {
        if (new_section(i))
            (void)fprintf(d->errors, " [%s]", conf_keys[i].section);
    }
    (void)fputc('\n', d->errors);
    return NULL;
}

static void unknown_key(struct draft *d, const char *section, const struct ini_item *item, unsigned line)
{
    const char *nearest = NULL;
    unsigned best = too_far(item->name_len);
    begin_error(d, line);
    (void)fprintf(d->errors, "unknown key '%.*s' in [%s]", (int)item->name_len, item->name, section);
    for (size_t i = 0; i < conf_key_count; i++) {
        const char *name = conf_keys[i].name;
        if (strcmp(conf_keys[i].section, section) != 0)
            continue;
        unsigned distance = conf_distance(name, strlen(name), item->name, item->name_len);
        if (distance < best) {
            best = distance;
            nearest = name;
        }
    }
    if (nearest)
        (void)fprintf(d->errors, "; did you mean '%s'", nearest);
    (void)fputs(nearest ? "? There are:" : ". There are:", d->errors);
    for (size_t i = 0; i < conf_key_count; i++) {
        if (strcmp(conf_keys[i].section, section) == 0)
            (void)fprintf(d->errors, " %s", conf_keys[i].name);
    }
    (void)fputc('\n', d->errors);
}

static void take_pair(struct draft *d, const char *section, const struct ini_item *item, unsigned line)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *k = &conf_keys[i];
        if (strcmp(k->section, section) != 0 || !same(k->name, item->name, item->name_len))
            continue;
        if (d->values[i].origin == ORIGIN_FILE) {
            begin_error(d, line);
            (void)fprintf(d->errors, "[%s] %s was already given in line %u\n", section, k->name,
                          d->values[i].line);
            return;
        }
        take(d, i, item->value, item->value_len, ORIGIN_FILE, line);
        return;
    }
    unknown_key(d, section, item, line);
}

static void take_text(struct draft *d, const char *text, size_t len)
{
    struct ini ini;
    struct ini_item item;
    const char *section = NULL;
    bool skip = false; // below an unknown section: one error for all its keys
    ini_init(&ini, text, len);
    for (enum ini_kind kind = ini_next(&ini, &item); kind != INI_END; kind = ini_next(&ini, &item)) {
        if (kind == INI_SECTION) {
            section = find_section(d, &item, ini.line);
            skip = section == NULL;
        } else if (kind == INI_BAD) {
            begin_error(d, ini.line);
            (void)fprintf(d->errors, "%s\n", item.wrong);
        } else if (section) {
            take_pair(d, section, &item, ini.line);
        } else if (!skip) {
            begin_error(d, ini.line);
            (void)fprintf(d->errors, "'%.*s' stands before the first [section]\n", (int)item.name_len,
                          item.name);
        }
    }
}

// The whole file into `text`; an error is a sentence in *ret_why.
static int read_file(const char *path, struct buf *text, const char **ret_why)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        *ret_why = strerror(errno);
        return ERR_IO;
    }
    char chunk[4096];
    size_t n;
    while (!buf_error(text) && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        buf_append(text, chunk, n);
    bool failed = ferror(file) != 0;
    int reason = errno;
    (void)fclose(file);
    if (failed || buf_error(text)) {
        *ret_why = failed                             ? strerror(reason)
                   : buf_error(text) == ERR_NO_MEMORY ? "not enough memory"
                                                      : "larger than 1 MiB";
        return ERR_IO;
    }
    return ERR_OK;
}

static void take_file(struct draft *d)
{
    if (!d->path)
        return;
    struct buf text;
    const char *why = NULL;
    buf_init(&text, CONF_FILE_MAX);
    if (read_file(d->path, &text, &why)) {
        d->error_count++;
        (void)fprintf(d->errors, "%s: cannot read the configuration: %s\n", d->path, why);
    } else {
        take_text(d, buf_str(&text), text.len);
    }
    buf_done(&text);
}

// ---- the environment

static void take_variable(struct draft *d, const char *variable)
{
    const char *equals = strchr(variable, '=');
    if (!equals)
        return;
    size_t len = (size_t)(equals - variable);
    char name[ENV_NAME_MAX], nearest[ENV_NAME_MAX] = "";
    unsigned best = too_far(len);
    for (size_t i = 0; i < conf_key_count; i++) {
        env_name(&conf_keys[i], name);
        if (same(name, variable, len)) {
            take(d, i, equals + 1, strlen(equals + 1), ORIGIN_ENVIRONMENT, 0);
            return;
        }
        unsigned distance = conf_distance(name, strlen(name), variable, len);
        if (distance < best) {
            best = distance;
            memcpy(nearest, name, sizeof nearest);
        }
    }
    begin_error(d, 0);
    (void)fprintf(d->errors, "environment: unknown variable %.*s", (int)len, variable);
    if (nearest[0])
        (void)fprintf(d->errors, "; did you mean %s", nearest);
    (void)fputs(nearest[0] ? "? " : ". ", d->errors);
    (void)fputs("A setting is " ENV_PREFIX "<SECTION>_<KEY>; `duongthu config print` lists them\n",
                d->errors);
}

static void take_environment(struct draft *d)
{
    for (char **at = environ; *at; at++) {
        if (strncmp(*at, ENV_PREFIX, strlen(ENV_PREFIX)) != 0)
            continue;
        if (strncmp(*at, ENV_CONFIG "=", strlen(ENV_CONFIG "=")) != 0)
            take_variable(d, *at);
    }
}

// ---- loading

static int fill(struct draft *d)
{
    take_defaults(d);
    take_file(d);
    take_environment(d);
    if (d->error_count == 0)
        return ERR_OK;
    clear_draft(d);
    return ERR_CONFIG;
}

// Which file: the argument, the environment, ./duongthu.ini if there is one. Empty is like unset.
static const char *choose_path(const char *path)
{
    if (path)
        return path;
    path = getenv(ENV_CONFIG);
    if (path && path[0])
        return path;
    return access(DEFAULT_PATH, F_OK) == 0 ? DEFAULT_PATH : NULL;
}

int conf_load(const char *path, FILE *errors)
{
    struct draft d = {.path = choose_path(path), .errors = errors};
    int err = fill(&d);
    if (err)
        return err;
    char *copy = d.path ? strdup(d.path) : NULL;
    if (d.path && !copy) {
        no_memory(&d);
        clear_draft(&d);
        return ERR_CONFIG;
    }
    free(file_path);
    file_path = copy;
    for (size_t i = 0; i < conf_key_count; i++) {
        clear(&values[i]);
        values[i] = d.values[i];
    }
    loaded = true;
    return ERR_OK;
}

int conf_reload(FILE *errors)
{
    struct draft d = {.path = file_path, .errors = errors};
    int err = fill(&d);
    if (err)
        return err;
    CHECK(loaded);
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *k = &conf_keys[i];
        struct value *now = &values[i], *new = &d.values[i];
        if (strcmp(now->text, new->text) == 0) {
            // Texts that getters gave stay where they are; only the line may have moved.
            now->origin = new->origin;
            now->line = new->line;
        } else if (k->reloadable) {
            struct value old = *now;
            *now = *new;
            *new = old;
        } else {
            (void)fprintf(errors, "[%s] %s changed; it takes effect at a restart\n", k->section, k->name);
        }
    }
    clear_draft(&d);
    return ERR_OK;
}

// ---- getters

const char *conf_path(void)
{
    return file_path;
}

static void load_defaults(void)
{
    struct draft d = {.errors = stderr};
    take_defaults(&d);
    memcpy(values, d.values, sizeof values);
    loaded = true;
}

static const struct conf_key *find_key(const char *section, const char *name, size_t *ret_index)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        if (strcmp(conf_keys[i].section, section) == 0 && strcmp(conf_keys[i].name, name) == 0) {
            *ret_index = i;
            return &conf_keys[i];
        }
    }
    return NULL;
}

// The value and the type of a key that must exist.
static const struct value *get(const char *section, const char *name, enum conf_type *ret_type)
{
    size_t index = 0;
    const struct conf_key *k = find_key(section, name, &index);
    CHECK(k);
    if (!loaded)
        load_defaults();
    *ret_type = k->type;
    return &values[index];
}

bool conf_known(const char *section, const char *name)
{
    size_t index;
    return find_key(section, name, &index) != NULL;
}

const char *conf_text(const char *section, const char *name)
{
    enum conf_type type;
    const struct value *v = get(section, name, &type);
    CHECK(type == CONF_TEXT || type == CONF_CHOICE || type == CONF_WORDS || type == CONF_PORTS ||
          type == CONF_ADDR);
    return v->text;
}

int64_t conf_int(const char *section, const char *name)
{
    enum conf_type type;
    const struct value *v = get(section, name, &type);
    CHECK(type == CONF_INT || type == CONF_MS || type == CONF_BYTES || type == CONF_TIME);
    return v->number;
}

bool conf_bool(const char *section, const char *name)
{
    enum conf_type type;
    const struct value *v = get(section, name, &type);
    CHECK(type == CONF_BOOL);
    return v->number != 0;
}

// ---- printing

static void print_key(FILE *out, const struct conf_key *k, const struct value *v)
{
    (void)fprintf(out, "# %s\n# ", k->help);
    print_allowed(out, k);
    (void)fprintf(out, "; default: %s%s\n# ", k->initial[0] ? k->initial : "empty",
                  k->reloadable ? "; SIGHUP applies it" : "");
    if (v->origin == ORIGIN_FILE)
        (void)fprintf(out, "from %s:%u\n", file_path, v->line);
    else
        (void)fprintf(out, "from %s\n", v->origin == ORIGIN_DEFAULT ? "the default" : "the environment");
    if (k->secret && v->text[0])
        (void)fprintf(out, "# %s is set and not shown\n\n", k->name);
    else
        (void)fprintf(out, "%s = %s\n\n", k->name, v->text);
}

void conf_print(FILE *out)
{
    if (!loaded)
        load_defaults();
    for (size_t i = 0; i < conf_key_count; i++) {
        if (new_section(i))
            (void)fprintf(out, "[%s]\n\n", conf_keys[i].section);
        print_key(out, &conf_keys[i], &values[i]);
    }
}
