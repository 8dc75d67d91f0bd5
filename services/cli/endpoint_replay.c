// SPDX-License-Identifier: EUPL-1.2
// `duongthu endpoint replay`: asks the webhook service to send again: one dossier from a number on,
// everything since a time, or all that was given up. Receivers know the events by their webhook-id, which
// does not change.
#include "cli/endpoint.h"

#include "base/err.h"
#include "cli/command.h"
#include "domain/code.h"
#include "domain/dossier_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK "insert into dt.replay as r (lane, endpoint, dossier, from_at) "
#define EARLIEST                                                                                             \
    " on conflict (lane, endpoint, dossier) do update set from_at = least(r.from_at, excluded.from_at) "     \
    "returning from_at"

static int ask(struct endpoint_call *c, const char *sql, struct db_params *p, const char *nothing,
               const char *what)
{
    const struct db_result *r;
    int code = endpoint_query(c, sql, p, &r);
    if (code)
        return code;
    if (db_rows(r) == 0)
        return endpoint_fail(ERR_NOT_FOUND, nothing);
    int rows = db_rows(r);
    endpoint_notify(c);
    return printf("asked for %d %s\n", rows, what) < 0 ? EXIT_NO : 0;
}

static int replay_dossier(struct endpoint_call *c)
{
    struct code found;
    struct dossier_code code, canonical;
    struct db_params p;
    long long from = c->from ? strtoll(c->from, NULL, 10) : 1;
    if (from < 1 || (c->from && strspn(c->from, "0123456789") != strlen(c->from)))
        return endpoint_fail(ERR_INVALID, "--from wants a number of the dossier's journey, from 1");
    code_recognise(c->dossier, strlen(c->dossier), CODE_BIT(CODE_DOSSIER), &found);
    if (found.kind == CODE_NONE || dossier_code_parse(found.text, strlen(found.text), &code) != FAULT_OK)
        return endpoint_fail(ERR_INVALID, found.reason);
    dossier_code_canonical(&code, &canonical);
    int exit_code = endpoint_params(c, &p);
    if (exit_code)
        return exit_code;
    db_put_cstr(&p, canonical.text);
    db_put_cstr(&p, found.text);
    db_put_int8(&p, from);
    return ask(c,
               ASK "select distinct d.lane, $1::uuid, d.dossier, $4::bigint from dt.dossier_code d where "
                   "d.code in ($2::text, $3::text)" EARLIEST,
               &p, "there is no dossier of this code", "dossier");
}

static int replay_since(struct endpoint_call *c)
{
    struct db_params p;
    int code = endpoint_params(c, &p);
    if (code)
        return code;
    db_put_cstr(&p, c->since);
    return ask(c,
               ASK "select h.lane, $1::uuid, 0, f.pos from dt.journey_head h cross join lateral (select "
                   "min(j.pos) as pos from "
                   "dt.journey j where j.lane = h.lane and j.recorded_at >= $2::text::timestamptz) f where "
                   "f.pos is not null" EARLIEST,
               &p, "nothing was recorded since then", "lanes of the log");
}

static int replay_given_up(struct endpoint_call *c)
{
    struct db_params p;
    int code = endpoint_params(c, &p);
    if (code)
        return code;
    return ask(c,
               ASK "select j.lane, $1::uuid, j.dossier, min(j.seq) from dt.attempt a join dt.journey j on "
                   "j.lane = a.lane and j.pos = "
                   "a.pos where a.endpoint = $1::uuid and a.outcome = 3 and not exists (select from "
                   "dt.attempt d where d.lane = a.lane "
                   "and d.endpoint = a.endpoint and d.pos = a.pos and d.outcome = 1) group by j.lane, "
                   "j.dossier" EARLIEST,
               &p, "nothing was given up that has not arrived since", "dossiers");
}

int endpoint_replay(struct endpoint_call *c)
{
    if ((c->dossier != NULL) + (c->since != NULL) + c->given_up != 1 || (c->from && !c->dossier)) {
        (void)fputs(
            "endpoint: replay wants one of --dossier CODE [--from NUMBER], --since TIME, --given-up\n",
            stderr);
        return EXIT_USAGE;
    }
    return c->dossier ? replay_dossier(c) : c->since ? replay_since(c) : replay_given_up(c);
}
