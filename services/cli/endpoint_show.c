// SPDX-License-Identifier: EUPL-1.2
// `duongthu endpoint list|show|held|given-up`: tab-separated lines with a heading. Each statement gives one
// text column.
#include "cli/endpoint.h"

#include "cli/command.h"

#include "domain/event.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES  4096
#define LOCAL(time) "to_char(" time " at time zone 'Asia/Ho_Chi_Minh', 'YYYY-MM-DD HH24:MI:SS')"
#define CODE_OF                                                                                              \
    "coalesce((select c.code from dt.dossier_code c where c.lane = x.lane and c.dossier = x.dossier and "    \
    "c.is_primary "                                                                                          \
    "order by c.from_at desc limit 1), '')"
// Events of the log behind the cursor, not all of them wanted.
#define BEHIND                                                                                               \
    "(select coalesce(sum(greatest(coalesce((select j.pos from dt.journey j where j.lane = h.lane order by " \
    "j.pos desc limit 1), 0) - "                                                                             \
    "coalesce((select k.done from dt.endpoint_cursor k where k.lane = h.lane and k.endpoint = e.endpoint "   \
    "order by k.n desc limit 1), "                                                                           \
    "0), 0)), 0) from dt.journey_head h)"

static int print_lines(const struct db_result *r)
{
    char line[LINE_BYTES];
    for (int row = 0; row < db_rows(r); row++) {
        db_copy_text(r, row, 0, line, sizeof line);
        if (puts(line) < 0)
            return EXIT_NO;
    }
    return fflush(stdout) == 0 ? 0 : EXIT_NO;
}

static int list(struct endpoint_call *c, const char *heading, const char *sql)
{
    struct db_params p;
    const struct db_result *r;
    int code = endpoint_params(c, &p);
    if (code == 0)
        code = endpoint_query(c, sql, &p, &r);
    if (code)
        return code;
    return puts(heading) < 0 ? EXIT_NO : print_lines(r);
}

int endpoint_list(struct endpoint_call *c)
{
    return list(c, "ENDPOINT\tSTATUS\tBEHIND\tHELD\tUNITS\tURL\tLABEL",
                "select e.endpoint || E'\\t' || case when e.status = 'active' and e.down_since is not null "
                "then 'down' else e.status "
                "end || E'\\t' || " BEHIND " || E'\\t' || (select count(*) from dt.hold d where d.endpoint = "
                "e.endpoint) || E'\\t' || array_to_string(e.units, "
                "',') || E'\\t' || e.url || E'\\t' || e.label from dt.endpoint e where $1::uuid is not null "
                "order by e.created_at");
}

// The last attempts in the words of the ledger.
static int print_attempts(struct endpoint_call *c)
{
    return list(
        c, "\nWHEN\tPOSITION\tRESULT\tSTATUS\tMS\tERROR",
        "select " LOCAL(
            "a.at") " || E'\\t' || a.lane || ':' || a.pos || E'\\t' || case a.outcome when 1 then "
                    "'delivered' when 2 then 'failed' when 3 "
                    "then 'given up' else 'aborted' end || E'\\t' || coalesce(a.status::text, '') || E'\\t' "
                    "|| a.took_ms || E'\\t' || "
                    "a.error from dt.journey_head h cross join lateral (select * from dt.attempt t where "
                    "t.lane = h.lane and t.endpoint = "
                    "$1::uuid order by t.pos desc, t.at desc limit 20) a order by a.at desc limit 20");
}

int endpoint_show(struct endpoint_call *c)
{
    struct db_params p;
    const struct db_result *r;
    int code = endpoint_params(c, &p);
    if (code == 0)
        code = endpoint_query(
            c,
            "select 'endpoint  ' || e.endpoint || E'\\nlabel     ' || e.label || E'\\nurl       ' || e.url "
            "|| E'\\nunits     ' || "
            "array_to_string(e.units, ' ') || E'\\nevents    ' || coalesce(nullif(array_to_string(e.kinds, ' "
            "'), ''), 'all') || "
            "E'\\nlegs      ' || e.legs || E'\\nthin      ' || e.thin || E'\\nallow     ' || e.allow || "
            "E'\\nsecrets   ' || "
            "cardinality(e.secrets) || coalesce(', older ones sign until ' || " LOCAL(
                "e.secret_until") ", '') || E'\\nstatus    ' || e.status || case when e.down_since is not "
                                  "null then ', down since ' || " LOCAL("e.down_since") " else '' end || "
                                                                                        "case when e.why <> "
                                                                                        "'' then ' (' || "
                                                                                        "e.why || ')' else "
                                                                                        "'' end || "
                                                                                        "E'\\nbehind    ' "
                                                                                        "|| " BEHIND
                                                                                        " || E' positions of "
                                                                                        "the log\\nheld      "
                                                                                        "' || (select "
                                                                                        "count(*) from "
                                                                                        "dt.hold d where "
                                                                                        "d.endpoint = "
                                                                                        "e.endpoint) || "
                                                                                        "E' dossiers\\ngiven "
                                                                                        "up  ' || (select "
                                                                                        "count(*) from "
                                                                                        "dt.attempt a where "
                                                                                        "a.endpoint = "
                                                                                        "e.endpoint and "
                                                                                        "a.outcome = 3) || "
                                                                                        "' events' from "
                                                                                        "dt.endpoint e where "
                                                                                        "e.endpoint = "
                                                                                        "$1::uuid",
            &p, &r);
    if (code == 0)
        code = print_lines(r);
    return code == 0 ? print_attempts(c) : code;
}

int endpoint_held(struct endpoint_call *c)
{
    return list(c, "DOSSIER\tFROM\tTRIES\tSINCE\tNEXT\tWHY",
                "select " CODE_OF " || E'\\t' || x.from_seq || E'\\t' || x.attempts || E'\\t' || " LOCAL(
                    "x.since") " || E'\\t' || " LOCAL("x.next_at") " || E'\\t' || x.why from dt.hold x where "
                                                                   "x.endpoint = $1::uuid order by x.since "
                                                                   "limit 1000");
}

int endpoint_given_up(struct endpoint_call *c)
{
    struct db_params p;
    const struct db_result *r;
    int code = endpoint_params(c, &p);
    if (code == 0)
        code = endpoint_query(
            c,
            "select " LOCAL(
                "a.at") ", x.code, x.seq, x.kind, a.error from dt.attempt a join dt.journey x on x.lane = "
                        "a.lane and x.pos = a.pos "
                        "where a.endpoint = $1::uuid and a.outcome = 3 order by a.at desc limit 1000",
            &p, &r);
    if (code || puts("WHEN\tDOSSIER\tNUMBER\tEVENT\tWHY") < 0)
        return code ? code : EXIT_NO;
    for (int row = 0; row < db_rows(r); row++) {
        char when[32], dossier[80], why[160];
        db_copy_text(r, row, 0, when, sizeof when);
        db_copy_text(r, row, 1, dossier, sizeof dossier);
        db_copy_text(r, row, 4, why, sizeof why);
        if (printf("%s\t%s\t%lld\t%s\t%s\n", when, dossier, (long long)db_int(r, row, 2),
                   event_name((unsigned)db_int(r, row, 3)), why) < 0)
            return EXIT_NO;
    }
    return fflush(stdout) == 0 ? 0 : EXIT_NO;
}
