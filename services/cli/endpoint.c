// SPDX-License-Identifier: EUPL-1.2
// `duongthu endpoint`: where the journeys go. This file has the arguments and the small verbs.
#include "cli/endpoint.h"

#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int usage(FILE *to)
{
    (void)fputs("usage: duongthu endpoint add --url URL --unit UNIT… [--kind EVENT…] [--legs NBKH] [--thin] "
                "[--allow CIDR,…]\n"
                "                             [--label TEXT] [--ed25519] [--from-start]\n"
                "       duongthu endpoint import FILE.csv   many at once (endpoint import --help)\n"
                "       duongthu endpoint list\n"
                "       duongthu endpoint show|held|given-up ENDPOINT\n"
                "       duongthu endpoint pause|resume ENDPOINT\n"
                "       duongthu endpoint rotate ENDPOINT [--keep HOURS] [--ed25519]\n"
                "       duongthu endpoint replay ENDPOINT --dossier CODE [--from NUMBER] | --since TIME | "
                "--given-up\n"
                "       duongthu endpoint delete ENDPOINT --yes\n\n"
                "An endpoint gets the events of its units and all units below them, from now on or "
                "--from-start. `add` and\n"
                "`rotate` print the secret once (with --ed25519 the public key; then nobody but us can "
                "sign). After `rotate` both\n"
                "secrets sign for --keep hours (24). --kind takes an event (item.delivered) or its first "
                "part (item).\n"
                "The URL is https at port 443 or one of [webhook] ports. --allow names private networks that "
                "it may lead "
                "to, at any\n"
                "port. ENDPOINT is an id or a label.\n"
                "  --config FILE   where [database] url and [keys] dir are set\n",
                to);
    return to == stdout ? 0 : EXIT_USAGE;
}

int endpoint_fail(int err, const char *sentence)
{
    (void)fprintf(stderr, "endpoint: %s\n", sentence);
    return err == ERR_DB_DOWN || err == ERR_DB_LOST ? EXIT_UNAVAILABLE : EXIT_NO;
}

int endpoint_query(struct endpoint_call *c, const char *sql, struct db_params *p,
                   const struct db_result **ret_r)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(c->db, sql, p, &r);
    db_params_done(p);
    if (err != ERR_OK)
        return endpoint_fail(err, err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    *ret_r = r;
    return 0;
}

int endpoint_params(struct endpoint_call *c, struct db_params *ret_params)
{
    if (db_params_init(ret_params) != ERR_OK)
        return endpoint_fail(ERR_NO_MEMORY, "out of memory");
    db_put_uuid(ret_params, c->id);
    return 0;
}

void endpoint_notify(struct endpoint_call *c)
{
    const struct db_result *r;
    if (dbsync_query(c->db, "select pg_notify('dt_endpoint', '')", NULL, &r) != ERR_OK)
        (void)fputs("endpoint: stored; the service was not woken and sees it a little later\n", stderr);
}

static int resolve(struct endpoint_call *c)
{
    struct db_params p;
    const struct db_result *r;
    size_t len;
    if (db_params_init(&p) != ERR_OK)
        return endpoint_fail(ERR_NO_MEMORY, "out of memory");
    db_put_cstr(&p, c->which);
    int code = endpoint_query(
        c,
        "select endpoint from dt.endpoint where endpoint::text = lower($1::text) or label = $1::text limit 2",
        &p, &r);
    if (code)
        return code;
    if (db_rows(r) == 0)
        return endpoint_fail(ERR_NOT_FOUND, "there is no endpoint of this id or label");
    if (db_rows(r) > 1)
        return endpoint_fail(ERR_INVALID, "several endpoints have this label; name the id");
    memcpy(c->id, db_bytes(r, 0, 0, &len), sizeof c->id);
    return 0;
}

// ---------------------------------------------------------------- the small verbs

static int change(struct endpoint_call *c, const char *sql, const char *word)
{
    struct db_params p;
    const struct db_result *r;
    int code = endpoint_params(c, &p);
    if (code == 0)
        code = endpoint_query(c, sql, &p, &r);
    if (code)
        return code;
    endpoint_notify(c);
    return printf("%s %s\n", word, c->which) < 0 ? EXIT_NO : 0;
}

static int pause_endpoint(struct endpoint_call *c)
{
    return change(
        c, "update dt.endpoint set status = 'paused', why = 'by an operator' where endpoint = $1::uuid",
        "paused");
}

static int resume(struct endpoint_call *c)
{
    return change(
        c, "update dt.endpoint set status = 'active', why = '', down_since = null where endpoint = $1::uuid",
        "active");
}

