// SPDX-License-Identifier: EUPL-1.2
// Where the provider reports what became of a message: POST /v1/sms/receipts {"reference": "<our id>",
// "state": "delivered"|"undelivered"} with the bearer token of [sms] receipts_token_file. Off unless [sms]
// receipts_listen is set.
#include "sms/internal.h"

#include "base/err.h"
#include "base/log.h"
#include "io/http.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECEIPT_MAX 4096

static char token[512]; // of this process, read once

struct receipt {
    struct db_query query;
    struct http_request *req;
};

static void on_stored(struct db_query *q, int err, const struct db_result *r)
{
    struct receipt *x = CONTAINER_OF(q, struct receipt, query);
    if (err != ERR_OK)
        http_unavailable(x->req, "database-away", 5);
    else if (!db_bool(r, 0, 0))
        http_problem(x->req, 404, "unknown-reference", "No such message",
                     "no submitted message has this reference");
    else
        http_reply(x->req, 204, NULL, NULL, 0);
    db_params_done(&q->params);
    free(x);
}

static bool parse_uuid(const char *s, unsigned char out[16])
{
    char hex[33];
    size_t n = 0, len;
    for (; *s; s++) {
        if (*s == '-')
            continue;
        if (n == 32)
            return false;
        hex[n++] = *s;
    }
    return n == 32 && crypto_hex_decode(hex, n, out, 16, &len) == ERR_OK;
}

static bool authorised(struct http_request *req)
{
    const char *given = http_header(req, "authorization");
    char want[sizeof token + 8];
    int n = snprintf(want, sizeof want, "Bearer %s", token);
    return given && strlen(given) == (size_t)n && crypto_equal(given, want, (size_t)n);
}

bool receipt_parse(const char *body, size_t len, unsigned char id[16], bool *ret_delivered)
{
    json_t *json = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    const char *reference = json_string_value(json_object_get(json, "reference"));
    const char *state = json_string_value(json_object_get(json, "state"));
    bool known = state && (strcmp(state, "delivered") == 0 || strcmp(state, "undelivered") == 0);
    bool ok = known && reference && parse_uuid(reference, id);
    if (ok)
        *ret_delivered = strcmp(state, "delivered") == 0;
    json_decref(json);
    return ok;
}

static void on_receipt(struct http_request *req, void *owner)
{
    struct sms *s = owner;
    unsigned char id[16];
    bool delivered;
    if (!authorised(req)) {
        http_problem(req, 401, "unauthorised", "Unauthorised",
                     "this listener needs the bearer token of the SMS provider");
        return;
    }
    size_t len;
    const char *body = http_body(req, &len);
    if (!receipt_parse(body, len, id, &delivered)) {
        http_problem(req, 400, "bad-receipt", "Not a receipt",
                     "expected {\"reference\": \"<UUID>\", \"state\": \"delivered\" or \"undelivered\"}");
        return;
    }
    struct receipt *x = calloc(1, sizeof *x);
    if (!x || db_params_init(&x->query.params) != ERR_OK) {
        free(x);
        http_unavailable(req, "overloaded", 1);
        return;
    }
    x->req = req;
    x->query.statement = SMS_Q_RECEIPT;
    x->query.done = on_stored;
    db_put_uuid(&x->query.params, id);
    db_put_bool(&x->query.params, delivered);
    if (db_submit(s->db, &x->query) == ERR_OK)
        return;
    db_params_done(&x->query.params);
    free(x);
    http_unavailable(req, "database-away", 5);
}

int receipts_open(struct sms *s, const char *listen, const char *token_file)
{
    static const struct http_route routes[] = {{"POST", "/v1/sms/receipts", on_receipt, RECEIPT_MAX}};
    FILE *f = fopen(token_file, "re");
    bool read = f && fgets(token, sizeof token, f);
    if (f)
        (void)fclose(f);
    token[strcspn(token, "\r\n")] = '\0';
    if (!read || !token[0]) {
        log_error("sms.receipts-token-unreadable", LOG_STR("file", token_file));
        return ERR_CONFIG;
    }
    const struct http_options o = {.listen = listen,
                                   .routes = routes,
                                   .route_count = ARRAY_LEN(routes),
                                   .owner = s,
                                   .max_in_flight = 64,
                                   .max_connections = 256};
    return http_create(s->loop, &o, &s->receipts);
}
