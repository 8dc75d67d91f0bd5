// SPDX-License-Identifier: EUPL-1.2
#include "portal/call.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "portal/problem.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_S 2

static struct metric answer_seconds = {.name = "duongthu_portal_answer_seconds",
                                       .help = "From a request that needs the database to its answer",
                                       .kind = METRIC_HISTOGRAM};

void call_register_metrics(void)
{
    metric_register(&answer_seconds);
}

struct call *call_create(struct portal *p, struct http_request *req)
{
    struct call *c = calloc(1, sizeof(*c));
    if (c && db_params_init(&c->query.params) == ERR_OK) {
        c->portal = p;
        c->req = req;
        buf_init(&c->body, CALL_BODY_MAX);
        return c;
    }
    free(c);
    http_unavailable(req, "overloaded", RETRY_AFTER_S);
    return NULL;
}

void call_destroy(struct call *c)
{
    if (!c)
        return;
    db_params_done(&c->query.params);
    buf_done(&c->body);
    free(c);
}

static void finish(struct call *c)
{
    metric_observe_ms(&answer_seconds, clock_mono_ms() - http_started_ms(c->req));
    if (c->problem)
        c->fail(c, c->problem);
    else if (buf_error(&c->body) != ERR_OK)
        c->fail(c, "internal-error");
    else {
        if (c->headers)
            c->headers(c);
        http_reply(c->req, c->status, c->type, c->body.data, c->body.len);
    }
    call_destroy(c);
}

// The code for a failed statement. What was sent and not answered may have happened.
static const char *problem_of(struct call *c, int err, const struct db_result *r)
{
    switch (err) {
    case ERR_DB_LOST:
    case ERR_TIMEOUT:
    case ERR_NOT_DURABLE:
        return c->writes && !c->publishing ? "outcome-unknown" : "database-unavailable";
    case ERR_DB_DOWN:
    case ERR_FULL:
    case ERR_CLOSED:
        return "database-unavailable";
    default:
        break;
    }
    const char *sqlstate = r ? db_sqlstate(r) : "";
    if (err == ERR_DB_REFUSED && (db_transient(sqlstate) || strcmp(sqlstate, "57014") == 0))
        return "database-unavailable";
    log_error("portal.statement_failed", LOG_STR("statement", portal_statements[c->query.statement].name),
              LOG_ERR(err), LOG_STR("sqlstate", sqlstate), LOG_STR("says", r ? db_message(r) : ""));
    return "internal-error";
}

static void on_done(struct db_query *q, int err, const struct db_result *r);

static void submit(struct call *c, enum portal_statement statement)
{
    c->query.statement = statement;
    c->query.done = on_done;
    c->query.owner = c;
    int err = db_submit(c->portal->db, &c->query);
    if (err != ERR_OK) {
        c->problem = problem_of(c, err, NULL);
        finish(c);
    }
}

static void on_done(struct db_query *q, int err, const struct db_result *r)
{
    struct call *c = q->owner;
    if (err != ERR_OK) {
        c->problem = problem_of(c, err, r);
    } else if (!c->publishing) {
        c->print(c, r);
        if (!c->problem && c->writes && c->status < 300)
            portal_wake(c->portal);
        if (!c->problem && c->behind) {
            c->publishing = true;
            db_params_reset(&c->query.params);
            submit(c, STATEMENT_PUBLISH);
            return;
        }
    }
    finish(c);
}

void call_submit(struct call *c, enum portal_statement statement, call_print print, call_fail fail)
{
    c->print = print;
    c->fail = fail;
    submit(c, statement);
}
