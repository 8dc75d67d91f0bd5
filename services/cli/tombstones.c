// SPDX-License-Identifier: EUPL-1.2
// `duongthu tombstones export|replay`, and the file itself.
#include "cli/tombstones.h"

#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define SUBJECT_PREFIX "dossier:"

struct tombstone {
    char line[LINE_MAX_BYTES];
    const char *subject, *at, *reason;
};

// ---- one line

static bool is_time(const char *s)
{
    struct tm tm;
    const char *end = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
    return end && (*end == 'Z' || *end == '.') && s[strlen(s) - 1] == 'Z';
}

// Splits t->line at its tabs.
static bool split(struct tombstone *t)
{
    t->line[strcspn(t->line, "\n")] = '\0';
    char *at = strchr(t->line, '\t');
    char *reason = at ? strchr(at + 1, '\t') : NULL;
    if (!reason || strchr(reason + 1, '\t'))
        return false;
    *at++ = '\0';
    *reason++ = '\0';
    t->subject = t->line;
    t->at = at;
    t->reason = reason;
    return strncmp(t->line, SUBJECT_PREFIX, strlen(SUBJECT_PREFIX)) == 0 && t->line[strlen(SUBJECT_PREFIX)] &&
           is_time(at);
}

// ---- writing

static int write_line(int fd, const char *line, size_t len)
{
    ssize_t n = write(fd, line, len); // O_APPEND: in one piece, whoever else appends
    return n == (ssize_t)len && fsync(fd) == 0 ? ERR_OK : ERR_IO;
}

