// SPDX-License-Identifier: EUPL-1.2
// What waits for a person: `duongthu quarantine list|release|drop`, `stuck list|retry`, `unmatched list`,
// `frozen list`. Lines are tab-separated with a heading, so that they read well and cut well.
#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "domain/fact.h"
#include "io/dbsync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 2048

struct attention {
    const char *noun, *what, *heading, *sql; // sql: one text column, at most 1,000 rows
};

static const struct attention attentions[] = {
    {"quarantine", "scans that were stored and must not move anything before a person has looked",
     "SCAN\tWHY\tEVENT\tCODE\tWHEN\tSTATE",
     "select stream || ':' || seq || ':' || left(encode(digest, 'hex'), 12) || E'\\t' || "
     "case reason when 10 then 'check-digit' when 11 then 'device-revoked' when 12 then 'time-absurd' when "
     "13 then 'conflict' "
     "when 14 then 'code-unknown' else 'event-invalid' end || E'\\t' || coalesce(substring(body from "
     "'type=([^\\n]*)'), '') || E'\\t' || coalesce(code, '') || E'\\t' || "
     "to_char(occurred_at at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI') || E'\\t' || state from "
     "dt.quarantine where state = 'open' order by at limit 1000"},
    {"stuck", "facts that correlate could not digest", "FACT\tCODE\tSINCE\tWHY",
     "select lane || ':' || pos || E'\\t' || coalesce(code, '') || E'\\t' || to_char(at at time zone "
     "'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI') || E'\\t' || error "
     "from dt.stuck where solved_at is null order by lane, pos, code limit 1000"},
    {"unmatched", "items that travel without a dossier (chưa khớp); link them with `duongthu link add`",
     "ITEM\tOFFICE\tLAST SCAN",
     "select i.code || E'\\t' || coalesce(i.office, '') || E'\\t' || to_char(i.last_at at time zone "
     "'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI') from dt.item i "
     "where not exists (select from dt.link l where l.lane = i.lane and l.item = i.item and l.to_at is null) "
     "order by i.last_at limit 1000"},
    {"frozen", "items that no fact moves any more", "ITEM\tWHY\tLAST SCAN",
     "select code || E'\\t' || frozen || E'\\t' || to_char(last_at at time zone 'Asia/Ho_Chi_Minh', "
     "'YYYY-MM-DD HH24:MI') from dt.item "
     "where frozen is not null order by last_at limit 1000"},
};

