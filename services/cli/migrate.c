// SPDX-License-Identifier: EUPL-1.2
// `duongthu migrate`: brings the schema to what this program needs. Forward only: what was applied is
// recorded with its SHA-256 in dt.migration and must never change. One migrator at a time, under an advisory
// lock (it guards no data: every migration and its record are one transaction). Run by the schema's owner.
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/migrations.h"
#include "io/crypto.h"
#include "io/dbsync.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LOCK_WAIT_S  60
#define LOCK_KEY     "7238814496040708213" // "duongthu" as eight bytes, big-endian
#define SENTENCE_MAX 1024

struct migrate {
    struct dbsync *db;
    struct migrations known;
    size_t applied;
    bool recorded; // dt.migration exists
    long wait_s;
    char error[SENTENCE_MAX];
};

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu migrate [--config FILE | --url URL] [--dry-run] [--dir FOLDER] [--wait SECONDS]\n\n"
        "Applies what is missing in the database, in order, each in one transaction.\n\n"
        "  --url       connection string of the schema's owner; else [database] owner_url or url\n"
        "  --dry-run   only tell what would be applied\n"
        "  --dir       take NNNN_name.sql from FOLDER instead of those in the program\n"
        "  --wait      how long to wait while another migration runs (60)\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

// Prints one sentence and gives the exit code for the error.
static int fail(int err, const char *sentence)
{
    (void)fprintf(stderr, "migrate: %s\n", sentence);
    return err == ERR_DB_DOWN || err == ERR_DB_LOST ? EXIT_UNAVAILABLE : EXIT_NO;
}

static int query(struct migrate *m, const char *sql, const struct db_params *params,
                 const struct db_result **ret_r)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(m->db, sql, params, &r);
    if (err) {
        (void)snprintf(m->error, sizeof m->error, "%s",
                       err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
        return err;
    }
    if (ret_r)
        *ret_r = r;
    return ERR_OK;
}

// ---- the lock

static void say_holder(struct migrate *m, const char *what)
{
    const struct db_result *r;
    static const char sql[] = "select format('process %s (%s), since %s', a.pid, "
                              "coalesce(nullif(a.application_name, ''), 'unnamed'),"
                              " to_char(a.state_change, 'HH24:MI:SS \"UTC\"'))"
                              " from pg_locks l join pg_stat_activity a using (pid)"
                              " where l.locktype = 'advisory' and l.granted and l.objsubid = 1"
                              " and (l.classid::int8 << 32 | l.objid::int8) = " LOCK_KEY " limit 1";
    char holder[200] = "nobody any more";
    if (query(m, sql, NULL, &r) == ERR_OK && db_rows(r) == 1)
        db_copy_text(r, 0, 0, holder, sizeof holder);
    (void)fprintf(stderr, "migrate: %s: %s\n", what, holder);
}

static int take_lock(struct migrate *m)
{
    const struct db_result *r;
    int err = query(m, "select pg_try_advisory_lock(" LOCK_KEY ")", NULL, &r);
    if (err || db_bool(r, 0, 0))
        return err;
    say_holder(m, "another migration is running; waiting for it");
    char sql[80];
    (void)snprintf(sql, sizeof sql, "set lock_timeout = '%lds'", m->wait_s);
    err = dbsync_script(m->db, sql, m->error, sizeof m->error);
    if (err)
        return err;
    err = query(m, "select pg_advisory_lock(" LOCK_KEY ")", NULL, NULL);
    if (err == ERR_DB_REFUSED) {
        say_holder(m, "still running");
        (void)snprintf(m->error, sizeof m->error, "gave up after %ld s; nothing was changed", m->wait_s);
        return err;
    }
    return err ? err : dbsync_script(m->db, "reset lock_timeout", m->error, sizeof m->error);
}

// ---- what is there

static int prepare_record(struct migrate *m, bool dry_run)
{
    static const char record[] = "create schema if not exists dt;"
                                 "create table if not exists dt.migration ("
                                 " number integer primary key,"
                                 " file text not null,"
                                 " sha256 bytea not null,"
                                 " applied_at timestamptz not null default clock_timestamp())";
    if (!dry_run) {
        m->recorded = true;
        return dbsync_script(m->db, record, m->error, sizeof m->error);
    }
    const struct db_result *r;
    int err = query(m, "select to_regclass('dt.migration') is not null", NULL, &r);
    if (!err)
        m->recorded = db_bool(r, 0, 0);
    return err;
}

// One applied migration against ours. Says what is wrong and what to do.
static int compare(struct migrate *m, const struct db_result *r, int row)
{
    char file[80];
    db_copy_text(r, row, 1, file, sizeof file);
    size_t number = (size_t)db_int(r, row, 0), len;
    const char *sum = db_bytes(r, row, 2, &len);
    const struct migration *ours = number <= m->known.count ? &m->known.list[number - 1] : NULL;
    unsigned char digest[SHA256_LEN];
    if (!ours)
        (void)snprintf(
            m->error, sizeof m->error,
            "the database has %s, which this program does not know: a newer program made it (run that "
            "one), or the file was removed (bring it back)",
            file);
    else if (number != (size_t)row + 1)
        (void)snprintf(
            m->error, sizeof m->error,
            "%s was never applied, but %s was: a migration put in between is not run; give it the next "
            "free number",
            m->known.list[row].file, file);
    else if (strcmp(ours->file, file) != 0)
        (void)snprintf(
            m->error, sizeof m->error,
            "number %04zu was applied as %s, but is %s here: bring the old file back and give the new one "
            "the next free number",
            number, file, ours->file);
    else {
        crypto_sha256(ours->sql, ours->len, digest);
        if (len == sizeof digest && memcmp(sum, digest, len) == 0)
            return ERR_OK;
        (void)snprintf(
            m->error, sizeof m->error,
            "%s has changed since it was applied: bring the old text back and put the change into a new "
            "migration",
            file);
    }
    return ERR_INVALID;
}