int tombstones_append(const char *path, const char *subject, const char *reason, char why[TOMBSTONES_WHY_MAX])
{
    char line[LINE_MAX_BYTES], at[32];
    time_t now = time(NULL);
    struct tm tm;
    if (!gmtime_r(&now, &tm) || strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        return ERR_INVALID;
    int len = snprintf(line, sizeof line, "%s\t%s\t%s\n", subject, at, reason);
    if (len < 0 || (size_t)len >= sizeof line)
        return ERR_TOO_BIG;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int err = fd < 0 ? ERR_IO : write_line(fd, line, (size_t)len);
    if (err)
        (void)snprintf(why, TOMBSTONES_WHY_MAX, "the tombstone can't be written to %.200s: %s", path,
                       strerror(errno));
    if (fd >= 0 && close(fd) != 0 && !err) {
        (void)snprintf(why, TOMBSTONES_WHY_MAX, "%.200s: %s", path, strerror(errno));
        err = ERR_IO;
    }
    return err;
}

// ---- replaying

static int replay_one(struct dbsync *db, const struct tombstone *t, char why[TOMBSTONES_WHY_MAX])
{
    struct db_params p;
    const struct db_result *r = NULL;
    int err = db_params_init(&p);
    if (err)
        return err;
    db_put_cstr(&p, t->subject);
    db_put_cstr(&p, t->at);
    db_put_cstr(&p, t->reason);
    err = dbsync_query(db, "select dt.forget_replayed($1::text, $2::text::timestamptz, $3::text)", &p, &r);
    db_params_done(&p);
    if (err)
        (void)snprintf(why, TOMBSTONES_WHY_MAX, "a tombstone can't be replayed: %.200s",
                       err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    return err;
}

static int erase_again(struct dbsync *db, size_t *ret_erased, char why[TOMBSTONES_WHY_MAX])
{
    const struct db_result *r = NULL;
    int err = dbsync_query(db, "select dt.forget_again()", NULL, &r);
    if (err)
        (void)snprintf(why, TOMBSTONES_WHY_MAX, "the forgotten can't be erased again: %.200s",
                       err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    else
        *ret_erased = (size_t)db_int(r, 0, 0);
    return err;
}

// db NULL: only checks the lines.
static int walk(FILE *f, const char *path, struct dbsync *db, size_t *lines, char why[TOMBSTONES_WHY_MAX])
{
    struct tombstone t;
    *lines = 0;
    rewind(f);
    while (fgets(t.line, sizeof t.line, f)) {
        ++*lines;
        if (!strchr(t.line, '\n') || !split(&t)) {
            (void)snprintf(why, TOMBSTONES_WHY_MAX, "%.200s:%zu: not a tombstone (subject, time, reason)",
                           path, *lines);
            return ERR_INVALID;
        }
        int err = db ? replay_one(db, &t, why) : ERR_OK;
        if (err)
            return err;
    }
    if (ferror(f)) {
        (void)snprintf(why, TOMBSTONES_WHY_MAX, "%.200s can't be read: %s", path, strerror(errno));
        return ERR_IO;
    }
    return ERR_OK;
}

int tombstones_replay(struct dbsync *db, const char *path, size_t *ret_lines, size_t *ret_erased,
                      char why[TOMBSTONES_WHY_MAX])
{
    size_t lines = 0, erased = 0;
    FILE *f = fopen(path, "re");
    if (!f) {
        (void)snprintf(why, TOMBSTONES_WHY_MAX, "%.200s: %s", path, strerror(errno));
        return ERR_IO;
    }
    int err = walk(f, path, NULL, &lines, why);
    if (!err)
        err = walk(f, path, db, &lines, why);
    (void)fclose(f); // it was only read
    if (!err)
        err = erase_again(db, &erased, why);
    if (err)
        return err;
    *ret_lines = lines;
    *ret_erased = erased;
    return ERR_OK;
}

// ---- the command

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu tombstones export [--config FILE]        all tombstones, for the backup\n"
        "       duongthu tombstones replay FILE [--config FILE]   erase again what a restore brought back\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int export_all(struct dbsync *db)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(db,
                           "select subject || E'\\t' || to_char(at at time zone 'UTC', "
                           "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') || E'\\t' || "
                           "translate(why, E'\\t\\n\\r', '   ') from dt.forgotten where "
                           "starts_with(subject, '" SUBJECT_PREFIX "') order by at, subject",
                           NULL, &r);
    if (err) {
        fprintf(stderr, "tombstones: %s\n", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
        return EXIT_UNAVAILABLE;
    }
    for (int i = 0; i < db_rows(r); i++) {
        size_t len;
        if (puts(db_bytes(r, i, 0, &len)) < 0)
            return EXIT_NO;
    }
    return fflush(stdout) == 0 ? 0 : EXIT_NO; // a full disk must not look like a backup
}

static int replay(struct dbsync *db, const char *path)
{
    char why[TOMBSTONES_WHY_MAX] = "";
    size_t lines, erased;
    int err = dbsync_script(db, "begin", why, sizeof why);
    if (!err)
        err = tombstones_replay(db, path, &lines, &erased, why);
    if (!err)
        err = dbsync_script(db, "commit", why, sizeof why);
    if (err) { // closing the connection rolls back
        fprintf(stderr, "tombstones: %s; nothing was replayed\n", why);
        return err == ERR_IO || err == ERR_INVALID ? EXIT_NO : EXIT_UNAVAILABLE;
    }
    printf("%zu tombstones replayed, %zu sealed parts erased again\n", lines, erased);
    return 0;
}

int command_tombstones(int argc, char **argv)
{
    const char *config = NULL, *path = NULL;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    bool exports = argc > 1 && strcmp(argv[1], "export") == 0;
    if (argc < 2 || (!exports && strcmp(argv[1], "replay") != 0))
        return usage(stderr);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            config = argv[++i];
        else if (!path && argv[i][0] != '-')
            path = argv[i];
        else
            return usage(stderr);
    }
    if (exports == (path != NULL))
        return usage(stderr);
    if (conf_load(config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    char error[400];
    struct dbsync *db = NULL;
    if (dbsync_open(conf_text("database", "url"), &db, error, sizeof error) != ERR_OK) {
        fprintf(stderr, "tombstones: %s\n", error);
        return EXIT_UNAVAILABLE;
    }
    int code = exports ? export_all(db) : replay(db, path);
    dbsync_close(db);
    return code;
}