static int delete_endpoint(struct endpoint_call *c)
{
    if (!c->yes)
        return endpoint_fail(ERR_INVALID,
                             "this ends its deliveries for good; say --yes (`pause` can be undone)");
    return change(c,
                  "with e as (delete from dt.endpoint where endpoint = $1::uuid), h as (delete from dt.hold "
                  "where endpoint = "
                  "$1::uuid), g as (delete from dt.gap where endpoint = $1::uuid), r as (delete from "
                  "dt.replay where endpoint = "
                  "$1::uuid) delete from dt.endpoint_cursor where endpoint = $1::uuid",
                  "deleted");
}

// ---------------------------------------------------------------- arguments

static bool add_word(const char **words, size_t *count, size_t max, const char *word)
{
    if (*count == max)
        return false;
    words[(*count)++] = word;
    return true;
}

// 0, an exit code, or -1 when help was printed.
static int parse_options(struct endpoint_call *c, int argc, char **argv)
{
    static const struct option names[] = {
        {"config", required_argument, NULL, 'c'},  {"url", required_argument, NULL, 'u'},
        {"unit", required_argument, NULL, 'n'},    {"kind", required_argument, NULL, 'k'},
        {"legs", required_argument, NULL, 'l'},    {"thin", no_argument, NULL, 't'},
        {"allow", required_argument, NULL, 'a'},   {"label", required_argument, NULL, 'b'},
        {"ed25519", no_argument, NULL, 'e'},       {"from-start", no_argument, NULL, 's'},
        {"dossier", required_argument, NULL, 'd'}, {"from", required_argument, NULL, 'f'},
        {"since", required_argument, NULL, 'i'},   {"given-up", no_argument, NULL, 'g'},
        {"keep", required_argument, NULL, 'p'},    {"yes", no_argument, NULL, 'y'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    const struct {
        int letter;
        const char **text;
        bool *flag;
    } targets[] = {{'c', &c->config, NULL},   {'u', &c->url, NULL},     {'l', &c->legs, NULL},
                   {'a', &c->allow, NULL},    {'b', &c->label, NULL},   {'d', &c->dossier, NULL},
                   {'f', &c->from, NULL},     {'i', &c->since, NULL},   {'p', &c->keep, NULL},
                   {'t', NULL, &c->thin},     {'e', NULL, &c->ed25519}, {'s', NULL, &c->from_start},
                   {'g', NULL, &c->given_up}, {'y', NULL, &c->yes}};
    optind = 1;
    for (int letter; (letter = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (letter == 'h')
            return usage(stdout), -1;
        if (letter == '?')
            return usage(stderr);
        if ((letter == 'n' && !add_word(c->units, &c->unit_count, ENDPOINT_UNITS_MAX, optarg)) ||
            (letter == 'k' && !add_word(c->kinds, &c->kind_count, ENDPOINT_KINDS_MAX, optarg)))
            return endpoint_fail(ERR_TOO_BIG, "at most 64 units and 64 events");
        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
            if (targets[i].letter != letter)
                continue;
            if (targets[i].text)
                *targets[i].text = optarg;
            else
                *targets[i].flag = true;
        }
    }
    return 0;
}

static int open_database(struct endpoint_call *c)
{
    char error[512] = "";
    if (conf_load(c->config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    const char *url = conf_text("database", "url");
    if (!url[0]) {
        (void)fputs("endpoint: no database: set [database] url\n", stderr);
        return EXIT_CONFIG;
    }
    int err = dbsync_open(url, &c->db, error, sizeof error);
    return err == ERR_OK ? 0 : endpoint_fail(err, error);
}

int command_endpoint(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct endpoint_call *c);
        bool wants_endpoint;
    } verbs[] = {{"add", endpoint_add, false},
                 {"list", endpoint_list, false},
                 {"show", endpoint_show, true},
                 {"held", endpoint_held, true},
                 {"given-up", endpoint_given_up, true},
                 {"pause", pause_endpoint, true},
                 {"resume", resume, true},
                 {"rotate", endpoint_rotate, true},
                 {"replay", endpoint_replay, true},
                 {"delete", delete_endpoint, true}};
    struct endpoint_call c = {.legs = "NBKH", .allow = "", .label = ""};
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    size_t verb = 0;
    while (verb < ARRAY_LEN(verbs) && (argc < 2 || strcmp(argv[1], verbs[verb].name) != 0))
        verb++;
    if (verb == ARRAY_LEN(verbs))
        return usage(stderr);
    int code = parse_options(&c, argc - 1, argv + 1);
    if (code)
        return code < 0 ? 0 : code;
    if (argc - 1 - optind != (verbs[verb].wants_endpoint ? 1 : 0)) // optind counts from the verb
        return usage(stderr);
    c.which = verbs[verb].wants_endpoint ? argv[1 + optind] : NULL;
    code = open_database(&c);
    if (code == 0 && c.which)
        code = resolve(&c);
    if (code == 0)
        code = verbs[verb].run(&c);
    dbsync_close(c.db);
    return code;
}