static int compare_all(struct migrate *m)
{
    if (!m->recorded)
        return ERR_OK;
    const struct db_result *r;
    int err = query(m, "select number, file, sha256 from dt.migration order by number", NULL, &r);
    for (int row = 0; !err && row < db_rows(r); row++)
        err = compare(m, r, row);
    if (!err)
        m->applied = (size_t)db_rows(r);
    return err;
}

// ---- doing it

static int record(struct migrate *m, size_t number, const struct migration *one)
{
    unsigned char digest[SHA256_LEN];
    crypto_sha256(one->sql, one->len, digest);
    struct db_params p;
    int err = db_params_init(&p);
    if (err)
        return err;
    db_put_int4(&p, (int32_t)number);
    db_put_cstr(&p, one->file);
    db_put_bytea(&p, digest, sizeof digest);
    err = query(m, "insert into dt.migration (number, file, sha256) values ($1::int4, $2::text, $3::bytea)",
                &p, NULL);
    db_params_done(&p);
    return err;
}

static int transaction_id(struct migrate *m, int64_t *ret_id)
{
    const struct db_result *r;
    int err = query(m, "select pg_current_xact_id()::text::int8", NULL, &r);
    if (!err)
        *ret_id = db_int(r, 0, 0);
    return err;
}

static int apply(struct migrate *m, size_t index)
{
    const struct migration *one = &m->known.list[index];
    int64_t since = clock_mono_ms(), before = 0, after = 0;
    int err = dbsync_script(m->db, "begin", m->error, sizeof m->error);
    if (!err)
        err = transaction_id(m, &before);
    if (!err)
        err = dbsync_script(m->db, one->sql, m->error, sizeof m->error);
    if (!err)
        err = transaction_id(m, &after);
    if (!err && before != after) {
        (void)snprintf(m->error, sizeof m->error,
                       "it ends its own transaction (commit, rollback): that is not its job");
        err = ERR_INVALID;
    }
    if (!err)
        err = record(m, index + 1, one);
    if (!err)
        err = dbsync_script(m->db, "commit", m->error, sizeof m->error);
    if (err) {
        char sentence[SENTENCE_MAX + 100];
        (void)snprintf(sentence, sizeof sentence, "%s: %s", one->file, m->error);
        return fail(err, sentence);
    }
    (void)printf("applied %s (%" PRId64 " ms)\n", one->file, clock_mono_ms() - since);
    (void)fflush(stdout);
    return 0;
}

static int run(struct migrate *m, bool dry_run)
{
    int err = dry_run ? ERR_OK : take_lock(m);
    if (!err)
        err = prepare_record(m, dry_run);
    if (!err)
        err = compare_all(m);
    if (err)
        return fail(err, m->error);
    if (m->applied == m->known.count)
        (void)printf("nothing to apply: all %zu migrations are in the database\n", m->applied);
    for (size_t i = m->applied; i < m->known.count; i++) {
        if (dry_run) {
            (void)printf("would apply %s\n", m->known.list[i].file);
            continue;
        }
        int code = apply(m, i);
        if (code)
            return code;
    }
    return fflush(stdout) == 0 ? 0 : EXIT_NO;
}

static const char *configured_url(void)
{
    const char *url = conf_text("database", "owner_url");
    return url[0] ? url : conf_text("database", "url");
}

int command_migrate(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"url", required_argument, NULL, 'u'},
                                            {"dry-run", no_argument, NULL, 'n'},
                                            {"dir", required_argument, NULL, 'd'},
                                            {"wait", required_argument, NULL, 'w'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *config = NULL, *url = NULL, *folder = NULL;
    bool dry_run = false;
    struct migrate m = {.wait_s = LOCK_WAIT_S};
    char *end = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'u':
            url = optarg;
            break;
        case 'n':
            dry_run = true;
            break;
        case 'd':
            folder = optarg;
            break;
        case 'w':
            m.wait_s = strtol(optarg, &end, 10);
            if (end == optarg || *end || m.wait_s < 1 || m.wait_s > 86400)
                return usage(stderr);
            break;
        case 'h':
            return usage(stdout);
        default:
            return usage(stderr);
        }
    }
    if (optind != argc || (config && url))
        return usage(stderr);
    if (!url) {
        if (conf_load(config, stderr))
            return EXIT_CONFIG;
        url = configured_url();
        if (!url[0]) {
            (void)fprintf(stderr, "migrate: no database: give --url, or set [database] owner_url or url\n");
            return EXIT_CONFIG;
        }
    }
    if (migrations_load(folder, &m.known, stderr))
        return EXIT_NO;
    int err = dbsync_open(url, &m.db, m.error, sizeof m.error);
    int code = err ? fail(err, m.error) : run(&m, dry_run);
    dbsync_close(err ? NULL : m.db);
    migrations_done(&m.known);
    return code;
}
