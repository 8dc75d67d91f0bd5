// SPDX-License-Identifier: EUPL-1.2
// `duongthu epoch new|show`: after a restore, or the promotion of a standby that had not got everything, a
// new epoch begins (DESIGN §3 Epoch): positions jump, offices are told which numbers still stand, handhelds
// what to send again, and the forgotten are forgotten again. One transaction, by the schema's owner, while no
// service runs.
#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/tombstones.h"
#include "io/dbsync.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAYS_DEFAULT 90 // dossiers with news in so many days before the restore point are told
#define DAYS_MAX     3650

struct epoch_options {
    const char *config, *why, *tombstones;
    bool none_forgotten;
    long days;
};

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu epoch show [--config FILE]\n"
        "       duongthu epoch new --why TEXT --tombstones FILE|--no-tombstones [--days N] [--config "
        "FILE]\n\n"
        "Begins a new epoch after a restore or a lossy promotion. Every service must be stopped.\n\n"
        "  --why            what happened; kept with the epoch\n"
        "  --tombstones     file of those who were forgotten (`duongthu tombstones export`, [forget] file)\n"
        "  --no-tombstones  nobody was ever forgotten\n"
        "  --days           dossiers with news in so many days before the restore point get stream.reset "
        "(90)\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int fail(int err, const char *error)
{
    fprintf(stderr, "epoch: %s\n", error[0] ? error : err_name(err));
    return err == ERR_DB_DOWN || err == ERR_DB_LOST ? EXIT_UNAVAILABLE : EXIT_NO;
}

static const char *owner_url(void)
{
    const char *url = conf_text("database", "owner_url");
    return url[0] ? url : conf_text("database", "url");
}

static int show(struct dbsync *db)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(db,
                           "select epoch || '  since ' || to_char(started_at at time zone 'UTC', "
                           "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') || '  positions from ' || floor + 1 || '  ' || "
                           "why from dt.installation order by epoch",
                           NULL, &r);
    if (err)
        return fail(err, err == ERR_DB_REFUSED ? db_message(r) : "");
    for (int i = 0; i < db_rows(r); i++) {
        size_t len;
        (void)puts(db_bytes(r, i, 0, &len));
    }
    return 0;
}

// Fills `said` with what was done.
static int begin_epoch(struct dbsync *db, const struct epoch_options *o, char *said, size_t cap, char *error,
                       size_t error_cap)
{
    struct db_params p;
    const struct db_result *r = NULL;
    int err = db_params_init(&p);
    if (err)
        return err;
    db_put_cstr(&p, o->why);
    db_put_int4(&p, (int32_t)o->days);
    err =
        dbsync_query(db,
                     "select epoch, dossiers, floor + 1, coalesce(to_char(sure_at at time zone 'UTC', "
                     "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), 'never'), messages from dt.epoch_begin($1::text, "
                     "make_interval(days => $2::int4))",
                     &p, &r);
    db_params_done(&p);
    if (err) {
        (void)snprintf(error, error_cap, "%s", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
        return err;
    }
    char sure[40];
    db_copy_text(r, 0, 3, sure, sizeof sure);
    (void)snprintf(said, cap,
                   "epoch %" PRId64 " begins: positions from %" PRId64 "; the newest fact is of %s; "
                   "stream.reset for %" PRId64 " dossiers; %" PRId64 " waiting messages may have been sent\n",
                   db_int(r, 0, 0), db_int(r, 0, 2), sure, db_int(r, 0, 1), db_int(r, 0, 4));
    return ERR_OK;
}

static int begin(struct dbsync *db, const struct epoch_options *o)
{
    char error[TOMBSTONES_WHY_MAX] = "", said[320];
    size_t lines = 0, erased = 0;
    int err = dbsync_script(db, "begin", error, sizeof error);
    if (!err && o->tombstones)
        err = tombstones_replay(db, o->tombstones, &lines, &erased, error);
    if (!err)
        err = begin_epoch(db, o, said, sizeof said, error, sizeof error);
    if (!err)
        err = dbsync_script(db, "commit", error, sizeof error);
    if (err)
        return fail(err, error); // closing the connection rolls back
    if (o->tombstones)
        printf("%zu tombstones replayed, %zu sealed parts erased again\n", lines, erased);
    (void)fputs(said, stdout);
    return 0;
}

static bool parse(int argc, char **argv, struct epoch_options *o, bool *help)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"why", required_argument, NULL, 'w'},
                                            {"tombstones", required_argument, NULL, 't'},
                                            {"no-tombstones", no_argument, NULL, 'n'},
                                            {"days", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    char *end = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'w':
            o->why = optarg;
            break;
        case 't':
            o->tombstones = optarg;
            break;
        case 'n':
            o->none_forgotten = true;
            break;
        case 'd':
            o->days = strtol(optarg, &end, 10);
            if (end == optarg || *end || o->days < 1 || o->days > DAYS_MAX)
                return false;
            break;
        case 'h':
            *help = true;
            return true;
        default:
            return false;
        }
    }
    return optind == argc;
}

int command_epoch(int argc, char **argv)
{
    struct epoch_options o = {.days = DAYS_DEFAULT};
    bool help = false, is_new = argc > 1 && strcmp(argv[1], "new") == 0;
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc < 2 || (!is_new && strcmp(argv[1], "show") != 0) || !parse(argc - 1, argv + 1, &o, &help))
        return usage(stderr);
    if (help)
        return usage(stdout);
    // Who can't say what became of the tombstones must not open the doors again.
    if (is_new && (!o.why || !o.why[0] || !o.tombstones == !o.none_forgotten))
        return usage(stderr);
    if (conf_load(o.config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    char error[400];
    struct dbsync *db = NULL;
    int err = dbsync_open(is_new ? owner_url() : conf_text("database", "url"), &db, error, sizeof error);
    if (err)
        return fail(err, error);
    int code = is_new ? begin(db, &o) : show(db);
    dbsync_close(db);
    return code;
}
