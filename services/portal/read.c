// SPDX-License-Identifier: EUPL-1.2
// What an office reads: a dossier as it stands, and its journey page by page.
#include "base/err.h"
#include "base/json.h"
#include "domain/event.h"
#include "domain/journey.h"
#include "domain/state.h"
#include "portal/assets.h"
#include "portal/office.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The first row's problem, if it has one.
static bool has_problem(struct call *c, const struct db_result *r)
{
    size_t len;
    const char *problem = db_bytes(r, 0, 1, &len);
    if (len == 0)
        return false;
    c->problem = problem_find(problem)->code;
    return true;
}

static void put_text(struct jout *j, const char *key, const struct db_result *r, int row, int col)
{
    size_t len;
    const char *s = db_bytes(r, row, col, &len);
    if (s)
        jout_string_n(j, key, s, len);
    else
        jout_null(j, key);
}

static void put_int(struct jout *j, const char *key, const struct db_result *r, int row, int col)
{
    if (db_null(r, row, col))
        jout_null(j, key);
    else
        jout_int(j, key, db_int(r, row, col));
}

static void put_bool(struct jout *j, const char *key, const struct db_result *r, int row, int col)
{
    if (db_null(r, row, col))
        jout_null(j, key);
    else
        jout_bool(j, key, db_bool(r, row, col));
}

static void put_time(struct jout *j, const char *key, const struct db_result *r, int row, int col)
{
    if (db_null(r, row, col))
        jout_null(j, key);
    else
        jout_time(j, key, db_time_ms(r, row, col));
}

// "state":"S12","state_name":"out-for-delivery"
static void put_state(struct jout *j, const struct db_result *r, int row, int col)
{
    if (db_null(r, row, col)) {
        jout_null(j, "state");
        jout_null(j, "state_name");
        return;
    }
    unsigned state = (unsigned)db_int(r, row, col);
    jout_string(j, "state", state_code(state));
    jout_string(j, "state_name", state_name(state));
}

// ---- GET /dossiers/{code}

enum dossier_column {
    D_STATUS,
    D_PROBLEM,
    D_BEHIND,
    D_PENDING,
    D_CODE,
    D_UNIT,
    D_REGISTERED,
    D_TTHC,
    D_TOLD,
    D_PROPOSED,
    D_DUE,
    D_SEQ,
    D_MERGED,
    D_CONTACT,
    D_CONSENT,
    D_ITEM,
    D_LEG,
    D_STATE,
    D_LAST_AT
};

static void print_items(struct jout *j, const struct db_result *r)
{
    jout_open_array(j, "items");
    for (int row = 0; row < db_rows(r); row++) {
        if (db_null(r, row, D_ITEM))
            continue;
        jout_open_object(j, NULL);
        put_text(j, "code", r, row, D_ITEM);
        put_text(j, "leg", r, row, D_LEG);
        put_state(j, r, row, D_STATE);
        put_time(j, "last_at", r, row, D_LAST_AT);
        jout_close_object(j);
    }
    jout_close_array(j);
}

static void print_dossier(struct call *c, const struct db_result *r)
{
    if (has_problem(c, r))
        return;
    struct jout j;
    c->behind = !db_null(r, 0, D_BEHIND) && db_bool(r, 0, D_BEHIND);
    jout_init(&j, &c->body);
    jout_open_object(&j, NULL);
    put_text(&j, "code", r, 0, D_CODE);
    put_text(&j, "unit", r, 0, D_UNIT);
    put_bool(&j, "registered", r, 0, D_REGISTERED);
    put_bool(&j, "pending", r, 0, D_PENDING);
    put_text(&j, "tthc", r, 0, D_TTHC);
    put_text(&j, "due", r, 0, D_DUE);
    put_int(&j, "status", r, 0, D_TOLD);
    put_int(&j, "proposed_status", r, 0, D_PROPOSED);
    put_int(&j, "journey_seq", r, 0, D_SEQ);
    put_text(&j, "merged_into", r, 0, D_MERGED);
    put_bool(&j, "contact", r, 0, D_CONTACT);
    put_bool(&j, "sms_consent", r, 0, D_CONSENT);
    print_items(&j, r);
    jout_close_object(&j);
    office_answer_json(c, 200);
}

void office_get_dossier(struct http_request *req, void *owner)
{
    struct office_head h;
    if (!office_open(owner, req, &h))
        return;
    struct call *c = call_create(owner, req);
    if (!c)
        return;
    office_put_reader(c, &h);
    call_submit(c, STATEMENT_DOSSIER, print_dossier, office_fail);
}