static int usage(const struct attention *a, FILE *to)
{
    fprintf(to, "usage: duongthu %s list [--config FILE]   %s\n", a->noun, a->what);
    if (a == attentions)
        (void)fputs("       duongthu quarantine release SCAN   it is right after all: it joins the log as "
                    "the operator's word\n"
                    "       duongthu quarantine drop SCAN      it is wrong; it stays as evidence\n"
                    "SCAN as `list` prints it: stream:number:digest\n",
                    to);
    else if (strcmp(a->noun, "stuck") == 0)
        (void)fputs(
            "       duongthu stuck retry CODE          the reason is gone: all facts that wait about it are "
            "applied\n",
            to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int fail(const struct attention *a, int err, const struct db_result *r)
{
    fprintf(stderr, "%s: %s\n", a->noun, err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    return err == ERR_DB_REFUSED ? EXIT_NO : EXIT_UNAVAILABLE;
}

static int list(const struct attention *a, struct dbsync *db)
{
    const struct db_result *r = NULL;
    char line[LINE_BYTES];
    int err = dbsync_query(db, a->sql, NULL, &r);
    if (err != ERR_OK)
        return fail(a, err, r);
    puts(a->heading);
    for (int i = 0; i < db_rows(r); i++) {
        db_copy_text(r, i, 0, line, sizeof line);
        puts(line);
    }
    return 0;
}

// "12:7:0a1b2c3d4e5f" → its parts.
static bool parse_scan(const char *s, int64_t *ret_stream, int64_t *ret_seq, char ret_digest[13])
{
    char *end;
    *ret_stream = strtoll(s, &end, 10);
    if (*end != ':')
        return false;
    *ret_seq = strtoll(end + 1, &end, 10);
    if (*end != ':' || strlen(end + 1) != 12 || strspn(end + 1, "0123456789abcdef") != 12)
        return false;
    memcpy(ret_digest, end + 1, 13);
    return *ret_stream > 0 && *ret_seq > 0;
}

// One statement, hence one transaction: the fact joins the log exactly when the scan leaves quarantine.
static int settle(const struct attention *a, struct dbsync *db, const char *scan, bool release)
{
    static const char sql[] =
        "with q as (update dt.quarantine set state = $4::text where stream = $1::bigint and seq = $2::bigint "
        "and starts_with(encode(digest, 'hex'), $3::text) "
        "and state = 'open' returning type, occurred_at, code, body), "
        "f as (select dt.append_facts('cli', $5::smallint, array[type], array[occurred_at], array[code], "
        "array[body]) from q where $4::text = 'released') "
        "select (select count(*) from q), (select count(*) from f)";
    int64_t stream, seq;
    char digest[13];
    struct db_params p;
    const struct db_result *r = NULL;
    if (!parse_scan(scan, &stream, &seq, digest)) {
        fprintf(stderr,
                "quarantine: '%.60s' is not stream:number:digest as `duongthu quarantine list` prints it\n",
                scan);
        return EXIT_USAGE;
    }
    int err = db_params_init(&p);
    if (err != ERR_OK)
        return fail(a, err, NULL);
    db_put_int8(&p, stream);
    db_put_int8(&p, seq);
    db_put_cstr(&p, digest);
    db_put_cstr(&p, release ? "released" : "dropped");
    db_put_int2(&p, SOURCE_OPERATOR);
    err = dbsync_query(db, sql, &p, &r);
    db_params_done(&p);
    if (err != ERR_OK)
        return fail(a, err, r);
    if (db_int(r, 0, 0) == 0) {
        fprintf(stderr, "quarantine: no open scan %s\n", scan);
        return EXIT_NO;
    }
    return puts(release ? "released: it is a fact now" : "dropped: it stays as evidence") < 0;
}

// Says fact.retried about a code, when something that can be retried waits about it.
static int retry(const struct attention *a, struct dbsync *db, const char *code)
{
    static const char sql[] = "select dt.append_facts('cli', $3::smallint, array[$2::smallint], "
                              "array[clock_timestamp()], array[$1::text], "
                              "array[$4::text]) where exists (select from dt.stuck where code = $1::text and "
                              "solved_at is null and sqlstate <> '')";
    char body[FACT_BODY_MAX];
    struct db_params p;
    struct fact f;
    const struct db_result *r = NULL;
    fact_init(&f);
    f.kind = EVENT_FACT_RETRIED;
    f.code = (struct fact_text){code, strlen(code)};
    int len = fact_print(&f, body, sizeof body);
    if (len < 0) {
        fprintf(stderr, "stuck: '%.64s' is no code (%s)\n", code, fact_error_name((enum fact_error)len));
        return EXIT_USAGE;
    }
    int err = db_params_init(&p);
    if (err != ERR_OK)
        return fail(a, err, NULL);
    db_put_cstr(&p, code);
    db_put_int2(&p, EVENT_FACT_RETRIED);
    db_put_int2(&p, SOURCE_OPERATOR);
    db_put_text(&p, body, (size_t)len);
    err = dbsync_query(db, sql, &p, &r);
    db_params_done(&p);
    if (err != ERR_OK)
        return fail(a, err, r);
    if (db_rows(r) == 0) {
        fprintf(stderr, "stuck: nothing waits for a retry about %s\n", code);
        return EXIT_NO;
    }
    return puts("it is tried again; `duongthu stuck list` shows whether it worked") < 0;
}

int command_attention(int argc, char **argv)
{
    const struct attention *a = attentions;
    while (strcmp(a->noun, argv[0]) != 0) // duongthu.c sends only these nouns here
        a++;
    const char *config = NULL;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(a, stdout);
    if (argc >= 4 && strcmp(argv[argc - 2], "--config") == 0) {
        config = argv[argc - 1];
        argc -= 2;
    }
    bool is_list = argc == 2 && strcmp(argv[1], "list") == 0;
    bool is_release = argc == 3 && a == attentions && strcmp(argv[1], "release") == 0;
    bool is_drop = argc == 3 && a == attentions && strcmp(argv[1], "drop") == 0;
    bool is_retry = argc == 3 && strcmp(a->noun, "stuck") == 0 && strcmp(argv[1], "retry") == 0;
    if (!is_list && !is_release && !is_drop && !is_retry)
        return usage(a, stderr);
    if (conf_load(config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    struct dbsync *db = NULL;
    char error[400];
    if (dbsync_open(conf_text("database", "url"), &db, error, sizeof error) != ERR_OK) {
        fprintf(stderr, "%s: %s\n", a->noun, error);
        return EXIT_UNAVAILABLE;
    }
    int code = is_list ? list(a, db) : is_retry ? retry(a, db, argv[2]) : settle(a, db, argv[2], is_release);
    dbsync_close(db);
    return code;
}
