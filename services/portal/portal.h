// SPDX-License-Identifier: EUPL-1.2
// `duongthu portal`: the office API (/api/v1, openapi.json) and the pages of citizens (/tra-cuu, /t/…). One
// request is one call (call.h): read or write in one SQL function, publish what was read, answer. The portal
// seals contacts but has no right to read one.
#pragma once
#include "base/attr.h"
#include "io/crypto.h"
#include "io/db.h"
#include "io/http.h"
#include "portal/limit.h"
#include <stdbool.h>
#include <uv.h>

#define PORTAL_CALLERS   65536 // callers whose rate is remembered, LIMIT_SLOT_BYTES each
#define PORTAL_PROXY_MAX 8     // reverse proxies that are believed

// dt.* functions of migrations/0008_portal.sql, in the order of the table in statements.c.
enum portal_statement {
    STATEMENT_REGISTER,
    STATEMENT_ACT,
    STATEMENT_DOSSIER,
    STATEMENT_JOURNEY,
    STATEMENT_LEVEL,
    STATEMENT_PAGE,
    STATEMENT_PUBLISH,
    STATEMENT_WAKE,
    STATEMENT_COUNT
};
extern const struct db_statement portal_statements[STATEMENT_COUNT];
extern const struct http_route portal_routes[];
extern const size_t portal_route_count;

struct portal {
    uv_loop_t *loop;
    struct db *db;
    struct http_server *http;
    struct keyring *ring;
    struct limiter *limiter;
    unsigned char limiter_key[32]; // random per process: nobody can aim at a bucket
    struct limit_rule lookups[LIMIT_RULES], offices[LIMIT_RULES], strangers[LIMIT_RULES];
    char proxies[PORTAL_PROXY_MAX][INET6_ADDRSTRLEN];
    size_t proxy_count;
    struct db_query wake; // tells correlate that a fact came
    bool wake_busy, wake_again;
    bool secure; // the public address is https
    unsigned open;
};

int portal_run(int argc, char **argv);

// What a limit is about: each kind counts for itself.
enum portal_meter {
    METER_LOOKUP = 'l',   // look-ups by code, and links that lead nowhere, per address
    METER_OFFICE = 'o',   // requests of one API key
    METER_STRANGER = 's', // requests with a wrong key, per address
};
struct limit_answer portal_meter(struct portal *p, enum portal_meter meter, const void *who, size_t len,
                                 bool take);

// The client's address: the peer's, or what a proxy that we believe says of it. IPv6 addresses are cut to
// their /64, since that is what one subscriber has.
void portal_client(const struct portal *p, const struct http_request *req, char out[INET6_ADDRSTRLEN]);
// Pure part of it. forwarded: the header X-Forwarded-For, or NULL.
void client_address(const char *peer, const char *forwarded, bool believed, char out[INET6_ADDRSTRLEN]);

// A fact was appended: wakes correlate. A hint; it polls anyhow.
void portal_wake(struct portal *p);

// handlers, office.c, office_write.c, office_read.c
void office_get_document(struct http_request *req, void *owner);
void office_put_dossier(struct http_request *req, void *owner);
void office_get_dossier(struct http_request *req, void *owner);
void office_get_journey(struct http_request *req, void *owner);
void office_post_link(struct http_request *req, void *owner);
void office_delete_link(struct http_request *req, void *owner);
void office_post_handover(struct http_request *req, void *owner);
void office_post_supplement(struct http_request *req, void *owner);
void office_post_result(struct http_request *req, void *owner);
void office_put_status(struct http_request *req, void *owner);
// handlers, citizen.c
void citizen_get_root(struct http_request *req, void *owner);
void citizen_get_lookup(struct http_request *req, void *owner);
void citizen_get_link(struct http_request *req, void *owner);
void citizen_get_style(struct http_request *req, void *owner);