// ---- GET /dossiers/{code}/journey

enum journey_column {
    J_STATUS,
    J_PROBLEM,
    J_BEHIND,
    J_CODE,
    J_SEQ,
    J_KIND,
    J_FLAGS,
    J_OCCURRED,
    J_RECORDED,
    J_ITEM,
    J_LEG,
    J_STATE,
    J_RETRACTS,
    J_DETAILS
};

static void print_flags(struct jout *j, int64_t flags)
{
    static const struct {
        int64_t bit;
        const char *name;
    } names[] = {
        {JOURNEY_LATE, "late"},       {JOURNEY_REVISED, "revised"},
        {JOURNEY_ILLEGAL, "illegal"}, {JOURNEY_CONTRADICTION, "contradiction"},
        {JOURNEY_REPLAY, "replay"},
    };
    jout_open_array(j, "flags");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (flags & names[i].bit)
            jout_string(j, NULL, names[i].name);
    }
    jout_close_array(j);
}

static void print_row(struct jout *j, const struct db_result *r, int row)
{
    size_t len;
    jout_open_object(j, NULL);
    put_int(j, "seq", r, row, J_SEQ);
    jout_string(j, "type", event_name((unsigned)db_int(r, row, J_KIND)));
    print_flags(j, db_int(r, row, J_FLAGS));
    put_time(j, "occurred_at", r, row, J_OCCURRED);
    put_time(j, "recorded_at", r, row, J_RECORDED);
    put_text(j, "item", r, row, J_ITEM);
    const char *leg = db_bytes(r, row, J_LEG, &len);
    if (len > 0)
        jout_string_n(j, "leg", leg, len);
    else
        jout_null(j, "leg");
    put_state(j, r, row, J_STATE);
    put_int(j, "retracts", r, row, J_RETRACTS);
    const char *details = db_bytes(r, row, J_DETAILS, &len);
    jout_raw(j, "details", details, len);
    jout_close_object(j);
}

// c->detail holds the page's size.
static void print_journey(struct call *c, const struct db_result *r)
{
    if (has_problem(c, r))
        return;
    int limit = (int)strtol(c->detail, NULL, 10), rows = db_rows(r) - 1;
    bool more = rows > limit;
    struct jout j;
    c->behind = !db_null(r, 0, J_BEHIND) && db_bool(r, 0, J_BEHIND);
    jout_init(&j, &c->body);
    jout_open_object(&j, NULL);
    put_text(&j, "code", r, 0, J_CODE);
    jout_open_array(&j, "rows");
    for (int row = 1; row <= (more ? limit : rows); row++)
        print_row(&j, r, row);
    jout_close_array(&j);
    if (more)
        jout_int(&j, "next", db_int(r, limit, J_SEQ));
    else
        jout_null(&j, "next");
    jout_close_object(&j);
    office_answer_json(c, 200);
}

// A decimal query parameter; absent = fallback.
static bool read_parameter(const struct http_request *req, const char *name, int64_t low, int64_t high,
                           int64_t fallback, int64_t *ret)
{
    const char *text = http_query(req, name);
    *ret = fallback;
    if (!text)
        return true;
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 18 || text[len] != '\0')
        return false;
    *ret = strtoll(text, NULL, 10);
    return *ret >= low && *ret <= high;
}

void office_get_journey(struct http_request *req, void *owner)
{
    struct office_head h;
    int64_t after, limit;
    if (!office_open(owner, req, &h))
        return;
    if (!read_parameter(req, "after", 0, INT64_MAX, 0, &after) ||
        !read_parameter(req, "limit", 1, OFFICE_PAGE_MAX, OFFICE_PAGE_DEFAULT, &limit)) {
        problem_reply(req, "parameter-invalid", "after is a number of a row, 0 to begin; limit is 1 to 500.");
        return;
    }
    struct call *c = call_create(owner, req);
    if (!c)
        return;
    (void)snprintf(c->detail, sizeof(c->detail), "%d", (int)limit);
    office_put_reader(c, &h);
    db_put_int8(&c->query.params, after);
    db_put_int4(&c->query.params, (int32_t)limit);
    call_submit(c, STATEMENT_JOURNEY, print_journey, office_fail);
}

// ---- GET /openapi.json

void office_get_document(struct http_request *req, void *owner)
{
    (void)owner;
    http_set_header(req, "Cache-Control", "public, max-age=300");
    http_reply(req, 200, "application/vnd.oai.openapi+json;version=3.1", portal_openapi, portal_openapi_len);
}
