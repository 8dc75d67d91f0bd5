// SPDX-License-Identifier: EUPL-1.2
// One request that needs the database: asks, publishes what it read, answers. States: ASKING → (PUBLISHING) →
// answered and freed. Handlers are three steps: call_create(), fill call->query.params, call_submit().
#pragma once
#include "portal/portal.h"

#define CALL_BODY_MAX ((size_t)1 << 20) // bytes of an answer

struct call;
// Reads the rows: sets status, type and body, or problem; sets behind when rows were shown that are not
// published yet.
typedef void (*call_print)(struct call *c, const struct db_result *r);
// Answers for a failure; code is of problem.c.
typedef void (*call_fail)(struct call *c, const char *code);

struct call {
    struct portal *portal;
    struct http_request *req;
    struct db_query query;
    call_print print;
    call_fail fail;
    bool writes;     // a lost answer may have done its work; a 2xx of print appended a fact
    bool publishing; //
    // set by print
    int status;
    const char *type;
    void (*headers)(struct call *c); // sets those of a good answer; may be NULL
    struct buf body;
    const char *problem; // a literal of problem.c
    bool behind;
    // the handler's
    char code[64];   // dossier code, as it is shown
    char detail[64]; // what else print needs
    char caller[40]; // id of the API key, for the log
};

// Call once at start.
void call_register_metrics(void);

// NULL: out of memory, and answered so. call_submit() hands it over; call_destroy() before that.
struct call *call_create(struct portal *p, struct http_request *req);
void call_destroy(struct call *c);
// The call answers by itself from here on, at once when the pool refuses.
void call_submit(struct call *c, enum portal_statement statement, call_print print, call_fail fail);
